//! A plan as a file: JSON with a version, and with a digest over the rest.
//!
//! An edited plan was never proved. The digest does not protect against malice, because an attacker
//! can recompute it. So a loaded plan is proved again, and executed only after the store was marked
//! again.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Plan, Violation, verify};
use crate::format::digest::Digest;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    cachelens_plan: u32,
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
    #[error("it was changed after it was saved, so that nobody has checked it")]
    Edited,
    /// The plan violates an invariant of all plans.
    #[error("it is not sound")]
    Unsound(#[from] Violation),
}

/// Formats a plan as one line of JSON.
///
/// # Errors
/// Fails only on a bug in this program.
pub fn save(plan: &Plan) -> Result<Box<RawValue>, serde_json::Error> {
    let content = to_raw_value(plan)?;
    let digest = Digest::of(content.get().as_bytes());
    to_raw_value(&Envelope {
        cachelens_plan: VERSION,
        digest,
        plan: &content,
    })
}

/// Parses a plan, and proves everything that can be proved without the store.
///
/// # Errors
/// Fails if the plan has another version, was edited, or is malformed.
pub fn load(text: &str) -> Result<Plan, FileError> {
    #[derive(Deserialize)]
    struct Version {
        cachelens_plan: u64,
    }
    let json = |error: serde_json::Error| FileError::Json(error.to_string());
    let Version {
        cachelens_plan: version,
    } = serde_json::from_str(text).map_err(json)?;
    if version != u64::from(VERSION) {
        return Err(FileError::Version(version));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(json)?;
    if Digest::of(envelope.plan.get().as_bytes()) != envelope.digest {
        return Err(FileError::Edited);
    }
    let plan: Plan = serde_json::from_str(envelope.plan.get()).map_err(json)?;
    verify::alone(&plan)?;
    Ok(plan)
}
