//! Expands references to variables in a Makefile.

use super::lines::closing;
use super::{DEPTH, LONGEST, MakeValue, Makefile};
use crate::find::embedded;
use crate::find::script::Variant;
use crate::find::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::only_mark;

/// The most targets that are searched for those that need another one.
const MOST_NEEDING: usize = 100;

/// The recipe in which a reference stands.
pub(super) struct RecipeScope<'e> {
    pub(super) target: &'e str,
    pub(super) environment: Option<&'e mut embedded::Environment>,
}

impl Makefile {
    pub(super) fn expand(
        &self,
        session: &FindSession<'_>,
        text: &Located,
        target: Option<&str>,
        depth: usize,
    ) -> Located {
        match target {
            Some(target) => {
                let mut scope = RecipeScope {
                    target,
                    environment: None,
                };
                self.expand_in(session, text, Some(&mut scope), depth)
            }
            None => self.expand_in(session, text, None, depth),
        }
    }

    pub(super) fn expand_in(
        &self,
        session: &FindSession<'_>,
        text: &Located,
        mut scope: Option<&mut RecipeScope<'_>>,
        depth: usize,
    ) -> Located {
        let source = text.as_str();
        let mut out = Located::default();
        let mut position = 0;
        while let Some(found) = source[position..].find('$') {
            let start = position + found;
            out.push(&text.slice(position, start));
            let place = text.place_at(start);
            let rest = &source[start + 1..];
            let Some(next) = rest.chars().next() else {
                position = start;
                break;
            };
            let length = match next {
                '$' => {
                    out.push_char('$', place);
                    1
                }
                '(' | '{' => {
                    let Some(end) = closing(rest) else {
                        position = start + 1;
                        break;
                    };
                    let inner = text.slice(start + 2, start + 1 + end);
                    out.push(&self.reference(session, &inner, scope.as_deref_mut(), depth + 1));
                    end + 1
                }
                character => {
                    let name = Located::new(character.to_string(), place);
                    out.push(&self.reference(session, &name, scope.as_deref_mut(), depth + 1));
                    character.len_utf8()
                }
            };
            position = start + 1 + length;
            if out.len() > LONGEST {
                return out;
            }
        }
        out.push(&text.slice(position.min(source.len()), source.len()));
        out
    }

    fn reference(
        &self,
        session: &FindSession<'_>,
        inner: &Located,
        mut scope: Option<&mut RecipeScope<'_>>,
        depth: usize,
    ) -> Located {
        let name = inner.as_str();
        let place = inner.place();
        if depth > DEPTH {
            return session.unknown(name, place);
        }
        if let Some(value) = self.function(session, inner, scope.as_deref_mut(), depth) {
            return value;
        }
        let name = if name.contains('$') {
            self.expand_in(session, inner, scope.as_deref_mut(), depth)
                .as_str()
                .to_owned()
        } else {
            name.to_owned()
        };
        if let Some((name, pattern)) = name.split_once(':')
            && let Some((from, to)) = pattern.split_once('=')
        {
            let value = self.reference(session, &Located::new(name, place), scope, depth + 1);
            return with_suffix(&value, from, to);
        }
        self.value(session, &name, place, scope, depth)
    }

    /// Returns the value of a variable.
    fn value(
        &self,
        session: &FindSession<'_>,
        name: &str,
        place: TextPlace,
        scope: Option<&mut RecipeScope<'_>>,
        depth: usize,
    ) -> Located {
        let target = scope.as_ref().map(|scope| scope.target);
        match (name, target) {
            ("@", Some(target)) => return Located::new(target.replace('%', "*"), place),
            ("MAKE", _) => return Located::new("make", place),
            _ => {}
        }
        let values = self.values_of(name, target);
        match values.as_slice() {
            [] => session.unknown(if name == "*" { "$*" } else { name }, place),
            [only] if only.when.is_empty() => {
                let value = self.expand_in(session, &only.text, scope, depth + 1);
                named(session, name, value).used_at(place)
            }
            many => match scope {
                Some(scope) if scope.environment.is_some() => {
                    self.as_shell_variable(session, many, name, place, scope, depth)
                }
                _ => {
                    let last = many
                        .last()
                        .map(|given| given.text.clone())
                        .unwrap_or_default();
                    self.expand_in(session, &last, scope, depth + 1)
                }
            },
        }
    }

