//! Writes rows to a file, as JSON or CSV, and plans.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{Jobs, Reporter};
use crate::prune::plan::{self, Plan};
use crate::report::file::OutputFile;
use crate::tui::effect::{Export, Overwrite};
use crate::tui::message::{ExportError, JobReport};
use crate::tui::writes::PlanFile;

/// Writes all rows or none, and returns their number.
pub(super) fn write(export: &Export, cancel: &CancellationToken) -> Result<usize, ExportError> {
    let mut file = create(&export.path, export.overwrite)?;
    let is_csv = export
        .path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let written = if is_csv {
        write_csv(export, &mut file, cancel)
    } else {
        write_json(export, &mut file, cancel)
    };
    written.map_err(|error| failed(&error))?;
    finish(file, export.overwrite)?;
    Ok(export.shown.len())
}

/// Writes a whole plan or nothing.
pub(super) fn save_plan(plan: &Plan, path: &Path, overwrite: Overwrite) -> Result<(), ExportError> {
    let mut file = create(path, overwrite)?;
    plan::file::save(plan, &mut file)
        .and_then(|()| writeln!(file))
        .map_err(|error| failed(&error))?;
    finish(file, overwrite)
}

/// Begins a file. Whether there is one already is checked before anything is written.
pub(super) fn create(path: &Path, overwrite: Overwrite) -> Result<OutputFile, ExportError> {
    if overwrite == Overwrite::Never && fs::symlink_metadata(path).is_ok() {
        return Err(ExportError::Exists);
    }
    OutputFile::create(path).map_err(|error| failed(&error))
}

/// Gives a file its name.
pub(super) fn finish(file: OutputFile, overwrite: Overwrite) -> Result<(), ExportError> {
    let finished = match overwrite {
        Overwrite::Never => file.take_free_name(),
        Overwrite::Agreed => file.replace(),
    };
    finished.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists,
        _ => failed(&error),
    })
}

pub(super) fn failed(error: &io::Error) -> ExportError {
    ExportError::Failed(error.to_string())
}

fn go_on(cancel: &CancellationToken) -> io::Result<()> {
    if cancel.is_cancelled() {
        Err(io::Error::other("it was stopped"))
    } else {
        Ok(())
    }
}

fn write_json(
    export: &Export,
    file: &mut OutputFile,
    cancel: &CancellationToken,
) -> io::Result<()> {
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

fn write_csv(export: &Export, file: &mut OutputFile, cancel: &CancellationToken) -> io::Result<()> {
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
        // A spreadsheet has no lists.
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            items.join(" ")
        }
        other => json!(other).to_string(),
    }
}

impl Jobs {
    /// Writes rows to a file.
    pub(super) fn export(&mut self, export: Export, cancel: CancellationToken, reporter: Reporter) {
        let export = Export {
            path: self.path_of(&export.path),
            ..export
        };
        self.blocking(reporter, move |_| {
            let result = write(&export, &cancel);
            Some(JobReport::Exported(export.path, result))
        });
    }

    /// Writes a plan to a file.
    pub(super) fn save_plan(&mut self, file: PlanFile, reporter: Reporter) {
        let file = PlanFile {
            path: self.path_of(&file.path),
            ..file
        };
        self.blocking(reporter, move |_| {
            let result = save_plan(&file.plan, &file.path, file.overwrite);
            Some(JobReport::Saved(file.path, result))
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::prune::runs::PastRun;
    use crate::tui::rows::runs::PastRuns;

    #[test]
    fn a_stopped_export_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let run = PastRun::read(&folder.path().join("no journal"));
        let rows = PastRuns::new(Arc::new(vec![run]), SignedDuration::ZERO);
        let rows = Arc::new(rows);
        for name in ["rows.json", "rows.csv"] {
            let path = folder.path().join(name);
            fs::write(&path, "old").unwrap();
            let export = Export {
                path: path.clone(),
                overwrite: Overwrite::Agreed,
                rows: rows.clone(),
                shown: Arc::new(vec![0]),
            };
            let stopped = CancellationToken::new();
            stopped.cancel();
            let result = write(&export, &stopped);
            assert_eq!(
                result,
                Err(ExportError::Failed("it was stopped".to_owned()))
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            assert_eq!(write(&export, &CancellationToken::new()), Ok(1));
            assert_ne!(fs::read_to_string(&path).unwrap(), "old");
            let again = Export {
                overwrite: Overwrite::Never,
                ..export
            };
            let result = write(&again, &CancellationToken::new());
            assert_eq!(result, Err(ExportError::Exists));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
