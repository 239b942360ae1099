//! Mistakes in a single declaration.

use std::collections::HashMap;

use ignore::gitignore::GitignoreBuilder;

use super::place::normal_path;
use super::{MistakeSearch, MistakeSeverity, corrected};
use crate::find::cache_type::CacheType;
use crate::find::declaration::{Declaration, Direction};

/// Names of values that change with every commit or run.
const PER_COMMIT: [&str; 16] = [
    "github.sha",
    "github_sha",
    "github.run_id",
    "github.run_number",
    "github_run_id",
    "github_run_number",
    "ci_commit_sha",
    "ci_commit_short_sha",
    "ci_pipeline_id",
    "ci_job_id",
    "git_commit",
    "git_sha",
    "commit_sha",
    "tagstrategy git-sha",
    "tagstrategy git-tag",
    "tagstrategy timestamp",
];

/// Parts of variable names for a directory in the checkout.
const CHECKOUT: [&str; 9] = [
    "workspace",
    "pwd",
    "curdir",
    "root",
    "project",
    "checkout",
    "repo",
    "src",
    "source",
];

impl MistakeSearch<'_> {
    pub(super) fn single(&mut self) {
        let mut stages = HashMap::new();
        for declaration in self.declared {
            self.mode(declaration, &mut stages);
            self.written_form(declaration);
            if declaration.kind() == CacheType::S3 {
                self.s3_attributes(declaration);
            }
            self.depot(declaration);
            if declaration.kind() == CacheType::Registry {
                self.reference(declaration);
                self.registry_export(declaration);
            }
            self.local(declaration);
        }
        self.per_commit();
    }

    fn mode(&mut self, at: &Declaration, stages: &mut HashMap<String, Option<usize>>) {
        let kind = at.kind();
        let mode = at.attribute("mode");
        if at.direction.exports() && kind == CacheType::Inline && mode.as_deref() == Some("max") {
            let message = "An inline cache holds the layers of the last stage only; `mode=max` has no effect.".to_owned();
            self.add(
                "inline-max",
                at,
                message,
                Some(format!(
                    "Write `{}`, or export to a registry with `mode=max`.",
                    at.corrected(&[("mode", None)])
                )),
            );
        }
        if !at.direction.exports() && mode.is_some() {
            let message = "`mode` belongs to an export; an import ignores it.".to_owned();
            self.add(
                "import-mode",
                at,
                message,
                Some(format!("Write `{}`.", at.corrected(&[("mode", None)]))),
            );
        }
        let may = kind.is_known() && kind != CacheType::Inline;
        if !at.direction.exports()
            || !may
            || mode.as_deref() == Some("max")
            || at.tool == "earthly"
            || CacheType::named(at.written.trim()).is_known()
            || always_max(at, &kind)
        {
            return;
        }
        // A misspelt mode is another mistake.
        if mode.is_some_and(|mode| mode.contains('*')) || at.attribute("mod").is_some() {
            return;
        }
        let count = at.facts.dockerfile.as_ref().and_then(|path| {
            *stages
                .entry(path.clone())
                .or_insert_with(|| self.repository.read(path).map(|text| stages_of(&text)))
        });
        let corrected = at.corrected(&[("mode", Some("max"))]);
        let corrected = Some(format!("Write `{corrected}`."));
        match (count, &at.facts.dockerfile) {
            (Some(0 | 1), _) => {}
            (Some(count), Some(path)) => {
                let message = format!(
                    "{path} has {count} stages, but without `mode=max` only the layers of the last one are exported."
                );
                self.add("mode-min", at, message, corrected);
            }
            _ => {
                let message =
                    "Without `mode=max` only the layers of the last stage are exported.".to_owned();
                self.add_with(MistakeSeverity::Info, "mode-min", at, message, corrected);
            }
        }
    }

    /// Finds mistakes in how a cache is written.
    fn written_form(&mut self, at: &Declaration) {
        let written = at.written.trim();
        if CacheType::named(written).is_known() {
            let message = format!(
                "`{written}` without `type=` is the image docker.io/library/{written}, so no cache is used."
            );
            self.add(
                "bare-type",
                at,
                message,
                Some(format!("Write `type={written}`.")),
            );
        }
        let blank = written
            .split(',')
            .skip(1)
            .any(|field| field.starts_with([' ', '\t']));
        if blank && written.starts_with("type=") {
            let message = "A blank after a comma becomes part of the attribute's name, so the attribute is not read.".to_owned();
            let hint = Some(format!("Write `{}`.", at.corrected(&[])));
            self.add("blank-after-comma", at, message, hint);
        }
    }

    fn s3_attributes(&mut self, at: &Declaration) {
        let name = at.attribute("name").unwrap_or_default();
        if at.direction.imports() && name.contains(';') {
            let first = name.split(';').next().unwrap_or_default();
            let message = format!("Of several names BuildKit imports the first only: {first}.");
            let imports: Vec<String> = name
                .split(';')
                .map(|name| format!("`{}`", at.corrected(&[("name", Some(name))])))
                .collect();
            let hint = format!("Write an import for each name: {}.", imports.join(" and "));
            self.add("only-first-name", at, message, Some(hint));
        }
        let prefix = at.attribute("prefix").unwrap_or_default();
        if !prefix.is_empty() && !prefix.ends_with(['/', '*']) {
            let message = format!(
                "BuildKit joins the prefix and the folders without a slash: `{prefix}blobs/`."
            );
            let prefix = at.expressed("prefix").unwrap_or(prefix) + "/";
            let corrected = at.corrected(&[("prefix", Some(&prefix))]);
            self.add(
                "prefix-slash",
                at,
                message,
                Some(format!("Write `{corrected}`.")),
            );
        }
    }

    fn depot(&mut self, at: &Declaration) {
        if at.tool.starts_with("depot/") {
            let message = "Depot keeps the layers of builds by itself; importing and exporting a cache only costs time.".to_owned();
            self.add(
                "depot-unneeded",
                at,
                message,
                Some("Remove cache-from and cache-to.".to_owned()),
            );
        }
    }

    fn local(&mut self, at: &Declaration) {
        if at.kind() != CacheType::Local || !at.direction.exports() {
            return;
        }
        let dest = at.attribute("dest").unwrap_or_default();
        if dest.starts_with("/tmp/") || dest == "/tmp" {
            let message = "/tmp may be held in memory, and is lost with the machine.".to_owned();
            let is_action = at.file.ends_with("action.yml") || at.file.ends_with("action.yaml");
            let disk = if at.facts.job.is_some() || is_action {
                "{runner.temp}"
            } else {
                "{HOME}/.cache"
            };
            let name = dest.trim_start_matches("/tmp").trim_matches('/');
            let name = if name.is_empty() { "buildkit" } else { name };
            let corrected = at.corrected(&[("dest", Some(&format!("{disk}/{name}")))]);
            let hint = format!("Write `{corrected}`, which is a directory on disk.");
            self.add("tmpfs", at, message, Some(hint));
        }
        let written = at.expressed("dest").unwrap_or_default();
        let below = match dest.strip_prefix("*/") {
            Some(below) if is_below_checkout(&written) => below,
            _ => &dest,
        };
        let has_drive = below.get(1..2) == Some(":");
        let outside = below.starts_with(['/', '\\', '~', '*', '$'])
            || below.starts_with("..")
            || below.is_empty();
        if outside || has_drive || self.is_ignored(&normal_path(below)) {
            return;
        }
        let message = format!(
            "{below} is in neither .gitignore nor .dockerignore: it is sent with the context and may be committed."
        );
        self.add(
            "not-ignored",
            at,
            message,
            Some(format!(
                "Add `{}/` to .gitignore and .dockerignore.",
                normal_path(below)
            )),
        );
    }

    fn is_ignored(&self, path: &str) -> bool {
        [".gitignore", ".dockerignore"].iter().any(|name| {
            let mut files = vec![(String::new(), *name)];
            let folders: Vec<&str> = path.split('/').collect();
            for depth in 1..folders.len() {
                files.push((format!("{}/", folders[..depth].join("/")), *name));
            }
            files.iter().any(|(folder, name)| {
                let Some(text) = self.repository.read_any(&format!("{folder}{name}")) else {
                    return false;
                };
                let mut builder = GitignoreBuilder::new("");
                for line in text.lines().take(10_000) {
                    // An invalid pattern is skipped, as git does.
                    let _ = builder.add_line(None, line);
                }
                let below = path.strip_prefix(folder.as_str()).unwrap_or(path);
                builder
                    .build()
                    .is_ok_and(|rules| rules.matched_path_or_any_parents(below, true).is_ignore())
            })
        })
    }

    /// Finds imports whose names all change with every commit.
    fn per_commit(&mut self) {
        let mut builds: HashMap<_, Vec<&Declaration>> = HashMap::new();
        for declaration in self
            .declared
            .iter()
            .filter(|declaration| declaration.direction.imports())
        {
            let key = (
                declaration.file.as_str(),
                declaration.tool.as_str(),
                declaration.target.as_deref(),
                declaration.facts.build,
            );
            builds.entry(key).or_default().push(declaration);
        }
        for imports in builds.values() {
            if !imports.iter().all(|declaration| is_per_commit(declaration)) {
                continue;
            }
            for declaration in imports {
                let message = "The name changes with every commit, so the next build imports a cache that does not exist.".to_owned();
                let hint = if declaration.tool == "tsops" {
                    "Set `ref` of the cache to a fixed name, such as …/app:buildcache.".to_owned()
                } else {
                    format!(
                        "Also export and import a name that does not change, such as `{}`.",
                        corrected::lasting(declaration)
                    )
                };
                self.add("per-commit", declaration, message, Some(hint));
            }
        }
    }
}

/// Whether a path begins with the variable of a directory in the checkout, such as `{PWD}`.
fn is_below_checkout(path: &str) -> bool {
    let variable = path.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let variable = variable.map_or("", |(name, _)| name).to_lowercase();
    CHECKOUT.iter().any(|name| variable.contains(name))
}

/// Whether a tool exports with `mode=max` by itself.
fn always_max(at: &Declaration, kind: &CacheType) -> bool {
    match at.tool.as_str() {
        "tsops" => matches!(kind, CacheType::Gha | CacheType::Local),
        // The setting `cache_images` of the plugin.
        "woodpecker" => at.direction == Direction::Both,
        _ => false,
    }
}

fn is_per_commit(declaration: &Declaration) -> bool {
    let names = ["ref", "scope", "name"];
    names.iter().any(|name| {
        let value = declaration
            .expressed(name)
            .unwrap_or_default()
            .to_lowercase();
        PER_COMMIT.iter().any(|word| value.contains(word))
    })
}

/// Counts the stages of a Dockerfile.
fn stages_of(text: &str) -> usize {
    text.lines()
        .filter(|line| {
            let mut words = line.split_whitespace();
            words
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case("from"))
                && words.next().is_some()
        })
        .count()
}
