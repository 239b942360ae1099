//! The terminal UI, in its own loop.

mod gha;
mod hostile;
mod journeys;
mod prune;
mod random;
mod registry;
mod screens;
mod steps;
