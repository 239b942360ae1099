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
    pub fn run(&self, arguments: impl CommandLine) -> Run {
        let words = arguments.words();
        let mut command = self.command();
        command.args(&words);
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
        let prunes = words.first().is_some_and(|word| word == "prune")
            && has(&["--yes", "-y", "--apply", "--resume"]);
        if prunes && !has(&["--settle"]) {
            command.args(["--settle", "1ms"]);
        }
        Run::new(command.output().unwrap())
    }

    /// Runs the program with `arguments`, which must succeed, and returns the printed document.
    pub fn json(&self, arguments: impl CommandLine) -> Value {
        let words = arguments.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = self.run(words.as_slice());
        assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
        run.json()
    }
}

/// The arguments of the program: one text, or a list. In a text, `'…'` is one word, as in a shell.
pub trait CommandLine {
    /// Returns the arguments.
    fn words(self) -> Vec<String>;

    /// Returns the arguments behind others.
    fn after(self, first: impl CommandLine) -> Vec<String>
    where
        Self: Sized,
    {
        let mut words = first.words();
        words.extend(self.words());
        words
    }
}

impl CommandLine for &str {
    fn words(self) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = self.trim_start();
        while !rest.is_empty() {
            let (word, after) = first_word(rest);
            words.push(word);
            rest = after.trim_start();
        }
        words
    }
}

/// Returns the first word of a text, and the text after it.
fn first_word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(|character: char| character == '\'' || character.is_whitespace());
        let end = end.unwrap_or(rest.len());
        word.push_str(&rest[..end]);
        rest = &rest[end..];
        let Some(quoted) = rest.strip_prefix('\'') else {
            return (word, rest);
        };
        let (inside, after) = quoted.split_once('\'').expect("a quote is not closed");
        word.push_str(inside);
        rest = after;
    }
}

impl CommandLine for String {
    fn words(self) -> Vec<String> {
        self.as_str().words()
    }
}

impl CommandLine for &String {
    fn words(self) -> Vec<String> {
        self.as_str().words()
    }
}

impl CommandLine for &[&str] {
    fn words(self) -> Vec<String> {
        self.iter().map(|word| (*word).to_owned()).collect()
    }
}

impl<const N: usize> CommandLine for &[&str; N] {
    fn words(self) -> Vec<String> {
        self.as_slice().words()
    }
}

impl CommandLine for Vec<String> {
    fn words(self) -> Vec<String> {
        self
    }
}

impl CommandLine for &Vec<&str> {
    fn words(self) -> Vec<String> {
        self.as_slice().words()
    }
}

#[test]
fn a_command_line_is_split_as_by_a_shell() {
    let words = "prune  'a b' --filter 'ref~^x$' '' c'd e'f".words();
    assert_eq!(words, ["prune", "a b", "--filter", "ref~^x$", "", "cd ef"]);
    assert_eq!(["a b", ""].as_slice().words(), ["a b", ""]);
    assert_eq!("--json".after("ls x"), ["ls", "x", "--json"]);
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
