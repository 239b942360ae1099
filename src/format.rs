//! The formats of BuildKit, OCI and related tools: bytes to types and back.
//!
//! No code here reads a file, a clock or a socket. Parsers are as lenient as BuildKit: input that
//! BuildKit ignores is ignored or kept, input that it refuses is an exact error. No parser recurses
//! on the depth of its input without a bound.

pub mod attestation;
pub mod bake;
pub mod build_record;
pub mod cache_config;
pub mod cache_debug;
pub mod compose;
pub mod digest;
pub mod docker_flags;
pub mod dockerfile;
pub mod evidence;
pub mod git_reference;
pub mod go_json;
pub mod go_path;
pub mod go_text;
pub mod go_url;
pub mod ignore_file;
pub mod layer;
pub mod layout;
pub mod lenient;
pub mod llb;
pub mod located;
pub mod manifest;
mod overlay;
pub mod pattern_matcher;
pub mod plain_log;
pub mod platform;
pub mod progress_log;
pub mod provenance;
pub mod raw_object;
pub mod reference;
pub mod shell;
pub mod time;
pub mod tree;
pub mod unknown;
