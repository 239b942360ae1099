//! Reads and writes configuration files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Jobs, Reporter, lock};
use crate::config;
use crate::config::edit::{Change, Edit};
use crate::error::in_lines;
use crate::source::Source;
use crate::tui::effect::ConfigAddition;
use crate::tui::message::{ConfigWritten, JobReport};
use crate::tui::world::SourceId;

impl Jobs {
    /// Reads the file `path` and computes an addition, without writing it.
    pub(super) fn prepare_config(
        &mut self,
        path: &Path,
        addition: ConfigAddition,
        reporter: Reporter,
    ) {
        let changes = match addition {
            ConfigAddition::Policy(changes) => Some(changes),
            ConfigAddition::Source(source) => self
                .named(source)
                .map(|source| vec![Change::Source(source)]),
        };
        let path = self.path_of(path);
        self.blocking(reporter, move |_| {
            let prepared = changes
                .ok_or_else(|| "no name opens this source again".to_owned())
                .and_then(|changes| prepare(&path, &changes));
            Some(JobReport::ConfigPrepared(prepared.map(Into::into)))
        });
    }

    /// Computes the removal of a source from the configuration file in use, without writing it. If
    /// the source is not there, reports nothing.
    pub(super) fn prepare_removal(&mut self, source: SourceId, reporter: Reporter) {
        let source = self.named(source);
        let path = self.settings.config_file.clone();
        self.blocking(reporter, move |_| {
            let path = std::path::absolute(path).ok()?;
            let edit = Edit::prepare(&path, &[Change::RemoveSource(source?)]).ok()?;
            (!edit.is_empty()).then(|| JobReport::RemovalPrepared(Arc::new(edit)))
        });
    }

    /// Returns the source as a person can name it.
    fn named(&self, source: SourceId) -> Option<Source> {
        lock(&self.stores).get(source.0)?.source.clone()
    }

    /// Writes a configuration file.
    pub(super) fn write_config(&mut self, edit: Arc<Edit>, reporter: Reporter) {
        let in_use = self.settings.config_file.clone();
        self.blocking(reporter, move |_| {
            Some(JobReport::ConfigWritten(write(&edit, &in_use)))
        });
    }
}

fn prepare(path: &Path, changes: &[Change]) -> Result<Edit, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    let edit = Edit::prepare(&path, changes).map_err(|error| in_lines(&error))?;
    if edit.is_empty() {
        return Err("it is already there".to_owned());
    }
    Ok(edit)
}

/// Writes a changed configuration file; `in_use` is the file with the current policy.
pub(super) fn write(edit: &Edit, in_use: &Path) -> Result<ConfigWritten, String> {
    let backup = edit.write().map_err(|error| in_lines(&error))?;
    let policy = if is_same(&edit.path, in_use) {
        let loaded = config::load(&edit.path).map_err(|error| in_lines(&error))?;
        Some(loaded.layer.retention.unwrap_or_default().policy())
    } else {
        None
    };
    Ok(ConfigWritten {
        path: edit.path.clone(),
        backup,
        policy,
    })
}

fn is_same(path: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(path).is_some_and(|path| real(other) == Some(path))
}
