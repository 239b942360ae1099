//! Kubernetes manifests and pipelines of Buildkite in here-documents, as in
//! `kubectl apply -f - <<EOF` and `buildkite-agent pipeline upload <<EOF`.

use super::Script;
use crate::find::{buildkite, kinds, kubernetes};
use crate::format::located::Located;
use crate::format::shell::{ShellCommand, Simple, Word};
use crate::format::tree::yaml;

/// The largest line number at which a manifest is read.
const LAST_LINE: u32 = 100_000;

impl Script<'_, '_> {
    /// Reads the manifests that a pipeline with `kubectl` gets, and those that `cat` writes to a
    /// file of YAML. Scripts in the folder of Buildkite print pipelines.
    pub(super) fn manifests(&mut self, pipeline: &[ShellCommand]) {
        let commands: Vec<&Simple> = pipeline
            .iter()
            .filter_map(|command| match command {
                ShellCommand::Simple(simple) => Some(simple),
                _ => None,
            })
            .collect();
        let is_of_buildkite = self.directory.split('/').any(|name| name == ".buildkite");
        if !is_of_buildkite && !commands.iter().any(|command| takes_manifests(command)) {
            return;
        }
        for input in commands.iter().flat_map(|command| &command.inputs) {
            if kinds::mentions_cache(input.as_str()) {
                self.manifest(input);
            }
        }
    }

    /// Reads one manifest. Its lines keep their numbers in the script.
    fn manifest(&mut self, input: &Located) {
        let mut text = String::new();
        let mut line = 1;
        for variant in self.here_document(std::slice::from_ref(input)) {
            let wanted = variant.text.place().line;
            if wanted > LAST_LINE || wanted < line {
                continue;
            }
            while line < wanted {
                text.push('\n');
                line += 1;
            }
            text.push_str(variant.text.as_str());
            text.push('\n');
            line += 1;
        }
        let Ok(tree) = yaml::parse(&text, input.place().file) else {
            return;
        };
        for document in tree.documents() {
            if kubernetes::is_resource(document) {
                kubernetes::read(self.session, document);
            } else if buildkite::is_like(document) {
                buildkite::read(self.session, document);
            }
        }
    }
}

fn takes_manifests(command: &Simple) -> bool {
    let mut words = command.words.iter().filter_map(Word::literal);
    let is_kubectl =
        words.any(|word| matches!(word.as_str(), "kubectl" | "oc" | "buildkite-agent"));
    let is_written = command
        .outputs
        .iter()
        .any(|file| file.source.contains(".yml") || file.source.contains(".yaml"));
    is_kubectl || is_written
}
