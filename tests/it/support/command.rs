//! The built program, run where nothing of the machine reaches it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::layout::LayoutBuilder;

/// A home folder of its own, in which the program runs with a clean environment.
pub struct Sandbox {
    home: TempDir,
    obeys_modes: bool,
}

/// What a run of the program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed for whoever asked.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

impl Sandbox {
    /// Makes an empty home folder.
    pub fn new() -> Self {
        Self { home: TempDir::new().unwrap(), obeys_modes: false }
    }

    /// Makes one in which the program may read only what the files' modes allow, even when the tests run as root.
    pub fn obeying_modes() -> Self {
        Self { obeys_modes: true, ..Self::new() }
    }

    /// Returns the path of something in the home folder, where the program starts.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(relative)
    }

    /// Makes a layout without refs, which the program finds as `./cache`.
    pub fn layout(&self) -> LayoutBuilder {
        LayoutBuilder::new(self.path("cache"))
    }

    /// Returns the program as a command that knows this home, UTC, and where to find other programs; it starts there, too.
    pub fn command(&self) -> Command {
        let home = self.home.path();
        let program = env!("CARGO_BIN_EXE_cachelens");
        let is_root = || fs::metadata(home).unwrap().uid() == 0;
        let mut command = if self.obeys_modes && is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-dac_override,-dac_read_search", program]);
            command
        } else {
            Command::new(program)
        };
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TZ", "UTC")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_RUNTIME_DIR", home)
            .current_dir(home);
        command
    }

    /// Runs the program with `arguments` until it ends.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::new(self.command().args(arguments).output().unwrap())
    }

    /// Runs the program with `arguments`, which must succeed, and returns the document that it prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        run.json()
    }
}

impl Run {
    /// Takes what a process left behind, without the lines by which a slow one says how far it has come.
    pub fn new(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let said = stderr.split_inclusive('\n').filter(|line| !line.starts_with("scanning "));
        Self { code: output.status.code(), stdout: String::from_utf8(output.stdout).unwrap(), stderr: said.collect() }
    }

    /// Returns the one document that standard output must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout))
    }
}

impl fmt::Display for Run {
    /// Writes what a person at a terminal would see, and how it ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        write!(f, "{}{}exit {code}", self.stdout, self.stderr)
    }
}
