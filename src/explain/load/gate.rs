//! Gates of a CI job: steps that must not run.

use std::fmt;
use std::str::FromStr;

use super::Explanation;
use crate::explain::cause::CauseKind;
use crate::explain::solve::CacheVerdict;
use crate::format::provenance::StepIndex;
use crate::text::nearest::nearest;

/// A condition on the steps of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// No step may run.
    Miss,
    /// No step may run for this reason.
    Cause(CauseKind),
    /// The steps at this line must not run; with a file name, only those of this file.
    Line(Option<String>, u32),
    /// The steps whose instruction contains this text must not run.
    Name(String),
}

/// The result of a gate for a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gated {
    /// How many steps it applies to.
    pub steps: usize,
    /// Those that run.
    pub run: Vec<StepIndex>,
    /// Those with an unknown verdict.
    pub unknown: Vec<StepIndex>,
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a gate is miss, cause:KIND, a line or the name of a step".to_owned());
        }
        if text == "miss" {
            return Ok(Self::Miss);
        }
        if let Some(word) = text.strip_prefix("cause:") {
            let found = CauseKind::ALL.into_iter().find(|kind| kind.word() == word);
            return found.map(Self::Cause).ok_or_else(|| {
                let words = CauseKind::ALL.into_iter().map(CauseKind::word);
                match nearest(word, words) {
                    Some(near) => format!("there is no cause `{word}`; did you mean `{near}`?"),
                    None => format!("there is no cause `{word}`"),
                }
            });
        }
        if let Ok(line) = text.parse() {
            return Ok(Self::Line(None, line));
        }
        match text.rsplit_once(':') {
            Some((file, line)) if !file.is_empty() && !file.contains(' ') => match line.parse() {
                Ok(line) => Ok(Self::Line(Some(file.to_owned()), line)),
                Err(_) => Ok(Self::Name(text.to_owned())),
            },
            _ => Ok(Self::Name(text.to_owned())),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Miss => f.write_str("miss"),
            Self::Cause(kind) => write!(f, "cause:{}", kind.word()),
            Self::Line(None, line) => write!(f, "{line}"),
            Self::Line(Some(file), line) => write!(f, "{file}:{line}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Gate {
    /// Applies the gate to a build.
    pub fn judge(&self, explanation: &Explanation) -> Gated {
        let mut gated = Gated::default();
        for step in explanation.steps() {
            if !explanation.is_judged(step) || !self.is_about(explanation, step) {
                continue;
            }
            gated.steps += 1;
            match explanation.standings[step.at()].verdict {
                CacheVerdict::Miss => gated.run.push(step),
                CacheVerdict::Unknown => gated.unknown.push(step),
                CacheVerdict::Hit => {}
            }
        }
        gated
    }

    /// Returns whether the gate names steps. If no step matches such a gate, it is probably
    /// mistyped.
    pub fn names_steps(&self) -> bool {
        matches!(self, Self::Line(..) | Self::Name(_))
    }

    fn is_about(&self, explanation: &Explanation, step: StepIndex) -> bool {
        match self {
            Self::Miss => true,
            Self::Cause(kind) => {
                let cause = explanation.causes[step.at()].as_ref();
                cause.is_some_and(|cause| {
                    cause.kind == *kind || cause.also.iter().any(|part| part.kind == *kind)
                })
            }
            Self::Line(file, line) => {
                let places = explanation.names.get(step.at()).map(|name| &name.places);
                let is_there = |found: &str| {
                    file.as_ref()
                        .is_none_or(|file| found == file || file.rsplit('/').next() == Some(found))
                };
                places.into_iter().flatten().any(|place| {
                    (place.first_line..=place.last_line).contains(line) && is_there(&place.file)
                })
            }
            Self::Name(name) => {
                let title = explanation.title(step).to_lowercase();
                title.contains(&name.to_lowercase())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_parse_in_every_form() {
        let gate = |text: &str| text.parse::<Gate>();
        assert_eq!(gate("miss"), Ok(Gate::Miss));
        assert_eq!(
            gate("cause:base-image"),
            Ok(Gate::Cause(CauseKind::BaseImage))
        );
        assert_eq!(gate("7"), Ok(Gate::Line(None, 7)));
        let file = Some("docker/Dockerfile".to_owned());
        assert_eq!(gate("docker/Dockerfile:7"), Ok(Gate::Line(file, 7)));
        assert_eq!(gate("RUN npm ci"), Ok(Gate::Name("RUN npm ci".into())));
        assert_eq!(gate("RUN echo a:1"), Ok(Gate::Name("RUN echo a:1".into())));
        let error = "there is no cause `contents`; did you mean `content`?";
        assert_eq!(gate("cause:contents"), Err(error.to_owned()));
        assert!(gate(" ").is_err());
        for kind in CauseKind::ALL {
            let text = Gate::Cause(kind).to_string();
            assert_eq!(gate(&text), Ok(Gate::Cause(kind)));
        }
    }
}
