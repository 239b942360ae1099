//! Logging: to standard error with `-v`, to a file with `--log-file`; off otherwise.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::text::secrets::mask;

/// Writes each event in one piece, with likely secrets masked.
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.0.write_all(mask(&text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Sets up logging. `verbosity` counts `-v`: information, details, everything. `CACHELENS_LOG`
/// overrides it with a filter.
///
/// # Errors
/// Fails if the log file cannot be written.
pub fn start(verbosity: u8, file: Option<&Path>) -> io::Result<()> {
    let level = match (verbosity, file) {
        (0, None) => "off",
        (0 | 1, _) => "cachelens=info",
        (2, _) => "cachelens=debug",
        _ => "cachelens=trace",
    };
    let filter = EnvFilter::try_from_env("CACHELENS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let writer = match file {
        Some(path) => {
            let file = Arc::new(File::options().create(true).append(true).open(path)?);
            BoxMakeWriter::new(move || Masked(Arc::clone(&file)))
        }
        None => BoxMakeWriter::new(|| Masked(io::stderr())),
    };
    // Events that cannot be written are dropped: a complaint on standard error, which may be the
    // closed stream, would panic.
    let logger = tracing_subscriber::fmt().log_internal_errors(false);
    // Only a second call could fail, and there is none.
    let _ = logger
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init();
    Ok(())
}
