//! Build arguments that choose the image of a stage: `FROM …${ARG}`.

use crate::explain::text_diff::quoted;
use crate::format::dockerfile::outline::DockerfileOutline;
use crate::format::provenance::{Build, StepIndex};

/// Returns the argument in the `FROM` of an image whose value differs from an earlier build, with
/// both values. Returns `None` if no argument of that instruction changed.
pub(super) fn changed(now: &Build, image: StepIndex, before: &Build) -> Option<String> {
    let step = now.step(image)?;
    let texts = step.locations.iter().filter_map(|location| {
        let text = now.sources.get(location.source)?.text.as_deref()?;
        instruction_at(text, location.first_line)
    });
    let names: Vec<String> = texts.flat_map(|text| variables(&text)).collect();
    names.into_iter().find_map(|name| {
        let is = FromArgument::of(now, &name);
        let was = FromArgument::of(before, &name);
        let same_value = is.value == was.value;
        (!same_value).then(|| {
            format!(
                "{name} was {}, and is {}: FROM names another image",
                was.shown(),
                is.shown()
            )
        })
    })
}

/// The value of an argument in a build.
struct FromArgument {
    value: Option<String>,
    is_default: bool,
}

impl FromArgument {
    fn of(build: &Build, name: &str) -> Self {
        if let Some(value) = build.request.args.get(&format!("build-arg:{name}")) {
            return Self {
                value: Some(value.clone()),
                is_default: false,
            };
        }
        let mut texts = build
            .sources
            .iter()
            .filter_map(|source| source.text.as_deref());
        Self {
            value: texts.find_map(|text| default_of(text, name)),
            is_default: true,
        }
    }

    fn shown(&self) -> String {
        match &self.value {
            None => "unset".to_owned(),
            Some(value) if self.is_default => format!("{} (the default)", quoted(value)),
            Some(value) => quoted(value),
        }
    }
}

fn instruction_at(text: &str, line: u32) -> Option<String> {
    let file = DockerfileOutline::parse(text);
    let mut instructions = file.instructions.into_iter();
    let found = instructions.find(|instruction| *instruction.lines.start() == line)?;
    Some(found.text)
}

/// Returns the default of an argument that is declared before the first `FROM`.
fn default_of(text: &str, name: &str) -> Option<String> {
    let file = DockerfileOutline::parse(text);
    let before_from = file.instructions.iter().take_while(|instruction| {
        let word = instruction
            .text
            .split_whitespace()
            .next()
            .unwrap_or_default();
        !word.eq_ignore_ascii_case("FROM")
    });
    before_from
        .flat_map(|instruction| instruction.text.split_whitespace().skip(1))
        .find_map(|word| {
            let (found, value) = word.split_once('=')?;
            (found == name).then(|| value.trim_matches(['"', '\'']).to_owned())
        })
}

/// Returns the names of the variables in a text, `$NAME` and `${NAME…}`.
pub(in crate::explain) fn variables(text: &str) -> Vec<String> {
    let parts = text.split('$').skip(1);
    parts
        .filter_map(|part| {
            let part = part.strip_prefix('{').unwrap_or(part);
            let end = part
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(part.len());
            (end > 0).then(|| part[..end].to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_variables_and_defaults_of_from() {
        assert_eq!(
            variables("FROM ${REGISTRY:-x}/a:$TAG AS b"),
            ["REGISTRY", "TAG"]
        );
        assert_eq!(variables("FROM a$"), [""; 0]);
        let file = "ARG A=1 B=\"two\"\nFROM x:$A\nARG C=3\n";
        assert_eq!(default_of(file, "A").as_deref(), Some("1"));
        assert_eq!(default_of(file, "B").as_deref(), Some("two"));
        assert_eq!(default_of(file, "C"), None);
    }
}
