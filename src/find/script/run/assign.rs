//! Assigns variables.

use crate::find::script::variables::MOST_VARIANTS;
use crate::find::script::variables::unite;
use crate::find::script::{Script, ScriptWord, Variable};
use crate::format::shell::{Assigned, Assignment, Word};

impl Script<'_, '_> {
    pub(super) fn assign(&mut self, assignment: &Assignment) {
        let name = &assignment.name;
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
