//! Evaluates access to the parts of values: `a.b`, `a[0]`, `a[*].b` and `target.NAME.ATTRIBUTE`.

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::{Decorated, Span};

use super::BakeError;
use super::evaluate::{Evaluated, Evaluator, Locals, Scope};
use super::value::{BakeValue, each};
use crate::format::located::TextPlace;

impl Evaluator<'_> {
    pub(super) fn traversal(
        &self,
        traversal: &Traversal,
        place: TextPlace,
        scope: Scope<'_>,
    ) -> Evaluated {
        if let Expression::Variable(root) = &traversal.expr
            && root.as_str() == "target"
            && !scope.locals.iter().any(|(name, _)| name == "target")
        {
            return self.of_target(traversal, place, scope);
        }
        let value = self.expression(&traversal.expr, scope)?;
        let operators: Vec<&TraversalOperator> =
            traversal.operators.iter().map(Decorated::value).collect();
        let source = scope.file.source(traversal.span());
        self.parts(value, &operators, place, scope, &source)
    }

    /// Follows operators from a value.
    fn parts(
        &self,
        mut value: BakeValue,
        operators: &[&TraversalOperator],
        place: TextPlace,
        scope: Scope<'_>,
        source: &str,
    ) -> Evaluated {
        for (at, operator) in operators.iter().enumerate() {
            let rest = &operators[at + 1..];
            value = match operator {
                TraversalOperator::GetAttr(name) => self.member(value, name.as_str(), place)?,
                TraversalOperator::LegacyIndex(index) => {
                    self.element(value, *index.value(), place)?
                }
                TraversalOperator::Index(index) => {
                    let index = self.expression(index, scope)?;
                    if index.is_open() {
                        return Ok(self.open(source, place));
                    }
                    self.indexed(value, &index, place)?
                }
                TraversalOperator::FullSplat(_) => {
                    let items = splat(value);
                    let items = items.into_iter();
                    let items = items.map(|item| self.parts(item, rest, place, scope, source));
                    return Ok(BakeValue::List(items.collect::<Result<_, _>>()?));
                }
                TraversalOperator::AttrSplat(_) => {
                    // Only names belong to it; an index applies to the result.
                    let names = rest
                        .iter()
                        .take_while(|operator| matches!(operator, TraversalOperator::GetAttr(_)))
                        .count();
                    let (names, rest) = rest.split_at(names);
                    let items = splat(value).into_iter();
                    let items = items.map(|item| self.parts(item, names, place, scope, source));
                    let items = BakeValue::List(items.collect::<Result<_, _>>()?);
                    return self.parts(items, rest, place, scope, source);
                }
            };
        }
        Ok(value)
    }

    /// Evaluates an attribute of another target.
    fn of_target(&self, traversal: &Traversal, place: TextPlace, scope: Scope<'_>) -> Evaluated {
        let missing = || BakeError::new(place, "the target or its attribute does not exist");
        let operators: Vec<&TraversalOperator> =
            traversal.operators.iter().map(Decorated::value).collect();
        let [target, attribute, rest @ ..] = operators.as_slice() else {
            let reason = "a whole target as a value is not supported";
            return Err(BakeError::gap(place, reason));
        };
        let target = self.name_of(target, scope)?.ok_or_else(missing)?;
        let attribute = self.name_of(attribute, scope)?.ok_or_else(missing)?;
        let key = format!("target.{target}.{attribute}");
        if !self.in_progress.borrow_mut().insert(key.clone()) {
            return Err(BakeError::new(place, format!("{key} refers to itself")));
        }
        let value = self.attribute_of(&target, &attribute);
        self.in_progress.borrow_mut().remove(&key);
        let value = value?.ok_or_else(missing)?;
        let source = scope.file.source(traversal.span());
        self.parts(value, rest, place, scope, &source)
    }

    /// The name in an operator.
    fn name_of(
        &self,
        operator: &TraversalOperator,
        scope: Scope<'_>,
    ) -> Result<Option<String>, BakeError> {
        Ok(match operator {
            TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
            TraversalOperator::Index(index) => self.expression(index, scope)?.to_text(),
            _ => None,
        })
    }

    /// Returns an attribute of the last block of a target. One that is not set is null.
    fn attribute_of(&self, name: &str, attribute: &str) -> Result<Option<BakeValue>, BakeError> {
        for block in self.definitions.targets.iter().rev() {
            let is_renamed = block.attribute("name").is_some();
            let rows = if is_renamed {
                super::resolve::combinations(self, block)?
            } else if block.name == name {
                vec![Locals::new()]
            } else {
                continue;
            };
            for locals in rows {
                if let Some(definition) = block.attribute("name")
                    && self.evaluate(definition, &locals)?.to_text().as_deref() != Some(name)
                {
                    continue;
                }
                if attribute == "name" {
                    return Ok(Some(BakeValue::text(name, block.place)));
                }
                let Some(definition) = block.attribute(attribute) else {
                    let is_known = super::attributes::is_attribute(attribute);
                    return Ok(is_known.then_some(BakeValue::Null));
                };
                let locals = if is_renamed {
                    locals
                } else {
                    first_row(self, block)?
                };
                return Ok(Some(as_text(self.evaluate(definition, &locals)?)));
            }
        }
        Ok(None)
    }

    fn indexed(&self, value: BakeValue, index: &BakeValue, place: TextPlace) -> Evaluated {
        if let BakeValue::List(_) = value {
            let number = index.number().filter(|number| number.fract() == 0.0);
            let number = number.ok_or_else(|| BakeError::new(place, "an index is no number"))?;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let at = if number < 0.0 {
                usize::MAX
            } else {
                number as usize
            };
            return self.element(value, at as u64, place);
        }
        let key = index
            .to_text()
            .ok_or_else(|| BakeError::new(place, "an index is no text"))?;
        self.member(value, &key, place)
    }

    fn element(&self, value: BakeValue, index: u64, place: TextPlace) -> Evaluated {
        each(value, |value| {
            if value.is_open() && matches!(value, BakeValue::Text(_)) {
                return self.member(value, &index.to_string(), place);
            }
            let items = match &value {
                BakeValue::List(items) => Some(items),
                _ => None,
            };
            let item = usize::try_from(index)
                .ok()
                .and_then(|index| items?.get(index));
            item.cloned()
                .ok_or_else(|| BakeError::new(place, format!("there is no element {index}")))
        })
    }

    fn member(&self, value: BakeValue, key: &str, place: TextPlace) -> Evaluated {
        each(value, |value| {
            if let BakeValue::Text(text) = &value
                && value.is_open()
            {
                return Ok(self.open(&format!("{}.{key}", self.shown(text.as_str())), place));
            }
            value
                .get(key)
                .cloned()
                .ok_or_else(|| BakeError::new(place, format!("there is no {key}")))
        })
    }

    fn shown(&self, text: &str) -> String {
        let names = self
            .options
            .unknowns
            .map(|unknowns| unknowns.names_in(text))
            .unwrap_or_default();
        names.join(", ")
    }
}

fn first_row(evaluator: &Evaluator<'_>, block: &super::read::Named) -> Result<Locals, BakeError> {
    let rows = super::resolve::combinations(evaluator, block)?;
    Ok(rows.into_iter().last().unwrap_or_default())
}

/// The items of a list; null has none, and any other value is one item.
fn splat(value: BakeValue) -> Vec<BakeValue> {
    match value {
        BakeValue::List(items) | BakeValue::Set(items) => items,
        BakeValue::Null => Vec::new(),
        other => vec![other],
    }
}

/// Converts the values of an attribute to text, which most attributes have.
fn as_text(value: BakeValue) -> BakeValue {
    match value {
        BakeValue::Map(entries) => {
            let entries = entries.into_iter();
            BakeValue::Map(entries.map(|(key, value)| (key, as_text(value))).collect())
        }
        BakeValue::List(items) => BakeValue::List(items.into_iter().map(as_text).collect()),
        BakeValue::Number(_) => value.as_text_value().unwrap_or(value),
        other => other,
    }
}
