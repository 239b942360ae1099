//! The command line: the actions of the key map by their names, and commands that take a value, as
//! in `:sort size` or `:plan ./cache`.
//!
//! Nothing here touches the UI. [`Commands::order`] turns a line into a [`CommandRequest`] or says
//! what is wrong with it; the layer carries the order out.

use super::keymap::{Action, KeyBinding, KeyContext, Keymap, search};
use super::list::{Sort, SortDirection};
use super::rows::{Column, Sortable};
use super::world::SourceId;
use crate::config::{self, ThemeSetting};
use crate::inventory::filter::Filter;
use crate::text::nearest::nearest;

mod complete;

/// A screen that a command goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandDestination {
    /// The list of sources.
    Sources,
    /// The refs of a source.
    Refs,
    /// The blobs of a source.
    Blobs,
    /// A plan by the policy.
    Plan,
    Check,
}

/// The effect of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Perform(Action),
    Go(CommandDestination),
    Theme,
    OpenSource,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteCommand {
    /// Its name, as in `mark-all`.
    pub name: String,
    /// The arguments after the name, as in `COLUMN`; empty for none.
    pub value: &'static str,
    /// The key that does the same here, or nothing.
    pub key: String,
    pub text: String,
    verb: Verb,
    /// How it is found by other words.
    binding: Option<KeyBinding>,
}

impl PaletteCommand {
    /// Returns its name with its arguments.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.value)
            .trim_end()
            .to_owned()
    }
}

/// The request of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandRequest {
    /// Do the action of a key.
    Perform(Action),
    /// Go to the sources.
    Home,
    /// Show something of a source.
    Go(CommandDestination, SourceId),
    /// Use a theme.
    Theme(ThemeSetting),
    /// Open a source by its name.
    Open(String),
    /// Use an order.
    Sort(Sort),
    /// Use a filter.
    Filter(Filter),
}

/// Why a line is not a command, with advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFault {
    pub message: String,
    /// The text to type instead.
    pub hint: String,
}

/// Where a line is typed.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// The names of all open sources.
    pub sources: Vec<(SourceId, String)>,
    /// The source that the screen is about.
    pub current: Option<SourceId>,
    /// The columns of the list.
    pub columns: &'static [Column],
}

impl Here {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|(_, name)| name.as_str())
    }
}

/// Names that people type for other commands.
const ALIASES: &[(&str, &str)] = &[
    ("q", "quit"),
    ("q!", "quit"),
    ("exit", "quit"),
    ("h", "help"),
    ("keys", "help"),
    ("home", "sources"),
    ("prune", "plan"),
    ("rule", "make-rule"),
    ("e", "open"),
    ("leave-out", "exclude"),
    ("take-back", "remove-last"),
];

/// Commands that are there on every screen.
const EVERYWHERE: &[(&str, Verb, &str)] = &[
    (
        "sources",
        Verb::Go(CommandDestination::Sources),
        "Go to the list of sources",
    ),
    (
        "refs",
        Verb::Go(CommandDestination::Refs),
        "Show the refs of this source, or of another",
    ),
    (
        "blobs",
        Verb::Go(CommandDestination::Blobs),
        "Show the blobs of this source, or of another",
    ),
    (
        "plan",
        Verb::Go(CommandDestination::Plan),
        "Plan a prune of this source, or of another",
    ),
    (
        "check",
        Verb::Go(CommandDestination::Check),
        "Check this source, or another",
    ),
    ("theme", Verb::Theme, "Use another theme until you leave"),
    ("open", Verb::OpenSource, "Open a source by its name"),
];

/// The commands of a screen.
#[derive(Debug, Clone, Default)]
pub struct Commands(Vec<PaletteCommand>);

