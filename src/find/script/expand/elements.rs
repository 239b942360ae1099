//! Elements of arrays: `${NAME[INDEX]}` and `${!NAME[@]}`.

use crate::find::script::variables::unite;
use crate::find::script::{Script, Variable, Variant};
use crate::format::located::{Located, TextPlace};
use crate::format::shell::{self, ShellCommand};
use crate::format::unknown::has_mark;

impl Script<'_, '_> {
    /// Returns the indexes of an array, or its elements at an index. An index that is not known may
    /// be any of them.
    pub(super) fn elements(
        &mut self,
        name: &str,
        source: &str,
        place: TextPlace,
    ) -> Option<Variable> {
        let inner = source.strip_prefix("${")?.strip_suffix('}')?;
        let indexes = format!("!{name}");
        if inner == format!("{indexes}[@]") || inner == format!("{indexes}[*]") {
            return self.variables.get(&indexes).cloned();
        }
        let index = inner
            .strip_prefix(name)?
            .strip_prefix('[')?
            .strip_suffix(']')?;
        let mut found = Vec::new();
        for wanted in self.indexes(index, place) {
            let variants = if has_mark(wanted.text.as_str()) {
                self.all_elements(name)
            } else {
                self.element(name, wanted.text.as_str())
            };
            for mut variant in variants {
                variant.when.extend(wanted.when.iter().cloned());
                found = unite(found, vec![variant]);
            }
        }
        (!found.is_empty()).then_some(Variable::Scalar(found))
    }

    /// Returns the values of the text between the brackets.
    fn indexes(&mut self, source: &str, place: TextPlace) -> Vec<Variant> {
        let source = source.trim_matches(['"', '\'']);
        let command = Located::new(format!("echo \"{source}\""), place);
        let parsed = shell::parse(&command);
        let step = parsed.first().and_then(|step| step.pipeline.first());
        match step {
            Some(ShellCommand::Simple(simple)) => simple
                .words
                .get(1)
                .map(|word| self.values(word))
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn element(&self, name: &str, index: &str) -> Vec<Variant> {
        if let Some(Variable::Scalar(variants)) = self.variables.get(&format!("{name}[{index}]")) {
            return variants.clone();
        }
        let Some(Variable::Array(elements)) = self.variables.get(name) else {
            return Vec::new();
        };
        let element = index.parse().ok().and_then(|at: usize| elements.get(at));
        let variant = element.map(|element| Variant {
            text: element.text.clone(),
            when: element.when.clone(),
            sure: false,
        });
        variant.into_iter().collect()
    }

    fn all_elements(&self, name: &str) -> Vec<Variant> {
        let Some(Variable::Array(indexes)) = self.variables.get(&format!("!{name}")) else {
            return Vec::new();
        };
        let elements = indexes.iter();
        let elements = elements.flat_map(|index| self.element(name, index.text.as_str()));
        elements.collect()
    }
}
