//! Logging: to standard error with `-v`, to a file with `--log-file`; off otherwise.

use std::fs::File;
use std::io;
use std::path::Path;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Sets up logging. `verbosity` counts `-v`: information, details, everything. `CACHELENS_LOG` takes a filter instead.
///
/// # Errors
/// The log file cannot be written.
pub fn start(verbosity: u8, file: Option<&Path>) -> io::Result<()> {
    let level = match (verbosity, file) {
        (0, None) => "off",
        (0 | 1, _) => "cachelens=info",
        (2, _) => "cachelens=debug",
        _ => "cachelens=trace",
    };
    let filter = EnvFilter::try_from_env("CACHELENS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let writer = match file {
        Some(path) => BoxMakeWriter::new(File::options().create(true).append(true).open(path)?),
        None => BoxMakeWriter::new(io::stderr),
    };
    // What cannot be logged is let go: to complain of it on standard error, which may be what is closed, would panic.
    let logger = tracing_subscriber::fmt().log_internal_errors(false);
    // Only a second call could fail, and there is none.
    let _ = logger.with_env_filter(filter).with_writer(writer).with_ansi(false).try_init();
    Ok(())
}
