//! The terminal UI, in its own loop.

mod check;
mod commands;
mod config;
mod declared;
mod declared_builds;
mod diff;
mod files;
mod find;
mod gha;
mod history;
mod hostile;
mod jobs;
mod journeys;
mod lists;
mod mouse;
mod prune;
mod random;
mod registry;
mod rule;
mod runs;
mod screens;
mod stages;
mod states;
mod steps;
mod tour;
mod why;
