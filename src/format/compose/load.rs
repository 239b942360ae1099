//! Loads a project: its files, with `include`, `extends` and overrides applied.

use std::collections::HashMap;
use std::rc::Rc;

use super::paths::{moved, parent};
use super::value::{ComposeValue, ServiceConverter, ValueError};
use super::{ComposeBuild, ComposeError, ComposeOptions, Files, Project, Service, interpolate};
use crate::format::located::Located;
use crate::format::tree::{Tree, TreeNode, yaml};

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
    options: &ComposeOptions<'_>,
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
        services: services.iter().map(Service::from).collect(),
        directory: directory.to_owned(),
        included: loader.included,
    })
}

/// A service while it is loaded.
#[derive(Debug, Clone)]
pub(super) struct ComposeDefinition {
    pub name: Located,
    pub value: ComposeValue,
}

/// Services in the order of the files.
#[derive(Debug, Clone, Default)]
pub(super) struct Services {
    list: Vec<ComposeDefinition>,
    /// The position of each name.
    positions: HashMap<String, usize>,
}

impl Services {
    pub(super) fn iter(&self) -> impl Iterator<Item = &ComposeDefinition> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ComposeDefinition> {
        self.list.iter_mut()
    }

    pub(super) fn into_list(self) -> Vec<ComposeDefinition> {
        self.list
    }

    pub(super) fn get(&self, name: &str) -> Option<&ComposeDefinition> {
        self.list.get(*self.positions.get(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut ComposeDefinition> {
        self.list.get_mut(*self.positions.get(name)?)
    }

    pub(super) fn push(&mut self, definition: ComposeDefinition) {
        let position = self.list.len();
        let name = definition.name.as_str().to_owned();
        self.positions.entry(name).or_insert(position);
        self.list.push(definition);
    }

    pub(super) fn remove(&mut self, path: &[String]) {
        match path {
            [] => {}
            [name] => {
                let list = std::mem::take(self).list;
                let kept = list.into_iter().filter(|known| known.name.as_str() != name);
                kept.for_each(|definition| self.push(definition));
            }
            [name, rest @ ..] => {
                if let Some(known) = self.get_mut(name) {
                    known.value.remove(rest);
                }
            }
        }
    }

    fn merge(&mut self, later: Self) {
        for definition in later.list {
            match self.get_mut(definition.name.as_str()) {
                Some(known) => known.value.merge("", &definition.value),
                None => self.push(definition),
            }
        }
    }
}

impl ComposeDefinition {
    /// Moves relative contexts of a file in `directory` to the project directory. With
    /// `has_default`, a build without a context has its own directory as the context.
    pub fn move_contexts(&mut self, directory: &str, has_default: bool) {
        let Some(build) = self.value.get_mut("build") else {
            return;
        };
        if has_default {
            let key = self.name.with_text("context");
            let context = ComposeValue::Text(key.with_text("."));
            let mut with_default = ComposeValue::Map(vec![(key, context)]);
            with_default.merge("build", build);
            *build = with_default;
        }
        if let Some(context) = build.get_mut("context") {
            move_text(context, directory);
        }
        if let Some(ComposeValue::Map(contexts)) = build.get_mut("additional_contexts") {
            for (_, context) in contexts {
                move_text(context, directory);
            }
        }
    }
}

fn move_text(value: &mut ComposeValue, directory: &str) {
    if let ComposeValue::Text(text) = value {
        *text = text.with_text(moved(directory, text.as_str()));
    }
}

/// One file of a project, before `extends` is applied.
pub(super) struct Loaded {
    pub services: Services,
    pub resets: Vec<Vec<String>>,
}

pub(super) struct Loader<'l> {
    pub files: &'l dyn Files,
    pub options: &'l ComposeOptions<'l>,
    /// The variables of included projects, from the outermost to the innermost; outer ones win.
    pub variables: Vec<Vec<(String, String)>>,
    trees: HashMap<String, Rc<Tree>>,
    pub included: Vec<String>,
    loads: usize,
    values: usize,
}

pub(super) fn failed(file: &str, (line, message): ValueError) -> ComposeError {
    ComposeError {
        file: file.to_owned(),
        line,
        message,
    }
}

impl Loader<'_> {
    pub(super) fn lookup(&self, name: &str) -> Option<String> {
        let included = self.variables.iter().flatten();
        let own = || included.clone().find(|(known, _)| known == name);
        (self.options.lookup)(name).or_else(|| own().map(|(_, value)| value.clone()))
    }

    pub(super) fn interpolated(&self, text: &Located) -> Result<Located, String> {
        interpolate(text, &|name| self.lookup(name), self.options.unknowns)
    }

    /// Applies a file to the services of the files before it. `stack` has the files that include
    /// this one.
    pub(super) fn apply(
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
            .iter()
            .map(|service| service.name.as_str().to_owned())
            .collect();
        for name in names {
            self.extend(path, directory, &name, &mut file, &mut Vec::new())?;
        }
        services.merge(file.services);
        Ok(())
    }

    pub(super) fn tree(&mut self, path: &str) -> Result<Rc<Tree>, ComposeError> {
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

    pub(super) fn read(&mut self, path: &str, tree: &Tree) -> Result<Loaded, ComposeError> {
        let mut services = Services::default();
        let interpolate = |text: &Located| self.interpolated(text);
        if self.options.unknowns.is_none() {
            // A variable that is missing anywhere ends the command.
            for text in tree.scalars() {
                interpolate(text).map_err(|error| failed(path, (text.place().line, error)))?;
            }
        }
        let mut converter = ServiceConverter {
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
                services.push(ComposeDefinition { name, value });
            }
        }
        let resets = converter.resets;
        self.values = converter.left;
        Ok(Loaded { services, resets })
    }
}

impl From<&ComposeDefinition> for Service {
    fn from(definition: &ComposeDefinition) -> Self {
        let value = &definition.value;
        let text = |key: &str| {
            let text = value.get(key).and_then(ComposeValue::text);
            text.map(|text| text.as_str().to_owned())
        };
        let texts = |key: &str| -> Vec<String> {
            let texts = value.get(key).map(ComposeValue::texts).unwrap_or_default();
            texts.iter().map(|text| text.as_str().to_owned()).collect()
        };
        let mut depends_on = texts("depends_on");
        for (name, _) in value
            .get("depends_on")
            .map(ComposeValue::entries)
            .unwrap_or_default()
        {
            depends_on.push(name.as_str().to_owned());
        }
        for link in texts("links") {
            let name = link.split(':').next().unwrap_or(&link);
            depends_on.push(name.to_owned());
        }
        let environment = value.get("environment").map(ComposeValue::entries);
        Self {
            name: definition.name.as_str().to_owned(),
            place: definition.name.place(),
            build: value.get("build").map(ComposeBuild::from),
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
