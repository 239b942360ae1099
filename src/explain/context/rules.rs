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

/// Says that an option is no list of strings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the option `{0}` of the build's context is no list")]
pub struct RulesError(pub &'static str);

impl Rules {
    /// Reads the rules of a local source.
    ///
    /// # Errors
    /// When an option is no JSON list of strings.
    pub fn of_source(op: &SourceOp) -> Result<Self, RulesError> {
        let list = |name: &'static str| match op.attr(name) {
            "" => Ok(Vec::new()),
            text => lenient::parse::<lenient::List<String>>(text.as_bytes())
                .map(|list| list.0)
                .map_err(|_| RulesError(name)),
        };
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
        assert_eq!(rules(r#""local.includepattern":"x""#), Err(RulesError("local.includepattern")));
    }
}
