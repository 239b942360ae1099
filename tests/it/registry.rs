//! Caches and images in registries.

mod faults;
mod prune;
mod read;
