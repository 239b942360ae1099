use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::format::cache_config::{CacheGraph, CacheLayer};
use crate::format::dockerfile::outline::OutlineStage;
use crate::format::manifest::Descriptor;
use crate::inventory::labels::Certainty;
use crate::inventory::labels::Labels;
use crate::inventory::labels::StepPlace;
use crate::inventory::resolve::FoundCache;

/// The selector of a `RUN`, which uses its input as a whole.
fn root() -> String {
    Digest::of(b"/").to_string()
}

/// Makes a cache of records written as JSON, and of layers that are all described and stored.
fn cache(records: &str, layers: u32) -> (RefCache, BlobTable) {
    let mut blobs = BlobTable::default();
    let mut listed = Vec::new();
    for layer in 0..layers {
        let digest = Digest::of(&layer.to_le_bytes());
        blobs.store(digest, u64::from(layer) + 1, None);
        listed.push(format!(
            r#"{{"blob":"{digest}","parent":{}}}"#,
            i64::from(layer) - 1
        ));
    }
    let text = format!(
        r#"{{"layers":[{}],"records":[{records}]}}"#,
        listed.join(",")
    );
    let graph = CacheGraph::parse(text.as_bytes()).unwrap();
    let described = |layer: &CacheLayer| {
        let mut descriptor = Descriptor::default();
        descriptor.digest = layer.blob.clone();
        descriptor
    };
    let descriptors: Vec<Descriptor> = graph.layers.iter().map(described).collect();
    let found = FoundCache {
        config: Digest::of(text.as_bytes()),
        graph,
        layers: &descriptors.iter().collect::<Vec<_>>(),
        platform: None,
        undescribed: None,
        unloadable: std::collections::HashSet::new(),
    };
    (RefCache::of_found(found, &blobs), blobs)
}

/// Draws a tree: a row a line, its depth as blanks, twins in brackets.
fn draw(cache: &RefCache, tree: &StepTree) -> Vec<String> {
    let name = |index: RecordIndex| {
        label(&tree.labels, index).map_or_else(
            || cache.graph.records[index.at()].digest.to_string(),
            |l| l.text.clone(),
        )
    };
    let row = |row: &StepRow| {
        let text = match &row.kind {
            RowKind::Stage(stage) => format!("{}:", stage.name),
            RowKind::Unnamed => "unnamed:".to_owned(),
            RowKind::Step(index) => name(*index),
            RowKind::Twin(index) => format!("[{}]", name(*index)),
        };
        format!("{}{text}", " ".repeat(row.indent.depth as usize))
    };
    tree.rows.iter().map(row).collect()
}

fn drawn(records: &str) -> Vec<String> {
    let (cache, _) = cache(records, 4);
    draw(&cache, &StepTree::new(&cache, Labels::new()))
}

#[test]
fn a_chain_is_on_one_level_and_a_fork_is_indented() {
    assert_eq!(
        drawn(
            r#"{"digest":"base"}, {"digest":"a","inputs":[[{"link":0}]]}, {"digest":"b","inputs":[[{"link":1}]]},
               {"digest":"c","inputs":[[{"link":2}]]}, {"digest":"d","inputs":[[{"link":2}]]},
               {"digest":"e","inputs":[[{"link":4}],[{"link":3}]]}"#
        ),
        ["base", "a", "b", " c", " d", " e"]
    );
}

