//! The expected output is in the tests as printed.

use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::super::{Config, ConfigError, LoadedConfig, print, read};

fn read(text: &str) -> Result<LoadedConfig, ConfigError> {
    read::read(text, Path::new("/repo/cachelens.toml"))
}

fn problems(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn printed(text: &str) -> String {
    let loaded = read(text).unwrap_or_else(|error| panic!("{error}"));
    let printed = print(&Config::new([loaded.layer]), Path::new("/repo"));
    printed[printed.find("[retention]").unwrap()..].to_owned()
}

#[test]
fn the_policy_is_printed_with_the_origin_of_each_part() {
    let example = include_str!("../../../assets/cachelens.example.toml");
    assert_snapshot!(printed(example), @r#"
    [retention]
    grace = "2d"  # ./cachelens.toml:39
    settle = "30s"  # ./cachelens.toml:41
    zone = "UTC"  # ./cachelens.toml:43
    max_delete = "90%"  # ./cachelens.toml:45

    [[retention.rule]]  # ./cachelens.toml:59
    name = "releases"
    match = { kind = "cache", ref = ["main", "release-*", '/^v\d+/'], source = "*" }
    action = "protect"

    [[retention.rule]]  # ./cachelens.toml:65
    name = "pull requests"
    match = { ref = "pr-*" }
    keep = { last = 20, within = "14d" }
    group = "repository"

    [[retention.rule]]  # ./cachelens.toml:74
    name = "experiments"
    match = { larger_than = "2GB", older_than = "3d", ref = ["try-*", "wip-*"] }
    action = "drop"

    [[retention.rule]]  # ./cachelens.toml:80
    name = "branches"
    match = { ref = "*" }
    keep = { within = "30d", daily = 7, weekly = 4, used_within = "7d", generations = 2 }
    group = "repository"
    drop_records = "age>90d step~apt-get"

    [retention.budget]
    max_size = "50GB"  # ./cachelens.toml:94
    max_refs = 500  # ./cachelens.toml:95
    min_free = "20GB"  # ./cachelens.toml:97

    [check]
    max_update_age = "30d"  # ./cachelens.toml:102

    [[check.ignore]]  # ./cachelens.toml:106
    code = "orphans"
    source = "s3://acme-build-cache/*"
    reason = "the lifecycle rule of the bucket removes them"
    until = "2027-06-30"
    "#);
}

#[test]
fn a_printed_policy_parses_to_itself() {
    let text = "[retention]\nzone = 'Europe/Berlin'\ngrace = '1h 5ms'\n[[retention.rule]]\nname = \"a \\\"b\\\" \\u001b\"\n\
        match = { ref = ['!x*', 'é'], state = 'broken', larger_than = '1025' }\n\
        keep = { hourly = 1, monthly = 0x10, yearly = 3, generations = 0 }\ngroup = 'prefix'\n\
        [retention.budget]\nmin_free = '1.5GiB'";
    let policy = |text: &str| read(text).unwrap().layer.retention.unwrap().policy();
    assert_eq!(policy(&printed(text)), policy(text));
}

#[test]
fn wrong_values_are_errors_with_their_position() {
    let text = r#"
[retention]
grace = "soon"
zone = "Europe/Berln"
max_delete = "101%"
garce = 3

[[retention.rule]]
name = "values"
match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
group = "repositry"

[retention.budget]
max_size = 3
max_refs = "many"
min_free = "20 bananas"
"#;
    assert_snapshot!(problems(text), @r###"
    /repo/cachelens.toml:3:9: `soon` is not a duration; write it as 30d, 48h or 2w 3h
     3 | grace = "soon"
       |         ^^^^^^
    /repo/cachelens.toml:4:8: `Europe/Berln` is not a time zone; write it as Europe/Berlin or UTC
     4 | zone = "Europe/Berln"
       |        ^^^^^^^^^^^^^^
    /repo/cachelens.toml:5:14: `101%` is not a share; write it as 90%
     5 | max_delete = "101%"
       |              ^^^^^^
    /repo/cachelens.toml:6:1: unknown key `garce` in [retention]
     6 | garce = 3
       | ^^^^^
       = did you mean `grace`?
    /repo/cachelens.toml:10:18: `release-[0-99` is not a glob: unclosed character class; missing ']'
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                  ^^^^^^^^^^^^^^^
    /repo/cachelens.toml:10:35: `(` is not a regular expression that can be used: unclosed group
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                   ^^^^^
    /repo/cachelens.toml:10:42: `/v` begins with a slash, as a regular expression, and does not end with one
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                          ^^^^
    /repo/cachelens.toml:10:48: an empty pattern matches nothing
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                                ^^
    /repo/cachelens.toml:10:60: no ref has the kind `cahce`
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                                            ^^^^^^^
        = did you mean `cache`?
    /repo/cachelens.toml:10:86: no ref has the state `gone`
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                                                                      ^^^^^^^
        = there is live, missing, broken, branch-gone, superseded
    /repo/cachelens.toml:10:110: `big` is not a size; write it as 500MB, 1.5GiB or a number of bytes
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                                                                                              ^^^^^
    /repo/cachelens.toml:10:117: unknown key `oder_than` in `match`
     10 | match = { ref = ["release-[0-99", "/(/", "/v", ""], kind = "cahce", state = ["live", "!gone"], larger_than = "big", oder_than = "3d" }
        |                                                                                                                     ^^^^^^^^^
        = did you mean `older_than`?
    /repo/cachelens.toml:11:17: expected a number from 1 on
     11 | keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
        |                 ^
    /repo/cachelens.toml:11:29: `fortnight` is not a duration; write it as 30d, 48h or 2w 3h
     11 | keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
        |                             ^^^^^^^^^^^
    /repo/cachelens.toml:11:50: expected a number from 1 on
     11 | keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
        |                                                  ^^
    /repo/cachelens.toml:11:68: expected a number of previous versions
     11 | keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
        |                                                                    ^^^
    /repo/cachelens.toml:11:73: unknown key `lats` in `keep`
     11 | keep = { last = 0, within = "fortnight", daily = -1, generations = "2", lats = 3 }
        |                                                                         ^^^^
        = did you mean `last`?
    /repo/cachelens.toml:12:9: `repositry` is not a group; did you mean `repository`?
     12 | group = "repositry"
        |         ^^^^^^^^^^^
    /repo/cachelens.toml:15:12: expected a size in quotes
     15 | max_size = 3
        |            ^
    /repo/cachelens.toml:16:12: expected a number of refs
     16 | max_refs = "many"
        |            ^^^^^^
    /repo/cachelens.toml:17:12: `20 bananas` is not a size; write it as 500MB, 1.5GiB or a number of bytes
     17 | min_free = "20 bananas"
        |            ^^^^^^^^^^^^
    "###);
}

#[test]
fn points_at_contradictions() {
    let text = r#"
[[retention.rule]]

[[retention.rule]]
name = "empty"
match = {}
keep = {}

[[retention.rule]]
name = "both"
match = { ref = [] }
action = "protect"
keep = { last = 3 }

[[retention.rule]]
name = "group"
match = { ref = "a" }
keep = { within = "3d" }
group = "source"

[[retention.rule]]
name = "group"
match = { kind = "*" }
action = "delete"

[[retention.rule]]
name = "all"
match = { ref = ["a", "*"], source = "*" }
action = "drop"

[[retention.rule]]
name = "all"
match = { ref = "main" }
keep = { last = 1 }

[[retention.rule]]
name = "safe"
match = { ref = "main" }
action = "protect"
"#;
    assert_snapshot!(problems(text), @r#"
    /repo/cachelens.toml:2:1: a rule needs a `name`, by which reasons call it
     2 | [[retention.rule]]
       | ^^^^^^^^^^^^^^^^^^
    /repo/cachelens.toml:2:1: a rule needs a `match`, as in `match = { ref = "pr-*" }`
     2 | [[retention.rule]]
       | ^^^^^^^^^^^^^^^^^^
    /repo/cachelens.toml:2:1: a rule needs `keep`, or `action`, which is protect or drop
     2 | [[retention.rule]]
       | ^^^^^^^^^^^^^^^^^^
    /repo/cachelens.toml:6:9: an empty `match` says nothing: to match every ref, write { ref = "*" }
     6 | match = {}
       |         ^^
    /repo/cachelens.toml:7:8: an empty `keep` keeps nothing: to drop all, write action = "drop"
     7 | keep = {}
       |        ^^
    /repo/cachelens.toml:11:17: an empty list matches nothing
     11 | match = { ref = [] }
        |                 ^^
    /repo/cachelens.toml:13:8: a rule has either `action` or `keep`: `keep` drops the refs that meet none of its criteria
     13 | keep = { last = 3 }
        |        ^^^^^^^^^^^^
    /repo/cachelens.toml:19:9: `group` says among which refs to count, and this rule has neither `last` nor a period to count
     19 | group = "source"
        |         ^^^^^^^^
    /repo/cachelens.toml:24:10: `delete` is not an action; there are protect and drop, and `keep` in its place
     24 | action = "delete"
        |          ^^^^^^^^
    /repo/cachelens.toml:32:8: two rules are named `all`
     32 | name = "all"
        |        ^^^^^
    /repo/cachelens.toml:32:8: rule `all` never decides: rule `all` before it matches every ref
     32 | name = "all"
        |        ^^^^^
    "#);
    assert_snapshot!(problems("[retention.rule]\nname = 'x'"), @"
    /repo/cachelens.toml:1:1: expected an array of tables: write `[[retention.rule]]`
     1 | [retention.rule]
       | ^^^^^^^^^^^^^^^^
    ");
    assert_snapshot!(problems("retention = { rule = [3], budget = 4 }"), @"
    /repo/cachelens.toml:1:23: expected a table
     1 | retention = { rule = [3], budget = 4 }
       |                       ^
    /repo/cachelens.toml:1:36: expected a table
     1 | retention = { rule = [3], budget = 4 }
       |                                    ^
    ");
}

#[test]
fn negations_that_match_nearly_everything_are_warnings() {
    let loaded = read(
        "[[retention.rule]]\nname = 'x'\nmatch = { ref = ['pr-*', '!*-tmp'] }\naction = 'drop'",
    )
    .unwrap();
    assert_snapshot!(loaded.warnings[0], @"
    /repo/cachelens.toml:3:17: one pattern of a list is enough, so `!` next to another pattern matches nearly everything
     3 | match = { ref = ['pr-*', '!*-tmp'] }
       |                 ^^^^^^^^^^^^^^^^^^
       = write a separate rule for the exceptions, and put it before this one
    ");
}

proptest! {
    #[test]
    fn reading_never_panics(
        parts in prop::collection::vec("name|match|keep|action|group|ref|last|within|=|\\{|\\}|\\[|\\]|\\[\\[retention.rule\\]\\]|\\[retention\\]|,|'[a-z*!/()0-9%]{0,4}'|[0-9]{1,3}|\n", 0..30)
    ) {
        let text = parts.join(" ");
        for text in [text.clone(), format!("[[retention.rule]]\n{text}"), format!("[retention.budget]\n{text}")] {
            if let Err(error) = read(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
