//! The manual in the program and the README: their examples must be accepted and correct.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use cachelens::check::Code;
use cachelens::cli::check_arguments;

use crate::support::command::{CommandLine, Sandbox};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the topics with their texts.
fn topics() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("assets/manual")).unwrap();
    let mut topics: Vec<_> = files
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    topics.sort();
    topics
}

/// Returns the commands in the code of a document: in fences, after `$` or `run:` if present, and
/// in single backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        if !is_code {
            let codes = line.split('`').skip(1).step_by(2);
            let whole = codes.filter(|code| code.starts_with("cachelens "));
            found.extend(whole.map(str::to_owned));
            continue;
        }
        let starts = ["- run: ", "run: ", "script: ", "$ ", ""];
        let line = line.trim_start();
        let line = starts
            .iter()
            .find_map(|start| line.strip_prefix(start))
            .unwrap();
        if line.starts_with("cachelens ") {
            found.push(line.to_owned());
        }
    }
    found
}

/// Splits a command like a shell, up to a pipe, a redirection or a comment.
pub(super) fn words(command: &str) -> Vec<OsString> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    // An expression of a workflow is one word, regardless of its content.
    let command = command.replace("${{ github.repository }}", "acme/app");
    for character in command.chars() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            ('|' | '>', None) => break,
            ('#', None) if word.is_none() => break,
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from).collect()
}

/// Returns the completions of the words that follow the name of the program.
fn completions(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let run = sandbox.run(words.after("complete -- cachelens"));
    let lines = run.stdout.lines();
    let words = lines.map(|line| line.split('\t').next().unwrap());
    words.map(str::to_owned).collect()
}

/// Returns whether a word can only be a command, because no source is written like that.
fn is_command(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_lowercase()) && word != "demo"
}

