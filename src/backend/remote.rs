//! Errors of network services.

use std::fmt;

/// A service refused a request, or could not be reached.
///
/// The texts are created where the fault is known. They contain no secrets, and text from a service
/// in them is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    pub kind: RemoteKind,
    /// One line: the failed action and its subject.
    pub message: String,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    pub hint: Option<String>,
}

/// The kind of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// Credentials are missing or wrong.
    Unauthorized,
    /// The credentials are valid but do not permit it.
    Forbidden,
    NotFound,
    /// The service does not support it.
    Unsupported,
    /// Too many requests, even after waiting as long as the service asked.
    Throttled,
    /// The service cannot be reached, or fails.
    Unavailable,
    /// The answer cannot be understood.
    BadAnswer,
}

impl RemoteKind {
    /// Returns whether every other request fails for the same reason. Otherwise the error is about
    /// one object.
    pub fn is_about_all(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::Throttled
        )
    }
}

impl RemoteError {
    /// Returns the message and its causes in one line.
    pub fn in_one_line(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        std::iter::once(self.message.clone())
            .chain(causes)
            .collect()
    }

    /// Returns the message, its causes and its hint in one line.
    pub fn in_one_line_with_hint(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!(" ({hint})"));
        std::iter::once(self.in_one_line()).chain(hint).collect()
    }

    /// Creates an error without causes.
    pub fn new(kind: RemoteKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// Adds a cause, which explains those before.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RemoteError {}
