//! Build arguments that the log of a build shows: BuildKit writes the instructions in it with their
//! values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Described, DescribedBuild, DescribedError};
use crate::explain::load::images::ImageLookup;
use crate::explain::load::log::{self, VertexName};
use crate::explain::load::note::{EvidenceNote, Note};
use crate::explain::names;
use crate::format::dockerfile::outline::DockerfileOutline;
use crate::format::evidence::EvidenceDocument;
use crate::format::llb::Platform;
use crate::format::provenance::Build;
use crate::text::secrets::mask;

/// The longest instruction that is compared with a log, in bytes.
const LONGEST: usize = 16 << 10;

/// The most platforms of a log that are explained.
const MOST_PLATFORMS: usize = 16;

/// A variable in an instruction: `$NAME`, `${NAME}`, `${NAME:-default}`.
static VARIABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\\\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)(:?-[^}]*)?\}").ok()
});

impl DescribedBuild {
    /// Converts the build as [`DescribedBuild::load`] does. If a log among the documents belongs to
    /// the build with other arguments, which it shows, these count: the digests of the steps in the
    /// log confirm them.
    ///
    /// # Errors
    /// If a named file or context does not exist, or BuildKit refuses the build.
    pub async fn load_logged(
        &self,
        lookup: ImageLookup<'_>,
        builder: &Platform,
        documents: &[EvidenceDocument],
    ) -> Result<Described, DescribedError> {
        let mut described = self.load(lookup, builder).await?;
        let mut filled = self.clone();
        if self.options.platforms.is_empty() {
            filled.options.platforms = platforms(documents);
            if let Ok(better) = filled.load(lookup, builder).await
                && logged_steps(&better.builds, documents)
                    > logged_steps(&described.builds, documents)
            {
                described = better;
                let platforms = filled.options.platforms.clone();
                described
                    .notes
                    .push(EvidenceNote::LoggedPlatforms(platforms).into());
            } else {
                filled.options.platforms.clear();
            }
        }
        let found = self.arguments(&described.builds, documents);
        if found.is_empty() {
            return Ok(described);
        }
        filled.options.build_args.extend(found.clone());
        let Ok(mut better) = filled.load(lookup, builder).await else {
            return Ok(described);
        };
        if logged_steps(&better.builds, documents) <= logged_steps(&described.builds, documents) {
            return Ok(described);
        }
        let shown: Vec<String> = found
            .iter()
            .map(|(name, value)| mask(&format!("{name}={value}")))
            .collect();
        let is_of_platforms =
            |note: &Note| matches!(note, Note::Evidence(EvidenceNote::LoggedPlatforms(_)));
        better
            .notes
            .extend(described.notes.into_iter().filter(is_of_platforms));
        let note = EvidenceNote::LoggedArguments(shown);
        better.notes.push(note.into());
        Ok(better)
    }

    /// Returns the arguments that were not given and whose values the logs show.
    fn arguments(
        &self,
        builds: &[Build],
        documents: &[EvidenceDocument],
    ) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for build in builds {
            let mut declared = declared(build);
            declared.retain(|name| !self.options.build_args.contains_key(name));
            if declared.is_empty() {
                continue;
            }
            let instructions = instructions(build);
            for name in documents.iter().flat_map(log::vertex_names) {
                let Some(logged) = VertexName::parse(name) else {
                    continue;
                };
                let Some(written) = instructions.get(&logged.place()) else {
                    continue;
                };
                for (name, value) in values(written, logged.text) {
                    if declared.contains(&name) {
                        found.entry(name).or_default().insert(value);
                    }
                }
            }
        }
        found
            .into_iter()
            .filter_map(|(name, values)| {
                let value = values.first()?.clone();
                (values.len() == 1).then_some((name, value))
            })
            .collect()
    }
}

/// Returns the platforms that the names in the logs have, if these are several. The log of a build
/// for one platform names none.
fn platforms(documents: &[EvidenceDocument]) -> Vec<String> {
    let names = documents.iter().flat_map(log::vertex_names);
    let parsed = names.filter_map(VertexName::parse);
    let platforms: BTreeSet<&str> = parsed.filter_map(|name| name.platform()).collect();
    if !(2..=MOST_PLATFORMS).contains(&platforms.len()) {
        return Vec::new();
    }
    platforms.into_iter().map(str::to_owned).collect()
}

