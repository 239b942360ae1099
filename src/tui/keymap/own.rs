//! A person's own keys: a file that gives actions other keys.
//!
//! ```toml
//! [list]
//! filter = ["/", "ctrl-s"]
//! bottom = []
//! ```
//!
//! A table is a place of the built-in key map, and a key in it an action of that place. What the
//! file does not name keeps its keys. Everything that is wrong is reported at once, each with its
//! line: an unknown name, a key that does not exist, and a key that would do two things.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as Unknown, StrDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Action, KeyContext, Keymap, TOGETHER, TYPED, plain, search, shown};
use crate::config::{ConfigError, ConfigProblem};
use crate::text::nearest::nearest;
use crate::tui::message::KeyPress;

/// The name of the file in the user's configuration directory.
pub const FILE_NAME: &str = "keymap.toml";

/// Changes the built-in key map as `text` says, which stands in the file `path`.
///
/// # Errors
/// Something in the file is wrong; then all that is wrong is in the error.
pub fn read(mut keymap: Keymap, text: &str, path: &Path) -> Result<Keymap, ConfigError> {
    let mut reader = KeymapReader {
        text,
        path,
        problems: Vec::new(),
        places: BTreeMap::new(),
    };
    match DeTable::parse(text) {
        Ok(document) => {
            for (name, value) in document.get_ref() {
                reader.place(&mut keymap, name.get_ref(), &name.span(), value);
            }
            reader.conflicts(&keymap);
        }
        Err(error) => {
            reader.problem(&error.span().unwrap_or_default(), error.message(), None);
        }
    }
    let mut problems = reader.problems;
    if problems.is_empty() {
        return Ok(keymap);
    }
    // The parser hands out keys by the alphabet; people read from the top.
    problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(ConfigError::Invalid(problems))
}

struct KeymapReader<'a> {
    text: &'a str,
    path: &'a Path,
    problems: Vec<ConfigProblem>,
    /// Where the keys of an action stand.
    places: BTreeMap<(KeyContext, Action), Range<usize>>,
}

