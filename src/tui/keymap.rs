//! Which key does what, where: read from `assets/keymap.toml`, from which the footer, the help and the command palette are
//! made, too.

use std::collections::BTreeMap;

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyModifiers};
use serde::Deserialize;

use super::message::Key;

pub mod search;

/// Declares the actions and the list of all of them.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Something that a key or the command palette does.
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
    /// Show the commands.
    Palette,
    /// Leave the screen.
    Back,
    /// Stop what runs, else drop the filter, else leave the screen.
    Escape,
    /// Draw everything anew.
    Redraw,
    /// Take or give back the mouse.
    Mouse,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// Half a page up.
    HalfPageUp,
    /// Half a page down.
    HalfPageDown,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Open the row under the cursor.
    Open,
    /// Type a filter.
    Filter,
    /// Choose an order.
    Sort,
    /// Turn the order around.
    Reverse,
    /// Mark the row.
    Mark,
    /// Mark all rows that are shown.
    MarkAll,
    /// Show the details of the row.
    Details,
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
    /// Show the blobs of a source.
    Blobs,
    /// Show orphans only.
    Orphans,
    /// Show only what is missing.
    Missing,
    /// Check a source.
    Check,
    /// Read every layer, too.
    Verify,
    /// Plan a prune.
    Plan,
    /// Leave items out of the plan, or take them in again.
    LeaveOut,
    /// Write the plan or the rule to a file.
    Save,
    /// Make a rule from the refs that are marked.
    MakeRule,
    /// Free blobs together with their refs, or after the grace.
    FreeNow,
    /// Remove refs that come during the run and name what has gone, or leave them.
    Cure,
    /// Show the part of the plan before this one.
    PreviousPart,
    /// Show the next part of the plan.
    NextPart,
    /// Carry the plan out.
    CarryOut,
    /// Take the run back.
    Undo,
    /// Fold what is below the row, or go to what the row is part of.
    Collapse,
    /// Unfold what is below the row.
    Expand,
    /// Say what tells of a build.
    Evidence,
    /// Ask why steps ran.
    Why,
    /// Show all causes.
    Causes,
    /// Complete what is typed.
    Complete,
    /// What was typed before.
    Older,
    /// What was typed after.
    Newer,
    /// Take back what was added last.
    TakeBack,
    /// Scroll the details, or move in the list again.
    Focus,
    /// Say yes.
    Accept,
    /// Say no.
    Cancel,
}

/// A place where keys have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
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
    /// What a check found.
    Check,
    /// A plan.
    Plan,
    /// A plan that is carried out.
    Run,
    /// A rule that was made from refs.
    Rule,
    /// The steps of a ref.
    Steps,
    /// The files of a layer.
    Files,
    /// Why the steps of a build ran.
    Why,
    /// The files behind a cause.
    Changes,
    /// What tells of a build.
    Evidence,
    /// A menu, or a text to scroll.
    Popup,
    /// A menu that is narrowed by typing.
    Search,
    /// A line to type.
    Prompt,
    /// A question.
    Confirm,
}

impl Context {
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
            Self::Plan => "Plan",
            Self::Run => "While a plan is carried out",
            Self::Rule => "A rule",
            Self::Steps => "Steps of a ref",
            Self::Files => "Files of a layer",
            Self::Why => "Why steps ran",
            Self::Changes => "Files that changed",
            Self::Evidence => "Evidence of a build",
            Self::Popup => "In a menu",
            Self::Search => "In a search",
            Self::Prompt => "While typing",
            Self::Confirm => "When asked",
        }
    }
}

/// The keys of an action in a place, and the words for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    keys: Vec<Key>,
    /// What it does, in words.
    pub text: String,
    /// The word for the footer, when it is to stand there.
    pub hint: Option<String>,
}

impl Binding {
    /// Returns its keys as people write them: `ctrl-d`, `G`, `pagedown`.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| shown(key.0))
    }

    /// Returns the key that stands for it.
    pub fn key(&self) -> String {
        self.keys().next().unwrap_or_default()
    }
}

