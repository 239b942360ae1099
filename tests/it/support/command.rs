//! The built program, isolated from the machine's environment.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::layout::LayoutBuilder;
use super::schema;

/// A private home folder, in which the program runs with a clean environment.
pub struct Sandbox {
    home: TempDir,
    obeys_modes: bool,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl Sandbox {
    /// Creates an empty home folder.
    pub fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
            obeys_modes: false,
        }
    }

    /// Creates a home folder in which the program obeys the files' modes, even if the tests run as
    /// root.
    pub fn obeying_modes() -> Self {
        Self {
            obeys_modes: true,
            ..Self::new()
        }
    }

    /// Returns the path of a file in the home folder, where the program starts.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(relative)
    }

    /// Creates a layout without refs, at `./cache` for the program.
    pub fn layout(&self) -> LayoutBuilder {
        LayoutBuilder::new(self.path("cache"))
    }

    /// Returns the program as a command with this home, UTC, and a search path; it starts in the
    /// home folder.
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

    /// Runs the program with `arguments` until it ends. By default a prune watches for builds only
    /// for an instant, because no other program writes to the stores of the tests.
    pub fn run<'a>(&self, arguments: impl CommandLine<'a>) -> Run {
        let words = arguments.words();
        let mut command = self.command();
        command.args(&words);
        let carries_out = ["--yes", "-y", "--apply", "--resume"];
        let prunes =
            words.first() == Some(&"prune") && words.iter().any(|word| carries_out.contains(word));
        if prunes && !words.contains(&"--settle") {
            command.args(["--settle", "1ms"]);
        }
        Run::new(command.output().unwrap())
    }

    /// Runs the program with `arguments`, which must succeed, and returns the printed document.
    pub fn json<'a>(&self, arguments: impl CommandLine<'a>) -> Value {
        let words = arguments.words();
        let run = self.run(words.as_slice());
        assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
        run.json()
    }
}

/// The arguments of the program: one text of words without blanks in them, or a list.
pub trait CommandLine<'a> {
    /// Returns the arguments.
    fn words(self) -> Vec<&'a str>;
}

impl<'a> CommandLine<'a> for &'a str {
    fn words(self) -> Vec<&'a str> {
        self.split_whitespace().collect()
    }
}

impl<'a> CommandLine<'a> for &'a String {
    fn words(self) -> Vec<&'a str> {
        self.split_whitespace().collect()
    }
}

impl<'a> CommandLine<'a> for &[&'a str] {
    fn words(self) -> Vec<&'a str> {
        self.to_vec()
    }
}

impl<'a, const N: usize> CommandLine<'a> for &[&'a str; N] {
    fn words(self) -> Vec<&'a str> {
        self.to_vec()
    }
}

impl<'a> CommandLine<'a> for &Vec<&'a str> {
    fn words(self) -> Vec<&'a str> {
        self.clone()
    }
}

impl Run {
    /// Takes the output of a process, without progress lines, which only slow processes print.
    pub fn new(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let said = stderr
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("scanning "));
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: said.collect(),
        }
    }

    /// Returns the single document on standard output, after checking it against the schema of its
    /// command.
    pub fn json(&self) -> Value {
        let document = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.stdout));
        schema::assert_valid(&document);
        document
    }
}

impl fmt::Display for Run {
    /// Writes the visible output, and the exit status.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self
            .code
            .map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        write!(f, "{}{}exit {code}", self.stdout, self.stderr)
    }
}
