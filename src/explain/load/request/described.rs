//! Converts a request of a build command to the Dockerfile and the contexts on the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::BuildRequest;
use crate::explain::frontend::BuildOptions;
use crate::explain::load::dockerfile::{DescribedBuild, is_remote};
use crate::format::evidence::EvidenceDocument;

/// What is known of the build of a command beyond the command.
#[derive(Debug, Clone, Copy)]
pub struct KnownOfBuild<'a> {
    /// The directory of the command.
    pub directory: &'a Path,
    /// Other evidence of the build, which may contain its options.
    pub documents: &'a [EvidenceDocument],
    /// The Dockerfile that the user names.
    pub file: Option<&'a Path>,
    /// The context that the user names.
    pub context: Option<&'a Path>,
}

impl BuildRequest {
    /// Returns the build of the request, with paths relative to the current directory.
    pub fn described(&self) -> DescribedBuild {
        let context = self
            .context
            .as_deref()
            .map(|context| self.context_of(context));
        // Then standard input is the Dockerfile, and there is no context.
        let is_stdin = context.as_deref() == Some("-");
        let file = if is_stdin {
            Some(PathBuf::from("-"))
        } else {
            self.dockerfile(context.as_deref())
        };
        DescribedBuild {
            file,
            text: self.dockerfile_inline.clone(),
            context: if is_stdin { None } else { context },
            options: self.options(),
            revision: None,
        }
    }

    /// Returns the build of the command, completed from what is known of it beyond the command. A
    /// given file or context takes precedence over the command, and the command over the options in
    /// evidence.
    pub fn build(&self, known: &KnownOfBuild<'_>) -> DescribedBuild {
        let mut build = if known.directory == Path::new(".") {
            self.described()
        } else {
            self.described_in(known.directory)
        };
        build.complete_from(known.documents, self.name.as_deref(), true);
        if let Some(file) = known.file {
            build.file = Some(file.to_owned());
            build.text = None;
        }
        if let Some(context) = known.context {
            build.context = Some(context.to_string_lossy().into_owned());
        }
        build
    }

    /// Returns the build that the command describes in another directory than the current one.
    fn described_in(&self, directory: &Path) -> DescribedBuild {
        let own = directory.join(&self.directory);
        let request = Self {
            directory: own.to_string_lossy().into_owned(),
            ..self.clone()
        };
        let mut build = request.described();
        let is_named = build.context.is_some() || build.text.is_some();
        build.file = match build.file {
            Some(file) if file.as_os_str() == "-" => Some(file),
            Some(file) => Some(directory.join(file)),
            None if is_named => None,
            None => Some(directory.join("Dockerfile")),
        };
        build
    }

    /// Returns whether files of the repository define the build, and not the command's own words.
    pub fn is_defined_in_files(&self) -> bool {
        matches!(self.tool, "bake" | "compose")
    }

    /// Returns the path of the Dockerfile; `None` for that of the context. In a context that the
    /// builder fetches, the Dockerfile is fetched too.
    fn dockerfile(&self, context: Option<&str>) -> Option<PathBuf> {
        let file = self.file.as_deref()?;
        if file == "-" {
            return Some(PathBuf::from(file));
        }
        if context.is_some_and(is_remote) {
            return None;
        }
        if let Some(file) = file.strip_prefix("cwd://") {
            return Some(PathBuf::from(file));
        }
        // The other tools resolve the path from the current directory.
        let directory = if self.is_defined_in_files() {
            context
        } else {
            None
        };
        let directory = directory.filter(|directory| *directory != ".");
        Some(Path::new(directory.unwrap_or_default()).join(file))
    }

    /// Returns a context relative to the current directory.
    fn context_of(&self, value: &str) -> String {
        let value = value.strip_prefix("cwd://").unwrap_or(value);
        if value == "-" || value.contains("://") || value.starts_with('/') {
            return value.to_owned();
        }
        let path = Path::new(&self.directory).join(value);
        if !path.is_dir() && is_remote(value) {
            return value.to_owned();
        }
        match path.to_str() {
            Some("") | None => ".".to_owned(),
            Some(path) => path.to_owned(),
        }
    }

    fn options(&self) -> BuildOptions {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut build_args = self.build_args.clone();
        if let Some(epoch) = &self.epoch {
            build_args
                .entry("SOURCE_DATE_EPOCH".to_owned())
                .or_insert_with(|| epoch.clone());
        }
        let contexts = self.build_contexts.iter();
        let contexts = contexts.map(|(name, value)| {
            let is_target = value.starts_with("target:");
            let value = if is_target {
                value.clone()
            } else {
                self.context_of(value)
            };
            (name.clone(), value)
        });
        BuildOptions {
            target: text(&self.target),
            build_args,
            labels: self.labels.clone(),
            platforms: self.platforms.clone(),
            build_contexts: contexts.collect::<BTreeMap<_, _>>(),
            network: text(&self.network),
            no_cache: self.no_cache,
            no_cache_filter: self.no_cache_filter.clone(),
            add_hosts: self.add_hosts.clone(),
            shm_size: text(&self.shm_size),
            ulimits: self.ulimits.clone(),
            cgroup_parent: text(&self.cgroup_parent),
            hostname: text(&self.hostname),
            ..BuildOptions::default()
        }
    }
}
