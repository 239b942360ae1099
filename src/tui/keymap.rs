//! The key bindings, read from `assets/keymap.toml`. The footer, the help and the command palette
//! come from the same file.

use std::collections::BTreeMap;

use crokey::KeyCombination;
use serde::Deserialize;

use super::message::KeyPress;

mod keys;
pub mod own;
pub mod search;

use keys::{plain, shown};

/// Declares the actions and the list of all of them.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// An action of a key or of the command palette.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

actions! {
    /// Leave the program.
    Quit,
    /// Show the keys.
    Help,
    /// Type a command.
    Palette,
    /// Leave the screen.
    Back,
    /// Stop the current work, or remove the filter, or leave the screen.
    Escape,
    /// Redraw everything.
    Redraw,
    /// Stop the program until the shell resumes it.
    Suspend,
    /// Capture or release the mouse.
    Mouse,
    /// One row up.
    Up,
    /// One row down.
    Down,
    PageUp,
    PageDown,
    HalfPageUp,
    HalfPageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Open the row under the cursor.
    Open,
    /// Type a filter.
    Filter,
    /// Choose the order.
    Sort,
    /// Reverse the order.
    Reverse,
    /// Choose the columns.
    Columns,
    /// Mark the row.
    Mark,
    /// Mark all rows that the cursor passes.
    Range,
    /// Mark all rows that are shown.
    MarkAll,
    /// To the next row that the last filter matches.
    NextMatch,
    /// To the previous row that the last filter matches.
    PreviousMatch,
    /// Show the details of the row.
    Details,
    /// Give the list or the details the whole screen.
    Zoom,
    /// Copy the row's name.
    Copy,
    /// Write the rows to a file.
    Export,
    /// Scan again.
    Rescan,
    /// Open the demo.
    Demo,
    /// Open a source by its name.
    Add,
    /// Remove a source from the list.
    Remove,
    /// Show the blobs of a source.
    Blobs,
    /// Show the beginning of a file.
    Preview,
    /// Write a file of a layer to a file.
    Extract,
    /// Show orphans only.
    Orphans,
    /// Show missing blobs only.
    Missing,
    /// Check a source.
    Check,
    /// Read every layer as well.
    Verify,
    /// Plan a repair.
    Repair,
    /// Plan a prune.
    Plan,
    /// Exclude items from the plan, or include them again.
    #[serde(rename = "exclude", alias = "leave-out")]
    LeaveOut,
    /// Write the plan to a file, or the rule or source to the configuration.
    Save,
    /// Make a rule from the marked refs.
    MakeRule,
    /// Go to the next field.
    NextField,
    /// Go to the previous field.
    PreviousField,
    /// Use the next larger value.
    More,
    /// Use the next smaller value.
    Less,
    /// Type a value.
    Edit,
    CopyRule,
    /// Show what takes the bytes of a source, as boxes.
    Treemap,
    /// Compare two refs.
    Diff,
    /// Free blobs together with their refs, or after the grace period.
    FreeNow,
    /// Delete refs that appear during the run and reference deleted blobs, or keep them.
    DeleteBroken,
    /// Show the previous part of the plan.
    PreviousPart,
    /// Show the next part of the plan.
    NextPart,
    /// Execute the plan.
    CarryOut,
    /// Undo the run.
    Undo,
    /// Resume a stopped run.
    Resume,
    /// Copy the command that resumes or undoes the run.
    CopyCommand,
    /// Show earlier runs.
    Runs,
    /// Show the caches that the directory declares.
    Find,
    /// Show the running jobs.
    Jobs,
    /// Stop the job under the cursor.
    StopJob,
    /// Plan to delete everything in the trash.
    EmptyTrash,
    /// Fold the rows below this one, or go to its parent.
    Collapse,
    /// Unfold the rows below this one.
    Expand,
    /// Show the files of all layers of a ref.
    AllFiles,
    /// Give evidence of a build.
    Evidence,
    /// Ask why steps ran.
    Why,
    /// Show all causes.
    Causes,
    /// Show the stages of the build, or the list of its steps.
    Stages,
    /// Complete the typed text.
    Complete,
    /// Recall the previous input.
    Older,
    /// Recall the next input.
    Newer,
    /// Remove the last addition.
    #[serde(alias = "take-back")]
    RemoveLast,
    /// Move the focus between the details and the list.
    Focus,
    /// Say yes.
    Accept,
    /// Say no.
    Cancel,
}

