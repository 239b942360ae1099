//! `{{if}} … {{else}} … {{end}}`.
//!
//! Each conditional part becomes a variable of the shell with a value for each branch.

use std::ops::Range;

use super::Templates;
use crate::find::embedded;
use crate::find::script::Variant;
use crate::format::located::Located;

/// The deepest nesting.
const DEPTH: usize = 16;
/// The most conditional parts of one text.
const MOST: usize = 500;

/// A conditional part of a text.
struct Conditional {
    range: Range<usize>,
    branches: Vec<Branch>,
}

/// A branch with its conditions.
struct Branch {
    when: Vec<String>,
    range: Range<usize>,
}

/// A template between `{{` and `}}`, with its place in the text.
struct TemplateTag<'t> {
    range: Range<usize>,
    inner: &'t str,
}

fn tags(text: &str) -> impl Iterator<Item = TemplateTag<'_>> {
    let mut position = 0;
    std::iter::from_fn(move || {
        let start = position + text[position..].find("{{")?;
        let length = text[start..].find("}}")?;
        let inner = text[start + 2..start + length].trim();
        let inner = inner.trim_start_matches('-').trim_end_matches('-').trim();
        position = start + length + 2;
        Some(TemplateTag {
            range: start..position,
            inner,
        })
    })
}

/// Finds the first `{{if}}` that has an `{{end}}`.
fn first(text: &str) -> Option<Conditional> {
    let mut found: Option<Conditional> = None;
    let mut denied: Vec<String> = Vec::new();
    let mut when = Vec::new();
    let mut from = 0;
    let mut depth = 0_usize;
    for tag in tags(text) {
        let (word, rest) = tag.inner.split_once(' ').unwrap_or((tag.inner, ""));
        match (word, found.as_mut()) {
            ("if", None) => {
                found = Some(Conditional {
                    range: tag.range.clone(),
                    branches: Vec::new(),
                });
                when = vec![rest.to_owned()];
                denied = vec![format!("not {rest}")];
                from = tag.range.end;
                depth = 1;
            }
            ("if" | "range" | "with", Some(_)) if depth >= DEPTH => return None,
            ("if" | "range" | "with", Some(_)) => depth += 1,
            ("else", Some(found)) if depth == 1 => {
                let condition = rest.trim().strip_prefix("if ");
                let next = denied.iter().cloned().chain(condition.map(str::to_owned));
                let next = next.collect();
                found.branches.push(Branch {
                    when: std::mem::replace(&mut when, next),
                    range: from..tag.range.start,
                });
                match condition {
                    Some(condition) => denied.push(format!("not {condition}")),
                    None => denied.clear(),
                }
                from = tag.range.end;
            }
            ("end", Some(open)) => {
                depth -= 1;
                if depth > 0 {
                    continue;
                }
                open.branches.push(Branch {
                    when,
                    range: from..tag.range.start,
                });
                if !denied.is_empty() {
                    open.branches.push(Branch {
                        when: denied,
                        range: tag.range.start..tag.range.start,
                    });
                }
                open.range.end = tag.range.end;
                return found;
            }
            _ => {}
        }
    }
    None
}

/// Removes the quotes of a text that was a part of a command: the value of a variable has none.
fn without_quotes(text: &Located) -> Located {
    let mut out = Located::new("", text.place());
    for (offset, character) in text.as_str().char_indices() {
        if !matches!(character, '"' | '\'') {
            out.push_char(character, text.place_at(offset));
        }
    }
    out
}

impl Templates<'_, '_> {
    /// Replaces the templates of a text. Conditional parts become variables.
    pub(super) fn evaluate(&self, text: &Located, depth: usize) -> Located {
        let mut out = Located::default();
        let mut rest = text.clone();
        for _ in 0..MOST {
            let Some(found) = first(rest.as_str()) else {
                break;
            };
            out.push(&self.replaced(&rest.slice(0, found.range.start), depth));
            let place = rest.place_at(found.range.start);
            let mut variants = Vec::new();
            for branch in &found.branches {
                let text = rest.slice(branch.range.start, branch.range.end);
                let text = self.evaluate(&text, depth);
                for mut variant in self.variants(&without_quotes(&text)) {
                    variant.when.splice(0..0, branch.when.iter().cloned());
                    variants.push(variant);
                }
            }
            match embedded::part(&mut self.branches.borrow_mut(), variants, place) {
                Some(part) => out.push(&part),
                None => out.push(&self.session.unknown("if", place)),
            }
            rest = rest.slice(found.range.end, rest.len());
        }
        out.push(&self.replaced(&rest, depth));
        out
    }

    /// Returns the values of a text that [`Self::evaluate`] returned.
    pub(super) fn variants(&self, text: &Located) -> Vec<Variant> {
        embedded::alternatives(text, &self.branches.borrow())
    }
}
