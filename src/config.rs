//! Settings from `cachelens.toml`, the environment and the command line, each with its origin.
//!
//! Every origin yields a [`ConfigLayer`] of settings. [`Config::new`] applies the layers to the
//! defaults; later layers win.

mod consent;
pub mod edit;
mod history;
mod print;
mod problem;
mod read;
mod retention;

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

pub use consent::Consents;
pub use history::{HistoryStore, LoadedHistory, RecentSource};
pub use print::print;
pub use problem::{ConfigError, ConfigProblem};
pub use retention::Retention;

use crate::check::ignore::Ignore;
use crate::source::{Source, Trust};
use crate::text::units;

/// The name of a configuration file.
pub const FILE_NAME: &str = "cachelens.toml";
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The caches to open.
    pub sources: Vec<Setting<Source>>,
    /// The colours of the terminal UI.
    pub theme: Setting<ThemeSetting>,
    /// Whether the terminal UI uses the mouse.
    pub mouse: Setting<bool>,
    /// How many requests run at once.
    pub concurrency: Setting<NonZeroUsize>,
    /// How long one request may take.
    pub timeout: Setting<Duration>,
    /// Whether the state directory keeps records of scans.
    pub keep_state: Setting<bool>,
    /// The retention policy.
    pub retention: Retention,
    /// The findings that are ignored.
    pub ignores: Vec<Setting<Ignore>>,
    /// How old the result of a step that updates packages may be, if there is a limit.
    pub max_update_age: Option<Setting<Duration>>,
}

/// The settings of one origin; absent ones are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigLayer {
    /// As [`Config::sources`].
    pub sources: Option<Vec<Setting<Source>>>,
    /// As [`Config::theme`].
    pub theme: Option<Setting<ThemeSetting>>,
    /// As [`Config::mouse`].
    pub mouse: Option<Setting<bool>>,
    /// As [`Config::concurrency`].
    pub concurrency: Option<Setting<NonZeroUsize>>,
    /// As [`Config::timeout`].
    pub timeout: Option<Setting<Duration>>,
    /// As [`Config::keep_state`].
    pub keep_state: Option<Setting<bool>>,
    /// As [`Config::retention`].
    pub retention: Option<Retention>,
    /// As [`Config::ignores`].
    pub ignores: Option<Vec<Setting<Ignore>>>,
    /// As [`Config::max_update_age`].
    pub max_update_age: Option<Setting<Duration>>,
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    /// The origin of the value.
    pub origin: Origin,
}

/// The origin of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// A line of a configuration file.
    File {
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
pub enum ThemeSetting {
    /// As the background of the terminal.
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    HighContrast,
    /// No colours.
    None,
}

impl ThemeSetting {
    /// Every theme, in the order of help texts.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Dark,
        Self::Light,
        Self::HighContrast,
        Self::None,
    ];
}

impl fmt::Display for ThemeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::None => "none",
        })
    }
}

impl<T> Setting<T> {
    /// Makes a setting with `value` from `origin`.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

impl ConfigLayer {
    /// Returns the same settings, with sources trusted as `judge` decides.
    #[must_use]
    pub fn judged(mut self, judge: impl Fn(Source) -> Source) -> Self {
        for setting in self.sources.iter_mut().flatten() {
            setting.value = judge(setting.value.clone());
        }
        self
    }

