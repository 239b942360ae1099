//! One declared cache.

use std::sync::Arc;

use serde::Serialize;

use super::build_command::BuildCommand;
use super::cache_type::CacheType;
use crate::format::located::TextPlace;
use crate::source::{Source, environment};

/// Whether a build imports a cache, exports it, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The build imports it.
    Import,
    /// The build exports it.
    Export,
    /// One text declares both.
    Both,
}

impl Direction {
    /// Whether a build imports the cache.
    pub fn imports(self) -> bool {
        self != Self::Export
    }

    /// Whether a build exports the cache.
    pub fn exports(self) -> bool {
        self != Self::Import
    }
}

/// A cache that a file of the repository declares.
#[derive(Debug, Clone, Serialize)]
pub struct Declaration {
    /// The cache as `type=…`; `*` replaces parts that only a build knows.
    pub cache: String,
    /// Whether it is imported or exported.
    pub direction: Direction,
    /// The file, relative to the searched directory.
    pub file: String,
    /// The line of the cache's own text.
    pub line: u32,
    /// The tool that uses the declaration, such as `bake`.
    pub tool: String,
    /// The target, service, job or rule of the build.
    pub target: Option<String>,
    /// The unknown parts, and the conditions of the declaration.
    pub note: Option<String>,
    /// Further facts for the checks.
    #[serde(skip)]
    pub facts: Arc<Facts>,
    /// The cache with expressions in place of `*`.
    #[serde(skip)]
    pub expression: String,
    /// Its conditions.
    #[serde(skip)]
    pub when: Vec<String>,
    /// Whether the target is a pattern of bake, which several targets may match.
    #[serde(skip)]
    pub has_target_pattern: bool,
    /// The value as written, before it is parsed.
    #[serde(skip)]
    pub written: String,
    /// What opens it here, once [`Found::look_up`](super::RepositoryFindings::look_up) has found
    /// that out.
    #[serde(skip)]
    pub opens: Option<String>,
}

impl Declaration {
    /// Returns the value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.cache, name)
    }

    /// Returns the value of an attribute with its expressions.
    pub fn expressed(&self, name: &str) -> Option<String> {
        attribute(&self.expression, name)
    }

    /// Returns the cache as a source that can be opened: parts that the environment of a job gives
    /// have their values, the others stay `*`, which stands for any ref. None when the place of the
    /// cache is not known. `lookup` reads the environment.
    pub fn source(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Source> {
        let text = if self.cache.contains('*') {
            without_vague_attributes(&self.filled(lookup))
        } else {
            self.cache.clone()
        };
        // Whether a directory exists is no question here: a cache may be written later.
        let parsed = Source::parse(&text, &|_| false).ok()?;
        let source = Source {
            ignored: Vec::new(),
            ..parsed.source
        };
        (!source.has_vague_place()).then_some(source)
    }

    /// Returns the cache with the values that the environment gives in place of `*`.
    fn filled(&self, lookup: &dyn Fn(&str) -> Option<String>) -> String {
        let mut filled = String::with_capacity(self.expression.len());
        let mut rest = self.expression.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return filled + "*";
            };
            // A value is one part of a source, so values that would begin another attribute are not
            // used.
            let value = environment::value(name, lookup);
            let value = value.filter(|value| !value.contains([',', '"', '#', '*']));
            filled.push_str(value.as_deref().unwrap_or("*"));
            rest = after;
        }
        filled + rest
    }

    /// Returns the type of the cache.
    pub fn kind(&self) -> CacheType {
        CacheType::named(&self.attribute("type").unwrap_or_default())
    }
}

/// Leaves out attributes of which nothing is known and without which the cache is found, too.
fn without_vague_attributes(cache: &str) -> String {
    let is_needed = |field: &String| {
        let vague = [
            "repository=*",
            "region=*",
            "url=*",
            "url_v2=*",
            "mode=*",
            "version=*",
            "scope=*",
            "name=*",
        ];
        !vague.contains(&field.as_str())
    };
    let fields = super::fields::csv_fields(cache);
    super::fields::join_fields(fields.into_iter().filter(is_needed))
}

fn attribute(cache: &str, name: &str) -> Option<String> {
    let fields = super::fields::csv_fields(cache);
    let mut found = None;
    for field in fields {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        if key.trim().eq_ignore_ascii_case(name) {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// The facts about a build that the checks use, in addition to its caches.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The Dockerfile, relative to the repository, if known.
    pub dockerfile: Option<String>,
    /// The tags of the image, as patterns.
    pub tags: Vec<String>,
    /// Where the build is described: the step of a job, or the command.
    pub build: Option<TextPlace>,
    /// The job of a CI system.
    pub job: Option<Arc<CiJob>>,
    /// Whether the build runs in a shell step, without the setup of an action.
    pub in_run_step: bool,
    /// Whether the target only passes attributes on to others.
    pub is_abstract: bool,
    /// The command of the build, if the declaration is part of one.
    pub command: Option<BuildCommand>,
    /// The one name that bake is given to build, a target or a group.
    pub bakes_only: Option<String>,
    /// The files that bake is given; without one it reads those with default names.
    pub bake_files: Vec<String>,
}

/// A job of a GitHub workflow.
#[derive(Debug, Clone, Default)]
pub struct CiJob {
    /// The file of the workflow and the name of the job.
    pub id: String,
    /// Whether pull requests start it.
    pub on_pull_request: bool,
    /// The variables of its matrix.
    pub matrix: Vec<String>,
    /// Whether a builder with its own driver is set up.
    pub has_builder: bool,
    /// Whether a step exposes the runtime of GitHub Actions.
    pub exposes_runtime: bool,
    /// The pinned version of BuildKit or buildx, and its line.
    pub pinned: Option<(String, TextPlace)>,
}
