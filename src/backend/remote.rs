//! What goes wrong with a service on the network, told alike for all of them.

use std::fmt;

/// A service refused, or could not be asked.
///
/// The texts are made where the fault is known; they hold no secret, and what a service said in them is fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteError {
    /// What sort of fault it is.
    pub kind: RemoteKind,
    /// One line: what failed, on what.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What sort of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// Nobody knows who asks: no credentials, or wrong ones.
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
    /// Tells whether everything else that is asked for fails, too: it is not about one object.
    pub fn is_about_all(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::Throttled)
    }
}

impl RemoteError {
    /// Writes the message and its causes in one line.
    pub fn in_one_line(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        std::iter::once(self.message.clone()).chain(causes).collect()
    }

    /// Makes an error without causes.
    pub fn new(kind: RemoteKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds a cause, further in than those before.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to do about it.
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
