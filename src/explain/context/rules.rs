//! Which files of a directory a build asks its client for: the options of a `local://` source (`solver/pb/attr.go`).

use crate::format::lenient;
use crate::format::llb::SourceOp;

/// Which files are sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Rules {
    /// Only what one of these matches; all when there are none.
    pub include: Vec<String>,
    /// Nothing that one of these matches: what `.dockerignore` says.
    pub exclude: Vec<String>,
    /// Paths that are included with whatever links on the way to them lead to.
    pub follow: Vec<String>,
}

/// Says why it is not known which files are sent, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// An option is no list of strings.
    #[error("the option `{0}` of the build's context is no list")]
    NotAList(&'static str),
    /// An option that this program does not know; that files come without their content is one, too.
    #[error("the build's context has the option `{0}`, so that the keys of its files are not known")]
    UnknownOption(String),
}

/// The options that say which files are sent, and those that change nothing about them (`solver/pb/attr.go`).
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
    /// When an option is no JSON list of strings, or is not known.
    pub fn of_source(op: &SourceOp) -> Result<Self, RulesError> {
        let list = |name: &'static str| match op.attr(name) {
            "" => Ok(Vec::new()),
            text => lenient::parse::<lenient::List<String>>(text.as_bytes())
                .map(|list| list.0)
                .map_err(|_| RulesError::NotAList(name)),
        };
        let is_strange = |name: &&String| name.starts_with("local.") && !OPTIONS.contains(&name.as_str());
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
        let found = rules(r#""local.excludepatterns":"[\"a\",\"!b\"]","local.followpaths":"[\"c\"]""#).unwrap();
        assert_eq!(
            found,
            Rules { exclude: vec!["a".into(), "!b".into()], follow: vec!["c".into()], ..Rules::default() }
        );
        assert_eq!(rules("").unwrap(), Rules::default());
        assert_eq!(rules(r#""local.includepattern":"x""#), Err(RulesError::NotAList("local.includepattern")));
        assert!(rules(r#""local.differ":"none","local.sharedkeyhint":"x""#).is_ok());
        let metadata = rules(r#""local.metadatatransfer":"true""#);
        assert_eq!(metadata, Err(RulesError::UnknownOption("local.metadatatransfer".to_owned())));
    }
}
