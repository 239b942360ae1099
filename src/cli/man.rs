//! `man`: manual pages, of commands in section 1 and of topics in section 7.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::help::manual::{TOPICS, Topic, roff};
use super::help::unknown;
use super::output::CommandOutput;
use crate::error::{Exit, Failure};
use crate::text::escape::visible;

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// A command, such as `config print`, or a topic.
    ///
    /// The name of a page, such as `cachelens-config-print`, is right as well. A name that is both
    /// selects the command. Without it, the page of the program is printed.
    #[arg(value_name = "COMMAND|TOPIC")]
    names: Vec<String>,
    /// The section: 1 for commands, 7 for topics.
    #[arg(long, value_name = "N", requires = "names", value_parser = clap::value_parser!(u8).range(1..=7))]
    section: Option<u8>,
    /// Write all pages into this directory; it is created if missing.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["names", "section"])]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArguments, output: &CommandOutput) -> Result<Exit, Failure> {
    let mut command = super::command_line::whole_command();
    command.build();
    if let Some(directory) = &arguments.out {
        return write_all(&command, directory, output);
    }
    if arguments.names.is_empty() {
        return output.raw(&page(&command)?);
    }
    let name = arguments.names.join("-");
    let is_in = |number| arguments.section.is_none_or(|section| section == number);
    let found = command_of(&command, &name);
    let topic = Topic::named(name.strip_prefix(PREFIX).unwrap_or(&name));
    match (found, topic) {
        (Some(command), _) if is_in(1) => output.raw(&page(command)?),
        (_, Some(topic)) if is_in(7) => output.text(&topic.roff()),
        (None, None) => Err(unknown(&arguments.names, "man")),
        (found, _) => Err(other_section(&name, if found.is_some() { 1 } else { 7 })),
    }
}

/// What the names of all pages but the first begin with.
const PREFIX: &str = "cachelens-";

/// Returns the command that a page is about, such as `cachelens-config-print` or `config-print`.
fn command_of<'c>(program: &'c Command, page: &str) -> Option<&'c Command> {
    if page == program.get_name() {
        return Some(program);
    }
    let mut names = page.strip_prefix(PREFIX).unwrap_or(page).split('-');
    names.try_fold(program, |command, name| command.find_subcommand(name))
}

/// Returns the failure for a page that is in another section than the given one.
fn other_section(name: &str, section: u8) -> Failure {
    let name = visible(name);
    let message = format!("the page `{name}` is in section {section}");
    Failure::message(Exit::Usage, message).hint(format!(
        "`cachelens man {name} --section {section}` prints it"
    ))
}

/// The end of the page of the program.
const FILES: &str = "\
.SH EXAMPLES
.nf
cachelens ls ./buildkit\\-cache
cachelens why \\-\\- docker buildx build \\-\\-cache\\-from type=local,src=./buildkit\\-cache .
cachelens prune ./buildkit\\-cache \\-\\-drop\\-ref 'pr\\-*' \\-\\-keep\\-within 14d
cachelens check ghcr.io/acme/app:buildcache
cachelens find
.fi
.SH FILES
.TP
cachelens.toml
The configuration, in the current directory or above it, else in $XDG_CONFIG_HOME/cachelens.
.TP
$XDG_STATE_HOME/cachelens
Journals of runs, and records of scans.
.TP
$XDG_CACHE_HOME/cachelens
Documents that were read before.
.SH ENVIRONMENT
NO_COLOR, CLICOLOR_FORCE, CACHELENS_* and the variables of logins are listed in
\\fBcachelens\\-config\\fR(7).
";

/// Renders the page of a command.
fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let name = display_name(command);
    let page = clap_mangen::Man::new(command.clone().display_name(name.clone()))
        .title(name.to_uppercase())
        .section("1")
        .source(format!("cachelens {}", env!("CARGO_PKG_VERSION")));
    let mut bytes = Vec::new();
    write(&page, command, &mut bytes).map_err(|error| Failure::new(Exit::Failed, &error))?;
    if command.get_name() == "cachelens" {
        bytes.extend(FILES.as_bytes());
    }
    bytes.extend(see_also(command.get_name()).into_bytes());
    Ok(bytes)
}

/// Writes the sections that clap knows.
fn write(page: &clap_mangen::Man, command: &Command, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    page.render_title(bytes)?;
    page.render_name_section(bytes)?;
    bytes.extend(synopsis(command).into_bytes());
    page.render_description_section(bytes)?;
    page.render_options_section(bytes)?;
    if command.has_subcommands() {
        page.render_subcommands_section(bytes)?;
    }
    Ok(())
}

/// Returns the usage line of the help. clap's own section would list every flag, without its value
/// and in no order.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage:").unwrap_or(&usage);
    let lines = usage.lines().map(|line| roff(line.trim()));
    let lines: Vec<String> = lines.collect();
    format!(".SH SYNOPSIS\n.nf\n{}\n.fi\n", lines.join("\n"))
}

/// Returns the full name of a command, as in `cachelens-config-print`.
fn display_name(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    name.to_owned()
}

/// Refers to the topic of the same name; the page of the program refers to all topics.
fn see_also(name: &str) -> String {
    let topics = TOPICS
        .iter()
        .filter(|topic| topic.name == name || name == "cachelens");
    let pages: Vec<String> = topics
        .map(|topic| format!("\\fBcachelens\\-{}\\fR(7)", topic.name))
        .collect();
    if pages.is_empty() {
        return String::new();
    }
    format!(".SH \"SEE ALSO\"\n{}\n", pages.join(", "))
}

fn write_all(command: &Command, directory: &Path, output: &CommandOutput) -> Result<Exit, Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        let shown = visible(&path.to_string_lossy()).into_owned();
        Failure::new(Exit::Failed, error).on(&format!("{shown} cannot be written"))
    };
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let mut pages = Vec::new();
    let mut waiting = vec![command];
    while let Some(command) = waiting.pop() {
        pages.push((format!("{}.1", display_name(command)), page(command)?));
        let visible = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        waiting.extend(visible);
    }
    for topic in TOPICS {
        let name = format!("cachelens-{}.7", topic.name);
        pages.push((name, topic.roff().into_bytes()));
    }
    pages.sort();
    let mut listed = String::new();
    for (name, bytes) in pages {
        let path = directory.join(&name);
        fs::write(&path, bytes).map_err(|error| failed(&path, &error))?;
        listed += &format!("{}\n", visible(&path.to_string_lossy()));
    }
    output.text(&listed)
}
