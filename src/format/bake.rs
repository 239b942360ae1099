//! Evaluates bake files (`docker-bake.hcl`, `docker-bake.json`) as `docker buildx bake` does.
//!
//! Only the given files are read. A variable without a value is the empty string, as in bake, or
//! stays unknown. An unknown value leaves marks in strings, and a condition that depends on it
//! yields both branches.

mod attributes;
mod caches;
mod calls;
mod declared;
mod evaluate;
mod functions;
mod numbers;
mod read;
mod resolve;
mod target;
mod templates;
mod traversal;
mod types;
mod value;
mod variables;

use super::located::{Located, TextPlace};
use super::unknown::Unknowns;

pub use read::{Definitions, Problem, read};
pub use resolve::{BakeConfig, Override};
pub use value::BakeValue;

/// A file of build definitions.
#[derive(Debug, Clone, Copy)]
pub struct BakeFile<'f> {
    /// Its name; the extension decides about the language.
    pub name: &'f str,
    pub text: &'f str,
    /// Its number in [`TextPlace`].
    pub number: u32,
}

/// The source of the values of variables.
pub struct BakeOptions<'o> {
    /// Looks up a variable of the environment.
    pub lookup: &'o dyn Fn(&str) -> Option<String>,
    /// Set if variables without a value are unknown instead of empty.
    pub unknowns: Option<&'o Unknowns>,
    /// The time for `timestamp()`, in seconds since 1970.
    pub now: i64,
    /// The platform of this computer, for `BAKE_LOCAL_PLATFORM`.
    pub platform: &'o str,
}

/// Why a definition could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakeError {
    /// The location of the error.
    pub place: TextPlace,
    pub message: String,
    /// Whether bake evaluates the construct, and this program does not.
    pub is_gap: bool,
}

impl BakeError {
    pub(crate) fn new(place: TextPlace, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            is_gap: false,
        }
    }

    /// Creates the error for a construct that this program does not evaluate.
    pub(crate) fn gap(place: TextPlace, message: impl Into<String>) -> Self {
        Self {
            is_gap: true,
            ..Self::new(place, message)
        }
    }
}

/// A cache of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheEntry {
    /// The cache as `type=…` or a reference.
    pub text: Located,
    /// The conditions under which the entry exists.
    pub when: Vec<String>,
}

/// A target. A field that the definition does not set is `None` or empty.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub name: String,
    pub place: TextPlace,
    pub inherits: Vec<String>,
    pub context: Option<String>,
    pub dockerfile: Option<String>,
    /// The text of an inline Dockerfile.
    pub dockerfile_inline: Option<String>,
    /// The stage.
    pub target: Option<String>,
    /// The build arguments, with their locations.
    pub args: Vec<(String, Located)>,
    pub labels: Vec<(String, String)>,
    /// The named contexts.
    pub contexts: Vec<(String, String)>,
    pub tags: Option<Vec<String>>,
    pub platforms: Option<Vec<String>>,
    /// The imported caches.
    pub cache_from: Vec<CacheEntry>,
    /// The exported caches.
    pub cache_to: Option<Vec<CacheEntry>>,
    /// Whether no cache is used.
    pub no_cache: Option<bool>,
    /// The stages that use no cache.
    pub no_cache_filter: Vec<String>,
    /// The network mode.
    pub network: Option<String>,
    /// The size of `/dev/shm`.
    pub shm_size: Option<String>,
    pub ulimits: Vec<String>,
    /// Additional hosts.
    pub extra_hosts: Vec<(String, String)>,
    /// Unknown attributes, with their locations.
    pub unknown_attributes: Vec<(String, TextPlace)>,
}
