//! Flags of instructions: `--name=value` (`frontend/dockerfile/instructions/bflag.go`).

use std::collections::BTreeMap;

use crate::format::go_text;

/// The given flags of an instruction.
#[derive(Debug, Default)]
pub(super) struct InstructionFlags {
    values: BTreeMap<&'static str, Vec<String>>,
}

/// The kind of value that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, `true` or `false`.
    Bool,
    Value,
    /// A value for each occurrence.
    Values,
}

impl InstructionFlags {
    /// Parses flags.
    ///
    /// # Errors
    /// If a flag is unknown for the instruction, is repeated, or has a wrong value.
    pub(super) fn parse(given: &[String], known: &[(&'static str, Takes)]) -> Result<Self, String> {
        let mut flags = Self::default();
        for text in given {
            let (flag, value) = text
                .split_once('=')
                .map_or((text.as_str(), None), |(flag, value)| (flag, Some(value)));
            let Some(name) = flag.strip_prefix("--") else {
                return Err(format!("arg should start with -- : {text}"));
            };
            let Some((name, takes)) = known.iter().find(|(known, _)| *known == name) else {
                return Err(unknown(flag, name, known));
            };
            let values = flags.values.entry(name).or_default();
            if !values.is_empty() && *takes != Takes::Values {
                return Err(format!("duplicate flag specified: {flag}"));
            }
            let missing = || format!("missing a value on flag: {flag}");
            values.push(match (takes, value) {
                (Takes::Bool, None) => "true".to_owned(),
                (Takes::Bool, Some("")) | (Takes::Value | Takes::Values, None) => {
                    return Err(missing());
                }
                (Takes::Bool, Some(value)) => match go_text::lower(value).as_str() {
                    lower @ ("true" | "false") => lower.to_owned(),
                    _ => {
                        return Err(format!(
                            "expecting boolean value for flag {flag}, not: {value}"
                        ));
                    }
                },
                (Takes::Value | Takes::Values, Some(value)) => value.to_owned(),
            });
        }
        Ok(flags)
    }

    /// Returns the value of a flag; empty if it is not given.
    pub(super) fn value(&self, name: &str) -> String {
        self.values
            .get(name)
            .and_then(|values| values.first())
            .cloned()
            .unwrap_or_default()
    }

    /// Returns a boolean, if it is given.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        self.values
            .get(name)
            .and_then(|values| values.first())
            .map(|value| value == "true")
    }

    /// Returns all values of a flag.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        self.values.get(name).cloned().unwrap_or_default()
    }
}

fn unknown(flag: &str, name: &str, known: &[(&'static str, Takes)]) -> String {
    let hint = super::suggestion(name, known.iter().map(|(known, _)| *known));
    format!("unknown flag: {flag}{hint}")
}
