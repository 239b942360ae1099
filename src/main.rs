//! The `cachelens` program.

fn main() {}