impl KeymapReader<'_> {
    fn place(
        &mut self,
        keymap: &mut Keymap,
        name: &str,
        span: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let Some(context) = named::<KeyContext>(name) else {
            let names: Vec<String> = keymap.0.keys().map(kebab).collect();
            return self.unknown(span, &format!("there is no place `{name}`"), name, &names);
        };
        let DeValue::Table(table) = value.get_ref() else {
            return self.problem(&value.span(), "this must be a table of actions", None);
        };
        for (action_name, value) in table {
            let bindings = keymap.0.get_mut(&context).into_iter().flatten();
            let actions: Vec<String> = bindings
                .map(|binding| search::command_name(binding.action))
                .collect();
            let action = named::<Action>(action_name.get_ref());
            let mut bindings = keymap.0.get_mut(&context).into_iter().flatten();
            let binding = bindings.find(|binding| Some(binding.action) == action);
            let Some(binding) = binding else {
                let words = format!("`{}` is no action of `{name}`", action_name.get_ref());
                self.unknown(&action_name.span(), &words, action_name.get_ref(), &actions);
                continue;
            };
            if let Some(keys) = self.keys(context, binding.action, value) {
                self.places.insert((context, binding.action), value.span());
                binding.keys = keys;
            }
        }
    }

    /// Reads a key, or a list of keys.
    fn keys(
        &mut self,
        context: KeyContext,
        action: Action,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Vec<KeyPress>> {
        let keys: Option<Vec<KeyPress>> = match value.get_ref() {
            DeValue::String(_) => self.key(context, value).map(|key| vec![key]),
            DeValue::Array(array) => array.iter().map(|item| self.key(context, item)).collect(),
            _ => {
                let words = "this must be a key in quotes, or a list of keys";
                self.problem(&value.span(), words, None);
                None
            }
        };
        let keys = keys?;
        if action == Action::Quit && keys.is_empty() {
            self.problem(&value.span(), "`quit` needs a key", None);
            return None;
        }
        Some(keys)
    }

    fn key(&mut self, context: KeyContext, value: &Spanned<DeValue<'_>>) -> Option<KeyPress> {
        let Some(text) = value.get_ref().as_str() else {
            self.problem(&value.span(), "this must be a key in quotes", None);
            return None;
        };
        let hint = "as in \"x\", \"X\", \"ctrl-x\", \"alt-x\", \"f2\", \"space\" or \"pagedown\"";
        let Some(key) = KeyPress::parse(text) else {
            let words = format!("`{text}` is no key");
            self.problem(&value.span(), &words, Some(hint.to_owned()));
            return None;
        };
        let key = KeyPress(plain(key.0));
        if TYPED.contains(&context) && key.character().is_some() {
            let words = format!("`{text}` is typed here, so it cannot do anything else");
            let hint = "take a key with ctrl or alt, or one with a name".to_owned();
            self.problem(&value.span(), &words, Some(hint));
            return None;
        }
        Some(key)
    }

    /// Reports the keys of the file that do something else, too, where they work.
    fn conflicts(&mut self, keymap: &Keymap) {
        let mut said = Vec::new();
        for contexts in TOGETHER {
            let mut taken: BTreeMap<String, (KeyContext, Action)> = BTreeMap::new();
            for context in *contexts {
                for binding in keymap.bindings(*context) {
                    for key in &binding.keys {
                        let this = (*context, binding.action);
                        let Some(other) = taken.insert(shown(key.0), this) else {
                            continue;
                        };
                        self.conflict(&shown(key.0), [this, other], &mut said);
                    }
                }
            }
        }
    }

    fn conflict(
        &mut self,
        key: &str,
        both: [(KeyContext, Action); 2],
        said: &mut Vec<(String, [(KeyContext, Action); 2])>,
    ) {
        let mine = both.iter().find_map(|one| self.places.get(one).cloned());
        let entry = (key.to_owned(), both);
        let Some(span) = mine.filter(|_| !said.contains(&entry)) else {
            return;
        };
        said.push(entry);
        let [this, other] = both.map(|(context, action)| {
            format!(
                "`{}` of `{}`",
                search::command_name(action),
                kebab(&context)
            )
        });
        let words = format!("`{key}` is both {other} and {this}");
        let hint = "give one of them another key".to_owned();
        self.problem(&span, &words, Some(hint));
    }

    fn unknown(&mut self, span: &Range<usize>, message: &str, name: &str, names: &[String]) {
        let near = nearest(name, names.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        self.problem(span, message, Some(hint));
    }

    fn problem(&mut self, span: &Range<usize>, message: &str, hint: Option<String>) {
        let problem = ConfigProblem::new(self.path, self.text, span, message, hint);
        self.problems.push(problem);
    }
}

fn named<'de, T: Deserialize<'de>>(name: &'de str) -> Option<T> {
    let name: StrDeserializer<'de, Unknown> = name.into_deserializer();
    T::deserialize(name).ok()
}

/// Writes the name of a place as the file does: `config-change`.
fn kebab(name: &impl Debug) -> String {
    let mut kebab = String::new();
    for character in format!("{name:?}").chars() {
        if character.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(character.to_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Result<Keymap, String> {
        let built_in = Keymap::built_in().unwrap();
        read(built_in, text, Path::new("/home/me/keymap.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_of_the_file_replace_those_of_the_action_and_no_others() {
        let keymap = own("[list]\nfilter = ['ctrl-s', 'f3']\nbottom = []\n").unwrap();
        let contexts = [KeyContext::Refs, KeyContext::List, KeyContext::Global];
        let action = |key: &str| keymap.action(&contexts, KeyPress::parse(key).unwrap().0);
        assert_eq!(action("ctrl-s"), Some(Action::Filter));
        assert_eq!(action("f3"), Some(Action::Filter));
        assert_eq!(action("/"), None);
        assert_eq!(action("G"), None);
        assert_eq!(action("s"), Some(Action::Sort));
        assert_eq!(keymap.key_for(&contexts, Action::Filter), "ctrl-s");
        assert_eq!(own("").unwrap().0, Keymap::built_in().unwrap().0);
    }

    #[test]
    fn earlier_names_of_actions_are_accepted() {
        let keymap = own("[plan]\nleave-out = 'X'\n[evidence]\ntake-back = 'f8'\n").unwrap();
        let key_for = |context, action| keymap.key_for(&[context], action);
        assert_eq!(key_for(KeyContext::Plan, Action::LeaveOut), "X");
        assert_eq!(key_for(KeyContext::Evidence, Action::RemoveLast), "f8");
        let keymap = own("[plan]\nexclude = 'X'\n[evidence]\nremove-last = 'f8'\n").unwrap();
        assert_eq!(keymap.key_for(&[KeyContext::Plan], Action::LeaveOut), "X");
    }

    #[test]
    fn keys_may_be_swapped() {
        let keymap = own("[list]\nsort = 'e'\nexport = 's'\n").unwrap();
        let key = KeyPress::parse("s").unwrap().0;
        assert_eq!(
            keymap.action(&[KeyContext::List], key),
            Some(Action::Export)
        );
    }

    #[test]
    fn everything_that_is_wrong_is_reported_with_its_line() {
        let text = "[lists]\nsort = 'x'\n[list]\nsrot = 'x'\nsort = 'ctrl-'\nmark = 3\n\
            [global]\nquit = []\n[prompt]\naccept = 'j'\n";
        insta::assert_snapshot!(own(text).unwrap_err(), @r#"
        /home/me/keymap.toml:1:2: there is no place `lists`
         1 | [lists]
           |  ^^^^^
           = did you mean `list`?
        /home/me/keymap.toml:4:1: `srot` is no action of `list`
         4 | srot = 'x'
           | ^^^^
           = did you mean `sort`?
        /home/me/keymap.toml:5:8: `ctrl-` is no key
         5 | sort = 'ctrl-'
           |        ^^^^^^^
           = as in "x", "X", "ctrl-x", "alt-x", "f2", "space" or "pagedown"
        /home/me/keymap.toml:6:8: this must be a key in quotes, or a list of keys
         6 | mark = 3
           |        ^
        /home/me/keymap.toml:8:8: `quit` needs a key
         8 | quit = []
           |        ^^
        /home/me/keymap.toml:10:10: `j` is typed here, so it cannot do anything else
         10 | accept = 'j'
            |          ^^^
            = take a key with ctrl or alt, or one with a name
        "#);
        insta::assert_snapshot!(own("[list\n").unwrap_err(), @r"
        /home/me/keymap.toml:1:6: unclosed table, expected `]`
         1 | [list
           |      ^
        ");
    }

    #[test]
    fn a_key_that_would_do_two_things_is_an_error() {
        insta::assert_snapshot!(own("[list]\nsort = 'p'\n").unwrap_err(), @r"
        /home/me/keymap.toml:2:8: `p` is both `plan` of `sources` and `sort` of `list`
         2 | sort = 'p'
           |        ^^^
           = give one of them another key
        /home/me/keymap.toml:2:8: `p` is both `plan` of `refs` and `sort` of `list`
         2 | sort = 'p'
           |        ^^^
           = give one of them another key
        /home/me/keymap.toml:2:8: `p` is both `plan` of `blobs` and `sort` of `list`
         2 | sort = 'p'
           |        ^^^
           = give one of them another key
        /home/me/keymap.toml:2:8: `p` is both `plan` of `rule` and `sort` of `list`
         2 | sort = 'p'
           |        ^^^
           = give one of them another key
        ");
    }
}
