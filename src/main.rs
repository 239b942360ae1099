//! The `cachelens` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cachelens::cli::run(std::env::args_os())
}
