//! Names for steps and records: the words of the Dockerfile.

use crate::format::dockerfile::outline::DockerfileOutline;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, CodeLocation, Step};
use crate::inventory::labels::StepPlace;
use crate::text::secrets::mask;

pub mod debug;
mod derived;
pub mod records;

/// The name of a step. Its text comes from a build's files: escape it before it reaches a terminal.
#[derive(Debug, Clone, Default)]
pub struct StepName {
    /// The instruction as written, or a description of the operation where the text is missing.
    pub text: String,
    /// The locations of the instruction, the first one first; several if stages share the step,
    /// none if unknown.
    pub places: Vec<StepPlace>,
}

impl StepName {
    /// Returns the same name, with anything that looks like a secret masked.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.text = mask(&self.text);
        for place in &mut self.places {
            place.text = mask(&place.text);
        }
        self
    }
}

/// Names every step of a build.
pub fn of_steps(build: &Build) -> Vec<StepName> {
    let files: Vec<DockerfileOutline> = build
        .sources
        .iter()
        .map(|source| {
            source
                .text
                .as_deref()
                .map(DockerfileOutline::parse)
                .unwrap_or_default()
        })
        .collect();
    build
        .steps
        .iter()
        .map(|step| of_step(build, &files, step))
        .collect()
}

fn of_step(build: &Build, files: &[DockerfileOutline], step: &Step) -> StepName {
    let mut locations = step.locations.clone();
    locations.sort_unstable_by_key(|location| (location.source, location.first_line));
    let places: Vec<StepPlace> = locations
        .iter()
        .map(|location| place(build, files, location))
        .collect();
    let written = places
        .iter()
        .map(|place| &place.text)
        .find(|text| !text.is_empty());
    let text = match (written, &step.op.kind) {
        // BuildKit's log uses this name for the merge of a linked copy with the layers below it
        // (`dockerfile2llb/convert.go`).
        (Some(text), OpKind::Merge(_)) => format!("LINK {text}"),
        (Some(text), _) => text.clone(),
        (None, kind) => derived::name(kind),
    };
    StepName { text, places }
}

fn place(build: &Build, files: &[DockerfileOutline], location: &CodeLocation) -> StepPlace {
    let instruction = files
        .get(location.source)
        .and_then(|file| file.at(location.first_line));
    StepPlace {
        file: build
            .sources
            .get(location.source)
            .map(|source| source.name.clone())
            .unwrap_or_default(),
        first_line: location.first_line,
        last_line: location.last_line,
        stage: instruction.and_then(|instruction| instruction.stage.clone()),
        text: instruction
            .map(|instruction| instruction.text.clone())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn build(dockerfile: &str) -> Build {
        let data = base64::engine::general_purpose::STANDARD.encode(dockerfile);
        let text = format!(
            r#"{{"buildType":"x","buildConfig":{{"llbDefinition":[
                {{"id":"a","op":{{"Op":{{"exec":{{"meta":{{"args":["/bin/sh","-c","npm ci\n"]}}}}}}}}}},
                {{"id":"b","op":{{"Op":{{"source":{{"identifier":"local://context"}}}}}}}}]}},
              "metadata":{{"https://mobyproject.org/buildkit@v1#metadata":{{"source":{{
                "locations":{{"a":{{"locations":[{{"ranges":[{{"start":{{"line":5}},"end":{{"line":5}}}}]}},
                  {{"ranges":[{{"start":{{"line":2}},"end":{{"line":2}}}},{{"start":{{"line":3}},"end":{{"line":3}}}}]}}]}},"b":{{}}}},
                "infos":[{{"filename":"Dockerfile","data":"{data}"}}]}}}}}}}}"#
        );
        Build::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_shared_step_is_named_by_the_first_of_its_locations() {
        let names = of_steps(&build(
            "FROM a AS one\nRUN npm \\\n  ci\nFROM a\nRUN npm ci\n",
        ));
        let places: Vec<_> = names[0]
            .places
            .iter()
            .map(|place| {
                (
                    place.first_line,
                    place.last_line,
                    place.stage.as_ref().unwrap().to_string(),
                )
            })
            .collect();
        assert_eq!(names[0].text, "RUN npm ci");
        assert_eq!(
            places,
            [(2, 3, "one".to_owned()), (5, 5, "stage-1".to_owned())]
        );
        assert_eq!(
            (names[1].text.as_str(), names[1].places.len()),
            ("build context", 0)
        );
    }

    #[test]
    fn without_the_dockerfile_a_step_is_named_by_its_operation() {
        let names = of_steps(&build(""));
        assert_eq!(names[0].text, "RUN npm ci");
        assert_eq!(
            (
                names[0].places[0].file.as_str(),
                names[0].places[0].first_line
            ),
            ("Dockerfile", 2)
        );
        assert!(names[0].places[0].stage.is_none());
    }
}
