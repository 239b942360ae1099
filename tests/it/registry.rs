//! Caches and images in registries.

mod faults;
mod github;
mod prune;
mod read;
