use insta::assert_snapshot;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::retention::{Condition, RefPattern, RuleAction, RuleTextField};

const PATH: &str = "/repo/cachelens.toml";

fn rule(glob: &str) -> Change {
    let patterns = vec![glob.parse::<RefPattern>().unwrap()];
    Change::Rule(Rule {
        name: format!("refs like {glob}"),
        conditions: vec![Condition::Text(RuleTextField::Ref, patterns)],
        action: RuleAction::Drop,
        drop_records: None,
    })
}

fn source(text: &str) -> Change {
    Change::Source(Source::parse(text, &|_| false).unwrap().source)
}

fn added(text: &str, change: &Change) -> String {
    apply(text, Path::new(PATH), change).unwrap()
}

const FULL: &str = "\
# What CI may keep.
sources = [
  './cache', # written by ci.yml
  's3://b/p', # shared
]

[ui]
theme = 'light' # for the projector

[retention]
grace = '3d'

# Nobody touches main.
[[retention.rule]]
name = 'main'
match = { ref = 'main' }
action = 'protect'

[retention.budget]
max_refs = 100
# the end
";

#[test]
fn a_rule_is_added_after_the_others_and_the_rest_is_unchanged() {
    let after = added(FULL, &rule("pr-*"));
    for line in FULL.lines() {
        assert!(after.contains(line), "{line:?} is gone from\n{after}");
    }
    assert_snapshot!(after, @r##"
    # What CI may keep.
    sources = [
      './cache', # written by ci.yml
      's3://b/p', # shared
    ]

    [ui]
    theme = 'light' # for the projector

    [retention]
    grace = '3d'

    # Nobody touches main.
    [[retention.rule]]
    name = 'main'
    match = { ref = 'main' }
    action = 'protect'

    [[retention.rule]]
    name = "refs like pr-*"
    match = { ref = "pr-*" }
    action = "drop"

    [retention.budget]
    max_refs = 100
    # the end
    "##);
}

#[test]
fn a_source_is_added_after_the_others_and_comments_are_kept() {
    let after = added(FULL, &source("ghcr.io/acme/app"));
    assert!(
        after.contains("  's3://b/p', # shared\n  \"ghcr.io/acme/app\",\n]"),
        "{after}"
    );
    // An existing source is not added again.
    assert_eq!(added(&after, &source("ghcr.io/acme/app")), after);
}

#[test]
fn every_form_of_a_file_is_extended() {
    let files = [
        "",
        "# only a comment\n",
        "[ui]\nmouse = false",
        "[retention]\ngrace = '1d'\n",
        "retention.grace = '1d'\n",
        "retention = { grace = '1d' }\n",
        "[retention]\nrule = []\n",
        "[retention]\nrule = [{ name = 'a', match = { ref = 'a' }, action = 'protect' }]\n",
        "retention = { rule = [] }\n",
        "sources = []\n[scan]\ntimeout = '5s'\n",
        "sources = ['./a', # one\n './b' # two\n]\r\n",
        "[ui]\r\nmouse = true\r\n",
    ];
    for file in files {
        for addition in [rule("pr-*"), source("ghcr.io/acme/app")] {
            let after = added(file, &addition);
            let loaded = parse(&after, Path::new(PATH)).unwrap();
            let before = parse(file, Path::new(PATH)).unwrap();
            let rules = |layer: &super::super::ConfigLayer| {
                layer
                    .retention
                    .as_ref()
                    .map_or(0, |retention| retention.rules.len())
            };
            let sources =
                |layer: &super::super::ConfigLayer| layer.sources.as_ref().map_or(0, Vec::len);
            let more = match addition {
                Change::Rule(_) => (1, 0),
                _ => (0, 1),
            };
            assert_eq!(
                (rules(&loaded.layer), sources(&loaded.layer)),
                (
                    rules(&before.layer) + more.0,
                    sources(&before.layer) + more.1
                ),
                "{file:?} became {after:?}"
            );
            for comment in ["# only a comment", "# one", "# two"] {
                assert_eq!(file.contains(comment), after.contains(comment), "{after:?}");
            }
            if file.contains("\r\n") {
                assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
            }
        }
    }
}

#[test]
fn a_source_is_removed_with_the_comments_about_it() {
    let is_there = |text: &str| Source::parse(text, &|_| true).unwrap().source;
    let cases = [
        ("sources = ['./a', './b']\n", "sources = ['./b']\n"),
        ("sources = ['./b', './a']\n", "sources = ['./b']\n"),
        ("sources = ['type=local,src=./a']\n", "sources = []\n"),
        (
            "sources = [\n  './b', # one\n  # two\n  './a', # three\n  './c', # four\n]\n",
            "sources = [\n  './b', # one\n  './c', # four\n]\n",
        ),
        (
            "sources = [\n  './b', # one\n  './a', # two\n] # all\n",
            "sources = [\n  './b', # one\n] # all\n",
        ),
        (
            "sources = [\n  './a', # one\n  './b', # two\n]\n",
            "sources = [\n  './b', # two\n]\n",
        ),
        ("sources = ['./b']\n[ui]\n", "sources = ['./b']\n[ui]\n"),
        ("sources = ['./a#main']\n", "sources = ['./a#main']\n"),
        ("", ""),
    ];
    for (before, after) in cases {
        let removal = Change::RemoveSource(is_there("/repo/a"));
        assert_eq!(added(before, &removal), after, "{before:?}");
    }
}

#[test]
fn the_size_limit_is_set_and_removed_in_every_form_of_a_file() {
    let limit = |text: &str| {
        let loaded = parse(text, Path::new(PATH)).unwrap();
        let retention = loaded.layer.retention.unwrap_or_default();
        retention.policy().budget.max_size
    };
    let files = [
        "",
        "# note\n[ui]\nmouse = false\n",
        "[retention]\ngrace = '1d'\n",
        "retention.grace = '1d'\n",
        "retention = { grace = '1d' }\n",
        "[retention.budget]\nmax_size = '1GiB' # note\nmax_refs = 3\n",
        "retention = { budget = { max_size = '1GiB' } }\n",
        FULL,
    ];
    for file in files {
        let set = added(file, &Change::MaxSize(Some(20 << 30)));
        assert_eq!(limit(&set), Some(20 << 30), "{file:?} became {set:?}");
        assert_eq!(set.contains("# note"), file.contains("# note"), "{set:?}");
        let unset = added(&set, &Change::MaxSize(None));
        assert_eq!(limit(&unset), None, "{set:?} became {unset:?}");
        let refs = |text: &str| text.contains("max_refs");
        assert_eq!(refs(&unset), refs(file), "{unset:?}");
    }
    assert_eq!(added("", &Change::MaxSize(None)), "");
}

#[test]
fn a_broken_configuration_is_an_error_with_its_position() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("cachelens.toml");
    for (text, place) in [
        ("[retention\n", "cachelens.toml:1:"),
        (
            "[ui]\nthme = 'dark'\n",
            "cachelens.toml:2:1: unknown key `thme`",
        ),
        ("retention = 3\n", "cachelens.toml:1:13: expected a table"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Edit::prepare(&path, &[rule("pr-*")])
            .unwrap_err()
            .to_string();
        assert!(error.contains(place), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn the_old_file_is_kept_and_a_changed_one_is_not_touched() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("cachelens.toml");
    fs::write(&path, FULL).unwrap();
    let edit = Edit::prepare(&path, &[rule("pr-*")]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), FULL);
    let backup = edit.write().unwrap().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), edit.after());
    assert_eq!(fs::read_to_string(&backup).unwrap(), FULL);
    assert_eq!(backup, root.path().join("cachelens.toml.bak"));

    let late = Edit::prepare(&path, &[rule("x-*")]).unwrap();
    fs::write(&path, "# another person\n").unwrap();
    assert!(matches!(late.write(), Err(EditError::Changed(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "# another person\n");
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().collect();
    assert_eq!(left.len(), 2);
}

#[test]
fn a_new_file_has_no_backup_and_a_link_remains_a_link() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("cachelens.toml");
    let edit = Edit::prepare(&path, &[source("./cache")]).unwrap();
    assert!(edit.is_new());
    assert_eq!(edit.write().unwrap(), None);
    let real = root.path().join("dotfiles.toml");
    fs::rename(&path, &real).unwrap();
    std::os::unix::fs::symlink(&real, &path).unwrap();
    let edit = Edit::prepare(&path, &[rule("pr-*")]).unwrap();
    edit.write().unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), edit.after());
}

