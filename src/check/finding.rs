//! One finding.

use serde::Serialize;

use super::advice::{self, FindingAdvice};
use super::{Code, Severity};
use crate::format::digest::Digest;

/// A fault of a cache, a risk for its builds, or waste.
///
/// Names from a store are unchanged in the fields, but escaped for display within the sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: Code,
    /// The source that it was found in.
    pub source: String,
    /// The ref that it is about, if any.
    #[serde(rename = "ref")]
    pub ref_name: Option<String>,
    /// The part of the ref or source that it is about: a digest, or the name of an object.
    pub subject: Option<String>,
    /// The facts and their effect on builds, in one sentence.
    pub message: String,
    /// The advice, in reading order. Documents contain it as one text.
    #[serde(rename = "hint", serialize_with = "advice::serialize")]
    pub advice: Vec<FindingAdvice>,
    /// The bytes that it wastes or puts at risk, if known.
    pub bytes: Option<u64>,
}

impl Finding {
    /// The fields of its document, in the order of a table.
    pub const FIELDS: [&'static str; 8] = [
        "severity", "code", "source", "ref", "subject", "message", "hint", "bytes",
    ];

    /// Returns a finding with the default severity of its kind.
    pub fn new(source: &str, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            source: source.to_owned(),
            ref_name: None,
            subject: None,
            message: message.into(),
            advice: Vec::new(),
            bytes: None,
        }
    }

    /// Sets another severity.
    #[must_use]
    pub fn weighing(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Sets the ref.
    #[must_use]
    pub fn of_ref(self, name: &str) -> Self {
        Self {
            ref_name: Some(name.to_owned()),
            ..self
        }
    }

    /// Sets the subject.
    #[must_use]
    pub fn about(self, subject: &(impl ToString + ?Sized)) -> Self {
        Self {
            subject: Some(subject.to_string()),
            ..self
        }
    }

    /// Sets the advice to a sentence.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.advised([FindingAdvice::Text(hint.into())])
    }

    /// Sets the advice.
    #[must_use]
    pub fn advised(self, advice: impl Into<Vec<FindingAdvice>>) -> Self {
        Self {
            advice: advice.into(),
            ..self
        }
    }

    /// Returns the advice as one text.
    pub fn hint_text(&self) -> Option<String> {
        advice::text(&self.advice)
    }

    /// Returns whether a prune restores what is missing from the trash.
    pub fn is_restorable_from_trash(&self) -> bool {
        let mut parts = self.advice.iter();
        parts.any(|part| matches!(part, FindingAdvice::RestoreFromTrash { .. }))
    }

    /// Sets the bytes that it wastes or puts at risk.
    #[must_use]
    pub fn costing(self, bytes: u64) -> Self {
        Self {
            bytes: Some(bytes),
            ..self
        }
    }

    /// Returns the digest of its subject, if the subject is one.
    pub fn digest(&self) -> Option<Digest> {
        self.subject.as_ref()?.parse().ok()
    }

    /// Returns the sort key of findings: most severe first, then most bytes, then by kind and name.
    pub fn order(&self) -> impl Ord + use<'_> {
        let cost = std::cmp::Reverse(self.bytes.unwrap_or_default());
        (
            self.severity,
            cost,
            self.code,
            &self.source,
            &self.ref_name,
            &self.subject,
        )
    }
}
