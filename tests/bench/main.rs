//! What takes time, measured: `cargo bench`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cachelens::inventory::filter::{Filter, NumberField, Subject, TextField};
use jiff::{SignedDuration, Timestamp};

fn main() {
    filters_a_million_rows();
}

/// Prints the best of five runs of `work`: the others were disturbed.
fn measure(name: &str, mut work: impl FnMut()) {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    println!("{name:<60} {:>10.1?}", best.min().unwrap_or(Duration::ZERO));
}

fn filters_a_million_rows() {
    struct Row {
        name: String,
        size: u64,
        created: Timestamp,
    }

    impl Subject for Row {
        fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
            match field {
                TextField::Name => Some(test(&self.name)),
                TextField::State => Some(test(if self.size.is_multiple_of(3) { "orphan" } else { "live" })),
                _ => None,
            }
        }

        fn number(&self, field: NumberField) -> Option<u64> {
            (field == NumberField::Size).then_some(self.size)
        }

        fn created(&self) -> Option<Timestamp> {
            Some(self.created)
        }
    }

    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56);
    let rows: Vec<Row> = (0..1_000_000)
        .map(|n: u32| Row {
            name: format!("refs/pull/{n}/merge"),
            size: u64::from(n) * 4099,
            created: now - SignedDuration::from_secs(i64::from(n) * 60),
        })
        .collect();
    for text in ["size>1G age>30d state:orphan", "merge", "*/7*/merge", "name~/[0-7]+/", "!live size>=3GB 99"] {
        let filter = Filter::parse(text).unwrap_or_default();
        measure(&format!("filter 1,000,000 rows: {text}"), || {
            black_box(rows.iter().filter(|row| filter.matches(*row, now)).count());
        });
    }
}
