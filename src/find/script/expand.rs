//! Replaces variables in words.

use super::variables::MOST_VARIANTS;
use super::{Script, ScriptWord, Slot, Variable, Variant};
use crate::format::located::{Located, TextPlace};
use crate::format::shell::{Join, List, ShellCommand, VariableChange, Word, WordPart};
use crate::format::unknown::only_mark;

mod edit;
mod elements;
mod printed;

use edit::edit;

/// Words under construction.
#[derive(Debug, Clone, Default)]
struct Partial {
    done: Vec<ScriptWord>,
    current: Located,
    has_current: bool,
    when: Vec<String>,
    sure: bool,
}

impl Partial {
    fn append(&mut self, text: &Located) {
        self.current.push(text);
        self.has_current = true;
    }

    fn close(&mut self) {
        if self.has_current {
            let text = std::mem::take(&mut self.current);
            let when = self.when.clone();
            self.done.push(ScriptWord { text, when });
            self.has_current = false;
        }
    }
}

impl Script<'_, '_> {
    /// Returns the possible expansions of a word.
    pub(super) fn slot(&mut self, word: &Word) -> Slot {
        let partials = self.partials(word, true);
        let close = |mut partial: Partial| {
            partial.close();
            partial.done
        };
        partials.into_iter().map(close).collect()
    }

    /// Returns the values of a word that is not split, as in an assignment.
    pub(super) fn values(&mut self, word: &Word) -> Vec<Variant> {
        let place = word.place;
        let partials = self.partials(word, false);
        let value = |mut partial: Partial| {
            partial.close();
            let mut text = Located::default();
            for (index, item) in partial.done.iter().enumerate() {
                if index > 0 {
                    text.push_str(" ", item.text.place());
                }
                text.push(&item.text);
            }
            if partial.done.is_empty() {
                text = Located::new("", place);
            }
            let when = partial.when;
            Variant {
                text,
                when,
                sure: partial.sure,
            }
        };
        partials.into_iter().map(value).collect()
    }

    /// Returns the location that a value gets where it is used. In a script that another one runs,
    /// each value keeps the location of its definition, which may be in the caller.
    fn use_at(&self, place: TextPlace) -> Option<TextPlace> {
        self.files.is_empty().then_some(place)
    }

    fn partials(&mut self, word: &Word, split: bool) -> Vec<Partial> {
        let mut partials = vec![Partial {
            sure: true,
            ..Partial::default()
        }];
        for part in &word.parts {
            match part {
                WordPart::Text { text, .. } => {
                    for partial in &mut partials {
                        partial.append(text);
                    }
                }
                WordPart::Variable {
                    name,
                    change,
                    quoted,
                    place,
                } => {
                    let found = self.variable(name, change, *place);
                    partials = combine(partials, &found, split && !quoted, self.use_at(*place));
                }
                WordPart::Substitution {
                    list,
                    source,
                    quoted,
                    place,
                } => {
                    let variants = self.substituted(list, source, *place);
                    let found = Variable::Scalar(variants);
                    partials = combine(partials, &found, split && !quoted, self.use_at(*place));
                }
            }
        }
        partials
    }

    /// Returns the value of `${…}`.
    fn variable(&mut self, name: &str, change: &VariableChange, place: TextPlace) -> Variable {
        let known = self.lookup(name);
        match change {
            VariableChange::None | VariableChange::Elements => {
                known.unwrap_or_else(|| self.unset(name, place))
            }
            VariableChange::Default { empty, word } => {
                let is_positional = name.chars().all(|c| c.is_ascii_digit());
                match known {
                    Some(Variable::Scalar(variants)) if !is_positional || self.has_positional => {
                        self.or_default(variants, *empty, word)
                    }
                    Some(array @ Variable::Array(_)) => array,
                    _ => {
                        let mut values = self.values(word);
                        for value in &mut values {
                            value.sure = false;
                        }
                        Variable::Scalar(values)
                    }
                }
            }
            VariableChange::Alternate(word) => self.alternate(name, known.as_ref(), word, place),
            VariableChange::Edit(source) => {
                if let Some(found) = self.elements(name, source, place) {
                    return found;
                }
                if let Some(Variable::Scalar(variants)) = &known
                    && let Some(edited) = edit(variants, name, source)
                {
                    return Variable::Scalar(edited);
                }
                if matches!(known, Some(Variable::Array(_))) && source.contains("[@]") {
                    return known.unwrap_or_else(|| self.unset(name, place));
                }
                self.unset(source.trim_start_matches("${").trim_end_matches('}'), place)
            }
        }
    }

    fn or_default(&mut self, variants: Vec<Variant>, empty: bool, word: &Word) -> Variable {
        let mut kept = Vec::new();
        let mut missing = false;
        for variant in variants {
            if empty && variant.text.is_empty() {
                missing = true;
            } else {
                kept.push(variant);
            }
        }
        if missing {
            kept = super::variables::unite(kept, self.values(word));
        }
        Variable::Scalar(kept)
    }

    fn alternate(
        &mut self,
        name: &str,
        known: Option<&Variable>,
        word: &Word,
        place: TextPlace,
    ) -> Variable {
        let set = match known {
            Some(Variable::Scalar(variants))
                if variants.iter().any(|value| value.text.is_empty())
                    && variants.iter().any(|value| !value.text.is_empty()) =>
            {
                return self.alternate_of_several(name, variants, word);
            }
            Some(Variable::Scalar(variants)) => variants.iter().any(|v| !v.text.is_empty()),
            Some(Variable::Array(elements)) => {
                return Variable::Array(if elements.is_empty() {
                    Vec::new()
                } else {
                    let items = self.slot(word);
                    items.into_iter().flatten().collect()
                });
            }
            None => true,
        };
        if !set {
            return Variable::Scalar(vec![Variant::of(Located::new("", place))]);
        }
        let mut values = self.values(word);
        if known.is_none() {
            for value in &mut values {
                value.when.push(format!("{name} is set"));
                value.sure = false;
            }
            values.insert(0, Variant::of(Located::new("", place)));
        }
        Variable::Scalar(values)
    }

