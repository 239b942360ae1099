//! Text that would control a terminal, from any origin.

use cachelens::text::escape::{must_be_written_out, visible};
use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::layout::{CONFIG, LayoutBuilder, annotated, chain, with};

const NAMES: [&str; 6] = [
    "a\x1b[31mred\x1b]0;title\x07",
    "gpj.\u{202e}exe",
    "line\nbreak\rback",
    "\u{9b}2J",
    "zero\u{200b}width\u{feff}",
    "\t",
];

fn assert_harmless(text: &str, of: &str) {
    let bad = text
        .chars()
        .find(|character| *character != '\n' && must_be_written_out(*character));
    assert_eq!(bad, None, "{of}: {text:?}");
}

/// Puts `name` in every text field of a document.
fn write(layout: &mut LayoutBuilder, name: &str) {
    let layer = annotated(&layout.layer("a", 10), "containerd.io/uncompressed", name);
    let layer = with(
        &annotated(&layer, "buildkit/createdat", name),
        "mediaType",
        name,
    );
    let mut config = chain(&[layer.clone(), with(&layer, "digest", name)]);
    config["records"][1]["digest"] = name.into();
    config["records"][1]["inputs"][0][0]["selector"] = name.into();
    layout.tag(
        name,
        &layout.cache(&config, &[layer.clone(), with(&layer, "digest", name)]),
    );
    layout.tag(
        "odd",
        &layout.manifest(&with(&layout.blob(CONFIG, "{}"), "digest", name), &[]),
    );
    layout.tag("type", &with(&layout.blob(name, "x"), "mediaType", name));
    let unreadable = format!(r#"{{"mediaType":{}}}"#, json!(name));
    layout.tag("kind", &layout.blob("", unreadable));
    layout.entry(&with(&layout.index(&[]), "digest", name));
    let file = name.replace('/', "");
    layout.write(&format!("folder/{file}"), "x");
    layout.write(&format!("ingest/{file}/data"), "x");
}

#[test]
fn text_from_a_store_is_escaped_for_the_terminal() {
    for name in NAMES {
        let sandbox = Sandbox::new();
        let mut layout = sandbox.layout();
        write(&mut layout, name);
        let selected = format!("./cache#{name}");
        for arguments in [
            &["ls", "./cache"][..],
            &["ls", "--json", "./cache"],
            &["ls", &selected],
            &["ls", "./cache#nothing-like-it"],
            &["du", "./cache"],
            &["du", "--json", "./cache"],
            &["show", "./cache"],
            &["show", &selected],
            &["show", "--json", &selected],
            &["show", "./cache#odd"],
            &["show", "./cache#kind"],
        ] {
            let run = sandbox.run(arguments);
            assert!(
                run.code.is_some_and(|code| code < 5),
                "{arguments:?}: {run}"
            );
            assert_harmless(&run.stdout, &format!("{arguments:?}"));
            assert_harmless(&run.stderr, &format!("{arguments:?}"));
        }
        let document = sandbox.json("ls --json ./cache");
        let names: Vec<&Value> = document["sources"][0]["refs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["name"])
            .collect();
        assert_eq!(names[0], name, "JSON is read as it was meant");
    }
}

#[test]
fn names_of_directories_are_escaped_for_the_terminal() {
    for name in NAMES {
        let sandbox = Sandbox::new();
        let mut layout = LayoutBuilder::new(sandbox.path(format!("dir{name}")));
        layout.tag("main", &layout.chain(&[layout.layer("a", 10)]));
        let source = format!("./dir{name}");
        let selected = format!("{source}#main");
        let other = format!("{source}#mian");
        let missing = format!("./missing{name}");
        for arguments in [
            &["ls", &source, "demo"][..],
            &["ls", "--json", &source],
            &["ls", &other],
            &["ls", &missing],
            &["du", &source],
            &["du", &selected],
            &["show", &source],
        ] {
            let run = sandbox.run(arguments);
            assert!(
                run.code.is_some_and(|code| code < 5),
                "{arguments:?}: {run}"
            );
            assert_harmless(&run.stdout, &format!("{arguments:?}"));
            assert_harmless(&run.stderr, &format!("{arguments:?}"));
        }
        // Control characters are escaped; other characters are unchanged.
        let run = sandbox.run(format!("ls --json '{source}'"));
        let shown = if name.contains(char::is_control) {
            visible(&source).into_owned()
        } else {
            source
        };
        assert_eq!(run.json()["sources"][0]["source"], shown);
    }
}

#[test]
fn ten_thousand_characters_do_not_break_a_table() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    let manifest = layout.chain(&[layout.layer("a", 10)]);
    layout.tag(&"long".repeat(2_500), &manifest);
    layout.tag(&"長".repeat(10_000), &manifest);
    let run = sandbox.run("ls ./cache");
    for line in run.stdout.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) < 200, "{line}");
    }
    let document = sandbox.json("ls --json ./cache");
    assert_eq!(
        document["sources"][0]["refs"][0]["name"]
            .as_str()
            .unwrap()
            .len(),
        10_000
    );
}
