//! Parses the build sections of Compose files.
//!
//! Merge keys, `extends`, `include`, several files and `.env` work as in Compose. Files are read
//! through [`Files`], so the caller decides which files may be read.

mod build;
mod dotenv;
mod interpolate;

use std::collections::HashMap;
use std::rc::Rc;

use super::located::{Located, Place};
use super::tree::{Node, Tree, yaml};
use super::unknown::Unknowns;

pub use build::Build;
pub use dotenv::parse as parse_dotenv;
pub use interpolate::interpolate;

/// The deepest nesting of `extends` and `include`.
const DEPTH: usize = 16;

/// Reads files by path.
pub trait Files {
    /// Reads a file; returns its text and its number in locations.
    fn read(&self, path: &str) -> Option<(Rc<str>, u32)>;
    /// Reads a file of variables, which git may ignore.
    fn read_variables(&self, path: &str) -> Option<Rc<str>>;
}

/// The source of the values of variables.
pub struct Options<'o> {
    /// Looks up a variable of the environment.
    pub lookup: &'o dyn Fn(&str) -> Option<String>,
    /// Set if variables without a value are unknown instead of empty.
    pub unknowns: Option<&'o Unknowns>,
    /// The file of variables in place of `.env` next to the first file.
    pub env_file: Option<&'o str>,
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeError {
    /// The file.
    pub file: String,
    /// The line, if known.
    pub line: u32,
    /// The error.
    pub message: String,
}

/// A service.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its location.
    pub place: Place,
    /// Its build section; `None` for an image that is pulled.
    pub build: Option<Build>,
    /// The image.
    pub image: Option<String>,
    /// The profiles that enable it; without profiles, it is always enabled.
    pub profiles: Vec<String>,
    /// The directory of the file that defines it.
    pub directory: String,
}

/// The services of a project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The services in the order of the files.
    pub services: Vec<Service>,
    /// The files that others include.
    pub included: Vec<String>,
}

/// Loads the services of a project from its files.
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
    };
    let mut services: Vec<Service> = Vec::new();
    let directory = paths.first().map(|path| parent(path)).unwrap_or_default();
    loader.push_variables(directory, options.env_file);
    for path in paths {
        for service in loader.file(path, 0)? {
            match services.iter_mut().find(|known| known.name == service.name) {
                Some(known) => known.merge(&service),
                None => services.push(service),
            }
        }
    }
    Ok(Project {
        services,
        included: loader.included,
    })
}

struct Loader<'l> {
    files: &'l dyn Files,
    options: &'l Options<'l>,
    /// The variables of `.env` files; those of an included project come first.
    variables: Vec<HashMap<String, String>>,
    trees: HashMap<String, Rc<Tree>>,
    included: Vec<String>,
}

