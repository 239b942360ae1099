//! Keys of a user's key map: the texts of the screens name them.

use std::fs;
use std::path::Path;

use cachelens::prune::journal::Journal;
use cachelens::prune::plan::file;
use cachelens::tui::keymap::{Action, KeyContext, Keymap, own};
use cachelens::tui::pruning::DeletionAccess;
use toml::Table;

use super::prune::Store;
use crate::support::journey::{Journey, prunable};

/// Built-in keys that no text may name once every action has another key.
const OLD_KEYS: [&str; 11] = [
    "esc",
    "enter",
    "tab",
    "backspace",
    "space",
    "ctrl-c",
    "q",
    "r",
    "u",
    "n",
    "W",
];

/// Returns a key map in which every action has one key, which is not a built-in one.
fn rebound() -> String {
    let built_in: Table = toml::from_str(include_str!("../../../assets/keymap.toml")).unwrap();
    let mut text = String::new();
    for (context, bindings) in &built_in {
        text.push_str(&format!("[{context}]\n"));
        for (place, binding) in bindings.as_array().unwrap().iter().enumerate() {
            let action = binding["action"].as_str().unwrap();
            let key = match context.as_str() {
                "global" => format!("f{}", place + 2),
                "list" => format!("alt-{}", char::from(b'a' + u8::try_from(place).unwrap())),
                "stopped-run" => "alt-z".to_owned(),
                _ => format!("alt-{place}"),
            };
            text.push_str(&format!("{action} = '{key}'\n"));
        }
    }
    text
}

/// A journey whose actions all have other keys.
struct ReboundJourney {
    keymap: Keymap,
    journey: Journey,
}

impl ReboundJourney {
    fn new(store: &Store, size: (u16, u16)) -> Self {
        let text = rebound();
        let source = prunable("./cache", store.layout.path());
        let pruning = store.pruning(DeletionAccess::Write, Vec::new());
        let built_in = Keymap::built_in().unwrap();
        Self {
            keymap: own::read(built_in, &text, Path::new(own::FILE_NAME)).unwrap(),
            journey: Journey::with_keymap(&text, pruning, vec![source], size),
        }
    }

    fn key(&self, context: KeyContext, action: Action) -> String {
        let key = self.keymap.key_for(&[context], action);
        assert!(!key.is_empty(), "{context:?} has no {action:?}");
        key
    }

    fn keys(&self, actions: &[(KeyContext, Action)]) -> String {
        let keys = actions
            .iter()
            .map(|(context, action)| self.key(*context, *action));
        keys.collect::<Vec<_>>().join(" ")
    }

    /// Performs actions by their keys; no text may name an old key afterwards.
    fn perform(&mut self, actions: &[(KeyContext, Action)]) -> &mut Self {
        let keys = self.keys(actions);
        self.journey.press(&keys);
        self.names_no_old_key()
    }

    fn names_no_old_key(&mut self) -> &mut Self {
        let screen = self.journey.screen();
        let is_part = |character: char| character.is_alphanumeric() || "-_./~".contains(character);
        let old = screen
            .split(|character: char| !is_part(character))
            .find(|word| OLD_KEYS.contains(word));
        assert_eq!(old, None, "{screen}");
        self
    }

    /// Checks that the screen has a sentence in which `{}` stands for the keys of `actions`.
    fn names(&mut self, sentence: &str, actions: &[(KeyContext, Action)]) -> &mut Self {
        let mut expected = sentence.to_owned();
        for (context, action) in actions {
            expected = expected.replacen("{}", &self.key(*context, *action), 1);
        }
        self.journey.shows(&expected);
        self
    }
}

use Action as A;
use KeyContext as C;

#[test]
fn texts_of_lists_and_menus_name_the_keys_of_the_user() {
    let store = Store::shop();
    let mut journey = ReboundJourney::new(&store, (120, 30));
    journey.names_no_old_key();
    journey
        .perform(&[(C::Sources, A::Open), (C::List, A::NextMatch)])
        .names(
            "nothing was searched for yet: {} filters, then {} and {} go along the matches",
            &[
                (C::List, A::Filter),
                (C::List, A::NextMatch),
                (C::List, A::PreviousMatch),
            ],
        );
    journey
        .perform(&[(C::List, A::Columns)])
        .names("Columns · {}: show, hide", &[(C::Popup, A::Accept)])
        .perform(&[(C::Popup, A::Cancel), (C::Global, A::Palette)])
        .names(
            "{} runs it, {} completes, {} recalls",
            &[
                (C::CommandLine, A::Accept),
                (C::CommandLine, A::Complete),
                (C::CommandLine, A::Up),
            ],
        )
        .perform(&[(C::CommandLine, A::Cancel), (C::Refs, A::Why)]);
    journey.journey.resize(40, 10);
    journey.names("quit with {}.", &[(C::Global, A::Quit)]);
}

#[test]
fn texts_without_a_whole_scan_name_the_keys_of_the_user() {
    let store = Store::shop();
    let mut journey = ReboundJourney::new(&store, (120, 30));
    let stopped = journey.keys(&[(C::List, A::Rescan), (C::Global, A::Escape)]);
    journey.journey.press_at_once(&stopped);
    let rescan = [(C::List, A::Rescan)];
    journey
        .perform(&[(C::Sources, A::Plan)])
        .names(
            "what it did not see may be needed. {} scans again.",
            &rescan,
        )
        .perform(&[(C::Global, A::Back)]);
}

#[test]
fn texts_of_a_run_name_the_keys_of_the_user() {
    let store = Store::waste();
    let mut journey = ReboundJourney::new(&store, (120, 30));
    journey
        .perform(&[(C::Sources, A::Plan), (C::Plan, A::CopyCommand)])
        .names("{} saves it for", &[(C::Plan, A::Save)])
        .perform(&[(C::Plan, A::CarryOut)]);
    let undone = journey.keys(&[(C::Confirm, A::Accept), (C::Run, A::Undo)]);
    journey.journey.press_at_once(&undone);
    let escape = [(C::Global, A::Escape)];
    journey.names_no_old_key();
    journey.names("it is running; {} stops it", &escape);
    journey.perform(&[(C::List, A::Down)]).names(
        "{} restores what is in the trash · {} leaves",
        &[(C::Run, A::Undo), (C::Global, A::Back)],
    );
}

#[test]
fn texts_of_a_stopped_run_name_the_keys_of_the_user() {
    let store = Store::waste();
    let saved = store.layout.path().join("plan.json");
    let mut journey = store.open(Vec::new(), (100, 30));
    journey
        .press("p W ctrl-u")
        .press(&format!("'{} enter", saved.display()));
    let plan = file::load(&fs::read_to_string(&saved).unwrap()).unwrap();
    drop(Journal::create_in(store.journals.path(), &plan).unwrap());
    let mut journey = ReboundJourney::new(&store, (120, 30));
    journey
        .perform(&[(C::Global, A::Runs), (C::Runs, A::Open)])
        .names("{} resumes it", &[(C::StoppedRun, A::Resume)]);
}
