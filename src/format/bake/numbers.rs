//! Formats numbers as HCL does.

/// Formats a number without an exponent, and whole numbers without a decimal point.
pub(super) fn show(number: f64) -> String {
    let text = format!("{number}");
    if text == "-0" { "0".to_owned() } else { text }
}
