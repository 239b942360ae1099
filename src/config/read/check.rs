//! From `[check]` to its limits and the findings that are ignored.

use jiff::civil::Date;
use toml::de::DeTable;

use super::super::{ConfigLayer, Setting};
use super::{ConfigReader, Value};
use crate::check::ignore::{Ignore, codes, is_about_a_code};
use crate::retention::RefPattern;
use crate::text::escape::visible;
use crate::text::nearest::nearest;
use crate::text::units::parse_duration;

const KEYS: [&str; 6] = ["code", "source", "ref", "file", "reason", "until"];

impl ConfigReader<'_> {
    pub(super) fn check(&mut self, value: &Value<'_>, layer: &mut ConfigLayer) {
        for (key, value) in self.table(value) {
            match key.get_ref().as_ref() {
                "ignore" => layer.ignores = self.ignores(value),
                "max_update_age" => {
                    layer.max_update_age =
                        self.parsed(value, "a duration in quotes", parse_duration);
                }
                _ => self.unknown_key(key, "[check]", &["ignore", "max_update_age"]),
            }
        }
    }

    fn ignores(&mut self, value: &Value<'_>) -> Option<Vec<Setting<Ignore>>> {
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(value, "an array of tables: write `[[check.ignore]]`");
        };
        let ignores = items.iter().filter_map(|item| {
            let ignore = self.ignore(item)?;
            Some(self.setting(item, ignore))
        });
        Some(ignores.collect())
    }

    fn ignore(&mut self, value: &Value<'_>) -> Option<Ignore> {
        let table = value
            .get_ref()
            .as_table()
            .or_else(|| self.wrong_type(value, "a table"))?;
        for key in table.keys() {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                self.unknown_key(key, "an ignore", &KEYS);
            }
        }
        let code = match table.get("code") {
            Some(code) => self.code(code),
            None => self.missing(
                value,
                "an ignore needs a `code`, the name of the findings as `check` prints it",
            ),
        };
        let reason = match table.get("reason") {
            Some(reason) => self.text(reason, "a string", parsed_reason),
            None => self.missing(
                value,
                "an ignore needs a `reason`, so that others know why it is there",
            ),
        };
        let patterns = ["source", "ref", "file"].map(|key| self.pattern_at(table, key));
        let until = match table.get("until") {
            Some(until) => {
                Some(self.text(until, "a day in quotes, as \"2027-01-31\"", parsed_day)?)
            }
            None => None,
        };
        let [source, ref_name, file] = patterns;
        Some(Ignore {
            code: code?,
            source: source.ok()?,
            ref_name: ref_name.ok()?,
            file: file.ok()?,
            reason: reason?,
            until,
        })
    }

    /// Returns the pattern of codes. A mistyped code would ignore nothing, without a message.
    fn code(&mut self, value: &Value<'_>) -> Option<RefPattern> {
        let pattern = self.text(value, "a pattern in quotes", parsed_pattern)?;
        if is_about_a_code(&pattern) {
            return Some(pattern);
        }
        let text = pattern.to_string();
        let text = visible(text.trim_start_matches('!'));
        let message = format!("no finding of `check` or `find` has the code `{text}`");
        let near = pattern.word().and_then(|word| nearest(word, codes()));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the code as `cachelens check` or `cachelens find` prints it".to_owned(),
        };
        let problem = self.point(&value.span(), &message, Some(hint));
        self.problems.push(problem);
        None
    }

    /// Returns the pattern at a key, where there is one. What is wrong with it is among the
    /// problems.
    fn pattern_at(&mut self, table: &DeTable<'_>, key: &str) -> Result<Option<RefPattern>, ()> {
        match table.get(key) {
            Some(value) => self
                .text(value, "a pattern in quotes", parsed_pattern)
                .map(Some)
                .ok_or(()),
            None => Ok(None),
        }
    }
}

fn parsed_pattern(text: &str) -> Result<RefPattern, String> {
    text.parse::<RefPattern>()
        .map_err(|error| error.to_string())
}

fn parsed_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the reason is empty".to_owned());
    }
    Ok(text.to_owned())
}

fn parsed_day(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no day: write it as 2027-01-31"))
}
