//! Caches and images in registries.

mod faults;
mod foreign;
mod github;
mod listings;
mod logins;
mod prune;
mod read;
mod store;
mod time;
mod tokens;
mod versions;
