//! Evaluates the bodies of functions.

use oxc_ast::ast::{ArrowFunctionBody, BindingPattern, FormalParameters, IfStatement, Statement};

use super::{DEPTH, JsLocals, JsScope, TsopsEvaluator};
use crate::find::tsops::module::ModuleId;
use crate::find::tsops::value::{Js, JsBody, JsFunction};
use crate::format::located::TextPlace;

impl<'a> TsopsEvaluator<'_, 'a> {
    /// Evaluates the body of a function for its arguments.
    pub(super) fn apply(&self, function: &JsFunction<'a>, arguments: Vec<Js<'a>>) -> Js<'a> {
        if self.depth.get() >= DEPTH {
            return Js::Undefined;
        }
        self.depth.set(self.depth.get() + 1);
        let mut locals = function.locals.clone();
        self.bind(function.parameters, arguments, function.module, &mut locals);
        let value = match function.body {
            JsBody::Arrow(body) => match body.as_expression() {
                Some(expression) => {
                    let scope = JsScope {
                        module: function.module,
                        locals: &locals,
                    };
                    self.evaluate(expression, scope)
                }
                None => match body {
                    ArrowFunctionBody::FunctionBody(body) => self
                        .statements(&body.statements, function.module, &mut locals)
                        .unwrap_or(Js::Undefined),
                    _ => Js::Undefined,
                },
            },
            JsBody::Statements(body) => self
                .statements(&body.statements, function.module, &mut locals)
                .unwrap_or(Js::Undefined),
        };
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn bind(
        &self,
        parameters: &'a FormalParameters<'a>,
        arguments: Vec<Js<'a>>,
        module: ModuleId,
        locals: &mut JsLocals<'a>,
    ) {
        let mut arguments = arguments.into_iter();
        for parameter in &parameters.items {
            let mut value = arguments.next().unwrap_or(Js::Undefined);
            if let (Js::Undefined, Some(default)) = (&value, &parameter.initializer) {
                let scope = JsScope { module, locals };
                value = self.evaluate(default, scope);
            }
            self.pattern(&parameter.pattern, value, module, locals);
        }
    }

    fn pattern(
        &self,
        pattern: &'a BindingPattern<'a>,
        value: Js<'a>,
        module: ModuleId,
        locals: &mut JsLocals<'a>,
    ) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => {
                locals.push((name.name.as_str().to_owned(), value));
            }
            BindingPattern::AssignmentPattern(assignment) => {
                let value = if matches!(value, Js::Undefined) {
                    let scope = JsScope { module, locals };
                    self.evaluate(&assignment.right, scope)
                } else {
                    value
                };
                self.pattern(&assignment.left, value, module, locals);
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let Some(key) = property.key.static_name() else {
                        continue;
                    };
                    let part = self.member(value.clone(), &key, TextPlace::default());
                    self.pattern(&property.value, part, module, locals);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let part = value.get(&index.to_string()).unwrap_or(Js::Undefined);
                        self.pattern(element, part, module, locals);
                    }
                }
            }
        }
    }

    /// Evaluates statements up to a `return`.
    fn statements(
        &self,
        statements: &'a [Statement<'a>],
        module: ModuleId,
        locals: &mut JsLocals<'a>,
    ) -> Option<Js<'a>> {
        for (index, statement) in statements.iter().enumerate() {
            match statement {
                Statement::VariableDeclaration(declaration) => {
                    for declarator in &declaration.declarations {
                        let scope = JsScope { module, locals };
                        let value = declarator
                            .init
                            .as_ref()
                            .map_or(Js::Undefined, |value| self.evaluate(value, scope));
                        self.pattern(&declarator.id, value, module, locals);
                    }
                }
                Statement::ReturnStatement(returned) => {
                    let scope = JsScope { module, locals };
                    return Some(
                        returned
                            .argument
                            .as_ref()
                            .map_or(Js::Undefined, |value| self.evaluate(value, scope)),
                    );
                }
                Statement::BlockStatement(block) => {
                    if let Some(value) = self.statements(&block.body, module, locals) {
                        return Some(value);
                    }
                }
                Statement::IfStatement(conditional) => {
                    let scope = JsScope { module, locals };
                    let test = self.evaluate(&conditional.test, scope).truth();
                    let then = std::slice::from_ref(&conditional.consequent);
                    let otherwise = conditional.alternate.as_slice();
                    match test {
                        Some(truth) => {
                            let branch = if truth { then } else { otherwise };
                            if let Some(value) = self.statements(branch, module, locals) {
                                return Some(value);
                            }
                        }
                        None => {
                            let rest = &statements[index + 1..];
                            let either = self.either(conditional, rest, module, locals);
                            if either.is_some() {
                                return either;
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Evaluates both branches of an `if` with an unknown condition. `rest` are the statements
    /// after it. Returns `None` if the first branch returns nothing.
    fn either(
        &self,
        conditional: &'a IfStatement<'a>,
        rest: &'a [Statement<'a>],
        module: ModuleId,
        locals: &JsLocals<'a>,
    ) -> Option<Js<'a>> {
        let condition = self.shown(&conditional.test, module);
        let branch = |statements| self.statements(statements, module, &mut locals.clone());
        let then = branch(std::slice::from_ref(&conditional.consequent))?;
        let otherwise = branch(conditional.alternate.as_slice()).or_else(|| branch(rest));
        let negated = format!("not {condition}");
        Some(Js::Either(vec![
            (condition, then),
            (negated, otherwise.unwrap_or(Js::Undefined)),
        ]))
    }
}