    /// Returns the values of `${NAME:+…}` where the variable may be empty or not. The word may use
    /// the variable, too.
    fn alternate_of_several(&mut self, name: &str, known: &[Variant], word: &Word) -> Variable {
        let mut all = Vec::new();
        for variant in known {
            if variant.text.is_empty() {
                all.push(variant.clone());
                continue;
            }
            let only = Variable::Scalar(vec![variant.clone()]);
            let before = self.variables.insert(name.to_owned(), only);
            for mut value in self.values(word) {
                let is_new = |condition: &&String| !value.when.contains(condition);
                let added: Vec<String> = variant.when.iter().filter(is_new).cloned().collect();
                value.when.extend(added);
                all.push(value);
            }
            self.variables
                .extend(before.map(|before| (name.to_owned(), before)));
        }
        all.truncate(MOST_VARIANTS);
        Variable::Scalar(all)
    }

    fn lookup(&mut self, name: &str) -> Option<Variable> {
        if matches!(name, "@" | "*") {
            if !self.has_positional {
                return None;
            }
            let item = |variants: &Vec<Variant>| {
                let first = variants.first()?;
                Some(ScriptWord {
                    text: first.text.clone(),
                    when: first.when.clone(),
                })
            };
            return Some(Variable::Array(
                self.positional.iter().filter_map(item).collect(),
            ));
        }
        if let Ok(index) = name.parse::<usize>() {
            if index == 0 {
                return None;
            }
            let value = self.positional.get(index - 1).cloned();
            return match value {
                Some(variants) => Some(Variable::Scalar(variants)),
                None if self.has_positional => {
                    let empty = Located::new("", TextPlace::default());
                    Some(Variable::Scalar(vec![Variant::of(empty)]))
                }
                None => None,
            };
        }
        self.variables.get(name).cloned()
    }

    fn unset(&self, name: &str, place: TextPlace) -> Variable {
        let shown = if name
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '@' | '*' | '#'))
        {
            format!("argument ${name}")
        } else {
            name.to_owned()
        };
        Variable::Scalar(vec![Variant::of(self.session.unknown(&shown, place))])
    }

    /// Names a variable after itself if its whole value is an unknown command.
    pub(super) fn named(&self, name: &str, variant: &mut Variant) {
        let text = variant.text.as_str();
        let Some(mark) = only_mark(text) else { return };
        let source = self.session.unknowns.name(mark).unwrap_or_default();
        if source == name || source.starts_with(&format!("{name} = ")) {
            return;
        }
        let place = variant.text.place();
        variant.text = self.session.unknown(&format!("{name} = {source}"), place);
    }
}

/// Appends the values of a variable to the words so far. A single word gets the location of its
/// use, if `place` is given; several words, such as flags, keep the locations of their definition.
fn combine(
    partials: Vec<Partial>,
    found: &Variable,
    split: bool,
    place: Option<TextPlace>,
) -> Vec<Partial> {
    match found {
        Variable::Array(elements) => combine_array(partials, elements, split),
        Variable::Scalar(variants) => {
            let mut combined = Vec::new();
            for partial in &partials {
                for variant in variants {
                    if combined.len() >= MOST_VARIANTS {
                        return combined;
                    }
                    let mut next = partial.clone();
                    next.sure &= variant.sure;
                    for condition in &variant.when {
                        if !next.when.contains(condition) {
                            next.when.push(condition.clone());
                        }
                    }
                    let text = match place {
                        Some(place) => variant.text.used_at(place),
                        None => variant.text.clone(),
                    };
                    if split {
                        append_split(&mut next, &text);
                    } else {
                        next.append(&text);
                    }
                    combined.push(next);
                }
            }
            combined
        }
    }
}

fn combine_array(mut partials: Vec<Partial>, elements: &[ScriptWord], split: bool) -> Vec<Partial> {
    for partial in &mut partials {
        for (index, element) in elements.iter().enumerate() {
            if index > 0 {
                partial.close();
            }
            let before = partial.when.clone();
            for condition in &element.when {
                if !partial.when.contains(condition) {
                    partial.when.push(condition.clone());
                }
            }
            if split {
                append_split(partial, &element.text);
            } else {
                partial.append(&element.text);
            }
            if index + 1 < elements.len() {
                partial.close();
                partial.when = before;
            }
        }
    }
    partials
}

fn append_split(partial: &mut Partial, text: &Located) {
    let blank = |c: Option<char>| c.is_some_and(char::is_whitespace);
    if blank(text.as_str().chars().next()) {
        partial.close();
    }
    for (index, word) in text.words().iter().enumerate() {
        if index > 0 {
            partial.close();
        }
        partial.append(word);
    }
    if blank(text.as_str().chars().next_back()) {
        partial.close();
    }
}

/// Returns a condition as written.
pub(super) fn describe(list: &List) -> String {
    let mut words = Vec::new();
    for step in list {
        match step.join {
            Join::And if !words.is_empty() => words.push("&&"),
            Join::Or if !words.is_empty() => words.push("||"),
            _ => {}
        }
        for command in &step.pipeline {
            if let ShellCommand::Simple(simple) = command {
                words.extend(simple.words.iter().map(|word| word.source.as_str()));
            }
        }
    }
    let text: String = words.join(" ").chars().take(80).collect();
    if text.is_empty() {
        "a condition".to_owned()
    } else {
        text
    }
}
