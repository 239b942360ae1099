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

/// Returns an error with its causes in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    for cause in causes(error) {
        line.push_str(": ");
        line.push_str(&cause);
    }
    line
}
