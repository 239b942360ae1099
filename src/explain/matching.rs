//! Finds the records of a cache that stand for each step of a build, as BuildKit's solver would.
//!
//! The search goes from the sources up. A record stands for a step if its digest is the step's, and
//! if each of its inputs is a record of the step's input or the content key of the files that the
//! step uses (`solver/edge.go`, `solver/cachemanager.go`). Equal operations on different inputs
//! have equal digests; only their inputs distinguish them. The match also says how sure it is,
//! because evidence can be missing and earlier builds leave records.

use std::collections::{BTreeSet, HashMap};

use super::keys::{ContentKey, InputKeys, StepKeys, content_root, root};
use crate::format::cache_config::{CacheGraph, Link, Record, RecordIndex};
use crate::format::digest::{Digest, DigestText};
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::labels::Certainty;

/// The records that stand for the outputs of a build's steps.
#[derive(Debug, Clone, Default)]
pub struct Matches(HashMap<StepOutput, MatchCandidates>);

/// The records that may stand for an output, by index.
#[derive(Debug, Clone, Default)]
struct MatchCandidates {
    records: Vec<(RecordIndex, Certainty)>,
    /// Whether the step may have unknown keys, and no known key is in the cache.
    open: bool,
    /// Whether the step has no inputs, as a source. Then its records have none either.
    is_root: bool,
}

impl MatchCandidates {
    fn certainty(&self, record: RecordIndex) -> Option<Certainty> {
        let place = self
            .records
            .binary_search_by_key(&record, |(record, _)| *record)
            .ok()?;
        Some(self.records[place].1)
    }
}

impl Matches {
    /// Matches a build with a cache. `keys` come from [`super::keys::of_build`], possibly with more
    /// keys filled in.
    pub fn find(build: &Build, keys: &[StepKeys], graph: &CacheGraph) -> Self {
        let mut by_digest: HashMap<Digest, Vec<RecordIndex>> =
            HashMap::with_capacity(graph.records.len());
        for (index, record) in graph.indexed_records() {
            if let DigestText::Valid(digest) = record.digest {
                by_digest.entry(digest).or_default().push(index);
            }
        }
        let mut matches = Self::default();
        let outputs = outputs(build);
        for (index, step) in build.ordered() {
            let Some(keys) = keys.get(index.at()) else {
                continue;
            };
            for &at in outputs.range(
                StepOutput {
                    step: index,
                    output: 0,
                }..=StepOutput {
                    step: index,
                    output: u32::MAX,
                },
            ) {
                let roots = keys.digests.iter().map(|key| root(key, at.output));
                let mut records: Vec<_> = roots
                    .filter_map(|root| by_digest.get(&root))
                    .flatten()
                    .map(|&index| {
                        (
                            index,
                            matches.certainty_of(
                                graph,
                                &graph.records[index.at()],
                                &step.inputs,
                                keys,
                            ),
                        )
                    })
                    .collect();
                records.sort_unstable();
                records.dedup_by_key(|(record, _)| *record);
                let open = !keys.complete
                    && records
                        .iter()
                        .all(|(_, certainty)| *certainty < Certainty::Proved);
                matches.0.insert(
                    at,
                    MatchCandidates {
                        records,
                        open,
                        is_root: step.inputs.is_empty(),
                    },
                );
            }
        }
        matches
    }

    /// Returns the records that may stand for an output, in their order.
    pub fn of(&self, output: StepOutput) -> &[(RecordIndex, Certainty)] {
        self.0
            .get(&output)
            .map(|candidates| candidates.records.as_slice())
            .unwrap_or_default()
    }

    /// Returns all outputs that were looked up, with their records.
    pub fn iter(&self) -> impl Iterator<Item = (StepOutput, &[(RecordIndex, Certainty)])> {
        self.0
            .iter()
            .map(|(output, candidates)| (*output, candidates.records.as_slice()))
    }

    /// Returns how surely a link leads to the part of the input that a step uses. Returns `None` if
    /// it does not.
    pub fn link(
        &self,
        graph: &CacheGraph,
        link: &Link,
        input: StepOutput,
        keys: &InputKeys,
    ) -> Option<Certainty> {
        let target = graph.target(link)?;
        let record = graph.record(target)?;
        let is_root = record.input_count() == 0;
        let selected = link.selector.as_ref().map(DigestText::valid) == keys.selector.map(Some);
        let by_key = if selected && let Some(candidates) = self.0.get(&input) {
            let assumed =
                (candidates.open && candidates.is_root == is_root).then_some(Certainty::Assumed);
            // For the steps above, a match of the operation only is a match of the step.
            candidates
                .certainty(target)
                .map(|certainty| certainty.max(Certainty::SameSteps))
                .max(assumed)
        } else {
            None
        };
        let by_content = match keys.content {
            _ if link.selector.is_some() || !is_root => None,
            ContentKey::Never => None,
            ContentKey::Unknown => Some(Certainty::Assumed),
            ContentKey::Known(content) => (record.digest
                == DigestText::Valid(content_root(&content)))
            .then_some(Certainty::Proved),
        };
        let by_evidence = record
            .digest
            .valid()
            .filter(|digest| is_root && keys.also.contains(digest));
        by_key
            .max(by_content)
            .max(by_evidence.map(|_| Certainty::Proved))
    }

