//! Commands in the arguments of other commands.

use super::{Script, Slot};
use crate::find::embedded::substitute;
use crate::format::located::Located;
use crate::format::shell::Simple;

/// Programs that pass variables in their arguments on to commands.
const TASK_RUNNERS: [&str; 7] = ["make", "gmake", "rake", "bundle", "just", "task", "nmake"];
/// Shells, which run the scripts in their input.
const SHELLS: [&str; 6] = ["sh", "bash", "zsh", "dash", "ash", "ksh"];
/// Programs that run each argument as a command.
const RUNNERS: [&str; 5] = ["concurrently", "parallel", "retry", "chronic", "gcloud"];

/// Returns the command in an argument of a program, as in `make image BUILD='docker build …'`.
/// Flags alone are those of a build.
fn command_in(program: &str, word: &Located) -> Option<Located> {
    let text = word.as_str();
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    let value = match text.split_once('=') {
        Some((name, _)) if TASK_RUNNERS.contains(&program) && is_name(name) => name.len() + 1,
        Some(("--command", _)) if RUNNERS.contains(&program) => "--command=".len(),
        _ if RUNNERS.contains(&program) => 0,
        _ => return None,
    };
    let value = word.slice(value, word.len()).trimmed();
    let text = value.as_str();
    let is_variable = TASK_RUNNERS.contains(&program);
    let builds = [
        "docker ",
        "buildctl ",
        "buildctl-daemonless.sh ",
        "nerdctl ",
        "sudo docker ",
    ];
    if builds.iter().any(|program| text.starts_with(program)) {
        return Some(value);
    }
    // Only a variable holds flags without a program.
    if !is_variable || !text.starts_with("--") {
        return None;
    }
    let has = |flags: [&str; 2]| {
        let mut words = text.split_whitespace();
        words.any(|word| flags.iter().any(|flag| word.starts_with(flag)))
    };
    let program = if has(["--cache-from", "--cache-to"]) {
        "docker buildx build "
    } else if has(["--import-cache", "--export-cache"]) {
        "buildctl build "
    } else {
        return None;
    };
    let mut command = Located::new(program, value.place());
    command.push(&value);
    Some(command)
}

/// Whether a program runs a shell that reads its input, as in `kubectl exec -i POD -- sh <<EOF`.
fn is_shell_inside(program: &str, words: &[Located]) -> bool {
    let passes_on = matches!(
        program,
        "docker" | "kubectl" | "oc" | "sudo" | "env" | "vagrant"
    );
    let last = words.iter().rev().map(Located::as_str);
    let mut last = last.skip_while(|word| matches!(*word, "-" | "-s" | "-e" | "-x" | "-l" | "-ex"));
    passes_on
        && last
            .next()
            .and_then(|word| word.rsplit('/').next())
            .is_some_and(|word| SHELLS.contains(&word))
}

impl Script<'_, '_> {
    /// `xargs -I{} docker build … {}`: the input is not known.
    pub(super) fn replace_placeholder(&self, slots: &mut [Slot]) {
        let mut words = slots.iter().flatten().flatten().map(|word| &word.text);
        let placeholder = words.find_map(|word| Some(word.as_str().strip_prefix("-I")?.to_owned()));
        let placeholder = match placeholder {
            Some(empty) if empty.is_empty() => words.next().map(|word| word.as_str().to_owned()),
            given => given,
        };
        let Some(placeholder) = placeholder.filter(|text| !text.is_empty()) else {
            return;
        };
        for word in slots.iter_mut().flatten().flatten() {
            word.text = substitute(&word.text, &placeholder, "", |_, place| {
                self.session.unknown(&placeholder, place)
            });
        }
    }

    /// `sh -c '…'`, `ssh host '…'`, `bash <<EOF`.
    pub(super) fn runs_text(&mut self, first: &str, simple: &Simple, slots: &[Slot]) -> bool {
        let name = first.rsplit('/').next().unwrap_or(first);
        let is_shell = SHELLS.contains(&name);
        let words: Vec<Located> = slots
            .iter()
            .filter_map(|slot| Some(slot.first()?.first()?.text.clone()))
            .collect();
        let runs_input = is_shell || name == "ssh" || is_shell_inside(name, &words);
        if runs_input && !simple.inputs.is_empty() {
            for input in &simple.inputs {
                self.inner(input);
            }
            return true;
        }
        let dash_c = words.iter().position(|word| {
            let word = word.as_str();
            word.starts_with('-')
                && !word.starts_with("--")
                && word.ends_with('c')
                && word.len() <= 6
        });
        if let Some(at) = dash_c
            && let Some(text) = words.get(at + 1)
        {
            let runner = words[..at].iter().any(|word| {
                let name = word.as_str().rsplit('/').next().unwrap_or_default();
                SHELLS.contains(&name) || matches!(name, "su" | "flock" | "script")
            });
            if runner {
                self.inner(text);
                return true;
            }
        }
        if name == "ssh"
            && let Some(text) = words
                .iter()
                .skip(2)
                .find(|word| word.as_str().contains(' '))
        {
            self.inner(text);
            return true;
        }
        let inner: Vec<Located> = words[1..]
            .iter()
            .filter_map(|word| command_in(name, word))
            .collect();
        for text in &inner {
            self.inner(text);
        }
        !inner.is_empty()
    }
}