/// A context in which keys have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyContext {
    /// Every screen.
    Global,
    /// Every list.
    List,
    /// The start screen.
    Start,
    /// The list of sources.
    Sources,
    /// The refs of a source.
    Refs,
    /// The blobs of a source.
    Blobs,
    /// The findings of a check.
    Check,
    /// The changes between two refs.
    Diff,
    Plan,
    /// A plan that is being executed.
    Run,
    /// A run with unprocessed items left.
    StoppedRun,
    /// Earlier runs.
    Runs,
    /// The declared caches of the directory.
    Find,
    /// A rule that is being edited.
    Rule,
    /// The steps of a ref.
    Steps,
    /// The boxes of a source.
    Treemap,
    /// The files of a layer.
    Files,
    /// The reasons why the steps of a build ran.
    Why,
    /// The files behind a cause.
    Changes,
    /// The evidence of a build.
    Evidence,
    /// A menu, or a text to scroll.
    Popup,
    /// A menu that is filtered by typing.
    Search,
    /// A line for text input.
    Prompt,
    CommandLine,
    /// The line for the name of a source.
    SourceName,
    /// The running jobs.
    Jobs,
    /// A change to a configuration file.
    ConfigChange,
    /// A question.
    Confirm,
}

impl KeyContext {
    /// Returns the heading above its keys.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::List => "In a list",
            Self::Start => "At the start",
            Self::Sources => "Sources",
            Self::Refs => "Refs",
            Self::Blobs => "Blobs",
            Self::Check => "Findings",
            Self::Diff => "Changes between refs",
            Self::Plan => "Plan",
            Self::Run => "A run",
            Self::StoppedRun => "A run that was stopped",
            Self::Runs => "Earlier runs",
            Self::Find => "Declared caches",
            Self::Rule => "A rule",
            Self::Steps => "Steps of a ref",
            Self::Treemap => "Treemap",
            Self::Files => "Files of a layer",
            Self::Why => "Why steps ran",
            Self::Changes => "Files that changed",
            Self::Evidence => "Evidence of a build",
            Self::Popup => "In a menu",
            Self::Search => "In a search",
            Self::Prompt => "While typing",
            Self::CommandLine => "On the command line",
            Self::SourceName => "While typing the name of a source",
            Self::Jobs => "Jobs",
            Self::ConfigChange => "A change to the configuration",
            Self::Confirm => "When asked",
        }
    }
}

/// The places whose keys are active together.
const TOGETHER: &[&[KeyContext]] = &[
    &[KeyContext::Start, KeyContext::Global],
    &[KeyContext::Treemap, KeyContext::Global],
    &[KeyContext::Sources, KeyContext::List, KeyContext::Global],
    &[KeyContext::Refs, KeyContext::List, KeyContext::Global],
    &[KeyContext::Blobs, KeyContext::List, KeyContext::Global],
    &[KeyContext::Check, KeyContext::List, KeyContext::Global],
    &[KeyContext::Diff, KeyContext::List, KeyContext::Global],
    &[KeyContext::Plan, KeyContext::List, KeyContext::Global],
    &[KeyContext::Run, KeyContext::List, KeyContext::Global],
    &[
        KeyContext::StoppedRun,
        KeyContext::Run,
        KeyContext::List,
        KeyContext::Global,
    ],
    &[KeyContext::Runs, KeyContext::List, KeyContext::Global],
    &[KeyContext::Rule, KeyContext::List, KeyContext::Global],
    &[KeyContext::Steps, KeyContext::List, KeyContext::Global],
    &[KeyContext::Files, KeyContext::List, KeyContext::Global],
    &[KeyContext::Find, KeyContext::List, KeyContext::Global],
    &[KeyContext::Why, KeyContext::List, KeyContext::Global],
    &[KeyContext::Changes, KeyContext::List, KeyContext::Global],
    &[KeyContext::Evidence],
    &[KeyContext::Popup],
    &[KeyContext::Search],
    &[KeyContext::Prompt],
    &[KeyContext::CommandLine],
    &[KeyContext::SourceName],
    &[KeyContext::Jobs],
    &[KeyContext::ConfigChange],
    &[KeyContext::Confirm],
];

