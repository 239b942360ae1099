//! Matches the vertices of a log to steps by their names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::explain::names::StepName;
use crate::format::evidence::EvidenceDocument;
use crate::format::plain_log::{PlainLog, PlainVertex};
use crate::format::progress_log::{LoggedVertex, ProgressLog};
use crate::format::provenance::Build;

/// Returns the names of the vertices in a log.
pub(in crate::explain::load) fn vertex_names(document: &EvidenceDocument) -> Vec<&str> {
    match document {
        EvidenceDocument::Log(log) => {
            let vertices = log.vertices.iter();
            vertices.map(|vertex| vertex.name.as_str()).collect()
        }
        EvidenceDocument::PlainLog(log) => {
            let vertices = log.vertices.iter();
            vertices.map(|vertex| vertex.name.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// A vertex of a log.
pub(super) struct NamedVertex<'a, V> {
    name: &'a str,
    /// Whether it has no inputs, if the log says so. A download has the name of the step that adds
    /// it.
    takes_nothing: Option<bool>,
    vertex: &'a V,
}

/// Returns the vertices of a log with digests.
pub(super) fn rich_names(log: &ProgressLog) -> impl Iterator<Item = NamedVertex<'_, LoggedVertex>> {
    log.vertices.iter().map(|vertex| NamedVertex {
        name: &vertex.name,
        takes_nothing: Some(vertex.inputs.is_empty()),
        vertex,
    })
}

/// Returns the vertices of a log with names only.
pub(super) fn plain_names(log: &PlainLog) -> impl Iterator<Item = NamedVertex<'_, PlainVertex>> {
    log.vertices.iter().map(|vertex| NamedVertex {
        name: &vertex.name,
        takes_nothing: None,
        vertex,
    })
}

/// Finds steps by their names in a log: `[web 2/3] RUN npm ci`. An ambiguous name is ignored. In
/// the log of a bake or of several platforms, a target, a platform or both precede the stage; of
/// these, the steps of one target count.
pub(super) fn by_name<'a, V>(
    build: &Build,
    names: &[StepName],
    vertices: impl Iterator<Item = NamedVertex<'a, V>>,
) -> Vec<(usize, &'a V)> {
    let steps = steps_by_name(build, names);
    let platform = crate::explain::load::platform_of(build);
    let mut groups: BTreeMap<String, Vec<(usize, &V)>> = BTreeMap::new();
    for named in vertices {
        let Some(name) = VertexName::parse(named.name) else {
            continue;
        };
        for (target, stage) in name.readings(platform.as_deref()) {
            let found = steps.get(&(stage.to_owned(), words(name.text)));
            let mut fitting = found.into_iter().flatten().filter(|step| {
                let takes_nothing = build.steps[**step].inputs.is_empty();
                named.takes_nothing.is_none_or(|of| of == takes_nothing)
            });
            if let (Some(step), None) = (fitting.next(), fitting.next()) {
                let group = groups.entry(target).or_default();
                group.push((*step, named.vertex));
                break;
            }
        }
    }
    let mut found = groups.remove("").unwrap_or_default();
    let wanted = build
        .request
        .args
        .get("target")
        .cloned()
        .unwrap_or_default();
    let of_target = groups
        .into_iter()
        .max_by_key(|(target, steps)| (*target == wanted, steps.len()));
    found.extend(of_target.into_iter().flat_map(|(_, steps)| steps));
    found
}

/// Returns the steps by their stage and text: as the frontend writes it in a log, and as it stands
/// in the Dockerfile.
fn steps_by_name(build: &Build, names: &[StepName]) -> HashMap<(String, String), Vec<usize>> {
    let mut steps: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (place, (step, name)) in build.steps.iter().zip(names).enumerate() {
        let mut texts = BTreeSet::new();
        let logged = step.vertex_name.as_deref().and_then(VertexName::parse);
        if let Some(logged) = logged {
            let readings = logged.readings(None).into_iter().next();
            texts.extend(readings.map(|(_, stage)| (stage.to_owned(), words(logged.text))));
        }
        for place in &name.places {
            let stage = place
                .stage
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            texts.insert((stage, words(&name.text)));
        }
        for text in texts {
            steps.entry(text).or_default().push(place);
        }
    }
    steps
}

/// The name of a vertex: `[target platform stage 2/3] RUN npm ci`.
pub(in crate::explain::load) struct VertexName<'a> {
    /// The words before the stage and its number.
    before: Vec<&'a str>,
    /// The number of the step in its stage, of how many: `2/3`.
    number: &'a str,
    /// The instruction.
    pub(in crate::explain::load) text: &'a str,
}

impl<'a> VertexName<'a> {
    pub(in crate::explain::load) fn parse(name: &'a str) -> Option<Self> {
        let (head, text) = name.strip_prefix('[')?.split_once("] ")?;
        let mut before: Vec<&str> = head.split_whitespace().collect();
        let number = before.pop()?;
        number.split_once('/')?;
        Some(Self {
            before,
            number,
            text,
        })
    }

    /// Returns the stage and the number, which no other step of a build has.
    pub(in crate::explain::load) fn place(&self) -> String {
        format!("{} {}", self.before.join(" "), self.number)
    }

    /// Returns the platform, which the log of a build for several platforms has.
    pub(in crate::explain::load) fn platform(&self) -> Option<&'a str> {
        let mut words = self.before.iter();
        words.find(|word| word.contains('/')).copied()
    }

    /// Returns the possible targets and stages of the name, the likeliest first. A build of one
    /// stage writes no stage; its name is `stage-0`. Empty for another platform.
    fn readings(&self, platform: Option<&str>) -> Vec<(String, &'a str)> {
        let other = self.platform();
        if other.is_some_and(|other| platform.is_some_and(|platform| platform != other)) {
            return Vec::new();
        }
        let words: Vec<&str> = self
            .before
            .iter()
            .filter(|word| !word.contains('/'))
            .copied()
            .collect();
        match words.as_slice() {
            [] => vec![(String::new(), "stage-0")],
            [one] => vec![(String::new(), *one), ((*one).to_owned(), "stage-0")],
            [target, .., stage] => vec![((*target).to_owned(), *stage)],
        }
    }
}

/// Returns a text with one blank between its words.
pub(in crate::explain::load) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