#[test]
fn steps_are_sorted_by_creation() {
    let at = |day: u32, layer: u32| {
        format!(r#""layers":[{{"layer":{layer},"createdAt":"2026-01-0{day}T00:00:00Z"}}]"#)
    };
    let records = format!(
        r#"{{"digest":"base"}}, {{"digest":"key","inputs":[[{{"link":0}}]]}},
           {{"digest":"late","inputs":[[{{"link":0}}]],{}}}, {{"digest":"early","inputs":[[{{"link":0}}]],{}}}"#,
        at(5, 0),
        at(2, 1)
    );
    assert_eq!(drawn(&records), ["base", " early", " late", " key"]);
}

#[test]
fn keys_of_content_are_no_steps_and_keys_of_sources_are() {
    let root = root();
    // A RUN on a base with two keys; COPY from the context; COPY --from of a step and of an image;
    // COPY to nothing.
    let records = format!(
        r#"{{"digest":"base"}}, {{"digest":"base2"}}, {{"digest":"files"}}, {{"digest":"image"}}, {{"digest":"content"}},
           {{"digest":"dir","inputs":[[{{"link":0}},{{"link":1}}]]}},
           {{"digest":"run","inputs":[[{{"link":5,"selector":"{root}"}}]]}},
           {{"digest":"copy","inputs":[[{{"link":6}}],[{{"link":2}}]]}},
           {{"digest":"from","inputs":[[{{"link":7}}],[{{"link":3,"selector":"x"}},{{"link":4}}]]}},
           {{"digest":"scratch","inputs":[[{{"link":8,"selector":"y"}},{{"link":4}}]]}}"#
    );
    let (cache, _) = cache(&records, 0);
    let tree = StepTree::new(&cache, Labels::new());
    assert_eq!(
        draw(&cache, &tree),
        [
            "base", " [base2]", "dir", "run", "copy", "from", "scratch", "image"
        ]
    );
    assert_eq!(tree.hidden, [RecordIndex(2), RecordIndex(4)]);
    assert_eq!((tree.rows[0].twins, tree.rows[0].below), (1, 0));
}

#[test]
fn keys_of_previous_builds_are_folded_into_the_step_with_the_result() {
    let records = r#"{"digest":"base"}, {"digest":"old"}, {"digest":"run","inputs":[[{"link":1}]]},
        {"digest":"run","inputs":[[{"link":0}]],"layers":[{"layer":0}]},
        {"digest":"next","inputs":[[{"link":2}]]},
        {"digest":"run","inputs":[[{"link":0}]]},
        {"digest":"after","inputs":[[{"link":5}]],"layers":[{"layer":1}]}"#;
    // A record with a result that builds on a key shows that the key is another step.
    assert_eq!(
        drawn(records),
        ["base", " run", "  [run]", " next", " run", " after", "old"]
    );
}

/// A record, its text, its stage and its line.
type Named<'a> = (u32, &'a str, Option<(u32, &'a str)>, u32);

fn labels(named: &[Named<'_>]) -> Labels {
    let mut labels = Labels::new();
    for &(index, text, stage, line) in named {
        labels.resize(labels.len().max(index as usize + 1), None);
        let stage = stage.map(|(index, name)| OutlineStage {
            index,
            name: Some(name.to_owned()),
        });
        let place = StepPlace {
            file: "Dockerfile".into(),
            first_line: line,
            last_line: line,
            stage,
            text: text.into(),
        };
        let label = RecordLabel {
            text: text.into(),
            places: vec![place],
            certainty: Certainty::Proved,
            is_step: !text.starts_with("files"),
            platform: None,
        };
        labels[index as usize] = Some(label);
    }
    labels
}

#[test]
fn stages_are_in_the_order_of_the_dockerfile() {
    let records = r#"{"digest":"base"}, {"digest":"x","inputs":[[{"link":0}]]}, {"digest":"y","inputs":[[{"link":1}]]},
        {"digest":"z","inputs":[[{"link":0}]]}, {"digest":"other","inputs":[[{"link":0}]]}, {"digest":"files"},
        {"digest":"more","inputs":[[{"link":4}],[{"link":5}]]}"#;
    let (cache, _) = cache(records, 0);
    let named = labels(&[
        (0, "FROM base", Some((0, "deps")), 1),
        (2, "RUN y", Some((0, "deps")), 3),
        (1, "RUN x", Some((0, "deps")), 2),
        (3, "RUN z", Some((2, "web")), 9),
    ]);
    let tree = StepTree::new(&cache, named);
    assert_eq!(
        draw(&cache, &tree),
        [
            "FROM base",
            "deps:",
            " RUN x",
            " RUN y",
            "web:",
            " RUN z",
            "unnamed:",
            " other",
            " more"
        ]
    );
    let folded = |kind: &RowKind| matches!(kind, RowKind::Stage(stage) if stage.name == "deps");
    assert_eq!(tree.visible(folded, |_| false), [0, 1, 4, 5, 6, 7, 8]);
}

#[test]
fn equal_operations_of_two_stages_are_separate_steps() {
    let records = r#"{"digest":"base"}, {"digest":"dir","inputs":[[{"link":0}]],"layers":[{"layer":0}]},
        {"digest":"run","inputs":[[{"link":1}]]}, {"digest":"dir","inputs":[[{"link":2}]]},
        {"digest":"dir","inputs":[[{"link":5}]]}, {"digest":"old"}"#;
    let (cache, _) = cache(records, 1);
    let named = labels(&[
        (1, "WORKDIR /a", Some((0, "one")), 2),
        (3, "WORKDIR /a", Some((1, "two")), 5),
    ]);
    let tree = StepTree::new(&cache, named);
    assert_eq!(
        draw(&cache, &tree),
        [
            "one:",
            " WORKDIR /a",
            "  [dir]",
            "two:",
            " WORKDIR /a",
            "unnamed:",
            " run",
            " base",
            " old"
        ]
    );
}

#[test]
fn folding_and_unfolding_show_the_right_steps() {
    let records = r#"{"digest":"base"}, {"digest":"base2"}, {"digest":"a","inputs":[[{"link":0},{"link":1}]]},
        {"digest":"b","inputs":[[{"link":0}]]}"#;
    let (cache, _) = cache(records, 0);
    let tree = StepTree::new(&cache, Labels::new());
    assert_eq!(draw(&cache, &tree), ["base", " [base2]", " a", " b"]);
    let is_base = |kind: &RowKind| *kind == RowKind::Step(RecordIndex(0));
    assert_eq!(tree.visible(|_| false, |_| false), [0, 2, 3]);
    assert_eq!(tree.visible(is_base, |_| false), [0]);
    assert_eq!(tree.visible(|_| false, is_base), [0, 1, 2, 3]);
    assert_eq!(tree.visible(is_base, is_base), [0, 1]);
}

#[test]
fn a_chain_of_a_hundred_thousand_is_flat() {
    let mut records = String::from(r#"{"digest":"0"}"#);
    for link in 0..100_000 {
        write!(
            records,
            r#",{{"digest":"{}","inputs":[[{{"link":{link}}}]]}}"#,
            link + 1
        )
        .unwrap();
    }
    let (cache, _) = cache(&records, 0);
    let tree = StepTree::new(&cache, Labels::new());
    assert_eq!(tree.rows.len(), 100_001);
    assert!(tree.rows.iter().all(|row| row.indent.depth == 0));
    // A fork at every step is as deep as it is long.
    let mut comb = String::from(r#"{"digest":"0"}"#);
    for link in 0..50_000 {
        let inputs = format!(r#""inputs":[[{{"link":{}}}]]"#, link * 2);
        write!(
            comb,
            r#",{{"digest":"l",{inputs}}},{{"digest":"r",{inputs}}}"#
        )
        .unwrap();
    }
    let (cache, _) = self::cache(&comb, 0);
    let tree = StepTree::new(&cache, Labels::new());
    assert_eq!(
        tree.rows.iter().map(|row| row.indent.depth).max(),
        Some(50_000)
    );
}

#[test]
fn details_list_inputs_users_layers_and_refs() {
    let records = r#"{"digest":"base"}, {"digest":"files"},
        {"digest":"copy","inputs":[[{"link":0}],[{"link":1}]],"layers":[{"layer":2}]},
        {"digest":"run","inputs":[[{"link":2}],[{"link":2}]]}"#;
    let (cache, blobs) = cache(records, 3);
    let tree = StepTree::new(&cache, Labels::new());
    let users = StepUsers::new(&cache.graph);
    let inventory = crate::inventory::Inventory {
        blobs,
        ..Default::default()
    };
    let detail = StepDetail::new(&inventory, &cache, &tree, &users, RecordIndex(2)).unwrap();
    assert_eq!(detail.users.items, [RecordIndex(3)]);
    let files = Alternative {
        record: Some(RecordIndex(1)),
        selector: None,
        is_content: true,
    };
    assert_eq!(detail.inputs.items[1].items[0], files);
    let layers: Vec<u32> = detail
        .chain
        .items
        .iter()
        .map(|(layer, ..)| layer.0)
        .collect();
    assert_eq!(layers, [2, 1, 0]);
    assert_eq!((detail.missing.count(), detail.kept_by.count()), (0, 0));
    assert!(StepDetail::new(&inventory, &cache, &tree, &users, RecordIndex(4)).is_none());
}

fn any_record() -> impl Strategy<Value = String> {
    let link = (
        prop_oneof![8 => 0..12_i64, 1 => -2..40_i64],
        prop_oneof![Just(""), Just("s"), Just("t")],
    );
    let inputs = prop::collection::vec(prop::collection::vec(link, 0..4), 0..3);
    (0..6_u32, inputs, prop::option::weighted(0.4, -1..4_i64)).prop_map(
        |(digest, inputs, layer)| {
            let link = |(link, selector): &(i64, &str)| {
                format!(r#"{{"link":{link},"selector":"{selector}"}}"#)
            };
            let group = |links: &Vec<(i64, &str)>| {
                format!("[{}]", links.iter().map(link).collect::<Vec<_>>().join(","))
            };
            let groups: Vec<String> = inputs.iter().map(group).collect();
            let layers = layer
                .map(|layer| format!(r#","layers":[{{"layer":{layer}}}]"#))
                .unwrap_or_default();
            format!(
                r#"{{"digest":"{digest}","inputs":[{}]{layers}}}"#,
                groups.join(",")
            )
        },
    )
}

/// Records that link only to earlier ones, so that an import accepts them and results count.
fn any_sound_record(place: u32) -> impl Strategy<Value = String> {
    let link = (0..place.max(1), prop_oneof![Just(""), Just("s")]);
    let inputs = prop::collection::vec(
        prop::collection::vec(link, 1..4),
        0..=if place == 0 { 0 } else { 2 },
    );
    (0..4_u32, inputs, prop::option::weighted(0.5, 0..3_u32)).prop_map(|(digest, inputs, layer)| {
        let link = |(link, selector): &(u32, &str)| {
            format!(r#"{{"link":{link},"selector":"{selector}"}}"#)
        };
        let group = |links: &Vec<(u32, &str)>| {
            format!("[{}]", links.iter().map(link).collect::<Vec<_>>().join(","))
        };
        let groups: Vec<String> = inputs.iter().map(group).collect();
        let layers = layer
            .map(|layer| format!(r#","layers":[{{"layer":{layer}}}]"#))
            .unwrap_or_default();
        format!(
            r#"{{"digest":"{digest}","inputs":[{}]{layers}}}"#,
            groups.join(",")
        )
    })
}

proptest! {
    #[test]
    fn every_record_is_listed_once_in_any_graph(
        records in prop_oneof![
            prop::collection::vec(any_record(), 0..12),
            (0..12_u32).prop_flat_map(|count| (0..count).map(any_sound_record).collect::<Vec<_>>()),
        ],
        named in prop::collection::btree_map(0..12_u32, (0..3_u32, 0..4_u32), 0..6),
    ) {
        let (cache, blobs) = cache(&records.join(","), 3);
        let count = u32::try_from(records.len()).unwrap();
        let named: Vec<_> = named.into_iter().filter(|(index, _)| *index < count).collect();
        let texts = ["COPY a", "RUN b", "files of c", "FROM d"];
        let named: Vec<Named<'_>> = named
            .iter()
            .map(|(index, (stage, line))| {
                (*index, texts[*line as usize], (*stage > 0).then_some((*stage, "stage")), *line)
            })
            .collect();
        let tree = StepTree::new(&cache, labels(&named));
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for index in tree.rows.iter().filter_map(StepRow::record).chain(tree.hidden.iter().copied()) {
            *seen.entry(index.0).or_default() += 1;
        }
        prop_assert_eq!(seen, (0..count).map(|index| (index, 1)).collect::<BTreeMap<_, _>>());
        for (place, row) in tree.rows.iter().enumerate() {
            let inside = place + 1..place + 1 + row.twins as usize + row.below as usize;
            prop_assert!(tree.rows.get(inside.clone()).is_some_and(|rows| rows.iter().all(|below| below.indent.depth > row.indent.depth)));
            let twins = tree.rows[inside].iter().take(row.twins as usize);
            prop_assert!(twins.into_iter().all(|twin| matches!(twin.kind, RowKind::Twin(_))));
        }
        prop_assert_eq!(tree.visible(|_| false, |_| true).len(), tree.rows.len());
        let users = StepUsers::new(&cache.graph);
        let inventory = crate::inventory::Inventory { blobs, ..Default::default() };
        for index in 0..count {
            let detail = StepDetail::new(&inventory, &cache, &tree, &users, RecordIndex(index)).unwrap();
            prop_assert!(!detail.step.name().is_empty());
        }
    }
}
