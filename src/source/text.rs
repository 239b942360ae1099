//! The text of a source, which may hold credentials.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::text::secrets::mask_source;

/// The text of a source as typed by the user. Formatting it in any way masks its credentials, so no
/// message, hint, plan or log can repeat them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceText(String);

impl SourceText {
    /// Returns the text itself, to be parsed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SourceText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for SourceText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_source(&self.0))
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&mask_source(&self.0), f)
    }
}
