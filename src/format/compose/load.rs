//! Loads a project: its files, with `include`, `extends` and overrides applied.

use std::collections::HashMap;
use std::rc::Rc;

use super::paths::{joined, moved, parent};
use super::value::{Converter, Value, ValueError};
use super::{Build, ComposeError, Files, Options, Project, Service, dotenv, interpolate};
use crate::format::located::Located;
use crate::format::tree::{Tree, TreeNode, yaml};

/// The deepest nesting of `extends` and `include`.
const DEPTH: usize = 16;
/// The most files that a project loads; a file counts each time it is included or extended.
const LOADS: usize = 2_000;
/// The most values of a project.
const VALUES: usize = 1_000_000;

/// Loads the services of a project from its files.
///
/// # Errors
/// Returns an error for a file that cannot be read or parsed, a variable that cannot be replaced,
/// and an `extends` or `include` that leads nowhere or to itself.
pub fn load(
    paths: &[String],
    files: &dyn Files,
    options: &Options<'_>,
) -> Result<Project, ComposeError> {
    let mut loader = Loader {
        files,
        options,
        variables: Vec::new(),
        trees: HashMap::new(),
        included: Vec::new(),
        loads: LOADS,
        values: VALUES,
    };
    let first = paths.first().map(|path| parent(path)).unwrap_or_default();
    let directory = options.directory.unwrap_or(first);
    let mut services = Services::default();
    for path in paths {
        loader.apply(path, directory, &mut services, &mut Vec::new())?;
    }
    Ok(Project {
        services: services.0.iter().map(Service::from).collect(),
        directory: directory.to_owned(),
        included: loader.included,
    })
}

/// A service while it is loaded.
#[derive(Debug, Clone)]
struct Definition {
    name: Located,
    value: Value,
}

/// Services in the order of the files.
#[derive(Debug, Clone, Default)]
struct Services(Vec<Definition>);

impl Services {
    fn get(&self, name: &str) -> Option<&Definition> {
        self.0.iter().find(|known| known.name.as_str() == name)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Definition> {
        self.0.iter_mut().find(|known| known.name.as_str() == name)
    }

    fn remove(&mut self, path: &[String]) {
        match path {
            [] => {}
            [name] => self.0.retain(|known| known.name.as_str() != name),
            [name, rest @ ..] => {
                if let Some(known) = self.get_mut(name) {
                    known.value.remove(rest);
                }
            }
        }
    }

    fn merge(&mut self, later: Self) {
        for definition in later.0 {
            match self.get_mut(definition.name.as_str()) {
                Some(known) => known.value.merge("", &definition.value),
                None => self.0.push(definition),
            }
        }
    }
}

impl Definition {
    /// Moves relative contexts of a file in `directory` to the project directory. With
    /// `has_default`, a build without a context has its own directory as the context.
    fn move_contexts(&mut self, directory: &str, has_default: bool) {
        let Some(build) = self.value.get_mut("build") else {
            return;
        };
        if has_default {
            let key = self.name.with_text("context");
            let context = Value::Text(key.with_text("."));
            let mut with_default = Value::Map(vec![(key, context)]);
            with_default.merge("build", build);
            *build = with_default;
        }
        if let Some(context) = build.get_mut("context") {
            move_text(context, directory);
        }
        if let Some(Value::Map(contexts)) = build.get_mut("additional_contexts") {
            for (_, context) in contexts {
                move_text(context, directory);
            }
        }
    }
}

fn move_text(value: &mut Value, directory: &str) {
    if let Value::Text(text) = value {
        *text = text.with_text(moved(directory, text.as_str()));
    }
}

/// One file of a project, before `extends` is applied.
struct Loaded {
    services: Services,
    resets: Vec<Vec<String>>,
}

struct Loader<'l> {
    files: &'l dyn Files,
    options: &'l Options<'l>,
    /// The variables of included projects, from the outermost to the innermost; outer ones win.
    variables: Vec<Vec<(String, String)>>,
    trees: HashMap<String, Rc<Tree>>,
    included: Vec<String>,
    loads: usize,
    values: usize,
}

