//! The price of storage: bytes to money a month.

use std::fmt;
use std::str::FromStr;

use crate::source::StoreKind;

/// The bytes of the units in which services sell storage.
const UNITS: [(&str, f64); 4] = [
    ("GB", 1e9),
    ("GiB", (1u64 << 30) as f64),
    ("TB", 1e12),
    ("TiB", (1u64 << 40) as f64),
];

/// A price of storage for a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    amount: f64,
    /// What stands before an amount: `$`, `€`.
    currency: String,
    unit: &'static str,
    unit_bytes: f64,
    /// Whose price it is, where the user gave none.
    pub assumed: Option<&'static str>,
}

impl Price {
    /// Returns the list price of the service behind a kind of source; none where the room belongs
    /// to the user or the price differs from service to service.
    pub fn of_kind(kind: StoreKind) -> Option<Self> {
        let (amount, unit, assumed) = match kind {
            StoreKind::S3 => (0.023, "GB", "Amazon S3 Standard in us-east-1"),
            StoreKind::Gha => (
                0.07,
                "GiB",
                "GitHub Actions cache storage over the free quota",
            ),
            StoreKind::Demo
            | StoreKind::Local
            | StoreKind::Memory
            | StoreKind::Registry
            | StoreKind::RegistryDir => return None,
        };
        let (unit, unit_bytes) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        Some(Self {
            amount,
            currency: "$".to_owned(),
            unit,
            unit_bytes,
            assumed: Some(assumed),
        })
    }

    /// Returns what `bytes` cost in a month, as `$1.23`.
    pub fn of(&self, bytes: u64) -> String {
        let cost = bytes as f64 / self.unit_bytes * self.amount;
        let places = if cost < 100.0 { 2 } else { 0 };
        match cost {
            0.0 => format!("{}0", self.currency),
            ..0.01 => format!("less than {}0.01", self.currency),
            _ => format!("{}{cost:.places$}", self.currency),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{} per {} and month",
            self.currency, self.amount, self.unit
        )
    }
}

impl FromStr for Price {
    type Err = String;

    /// Parses a price as in `0.023/GB-month`, `$0.07/GiB-month` or `0.02`.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}` is no price: write it as 0.023/GB-month or €0.02/GiB-month");
        let (amount, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "GB"));
        let unit = unit.strip_suffix("-month").unwrap_or(unit);
        let (unit, unit_bytes) = UNITS
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(expected)?;
        let start = amount
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .ok_or_else(expected)?;
        let (currency, number) = amount.split_at(start);
        let is_symbol = |character: char| character.is_alphabetic() || "$€£¥₹ ".contains(character);
        let number: f64 = number.trim().parse().map_err(|_| expected())?;
        if !number.is_finite() || currency.chars().count() > 4 || !currency.chars().all(is_symbol) {
            return Err(expected());
        }
        Ok(Self {
            amount: number,
            currency: if currency.is_empty() { "$" } else { currency }.to_owned(),
            unit,
            unit_bytes,
            assumed: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_parsed_and_applied() {
        let cases = [
            ("0.023/GB-month", 1_000_000_000_000, "$23.00"),
            ("$0.07/GiB-month", 10 << 30, "$0.70"),
            ("€20/TB-month", 3_900_000_000_000, "€78.00"),
            ("EUR 0.02", 10_000_000_000_000, "EUR 200"),
            ("0.023/GB", 818 << 10, "less than $0.01"),
            ("0.023/gb-month", 0, "$0"),
        ];
        for (text, bytes, wanted) in cases {
            let price: Price = text.parse().unwrap();
            assert_eq!(price.of(bytes), wanted, "{text}");
        }
        for text in [
            "",
            "lots",
            "0.023/PB",
            "-1/GB",
            "0.1/GB-year",
            "<b>1/GB",
            "1e999",
        ] {
            assert!(text.parse::<Price>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_default_price_gives_its_provider() {
        let price = Price::of_kind(StoreKind::S3).unwrap();
        assert_eq!(price.to_string(), "$0.023 per GB and month");
        assert!(price.assumed.is_some_and(|whose| whose.contains("S3")));
        assert_eq!(Price::of_kind(StoreKind::Local), None);
    }
}
