//! Conditions, loops and tests.

use super::{MOST_ROUNDS, single, words_of};
use crate::find::script::expand::describe;
use crate::find::script::variables::merge;
use crate::find::script::{Script, Variable, Variant};
use crate::format::shell::{List, ShellCommand, Simple, Word, WordPart};
use crate::format::unknown::{has_mark, only_mark};

impl Script<'_, '_> {
    /// Follows the commands after `&&` or `||` of a test.
    pub(super) fn guarded(&mut self, test: &Simple, wanted: bool, pipeline: &[ShellCommand]) {
        match self.known(test) {
            Some(result) if result != wanted => {}
            Some(_) => self.follow_pipeline(pipeline),
            None => {
                let condition = words_of(test);
                let condition = if wanted {
                    condition
                } else {
                    format!("not {condition}")
                };
                let before = self.variables.clone();
                self.guards.push(condition);
                let narrowed = self.narrow(test, wanted);
                self.follow_pipeline(pipeline);
                self.widen(narrowed);
                self.guards.pop();
                let after = std::mem::take(&mut self.variables);
                self.variables = merge(vec![before, after]);
            }
        }
    }

    pub(super) fn conditional(&mut self, arms: &[(List, List)], otherwise: &List) {
        let before = self.variables.clone();
        let mut branches = Vec::new();
        let mut denied = Vec::new();
        for (condition, body) in arms {
            let known = single(condition).and_then(|test| self.known(test));
            if known == Some(false) {
                continue;
            }
            self.variables = before.clone();
            self.follow_list(condition);
            let text = describe(condition);
            let mut narrowed = None;
            if known.is_none() {
                self.guards.push(text.clone());
                narrowed = single(condition).and_then(|test| self.narrow(test, true));
            }
            self.follow_list(body);
            self.widen(narrowed);
            if known.is_none() {
                self.guards.pop();
                denied.push(text);
            }
            branches.push(std::mem::take(&mut self.variables));
            if known == Some(true) {
                self.variables = merge(branches);
                return;
            }
        }
        self.variables = before;
        let tests = arms.iter().filter_map(|(condition, _)| single(condition));
        let narrowed: Vec<_> = tests.map(|test| self.narrow(test, false)).collect();
        let guard = (!denied.is_empty()).then(|| format!("not {}", denied.join(" and not ")));
        let guarded = guard.is_some() && !otherwise.is_empty();
        if guarded {
            self.guards.extend(guard);
        }
        self.follow_list(otherwise);
        narrowed.into_iter().rev().for_each(|one| self.widen(one));
        if guarded {
            self.guards.pop();
        }
        branches.insert(0, std::mem::take(&mut self.variables));
        self.variables = merge(branches);
    }

    pub(super) fn repeated(&mut self, variable: &str, words: &[Word], body: &List) {
        let mut values = Vec::new();
        let mut open = words.is_empty();
        for word in words {
            for alternative in self.slot(word) {
                for item in alternative {
                    let text = item.text.as_str();
                    // Unknown text without quotes may be any number of words.
                    let is_vague = only_mark(text).is_some() || text.contains(['*', '?', '{']);
                    open |= is_vague && !is_one_word(word);
                    values.push(item);
                }
            }
        }
        if open || values.len() > MOST_ROUNDS {
            let place = words.first().map(|word| word.place).unwrap_or_default();
            let text = self.session.unknown(variable, place);
            let value = match values.as_slice() {
                // The words of one variable, whose name says more.
                [only] if only_mark(only.text.as_str()).is_some() => {
                    let mut value = Variant::of(only.text.used_at(place));
                    self.named(variable, &mut value);
                    value
                }
                _ => Variant::of(text),
            };
            self.variables
                .insert(variable.to_owned(), Variable::Scalar(vec![value]));
            self.follow_list(body);
            return;
        }
        for item in values {
            let variant = Variant {
                text: item.text,
                when: item.when,
                sure: true,
            };
            self.variables
                .insert(variable.to_owned(), Variable::Scalar(vec![variant]));
            self.follow_list(body);
        }
    }

    pub(super) fn case(&mut self, subject: &Word, arms: &[(Vec<Word>, List)]) {
        let values = self.values(subject);
        let known = match values.as_slice() {
            [value] if value.sure && !has_mark(value.text.as_str()) => {
                Some(value.text.as_str().to_owned())
            }
            _ => None,
        };
        let before = self.variables.clone();
        let mut branches = vec![before.clone()];
        for (patterns, body) in arms {
            let texts: Option<Vec<String>> = patterns.iter().map(Word::literal).collect();
            let matched = match (&known, texts) {
                (Some(value), Some(texts)) => {
                    let decided = texts
                        .iter()
                        .all(|text| text == "*" || !text.contains(['*', '?', '[']));
                    decided.then(|| texts.iter().any(|text| text == "*" || text == value))
                }
                _ => None,
            };
            if matched == Some(false) {
                continue;
            }
            self.variables.clone_from(&before);
            if matched == Some(true) {
                self.follow_list(body);
                return;
            }
            let patterns: Vec<&str> = patterns.iter().map(|word| word.source.as_str()).collect();
            self.guards
                .push(format!("{} is {}", subject.source, patterns.join(" or ")));
            self.follow_list(body);
            self.guards.pop();
            branches.push(std::mem::take(&mut self.variables));
        }
        self.variables = merge(branches);
    }

    /// Decides a test if its words are known and cannot be changed from outside.
    fn known(&mut self, test: &Simple) -> Option<bool> {
        let mut words = Vec::new();
        for word in &test.words {
            let values = self.values(word);
            let [value] = values.as_slice() else {
                return None;
            };
            if !value.sure || has_mark(value.text.as_str()) {
                return None;
            }
            words.push(value.text.as_str().to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["true" | ":"] => Some(true),
            ["false"] => Some(false),
            ["[" | "test", left, "=" | "==", right, ..] => Some(left == right),
            ["[" | "test", left, "!=", right, ..] => Some(left != right),
            ["[" | "test", "-z", text, ..] => Some(text.is_empty()),
            ["[" | "test", "-n", text, ..] => Some(!text.is_empty()),
            _ => None,
        }
    }
}

/// Whether a word is one word for every value of its variables.
fn is_one_word(word: &Word) -> bool {
    word.parts.iter().all(|part| match part {
        WordPart::Variable { name, quoted, .. } => {
            *quoted && !name.contains('@') && !name.contains('[')
        }
        WordPart::Substitution { quoted, .. } => *quoted,
        WordPart::Text { text, quoted } => *quoted || !text.as_str().contains(['*', '?', '{']),
    })
}

pub(super) fn as_test(pipeline: &[ShellCommand]) -> Option<&Simple> {
    let [ShellCommand::Simple(simple)] = pipeline else {
        return None;
    };
    let first = simple.words.first()?;
    let is_test = first.bare().is_some_and(|word| {
        matches!(word, "[" | "test" | "true" | "false") || word.starts_with("[[")
    });
    is_test.then_some(simple)
}
