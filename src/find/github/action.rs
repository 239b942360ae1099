//! The inputs of actions that build images.

use std::sync::Arc;

use super::expression::{ExpressionContexts, closing};
use super::passed::{NAMED_INPUTS, is_local};
use crate::find::command::{declare_override, inline_argument};
use crate::find::declaration::{CiJob, Direction, Facts};
use crate::find::repository::join;
use crate::find::script::{ScriptWord, Variant};
use crate::find::session::{CacheUse, FindSession};
use crate::find::{BuildCommand, bake};
use crate::format::located::Located;
use crate::format::tree::TreeNode;
use crate::format::unknown::{has_mark, to_pattern};

/// The inputs of one step.
pub(super) struct ActionInputs<'a> {
    pub(super) session: &'a FindSession<'a>,
    pub(super) with: TreeNode<'a>,
    pub(super) contexts: &'a ExpressionContexts<'a>,
    pub(super) target: Option<&'a str>,
    pub(super) when: &'a [String],
    pub(super) job: Option<&'a Arc<CiJob>>,
    /// Whether the action removes quotes around overrides, as old versions do.
    pub(super) unquotes: bool,
    /// The command of the build that the step runs.
    pub(super) command: Option<BuildCommand>,
}

impl ActionInputs<'_> {
    /// `docker/build-push-action` and its forks.
    pub(super) fn build_push(&self, tool: &str) {
        let inputs = Self {
            command: self.build_command(),
            ..*self
        };
        self.misnamed(tool, ["cache-from", "cache-to"], &|meant| {
            format!("Write `{meant}:`.")
        });
        inputs.lines("cache-from", Direction::Import, tool);
        inputs.lines("cache-to", Direction::Export, tool);
        for (text, when) in self.entries("build-args") {
            if let Some(cache) = inline_argument(&text) {
                inputs.declare(&cache, &when, Direction::Export, tool, self.target);
            }
        }
    }

    /// Finds inputs for caches that an action does not have.
    fn misnamed(&self, tool: &str, known: [&str; 2], advice: &dyn Fn(&str) -> String) {
        for (name, _) in self.with.entries() {
            let plain = name.as_str().to_lowercase().replace(['-', '_'], "");
            let meant = match plain.as_str() {
                "cachefrom" => "cache-from",
                "cacheto" => "cache-to",
                _ => continue,
            };
            if known.contains(&name.as_str().to_lowercase().as_str()) {
                continue;
            }
            let message = format!(
                "{tool} has no input `{}`, so this cache is not used.",
                name.as_str()
            );
            self.session.remark(
                "unknown-attribute",
                name.place(),
                message,
                Some(advice(meant)),
            );
        }
    }

    /// `docker/bake-action`
    pub(super) fn bake(&self, tool: &str) {
        let inputs = Self {
            command: self.bake_command(),
            ..*self
        };
        if tool == "docker/bake-action" {
            self.misnamed(tool, ["", ""], &|meant| {
                format!("Write it below `set:` as `*.{meant}=…`.")
            });
        }
        self.bake_files();
        for (text, when) in self.entries("set") {
            let source = text.as_str();
            let quoted = source
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .filter(|_| self.unquotes);
            let text = match quoted {
                Some(inner) => text.slice(1, 1 + inner.len()),
                None => text,
            };
            let value = ScriptWord { text, when };
            declare_override(self.session, &value, |item, direction, target| {
                inputs.declare(&item.text, &item.when, direction, tool, Some(target));
            });
        }
    }

    /// Keeps the files that bake reads.
    fn bake_files(&self) {
        let folder = self.entries("workdir");
        let folder = folder.first().map_or("", |(text, _)| text.as_str());
        let files = self.bake_file_names();
        bake::add_files(self.session, folder, files.iter().map(String::as_str));
    }

    fn bake_file_names(&self) -> Vec<String> {
        let files = self.entries("files");
        let files = files.iter().flat_map(|(text, _)| text.as_str().split(','));
        files.map(|file| file.trim().to_owned()).collect()
    }

    /// Declares the caches in inputs of other actions.
    pub(super) fn typed(&self, uses: &str) {
        let lower = uses.to_lowercase();
        let tool = if is_local(uses) || lower.contains("/.github/workflows/") {
            "docker/build-push-action"
        } else {
            &lower
        };
        // A local action, or a reusable workflow, that runs bake.
        if self.with.get("set").is_some() {
            self.bake("docker/bake-action");
        }
        if is_local(uses) {
            self.passed_on(uses, tool);
        }
        for (name, direction) in NAMED_INPUTS {
            for (text, when) in self.entries(name) {
                if text.as_str().starts_with("type=") {
                    self.declare(&text, &when, direction, tool, self.target);
                }
            }
        }
    }

    /// Declares each line of an input.
    pub(super) fn lines(&self, input: &str, direction: Direction, tool: &str) {
        for (text, when) in self.entries(input) {
            if text.as_str().starts_with('#') {
                let message = format!(
                    "`#` does not begin a comment inside of `{input}`, so the build fails."
                );
                let hint = Some("Remove the line, or move it above the key.".to_owned());
                self.session
                    .remark("comment-in-list", text.place(), message, hint);
                continue;
            }
            let source = text.as_str();
            let inner = source
                .strip_prefix('"')
                .and_then(|s| s.strip_suffix('"'))
                .map(str::len);
            let text = inner.map_or(text.clone(), |length| text.slice(1, 1 + length));
            self.declare(&text, &when, direction, tool, self.target);
        }
    }

    /// Returns the evaluated lines of an input.
    pub(super) fn entries(&self, input: &str) -> Vec<(Located, Vec<String>)> {
        let Some(text) = self.with.get(input).and_then(TreeNode::text) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        for line in lines(text) {
            for Variant { text, when, .. } in self.contexts.evaluate(&line) {
                for part in text.split_lines() {
                    let part = part.trimmed();
                    if !part.is_empty() {
                        entries.push((part, when.clone()));
                    }
                }
            }
        }
        entries
    }

    pub(super) fn declare(
        &self,
        text: &Located,
        when: &[String],
        direction: Direction,
        tool: &str,
        target: Option<&str>,
    ) {
        let mut all = self.when.to_vec();
        all.extend(
            when.iter()
                .filter(|condition| !self.when.contains(condition))
                .cloned(),
        );
        self.session.declare(&CacheUse {
            text,
            direction,
            tool,
            target,
            when: &all,
            facts: &Arc::new(self.facts(tool)),
        });
    }

    /// Returns the one name that the input `targets` of bake has.
    fn only_target(&self) -> Option<String> {
        let names = self.entries("targets");
        let mut names = names.iter().flat_map(|(text, _)| text.as_str().split(','));
        let name = to_pattern(names.next()?.trim());
        names.next().is_none().then_some(name)
    }

    fn facts(&self, tool: &str) -> Facts {
        let one = |name: &str| {
            let text = self.with.get(name).and_then(TreeNode::text)?;
            let variants = self.contexts.evaluate(text);
            variants
                .into_iter()
                .next()
                .map(|variant| variant.text.as_str().trim().to_owned())
        };
        let context = one("context").unwrap_or_else(|| ".".to_owned());
        let path = one("file").unwrap_or_else(|| format!("{context}/Dockerfile"));
        // The targets of bake name their Dockerfiles.
        let is_bake = tool.ends_with("bake-action");
        let dockerfile = if is_bake || has_mark(&path) {
            None
        } else {
            join("", &path)
        };
        let mut tags = self.entries("tags");
        tags.extend(self.entries("imageName"));
        let tags = tags
            .iter()
            .flat_map(|(text, _)| text.as_str().split(',').map(to_pattern).collect::<Vec<_>>());
        Facts {
            dockerfile,
            tags: tags.collect(),
            build: Some(self.with.place()),
            job: self.job.cloned(),
            command: self.command.clone(),
            in_run_step: false,
            is_abstract: false,
            bakes_only: self.only_target(),
            bake_files: self.bake_file_names(),
        }
    }
}

/// Splits at line breaks outside of expressions.
fn lines(text: &Located) -> Vec<Located> {
    let source = text.as_str();
    let mut lines = Vec::new();
    let mut start = 0;
    let mut position = 0;
    while position < source.len() {
        let rest = &source[position..];
        if rest.starts_with("${{")
            && let Some(end) = closing(rest)
        {
            position += end + 2;
            continue;
        }
        if rest.starts_with('\n') {
            lines.push(text.slice(start, position));
            start = position + 1;
        }
        position += rest.chars().next().map_or(1, char::len_utf8);
    }
    lines.push(text.slice(start, source.len()));
    lines
}