impl Commands {
    /// Lists the actions of `contexts`, then the commands of every screen.
    pub fn new(contexts: &[KeyContext], keymap: &Keymap) -> Self {
        let bindings = contexts
            .iter()
            .flat_map(|context| keymap.bindings(*context));
        let mut commands: Vec<PaletteCommand> = Vec::new();
        for binding in bindings.filter(|binding| binding.action != Action::Palette) {
            let name = search::command_name(binding.action);
            if commands.iter().any(|command| command.name == name) {
                continue;
            }
            commands.push(PaletteCommand {
                name,
                value: value_of(binding.action),
                key: binding.key(),
                text: binding.text.clone(),
                verb: Verb::Perform(binding.action),
                binding: Some(binding.clone()),
            });
        }
        for (name, verb, text) in EVERYWHERE {
            if commands.iter().any(|command| command.name == *name) {
                continue;
            }
            let value = match verb {
                Verb::Go(CommandDestination::Sources) | Verb::Perform(_) => "",
                Verb::Go(_) => "[SOURCE]",
                Verb::Theme => "THEME",
                Verb::OpenSource => "SOURCE",
            };
            commands.push(PaletteCommand {
                name: (*name).to_owned(),
                value,
                key: String::new(),
                text: (*text).to_owned(),
                verb: *verb,
                binding: None,
            });
        }
        Self(commands)
    }

    /// Returns the commands that match the typed text, the best first; all for an empty line.
    pub fn found(&self, line: &str) -> Vec<&PaletteCommand> {
        let (name, value) = split(line);
        if !value.is_empty() || line.contains(char::is_whitespace) {
            let exact = self.named(name);
            if exact.is_some() {
                return exact.into_iter().collect();
            }
        }
        let wanted = line.trim().to_lowercase();
        let distance = |command: &PaletteCommand| {
            if command.name.starts_with(&wanted) {
                return Some(0);
            }
            match &command.binding {
                Some(binding) => search::distance(&wanted, binding),
                None if command.text.to_lowercase().contains(&wanted) => Some(4),
                None => None,
            }
        };
        let mut found: Vec<(u32, &PaletteCommand)> = self
            .0
            .iter()
            .filter_map(|command| Some((distance(command)?, command)))
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, command)| command).collect()
    }

    /// Returns the command that is called `name`, or has it as an alias.
    pub fn named(&self, name: &str) -> Option<&PaletteCommand> {
        let of_alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let wanted = of_alias.map_or(name, |(_, name)| *name);
        // A name of its own comes before an alias.
        let called = |name: &str| self.0.iter().find(|command| command.name == name);
        called(name).or_else(|| called(wanted))
    }

    /// Returns the request of a line.
    ///
    /// # Errors
    /// There is no such command, or its value is wrong.
    pub fn order(&self, line: &str, here: &Here) -> Result<CommandRequest, CommandFault> {
        let (name, value) = split(line);
        let command = self.named(name).ok_or_else(|| self.unknown(name))?;
        match (command.verb, value) {
            (Verb::Perform(action), "") => Ok(CommandRequest::Perform(action)),
            (Verb::Perform(Action::Filter), terms) => match Filter::parse(terms) {
                Ok(filter) => Ok(CommandRequest::Filter(filter)),
                Err(error) => Err(CommandFault {
                    message: error.to_string(),
                    hint: "as in `:filter size>1G age>30d`".to_owned(),
                }),
            },
            (Verb::Perform(Action::Sort), words) => {
                order_by(words, here.columns).map(CommandRequest::Sort)
            }
            (Verb::Perform(Action::Open | Action::Add) | Verb::OpenSource, name)
                if !name.is_empty() =>
            {
                Ok(CommandRequest::Open(name.to_owned()))
            }
            (Verb::Perform(action), name) => match place_of(action) {
                Some(place) => source(name, here).map(|source| CommandRequest::Go(place, source)),
                None => Err(CommandFault {
                    message: format!("`{}` takes no value", command.name),
                    hint: format!("type `:{}` alone", command.name),
                }),
            },
            (Verb::Go(CommandDestination::Sources), _) => Ok(CommandRequest::Home),
            (Verb::Go(place), name) => {
                source(name, here).map(|source| CommandRequest::Go(place, source))
            }
            (Verb::Theme, name) => config::parse_theme(name)
                .map(CommandRequest::Theme)
                .map_err(|message| CommandFault {
                    message,
                    hint: "as in `:theme light`".to_owned(),
                }),
            (Verb::OpenSource, _) => Err(CommandFault {
                message: "the name of a source is missing".to_owned(),
                hint: "as in `:open ./cache` or `:open s3://bucket/prefix`".to_owned(),
            }),
        }
    }

    fn unknown(&self, name: &str) -> CommandFault {
        let names = self.0.iter().map(|command| command.name.as_str());
        let aliases = ALIASES.iter().map(|(alias, _)| *alias);
        let hint = match nearest(name, names.chain(aliases.filter(|alias| alias.len() > 2))) {
            Some(near) => format!("did you mean `:{near}`?"),
            None => "the list shows every command of this screen".to_owned(),
        };
        CommandFault {
            message: format!("there is no command `{name}` here"),
            hint,
        }
    }
}

