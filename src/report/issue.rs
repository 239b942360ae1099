//! The common input of the formats: an issue and its location.

use std::borrow::Cow;

use crate::check::{Finding, Severity};
use crate::find::{self, Mistake, MistakeSeverity};
use crate::text::escape::visible;

/// The severity of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IssueLevel {
    /// Builds fail, or a gate does.
    Error,
    /// Builds lose results.
    Warning,
    /// Waste, or a useful fact.
    Info,
}

impl IssueLevel {
    /// Returns the word for the level.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A file and a line in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuePlace {
    /// The file, relative to the current directory.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// An issue. Its texts are raw: renderers escape them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub level: IssueLevel,
    /// The name of its kind, which is stable across versions.
    pub code: &'static str,
    /// The meaning of its kind, in one sentence.
    pub meaning: Cow<'static, str>,
    /// The facts.
    pub message: String,
    pub hint: Option<String>,
    /// The subject: a ref of a source, a source, or a file with a line.
    pub subject: String,
    /// Its position in a file, if any.
    pub place: Option<IssuePlace>,
}

impl Issue {
    /// Converts a finding of a check.
    pub fn of_finding(finding: &Finding) -> Self {
        let subject = match &finding.ref_name {
            Some(name) => format!("{}#{name}", finding.source),
            None => finding.source.clone(),
        };
        let message = match &finding.subject {
            Some(about) if !finding.message.contains(about.as_str()) => {
                format!("{} ({about})", finding.message)
            }
            _ => finding.message.clone(),
        };
        Self {
            level: match finding.severity {
                Severity::Error => IssueLevel::Error,
                Severity::Warning => IssueLevel::Warning,
                Severity::Info => IssueLevel::Info,
            },
            code: finding.code.name(),
            meaning: finding.code.meaning().into(),
            message,
            hint: finding.hint_text(),
            subject,
            place: None,
        }
    }

    /// Converts a mistake in a file of a repository; `folder` is the start of the search, as named
    /// by the user.
    pub fn of_mistake(mistake: &Mistake, folder: &str) -> Self {
        let folder = folder.trim_end_matches('/');
        let folder = folder.strip_prefix("./").unwrap_or(folder);
        let file = match folder {
            "" | "." => mistake.file.clone(),
            folder => format!("{folder}/{}", mistake.file),
        };
        Self {
            level: match mistake.severity {
                MistakeSeverity::Error => IssueLevel::Error,
                MistakeSeverity::Warning => IssueLevel::Warning,
                MistakeSeverity::Info => IssueLevel::Info,
            },
            code: mistake.code,
            meaning: find::meaning(mistake.code).into(),
            message: mistake.message.clone(),
            hint: mistake.hint.clone(),
            subject: format!("{file}:{}", mistake.line),
            place: Some(IssuePlace {
                file,
                line: mistake.line.max(1),
            }),
        }
    }

    /// Returns the message and the hint in one line, escaped for display.
    pub fn text(&self) -> String {
        let message = visible(&self.message);
        match &self.hint {
            Some(hint) => {
                let message = message.trim_end_matches('.');
                format!("{message}. Hint: {}", visible(hint))
            }
            None => message.into_owned(),
        }
    }
}
