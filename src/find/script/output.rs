//! What a script writes to the files of GitHub Actions: outputs of its step, and variables of later
//! steps.

use super::variables::unite;
use super::{Script, ScriptOutput, ScriptWord, Variant};
use crate::format::located::Located;
use crate::format::shell::{self, ShellCommand, Simple, Word};

/// A value of several lines: `name<<END`, the lines, `END`.
pub(super) struct OutputBlock {
    file: String,
    name: String,
    end: String,
}

/// Returns the files that the last command of a pipeline copies its input to: `… | tee -a FILE`.
pub(super) fn teed(pipeline: &[ShellCommand]) -> Option<Vec<Word>> {
    let [_, .., ShellCommand::Simple(last)] = pipeline else {
        return None;
    };
    let (program, files) = last.words.split_first()?;
    (program.bare() == Some("tee")).then(|| files.to_vec())
}

/// Whether a command prints nothing.
pub(super) fn is_silent(name: &str) -> bool {
    matches!(
        name,
        "return"
            | "exit"
            | "shift"
            | "set"
            | "unset"
            | "true"
            | "false"
            | "local"
            | "declare"
            | "export"
            | "readonly"
            | "cd"
            | "pushd"
            | "popd"
    )
}

/// Returns the variable of GitHub Actions that a word names.
fn variable_of(word: &Word) -> Option<String> {
    let name = word.source.trim_matches(['"', '$', '{', '}', '\'']);
    matches!(name, "GITHUB_OUTPUT" | "GITHUB_ENV").then(|| name.to_owned())
}

impl Script<'_, '_> {
    /// Keeps `echo "name=value" >> "$GITHUB_OUTPUT"`.
    pub(super) fn output(&mut self, simple: &Simple) {
        let mut words = simple.outputs.iter().chain(&self.redirected);
        let file = words.find_map(variable_of);
        if file.is_none() && (self.captured.is_none() || !simple.outputs.is_empty()) {
            return;
        }
        let first = simple.words.first();
        // `[[ … ]]` is one word.
        if first.is_some_and(|word| word.source.starts_with('[')) {
            return;
        }
        let program = first.and_then(Word::bare);
        let lines = match program {
            Some("cat") if !simple.inputs.is_empty() => Some(self.here_document(&simple.inputs)),
            Some(name @ ("echo" | "printf")) => self.echoed(&simple.words[1..], name == "printf"),
            Some(":" | "test") => return,
            _ => None,
        };
        let Some(file) = file else {
            let captured = self.captured.take().zip(lines);
            self.captured = captured.map(|(captured, lines)| unite(captured, lines));
            return;
        };
        let lines = lines.unwrap_or_default();
        for printed in lines {
            for line in printed.text.split_lines() {
                self.output_line(&file, line, printed.when.clone());
            }
        }
    }

    /// Returns the lines of here-documents, with their variables replaced.
    pub(super) fn here_document(&mut self, inputs: &[Located]) -> Vec<Variant> {
        let mut lines = Vec::new();
        for line in inputs.iter().flat_map(Located::split_lines) {
            if line.as_str().trim().is_empty() {
                continue;
            }
            let mut command = Located::new("echo \"", line.place());
            let escaped = line.as_str().replace('\\', "\\\\").replace('"', "\\\"");
            command.push_str(&escaped, line.place());
            command.push_str("\"", line.place());
            let parsed = shell::parse(&command);
            let step = parsed.first().and_then(|step| step.pipeline.first());
            if let Some(ShellCommand::Simple(simple)) = step
                && let Some(word) = simple.words.get(1)
            {
                lines.extend(self.values(word));
            }
        }
        lines
    }

    fn output_line(&mut self, file: &str, line: Located, when: Vec<String>) {
        let text = line.as_str();
        let block = self
            .block
            .take_if(|block| block.file == file && text == block.end);
        if block.is_some() {
            return;
        }
        if let Some(block) = self.block.as_ref().filter(|block| block.file == file) {
            let name = block.name.clone();
            return self.add_output(file, name, line, when);
        }
        if let Some((name, end)) = text.split_once("<<")
            && !name.contains('=')
        {
            self.block = Some(OutputBlock {
                file: file.to_owned(),
                name: name.trim().to_owned(),
                end: end.trim().to_owned(),
            });
            return;
        }
        if let Some((name, _)) = text.split_once('=') {
            let value = line.slice(name.len() + 1, line.len());
            self.add_output(file, name.to_owned(), value, when);
        }
    }

    fn add_output(&mut self, file: &str, name: String, text: Located, mut when: Vec<String>) {
        for guard in &self.guards {
            if !when.contains(guard) {
                when.push(guard.clone());
            }
        }
        self.outputs.push(ScriptOutput {
            file: file.to_owned(),
            name,
            value: ScriptWord { text, when },
        });
    }
}
