//! Advice on a finding, as values that other modules can match.

use std::fmt;

use serde::{Serialize, Serializer};

/// A part of the advice on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingAdvice {
    /// A sentence.
    Text(String),
    /// The beginning of a sentence that the next part ends.
    Before(String),
    /// A prune restores the missing blobs from the trash.
    RestoreFromTrash {
        /// The command of the prune.
        command: String,
    },
    /// A repair fixes it.
    Repair {
        /// The command of the repair.
        command: String,
        /// What the repair does.
        effect: &'static str,
    },
    /// A repair restores a previous version of the ref.
    RestoreVersion {
        /// The command of the repair.
        command: String,
        /// The time of the version, as text.
        time: Option<String>,
    },
    /// A new export or push replaces the ref.
    Replace(String),
}

impl FindingAdvice {
    /// Returns what separates the part from the one before it.
    fn separator(&self, before: &Self) -> &'static str {
        match (before, self) {
            (Self::Before(_), _) => "",
            (Self::Text(_), Self::Repair { .. }) => "; ",
            _ => "; or ",
        }
    }
}

impl fmt::Display for FindingAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Before(text) | Self::Replace(text) => f.write_str(text),
            Self::RestoreFromTrash { command } => write!(
                f,
                "the trash of an earlier prune holds the missing blobs: `{command}` restores them"
            ),
            Self::Repair { command, effect } => write!(f, "`{command}` {effect}"),
            Self::RestoreVersion { command, time } => {
                write!(f, "`{command}` restores its previous version")?;
                time.iter().try_for_each(|time| write!(f, " of {time}"))
            }
        }
    }
}

/// Returns all parts as one text; `None` if there are none.
pub(super) fn text(parts: &[FindingAdvice]) -> Option<String> {
    let (first, others) = parts.split_first()?;
    let mut text = first.to_string();
    let mut before = first;
    for part in others {
        text += part.separator(before);
        text += &part.to_string();
        before = part;
    }
    Some(text)
}

pub(super) fn serialize<S: Serializer>(
    parts: &[FindingAdvice],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text(parts).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repair() -> FindingAdvice {
        FindingAdvice::Repair {
            command: "cachelens repair ./cache".to_owned(),
            effect: "fixes it",
        }
    }

    fn version() -> FindingAdvice {
        FindingAdvice::RestoreVersion {
            command: "cachelens repair ./cache#main --restore main~1".to_owned(),
            time: None,
        }
    }

    #[test]
    fn parts_form_one_sentence() {
        let replace = || FindingAdvice::Replace("export to it once".to_owned());
        let lead = || FindingAdvice::Before("copying drops them: ".to_owned());
        let said = || FindingAdvice::Text("export with mode=max".to_owned());
        for (parts, expected) in [
            (vec![], None),
            (
                vec![lead(), replace()],
                Some("copying drops them: export to it once"),
            ),
            (
                vec![lead(), repair(), replace()],
                Some(
                    "copying drops them: `cachelens repair ./cache` fixes it; or export to it once",
                ),
            ),
            (
                vec![said(), repair()],
                Some("export with mode=max; `cachelens repair ./cache` fixes it"),
            ),
            (
                vec![version(), said()],
                Some(
                    "`cachelens repair ./cache#main --restore main~1` restores its previous version; \
                     or export with mode=max",
                ),
            ),
        ] {
            assert_eq!(text(&parts).as_deref(), expected);
        }
    }
}
