//! Converts a Dockerfile to the operations of its build, exactly as BuildKit's frontend does.
//!
//! [`convert()`] takes a parsed file, the options of the build and the configurations of its base
//! images. It returns the operations with their digests, names and lines, in BuildKit's order. If
//! it needs further images, the result names them for the caller to fetch. The rules are those of
//! `frontend/dockerfile/dockerfile2llb` and `client/llb` of BuildKit at commit 73ed6825c; where
//! versions differ, the newest rule counts.

mod build;
mod chmod;
mod contexts;
mod convert;
mod copy;
mod dispatch;
mod env;
mod epoch;
mod expose;
mod graph;
mod image;
mod marshal;
mod mounts;
mod name;
mod options;
mod path;
mod resolve;
mod run;
mod stages;
pub mod versions;

pub use convert::convert;
pub use image::{
    BaseImage, BaseImageConfig, ContainerConfig, ImageHistory, ImageRequest, ImageState, Images,
};
pub use options::{BuildOptions, ConvertOptions, MainContext, NamedContext, NoCache};

use std::sync::Arc;

use crate::format::digest::Digest;
use crate::format::dockerfile::{Lines, ParseError};
use crate::format::llb::Op;

/// How many bytes are copied and expanded at most. This bounds the time that a small file can take.
const BUDGET: usize = 96 << 20;
/// Why a file is refused that would take too long, or that exceeds BuildKit's limit.
const TOO_LARGE: &str = "the build becomes larger than BuildKit takes in one message (16 MiB)";

/// The outcome of a conversion.
#[derive(Debug)]
pub enum ConversionOutcome {
    Converted(Converted),
    /// Images that must be resolved first.
    NeedsImages(Vec<ImageRequest>),
}

/// The operations of a build, each after its inputs. The last one is the result; there is none if
/// the result has no files.
#[derive(Debug, Clone, Default)]
pub struct Converted {
    pub steps: Vec<ConvertedStep>,
}

/// An operation of a build.
#[derive(Debug, Clone)]
pub struct ConvertedStep {
    /// Its digest, which BuildKit's progress uses as the name of the vertex.
    pub digest: Digest,
    /// The operation as BuildKit's client encodes it.
    pub bytes: Vec<u8>,
    /// The decoded operation.
    pub op: Op,
    pub inputs: Vec<usize>,
    /// Its name, as `[2/4] RUN make`.
    pub name: Option<Arc<str>>,
    /// The instruction as written.
    pub command: Option<Arc<str>>,
    /// The lines of the instruction; several if stages share the step.
    pub locations: Vec<Lines>,
    pub ignores_cache: bool,
    /// Why the operation is unknown, if it is.
    pub unknown: Option<String>,
    /// The uncompressed digests of the layers, for an image.
    pub image_layers: Option<Vec<Digest>>,
}

/// Why BuildKit refuses a build, in BuildKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConversionRefusal {
    pub message: String,
    /// The lines of the faulty instruction; `None` if the fault belongs to no single instruction.
    pub lines: Option<Lines>,
}

impl ConversionRefusal {
    fn plain(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            lines: None,
        }
    }

    fn at(message: impl Into<String>, lines: Lines) -> Self {
        Self {
            message: message.into(),
            lines: Some(lines),
        }
    }
}

impl From<ParseError> for ConversionRefusal {
    fn from(error: ParseError) -> Self {
        Self {
            message: error.message,
            lines: error.lines,
        }
    }
}
