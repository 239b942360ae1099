use super::*;
use crate::tui::rows::Align;

const COLUMNS: &[Column] = &[
    column("REF", Sortable::Ascending),
    column("ONLY HERE", Sortable::Descending),
    column("STATE", Sortable::No),
];

const fn column(title: &'static str, sort: Sortable) -> Column {
    Column {
        title,
        align: Align::Left,
        min: 1,
        max: 1,
        rank: 0,
        sort,
    }
}

fn commands(contexts: &[KeyContext]) -> Commands {
    Commands::new(contexts, &Keymap::built_in().unwrap())
}

fn here() -> Here {
    Here {
        sources: ["./shop", "./kitchen", "./kitchen2"]
            .into_iter()
            .enumerate()
            .map(|(place, name)| (SourceId(place), name.to_owned()))
            .collect(),
        current: Some(SourceId(0)),
        columns: COLUMNS,
    }
}

fn on_blobs(line: &str) -> Result<CommandRequest, CommandFault> {
    commands(&[KeyContext::Blobs, KeyContext::List, KeyContext::Global]).order(line, &here())
}

#[test]
fn a_line_is_an_action_or_a_command_with_a_value() {
    let sort = |column, order| CommandRequest::Sort(Sort { column, order });
    let cases = [
        ("orphans", CommandRequest::Perform(Action::Orphans)),
        (" mark-all ", CommandRequest::Perform(Action::MarkAll)),
        ("q", CommandRequest::Perform(Action::Quit)),
        ("h", CommandRequest::Perform(Action::Help)),
        ("sort", CommandRequest::Perform(Action::Sort)),
        ("sort only-here", sort(1, SortDirection::Descending)),
        ("sort REF down", sort(0, SortDirection::Descending)),
        ("plan", CommandRequest::Perform(Action::Plan)),
        (
            "prune ./kitchen",
            CommandRequest::Go(CommandDestination::Plan, SourceId(1)),
        ),
        (
            "refs chen2",
            CommandRequest::Go(CommandDestination::Refs, SourceId(2)),
        ),
        (
            "check ./shop",
            CommandRequest::Go(CommandDestination::Check, SourceId(0)),
        ),
        ("home", CommandRequest::Home),
        ("theme light", CommandRequest::Theme(ThemeSetting::Light)),
        (
            "open s3://b/p?x=a b",
            CommandRequest::Open("s3://b/p?x=a b".into()),
        ),
        (
            "filter size>1G",
            CommandRequest::Filter(Filter::parse("size>1G").unwrap()),
        ),
    ];
    for (line, order) in cases {
        assert_eq!(on_blobs(line), Ok(order), "{line}");
    }
}

#[test]
fn an_invalid_command_line_has_a_hint() {
    let cases = [
        (
            "plna",
            "there is no command `plna` here · did you mean `:plan`?",
        ),
        (
            "xyzzy",
            "there is no command `xyzzy` here · the list shows every command of this screen",
        ),
        (
            "plan ./kitchem",
            "no source here is called `./kitchem` · did you mean `./kitchen`?",
        ),
        (
            "refs nowhere",
            "no source here is called `nowhere` · `:open nowhere` opens it",
        ),
        (
            "sort state",
            "there is no column `state` to sort by · columns: ref only-here",
        ),
        (
            "sort ref left",
            "`left` is no direction · up is the least first, down the largest",
        ),
        (
            "theme pink",
            "`pink` is not a theme; there are auto, dark, light, high-contrast and none · as in `:theme light`",
        ),
        ("runs all", "`runs` takes no value · type `:runs` alone"),
        (
            "filter size>",
            "`size>` lacks a value · as in `:filter size>1G age>30d`",
        ),
    ];
    for (line, expected) in cases {
        let CommandFault { message, hint } = on_blobs(line).unwrap_err();
        let said = format!("{message} · {hint}");
        if line.starts_with("filter") {
            assert!(said.ends_with("as in `:filter size>1G age>30d`"), "{said}");
        } else {
            assert_eq!(said, expected, "{line}");
        }
    }
    let nowhere = Here {
        current: None,
        ..here()
    };
    let fault = commands(&[KeyContext::Global]).order("plan", &nowhere);
    assert_eq!(fault.unwrap_err().message, "this screen is about no source");
}

#[test]
fn lines_are_completed() {
    let commands = commands(&[KeyContext::Refs, KeyContext::List, KeyContext::Global]);
    let cases = [
        ("th", "theme ", 0),
        ("mark", "mark", 2),
        ("filt", "filter ", 0),
        ("theme li", "theme light", 0),
        ("plan ./k", "plan ./kitchen", 2),
        ("sort o", "sort only-here", 0),
        ("xyz", "xyz", 0),
        ("runs x", "runs x", 0),
    ];
    for (line, text, names) in cases {
        let completion = commands.complete(line, &here());
        assert_eq!(
            (completion.text.as_str(), completion.names.len()),
            (text, names),
            "{line}"
        );
    }
    assert_eq!(commands.path("open ./fold"), Some(("open", "./fold")));
    assert_eq!(commands.path("plan ./fold"), None);
}

#[test]
fn every_command_is_found_by_its_name_and_by_its_words() {
    let commands = commands(&[KeyContext::Sources, KeyContext::List, KeyContext::Global]);
    for command in commands.found("") {
        let first = commands.found(&command.name)[0];
        assert_eq!(first.name, command.name);
    }
    assert_eq!(commands.found("csv")[0].name, "export");
    assert_eq!(commands.found("sort size")[0].name, "sort");
    assert!(commands.found("xyzzy").is_empty());
}
