//! Configurations that no exporter writes: loops, indexes out of range, and excessive numbers of
//! everything.

use std::fmt::Write as _;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{faults, refs};
use crate::support::command::Sandbox;
use crate::support::layout::{CONFIG, LayoutBuilder, digest_of};

/// Creates a cache of two layers with the configuration that `config` makes from their digests.
fn add(layout: &mut LayoutBuilder, config: impl Fn(&str, &str) -> Value) {
    let layers = [layout.layer("a", 10), layout.layer("b", 20)];
    let config = config(digest_of(&layers[0]), digest_of(&layers[1]));
    layout.tag("main", &layout.cache(&config, &layers));
}

#[test]
fn caches_that_buildkit_refuses_are_broken() {
    type Make = fn(&str, &str) -> Value;
    let cases: [(&str, Make); 9] = [
        (
            "a record on itself",
            |_, _| json!({"records": [{"inputs": [[{"link": 0}]]}]}),
        ),
        (
            "records in a circle",
            |_, _| json!({"records": [{"inputs": [[{"link": 1}]]}, {"inputs": [[{"link": 2}]]}, {"inputs": [[{"link": 0}]]}]}),
        ),
        (
            "a link out of range",
            |_, _| json!({"records": [{}, {"inputs": [[{"link": 2}]]}]}),
        ),
        (
            "a negative link",
            |_, _| json!({"records": [{}, {"inputs": [[{"link": -9_223_372_036_854_775_808_i64}]]}]}),
        ),
        (
            "an empty group",
            |_, _| json!({"records": [{}, {"inputs": [[{"link": 0}], []]}]}),
        ),
        ("no group", |_, _| json!({"records": [{"inputs": [null]}]})),
        (
            "a layer out of range",
            |a, _| json!({"layers": [{"blob": a, "parent": -1}], "records": [{"layers": [{"layer": 1}]}, {"layers": [{"layer": 0}]}]}),
        ),
        (
            "layers in a circle",
            |a, b| json!({"layers": [{"blob": a, "parent": 1}, {"blob": b}], "records": [{"layers": [{"layer": 1}]}]}),
        ),
        (
            "a parent out of range",
            |a, _| json!({"layers": [{"blob": a, "parent": 7}], "records": [{"layers": [{"layer": 0}]}]}),
        ),
    ];
    let mut report = String::new();
    for (name, config) in cases {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        add(&mut layout, config);
        let fault = faults(&sandbox).concat();
        let why = fault
            .split_once("as if it were empty: ")
            .unwrap_or_else(|| panic!("{name}: {fault}"))
            .1;
        writeln!(report, "{name}: {why}").unwrap();
        let row = &refs(&sandbox)[0];
        let count = |field: &str| row[field].as_u64().unwrap();
        assert_eq!(
            (count("broken"), count("results"), count("key_only")),
            (count("records"), 0, 0),
            "{name}"
        );
        let shown = sandbox.json("show --json ./cache");
        for record in shown["records"].as_array().unwrap() {
            assert_eq!(
                (&record["state"], &record["layer"]),
                (&json!("broken"), &Value::Null),
                "{name}"
            );
        }
        assert_eq!(sandbox.run("show ./cache").code, Some(0));
    }
    insta::assert_snapshot!(report, @r"
    a record on itself: record 0 leads to itself
    records in a circle: record 0 leads to itself
    a link out of range: a link of record 1 leads to record 2, which is not there
    a negative link: a link of record 1 leads to record -9223372036854775808, which is not there
    an empty group: an input of record 1 is empty
    no group: an input of record 0 is empty
    a layer out of range: a result of record 0 needs layer 1, which is not there
    layers in a circle: layer 1 of a result of record 0 is its own parent
    a parent out of range: a result of record 0 needs layer 7, which is not there
    ");
}

#[test]
fn unused_faulty_records_do_no_harm() {
    type Make = fn(&str, &str) -> Value;
    let cases: [(&str, Make, [u64; 3]); 5] = [
        (
            "a circle of layers without a result",
            |a, b| json!({"layers": [{"blob": a, "parent": 1}, {"blob": b}], "records": [{}]}),
            [0, 1, 0],
        ),
        (
            "a layer that the manifest does not have",
            |_, _| json!({"layers": [{"blob": Digest::of(b"x").to_string(), "parent": -1}], "records": [{"layers": [{"layer": 0}]}]}),
            [0, 1, 0],
        ),
        (
            "the same blob twice in a chain",
            |a, b| {
                let layers =
                    json!([{"blob": a, "parent": -1}, {"blob": b}, {"blob": a, "parent": 1}]);
                json!({"layers": layers, "records": [{"layers": [{"layer": 2}]}]})
            },
            [1, 0, 0],
        ),
        (
            "an empty chain",
            |_, _| json!({"records": [{"chains": [{"layers": []}]}]}),
            [1, 0, 0],
        ),
        (
            "a chain that names a layer twice",
            |a, _| json!({"layers": [{"blob": a, "parent": -1}], "records": [{"chains": [{"layers": [0, 0]}]}]}),
            [1, 0, 0],
        ),
    ];
    for (name, config, expected) in cases {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        add(&mut layout, config);
        assert_eq!(faults(&sandbox), [""; 0], "{name}");
        let row = &refs(&sandbox)[0];
        assert_eq!(
            ["results", "key_only", "broken"].map(|field| row[field].as_u64().unwrap()),
            expected,
            "{name}"
        );
        let shown = sandbox.json("show --json ./cache");
        let bytes = shown["records"][0]["bytes"].as_u64();
        match name {
            "the same blob twice in a chain" => assert_eq!(bytes, Some(30)),
            "a chain that names a layer twice" => assert_eq!(bytes, Some(10)),
            "an empty chain" => assert_eq!(bytes, Some(0)),
            _ => assert_eq!(bytes, None),
        }
    }
}

#[test]
fn a_hundred_thousand_records_in_a_chain_are_shown() {
    let count = 100_000;
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let layers = [layout.layer("a", 10)];
    let blob = digest_of(&layers[0]);
    // Each record and each layer depends on the next one: the deepest of both comes first.
    let mut config = String::from(r#"{"layers":["#);
    for layer in 1..2_000 {
        write!(config, r#"{{"blob":"{blob}","parent":{layer}}},"#).unwrap();
    }
    write!(
        config,
        r#"{{"blob":"{blob}","parent":-1}}],"records":[{{"layers":[{{"layer":0}}],"inputs":[[{{"link":1}}]]}},"#
    )
    .unwrap();
    for record in 2..count {
        write!(config, r#"{{"inputs":[[{{"link":{record}}}]]}},"#).unwrap();
    }
    config.push_str("{}]}");
    layout.tag(
        "main",
        &layout.manifest(&layout.blob(CONFIG, config), &layers),
    );

    let shown = sandbox.run("show --json ./cache").json();
    let row = &shown["ref"];
    assert_eq!(
        (&row["records"], &row["results"], &row["key_only"]),
        (&json!(count), &json!(1), &json!(count - 1))
    );
    assert_eq!(shown["records"].as_array().unwrap().len(), count);
    assert_eq!(
        (&shown["records"][0]["bytes"], &shown["records"][0]["layer"]),
        (&json!(10), &json!(0))
    );
    assert_eq!(shown["layers"].as_array().unwrap().len(), 2_000);
}

#[test]
fn indexes_in_indexes_are_followed_and_their_loops_are_impossible() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let mut document = layout.chain(&[layout.layer("a", 10)]);
    for _ in 0..500 {
        // Each one twice: a blob that is reached twice counts once.
        document = layout.index(&[document.clone(), document]);
    }
    layout.tag("main", &document);
    let row = &refs(&sandbox)[0];
    assert_eq!(
        (&row["records"], &row["layers"], &row["kind"]),
        (&json!(2), &json!(1), &json!("cache"))
    );
    assert_eq!(super::usage(&sandbox)["live"]["blobs"], 503);
}

#[test]
fn the_older_form_of_a_cache_is_an_index_with_a_config_among_its_layers() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let layers = [layout.layer("a", 10), layout.layer("b", 20)];
    let config = layout.blob(CONFIG, crate::support::layout::chain(&layers).to_string());
    layout.tag(
        "main",
        &layout.index(&[layers[0].clone(), layers[1].clone(), config]),
    );
    let row = &refs(&sandbox)[0];
    assert_eq!(
        (&row["results"], &row["layers"], &row["kind"]),
        (&json!(2), &json!(2), &json!("cache"))
    );
}