/// Returns the name of a command and its value.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (name, value.trim())
}

/// Returns the arguments of an action.
fn value_of(action: Action) -> &'static str {
    match action {
        Action::Sort => "[COLUMN]",
        Action::Filter => "[TERMS]",
        Action::Open | Action::Add => "[SOURCE]",
        _ if place_of(action).is_some() => "[SOURCE]",
        _ => "",
    }
}

/// Returns the screen that an action opens, where it can open it of any source.
fn place_of(action: Action) -> Option<CommandDestination> {
    match action {
        Action::Blobs => Some(CommandDestination::Blobs),
        Action::Plan => Some(CommandDestination::Plan),
        Action::Check => Some(CommandDestination::Check),
        _ => None,
    }
}

/// Returns the source that is called `name`, or whose name alone contains it; the current one for
/// an empty name.
fn source(name: &str, here: &Here) -> Result<SourceId, CommandFault> {
    if name.is_empty() {
        let only = match here.sources.as_slice() {
            [(id, _)] => Some(*id),
            _ => None,
        };
        return here.current.or(only).ok_or_else(|| CommandFault {
            message: "this screen is about no source".to_owned(),
            hint: "add the name of one, as in `:plan ./cache`".to_owned(),
        });
    }
    let mut sources = here.sources.iter();
    let called = sources.find(|(_, source)| source == name);
    let mut containing = here
        .sources
        .iter()
        .filter(|(_, source)| source.contains(name));
    let only = containing.next().filter(|_| containing.next().is_none());
    called.or(only).map(|(id, _)| *id).ok_or_else(|| {
        let near = nearest(name, here.names());
        CommandFault {
            message: format!("no source here is called `{name}`"),
            hint: match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`:open {name}` opens it"),
            },
        }
    })
}

/// Returns the words for columns, as in `only-here`.
fn keys(columns: &'static [Column]) -> impl Iterator<Item = String> {
    columns
        .iter()
        .filter(|column| column.sort != Sortable::No)
        .map(key)
}

fn key(column: &Column) -> String {
    column.title.to_lowercase().replace(' ', "-")
}

/// Returns the order that `words` name: a column, and perhaps `up` or `down`.
fn order_by(words: &str, columns: &'static [Column]) -> Result<Sort, CommandFault> {
    let all = || keys(columns).collect::<Vec<_>>().join(" ");
    let (wanted, direction) = split(words);
    let wanted = wanted.to_lowercase();
    let place = columns
        .iter()
        .position(|column| column.sort != Sortable::No && key(column) == wanted);
    let place = place.ok_or_else(|| CommandFault {
        message: format!("there is no column `{wanted}` to sort by"),
        hint: format!("columns: {}", all()),
    })?;
    let sort = Sort::by(place, columns);
    let order = match direction {
        "" => sort.order,
        "up" | "asc" => SortDirection::Ascending,
        "down" | "desc" => SortDirection::Descending,
        other => {
            return Err(CommandFault {
                message: format!("`{other}` is no direction"),
                hint: "up is the least first, down the largest".to_owned(),
            });
        }
    };
    Ok(Sort { order, ..sort })
}

#[cfg(test)]
mod tests;
