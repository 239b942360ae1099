//! The reader of the code, checked on made code.

use super::read::{self, Source, functions, imports, traits, types};

#[test]
fn the_code_reader_skips_comments_and_strings() {
    let source = Source::new(
        "backend/made.rs",
        r#"
use crate::{format, text::units};
// use crate::tui;
const TEXT: &str = "crate::cli { \" }";
const RAW: &str = r"struct NotOne";
pub struct One<'a>(&'a str);
trait Two {
    fn short(&self);
    async fn long(&self) -> u8 {
        let brace = '{';
        let (a, b) = (1, brace as u8);
        let (c, d) = split((a, b));
        c + d
    }
}
#[cfg(test)]
mod tests {
    use crate::cli;
    struct Three;
}
"#,
    );
    assert_eq!(source.imported_modules(), ["format", "text"]);
    assert_eq!(types(&source), ["One", "Two"]);
    assert_eq!(traits(&source), [("Two".to_owned(), 2)]);
    assert_eq!(functions(&source), [("long".to_owned(), 6)]);
    assert_eq!(read::tuple_lets(&source.code), 1);
    let paths: Vec<String> = imports("use a::{b, c::{self, D}}; pub use e::F;")
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(paths, ["a::b", "a::c::self", "a::c::D", "e::F"]);
}

#[test]
fn a_method_that_uses_nothing_is_a_stub() {
    let source = Source::new(
        "made.rs",
        r"
impl One for Two {
    fn named(&self, _first: u8, second: Vec<u8>) -> Result<(), u8> {
        Ok(())
    }
    fn used(&self, first: u8) -> u8 {
        first
    }
    fn own(&self, _first: u8) -> u8 {
        self.0
    }
    fn fact(&self) -> u8 {
        1
    }
}
",
    );
    assert_eq!(read::stubs(&source), ["made.rs named"]);
}

#[test]
fn the_reader_of_docs_sees_what_has_none() {
    let source = Source::new(
        "made.rs",
        r#"//! A module.
use crate::format;

/// A type.
#[derive(Debug)]
#[error(
    "wrong"
)]
pub struct One {
    /// The rule.
    pub rule: u8,
    /// The rule that decided.
    rules: u8,
    /// The maximum
    /// Its size.
    pub size: u64,
    pub count: u64,
}

pub enum Two {}

impl One {
    pub async fn bare() {}
    pub(crate) fn inner() {
        let _ = Some(1).filter(|_| true);
    }
}

/// A trait.
pub trait Three {
    fn bare_method(&self);
    /// A method.
    fn method(&self);
}

pub(super) fn own() {}
"#,
    );
    let undocumented = ["made.rs Two", "made.rs bare", "made.rs bare_method"];
    assert_eq!(read::undocumented(&source), undocumented);
    assert_eq!(read::fillers(&source), ["made.rs rule"]);
    assert_eq!(read::blind_filters(&source.code), 1);
    let bare = Source::new("bare.rs", "mod other;\n");
    assert_eq!(read::undocumented(&bare), ["bare.rs"]);
}