    /// Returns whether an input of a record is known by content: by the files that the step uses, or
    /// by other evidence, without the key of the step below.
    pub fn is_by_content(
        &self,
        graph: &CacheGraph,
        links: &[Link],
        input: StepOutput,
        keys: &InputKeys,
    ) -> bool {
        let by_key = keys.without_content();
        let is_proved = |link, keys| self.link(graph, link, input, keys) == Some(Certainty::Proved);
        links
            .iter()
            .any(|link| is_proved(link, keys) && !is_proved(link, &by_key))
    }

    /// Returns whether an input of a record is known by the key of the step below.
    pub fn is_by_key(
        &self,
        graph: &CacheGraph,
        links: &[Link],
        input: StepOutput,
        keys: &InputKeys,
    ) -> bool {
        let by_key = keys.without_content();
        let is_proved = |link| self.link(graph, link, input, &by_key) == Some(Certainty::Proved);
        links.iter().any(is_proved)
    }

    fn certainty_of(
        &self,
        graph: &CacheGraph,
        record: &Record,
        inputs: &[StepOutput],
        keys: &StepKeys,
    ) -> Certainty {
        if record.input_count() != inputs.len() || keys.inputs.len() != inputs.len() {
            return Certainty::SameOperation;
        }
        let mut weakest = Certainty::Proved;
        for ((links, &input), keys) in graph.inputs(record).zip(inputs).zip(&keys.inputs) {
            match links
                .iter()
                .filter_map(|link| self.link(graph, link, input, keys))
                .max()
            {
                Some(certainty) => weakest = weakest.min(certainty),
                None => return Certainty::SameOperation,
            }
        }
        weakest
    }
}

