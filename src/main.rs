//! The `cachelens` program.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    cachelens::cli::run(std::env::args_os())
}

#[cfg(not(unix))]
compile_error!("cachelens runs on Linux. Windows is not supported: build it in WSL 2.");

#[cfg(not(unix))]
fn main() {}
