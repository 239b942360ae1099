//! The functions of make that are used to build flags.

use super::expand::RecipeScope;
use super::lines::split_arguments;
use super::{DEPTH, MakeValue, Makefile};
use crate::find::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::unknown::{has_mark, only_mark};

impl Makefile {
    /// `$(foreach name,words,text)`
    fn foreach(
        &self,
        session: &FindSession<'_>,
        arguments: &Located,
        depth: usize,
    ) -> Option<Located> {
        let parts = split_at_most(arguments, 3);
        let [name, words, text] = parts.as_slice() else {
            return None;
        };
        let words = self.expand(session, words, None, depth + 1);
        let mut whole = Located::default();
        let mut copy = self.copied();
        for word in words.words().into_iter().take(64) {
            let given = MakeValue {
                text: word,
                when: Vec::new(),
            };
            copy.variables
                .insert(name.as_str().trim().to_owned(), vec![given]);
            whole.push(&copy.expand(session, text, None, depth + 2));
            whole.push_str(" ", text.place());
        }
        Some(whole)
    }

    /// Evaluates the functions that are used to build flags.
    pub(super) fn function(
        &self,
        session: &FindSession<'_>,
        inner: &Located,
        mut scope: Option<&mut RecipeScope<'_>>,
        depth: usize,
    ) -> Option<Located> {
        let (name, _) = inner.as_str().split_once([' ', '\t'])?;
        let arguments = inner.slice(name.len() + 1, inner.len());
        if name == "foreach" {
            return self.foreach(session, &arguments, depth);
        }
        let mut expanded: Vec<Located> = Vec::new();
        for argument in split_at_most(&arguments, most_arguments(name)) {
            expanded.push(self.expand_in(session, &argument, scope.as_deref_mut(), depth + 1));
        }
        let at = |index: usize| expanded.get(index).cloned().unwrap_or_default();
        Some(match name {
            "strip" | "sort" | "abspath" | "realpath" => at(0).trimmed(),
            "addprefix" => {
                let prefix = at(0).as_str().trim().to_owned();
                with_words(&at(1), |word| format!("{prefix}{word}"))
            }
            "addsuffix" => {
                let suffix = at(0).as_str().trim().to_owned();
                with_words(&at(1), |word| format!("{word}{suffix}"))
            }
            "subst" if !has_mark(at(0).as_str()) => {
                substituted(session, &at(0), &at(1), &at(2), inner.place())
            }
            "notdir" => with_words(&at(0), |word| {
                word.rsplit('/').next().unwrap_or(word).to_owned()
            }),
            "firstword" => {
                let words = with_words(&at(0), str::to_owned).words();
                words.into_iter().next().unwrap_or_default()
            }
            "lastword" => at(0).words().pop().unwrap_or_default(),
            "or" => first_given(&expanded),
            "if" if has_mark(at(0).as_str()) => {
                Self::either(session, &at(0), &at(1), &at(2), scope)
            }
            "if" if at(0).as_str().trim().is_empty() => at(2),
            "if" => at(1),
            "call" => self.call(session, &expanded, inner.place(), depth)?,
            name if NOT_EVALUATED.contains(&name) => {
                session.unknown(&shortened(inner.as_str()), inner.place())
            }
            _ => return None,
        })
    }

    /// `$(call name,argument,…)`
    fn call(
        &self,
        session: &FindSession<'_>,
        arguments: &[Located],
        place: TextPlace,
        depth: usize,
    ) -> Option<Located> {
        let name = arguments.first().map(Located::as_str).unwrap_or_default();
        let name = name.trim();
        let body = self.variables.get(name)?.last()?.text.clone();
        if depth > DEPTH / 2 {
            return Some(session.unknown(name, place));
        }
        let mut copy = self.copied();
        for (index, value) in arguments.iter().enumerate() {
            let given = MakeValue {
                text: value.trimmed(),
                when: Vec::new(),
            };
            copy.variables.insert(index.to_string(), vec![given]);
        }
        Some(copy.expand(session, &body, None, depth + 2))
    }
}

/// Shortens the call of a function, for display.
fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    let mut shown = format!("$({} …", words.join(" "));
    // The commands after a pipe may replace characters.
    let filters = text.split('|').skip(1).take(3);
    for filter in filters.filter_map(|filter| filter.split_whitespace().next()) {
        shown.push_str(" | ");
        shown.push_str(filter);
        shown.push_str(" …");
    }
    shown.push(')');
    shown
}

/// Returns how many arguments a function has. Further commas are part of the last one.
fn most_arguments(function: &str) -> usize {
    match function {
        "if" | "subst" | "patsubst" => 3,
        "addprefix" | "addsuffix" | "filter" | "filter-out" => 2,
        "strip" | "sort" | "abspath" | "realpath" | "notdir" | "firstword" | "lastword" => 1,
        _ => usize::MAX,
    }
}

/// Splits the arguments of a function with a limit on their number.
fn split_at_most(arguments: &Located, most: usize) -> Vec<Located> {
    let mut parts: Vec<Located> = Vec::new();
    for (index, part) in split_arguments(arguments).into_iter().enumerate() {
        match parts.last_mut() {
            Some(last) if index >= most => {
                last.push_str(",", part.place());
                last.push(&part);
            }
            _ => parts.push(part),
        }
    }
    parts
}

/// Returns the first value that is not empty. A default counts more than a variable that is not
/// known.
fn first_given(values: &[Located]) -> Located {
    let mut given = values
        .iter()
        .filter(|value| !value.as_str().trim().is_empty());
    let is_known = |value: &&Located| only_mark(value.as_str().trim()).is_none();
    let known = given.clone().find(is_known);
    known.or_else(|| given.next()).cloned().unwrap_or_default()
}

/// Functions whose values are unknown.
const NOT_EVALUATED: [&str; 18] = [
    "shell",
    "wildcard",
    "value",
    "eval",
    "filter",
    "filter-out",
    "patsubst",
    "word",
    "words",
    "dir",
    "basename",
    "findstring",
    "file",
    "origin",
    "error",
    "warning",
    "info",
    "subst",
];

/// Changes each word of a text.
fn with_words(text: &Located, change: impl Fn(&str) -> String) -> Located {
    let words: Vec<String> = text.as_str().split_whitespace().map(change).collect();
    text.with_text(words.join(" "))
}

/// `$(subst from,to,text)`
fn substituted(
    session: &FindSession<'_>,
    from: &Located,
    to: &Located,
    text: &Located,
    place: TextPlace,
) -> Located {
    let value = text.as_str();
    if has_mark(value) {
        return session.unknown(&format!("subst {}", session.expressed(value)), place);
    }
    text.with_text(value.replace(from.as_str(), to.as_str()))
}