/// Collects the outputs that other steps use; a step's first output always counts.
fn outputs(build: &Build) -> BTreeSet<StepOutput> {
    let mut outputs: BTreeSet<StepOutput> = build
        .order
        .iter()
        .map(|&step| StepOutput { step, output: 0 })
        .collect();
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        outputs.extend(&of.inputs);
        outputs.extend(of.layers.keys().map(|&output| StepOutput { step, output }));
    }
    outputs
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::explain::keys;

    /// Two stages that copy the same files after different commands.
    const STEPS: &str = r#"
        {"id":"base","op":{"Op":{"source":{"identifier":"docker-image://b@sha256:0000000000000000000000000000000000000000000000000000000000000001"}}}},
        {"id":"context","op":{"Op":{"source":{"identifier":"local://context"}}}},
        {"id":"one","op":{"Op":{"exec":{"meta":{"args":["one"]},"mounts":[{"dest":"/"}]}}},"inputs":["base:0"]},
        {"id":"two","op":{"Op":{"exec":{"meta":{"args":["two"]},"mounts":[{"dest":"/"}]}}},"inputs":["base:0"]},
        {"id":"copy one","op":{"Op":{"file":{"actions":[{"secondaryInput":1,"Action":{"copy":{"src":"/web","dest":"/web"}}}]}}},"inputs":["one:0","context:0"]},
        {"id":"copy two","op":{"Op":{"file":{"actions":[{"secondaryInput":1,"Action":{"copy":{"src":"/web","dest":"/web"}}}]}}},"inputs":["two:0","context:0"]}"#;

    fn build(steps: &str) -> (Build, Vec<StepKeys>) {
        let text = format!(
            r#"{{"buildType":"x","invocation":{{"environment":{{"platform":"linux/amd64"}}}},"buildConfig":{{"llbDefinition":[{steps}]}}}}"#
        );
        let build = Build::parse(text.as_bytes()).unwrap();
        let keys = keys::of_build(&build);
        (build, keys)
    }

    fn at(step: u32) -> StepOutput {
        StepOutput {
            step: StepIndex(step),
            output: 0,
        }
    }

    /// A selector and the index of a record.
    type TestLink = (Option<Digest>, usize);
    /// A digest, and the links of each input.
    type TestRecord<'a> = (Digest, &'a [&'a [TestLink]]);

    fn graph(records: &[TestRecord]) -> CacheGraph {
        let link = |(selector, target): &TestLink| {
            let selector = selector
                .map(|selector| format!(r#""selector":"{selector}","#))
                .unwrap_or_default();
            format!(r#"{{{selector}"link":{target}}}"#)
        };
        let group = |links: &&[TestLink]| {
            format!("[{}]", links.iter().map(link).collect::<Vec<_>>().join(","))
        };
        let record = |(digest, groups): &TestRecord| {
            let groups: Vec<String> = groups.iter().map(group).collect();
            format!(r#"{{"digest":"{digest}","inputs":[{}]}}"#, groups.join(","))
        };
        let records: Vec<String> = records.iter().map(record).collect();
        CacheGraph::parse(format!(r#"{{"records":[{}]}}"#, records.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn equal_operations_over_different_inputs_get_each_their_own_record() {
        let (build, mut keys) = build(STEPS);
        let key = |step: usize| root(&keys[step].digests[0], 0);
        assert_eq!(key(4), key(5));
        let slash = keys[2].inputs[0].selector;
        let content = Digest::of(b"content");
        let graph = graph(&[
            (key(0), &[]),
            (content_root(&content), &[]),
            (key(4), &[&[(None, 5)], &[(None, 1)]]),
            (key(4), &[&[(None, 4)], &[(None, 1)]]),
            (key(2), &[&[(slash, 0)]]),
            (key(3), &[&[(slash, 0)]]),
        ]);
        let matches = Matches::find(&build, &keys, &graph);
        let one = RecordIndex(3);
        let two = RecordIndex(2);
        assert_eq!(matches.of(at(2)), [(RecordIndex(4), Certainty::Proved)]);
        assert_eq!(
            matches.of(at(4)),
            [(two, Certainty::SameOperation), (one, Certainty::Assumed)]
        );
        assert_eq!(
            matches.of(at(5)),
            [(two, Certainty::Assumed), (one, Certainty::SameOperation)]
        );

        // With the files, the key is known, and it either agrees or does not.
        keys[4].inputs[1].content = ContentKey::Known(content);
        keys[5].inputs[1].content = ContentKey::Known(Digest::of(b"other"));
        let matches = Matches::find(&build, &keys, &graph);
        assert_eq!(
            matches.of(at(4)),
            [(two, Certainty::SameOperation), (one, Certainty::Proved)]
        );
        assert_eq!(
            matches.of(at(5)),
            [
                (two, Certainty::SameOperation),
                (one, Certainty::SameOperation)
            ]
        );
    }

    #[test]
    fn any_root_may_be_an_image_without_its_first_key() {
        let (build, mut keys) = build(STEPS);
        let slash = keys[2].inputs[0].selector;
        let one = root(&keys[2].digests[0], 0);
        let records: [TestRecord; 3] = [
            (Digest::of(b"chain"), &[]),
            (one, &[&[(slash, 0)]]),
            (one, &[&[(Some(Digest::of(b"/elsewhere")), 0)]]),
        ];
        let graph = graph(&records);
        let found = |keys: &[StepKeys]| Matches::find(&build, keys, &graph).of(at(2)).to_vec();
        let selected = RecordIndex(1);
        let other = RecordIndex(2);
        assert_eq!(
            found(&keys),
            [
                (selected, Certainty::Assumed),
                (other, Certainty::SameOperation)
            ]
        );
        keys[0].complete = true;
        assert_eq!(
            found(&keys),
            [
                (selected, Certainty::SameOperation),
                (other, Certainty::SameOperation)
            ]
        );
    }

    #[test]
    fn dangling_and_circular_records_are_tolerated() {
        let (build, keys) = build(STEPS);
        let one = root(&keys[2].digests[0], 0);
        let copy = root(&keys[4].digests[0], 0);
        let graph = graph(&[
            (one, &[]),
            (one, &[&[(None, 1)]]),
            (copy, &[&[(None, 77)], &[]]),
            (copy, &[&[]]),
        ]);
        let matches = Matches::find(&build, &keys, &graph);
        assert_eq!(matches.of(at(2)).len(), 2);
        assert_eq!(matches.of(at(4)).len(), 2);
        assert!(matches.of(at(9)).is_empty());
        assert!(
            matches
                .iter()
                .flat_map(|(_, found)| found)
                .all(|(_, certainty)| *certainty < Certainty::Assumed)
        );
    }

    #[test]
    fn a_hundred_thousand_equal_records_match_in_bounded_time() {
        let mut steps = STEPS.to_owned();
        for step in 0..300 {
            write!(
                steps,
                r#",{{"id":"s{step}","op":{{"Op":{{"exec":{{"meta":{{"args":["{step}"]}},"mounts":[{{"dest":"/"}}]}}}}}},"inputs":["copy one:0"]}}"#
            )
            .unwrap();
        }
        let (build, keys) = build(&steps);
        let slash = keys[2].inputs[0].selector;
        let mut records: Vec<TestRecord> = vec![(root(&keys[0].digests[0], 0), &[])];
        let twins: [&[TestLink]; 1] = [&[(slash, 0)]];
        records.extend(
            (0..100_000).map(|record| (root(&keys[6 + record % 300].digests[0], 0), &twins[..])),
        );
        let graph = graph(&records);
        let matches = Matches::find(&build, &keys, &graph);
        assert_eq!(
            matches.iter().map(|(_, found)| found.len()).sum::<usize>(),
            100_001
        );
    }
}
