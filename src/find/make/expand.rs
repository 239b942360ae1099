//! Expands references to variables in a Makefile.

use super::lines::closing;
use super::{DEPTH, LONGEST, MakeValue, Makefile};
use crate::find::embedded;
use crate::find::script::Variant;
use crate::find::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::only_mark;

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
        let local = target
            .and_then(|target| self.local.get(target))
            .and_then(|all| all.iter().rfind(|(n, _)| *n == name));
        let values: Vec<MakeValue> = match local {
            Some((_, given)) => vec![given.clone()],
            None => self.variables.get(name).cloned().unwrap_or_default(),
        };
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
