//! `help`: the flags of a command, and the topics of the manual.

use clap::Args;

use super::output::CommandOutput;
use super::table::Style;
use crate::error::{Exit, Failure};
use crate::text::escape::visible;
use crate::text::nearest::nearest;

pub(super) mod manual;

use manual::{TOPICS, Topic};

#[derive(Debug, Args)]
pub(super) struct HelpArguments {
    /// A command, such as `config print`, or a topic of the manual.
    ///
    /// Without it, all commands and topics are listed.
    #[arg(value_name = "COMMAND|TOPIC")]
    names: Vec<String>,
}

pub(super) fn run(arguments: &HelpArguments, output: &CommandOutput) -> Result<Exit, Failure> {
    let mut command = super::command_line::command();
    command.build();
    if arguments.names.is_empty() {
        let help = rendered(&command.render_help(), output);
        return output.text(&format!("{help}\n{}", topics(output)));
    }
    let topic = match arguments.names.as_slice() {
        [name] => Topic::named(name),
        _ => None,
    };
    let mut found = Some(&mut command);
    for name in &arguments.names {
        found = found.and_then(|command| command.find_subcommand_mut(name));
    }
    let flags = found.map(|command| rendered(&command.render_long_help(), output));
    let topic = topic.map(|topic| topic.render(output.paper));
    if flags.is_none() && topic.is_none() {
        return Err(unknown(&arguments.names, "help"));
    }
    // If a name is a command and a topic, the flags come first.
    let parts: Vec<String> = flags.into_iter().chain(topic).collect();
    output.text(&parts.join("\n"))
}

fn rendered(help: &clap::builder::StyledStr, output: &CommandOutput) -> String {
    if output.paper.color {
        help.ansi().to_string()
    } else {
        help.to_string()
    }
}

/// Lists the topics with their summaries.
fn topics(output: &CommandOutput) -> String {
    let widest = TOPICS.iter().map(|topic| topic.name.len()).max();
    let widest = widest.unwrap_or_default();
    let mut text = Style::Strong.paint("Topics", output.paper) + " (cachelens help TOPIC):\n";
    for topic in TOPICS {
        text += &format!("  {:widest$}  {}\n", topic.name, topic.summary());
    }
    text
}

/// Returns the failure for a name that is neither a command nor a topic, for `help` or `man`.
pub(super) fn unknown(names: &[String], verb: &str) -> Failure {
    let name = names.join(" ");
    let command = super::command_line::command();
    let commands = command.get_subcommands().map(clap::Command::get_name);
    let known = commands.chain(TOPICS.iter().map(|topic| topic.name));
    let message = format!("there is no command and no topic `{}`", visible(&name));
    let failure = Failure::message(Exit::Usage, message);
    match nearest(&name, known) {
        Some(near) => failure.hint(format!("did you mean `cachelens {verb} {near}`?")),
        None => failure.hint("`cachelens help` lists the commands and the topics"),
    }
}
