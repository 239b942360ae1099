//! Writes rows to a file, as JSON or CSV, and plans.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{Jobs, Reporter};
use crate::prune::plan::{self, Plan};
use crate::tui::effect::{Export, Overwrite};
use crate::tui::message::{ExportError, JobReport};

/// Writes all rows or none, and returns their number.
pub(super) fn write(export: &Export, cancel: &CancellationToken) -> Result<usize, ExportError> {
    let file = create(&export.path, export.overwrite)?;
    let is_csv = export
        .path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let written = if is_csv {
        write_csv(export, file, cancel)
    } else {
        write_json(export, file, cancel)
    };
    written.map(|()| export.shown.len()).map_err(|error| {
        // A partial file is worse than none; if it cannot be deleted either, the error stays the
        // same.
        let _ = fs::remove_file(&export.path);
        ExportError::Failed(error.to_string())
    })
}

/// Writes a whole plan or nothing.
pub(super) fn save_plan(plan: &Plan, path: &Path, overwrite: Overwrite) -> Result<(), ExportError> {
    let mut file = create(path, overwrite)?;
    let written = plan::file::save(plan, &mut file).and_then(|()| writeln!(file));
    written.map_err(|error| {
        // As above.
        let _ = fs::remove_file(path);
        ExportError::Failed(error.to_string())
    })
}

fn create(path: &Path, overwrite: Overwrite) -> Result<File, ExportError> {
    let mut options = OpenOptions::new();
    options.write(true);
    let file = match overwrite {
        Overwrite::Never => options.create_new(true).open(path),
        Overwrite::Agreed => options.create(true).truncate(true).open(path),
    };
    file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists,
        _ => ExportError::Failed(error.to_string()),
    })
}

fn go_on(cancel: &CancellationToken) -> io::Result<()> {
    if cancel.is_cancelled() {
        Err(io::Error::other("it was stopped"))
    } else {
        Ok(())
    }
}

fn write_json(export: &Export, file: File, cancel: &CancellationToken) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    write!(file, "{{\"schema\":1,\"rows\":[")?;
    for (place, row) in export.shown.iter().enumerate() {
        go_on(cancel)?;
        let fields = export
            .rows
            .fields(*row)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        write!(file, "{}", if place == 0 { "\n" } else { ",\n" })?;
        serde_json::to_writer(&mut file, &Value::Object(fields.collect::<Map<_, _>>()))?;
    }
    writeln!(file, "\n]}}")?;
    file.flush()
}

fn write_csv(export: &Export, file: File, cancel: &CancellationToken) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(BufWriter::new(file));
    for (place, row) in export.shown.iter().enumerate() {
        go_on(cancel)?;
        let fields = export.rows.fields(*row);
        if place == 0 {
            writer.write_record(fields.iter().map(|(name, _)| *name))?;
        }
        writer.write_record(fields.iter().map(|(_, value)| plain(value)))?;
    }
    writer.flush()
}

/// Formats a value for a table. A leading quote keeps a spreadsheet from evaluating the text.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        other => json!(other).to_string(),
    }
}

impl Jobs {
    /// Writes rows to a file.
    pub(super) fn export(&mut self, export: Export, cancel: CancellationToken, reporter: Reporter) {
        self.blocking(reporter, move |_| {
            let result = write(&export, &cancel);
            Some(JobReport::Exported(export.path, result))
        });
    }

    /// Writes a plan to a file.
    pub(super) fn save_plan(
        &mut self,
        plan: Arc<Plan>,
        path: PathBuf,
        overwrite: Overwrite,
        reporter: Reporter,
    ) {
        self.blocking(reporter, move |_| {
            let result = save_plan(&plan, &path, overwrite);
            Some(JobReport::Saved(path, result))
        });
    }
}
