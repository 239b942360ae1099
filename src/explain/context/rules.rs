//! The options of a `local://` source: which files of a directory a build requests from its client
//! (`solver/pb/attr.go`).

use crate::format::lenient;
use crate::format::llb::SourceOp;

/// The rules for the files that are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Rules {
    /// Only paths that match one of these patterns are sent; all if there are none.
    pub include: Vec<String>,
    /// Paths that match one of these patterns are not sent: the patterns of `.dockerignore`.
    pub exclude: Vec<String>,
    /// Paths that are included together with the targets of links on the way to them.
    pub follow: Vec<String>,
}

/// Why the list of sent files is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// An option is no list of strings.
    #[error("the option `{0}` of the build's context is no list")]
    NotAList(&'static str),
    /// An option that this program does not support. The option to send files without their content
    /// is one of these.
    #[error(
        "the build's context has the option `{0}`, so that the keys of its files are not known"
    )]
    UnknownOption(String),
}

/// The options that select files, and those that do not affect the selection (`solver/pb/attr.go`).
const OPTIONS: [&str; 7] = [
    "local.includepattern",
    "local.excludepatterns",
    "local.followpaths",
    "local.session",
    "local.sharedkeyhint",
    "local.unique",
    "local.differ",
];

impl Rules {
    /// Reads the rules of a local source.
    ///
    /// # Errors
    /// If an option is no JSON list of strings, or is not supported.
    pub fn of_source(op: &SourceOp) -> Result<Self, RulesError> {
        let list = |name: &'static str| match op.attr(name) {
            "" => Ok(Vec::new()),
            text => lenient::parse::<lenient::LenientList<String>>(text.as_bytes())
                .map(|list| list.0)
                .map_err(|_| RulesError::NotAList(name)),
        };
        let is_strange =
            |name: &&String| name.starts_with("local.") && !OPTIONS.contains(&name.as_str());
        if let Some(name) = op.attrs.keys().find(is_strange) {
            return Err(RulesError::UnknownOption(name.clone()));
        }
        Ok(Self {
            include: list("local.includepattern")?,
            exclude: list("local.excludepatterns")?,
            follow: list("local.followpaths")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(attrs: &str) -> Result<Rules, RulesError> {
        let op = format!(r#"{{"identifier":"local://context","attrs":{{{attrs}}}}}"#);
        Rules::of_source(&lenient::parse(op.as_bytes()).unwrap())
    }

    #[test]
    fn reads_the_options_of_a_source() {
        let found =
            rules(r#""local.excludepatterns":"[\"a\",\"!b\"]","local.followpaths":"[\"c\"]""#)
                .unwrap();
        assert_eq!(
            found,
            Rules {
                exclude: vec!["a".into(), "!b".into()],
                follow: vec!["c".into()],
                ..Rules::default()
            }
        );
        assert_eq!(rules("").unwrap(), Rules::default());
        assert_eq!(
            rules(r#""local.includepattern":"x""#),
            Err(RulesError::NotAList("local.includepattern"))
        );
        assert!(rules(r#""local.differ":"none","local.sharedkeyhint":"x""#).is_ok());
        let metadata = rules(r#""local.metadatatransfer":"true""#);
        assert_eq!(
            metadata,
            Err(RulesError::UnknownOption(
                "local.metadatatransfer".to_owned()
            ))
        );
    }
}
