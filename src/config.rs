//! Settings: what `cachelens.toml`, the environment and the command line say, each knowing where it comes from.
//!
//! Every place yields a [`Layer`] of what it sets; [`Config::new`] lays them over the defaults, the last one on top.

mod print;
mod problem;
mod read;

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

pub use print::print;
pub use problem::{ConfigError, Problem};

use crate::source::Source;
use crate::units;

const FILE_NAME: &str = "cachelens.toml";
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The caches to open.
    pub sources: Vec<Setting<Source>>,
    /// The colours of the terminal UI.
    pub theme: Setting<Theme>,
    /// Whether the terminal UI answers to the mouse.
    pub mouse: Setting<bool>,
    /// How many requests run at once.
    pub concurrency: Setting<NonZeroUsize>,
    /// How long one request may take.
    pub timeout: Setting<Duration>,
}

/// What one place sets; absent is left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layer {
    /// As [`Config::sources`].
    pub sources: Option<Vec<Setting<Source>>>,
    /// As [`Config::theme`].
    pub theme: Option<Setting<Theme>>,
    /// As [`Config::mouse`].
    pub mouse: Option<Setting<bool>>,
    /// As [`Config::concurrency`].
    pub concurrency: Option<Setting<NonZeroUsize>>,
    /// As [`Config::timeout`].
    pub timeout: Option<Setting<Duration>>,
}

/// A value, and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// The place where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The environment variable of that name.
    Environment(&'static str),
    /// The argument of that name, as in `--timeout`.
    Argument(&'static str),
}

/// The colours of the terminal UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// For eyes and screens that need it.
    HighContrast,
    /// No colours.
    None,
}

impl Theme {
    /// Every theme, in the order in which people are told of them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::None];
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::None => "none",
        })
    }
}

impl<T> Setting<T> {
    /// Says that `origin` set `value`.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

impl Config {
    /// Lays `layers` over the defaults, later ones over earlier ones: file, environment, command line.
    pub fn new(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut config = Self {
            sources: Vec::new(),
            theme: Setting::new(Theme::Dark, Origin::Default),
            mouse: Setting::new(true, Origin::Default),
            concurrency: Setting::new(DEFAULT_CONCURRENCY, Origin::Default),
            timeout: Setting::new(DEFAULT_TIMEOUT, Origin::Default),
        };
        for layer in layers {
            lay(&mut config.sources, layer.sources);
            lay(&mut config.theme, layer.theme);
            lay(&mut config.mouse, layer.mouse);
            lay(&mut config.concurrency, layer.concurrency);
            lay(&mut config.timeout, layer.timeout);
        }
        config
    }
}

fn lay<T>(below: &mut T, above: Option<T>) {
    if let Some(above) = above {
        *below = above;
    }
}

/// What a configuration file sets, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub layer: Layer,
    /// Attributes that no source has, and their like.
    pub warnings: Vec<Problem>,
}

/// Finds the configuration file: `explicit`, else `cachelens.toml` in `cwd` or above it up to the root of the
/// repository, else the one in the user's configuration directory. `cwd` is absolute.
///
/// # Errors
/// `explicit` is no file. That none is found otherwise is no error.
pub fn find(explicit: Option<&Path>, cwd: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let of_user = etcetera::choose_base_strategy().ok().map(|strategy| strategy.config_dir());
    find_among(explicit, cwd, of_user.as_deref())
}

fn find_among(explicit: Option<&Path>, cwd: &Path, of_user: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(explicit) = explicit {
        let path = cwd.join(explicit);
        return if path.is_file() { Ok(Some(path)) } else { Err(ConfigError::NotFound { path }) };
    }
    for dir in cwd.ancestors() {
        let path = dir.join(FILE_NAME);
        if path.is_file() {
            return Ok(Some(path));
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    Ok(of_user.map(|dir| dir.join("cachelens").join(FILE_NAME)).filter(|path| path.is_file()))
}

/// Loads and checks the configuration file at `path`. Directories among its sources are relative to it.
///
/// # Errors
/// The file cannot be read, or something in it is wrong; then all that is wrong is in the error.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    read::read(&text, path)
}

/// Reads the settings that the environment makes; `lookup` returns the value of a variable.
///
/// # Errors
/// A variable whose value is not one that the setting can have.
pub fn environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    Ok(Layer {
        sources: None,
        theme: variable("CACHELENS_THEME", lookup, parse_theme)?,
        mouse: variable("CACHELENS_MOUSE", lookup, parse_mouse)?,
        concurrency: variable("CACHELENS_CONCURRENCY", lookup, parse_concurrency)?,
        timeout: variable("CACHELENS_TIMEOUT", lookup, parse_timeout)?,
    })
}

fn variable<T>(
    name: &'static str,
    lookup: &dyn Fn(&str) -> Option<String>,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<Setting<T>>, ConfigError> {
    lookup(name)
        .filter(|text| !text.is_empty())
        .map(|text| parse(&text).map(|value| Setting::new(value, Origin::Environment(name))))
        .transpose()
        .map_err(|message| ConfigError::Environment { name, message })
}

/// Parses the name of a theme.
///
/// # Errors
/// A sentence that says what was expected, for a person.
pub fn parse_theme(text: &str) -> Result<Theme, String> {
    Theme::ALL
        .into_iter()
        .find(|theme| theme.to_string() == text)
        .ok_or_else(|| format!("`{text}` is not a theme; there are dark, light, high-contrast and none"))
}

fn parse_mouse(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{text}` is not true or false"))
}

/// Parses a number of requests, at least one.
///
/// # Errors
/// A sentence that says what was expected, for a person.
pub fn parse_concurrency(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number from 1 on"))
}

/// Parses a span of time that is not zero.
///
/// # Errors
/// A sentence that says what was expected, for a person.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = units::parse_duration(text)?;
    if timeout.is_zero() { Err("a timeout of zero would let nothing happen".to_owned()) } else { Ok(timeout) }
}

#[cfg(test)]
mod tests;
