//! What takes time, measured: `cargo bench`.

fn main() {}
