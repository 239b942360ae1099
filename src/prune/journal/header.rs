//! The first line of a journal, which holds the plan of the run.

use std::borrow::Cow;
use std::io::{self, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::VERSION;
use crate::prune::plan::Plan;
use crate::prune::plan::file::{self, FileError};

/// Plans longer than this are compressed.
const LONG_PLAN: usize = 64 << 10;
/// The maximum length of a decompressed plan, so that a small file cannot fill the memory.
const LONGEST_PLAN: u64 = 2 << 30;

/// The first line of a journal.
#[derive(Deserialize)]
pub(super) struct JournalHeader<'a> {
    pub(super) cachelens_journal: u32,
    pub(super) started: Timestamp,
    #[serde(borrow, default)]
    plan: Option<&'a RawValue>,
    /// The same, compressed with Zstandard, in base64.
    #[serde(default)]
    plan_zstd: Option<String>,
}

impl<'a> JournalHeader<'a> {
    /// Returns the text of the plan.
    pub(super) fn plan(&self) -> Result<Cow<'a, str>, FileError> {
        match (self.plan, &self.plan_zstd) {
            (Some(plan), _) => Ok(Cow::Borrowed(plan.get())),
            (None, Some(compressed)) => decompress(compressed)
                .map(Cow::Owned)
                .map_err(|error| FileError::Json(error.to_string())),
            (None, None) => Err(FileError::Json("missing field `plan`".to_owned())),
        }
    }
}

/// Writes the first line of the journal of `plan`.
pub(super) fn write(plan: &Plan, mut out: impl io::Write) -> io::Result<()> {
    let started = serde_json::to_string(&Timestamp::now())?;
    write!(
        out,
        r#"{{"cachelens_journal":{VERSION},"started":{started},"#
    )?;
    let mut text = ShortText::default();
    match file::save(plan, &mut text) {
        Ok(()) => {
            out.write_all(br#""plan":"#)?;
            out.write_all(&text.bytes)?;
        }
        Err(_) if text.is_full => {
            out.write_all(br#""plan_zstd":""#)?;
            let encoder = EncoderWriter::new(&mut out, &STANDARD);
            // A plan is mostly digests: level 3, the default, takes longer and makes it no smaller.
            let mut compressor = zstd::Encoder::new(encoder, 1)?;
            file::save(plan, &mut compressor)?;
            compressor.finish()?.finish()?;
            out.write_all(b"\"")?;
        }
        Err(error) => return Err(error),
    }
    out.write_all(b"}\n")
}

/// Accepts up to [`LONG_PLAN`] bytes.
#[derive(Default)]
struct ShortText {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for ShortText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > LONG_PLAN {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decompress(compressed: &str) -> io::Result<String> {
    let compressed = STANDARD.decode(compressed).map_err(io::Error::other)?;
    let mut text = String::new();
    zstd::Decoder::new(compressed.as_slice())?
        .take(LONGEST_PLAN)
        .read_to_string(&mut text)?;
    Ok(text)
}