fn failed(file: &str, (line, message): ValueError) -> ComposeError {
    ComposeError {
        file: file.to_owned(),
        line,
        message,
    }
}

impl Loader<'_> {
    fn lookup(&self, name: &str) -> Option<String> {
        let included = self.variables.iter().flatten();
        let own = || included.clone().find(|(known, _)| known == name);
        (self.options.lookup)(name).or_else(|| own().map(|(_, value)| value.clone()))
    }

    fn interpolated(&self, text: &Located) -> Result<Located, String> {
        interpolate(text, &|name| self.lookup(name), self.options.unknowns)
    }

    /// Applies a file to the services of the files before it. `stack` has the files that include
    /// this one.
    fn apply(
        &mut self,
        path: &str,
        directory: &str,
        services: &mut Services,
        stack: &mut Vec<String>,
    ) -> Result<(), ComposeError> {
        let tree = self.tree(path)?;
        let Some(root) = tree.root() else {
            return Ok(());
        };
        let mut file = self.read(path, &tree)?;
        self.include(path, directory, root, &mut file, stack)?;
        for reset in &file.resets {
            services.remove(reset);
        }
        let names: Vec<String> = file
            .services
            .0
            .iter()
            .map(|service| service.name.as_str().to_owned())
            .collect();
        for name in names {
            self.extend(path, directory, &name, &mut file, &mut Vec::new())?;
        }
        services.merge(file.services);
        Ok(())
    }

    fn tree(&mut self, path: &str) -> Result<Rc<Tree>, ComposeError> {
        let left = self.loads.checked_sub(1);
        self.loads = left.ok_or_else(|| failed(path, (0, "too many files".to_owned())))?;
        if let Some(tree) = self.trees.get(path) {
            return Ok(Rc::clone(tree));
        }
        let (text, number) = self
            .files
            .read(path)
            .ok_or_else(|| failed(path, (0, "the file cannot be read".to_owned())))?;
        let tree = yaml::parse(&text, number).map_err(|e| failed(path, (e.line, e.reason)))?;
        let tree = Rc::new(tree);
        self.trees.insert(path.to_owned(), Rc::clone(&tree));
        Ok(tree)
    }

    fn read(&mut self, path: &str, tree: &Tree) -> Result<Loaded, ComposeError> {
        let mut services = Services::default();
        let interpolate = |text: &Located| self.interpolated(text);
        if self.options.unknowns.is_none() {
            // A variable that is missing anywhere ends the command.
            for text in tree.scalars() {
                interpolate(text).map_err(|error| failed(path, (text.place().line, error)))?;
            }
        }
        let mut converter = Converter {
            interpolate: &interpolate,
            resets: Vec::new(),
            left: self.values,
        };
        let nodes = tree.root().and_then(|root| root.get("services"));
        let nodes = nodes.map(TreeNode::entries).unwrap_or_default();
        for (name, node) in nodes {
            let value = converter.service(name.as_str(), node);
            if let Some(value) = value.map_err(|error| failed(path, error))? {
                let name = name.clone();
                services.0.push(Definition { name, value });
            }
        }
        let resets = converter.resets;
        self.values = converter.left;
        Ok(Loaded { services, resets })
    }

    fn include(
        &mut self,
        path: &str,
        directory: &str,
        root: TreeNode<'_>,
        file: &mut Loaded,
        stack: &mut Vec<String>,
    ) -> Result<(), ComposeError> {
        let Some(include) = root.get("include") else {
            return Ok(());
        };
        stack.push(path.to_owned());
        for node in include.items() {
            let line = node.place().line;
            if stack.len() > DEPTH {
                let message = "files include each other too deeply".to_owned();
                return Err(failed(path, (line, message)));
            }
            let Some(mut imported) = self.included(path, directory, node, stack)? else {
                continue;
            };
            for definition in &mut imported.0 {
                if let Some(own) = file.services.get(definition.name.as_str()) {
                    for reset in file.resets.iter().filter(|reset| {
                        reset.first().map(String::as_str) == Some(definition.name.as_str())
                    }) {
                        definition.value.remove(&reset[1..]);
                    }
                    definition.value.merge("", &own.value);
                }
            }
            let own = std::mem::take(&mut file.services);
            for definition in own.0 {
                if imported.get(definition.name.as_str()).is_none() {
                    imported.0.push(definition);
                }
            }
            file.services = imported;
        }
        stack.pop();
        Ok(())
    }

    /// Loads one entry of `include`. Returns `None` if it cannot be read and errors are ignored.
    fn included(
        &mut self,
        path: &str,
        directory: &str,
        node: TreeNode<'_>,
        stack: &mut Vec<String>,
    ) -> Result<Option<Services>, ComposeError> {
        let line = node.place().line;
        let text = |node: TreeNode<'_>| match node.text().map(|text| self.interpolated(text)) {
            Some(Ok(text)) => Ok(Some(text.as_str().to_owned())),
            Some(Err(error)) => Err(failed(path, (line, error))),
            None => Ok(None),
        };
        let texts = |key: &str| -> Result<Vec<String>, ComposeError> {
            let nodes = node.get(key).map(TreeNode::one_or_many).unwrap_or_default();
            let texts = nodes.into_iter().filter_map(|node| text(node).transpose());
            texts.collect()
        };
        let paths = match text(node)? {
            Some(path) => vec![path],
            None => texts("path")?,
        };
        let paths: Vec<String> = paths.iter().map(|path| joined(directory, path)).collect();
        let project = texts("project_directory")?;
        let own = match project.first() {
            Some(given) => joined(directory, given),
            None => paths
                .first()
                .map(|path| parent(path).to_owned())
                .unwrap_or_default(),
        };
        let variables = texts("env_file")?;
        let variables = variables
            .iter()
            .map(|file| joined(directory, file))
            .collect();
        let variables = self.variables_of(&own, variables)?;
        self.variables.push(variables);
        let mut services = Services::default();
        for included in paths {
            if stack.contains(&included) {
                let message = format!("{included} includes itself");
                return Err(failed(path, (line, message)));
            }
            self.included.push(included.clone());
            match self.apply(&included, &own, &mut services, stack) {
                Err(_) if self.options.unknowns.is_some() => {}
                result => result?,
            }
        }
        self.variables.pop();
        let moved = relative(directory, &own);
        for definition in &mut services.0 {
            definition.move_contexts(&moved, true);
        }
        Ok(Some(services))
    }

    fn variables_of(
        &self,
        directory: &str,
        given: Vec<String>,
    ) -> Result<Vec<(String, String)>, ComposeError> {
        let must_exist = !given.is_empty() && self.options.unknowns.is_none();
        let files = if given.is_empty() {
            vec![joined(directory, ".env")]
        } else {
            given
        };
        let mut variables: Vec<(String, String)> = Vec::new();
        for file in files.iter().filter(|file| *file != "/dev/null") {
            let Some(text) = self.files.read_variables(file) else {
                if must_exist {
                    return Err(failed(file, (0, "the file cannot be read".to_owned())));
                }
                continue;
            };
            let known = |name: &str| variables.iter().find(|(known, _)| known == name);
            let outer = |name: &str| {
                let own = || known(name).map(|(_, value)| value.clone());
                self.lookup(name).or_else(own)
            };
            match dotenv::parse(&text, &outer) {
                Ok(found) => {
                    variables.retain(|(known, _)| !found.iter().any(|(name, _)| name == known));
                    variables.extend(found);
                }
                Err(_) if self.options.unknowns.is_some() => {}
                Err(error) => return Err(failed(file, (error.line, error.reason))),
            }
        }
        Ok(variables)
    }

    /// Applies `extends` of a service. `stack` has the services that extend this one.
    fn extend(
        &mut self,
        path: &str,
        directory: &str,
        name: &str,
        file: &mut Loaded,
        stack: &mut Vec<(String, String)>,
    ) -> Result<(), ComposeError> {
        let Some(definition) = file.services.get(name) else {
            return Ok(());
        };
        let Some(extends) = definition.value.get("extends") else {
            return Ok(());
        };
        let line = definition.name.place().line;
        let error = |message: String| failed(path, (line, message));
        let this = (path.to_owned(), name.to_owned());
        if stack.contains(&this) || stack.len() >= DEPTH {
            return Err(error(format!("service {name} extends itself")));
        }
        let of = |key: &str| extends.get(key).and_then(Value::text);
        let base = extends.text().or_else(|| of("service"));
        let Some(base) = base.map(|base| base.as_str().to_owned()) else {
            return Err(error(format!("extends of {name} names no service")));
        };
        let other = of("file").map(|file| file.as_str().to_owned());
        stack.push(this);
        let found = match other {
            None => {
                self.extend(path, directory, &base, file, stack)?;
                file.services.get(&base).cloned()
            }
            Some(other) => {
                let other = joined(directory, &other);
                match self.base(&other, directory, &base, stack) {
                    Err(_) if self.options.unknowns.is_some() => None,
                    result => result?,
                }
            }
        };
        stack.pop();
        let Some(found) = found else {
            if self.options.unknowns.is_some() {
                return Ok(());
            }
            return Err(error(format!(
                "service {name} extends {base}, which does not exist"
            )));
        };
        let mut value = found.value;
        for reset in file.resets.iter().filter(|reset| reset[0] == name) {
            value.remove(&reset[1..]);
        }
        if let Some(definition) = file.services.get_mut(name) {
            value.merge("", &definition.value);
            value.remove(&["extends".to_owned()]);
            definition.value = value;
        }
        Ok(())
    }

    /// Loads a service of another file to extend it.
    fn base(
        &mut self,
        path: &str,
        directory: &str,
        name: &str,
        stack: &mut Vec<(String, String)>,
    ) -> Result<Option<Definition>, ComposeError> {
        let tree = self.tree(path)?;
        let mut file = self.read(path, &tree)?;
        let own = parent(path).to_owned();
        self.extend(path, &own, name, &mut file, stack)?;
        let mut found = file.services.get(name).cloned();
        if let Some(definition) = &mut found {
            definition.move_contexts(&relative(directory, &own), false);
        }
        Ok(found)
    }
}

