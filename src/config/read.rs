//! Parses TOML into a layer of settings, and collects all problems instead of stopping at the
//! first.

mod check;
mod retention;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::line_number;
use super::{
    ConfigError, ConfigLayer, ConfigProblem, LoadedConfig, Origin, Setting, parse_theme,
    parse_timeout,
};
use crate::source::{Source, Trust};
use crate::text::nearest::nearest;

/// Parses `text`, the content of the file `path`.
pub(super) fn read(text: &str, path: &Path) -> Result<LoadedConfig, ConfigError> {
    let mut reader = ConfigReader {
        text,
        path,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let layer = match DeTable::parse(text) {
        Ok(document) => reader.document(document.get_ref()),
        Err(error) => {
            reader.problem(&error.span().unwrap_or_default(), error.message());
            ConfigLayer::default()
        }
    };
    let ConfigReader {
        mut problems,
        warnings,
        ..
    } = reader;
    if problems.is_empty() {
        return Ok(LoadedConfig { layer, warnings });
    }
    // The parser returns keys in alphabetical order; people read from the top.
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(ConfigError::Invalid(problems))
}

struct ConfigReader<'a> {
    text: &'a str,
    path: &'a Path,
    problems: Vec<ConfigProblem>,
    warnings: Vec<ConfigProblem>,
}

type Key<'i> = Spanned<DeString<'i>>;
type Value<'i> = Spanned<DeValue<'i>>;

impl ConfigReader<'_> {
    fn document(&mut self, table: &DeTable<'_>) -> ConfigLayer {
        let mut layer = ConfigLayer::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "sources" => layer.sources = self.sources(value),
                "ui" => {
                    for (key, value) in self.table(value) {
                        match key.get_ref().as_ref() {
                            "theme" => {
                                layer.theme =
                                    self.parsed(value, "the name of a theme", parse_theme);
                            }
                            "mouse" => layer.mouse = self.switch(value),
                            _ => self.unknown_key(key, "[ui]", &["theme", "mouse"]),
                        }
                    }
                }
                "scan" => {
                    for (key, value) in self.table(value) {
                        match key.get_ref().as_ref() {
                            "concurrency" => layer.concurrency = self.concurrency(value),
                            "timeout" => {
                                layer.timeout =
                                    self.parsed(value, "a duration in quotes", parse_timeout);
                            }
                            _ => self.unknown_key(key, "[scan]", &["concurrency", "timeout"]),
                        }
                    }
                }
                "state" => {
                    for (key, value) in self.table(value) {
                        match key.get_ref().as_ref() {
                            "keep" => layer.keep_state = self.switch(value),
                            _ => self.unknown_key(key, "[state]", &["keep"]),
                        }
                    }
                }
                "retention" => layer.retention = Some(self.retention(value)),
                "check" => self.check(value, &mut layer),
                _ => self.unknown_key(
                    key,
                    "a configuration file",
                    &["sources", "ui", "scan", "state", "retention", "check"],
                ),
            }
        }
        layer
    }

    fn sources(&mut self, value: &Value<'_>) -> Option<Vec<Setting<Source>>> {
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(value, "an array of strings");
        };
        Some(items.iter().filter_map(|item| self.source(item)).collect())
    }

    fn source(&mut self, value: &Value<'_>) -> Option<Setting<Source>> {
        let Some(text) = value.get_ref().as_str() else {
            return self.wrong_type(value, "a string");
        };
        let base = self.path.parent().unwrap_or(Path::new(""));
        match Source::parse(text, &|path| base.join(path).is_dir()) {
            Ok(parsed) => {
                for warning in parsed.warnings {
                    self.warnings
                        .push(self.point(&value.span(), &warning.to_string(), None));
                }
                // The author of the file chose it, until the caller knows whose file it is.
                let source = parsed.source.relative_to(base).with_trust(Trust::Found);
                Some(self.setting(value, source))
            }
            Err(error) => {
                self.problems
                    .push(self.point(&value.span(), &error.to_string(), error.hint()));
                None
            }
        }
    }

    fn table<'t, 'i>(
        &mut self,
        value: &'t Value<'i>,
    ) -> impl Iterator<Item = (&'t Key<'i>, &'t Value<'i>)> + use<'t, 'i> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type::<()>(value, "a table");
        }
        table.into_iter().flatten()
    }

    fn switch(&mut self, value: &Value<'_>) -> Option<Setting<bool>> {
        match value.get_ref().as_bool() {
            Some(switch) => Some(self.setting(value, switch)),
            None => self.wrong_type(value, "true or false"),
        }
    }

    fn concurrency(&mut self, value: &Value<'_>) -> Option<Setting<NonZeroUsize>> {
        self.whole(value, "a number from 1 on")
            .map(|number: NonZeroUsize| self.setting(value, number))
    }

    fn whole<T: FromStr>(&mut self, value: &Value<'_>, expected: &str) -> Option<T> {
        let number = value.get_ref().as_integer();
        // The type's own parser decides; it accepts decimal numbers only.
        number
            .and_then(|number| {
                u64::from_str_radix(number.as_str(), number.radix())
                    .ok()?
                    .to_string()
                    .parse()
                    .ok()
            })
            .or_else(|| self.wrong_type(value, expected))
    }

    fn parsed<T>(
        &mut self,
        value: &Value<'_>,
        expected: &str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<Setting<T>> {
        self.text(value, expected, parse)
            .map(|parsed| self.setting(value, parsed))
    }

    fn text<T>(
        &mut self,
        value: &Value<'_>,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some(text) = value.get_ref().as_str() else {
            return self.wrong_type(value, expected);
        };
        parse(text)
            .map_err(|message| self.problem(&value.span(), &message))
            .ok()
    }

    fn setting<T>(&self, at: &Value<'_>, value: T) -> Setting<T> {
        let line = line_number(self.text, at.span().start);
        Setting::new(
            value,
            Origin::File {
                path: self.path.to_owned(),
                line,
            },
        )
    }

    fn wrong_type<T>(&mut self, value: &Value<'_>, expected: &str) -> Option<T> {
        self.problem(&value.span(), &format!("expected {expected}"));
        None
    }

    fn unknown_key(&mut self, key: &Key<'_>, place: &str, known: &[&str]) {
        let message = format!("unknown key `{}` in {place}", key.get_ref());
        let hint = match nearest(key.get_ref(), known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the keys are {}", known.join(", ")),
        };
        self.problems
            .push(self.point(&key.span(), &message, Some(hint)));
    }

    fn problem(&mut self, span: &Range<usize>, message: &str) {
        self.problems.push(self.point(span, message, None));
    }

    fn point(&self, span: &Range<usize>, message: &str, hint: Option<String>) -> ConfigProblem {
        ConfigProblem::new(self.path, self.text, span, message, hint)
    }
}
