//! The modules of a configuration: their top-level names and imports.

use std::collections::HashMap;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    BindingPattern, BindingProperty, Declaration, ExportDefaultDeclarationKind, Expression,
    Function, ImportDeclarationSpecifier, PropertyKey, Statement, VariableDeclaration,
};
use oxc_parser::Parser;
use oxc_span::SourceType;

use crate::find::repository::{directory, join};
use crate::find::session::FindSession;
use crate::format::located::TextPlace;

/// The index of a module.
pub(super) type ModuleId = usize;

/// The meaning of a top-level name.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModuleBinding<'a> {
    Value(&'a Expression<'a>),
    /// A member of a value, from a destructuring declaration, and its default.
    Part(&'a Expression<'a>, &'a str, Option<&'a Expression<'a>>),
    Function(&'a Function<'a>),
    /// A name of another module, with the specifier as written.
    Import(&'a str, &'a str),
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) path: String,
    number: u32,
    breaks: Vec<usize>,
    pub(super) source: &'a str,
    pub(super) bindings: HashMap<&'a str, ModuleBinding<'a>>,
    /// Exported names with their local ones, including `default`.
    pub(super) exports: HashMap<String, ModuleBinding<'a>>,
    /// Modules whose exports are re-exported.
    pub(super) passed_on: Vec<&'a str>,
}

impl<'a> Module<'a> {
    /// Parses a file.
    pub(super) fn load(
        session: &FindSession<'_>,
        allocator: &'a Allocator,
        path: &str,
    ) -> Option<Self> {
        let text = session.repository.read(path)?;
        if !super::is_bounded(&text) {
            session.skipped(path, 1, "the file is nested too deeply or too large");
            return None;
        }
        // A module of JSON has its value as the default export.
        let source = if path.ends_with(".json") {
            allocator.alloc_str(&format!("export default {text}"))
        } else {
            allocator.alloc_str(&text)
        };
        let kind = SourceType::from_path(path).unwrap_or_else(|_| SourceType::ts());
        let parsed = Parser::new(allocator, source, kind.with_module(true)).parse();
        if parsed.program.body.is_empty() && !parsed.diagnostics.is_empty() {
            session.skipped(path, 1, "the file is no valid program");
            return None;
        }
        let mut module = Module {
            path: path.to_owned(),
            number: session.repository.number(path),
            breaks: source
                .match_indices('\n')
                .map(|(offset, _)| offset)
                .collect(),
            source,
            bindings: HashMap::new(),
            exports: HashMap::new(),
            passed_on: Vec::new(),
        };
        let program = allocator.alloc(parsed.program);
        for statement in &program.body {
            module.statement(statement);
        }
        Some(module)
    }

    pub(super) fn place(&self, offset: u32) -> TextPlace {
        let offset = offset as usize;
        let before = self.breaks.partition_point(|at| *at < offset);
        TextPlace::new(self.number, u32::try_from(before + 1).unwrap_or(u32::MAX))
    }