/// Says that a key map cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key map cannot be used: {0}")]
pub struct KeymapError(#[from] toml::de::Error);

/// All keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Keymap(BTreeMap<Context, Vec<Binding>>);

impl Keymap {
    /// Returns the key map that comes with the program.
    ///
    /// # Errors
    /// None in a program that has passed its tests.
    pub fn built_in() -> Result<Self, KeymapError> {
        let mut keymap: Self = toml::from_str(include_str!("../../assets/keymap.toml"))?;
        for key in keymap.0.values_mut().flatten().flat_map(|binding| &mut binding.keys) {
            key.0 = plain(key.0);
        }
        Ok(keymap)
    }

    /// Returns the keys of a place, in the order in which they are to be shown.
    pub fn bindings(&self, context: Context) -> &[Binding] {
        self.0.get(&context).map_or(&[], Vec::as_slice)
    }

    /// Returns what `key` does where `contexts` are active.
    pub fn action(&self, contexts: &[Context], key: KeyCombination) -> Option<Action> {
        let key = plain(key);
        let mut bindings = contexts.iter().flat_map(|context| self.bindings(*context));
        bindings.find(|binding| binding.keys.contains(&Key(key))).map(|binding| binding.action)
    }

    /// Returns the key for `action` where `contexts` are active, or nothing.
    pub fn key_for(&self, contexts: &[Context], action: Action) -> String {
        let mut bindings = contexts.iter().flat_map(|context| self.bindings(*context));
        bindings.find(|binding| binding.action == action).map(Binding::key).unwrap_or_default()
    }
}

/// Takes the shift away from what is no letter: some terminals tell it with `?`, others do not.
fn plain(mut key: KeyCombination) -> KeyCombination {
    key = key.normalized();
    if matches!(key.codes.first(), KeyCode::Char(character) if !character.is_alphabetic()) {
        key.modifiers.remove(KeyModifiers::SHIFT);
    }
    key
}

fn shown(key: KeyCombination) -> String {
    let format = crokey::KeyCombinationFormat::default().with_lowercase_modifiers().with_implicit_shift();
    let text = format.to_string(key);
    if text.chars().count() == 1 || key.modifiers.contains(KeyModifiers::CONTROL) { text } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use Context::{
        Blobs, Changes, Check, Confirm, Evidence, Files, Global, List, Plan, Popup, Prompt, Refs, Rule, Run, Search,
        Sources, Start, Steps, Why,
    };

    /// The places whose keys are active together.
    const TOGETHER: &[&[Context]] = &[
        &[Start, Global],
        &[Sources, List, Global],
        &[Refs, List, Global],
        &[Blobs, List, Global],
        &[Check, List, Global],
        &[Plan, List, Global],
        &[Run, List, Global],
        &[Rule],
        &[Steps, List, Global],
        &[Files, List, Global],
        &[Why, List, Global],
        &[Changes, List, Global],
        &[Evidence],
        &[Popup],
        &[Search],
        &[Prompt],
        &[Confirm],
    ];

    #[test]
    fn no_two_actions_share_a_key() {
        let keymap = Keymap::built_in().unwrap();
        for contexts in TOGETHER {
            let mut taken = BTreeMap::new();
            for binding in contexts.iter().flat_map(|context| keymap.bindings(*context)) {
                for key in binding.keys() {
                    if let Some(other) = taken.insert(key.clone(), binding.action) {
                        panic!("{key} is both {other:?} and {:?} in {contexts:?}", binding.action);
                    }
                }
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_words() {
        let keymap = Keymap::built_in().unwrap();
        let bindings = || keymap.0.values().flatten();
        let bound: BTreeSet<Action> = bindings().map(|binding| binding.action).collect();
        assert_eq!(bound, Action::ALL.iter().copied().collect());
        for binding in bindings() {
            assert!(!binding.keys.is_empty() && !binding.text.is_empty(), "{binding:?}");
        }
        let tested: BTreeSet<Context> = TOGETHER.iter().flat_map(|contexts| contexts.iter().copied()).collect();
        assert_eq!(tested, keymap.0.keys().copied().collect());
    }

    #[test]
    fn knows_keys_however_terminals_tell_them() {
        let keymap = Keymap::built_in().unwrap();
        let event = |code, modifiers| crossterm::event::KeyEvent::new(code, modifiers).into();
        let cases = [
            (KeyCode::Char('?'), KeyModifiers::NONE, Action::Help),
            (KeyCode::Char('?'), KeyModifiers::SHIFT, Action::Help),
            (KeyCode::Char('G'), KeyModifiers::SHIFT, Action::Bottom),
            (KeyCode::Char('G'), KeyModifiers::NONE, Action::Bottom),
            (KeyCode::Char('g'), KeyModifiers::NONE, Action::Top),
            (KeyCode::Char(' '), KeyModifiers::NONE, Action::Mark),
            (KeyCode::Char('*'), KeyModifiers::SHIFT, Action::MarkAll),
            (KeyCode::Char('d'), KeyModifiers::CONTROL, Action::HalfPageDown),
            (KeyCode::PageDown, KeyModifiers::NONE, Action::PageDown),
        ];
        for (code, modifiers, action) in cases {
            assert_eq!(keymap.action(&[List, Global], event(code, modifiers)), Some(action), "{code:?} {modifiers:?}");
        }
        let keys: Vec<String> = keymap.bindings(List).iter().flat_map(Binding::keys).collect();
        for expected in ["G", "ctrl-d", "pagedown", "space", "*", "home"] {
            assert!(keys.iter().any(|key| key == expected), "{expected} is not in {keys:?}");
        }
    }
}