    /// Returns the same settings, with sources trusted as named by the user.
    #[must_use]
    pub fn named(self) -> Self {
        self.judged(|source| source.with_trust(Trust::Named))
    }
}

impl Config {
    /// Applies `layers` to the defaults. Later layers win: file, environment, command line.
    pub fn new(layers: impl IntoIterator<Item = ConfigLayer>) -> Self {
        let mut config = Self {
            sources: Vec::new(),
            theme: Setting::new(ThemeSetting::Auto, Origin::Default),
            mouse: Setting::new(true, Origin::Default),
            concurrency: Setting::new(DEFAULT_CONCURRENCY, Origin::Default),
            timeout: Setting::new(DEFAULT_TIMEOUT, Origin::Default),
            keep_state: Setting::new(true, Origin::Default),
            retention: Retention::default(),
            ignores: Vec::new(),
            max_update_age: None,
        };
        for layer in layers {
            lay(&mut config.sources, layer.sources);
            lay(&mut config.theme, layer.theme);
            lay(&mut config.mouse, layer.mouse);
            lay(&mut config.concurrency, layer.concurrency);
            lay(&mut config.timeout, layer.timeout);
            lay(&mut config.keep_state, layer.keep_state);
            lay(&mut config.retention, layer.retention);
            lay(&mut config.ignores, layer.ignores);
            lay(&mut config.max_update_age, layer.max_update_age.map(Some));
        }
        config
    }
}

fn lay<T>(below: &mut T, above: Option<T>) {
    if let Some(above) = above {
        *below = above;
    }
}

/// The settings of a configuration file, with warnings.
#[derive(Debug)]
pub struct LoadedConfig {
    pub layer: ConfigLayer,
    /// Unknown attributes of sources, and similar oddities.
    pub warnings: Vec<ConfigProblem>,
}

/// Finds the configuration file: `explicit`, else `cachelens.toml` in `cwd` or above it up to the
/// root of the repository, else the one in the user's configuration directory. `cwd` is absolute.
///
/// # Errors
/// If `explicit` is no file. It is no error if no other file is found.
pub fn find(explicit: Option<&Path>, cwd: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let of_user = etcetera::choose_base_strategy()
        .ok()
        .map(|strategy| strategy.config_dir());
    find_among(explicit, cwd, of_user.as_deref())
}

fn find_among(
    explicit: Option<&Path>,
    cwd: &Path,
    of_user: Option<&Path>,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(explicit) = explicit {
        let path = cwd.join(explicit);
        return if path.is_file() {
            Ok(Some(path))
        } else {
            Err(ConfigError::NotFound { path })
        };
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
    Ok(of_user
        .map(|dir| dir.join("cachelens").join(FILE_NAME))
        .filter(|path| path.is_file()))
}

/// Returns whether a configuration file is the user's own: named by `--config`, or in the user's
/// configuration directory. Any other file is only found in the current directory or above.
pub fn is_of_user(path: &Path, explicit: Option<&Path>) -> bool {
    let own = etcetera::choose_base_strategy()
        .ok()
        .map(|strategy| strategy.config_dir().join("cachelens").join(FILE_NAME));
    explicit.is_some() || own.is_some_and(|own| own == path)
}

/// Returns the checkout that the files around `cwd` belong to: the repository, else the directory
/// of the configuration file found there, else `cwd` itself.
pub fn checkout(cwd: &Path, found: Option<&Path>) -> PathBuf {
    let repository = cwd.ancestors().find(|dir| dir.join(".git").exists());
    let of_file = found
        .and_then(Path::parent)
        .filter(|dir| cwd.starts_with(dir));
    repository.or(of_file).unwrap_or(cwd).to_owned()
}

/// Returns cachelens's folder in the user's configuration directory, when the user has one.
pub fn user_dir() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("cachelens"))
}

/// Returns cachelens's own state directory, if the user has one.
pub fn state_dir() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.state_dir()?.join("cachelens"))
}

/// Loads and checks the configuration file at `path`. Directories among its sources are relative to
/// it. Its sources count as found; see [`ConfigLayer::named`].
///
/// # Errors
/// If the file cannot be read or is invalid; the error lists all problems.
pub fn load(path: &Path) -> Result<LoadedConfig, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// Checks `text` as the content of the configuration file `path`.
///
/// # Errors
/// If the text is invalid; the error lists all problems.
pub fn parse(text: &str, path: &Path) -> Result<LoadedConfig, ConfigError> {
    read::read(text, path)
}

/// Reads the settings of the environment; `lookup` returns the value of a variable.
///
/// # Errors
/// If the value of a variable is not valid for its setting.
pub fn environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<ConfigLayer, ConfigError> {
    Ok(ConfigLayer {
        sources: None,
        theme: variable("CACHELENS_THEME", lookup, parse_theme)?,
        mouse: variable("CACHELENS_MOUSE", lookup, parse_switch)?,
        concurrency: variable("CACHELENS_CONCURRENCY", lookup, parse_concurrency)?,
        timeout: variable("CACHELENS_TIMEOUT", lookup, parse_timeout)?,
        keep_state: variable("CACHELENS_STATE", lookup, parse_switch)?,
        retention: None,
        ignores: None,
        max_update_age: None,
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
/// A sentence on the expected form, for display.
pub fn parse_theme(text: &str) -> Result<ThemeSetting, String> {
    ThemeSetting::ALL
        .into_iter()
        .find(|theme| theme.to_string() == text)
        .ok_or_else(|| {
            format!("`{text}` is not a theme; there are auto, dark, light, high-contrast and none")
        })
}

fn parse_switch(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not true or false"))
}

/// Parses a number of requests, at least one.
///
/// # Errors
/// A sentence on the expected form, for display.
pub fn parse_concurrency(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number from 1 on"))
}

/// Parses a span of time that is not zero.
///
/// # Errors
/// A sentence on the expected form, for display.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = units::parse_duration(text)?;
    if timeout.is_zero() {
        Err("a timeout of zero would let nothing happen".to_owned())
    } else {
        Ok(timeout)
    }
}

#[cfg(test)]
mod tests;
