//! Variables that `read` and `mapfile` set from a here-document or a here-string.

use crate::find::script::{Script, ScriptWord, Variable, Variant};
use crate::format::shell::{Assigned, Simple, Word};

/// Options of `read` that take a value.
const OF_READ: [char; 7] = ['d', 'i', 'n', 'N', 'p', 't', 'u'];
/// Options of `mapfile` that take a value.
const OF_MAPFILE: [char; 7] = ['d', 'n', 'O', 's', 'u', 'C', 'c'];

impl Script<'_, '_> {
    /// `read -r A B <<< "…"` and `read -ra NAME <<< "…"`.
    pub(super) fn read_words(&mut self, simple: &Simple) -> bool {
        let lines = self.here_document(&simple.inputs);
        let Some(line) = lines.into_iter().next() else {
            return false;
        };
        let separator = simple.assignments.iter().find_map(|assignment| {
            let Assigned::Scalar(word) = &assignment.value else {
                return None;
            };
            (assignment.name == "IFS").then(|| word.literal())?
        });
        let words = match separator.as_deref().map(|text| text.chars().next()) {
            Some(Some(separator)) if !separator.is_whitespace() => line.text.split(separator),
            _ => line.text.words(),
        };
        let (names, is_array) = targets(simple, OF_READ);
        match names.as_slice() {
            [name] if is_array => {
                let words = words.into_iter().map(|text| ScriptWord {
                    text,
                    when: line.when.clone(),
                });
                let words = Variable::Array(words.collect());
                self.variables.insert(name.clone(), words);
            }
            [name] => {
                let value = Variable::Scalar(vec![line]);
                self.variables.insert(name.clone(), value);
            }
            names => {
                let mut words = words.into_iter();
                for name in names {
                    let text = words.next().unwrap_or_default();
                    let value = Variant {
                        text,
                        when: line.when.clone(),
                        sure: false,
                    };
                    let value = Variable::Scalar(vec![value]);
                    self.variables.insert(name.clone(), value);
                }
            }
        }
        true
    }

    /// `mapfile -t NAME <<EOF`.
    pub(super) fn read_lines(&mut self, simple: &Simple) -> bool {
        let lines = self.here_document(&simple.inputs);
        let (names, _) = targets(simple, OF_MAPFILE);
        let Some(name) = names.into_iter().next().filter(|_| !lines.is_empty()) else {
            return false;
        };
        let elements = lines.into_iter().map(|line| ScriptWord {
            text: line.text,
            when: line.when,
        });
        let elements = Variable::Array(elements.collect());
        self.variables.insert(name, elements);
        true
    }
}

/// Returns the variables that a command sets, and whether it sets an array. Options `with_value`
/// take the next word.
fn targets(simple: &Simple, with_value: [char; 7]) -> (Vec<String>, bool) {
    let mut is_array = false;
    let mut is_value = false;
    let mut names = Vec::new();
    for word in simple.words.iter().skip(1).filter_map(Word::literal) {
        if std::mem::take(&mut is_value) {
            continue;
        }
        let Some(options) = word.strip_prefix('-') else {
            names.push(word);
            continue;
        };
        is_array |= options.contains('a');
        is_value = options.ends_with(with_value);
    }
    (names, is_array)
}