/// The places in which characters are typed.
const TYPED: &[KeyContext] = &[
    KeyContext::Search,
    KeyContext::Prompt,
    KeyContext::CommandLine,
    KeyContext::SourceName,
    KeyContext::Evidence,
];

/// The keys of an action in a context, and its texts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBinding {
    pub action: Action,
    keys: Vec<KeyPress>,
    /// The description of the action.
    pub text: String,
    /// The word in the footer, if it appears there.
    pub hint: Option<String>,
}

impl KeyBinding {
    /// Returns its keys in readable form: `ctrl-d`, `G`, `pagedown`.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| shown(key.0))
    }

    /// Returns the first of its keys.
    pub fn first_key(&self) -> Option<KeyPress> {
        self.keys.first().copied()
    }

    /// Returns its main key.
    pub fn key(&self) -> String {
        self.keys().next().unwrap_or_default()
    }
}

/// Why a key map cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key map cannot be used: {0}")]
pub struct KeymapError(#[from] toml::de::Error);

/// All keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Keymap(BTreeMap<KeyContext, Vec<KeyBinding>>);

impl Keymap {
    /// Returns the built-in key map.
    ///
    /// # Errors
    /// Never fails in a program that has passed its tests.
    pub fn built_in() -> Result<Self, KeymapError> {
        let mut keymap: Self = toml::from_str(include_str!("../../assets/keymap.toml"))?;
        for key in keymap
            .0
            .values_mut()
            .flatten()
            .flat_map(|binding| &mut binding.keys)
        {
            key.0 = plain(key.0);
        }
        Ok(keymap)
    }

    /// Returns every context.
    pub fn contexts(&self) -> impl Iterator<Item = KeyContext> + '_ {
        self.0.keys().copied()
    }

    /// Returns the keys of a context, in display order.
    pub fn bindings(&self, context: KeyContext) -> &[KeyBinding] {
        self.0.get(&context).map_or(&[], Vec::as_slice)
    }

    /// Returns the action of `key` when `contexts` are active.
    pub fn action(&self, contexts: &[KeyContext], key: KeyCombination) -> Option<Action> {
        let key = plain(key);
        let mut bindings = contexts.iter().flat_map(|context| self.bindings(*context));
        bindings
            .find(|binding| binding.keys.contains(&KeyPress(key)))
            .map(|binding| binding.action)
    }

    /// Returns the place, among those of rows, where `key` does something, and what.
    pub fn elsewhere(&self, key: KeyCombination) -> Option<(KeyContext, Action)> {
        let contexts = TOGETHER
            .iter()
            .filter(|contexts| contexts.contains(&KeyContext::List));
        contexts
            .filter_map(|contexts| contexts.first())
            .find_map(|context| Some((*context, self.action(&[*context], key)?)))
    }

    /// Returns the text of `action` in a place.
    pub fn text_for(&self, context: KeyContext, action: Action) -> &str {
        let mut bindings = self.bindings(context).iter();
        bindings
            .find(|binding| binding.action == action)
            .map_or("", |binding| &binding.text)
    }

    /// Returns the key for `action` when `contexts` are active, or an empty string.
    pub fn key_for(&self, contexts: &[KeyContext], action: Action) -> String {
        let mut bindings = contexts.iter().flat_map(|context| self.bindings(*context));
        bindings
            .find(|binding| binding.action == action)
            .map(KeyBinding::key)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
