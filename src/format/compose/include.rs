//! `include`: the services of other projects.

use super::load::{Loaded, Loader, Services, failed};
use super::paths::{joined, parent, relative};
use super::{ComposeError, dotenv};
use crate::format::tree::TreeNode;

/// The deepest nesting of `include`.
const DEPTH: usize = 16;

impl Loader<'_> {
    /// Adds the services of included projects to those of a file.
    pub(super) fn include(
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
            for definition in imported.iter_mut() {
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
            for definition in own.into_list() {
                if imported.get(definition.name.as_str()).is_none() {
                    imported.push(definition);
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
        for definition in services.iter_mut() {
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
}
