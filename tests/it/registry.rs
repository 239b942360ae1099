//! Caches and images in registries.

mod faults;
mod github;
mod logins;
mod prune;
mod read;
mod store;
