//! A plan as a file: JSON with a version, and with a digest over the rest.
//!
//! An edited plan was never proved. The digest does not protect against malice, because an attacker
//! can recompute it. So a loaded plan is proved again, and executed only after the store was marked
//! again.

use std::io::{self, BufWriter, IntoInnerError, Write};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Plan, Violation, verify};
use crate::format::digest::{Digest, Hasher};

/// The version of the format.
const VERSION: u32 = 1;

/// The digest and the plan of a file, in any order.
#[derive(Deserialize)]
struct PlanEnvelope<'a> {
    digest: Digest,
    #[serde(borrow)]
    plan: &'a RawValue,
}

/// Why a file is not an executable plan.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not JSON of the expected shape.
    #[error("it is not a plan: {0}")]
    Json(String),
    /// A version that this program does not support.
    #[error("it is a plan of version {0}; only version {VERSION} is known")]
    Version(u64),
    /// The content was changed after saving.
    #[error("it was changed after it was saved, so no one has reviewed it")]
    Edited,
    /// The plan violates an invariant of all plans.
    #[error("it is not sound")]
    Unsound(#[from] Violation),
}

/// Writes a plan as one line of JSON without a line end. The text of a million items is never in
/// memory as a whole, and is made once: the digest follows the plan.
///
/// # Errors
/// Fails if `out` does.
pub fn save(plan: &Plan, mut out: impl Write) -> io::Result<()> {
    write!(out, r#"{{"cachelens_plan":{VERSION},"plan":"#)?;
    let mut hashed = BufWriter::new(HashedWriter {
        hasher: Digest::sha256_hasher(),
        out: &mut out,
    });
    serde_json::to_writer(&mut hashed, plan)?;
    let HashedWriter { hasher, .. } = hashed.into_inner().map_err(IntoInnerError::into_error)?;
    write!(out, r#","digest":"{}"}}"#, hasher.finish())?;
    out.flush()
}

/// Hashes everything that is written to `out`.
struct HashedWriter<W> {
    hasher: Hasher,
    out: W,
}

impl<W: Write> Write for HashedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Parses a plan, and proves everything that can be proved without the store.
///
/// # Errors
/// Fails if the plan has another version, was edited, or is malformed.
pub fn load(text: &str) -> Result<Plan, FileError> {
    #[derive(Deserialize)]
    struct PlanVersion {
        cachelens_plan: u64,
    }
    let json = |error: serde_json::Error| FileError::Json(error.to_string());
    let PlanVersion {
        cachelens_plan: version,
    } = serde_json::from_str(text).map_err(json)?;
    if version != u64::from(VERSION) {
        return Err(FileError::Version(version));
    }
    let envelope: PlanEnvelope<'_> = serde_json::from_str(text).map_err(json)?;
    if Digest::of(envelope.plan.get().as_bytes()) != envelope.digest {
        return Err(FileError::Edited);
    }
    let plan: Plan = serde_json::from_str(envelope.plan.get()).map_err(json)?;
    verify::alone(&plan)?;
    Ok(plan)
}
