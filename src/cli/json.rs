//! JSON documents: their common shape, and a writer whose output is safe to print on a terminal.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::error::Failure;
use crate::text::escape::must_be_written_out;
use crate::text::secrets::mask_lines;

/// The common fields of all documents.
#[derive(Debug, Serialize)]
pub(super) struct JsonDocument<T> {
    pub schema: u32,
    pub command: &'static str,
    #[serde(flatten)]
    pub content: T,
    /// The failed sources; the rest of the document is about the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<SourceFailure>,
}

impl<T> JsonDocument<T> {
    pub(super) fn new(command: &'static str, content: T, failures: &[(String, Failure)]) -> Self {
        Self {
            schema: 1,
            command,
            content,
            errors: failures.iter().map(SourceFailure::new).collect(),
        }
    }
}

/// The empty content of a document.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

impl JsonDocument<Nothing> {
    /// Returns the document of a command that failed as a whole.
    pub(super) fn of_failures(command: &'static str, failures: &[Failure]) -> Self {
        Self {
            schema: 1,
            command,
            content: Nothing {},
            errors: failures.iter().map(SourceFailure::of_all).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SourceFailure {
    /// `None` if it concerns all sources.
    source: Option<String>,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl SourceFailure {
    fn new((source, failure): &(String, Failure)) -> Self {
        Self {
            source: Some(source.clone()),
            ..Self::of_all(failure)
        }
    }

    fn of_all(failure: &Failure) -> Self {
        Self {
            source: None,
            message: mask_lines(&failure.message).into_owned(),
            causes: failure
                .causes
                .iter()
                .map(|cause| mask_lines(cause).into_owned())
                .collect(),
            hint: failure
                .hint
                .as_deref()
                .map(|hint| mask_lines(hint).into_owned()),
        }
    }
}

/// Serializes a document with a trailing line feed.
pub(super) fn to_bytes(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(
        &mut bytes,
        VisibleFormatter(PrettyFormatter::new()),
    );
    document.serialize(&mut serializer)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Escapes every character that could control a terminal or hide text. A parser gets the same
/// string.
struct VisibleFormatter<'a>(PrettyFormatter<'a>);

macro_rules! as_pretty {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl Formatter for VisibleFormatter<'_> {
    as_pretty!(
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        begin_object_value(),
        end_object_value(),
    );

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (place, character) in fragment
            .char_indices()
            .filter(|(_, character)| must_be_written_out(*character))
        {
            writer.write_all(&fragment.as_bytes()[plain..place])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = place + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_terminal_control_sequences() {
        let text = "a\x1b[31m\u{202e}b\u{9b}\u{e0001}é";
        let bytes = to_bytes(&[text]).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "[\n  \"a\\u001b[31m\\u202eb\\u009b\\udb40\\udc01é\"\n]\n"
        );
        assert_eq!(
            serde_json::from_slice::<Vec<String>>(&bytes).unwrap(),
            [text]
        );
    }
}
