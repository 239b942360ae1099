//! A plan as a file: JSON with a version, and with a digest over the rest.
//!
//! An edited plan was never proved. The digest does not protect against malice, because an attacker
//! can recompute it. So a loaded plan is proved again, and executed only after the store was marked
//! again.

use std::io::{self, BufWriter, IntoInnerError, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Plan, Violation, verify};
use crate::format::digest::{Digest, Hasher};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct PlanEnvelope<P> {
    cachelens_plan: u32,
    digest: Digest,
    plan: P,
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
/// memory as a whole.
///
/// # Errors
/// Fails if `out` does.
pub fn save(plan: &Plan, out: impl Write) -> io::Result<()> {
    let mut hash = BufWriter::new(HashWriter(Digest::sha256_hasher()));
    serde_json::to_writer(&mut hash, plan)?;
    let HashWriter(hasher) = hash.into_inner().map_err(IntoInnerError::into_error)?;
    let envelope = PlanEnvelope {
        cachelens_plan: VERSION,
        digest: hasher.finish(),
        plan,
    };
    let mut out = BufWriter::new(out);
    serde_json::to_writer(&mut out, &envelope)?;
    out.flush()
}

/// Hashes everything that is written to it.
struct HashWriter(Hasher);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    let envelope: PlanEnvelope<&RawValue> = serde_json::from_str(text).map_err(json)?;
    if Digest::of(envelope.plan.get().as_bytes()) != envelope.digest {
        return Err(FileError::Edited);
    }
    let plan: Plan = serde_json::from_str(envelope.plan.get()).map_err(json)?;
    verify::alone(&plan)?;
    Ok(plan)
}
