//! Bytes to types and back: the formats that BuildKit, OCI and their neighbours write.
//!
//! Nothing here reads a file, a clock or a socket. Parsers are as lenient as BuildKit is: what it would ignore is ignored
//! or kept, what it would refuse is an exact error. No parser recurses on the depth of its input.

pub mod cache_config;
pub mod digest;
pub mod go_json;
pub mod layer;
pub mod layout;
pub mod lenient;
pub mod llb;
pub mod manifest;
pub mod progress_log;
pub mod provenance;
pub mod raw_object;
pub mod text;
pub mod time;