/// Returns how many steps the logs know by their digests, and by their names.
fn logged_steps(builds: &[Build], documents: &[EvidenceDocument]) -> (usize, usize) {
    let mut known = (0, 0);
    for build in builds {
        let names = names::of_steps(build);
        for document in documents {
            let (by_digest, by_name) = log::known_steps(build, &names, document);
            known.0 += by_digest;
            known.1 += by_name;
        }
    }
    known
}

/// Returns the names that the `ARG` instructions of a build declare.
fn declared(build: &Build) -> BTreeSet<String> {
    let texts = build
        .sources
        .iter()
        .filter_map(|source| source.text.as_deref());
    let outlines = texts.map(DockerfileOutline::parse);
    let mut names = BTreeSet::new();
    for instruction in outlines.flat_map(|outline| outline.instructions) {
        let mut words = instruction.text.split_whitespace();
        if words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("ARG"))
        {
            names.extend(words.map(|word| word.split('=').next().unwrap_or(word).to_owned()));
        }
    }
    names
}

/// Returns the instructions of a build as written, by their place in a log.
fn instructions(build: &Build) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (step, name) in build.steps.iter().zip(names::of_steps(build)) {
        let logged = step.vertex_name.as_deref().and_then(VertexName::parse);
        if let Some(logged) = logged {
            found.insert(logged.place(), name.text);
        }
    }
    found
}

/// Returns the values of the variables in an instruction, from its text in a log.
fn values(written: &str, logged: &str) -> Vec<(String, String)> {
    let (Some(variable), true) = (
        VARIABLE.as_ref(),
        written.len() <= LONGEST && logged.len() <= LONGEST,
    ) else {
        return Vec::new();
    };
    let mut written = log::words(written);
    if written
        .get(..5)
        .is_some_and(|word| word.eq_ignore_ascii_case("FROM "))
    {
        // The log has the image with its digest, and not the name of the stage.
        let image = written
            .split(' ')
            .skip(1)
            .find(|word| !word.starts_with("--"));
        written = format!("FROM {}", image.unwrap_or_default());
    }
    let mut names = Vec::new();
    let mut pattern = "^".to_owned();
    let mut end = 0;
    for found in variable.captures_iter(&written) {
        let Some(whole) = found.get(0) else { continue };
        pattern += &regex::escape(&written[end..whole.start()]);
        end = whole.end();
        match found.get(1).or_else(|| found.get(2)) {
            Some(name) => {
                names.push(name.as_str().to_owned());
                pattern += "(.*?)";
            }
            None => pattern += &regex::escape(whole.as_str()),
        }
    }
    if names.is_empty() {
        return Vec::new();
    }
    pattern += &regex::escape(&written[end..]);
    pattern += "(?:@sha256:[0-9a-f]{64})?$";
    let Ok(pattern) = Regex::new(&pattern) else {
        return Vec::new();
    };
    let logged = log::words(logged);
    let Some(found) = pattern.captures(&logged) else {
        return Vec::new();
    };
    let values = (1..).map_while(|group| found.get(group));
    names
        .into_iter()
        .zip(values)
        // A variable that BuildKit does not know stays as it is written.
        .filter(|(_, value)| !value.as_str().starts_with('$'))
        .map(|(name, value)| (name, value.as_str().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_read_from_a_log() {
        let pairs = |written: &str, logged: &str| {
            let found = values(written, logged);
            let found = found.iter().map(|(name, value)| format!("{name}={value}"));
            found.collect::<Vec<_>>().join(" ")
        };
        let digest = "@sha256:".to_owned() + &"0a".repeat(32);
        assert_eq!(
            pairs(
                "FROM --platform=$P ${BASE:-alpine} AS one",
                &format!("FROM docker.io/library/debian:12{digest}"),
            ),
            "BASE=docker.io/library/debian:12"
        );
        assert_eq!(pairs("RUN echo  $A ${B}/x", "RUN echo 1 2/x"), "A=1 B=2");
        assert_eq!(pairs("RUN echo $A", "RUN echo $A"), "");
        assert_eq!(pairs(r"RUN echo \$A $B", r"RUN echo \$A 3"), "B=3");
        assert_eq!(pairs("RUN echo $A", "RUN echo 1 > other"), "A=1 > other");
        assert_eq!(pairs("RUN echo $A > x", "RUN echo"), "");
    }
}