    fn as_shell_variable(
        &self,
        session: &FindSession<'_>,
        many: &[MakeValue],
        name: &str,
        place: TextPlace,
        scope: &mut RecipeScope<'_>,
        depth: usize,
    ) -> Located {
        let mut variants = Vec::new();
        for given in many {
            let text = self.expand(session, &given.text, Some(scope.target), depth + 1);
            variants.push(Variant {
                text,
                when: given.when.clone(),
                sure: false,
            });
        }
        let Some(environment) = scope.environment.as_deref_mut() else {
            return session.unknown(name, place);
        };
        let variable = format!("_make_{}", environment.len());
        environment.push((variable.clone(), variants));
        Located::new(format!("${{{variable}}}"), place)
    }

    /// Returns the values that a variable may have in the recipe of a target.
    pub(super) fn values_of(&self, name: &str, target: Option<&str>) -> Vec<MakeValue> {
        let local = |target: &str| {
            let mut all = self.local.get(target)?.iter();
            all.rfind(|(known, _)| *known == name)
                .map(|(_, given)| given.clone())
        };
        if let Some(given) = target.and_then(local) {
            return vec![given];
        }
        let mut values = self.variables.get(name).cloned().unwrap_or_default();
        let mut waiting: Vec<&str> = target.into_iter().collect();
        let mut seen = 0;
        // A target gets the variables of those that need it.
        while let Some(needed) = waiting.pop() {
            seen += 1;
            if seen > MOST_NEEDING {
                break;
            }
            for parent in self.needed_by.get(needed).into_iter().flatten() {
                match local(parent) {
                    Some(mut given) => {
                        given.when.push(format!("make {parent}"));
                        values.push(given);
                    }
                    None => waiting.push(parent),
                }
            }
        }
        values.truncate(8);
        values
    }

    /// Adds the exported variables to the environment of a recipe.
    pub(super) fn export(
        &self,
        session: &FindSession<'_>,
        target: &str,
        environment: &mut embedded::Environment,
    ) {
        for name in &self.exported {
            let variants: Vec<Variant> = self
                .values_of(name, Some(target))
                .into_iter()
                .map(|given| Variant {
                    text: self.expand(session, &given.text, Some(target), 0),
                    when: given.when,
                    sure: false,
                })
                .collect();
            if !variants.is_empty() {
                environment.push((name.clone(), variants));
            }
        }
    }

    /// Returns `$(if condition,then,else)` with an unknown condition: a variable of the shell with
    /// both texts, or both next to each other where there is no shell.
    pub(super) fn either(
        session: &FindSession<'_>,
        condition: &Located,
        then: &Located,
        otherwise: &Located,
        scope: Option<&mut RecipeScope<'_>>,
    ) -> Located {
        let place = condition.place();
        let is_plain = |text: &Located| !text.as_str().contains("${_make_");
        if let Some(scope) = scope
            && let Some(environment) = scope.environment.as_deref_mut()
            && is_plain(then)
            && is_plain(otherwise)
        {
            let condition = session.expressed(condition.as_str().trim());
            let condition = condition.trim_matches(['{', '}']);
            let variant = |text: &Located, condition: String| Variant {
                text: text.clone(),
                when: vec![condition],
                sure: false,
            };
            let variants = vec![
                variant(then, format!("{condition} is set")),
                variant(otherwise, format!("{condition} is not set")),
            ];
            let variable = format!("_make_{}", environment.len());
            environment.push((variable.clone(), variants));
            return Located::new(format!("${{{variable}}}"), place);
        }
        let mut both = then.clone();
        both.push_str(" ", place);
        both.push(otherwise);
        both
    }

    pub(super) fn copied(&self) -> Self {
        Self {
            variables: self.variables.clone(),
            ..Self::default()
        }
    }
}

/// Names a value after its variable if all of it is an unknown command.
fn named(session: &FindSession<'_>, name: &str, value: Located) -> Located {
    let source = only_mark(value.as_str()).and_then(|mark| session.unknowns.name(mark));
    match source {
        Some(source) if source.starts_with("$(shell") => {
            session.unknown(&format!("{name} = {source}"), value.place())
        }
        _ => value,
    }
}

/// Replaces the end of each word that ends with `from`, as `$(NAME:from=to)` does.
fn with_suffix(value: &Located, from: &str, to: &str) -> Located {
    let words = value.as_str().split_whitespace();
    let replaced: Vec<String> = words
        .map(|word| match word.strip_suffix(from) {
            Some(stem) => format!("{stem}{to}"),
            None => word.to_owned(),
        })
        .collect();
    value.with_text(replaced.join(" "))
}