impl Loader<'_> {
    fn push_variables(&mut self, directory: &str, env_file: Option<&str>) {
        let default = joined(directory, ".env");
        let path = env_file.map_or(default, str::to_owned);
        let text = self.files.read_variables(&path);
        let outer = |name: &str| self.lookup(name);
        let parsed = text
            .map(|text| dotenv::parse(&text, &outer))
            .unwrap_or_default();
        self.variables.push(parsed.into_iter().collect());
    }

    fn lookup(&self, name: &str) -> Option<String> {
        (self.options.lookup)(name).or_else(|| {
            self.variables
                .iter()
                .rev()
                .find_map(|map| map.get(name).cloned())
        })
    }

    fn tree(&mut self, path: &str) -> Result<Rc<Tree>, ComposeError> {
        if let Some(tree) = self.trees.get(path) {
            return Ok(Rc::clone(tree));
        }
        let error = |line, message: String| ComposeError {
            file: path.to_owned(),
            line,
            message,
        };
        let (text, number) = self
            .files
            .read(path)
            .ok_or_else(|| error(0, "the file cannot be read".to_owned()))?;
        let tree = yaml::parse(&text, number).map_err(|e| error(e.line, e.reason))?;
        let tree = Rc::new(tree);
        self.trees.insert(path.to_owned(), Rc::clone(&tree));
        Ok(tree)
    }

    fn file(&mut self, path: &str, depth: usize) -> Result<Vec<Service>, ComposeError> {
        let tree = self.tree(path)?;
        let mut services = Vec::new();
        let Some(root) = tree.root() else {
            return Ok(services);
        };
        let entries = root.get("services").map(Node::entries).unwrap_or_default();
        for (name, node) in entries {
            services.push(self.service(path, name, node, depth)?);
        }
        if depth < DEPTH {
            for included in root
                .get("include")
                .into_iter()
                .flat_map(Node::one_or_many_maps)
            {
                for service in self.included(path, included, depth)? {
                    if !services.iter().any(|known| known.name == service.name) {
                        services.push(service);
                    }
                }
            }
        }
        Ok(services)
    }

    fn included(
        &mut self,
        path: &str,
        node: Node<'_>,
        depth: usize,
    ) -> Result<Vec<Service>, ComposeError> {
        let paths = node
            .get("path")
            .map_or_else(|| node.one_or_many(), Node::one_or_many);
        let paths: Vec<String> = paths
            .iter()
            .filter_map(|node| node.text())
            .map(|text| self.interpolated(text).as_str().to_owned())
            .collect();
        let mut services: Vec<Service> = Vec::new();
        let first = paths
            .first()
            .map(|first| joined(parent(path), first))
            .unwrap_or_default();
        let project = node
            .get("project_directory")
            .and_then(Node::str)
            .map(|given| joined(parent(path), given));
        let directory = project.unwrap_or_else(|| parent(&first).to_owned());
        let env_file = node
            .get("env_file")
            .and_then(|node| node.one_or_many().into_iter().next())
            .and_then(Node::str);
        let env_file = env_file.map(|file| joined(parent(path), file));
        self.push_variables(&directory, env_file.as_deref());
        for included in paths {
            let included = joined(parent(path), &included);
            self.included.push(included.clone());
            match self.file(&included, depth + 1) {
                Ok(found) => {
                    for service in found {
                        match services.iter_mut().find(|known| known.name == service.name) {
                            Some(known) => known.merge(&service),
                            None => services.push(service),
                        }
                    }
                }
                Err(error) if self.options.unknowns.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        self.variables.pop();
        // Paths of an included project are relative to its own directory.
        for service in &mut services {
            let own = parent(path);
            if let Some(build) = &mut service.build
                && let Some(context) = &build.context
                && !is_address(context)
            {
                build.context = Some(relative(own, &joined(&directory, context)));
            }
            own.clone_into(&mut service.directory);
        }
        Ok(services)
    }

    fn service(
        &mut self,
        path: &str,
        name: &Located,
        node: Node<'_>,
        depth: usize,
    ) -> Result<Service, ComposeError> {
        let mut service = match node.get("extends") {
            Some(extends) if depth < DEPTH => {
                self.extended(path, extends, depth)?.unwrap_or_default()
            }
            _ => Service::default(),
        };
        let own = Service {
            name: name.as_str().to_owned(),
            place: name.place(),
            build: node.get("build").map(|build| self.build(build)),
            image: node
                .get("image")
                .and_then(Node::text)
                .map(|text| self.interpolated(text).as_str().to_owned()),
            profiles: node
                .get("profiles")
                .map(Node::one_or_many)
                .unwrap_or_default()
                .iter()
                .filter_map(|n| n.str().map(str::to_owned))
                .collect(),
            directory: parent(path).to_owned(),
        };
        service.merge(&own);
        service.name = own.name;
        service.place = own.place;
        service.directory = own.directory;
        Ok(service)
    }

    fn extended(
        &mut self,
        path: &str,
        extends: Node<'_>,
        depth: usize,
    ) -> Result<Option<Service>, ComposeError> {
        let parent_name = extends.str().or_else(|| extends.str_at(&["service"]));
        let Some(parent_name) = parent_name else {
            return Ok(None);
        };
        let file = extends
            .get("file")
            .and_then(Node::text)
            .map(|text| self.interpolated(text).as_str().to_owned());
        let file = file.map_or_else(|| path.to_owned(), |file| joined(parent(path), &file));
        let tree = match self.tree(&file) {
            Ok(tree) => tree,
            Err(error) if self.options.unknowns.is_none() => return Err(error),
            Err(_) => return Ok(None),
        };
        let services = tree.root().and_then(|root| root.get("services"));
        let entries = services.map(Node::entries).unwrap_or_default();
        let found = entries
            .into_iter()
            .find(|(name, _)| name.as_str() == parent_name);
        let Some((name, node)) = found else {
            return Ok(None);
        };
        let mut service = self.service(&file, name, node, depth + 1)?;
        service.profiles.clear();
        if file != path
            && let Some(build) = &mut service.build
            && let Some(context) = &build.context
            && !is_address(context)
        {
            // Paths of an extended file are relative to that file.
            let moved = joined(parent(&file), context);
            build.context = Some(relative(parent(path), &moved));
        }
        Ok(Some(service))
    }

    fn interpolated(&self, text: &Located) -> Located {
        interpolate(text, &|name| self.lookup(name), self.options.unknowns)
    }
}

impl Service {
    /// Merges a later definition of the service.
    fn merge(&mut self, other: &Self) {
        match (&mut self.build, &other.build) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (None, Some(theirs)) => self.build = Some(theirs.clone()),
            _ => {}
        }
        if other.image.is_some() {
            self.image.clone_from(&other.image);
        }
        if !other.profiles.is_empty() {
            self.profiles.clone_from(&other.profiles);
        }
        if self.name.is_empty() {
            self.directory.clone_from(&other.directory);
        }
    }
}

impl Node<'_> {
    /// Returns the items of a list, or the node itself.
    fn one_or_many_maps(self) -> Vec<Self> {
        if self.is_list() {
            self.items().collect()
        } else {
            vec![self]
        }
    }
}

/// Returns whether a context is an address or an absolute path.
fn is_address(context: &str) -> bool {
    context.contains("://") || context.starts_with('/') || context.starts_with("git@")
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Joins paths and resolves `..` where possible.
fn joined(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let absolute = directory.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute {
        format!("/{joined}")
    } else {
        joined
    }
}

fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - common];
    parts.extend(&to[common..]);
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}
