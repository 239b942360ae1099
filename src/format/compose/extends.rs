//! `extends`: services that build on others.

use super::ComposeError;
use super::load::{ComposeDefinition, Loaded, Loader, failed};
use super::paths::{joined, parent, relative};
use super::value::ComposeValue;

/// The deepest nesting of `extends`.
const DEPTH: usize = 16;

impl Loader<'_> {
    /// Applies `extends` of a service. `stack` has the services that extend this one.
    pub(super) fn extend(
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
        let of = |key: &str| extends.get(key).and_then(ComposeValue::text);
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
    ) -> Result<Option<ComposeDefinition>, ComposeError> {
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
