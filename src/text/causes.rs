//! The chain of causes behind an error.

use std::error::Error;

/// Returns the causes of an error, outermost first.
pub fn causes_of(error: &dyn Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        (*cause).source()
    })
}

/// Returns the messages of the causes of an error, outermost first.
pub fn causes(error: &dyn Error) -> Vec<String> {
    causes_of(error).map(ToString::to_string).collect()
}

/// Messages of HTTP clients that add nothing to the error that they wrap or that caused them.
const GENERIC: [&str; 7] = [
    "dispatch failure",
    "io error",
    "error sending request",
    "client error (Connect)",
    "tcp connect error",
    "dns error",
    "error resolving DNS",
];

/// Removes the messages that only name a part of the HTTP client, except for the last one.
pub fn without_generic(mut messages: Vec<String>) -> Vec<String> {
    let last = messages.pop();
    messages.retain(|message| !GENERIC.contains(&message.as_str()));
    messages.extend(last);
    messages
}

/// Returns an error with its causes in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    for cause in causes(error) {
        line.push_str(": ");
        line.push_str(&cause);
    }
    line
}