    fn statement(&mut self, statement: &'a Statement<'a>) {
        match statement {
            Statement::VariableDeclaration(declaration) => {
                self.variables(declaration);
            }
            Statement::FunctionDeclaration(function) => {
                self.function(function);
            }
            Statement::ImportDeclaration(import) => {
                let source = import.source.value.as_str();
                for specifier in import.specifiers.iter().flatten() {
                    let (local, imported) = match specifier {
                        ImportDeclarationSpecifier::ImportSpecifier(named) => {
                            (named.local.name.as_str(), module_name(&named.imported))
                        }
                        ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                            (default.local.name.as_str(), "default")
                        }
                        ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => {
                            (all.local.name.as_str(), "*")
                        }
                    };
                    self.bindings
                        .insert(local, ModuleBinding::Import(source, imported));
                }
            }
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::VariableDeclaration(declaration) => {
                    for name in self.variables(declaration) {
                        self.export(name, name);
                    }
                }
                Declaration::FunctionDeclaration(function) => {
                    if let Some(name) = self.function(function) {
                        self.export(name, name);
                    }
                }
                _ => {}
            },
            Statement::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    self.export(
                        module_name(&specifier.local),
                        module_name(&specifier.exported),
                    );
                }
            }
            Statement::ExportFromDeclaration(export) => {
                for specifier in &export.specifiers {
                    let binding = ModuleBinding::Import(
                        export.source.value.as_str(),
                        module_name(&specifier.local),
                    );
                    self.exports
                        .insert(module_name(&specifier.exported).to_owned(), binding);
                }
            }
            Statement::ExportAllDeclaration(export) => {
                self.passed_on.push(export.source.value.as_str());
            }
            Statement::ExportDefaultDeclaration(export) => {
                let binding = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        Some(ModuleBinding::Function(function))
                    }
                    other => other.as_expression().map(ModuleBinding::Value),
                };
                if let Some(binding) = binding {
                    self.exports.insert("default".to_owned(), binding);
                }
            }
            Statement::ExpressionStatement(statement) => self.common_js(&statement.expression),
            _ => {}
        }
    }

    fn export(&mut self, local: &'a str, exported: &str) {
        if let Some(binding) = self.bindings.get(local) {
            self.exports.insert(exported.to_owned(), *binding);
        }
    }

    fn function(&mut self, function: &'a Function<'a>) -> Option<&'a str> {
        let name = function.id.as_ref()?.name.as_str();
        self.bindings
            .insert(name, ModuleBinding::Function(function));
        Some(name)
    }

    fn variables(&mut self, declaration: &'a VariableDeclaration<'a>) -> Vec<&'a str> {
        let mut names = Vec::new();
        for declarator in &declaration.declarations {
            let Some(value) = &declarator.init else {
                continue;
            };
            match &declarator.id {
                BindingPattern::BindingIdentifier(identifier) => {
                    let name = identifier.name.as_str();
                    let required = required(value);
                    let binding = required.map_or(ModuleBinding::Value(value), |source| {
                        ModuleBinding::Import(source, "default")
                    });
                    self.bindings.insert(name, binding);
                    names.push(name);
                }
                BindingPattern::ObjectPattern(pattern) => {
                    for property in &pattern.properties {
                        let Some((key, name, default)) = part(property) else {
                            continue;
                        };
                        let binding = match required(value) {
                            Some(source) => ModuleBinding::Import(source, key),
                            None => ModuleBinding::Part(value, key, default),
                        };
                        self.bindings.insert(name, binding);
                        names.push(name);
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// `module.exports = …`
    fn common_js(&mut self, expression: &'a Expression<'a>) {
        let Expression::AssignmentExpression(assignment) = expression else {
            return;
        };
        let span = oxc_span::GetSpan::span(&assignment.left);
        let target = self
            .source
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default();
        let name = match target {
            "module.exports" => "default",
            target => match target
                .strip_prefix("module.exports.")
                .or_else(|| target.strip_prefix("exports."))
            {
                Some(name) => name,
                None => return,
            },
        };
        self.exports
            .insert(name.to_owned(), ModuleBinding::Value(&assignment.right));
    }
}

/// Returns the key, the local name and the default of a part of a destructuring declaration.
fn part<'a>(
    property: &'a BindingProperty<'a>,
) -> Option<(&'a str, &'a str, Option<&'a Expression<'a>>)> {
    let (local, default) = match &property.value {
        BindingPattern::AssignmentPattern(assignment) => {
            (&assignment.left, Some(&assignment.right))
        }
        value => (value, None),
    };
    let BindingPattern::BindingIdentifier(local) = local else {
        return None;
    };
    let name = local.name.as_str();
    let key = match &property.key {
        PropertyKey::StaticIdentifier(key) => key.name.as_str(),
        PropertyKey::StringLiteral(key) => key.value.as_str(),
        _ => name,
    };
    Some((key, name, default))
}

fn module_name<'a>(name: &'a oxc_ast::ast::ModuleExportName<'a>) -> &'a str {
    use oxc_ast::ast::ModuleExportName;
    match name {
        ModuleExportName::IdentifierName(name) => name.name.as_str(),
        ModuleExportName::IdentifierReference(name) => name.name.as_str(),
        ModuleExportName::StringLiteral(text) => text.value.as_str(),
    }
}

/// `require('…')`
fn required<'a>(expression: &'a Expression<'a>) -> Option<&'a str> {
    let Expression::CallExpression(call) = expression else {
        return None;
    };
    let Expression::Identifier(name) = &call.callee else {
        return None;
    };
    let argument = call.arguments.first()?.as_expression()?;
    match argument {
        Expression::StringLiteral(text) if name.name == "require" => Some(text.value.as_str()),
        _ => None,
    }
}

/// Returns the file of a relative import.
pub(super) fn resolve(session: &FindSession<'_>, from: &str, specifier: &str) -> Option<String> {
    if !specifier.starts_with('.') {
        return None;
    }
    let path = join(directory(from), specifier)?;
    let stem = path
        .strip_suffix(".js")
        .or_else(|| path.strip_suffix(".mjs"))
        .unwrap_or(&path);
    let mut candidates = vec![path.clone()];
    for extension in ["ts", "mts", "cts", "js", "mjs", "cjs"] {
        candidates.push(format!("{stem}.{extension}"));
        candidates.push(format!("{path}/index.{extension}"));
    }
    candidates
        .into_iter()
        .find(|candidate| session.repository.has(candidate))
}
