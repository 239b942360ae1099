//! Test support: stores built from the fixtures, and the program in a clean environment.

pub mod client;
pub mod command;
pub mod cut;
pub mod exporter;
pub mod fixture;
pub mod gha;
pub mod http;
pub mod journey;
pub mod layout;
pub mod made;
pub mod model;
pub mod naive;
pub mod picture;
pub mod ports;
pub mod pty;
pub mod registry;
pub mod s3;
pub mod schema;
pub mod victim;
