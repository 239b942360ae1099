//! Numbers. HCL computes with 512 bits; this program uses 64-bit floats and reports what they
//! cannot represent.

use super::functions::CallError;
use super::value::BakeValue;

/// The largest integer up to which floats are exact: 2^53.
const LARGEST: f64 = 9_007_199_254_740_992.0;
/// Numbers with a fraction are computed with in steps of 2^-20 up to 2^32.
const STEPS: f64 = 1_048_576.0;
/// The largest number with a fraction.
const LARGEST_FRACTION: f64 = 4_294_967_296.0;

/// Formats a number without an exponent, and whole numbers without a decimal point.
pub(super) fn show(number: f64) -> String {
    let text = format!("{number}");
    if text == "-0" { "0".to_owned() } else { text }
}

/// Parses a decimal number, as HCL converts text to numbers.
pub(super) fn parse(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if !is_decimal {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Returns whether arithmetic on a number is exact: it is not too large, and its fraction is a
/// short binary one.
pub(super) fn is_exact(number: f64) -> bool {
    let is_whole = number.abs() < LARGEST && number.fract() == 0.0;
    is_whole || number.abs() <= LARGEST_FRACTION && (number * STEPS).fract() == 0.0
}

/// Returns the sum of two numbers if it is exact.
fn sum(left: f64, right: f64) -> Option<f64> {
    let sum = left + right;
    let added = sum - left;
    let error = (left - (sum - added)) + (right - added);
    (error == 0.0).then_some(sum)
}

/// Computes with two numbers. Refuses results that need more digits than a float has.
pub(super) fn compute(name: &str, left: f64, right: f64) -> Result<BakeValue, CallError> {
    let inexact = || CallError::gap("the digits of this number are not computed");
    if !is_exact(left) || !is_exact(right) {
        return Err(inexact());
    }
    let result = match name {
        "add" => sum(left, right),
        "subtract" => sum(left, -right),
        "multiply" => {
            let product = left * right;
            (left.mul_add(right, -product) == 0.0).then_some(product)
        }
        "divide" if right == 0.0 => return Err("a division by zero".into()),
        "divide" => {
            // A remainder of zero: the quotient has no further digits.
            let quotient = left / right;
            (quotient.mul_add(right, -left) == 0.0).then_some(quotient)
        }
        "modulo" if right == 0.0 => Some(left),
        _ => Some(left % right),
    };
    let result = result.filter(|result| is_exact(*result));
    result.map(BakeValue::Number).ok_or_else(inexact)
}
