//! Members of objects.

use oxc_ast::ast::{ComputedMemberExpression, Expression, StaticMemberExpression};

use super::{JsScope, TsopsEvaluator};
use crate::find::tsops::value::Js;
use crate::format::located::TextPlace;

impl<'a> TsopsEvaluator<'_, 'a> {
    /// `object.name`
    pub(super) fn static_member(
        &self,
        member: &'a StaticMemberExpression<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Js<'a> {
        let name = member.property.name.as_str();
        if is_environment(&member.object) {
            return self.unknown(name, place);
        }
        let object = self.evaluate(&member.object, scope);
        self.member(object, name, place)
    }

    /// `object[key]`; `None` if the key is unknown.
    pub(super) fn computed_member(
        &self,
        member: &'a ComputedMemberExpression<'a>,
        place: TextPlace,
        scope: JsScope<'_, 'a>,
    ) -> Option<Js<'a>> {
        let key = self.evaluate(&member.expression, scope);
        let key = key.text().map(|text| text.as_str().to_owned());
        if is_environment(&member.object) {
            return Some(self.unknown(&key.unwrap_or_default(), place));
        }
        let object = self.evaluate(&member.object, scope);
        Some(self.member(object, &key?, place))
    }

    pub(super) fn member(&self, object: Js<'a>, name: &str, place: TextPlace) -> Js<'a> {
        object.each(|object| match &object {
            Js::Text(text) if name == "length" => Js::Number(text.len() as f64, place),
            Js::Text(text) if object.is_open() => {
                let names = self.session.unknowns.names_in(text.as_str());
                self.unknown(&format!("{}.{name}", names.join("")), place)
            }
            object => object.get(name).unwrap_or(Js::Undefined),
        })
    }
}

/// Returns whether an expression is `process.env` or similar.
fn is_environment(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::StaticMemberExpression(member) if member.property.name == "env" => {
            match &member.object {
                Expression::Identifier(name) => {
                    matches!(name.name.as_str(), "process" | "Bun")
                }
                Expression::ImportMeta(_) => true,
                _ => false,
            }
        }
        _ => false,
    }
}
