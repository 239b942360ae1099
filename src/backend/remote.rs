//! Errors of services on the network, the same for all of them.

use std::fmt;

/// A service refused, or could not be asked.
///
/// The texts are made where the fault is known; they hold no secret, and texts of a service in
/// them are fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// The kind of the fault.
    pub kind: RemoteKind,
    /// One line: the failed action and its subject.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// The hint.
    pub hint: Option<String>,
}

/// The kind of the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// There are no credentials, or they are wrong.
    Unauthorized,
    /// It is known who asks, and they may not.
    Forbidden,
    /// There is nothing of that name.
    NotFound,
    /// The service does not offer it.
    Unsupported,
    /// Too many requests, even after waiting as long as the service asked.
    Throttled,
    /// The service cannot be reached, or fails.
    Unavailable,
    /// The answer is not one that can be understood.
    BadAnswer,
}

impl RemoteKind {
    /// Returns whether everything else that is asked for fails, too: it is not about one object.
    pub fn is_about_all(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::Throttled
        )
    }
}

impl RemoteError {
    /// Writes the message and its causes in one line.
    pub fn in_one_line(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        std::iter::once(self.message.clone())
            .chain(causes)
            .collect()
    }

    /// Writes the message, its causes and its hint in one line.
    pub fn in_one_line_with_hint(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!(" ({hint})"));
        std::iter::once(self.in_one_line()).chain(hint).collect()
    }

    /// Makes an error without causes.
    pub fn new(kind: RemoteKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// Adds a cause, further in than those before.
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