#[test]
fn directories_are_written_relative_to_the_file() {
    let written = |dir: &str| {
        let source = Source::parse(dir, &|_| true).unwrap().source;
        change::as_written(&source, Path::new(PATH)).to_string()
    };
    assert_eq!(written("/repo/build/cache"), "./build/cache");
    assert_eq!(written("/var/cache"), "/var/cache");
}

#[test]
fn the_diff_shows_the_changed_lines() {
    let edit = Edit {
        path: PATH.into(),
        before: Some(FULL.to_owned()),
        after: added(FULL, &rule("pr-*")),
    };
    let printed: Vec<String> = edit
        .diff()
        .iter()
        .map(|line| match line {
            DiffLine::Same(line) => format!("  {line}"),
            DiffLine::Removed(line) => format!("- {line}"),
            DiffLine::Added(line) => format!("+ {line}"),
        })
        .map(|line| line.trim_end().to_owned())
        .collect();
    assert_snapshot!(printed.join("\n"), @r#"
      match = { ref = 'main' }
      action = 'protect'

    + [[retention.rule]]
    + name = "refs like pr-*"
    + match = { ref = "pr-*" }
    + action = "drop"
    +
      [retention.budget]
      max_refs = 100
      # the end
    "#);
}

proptest! {
    #[test]
    fn an_edit_loses_nothing_of_any_file(text in "((sources = \\['\\./a',?( # c)?\n?\\]|\\[ui\\]|mouse = true|\\[retention\\]|grace = '1d'|# note|\\[\\[retention\\.rule\\]\\]\nname = 'n'\nmatch = \\{ ref = 'm' \\}\naction = 'drop'| )\r?\n){0,8}") {
        let Ok(before) = parse(&text, Path::new(PATH)) else { return Ok(()) };
        for addition in [rule("pr-*"), source("ghcr.io/acme/app")] {
            let after = added(&text, &addition);
            let loaded = parse(&after, Path::new(PATH)).unwrap();
            let rules = |layer: super::super::ConfigLayer| layer.retention.map_or(0, |retention| retention.rules.len());
            prop_assert!(rules(loaded.layer) >= rules(before.layer.clone()));
            for line in text.lines().filter(|line| line.contains('#')) {
                let comment = &line[line.find('#').unwrap()..];
                prop_assert!(after.contains(comment.trim_end()), "{comment:?} is gone from {after:?}");
            }
        }
    }
}
