//! The terminal UI where there is no screen to draw on: a numbered menu of text, or the summary and
//! the refs where the output goes to a file or another program.
//!
//! The menu runs the commands of the command line and prints each before it runs, so it can do no
//! more than they can, and it deletes nothing.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _};

use super::output::CommandOutput;
use super::{Cli, Global, command_line, open};
use crate::error::{Exit, Failure};
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::secrets::mask_line;

/// The most refs that are listed with a number.
const MOST_REFS: usize = 200;

/// What the program shows when no command is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// The terminal UI.
    Screen,
    /// The numbered menu.
    Menu,
    /// The summary and the refs.
    Print,
}

/// Chooses what to show.
pub(super) fn face(global: &Global) -> Face {
    if global.plain {
        Face::Menu
    } else if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        Face::Print
    } else if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        Face::Menu
    } else {
        Face::Screen
    }
}

/// Returns whether the locale is one that knows only ASCII. Without any locale, as in many
/// containers, the terminal is taken to know UTF-8.
pub(super) fn is_ascii() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    is_ascii_locale(
        names
            .into_iter()
            .filter_map(|name| std::env::var(name).ok()),
    )
}

/// Returns whether the first locale that is set knows only ASCII.
fn is_ascii_locale(mut locales: impl Iterator<Item = String>) -> bool {
    let locale = locales.find(|locale| !locale.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// Prints the summary of the sources, then their refs.
pub(super) fn print(
    texts: &[SourceText],
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    let summed = run("du", texts, &[], global, output)?;
    output.text("\n")?;
    let listed = run("ls", texts, &[], global, output)?;
    Ok(if summed == Exit::Done { listed } else { summed })
}

/// A choice of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MenuChoice {
    Command(&'static str, &'static [&'static str]),
    Steps,
    Open,
    Quit,
}

const CHOICES: &[(&str, MenuChoice)] = &[
    ("quit", MenuChoice::Quit),
    (
        "sum up live, orphaned and missing blobs",
        MenuChoice::Command("du", &[]),
    ),
    ("list the refs", MenuChoice::Command("ls", &[])),
    ("show the steps of a ref", MenuChoice::Steps),
    (
        "list the 20 largest blobs",
        MenuChoice::Command("blobs", &["--sort", "size", "--limit", "20"]),
    ),
    (
        "check for faults that break builds",
        MenuChoice::Command("check", &[]),
    ),
    (
        "plan a prune; this deletes nothing",
        MenuChoice::Command("prune", &[]),
    ),
    (
        "find the caches that this directory declares",
        MenuChoice::Command("find", &[]),
    ),
    ("open another source", MenuChoice::Open),
];

/// Shows the menu until a person leaves it or the input ends.
pub(super) fn menu(
    texts: &[SourceText],
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    let mut texts = texts.to_vec();
    loop {
        output.text(&menu_text(&texts))?;
        let Some(line) = ask("Number: ", output)? else {
            output.text("\n")?;
            return Ok(Exit::Done);
        };
        let chosen = match line.as_str() {
            "q" => Some(MenuChoice::Quit),
            "" => continue,
            line => {
                let number = line.parse::<usize>().ok();
                let chosen = number.and_then(|number| CHOICES.get(number));
                chosen.map(|(_, choice)| *choice)
            }
        };
        let result = match chosen {
            Some(MenuChoice::Quit) => return Ok(Exit::Done),
            Some(MenuChoice::Command("find", flags)) => run("find", &[], flags, global, output),
            Some(MenuChoice::Command(name, flags)) => run(name, &texts, flags, global, output),
            Some(MenuChoice::Steps) => steps(&texts, global, output),
            Some(MenuChoice::Open) => ask("Source: ", output).map(|name| {
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    texts = vec![SourceText::from(name)];
                }
                Exit::Done
            }),
            None => {
                let last = CHOICES.len() - 1;
                output.text(&format!(
                    "`{}` is not on the menu: type a number from 0 to {last}\n",
                    visible(&line)
                ))
            }
        };
        if let Err(failure) = result {
            output.failure(&failure);
        }
    }
}

fn menu_text(texts: &[SourceText]) -> String {
    let names: Vec<String> = texts
        .iter()
        .map(|text| visible(&text.to_string()).into_owned())
        .collect();
    let names = if names.is_empty() {
        "the sources of cachelens.toml, or of this directory".to_owned()
    } else {
        names.join(", ")
    };
    let mut text = format!("\ncachelens: {names}\n");
    let numbered = CHOICES.iter().enumerate();
    for (number, (words, _)) in numbered.clone().skip(1).chain(numbered.take(1)) {
        text.push_str(&format!("  {number}  {words}\n"));
    }
    text
}

/// Asks for a line; returns nothing when the input has ended.
fn ask(question: &str, output: &CommandOutput) -> Result<Option<String>, Failure> {
    output.text(question)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    match read {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(line.trim().to_owned())),
        Err(error) => Err(Failure::new(Exit::Failed, &error).on("cannot read the answer")),
    }
}

/// Lists the refs with a number each, and shows the steps of the one that is chosen.
fn steps(texts: &[SourceText], global: &Global, output: &CommandOutput) -> Result<Exit, Failure> {
    let mut refs: Vec<String> = Vec::new();
    super::engine(global, output, async |session| {
        let sources = open::sources_to_read(session, texts)?;
        let (scanned, failures) = open::scan_found(session, sources).await?;
        for scanned in &scanned {
            let label = scanned.opened.label();
            let names = scanned.selected().into_iter();
            refs.extend(names.map(|(_, entry)| format!("{label}#{}", entry.name)));
        }
        Ok(open::conclude(session, scanned.len(), &failures))
    })?;
    let listed = refs.iter().take(MOST_REFS).enumerate();
    let lines: Vec<String> = listed
        .map(|(place, name)| format!("{:>3}  {}\n", place + 1, visible(name)))
        .collect();
    output.text(&lines.concat())?;
    if refs.len() > MOST_REFS {
        output.text(&format!("… and {} more\n", refs.len() - MOST_REFS))?;
    }
    let Some(line) = ask("Number of the ref: ", output)? else {
        return Ok(Exit::Done);
    };
    let number = line.parse::<usize>().ok();
    let chosen = number.and_then(|number| refs.get(number.checked_sub(1)?));
    match chosen {
        Some(name) => run(
            "show",
            &[SourceText::from(name.clone())],
            &[],
            global,
            output,
        ),
        None => output.text(&format!("there is no ref `{}`\n", visible(&line))),
    }
}

/// Prints a command as it is typed, and runs it.
fn run(
    name: &str,
    texts: &[SourceText],
    flags: &[&str],
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    if global.plain {
        let shown: Vec<String> = texts.iter().map(ToString::to_string).collect();
        let words = [name].into_iter().chain(flags.iter().copied());
        let words: Vec<&str> = words.chain(shown.iter().map(String::as_str)).collect();
        let line = format!("cachelens {}", words.join(" "));
        output.text(&format!("\n$ {}\n", visible(&mask_line(&line))))?;
    }
    let words = ["cachelens", name].into_iter().chain(flags.iter().copied());
    let words = words.chain(texts.iter().map(SourceText::expose));
    let arguments: Vec<OsString> = words.map(OsString::from).collect();
    let parsed = command_line::parse(&arguments).map_err(|error| {
        Failure::message(
            Exit::Usage,
            mask_line(error.to_string().trim()).into_owned(),
        )
    })?;
    let cli = Cli {
        global: global.clone(),
        ..parsed
    };
    super::carry_out(cli, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_decides() {
        let cases = [
            (vec!["C"], true),
            (vec!["POSIX"], true),
            (vec!["", "de_DE.ISO-8859-1"], true),
            (vec!["", "C.UTF-8", "C"], false),
            (vec!["en_US.utf8"], false),
            (vec![], false),
        ];
        for (locales, expected) in cases {
            let locales = locales.into_iter().map(str::to_owned);
            assert_eq!(is_ascii_locale(locales.clone()), expected, "{locales:?}");
        }
    }
}
