//! One thing that was found.

use serde::Serialize;

use super::{Code, Severity};
use crate::format::digest::Digest;

/// Something that is wrong with a cache, dangerous to its builds, or a waste.
///
/// Names that come from a store are as they are there, except within the sentences, where they are fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: Code,
    /// The source that it was found in.
    pub source: String,
    /// The ref that it is about, when it is about one.
    #[serde(rename = "ref")]
    pub ref_name: Option<String>,
    /// What of the ref or the source it is about: a digest, the name of an object.
    pub subject: Option<String>,
    /// What is so, and what builds notice of it, in a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The bytes that it wastes or puts at risk, where they are known.
    pub bytes: Option<u64>,
}

impl Finding {
    /// Makes a finding that weighs what its kind does.
    pub fn new(source: &str, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            source: source.to_owned(),
            ref_name: None,
            subject: None,
            message: message.into(),
            hint: None,
            bytes: None,
        }
    }

    /// Gives it another weight.
    #[must_use]
    pub fn weighing(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Says which ref it is about.
    #[must_use]
    pub fn of_ref(self, name: &str) -> Self {
        Self { ref_name: Some(name.to_owned()), ..self }
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(self, subject: &(impl ToString + ?Sized)) -> Self {
        Self { subject: Some(subject.to_string()), ..self }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Says how many bytes it wastes or puts at risk.
    #[must_use]
    pub fn costing(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes), ..self }
    }

    /// Returns the digest that it is about, when it is one.
    pub fn digest(&self) -> Option<Digest> {
        self.subject.as_ref()?.parse().ok()
    }

    /// Returns what orders findings: the gravest first, then the most costly, then by kind and by name.
    pub fn order(&self) -> impl Ord + use<'_> {
        let cost = std::cmp::Reverse(self.bytes.unwrap_or_default());
        (self.severity, cost, self.code, &self.source, &self.ref_name, &self.subject)
    }
}
