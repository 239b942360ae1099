//! A declared cache as it should be written, and advice that names it.

use crate::find::cache_type::CacheType;
use crate::find::declaration::Declaration;
use crate::find::fields::{csv_fields, join_fields};

/// The contexts of GitHub's expressions.
const CONTEXTS: [&str; 10] = [
    "github.",
    "env.",
    "matrix.",
    "inputs.",
    "steps.",
    "needs.",
    "vars.",
    "secrets.",
    "runner.",
    "strategy.",
];

impl Declaration {
    /// Returns the cache with some attributes set, or (`None`) left out. Unknown parts are the
    /// variables and expressions of the file.
    pub(super) fn corrected(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut fields = Vec::new();
        let mut waiting: Vec<(&str, Option<&str>)> = changes.to_vec();
        for field in csv_fields(&self.expression) {
            let name = field.split('=').next().unwrap_or_default().trim();
            let change = waiting.iter().position(|(changed, _)| *changed == name);
            match change.map(|at| waiting.remove(at)) {
                Some((name, Some(value))) => fields.push(format!("{name}={value}")),
                Some((_, None)) => {}
                None => fields.push(field.trim().to_owned()),
            }
        }
        let added = waiting.into_iter();
        fields.extend(added.filter_map(|(name, value)| Some(format!("{name}={}", value?))));
        in_source(&join_fields(fields.into_iter()))
    }
}

/// Writes `{name}` as in a source: `${{ github.sha }}`, `${NAME}`, and `*` for other expressions.
pub(in crate::find) fn in_source(expressed: &str) -> String {
    let mut source = String::with_capacity(expressed.len());
    let mut rest = expressed;
    while let Some((before, after)) = rest.split_once('{') {
        source.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let of_github = CONTEXTS.iter().any(|context| name.starts_with(context));
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let variable = name.split(" = ").next().unwrap_or(name);
        let is_variable = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if of_github && name.chars().all(is_path) {
            source.push_str(&format!("${{{{ {name} }}}}"));
        } else if !variable.is_empty() && variable.chars().all(is_variable) {
            source.push_str(&format!("${{{variable}}}"));
        } else {
            source.push('*');
        }
        rest = after;
    }
    source + rest
}

/// Returns an import like this one whose name does not change.
pub(super) fn lasting(at: &Declaration) -> String {
    let expressed = at.expressed("ref").unwrap_or_default();
    let slash = expressed.rfind('/').unwrap_or_default();
    match expressed[slash..].find(':') {
        Some(colon) => {
            let reference = format!("{}:main", &expressed[..slash + colon]);
            at.corrected(&[("ref", Some(&reference))])
        }
        None if at.kind() == CacheType::Gha => at.corrected(&[("scope", Some("main"))]),
        None => at.corrected(&[("name", Some("main"))]),
    }
}

/// Advises to export to the repository of a cache with another end.
pub(super) fn moved_to(at: &Declaration, end: &str) -> String {
    let expressed = at.expressed("ref").unwrap_or_default();
    let slash = expressed.rfind('/').unwrap_or_default();
    let tag = expressed[slash..].find(':').map(|colon| slash + colon);
    let repository = &expressed[..tag.unwrap_or(expressed.len())];
    let end = match tag {
        Some(tag) if end.contains('*') => {
            end.split(':').next().unwrap_or(end).to_owned() + &expressed[tag..]
        }
        _ => end.to_owned(),
    };
    let reference = format!("{repository}{end}");
    let corrected = at.corrected(&[("ref", Some(&reference))]);
    format!("Write `{corrected}`, and import that.")
}

/// Advises how to write the value of a variable in lower case.
pub(super) fn in_lower_case(at: &Declaration, name: &str) -> String {
    let is_of_github = at.facts.job.is_some() || at.file.starts_with(".github/");
    if is_of_github {
        return format!(
            "Run `echo \"NAME=${{{name},,}}\" >> \"$GITHUB_ENV\"` in an earlier step, and write `${{{{ env.NAME }}}}`."
        );
    }
    format!("Use the output of `echo \"${name}\" | tr A-Z a-z`.")
}

/// Returns a reference in lower case, but for its tag and the names of variables.
pub(super) fn lower_case(expressed: &str) -> String {
    let slash = expressed.rfind('/').unwrap_or_default();
    let tag = expressed[slash..].find([':', '@']);
    let (repository, tag) = expressed.split_at(tag.map_or(expressed.len(), |at| slash + at));
    let mut is_name = false;
    let lower = |character: char| {
        is_name = (is_name || character == '{') && character != '}';
        if is_name {
            character
        } else {
            character.to_ascii_lowercase()
        }
    };
    let repository: String = repository.chars().map(lower).collect();
    repository + tag
}

/// Advises how to replace the slashes of a branch name.
pub(super) fn sanitized(at: &Declaration) -> String {
    if at.facts.job.is_some() || at.tool.starts_with("docker/") {
        return "Run `echo \"TAG=${GITHUB_REF_NAME//\\//-}\" >> \"$GITHUB_ENV\"` in an earlier step, and write `${{ env.TAG }}`.".to_owned();
    }
    let expressed = at.expressed("ref").unwrap_or_default();
    if expressed.to_lowercase().contains("ci_commit") && !at.file.contains("woodpecker") {
        return "Write `${CI_COMMIT_REF_SLUG}`.".to_owned();
    }
    let name = expressed
        .rsplit('{')
        .next()
        .and_then(|rest| rest.split_once('}'));
    let name = name.map_or("BRANCH", |(name, _)| name);
    let is_variable = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    let name = if is_variable { name } else { "BRANCH" };
    format!("Write `${{{name}//\\//-}}` in a script of Bash, which replaces the slashes.")
}
