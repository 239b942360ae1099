//! Parts of a source that the environment of a CI job gives: `${{ github.ref_name }}`,
//! `$CI_REGISTRY_IMAGE`.
//!
//! Only the variables listed here are used. They describe the job and its repository; none of them
//! holds a credential, because their values become part of addresses and are shown.

/// A context of GitHub Actions, and the variable that holds its value.
const CONTEXTS: [(&str, &str); 19] = [
    ("github.repository", "GITHUB_REPOSITORY"),
    ("github.repository_owner", "GITHUB_REPOSITORY_OWNER"),
    ("github.ref", "GITHUB_REF"),
    ("github.ref_name", "GITHUB_REF_NAME"),
    ("github.ref_type", "GITHUB_REF_TYPE"),
    ("github.head_ref", "GITHUB_HEAD_REF"),
    ("github.base_ref", "GITHUB_BASE_REF"),
    ("github.sha", "GITHUB_SHA"),
    ("github.run_id", "GITHUB_RUN_ID"),
    ("github.run_number", "GITHUB_RUN_NUMBER"),
    ("github.run_attempt", "GITHUB_RUN_ATTEMPT"),
    ("github.actor", "GITHUB_ACTOR"),
    ("github.workflow", "GITHUB_WORKFLOW"),
    ("github.job", "GITHUB_JOB"),
    ("github.event_name", "GITHUB_EVENT_NAME"),
    ("github.workspace", "GITHUB_WORKSPACE"),
    ("runner.os", "RUNNER_OS"),
    ("runner.arch", "RUNNER_ARCH"),
    ("runner.temp", "RUNNER_TEMP"),
];

/// Variables of `GitLab` CI.
const GITLAB: [&str; 24] = [
    "CI_REGISTRY",
    "CI_REGISTRY_IMAGE",
    "CI_PROJECT_DIR",
    "CI_PROJECT_ID",
    "CI_PROJECT_NAME",
    "CI_PROJECT_NAMESPACE",
    "CI_PROJECT_PATH",
    "CI_PROJECT_PATH_SLUG",
    "CI_PROJECT_ROOT_NAMESPACE",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_SLUG",
    "CI_COMMIT_SHA",
    "CI_COMMIT_SHORT_SHA",
    "CI_COMMIT_TAG",
    "CI_DEFAULT_BRANCH",
    "CI_ENVIRONMENT_SLUG",
    "CI_JOB_ID",
    "CI_JOB_NAME",
    "CI_JOB_NAME_SLUG",
    "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_PIPELINE_ID",
    "CI_PIPELINE_IID",
];

/// Returns the value of an expression that stands between `${{` and `}}`, or of a variable;
/// `lookup` reads the environment. Of alternatives (`a || b`) the first that is not empty counts.
pub fn value(expression: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let alternatives = expression.split("||").map(str::trim);
    let mut values = alternatives.map(|name| {
        let of_context = CONTEXTS.iter().find(|(context, _)| *context == name);
        let variable = match of_context {
            Some((_, variable)) => variable,
            None => {
                let name = name.strip_prefix("env.").unwrap_or(name);
                let name = name.trim_start_matches('$');
                let of_github = CONTEXTS.iter().map(|(_, variable)| variable);
                of_github.chain(&GITLAB).find(|known| **known == name)?
            }
        };
        // A context that is not set is empty, as in GitHub Actions; then the next one counts.
        Some(lookup(variable).unwrap_or_default())
    });
    loop {
        match values.next()? {
            Some(value) if value.is_empty() => {}
            Some(value) => return value_in_bounds(value),
            // The unknown part could have been the value.
            None => return None,
        }
    }
}

/// Returns a value without control characters and of a length that a source may have.
fn value_in_bounds(value: String) -> Option<String> {
    const LONGEST: usize = 512;
    (value.len() <= LONGEST && !value.contains(char::is_control)).then_some(value)
}

/// Fills in `${{ … }}`, `${NAME}` and `$NAME` where the environment gives their values. Everything
/// else stays as it is.
pub fn filled(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (name, length) = variable(rest);
        match value(name, lookup) {
            Some(value) if length > 1 => filled.push_str(&value),
            _ => filled.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    filled + rest
}

/// Returns the name of the variable at the beginning of a text, and how many bytes it takes there;
/// one byte when there is none.
fn variable(text: &str) -> (&str, usize) {
    for (open, close) in [("${{", "}}"), ("${", "}")] {
        if let Some(rest) = text.strip_prefix(open) {
            return match rest.find(close) {
                Some(end) => (rest[..end].trim(), open.len() + end + close.len()),
                None => ("", 1),
            };
        }
    }
    let rest = &text[1..];
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    (&rest[..end], 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Option<String> {
        let value = match name {
            "GITHUB_REPOSITORY" => "acme/app",
            "GITHUB_REF_NAME" => "main",
            "GITHUB_TOKEN" | "CI_JOB_TOKEN" | "CI_REGISTRY_PASSWORD" => "secret",
            "CI_REGISTRY_IMAGE" => "registry.gitlab.example/acme/app",
            "CI_COMMIT_BRANCH" => "a\nb",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_job_gives_the_values_of_its_variables() {
        for (text, expected) in [
            (
                "ghcr.io/${{ github.repository }}:${{github.ref_name}}",
                "ghcr.io/acme/app:main",
            ),
            ("${{ github.head_ref || github.ref_name }}", "main"),
            ("ghcr.io/$GITHUB_REPOSITORY/x", "ghcr.io/acme/app/x"),
            (
                "${CI_REGISTRY_IMAGE}:c",
                "registry.gitlab.example/acme/app:c",
            ),
            ("${{ env.GITHUB_REF_NAME }}", "main"),
        ] {
            assert_eq!(filled(text, &job), expected, "{text}");
        }
    }

    #[test]
    fn only_variables_of_ci_are_substituted() {
        for text in [
            "$GITHUB_TOKEN",
            "${{ secrets.GITHUB_TOKEN }}",
            "${{ env.CI_JOB_TOKEN }}",
            "$CI_REGISTRY_PASSWORD",
            "${{ matrix.p || github.ref_name }}",
            "$CI_COMMIT_BRANCH",
            "$GITHUB_SHA",
            "a$",
            "${GITHUB_REF_NAME",
            "cost$5",
            "ä$ö",
        ] {
            assert_eq!(filled(text, &job), text);
        }
    }
}