#[test]
fn every_documented_command_is_accepted() {
    let mut count = 0;
    let known = completions(&Sandbox::new(), &[""]);
    let readme = (
        "README".to_owned(),
        fs::read_to_string(root().join("README.md")).unwrap(),
    );
    for (name, text) in topics().into_iter().chain([readme]) {
        for command in commands(&text) {
            let words = words(&command);
            let first = words[1].to_str().unwrap().to_owned();
            assert!(
                !is_command(&first) || known.contains(&first),
                "{name}: {command}: there is no command `{first}`"
            );
            // `cachelens help TOPIC` is a pattern, not a command.
            if let Err(error) = check_arguments(words) {
                panic!("{name}: {command}\n{error}");
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
    assert!(check_arguments(words("cachelens ls --no-such-flag")).is_err());
}

#[test]
fn every_topic_is_printed_by_help_and_by_man() {
    let sandbox = Sandbox::new();
    let list = sandbox.run("help").stdout;
    for (name, text) in topics() {
        let summary = text.lines().next().unwrap();
        let summary = summary
            .strip_prefix(&format!("# {name}: "))
            .unwrap()
            .to_owned();
        assert!(list.contains(&summary), "{name}");
        let help = sandbox.run(format!("help '{name}'"));
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(
            help.stdout.contains(&format!("{name} – {summary}")),
            "{name}"
        );
        // If a name is also a command, its flags come first.
        let flags = help.stdout.find("Usage: cachelens");
        let is_command =
            ["why", "prune", "check", "repair", "find", "config"].contains(&name.as_str());
        assert_eq!(flags.is_some(), is_command, "{name}");
        let title = help.stdout.find(" – ").unwrap();
        assert!(flags.is_none_or(|flags| flags < title), "{name}");
        let page = sandbox.run(format!("man '{name}' --section 7"));
        let head = format!(".TH CACHELENS\\-{} 7", name.to_uppercase());
        assert!(page.stdout.starts_with(&head), "{name}: {}", page.stdout);
    }
}

#[test]
fn links_between_topics_lead_somewhere() {
    let names: Vec<String> = topics().into_iter().map(|(name, _)| name).collect();
    let readme = (
        "README".to_owned(),
        fs::read_to_string(root().join("README.md")).unwrap(),
    );
    for (name, text) in topics().into_iter().chain([readme]) {
        for (place, _) in text.match_indices("cachelens help ") {
            let rest = &text[place + "cachelens help ".len()..];
            let topic: String = rest
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            assert!(names.contains(&topic), "{name} mentions {topic}");
        }
        for (place, _) in text.match_indices("](assets/") {
            let rest = &text[place + "](".len()..];
            let path = rest.split(')').next().unwrap();
            assert!(root().join(path).exists(), "{name} links to {path}");
        }
    }
}

#[test]
fn an_unknown_topic_suggests_the_nearest() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("help regsitry"), @r"
    error: there is no command and no topic `regsitry`
      hint: did you mean `cachelens help registry`?
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("man bluberry"), @r"
    error: there is no command and no topic `bluberry`
      hint: `cachelens help` lists the commands and the topics
    exit 2
    ");
}

#[test]
fn man_writes_a_page_for_every_command_and_topic() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("man --out pages");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let pages: Vec<&str> = run.stdout.lines().collect();
    for page in [
        "cachelens.1",
        "cachelens-ls.1",
        "cachelens-config-print.1",
        "cachelens-prune.1",
    ] {
        assert!(pages.contains(&format!("pages/{page}").as_str()), "{page}");
    }
    let prune = fs::read_to_string(sandbox.path("pages/cachelens-prune.1")).unwrap();
    let synopsis = ".SH SYNOPSIS\n.nf\ncachelens prune [OPTIONS] [SOURCE]...\n.fi\n";
    assert!(prune.contains(synopsis), "{prune}");
    // The page of a command lists its flags with descriptions.
    assert!(prune.contains("\\-\\-log\\-file") && prune.contains("Log to a file"));
    assert!(prune.contains("\\-\\-keep\\-within") && prune.contains("cachelens\\-prune\\fR(7)"));
    for (name, _) in topics() {
        let page = fs::read_to_string(sandbox.path(format!("pages/cachelens-{name}.7"))).unwrap();
        assert!(page.contains(".SH NAME\n"), "{name}");
    }
}

#[test]
fn man_accepts_the_names_of_its_pages() {
    let sandbox = Sandbox::new();
    let written = sandbox.run("man --out pages").stdout;
    for path in written.lines() {
        let page = path.strip_prefix("pages/").unwrap();
        let (name, section) = page.rsplit_once('.').unwrap();
        let printed = sandbox.run(format!("man '{name}' --section {section}"));
        assert_eq!(printed.code, Some(0), "{page}: {printed}");
        let text = fs::read_to_string(sandbox.path(path)).unwrap();
        assert_eq!(printed.stdout, text, "{page}");
    }
    let print = sandbox.run("man config print").stdout;
    for name in ["config-print", "cachelens-config-print"] {
        assert_eq!(sandbox.run(format!("man '{name}'")).stdout, print, "{name}");
    }
    insta::assert_snapshot!(sandbox.run("man ls --section 7"), @r"
    error: the page `ls` is in section 1
      hint: `cachelens man ls --section 1` prints it
    exit 2
    ");
    insta::assert_snapshot!(sandbox.run("man prnue"), @r"
    error: there is no command and no topic `prnue`
      hint: did you mean `cachelens man prune`?
    exit 2
    ");
}

#[test]
fn every_code_of_a_finding_is_in_its_topic() {
    let topics: BTreeMap<String, String> = topics().into_iter().collect();
    let of_check = Code::ALL.iter().map(|code| ("check", code.name()));
    let of_find = cachelens::find::codes().map(|code| ("find", code));
    for (topic, code) in of_check.chain(of_find) {
        assert!(
            topics[topic].contains(&format!("\n- `{code}`: ")),
            "{topic}: {code}"
        );
    }
}

#[test]
fn every_flag_is_in_a_topic_of_the_manual() {
    let sandbox = Sandbox::new();
    let text: String = topics().into_iter().map(|(_, text)| text).collect();
    // Every program has these; `-v` stands for the last one.
    let usual = ["--help", "--version", "--verbose"];
    let is_letter = |letter: char| letter == '-' || letter.is_ascii_alphanumeric();
    let has = |flag: &str| {
        text.match_indices(flag).any(|(at, _)| {
            let after = text[at + flag.len()..].chars().next();
            !text[..at].ends_with(is_letter) && !after.is_some_and(is_letter)
        })
    };
    let mut missing = Vec::new();
    let mut count = 0;
    let commands = completions(&sandbox, &[""]).into_iter();
    for command in commands.filter(|word| is_command(word)) {
        for flag in completions(&sandbox, &[&command, "--"]) {
            count += 1;
            if !usual.contains(&flag.as_str()) && !has(&flag) {
                missing.push(format!("{command} {flag}"));
            }
        }
    }
    assert!(count > 100, "{count}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn short_help_of_a_list_fits_a_screen_and_has_its_own_flags() {
    let help = Sandbox::new().run("ls -h").stdout;
    for flag in ["--filter", "--sort", "--limit", "--columns", "--no-headers"] {
        assert!(help.contains(flag), "{help}");
    }
    assert!(!help.contains("--client-cert"), "{help}");
    // Without a terminal the width is 100 columns; at 80 some lines are wrapped.
    let lines: usize = help
        .lines()
        .map(|line| line.chars().count().div_ceil(80).max(1))
        .sum();
    assert!(lines <= 26, "{lines} lines:\n{help}");
    let long = Sandbox::new().run("ls --help").stdout;
    assert!(long.contains("--client-cert") && long.contains("--log-file"));
}

#[test]
fn the_page_of_the_program_has_examples_files_and_the_environment() {
    let page = Sandbox::new().run("man");
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    let page = page.stdout;
    assert!(page.contains(".TH CACHELENS 1"), "{page}");
    for section in ["FILES", "ENVIRONMENT"] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{page}");
    }
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").unwrap();
    let (examples, _) = examples.split_once(".fi\n").unwrap();
    let examples: Vec<String> = examples
        .lines()
        .map(|line| line.replace("\\-", "-"))
        .collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        if let Err(error) = check_arguments(words(&example)) {
            panic!("{example}: {error}");
        }
    }
}
