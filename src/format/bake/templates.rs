//! Evaluates templates: text with `${…}` and `%{…}`.

use hcl_edit::Span;
use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, Strip, Template};

use super::BakeError;
use super::calls::pairs;
use super::evaluate::{Evaluated, Evaluator, Scope, choose};
use super::value::{BakeValue, each};
use crate::format::located::TextPlace;

/// The longest text, in bytes.
const LONGEST: usize = 1 << 20;

/// Whether the markers around a template strip the blanks at its edges: `~}` and `%{~`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edges {
    start: bool,
    end: bool,
}

impl Edges {
    fn between(before: Strip, after: Strip) -> Self {
        Self {
            start: strips_following(before),
            end: strips_preceding(after),
        }
    }
}

fn strips_following(strip: Strip) -> bool {
    matches!(strip, Strip::End | Strip::Both)
}

fn strips_preceding(strip: Strip) -> bool {
    matches!(strip, Strip::Start | Strip::Both)
}

/// The strip markers at the outside of an element.
fn outside(element: &Element) -> Edges {
    let (first, last) = match element {
        Element::Literal(_) => return Edges::default(),
        Element::Interpolation(inner) => (inner.strip, inner.strip),
        Element::Directive(directive) => match directive.as_ref() {
            Directive::If(conditional) => (conditional.if_expr.strip, conditional.endif_expr.strip),
            Directive::For(repeated) => (repeated.for_expr.strip, repeated.endfor_expr.strip),
        },
    };
    Edges {
        start: strips_preceding(first),
        end: strips_following(last),
    }
}

impl Evaluator<'_> {
    pub(super) fn template(
        &self,
        template: &Template,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        self.edged(template, Edges::default(), place, scope)
    }

    fn edged(
        &self,
        template: &Template,
        edges: Edges,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let elements: Vec<&Element> = template.iter().collect();
        self.elements(&elements, edges, place, scope)
    }

    pub(super) fn elements(
        &self,
        elements: &[&Element],
        edges: Edges,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        if let [Element::Interpolation(only)] = elements {
            // `"${NAME}"` is used here, wherever its text is.
            return Ok(match self.expression(&only.expr, scope)? {
                BakeValue::Text(text) => BakeValue::Text(text.used_at(place)),
                value => value,
            });
        }
        let mut whole = BakeValue::text("", place);
        for (index, element) in elements.iter().enumerate() {
            let part = match element {
                Element::Literal(text) => {
                    let before = index.checked_sub(1).and_then(|at| elements.get(at));
                    let after = elements.get(index + 1);
                    let start = before.map_or(edges.start, |element| outside(element).end);
                    let end = after.map_or(edges.end, |element| outside(element).start);
                    let text = text.as_str();
                    let text = if start { text.trim_start() } else { text };
                    let text = if end { text.trim_end() } else { text };
                    BakeValue::text(text, place)
                }
                Element::Interpolation(inner) => self.expression(&inner.expr, scope)?,
                Element::Directive(directive) => match directive.as_ref() {
                    Directive::If(conditional) => self.alternative(conditional, place, scope)?,
                    Directive::For(repeated) => self.repetition(repeated, place, scope)?,
                },
            };
            whole = self.appended(whole, &part, place)?;
        }
        Ok(whole)
    }

    /// Appends a value to a text, for each alternative of both.
    fn appended(&self, whole: BakeValue, part: &BakeValue, place: TextPlace) -> Evaluated {
        each(whole, |before| {
            let before = before.to_text().unwrap_or_default();
            each(part.clone(), |part| {
                let text = match part.to_text() {
                    Some(text) => text,
                    None if self.options.unknowns.is_some() => self
                        .open("a value that is no text", place)
                        .to_text()
                        .unwrap_or_default(),
                    None => return Err(BakeError::new(place, "a value in a template is no text")),
                };
                if before.len() + text.len() > LONGEST {
                    return Err(BakeError::gap(place, "a text becomes too long"));
                }
                Ok(BakeValue::text(format!("{before}{text}"), place))
            })
        })
    }

    fn alternative(
        &self,
        conditional: &IfDirective,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        let first = &conditional.if_expr;
        let end = conditional.endif_expr.strip;
        let condition = self.expression(&first.cond_expr, scope)?;
        let source = scope.file.source(first.cond_expr.span());
        choose(condition, &source, place, |truth| {
            let otherwise = conditional.else_expr.as_ref();
            if truth {
                let next = otherwise.map_or(end, |otherwise| otherwise.strip);
                let edges = Edges::between(first.strip, next);
                return self.edged(&first.template, edges, place, scope);
            }
            match otherwise {
                Some(otherwise) => {
                    let edges = Edges::between(otherwise.strip, end);
                    self.edged(&otherwise.template, edges, place, scope)
                }
                None => Ok(BakeValue::text("", place)),
            }
        })
    }

    fn repetition(&self, repeated: &ForDirective, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        let edges = Edges::between(repeated.for_expr.strip, repeated.endfor_expr.strip);
        let repeated = &repeated.for_expr;
        let collection = self.expression(&repeated.collection_expr, scope)?;
        let mut whole = BakeValue::text("", place);
        for (key, value) in pairs(&collection, place)? {
            let mut locals = scope.locals.clone();
            if let Some(name) = &repeated.key_var {
                locals.push((name.as_str().to_owned(), key));
            }
            locals.push((repeated.value_var.as_str().to_owned(), value));
            let inner = Scope {
                locals: &locals,
                ..scope
            };
            let part = self.edged(&repeated.template, edges, place, inner)?;
            whole = self.appended(whole, &part, place)?;
        }
        Ok(whole)
    }
}
