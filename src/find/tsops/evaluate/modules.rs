//! Modules, their exports and their names.

use std::rc::Rc;

use oxc_span::GetSpan;

use super::{JsLocals, JsScope, MODULES, TsopsEvaluator};
use crate::find::tsops::module::{Module, ModuleBinding, ModuleId, resolve};
use crate::find::tsops::value::{Js, JsBody, JsFunction};
use crate::format::located::TextPlace;

impl<'a> TsopsEvaluator<'_, 'a> {
    pub(super) fn load(&self, path: &str) -> Option<ModuleId> {
        if let Some(known) = self.by_path.borrow().get(path) {
            return *known;
        }
        if self.modules.borrow().len() >= MODULES {
            return None;
        }
        let module = Module::load(self.session, self.allocator, path);
        let id = module.map(|module| {
            let mut modules = self.modules.borrow_mut();
            modules.push(Rc::new(module));
            modules.len() - 1
        });
        self.by_path.borrow_mut().insert(path.to_owned(), id);
        id
    }

    pub(super) fn module(&self, id: ModuleId) -> Rc<Module<'a>> {
        Rc::clone(&self.modules.borrow()[id])
    }

    pub(super) fn exported(&self, id: ModuleId, name: &str) -> Option<Js<'a>> {
        let module = self.module(id);
        if name == "*" {
            let names: Vec<String> = module.exports.keys().cloned().collect();
            let entries = names
                .into_iter()
                .filter_map(|name| Some((name.clone(), self.exported(id, &name)?)));
            return Some(Js::Map(entries.collect()));
        }
        if let Some(binding) = module.exports.get(name) {
            return Some(self.binding(*binding, id));
        }
        if let Some(default) = module.exports.get("default")
            && module.bindings.is_empty()
        {
            return self.binding(*default, id).get(name);
        }
        let passed: Vec<&str> = module.passed_on.clone();
        passed.into_iter().find_map(|specifier| {
            let path = resolve(self.session, &module.path, specifier)?;
            self.exported(self.load(&path)?, name)
        })
    }

    pub(super) fn binding(&self, binding: ModuleBinding<'a>, id: ModuleId) -> Js<'a> {
        let none = JsLocals::new();
        let scope = JsScope {
            module: id,
            locals: &none,
        };
        match binding {
            ModuleBinding::Value(expression) => self.evaluate(expression, scope),
            ModuleBinding::Part(expression, name, default) => {
                let whole = self.evaluate(expression, scope);
                let place = self.module(id).place(expression.span().start);
                match (self.member(whole, name, place), default) {
                    (Js::Undefined, Some(default)) => self.evaluate(default, scope),
                    (value, _) => value,
                }
            }
            ModuleBinding::Function(function) => match &function.body {
                Some(body) => Js::Function(JsFunction {
                    parameters: &function.params,
                    body: JsBody::Statements(body),
                    module: id,
                    locals: Vec::new(),
                }),
                None => Js::Undefined,
            },
            ModuleBinding::Import(specifier, name) => {
                let module = self.module(id);
                let path = resolve(self.session, &module.path, specifier);
                let value = path
                    .and_then(|path| self.load(&path))
                    .and_then(|other| self.exported(other, name));
                value.unwrap_or_else(|| self.unknown(name, TextPlace::default()))
            }
        }
    }
}
