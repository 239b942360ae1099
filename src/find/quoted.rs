//! String literals as Groovy and Python write them: in one or three quotes, with backslashes.

use crate::format::located::{Located, TextPlace};

/// The quotes around a string literal.
pub(super) struct LiteralQuotes {
    mark: String,
    /// Whether the literal may have several lines.
    is_triple: bool,
}

impl LiteralQuotes {
    /// Returns the quotes with which a text begins.
    pub(super) fn of(text: &str, quote: char) -> Self {
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let is_triple = text.starts_with(&triple);
        Self {
            mark: if is_triple { triple } else { quote.to_string() },
            is_triple,
        }
    }

    /// Returns their length on one side, in bytes.
    pub(super) fn length(&self) -> usize {
        self.mark.len()
    }

    /// Returns whether the literal ends at the start of `rest`, with its closing quotes.
    pub(super) fn close(&self, rest: &str) -> bool {
        rest.starts_with(&self.mark)
    }

    /// Returns whether the literal breaks off at the start of `rest`, without closing quotes.
    pub(super) fn break_off(&self, rest: &str) -> bool {
        rest.starts_with('\n') && !self.is_triple
    }
}

/// Adds the character that a backslash before `rest` stands for; returns the length of its escape,
/// 0 if there is none.
pub(super) fn push_escaped(out: &mut Located, rest: &str, place: TextPlace) -> usize {
    let Some(escaped) = rest.chars().next() else {
        return 0;
    };
    match escaped {
        '\n' => {}
        'n' => out.push_char('\n', place),
        't' => out.push_char('\t', place),
        other => out.push_char(other, place),
    }
    escaped.len_utf8()
}
