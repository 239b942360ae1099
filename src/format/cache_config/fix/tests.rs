use super::*;

fn fixed(text: &str, lost: &[u32], is_compacted: bool) -> FixedConfig {
    fix(text, |layer| lost.contains(&layer.0), is_compacted).unwrap()
}

#[test]
fn results_on_a_lost_layer_are_dropped_and_their_keys_kept() {
    let text = r#"{"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b"},{"blob":"sha256:c","parent":-1}],"records":[{"digest":"root"},{"layers":[{"layer":1,"createdAt":"2026-01-02T03:04:05.1+02:00"}],"digest":"one","inputs":[[{"link":0}]]},{"layers":[{"layer":2}],"digest":"two","inputs":[[{"selector":"s","link":1}]]}]}"#;
    let fixed = fixed(text, &[0], false);
    insta::assert_snapshot!(fixed.text, @r#"{"layers":[{"blob":"sha256:c","parent":-1}],"records":[{"digest":"root"},{"digest":"one","inputs":[[{"link":0}]]},{"layers":[{"layer":0}],"digest":"two","inputs":[[{"selector":"s","link":1}]]}]}"#);
    assert_eq!(fixed.losers, [RecordIndex(1)]);
    assert_eq!(
        fixed.dropped,
        Dropped {
            lost_results: 1,
            ..Dropped::default()
        }
    );
}

#[test]
fn records_that_make_an_import_fail_are_removed() {
    let layers = r#""layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b","parent":2},{"blob":"sha256:c","parent":1}]"#;
    let result = r#""layers":[{"layer":0}]"#;
    for (records, expected, dropped) in [
        // A link to a missing record, next to a valid one.
        (
            format!(
                r#"{{"digest":"r"}},{{{result},"digest":"x","inputs":[[{{"link":9}},{{"link":0}}]]}}"#
            ),
            r#"{"digest":"r"},{"layers":[{"layer":0}],"digest":"x","inputs":[[{"link":0}]]}"#,
            Dropped {
                broken_links: 1,
                ..Dropped::default()
            },
        ),
        // A loop: the link that leads back is cut.
        (
            format!(
                r#"{{"digest":"r"}},{{"digest":"x","inputs":[[{{"link":0}},{{"link":2}}]]}},{{{result},"digest":"y","inputs":[[{{"link":1}}]]}}"#
            ),
            r#"{"digest":"r"},{"digest":"x","inputs":[[{"link":0}]]},{"layers":[{"layer":0}],"digest":"y","inputs":[[{"link":1}]]}"#,
            Dropped {
                loop_links: 1,
                ..Dropped::default()
            },
        ),
        // No key matches empty inputs and loops without an entry.
        (
            format!(
                r#"{{"digest":"r"}},{{{result},"digest":"e","inputs":[[]]}},{{{result},"digest":"n","inputs":[null]}},{{{result},"digest":"l","inputs":[[{{"link":3}}]]}},{{{result},"digest":"x","inputs":[[{{"link":0}},{{"link":1}}]]}}"#
            ),
            r#"{"digest":"r"},{"layers":[{"layer":0}],"digest":"x","inputs":[[{"link":0}]]}"#,
            Dropped {
                unreached_records: 3,
                unreached_results: 3,
                ..Dropped::default()
            },
        ),
        // Layers out of range, and in a loop.
        (
            r#"{"digest":"r"},{"layers":[{"layer":7},{"layer":1},{"layer":0}],"digest":"x","inputs":[[{"link":0}]]}"#.to_owned(),
            r#"{"digest":"r"},{"layers":[{"layer":0}],"digest":"x","inputs":[[{"link":0}]]}"#,
            Dropped {
                broken_results: 2,
                ..Dropped::default()
            },
        ),
    ] {
        let text = format!(r#"{{{layers},"records":[{records}]}}"#);
        assert!(import::simulate(&CacheGraph::parse(text.as_bytes()).unwrap(), |_| true).is_err());
        let fixed = fixed(&text, &[], false);
        let layers = r#"{"layers":[{"blob":"sha256:a","parent":-1}],"records":["#;
        assert_eq!(fixed.text, format!("{layers}{expected}]}}"), "{text}");
        assert_eq!(fixed.dropped, dropped, "{text}");
        assert!(fixed.dropped.was_refused());
    }
}

#[test]
fn equal_records_and_layers_are_written_once_with_all_their_results() {
    let text = r#"{"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:a","parent":-1},{"blob":"sha256:b","parent":1},{"blob":"sha256:b"}],"records":[{"digest":"x","inputs":[[{"link":2}]],"layers":[{"layer":2}]},{"digest":"r"},{"digest":"r"},{"digest":"x","inputs":[[{"link":1},{"link":2}]],"layers":[{"layer":3},{"layer":0}]},{"digest":"ghost","inputs":[[{"link":0}]]}]}"#;
    let fixed = fixed(text, &[], true);
    insta::assert_snapshot!(fixed.text, @r#"{"layers":[{"blob":"sha256:a","parent":-1},{"blob":"sha256:b"}],"records":[{"layers":[{"layer":1},{"layer":0}],"digest":"x","inputs":[[{"link":1}]]},{"digest":"r"}]}"#);
    assert_eq!((fixed.records, fixed.dropped), ((5, 2), Dropped::default()));
    let again = super::tests::fixed(&fixed.text, &[], true);
    assert_eq!(again.text, fixed.text);
}

#[test]
fn the_proof_detects_a_missing_and_an_extra_key() {
    let parse = |records: &str| {
        let text = format!(r#"{{"layers":[{{"blob":"a","parent":-1}}],"records":[{records}]}}"#);
        CacheGraph::parse(text.as_bytes()).unwrap()
    };
    let both = parse(
        r#"{"digest":"r"},{"digest":"q"},{"digest":"x","layers":[{"layer":0}],"inputs":[[{"link":0},{"link":1}]]}"#,
    );
    let one =
        parse(r#"{"digest":"r"},{"digest":"x","layers":[{"layer":0}],"inputs":[[{"link":0}]]}"#);
    let none = parse(r#"{"digest":"r"},{"digest":"x","inputs":[[{"link":0}]]}"#);
    let proves = |old, new| reach::proves_equal(old, new, &|_| false);
    assert!(proves(&both, &both).is_ok());
    assert_eq!(
        proves(&both, &one),
        Err("a result is lost, or a key that led to it")
    );
    assert_eq!(
        proves(&one, &both),
        Err("a result is found by a key that did not lead to it")
    );
    assert_eq!(
        proves(&one, &none),
        Err("a result is lost, or a key that led to it")
    );
    assert!(proves(&none, &one).is_err());
}
