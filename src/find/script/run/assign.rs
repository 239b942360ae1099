//! Assigns variables.

use crate::find::script::variables::MOST_VARIANTS;
use crate::find::script::variables::unite;
use crate::find::script::{Script, ScriptWord, Variable, Variant};
use crate::format::located::{Located, TextPlace};
use crate::format::shell::{Assigned, Assignment, Word};

impl Script<'_, '_> {
    pub(super) fn assign(&mut self, assignment: &Assignment) {
        let name = &assignment.name;
        if let Some((array, index)) = name.split_once('[') {
            let index = Located::new(index.trim_end_matches(']'), TextPlace::default());
            self.add_index(array, index);
        }
        match &assignment.value {
            Assigned::Array(words) => {
                let mut elements = match self.variables.remove(name) {
                    Some(Variable::Array(elements)) if assignment.append => elements,
                    _ => Vec::new(),
                };
                for word in words {
                    for mut item in self.slot(word).into_iter().flatten() {
                        for guard in &self.guards {
                            if !item.when.contains(guard) {
                                item.when.push(guard.clone());
                            }
                        }
                        if word.source.starts_with('[')
                            && let Some((index, value)) = indexed(&item.text)
                        {
                            self.assign_element(name, index, &value, &item.when);
                            item.text = value;
                        }
                        let known = elements.iter().any(|e: &ScriptWord| e.text == item.text);
                        if !known
                            || word.literal().is_none()
                            || !item.text.as_str().starts_with("type=")
                        {
                            elements.push(item);
                        }
                    }
                }
                elements.truncate(500);
                self.variables
                    .insert(name.clone(), Variable::Array(elements));
            }
            Assigned::Scalar(word) => self.assign_scalar(name, word, assignment.append),
        }
    }

    /// Sets an element of an associative array, as in `NAME=([INDEX]=VALUE)`.
    fn assign_element(&mut self, array: &str, index: Located, value: &Located, when: &[String]) {
        let variant = Variant {
            text: value.clone(),
            when: when.to_vec(),
            sure: false,
        };
        let name = format!("{array}[{}]", index.as_str());
        let known = match self.variables.remove(&name) {
            Some(Variable::Scalar(variants)) => variants,
            _ => Vec::new(),
        };
        let variants = unite(known, vec![variant]);
        self.variables.insert(name, Variable::Scalar(variants));
        self.add_index(array, index);
    }

    /// Adds an index to those of an array, which are kept for `${!NAME[@]}`.
    fn add_index(&mut self, array: &str, index: Located) {
        let name = format!("!{array}");
        let mut indexes = match self.variables.remove(&name) {
            Some(Variable::Array(indexes)) => indexes,
            _ => Vec::new(),
        };
        let is_known = indexes
            .iter()
            .any(|known: &ScriptWord| known.text.as_str() == index.as_str());
        if !is_known {
            let when = Vec::new();
            indexes.push(ScriptWord { text: index, when });
        }
        self.variables.insert(name, Variable::Array(indexes));
    }

    fn assign_scalar(&mut self, name: &str, word: &Word, append: bool) {
        let mut values = self.values(word);
        for value in &mut values {
            self.named(name, value);
            for guard in &self.guards {
                if !value.when.contains(guard) {
                    value.when.push(guard.clone());
                }
            }
            value.sure &= self.guards.is_empty();
        }
        if append {
            match self.variables.get(name) {
                Some(Variable::Scalar(before)) => {
                    let mut joined = Vec::new();
                    for first in before {
                        for second in &values {
                            let mut next = first.clone();
                            next.text.push(&second.text);
                            for condition in &second.when {
                                if !next.when.contains(condition) {
                                    next.when.push(condition.clone());
                                }
                            }
                            joined.push(next);
                        }
                    }
                    joined.truncate(MOST_VARIANTS);
                    values = joined;
                }
                Some(Variable::Array(_)) | None => {}
            }
        }
        let values = unite(Vec::new(), values);
        self.variables
            .insert(name.to_owned(), Variable::Scalar(values));
    }
}

/// Splits an element `[INDEX]=VALUE`.
fn indexed(text: &Located) -> Option<(Located, Located)> {
    let end = text.as_str().find("]=")?;
    let index = text.slice(1, end);
    let plain = index.as_str().trim_matches(['"', '\'']).to_owned();
    Some((index.with_text(plain), text.slice(end + 2, text.len())))
}
