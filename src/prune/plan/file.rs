//! A plan as a file: JSON with its version, and with a digest over the rest.
//!
//! Whoever edits a plan by hand makes one that was never proved. The digest is no protection against malice, for whoever
//! can write the file can write that, too; but what is loaded is proved again, and carried out only after the store was
//! marked again.

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

/// Says why a file is no plan that can be carried out.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not JSON of that shape.
    #[error("it is not a plan: {0}")]
    Json(String),
    /// A version that this program does not know.
    #[error("it is a plan of version {0}; only version {VERSION} is known")]
    Version(u64),
    /// The content was changed after it was saved.
    #[error("it was changed after it was saved, so that nobody has checked it")]
    Edited,
    /// It breaks a rule that every plan keeps.
    #[error("it is not sound")]
    Unsound(#[from] Violation),
}

/// Writes a plan as one line of JSON.
///
/// # Errors
/// Only when the program itself is at fault.
pub fn save(plan: &Plan) -> Result<Box<RawValue>, serde_json::Error> {
    let content = to_raw_value(plan)?;
    let digest = Digest::of(content.get().as_bytes());
    to_raw_value(&Envelope { cachelens_plan: VERSION, digest, plan: &content })
}

/// Reads a plan, and proves what can be proved of it by itself.
///
/// # Errors
/// When it is of another version, was edited, or is no plan.
pub fn load(text: &str) -> Result<Plan, FileError> {
    #[derive(Deserialize)]
    struct Version {
        cachelens_plan: u64,
    }
    let json = |error: serde_json::Error| FileError::Json(error.to_string());
    let Version { cachelens_plan: version } = serde_json::from_str(text).map_err(json)?;
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
