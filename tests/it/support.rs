//! What the tests stand on: stores put together from the fixtures, and the program in a clean environment.

pub mod command;
pub mod fixture;
pub mod gha;
pub mod http;
pub mod journey;
pub mod layout;
pub mod made;
pub mod model;
pub mod naive;
pub mod pty;
pub mod registry;
pub mod s3;