/// Returns `to` as seen from `from`.
fn relative(from: &str, to: &str) -> String {
    if to.starts_with('/') != from.starts_with('/') {
        return to.to_owned();
    }
    let parts = |path: &'_ str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.map(str::to_owned).collect()
    };
    let from = parts(from);
    let to = parts(to);
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); from.len() - common];
    parts.extend_from_slice(&to[common..]);
    parts.join("/")
}

impl From<&Definition> for Service {
    fn from(definition: &Definition) -> Self {
        let value = &definition.value;
        let text = |key: &str| {
            let text = value.get(key).and_then(Value::text);
            text.map(|text| text.as_str().to_owned())
        };
        let texts = |key: &str| -> Vec<String> {
            let texts = value.get(key).map(Value::texts).unwrap_or_default();
            texts.iter().map(|text| text.as_str().to_owned()).collect()
        };
        let mut depends_on = texts("depends_on");
        for (name, _) in value
            .get("depends_on")
            .map(Value::entries)
            .unwrap_or_default()
        {
            depends_on.push(name.as_str().to_owned());
        }
        for link in texts("links") {
            let name = link.split(':').next().unwrap_or(&link);
            depends_on.push(name.to_owned());
        }
        let environment = value.get("environment").map(Value::entries);
        Self {
            name: definition.name.as_str().to_owned(),
            place: definition.name.place(),
            build: value.get("build").map(Build::from),
            image: text("image"),
            platform: text("platform"),
            profiles: texts("profiles"),
            depends_on,
            environment: environment
                .unwrap_or_default()
                .iter()
                .map(|(name, value)| {
                    let value = value.text().map(|text| text.as_str().to_owned());
                    (name.as_str().to_owned(), value)
                })
                .collect(),
        }
    }
}
