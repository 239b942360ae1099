//! Mistakes in combinations of declarations.

use std::collections::{BTreeMap, BTreeSet};

use super::MistakeSearch;
use super::place::{self, CachePlace, PlaceIndex, intersect, split_reference};
use crate::find::cache_type::CacheType;
use crate::find::declaration::Declaration;

/// Returns whether a part that is not known is a variable: a step may have set it from the matrix.
/// The contexts of a workflow have a dot in their names.
fn has_variable(expression: &str) -> bool {
    let unknown = expression.split('{').skip(1);
    let mut names = unknown.filter_map(|part| Some(part.split_once('}')?.0));
    names.any(|name| !name.contains('.'))
}

impl MistakeSearch<'_> {
    pub(super) fn pairs(&mut self) {
        let placed: Vec<(&Declaration, CachePlace)> = self
            .declared
            .iter()
            .filter_map(|d| Some((d, place::of(d)?)))
            .collect();
        let exports: Vec<&(&Declaration, CachePlace)> = placed
            .iter()
            .filter(|(d, _)| d.direction.exports())
            .collect();
        let imports: Vec<&(&Declaration, CachePlace)> = placed
            .iter()
            .filter(|(d, _)| d.direction.imports())
            .collect();
        let opaque_export = self
            .declared
            .iter()
            .any(|d| d.cache == "*" && d.direction.exports());
        let exported = PlaceIndex::new(exports.iter().map(|(_, place)| place));
        let imported = PlaceIndex::new(imports.iter().map(|(_, place)| place));
        let inline = self.declared.iter().filter(|d| builds_inline(d));
        let inline: Vec<&Declaration> = inline.collect();
        for (declaration, place) in &imports {
            let is_exported = exported.may_have(place) || self.is_moved_from(place, &exported);
            if !declaration.direction.exports() && !opaque_export && !is_exported {
                self.unexported(declaration, place, &exports, &inline);
            }
        }
        let opaque_import = self
            .declared
            .iter()
            .any(|d| d.cache == "*" && d.direction.imports());
        for (declaration, place) in &exports {
            let read = imported.may_have(place) || self.is_moved(place, &imported);
            // Without `type=`, a kind of cache is the name of an image: a mistake of its own.
            let is_image = CacheType::named(declaration.written.trim()).is_known();
            if !declaration.direction.imports() && !read && !opaque_import && !is_image {
                let message = format!(
                    "{} is exported, but nothing in the repository imports it: the export only costs time.",
                    named(declaration, place)
                );
                let import = as_import(declaration);
                self.add(
                    "never-imported",
                    declaration,
                    message,
                    Some(format!("Import it where the next build runs: `{import}`.")),
                );
            }
        }
        self.same_place(&exports, &imports);
        // Each job has a machine of its own, and so its own directories.
        let is_shared = |(export, place): &&&(&Declaration, CachePlace)| {
            place.kind != CacheType::Local || export.facts.job.is_none()
        };
        let shared: Vec<_> = exports.iter().filter(is_shared).copied().collect();
        self.overwritten(&shared);
        self.across_files(&exports);
        self.matrices(&exports);
    }

    fn unexported(
        &mut self,
        at: &Declaration,
        place: &CachePlace,
        exports: &[&(&Declaration, CachePlace)],
        inline: &[&Declaration],
    ) {
        if place.kind == CacheType::Registry && is_built_with_inline(at, place, inline) {
            return;
        }
        // Earthly keeps inline caches in the images that `SAVE IMAGE` pushes.
        if at.tool == "earthly" && !at.written.contains("type=") {
            return;
        }
        // Without `type=` a kind of cache is the name of an image, which is a mistake of its own.
        if CacheType::named(at.written.trim()).is_known() {
            return;
        }
        let named = named(at, place);
        let plain_image = place.kind == CacheType::Registry
            && !at.written.contains("type=")
            && !at.written.contains("cache");
        if plain_image {
            let message = format!(
                "{named} is an image without a cache: nothing here builds it with an inline cache."
            );
            let hint = "Build it with `--build-arg BUILDKIT_INLINE_CACHE=1`, or export a cache and import that.";
            self.add("image-without-cache", at, message, Some(hint.to_owned()));
            return;
        }
        let message = format!(
            "{named} is imported, but nothing in the repository exports it, so it never hits."
        );
        let near = exports.iter().find(|(_, other)| {
            other.kind == place.kind && other.parts.first() == place.parts.first()
        });
        let hint = near.map(|(export, _)| {
            format!(
                "Import the cache that {}:{} exports: `{}`.",
                export.file,
                export.line,
                as_import(export)
            )
        });
        self.add("never-exported", at, message, hint);
    }

    fn same_place(
        &mut self,
        exports: &[&(&Declaration, CachePlace)],
        imports: &[&(&Declaration, CachePlace)],
    ) {
        let read: BTreeSet<(&str, Option<&str>, &CachePlace)> = imports
            .iter()
            .filter(|(_, place)| place.kind == CacheType::Local)
            .map(|(import, place)| (import.file.as_str(), job_of(import), place))
            .collect();
        for (export, place) in exports {
            let is_reset = export.attribute("reset").as_deref() == Some("true");
            // A directory that is moved begins empty.
            if place.kind != CacheType::Local || is_reset || self.is_moved_away(place) {
                continue;
            }
            if read.contains(&(export.file.as_str(), job_of(export), place)) {
                let message = "The directory is read and written in one place: old layers are never removed, so it only grows.".to_owned();
                let hint = format!(
                    "Write `{}`, or export to another directory and move it afterwards.",
                    export.corrected(&[("reset", Some("true"))])
                );
                self.add("same-place", export, message, Some(hint));
            }
        }
    }

    /// Whether an export next to an imported directory is moved there afterwards.
    fn is_moved(&self, place: &CachePlace, imports: &PlaceIndex<'_>) -> bool {
        let new_names = self
            .moved
            .iter()
            .filter(|(from, _)| *from == place.parts[0]);
        let mut new_names = new_names.map(|(_, to)| to.as_str());
        let without_end = place.parts[0].strip_suffix("-new");
        place.kind == CacheType::Local
            && (new_names.any(|to| imports.has(&local(to)))
                || without_end.is_some_and(|old| imports.has(&local(old))))
    }

    /// Whether an import is of a directory to which an export is moved.
    fn is_moved_from(&self, place: &CachePlace, exports: &PlaceIndex<'_>) -> bool {
        let old_names = self.moved.iter().filter(|(_, to)| *to == place.parts[0]);
        let mut old_names = old_names.map(|(from, _)| from.as_str());
        place.kind == CacheType::Local
            && (old_names.any(|from| exports.has(&local(from)))
                || exports.has(&local(&format!("{}-new", place.parts[0]))))
    }

    /// Whether a directory is moved after it was written.
    fn is_moved_away(&self, place: &CachePlace) -> bool {
        self.moved.iter().any(|(from, _)| *from == place.parts[0])
    }

    /// Finds locations that several targets of a file write.
    fn overwritten(&mut self, exports: &[&(&Declaration, CachePlace)]) {
        let mut writers: BTreeMap<(&str, &CachePlace, String), Vec<&Declaration>> = BTreeMap::new();
        for (declaration, place) in exports {
            // Two unknown parts with the same pattern may differ.
            let mut location = location_of(declaration);
            // So may a variable that the steps of each job set.
            if let Some(job) = &declaration.facts.job
                && has_variable(&location)
            {
                location.push_str(&job.id);
            }
            let key = (declaration.file.as_str(), place, location);
            writers.entry(key).or_default().push(declaration);
        }
        for ((_, place, _), declarations) in writers {
            let targets: BTreeSet<(Option<&str>, Option<&str>)> = declarations
                .iter()
                .map(|d| (d.target.as_deref(), d.facts.dockerfile.as_deref()))
                .collect();
            let names: BTreeSet<&str> = targets.iter().filter_map(|(target, _)| *target).collect();
            let default = place.kind == CacheType::Gha
                && declarations.iter().any(|d| d.attribute("scope").is_none());
            for declaration in &declarations {
                let pattern = declaration.has_target_pattern;
                if default && targets.len() > 1 {
                    let message = format!(
                        "Several builds ({}) export to the default scope: each overwrites the others.",
                        list(&names)
                    );
                    let scope = declaration.target.as_deref().unwrap_or("NAME");
                    let corrected = declaration.corrected(&[("scope", Some(scope))]);
                    let hint = format!("Write `{corrected}`, and import that.");
                    self.add("default-scope", declaration, message, Some(hint));
                } else if targets.len() > 1 {
                    let message = format!(
                        "{} is exported by several builds ({}): each overwrites the others.",
                        named(declaration, place),
                        list(&names)
                    );
                    let hint = apart(declaration, declaration.target.as_deref().unwrap_or("NAME"));
                    self.add("overwritten", declaration, message, Some(hint));
                } else if pattern
                    && place.kind != CacheType::Local
                    && !self.bakes_one_target(declaration)
                {
                    let message = format!(
                        "All targets that match {} export to {}: each overwrites the others.",
                        list(&names),
                        named(declaration, place)
                    );
                    self.add(
                        "overwritten",
                        declaration,
                        message,
                        Some("Set the export of each target, with its name in it.".to_owned()),
                    );
                }
            }
        }
    }

    /// Finds scopes of GitHub's cache that workflows for several images write.
    fn across_files(&mut self, exports: &[&(&Declaration, CachePlace)]) {
        let mut writers: BTreeMap<(&CachePlace, String), Vec<&Declaration>> = BTreeMap::new();
        for (declaration, place) in exports {
            let location = location_of(declaration);
            let is_known = place.kind == CacheType::Gha && !has_variable(&location);
            let facts = &declaration.facts;
            if is_known && facts.job.is_some() && facts.dockerfile.is_some() {
                writers
                    .entry((place, location))
                    .or_default()
                    .push(declaration);
            }
        }
        for ((place, _), declarations) in writers {
            let files: BTreeSet<&str> = declarations.iter().map(|d| d.file.as_str()).collect();
            let images: BTreeSet<&str> = declarations
                .iter()
                .filter_map(|declaration| declaration.facts.dockerfile.as_deref())
                .collect();
            if files.len() < 2 || images.len() < 2 {
                continue;
            }
            for declaration in declarations {
                let message = format!(
                    "Workflows for several images ({}) export to {}: each overwrites the others.",
                    list(&images),
                    named(declaration, place)
                );
                let code = match declaration.attribute("scope") {
                    Some(_) => "overwritten",
                    None => "default-scope",
                };
                let hint = apart(declaration, declaration.target.as_deref().unwrap_or("NAME"));
                self.add(code, declaration, message, Some(hint));
            }
        }
    }

    /// Finds exports of a matrix whose name does not depend on the matrix.
    fn matrices(&mut self, exports: &[&(&Declaration, CachePlace)]) {
        for (declaration, place) in exports {
            let Some(job) = &declaration.facts.job else {
                continue;
            };
            if job.matrix.is_empty() || place.kind == CacheType::Local {
                continue;
            }
            let expression = declaration.expression.to_lowercase();
            // A condition on the matrix leaves one job.
            let is_of_one = |condition: &String| condition.contains("matrix.");
            let depends = declaration.when.iter().any(is_of_one)
                || expression.contains("matrix")
                || expression.contains("strategy.")
                || expression.contains("steps.")
                || expression.contains("runner.")
                || expression.contains("env")
                || has_variable(&expression);
            if depends {
                continue;
            }
            let variables = job.matrix.join(", ");
            if place.kind == CacheType::Gha && declaration.attribute("scope").is_none() {
                let message = format!(
                    "Each job of the matrix ({variables}) exports to the default scope: each overwrites the others."
                );
                let scope = format!("${{{{ matrix.{} }}}}", job.matrix[0]);
                let corrected = declaration.corrected(&[]);
                let hint = format!("Write `{corrected},scope={scope}`, and import that.");
                self.add("default-scope", declaration, message, Some(hint));
            } else {
                let message = format!(
                    "Each job of the matrix ({variables}) exports to {}: each overwrites the others.",
                    named(declaration, place)
                );
                // A platform has a slash, which no tag may have.
                let part = match job.matrix[0].as_str() {
                    "platform" | "platforms" if place.kind == CacheType::Registry => {
                        "{strategy.job-index}".to_owned()
                    }
                    variable => format!("{{matrix.{variable}}}"),
                };
                let hint = apart(declaration, &part);
                self.add("overwritten", declaration, message, Some(hint));
            }
        }
    }
}

/// Whether a build writes an inline cache. `devcontainers/ci` adds one to its image.
fn builds_inline(declaration: &Declaration) -> bool {
    let exports = declaration.direction.exports();
    (exports && declaration.kind() == CacheType::Inline) || declaration.tool == "devcontainers/ci"
}

/// Whether an imported image may be one with an inline cache.
fn is_built_with_inline(at: &Declaration, place: &CachePlace, inline: &[&Declaration]) -> bool {
    inline.iter().any(|declaration| {
        let tags = &declaration.facts.tags;
        // The name of the image may be given elsewhere.
        let is_same_target = match &at.target {
            Some(_) => declaration.target == at.target,
            None => declaration.target.is_none() && declaration.file == at.file,
        };
        let is_same_job = job_of(at).is_some() && job_of(declaration) == job_of(at);
        let is_same = is_same_target || is_same_job;
        let unnamed = is_same && tags.is_empty() && !place.parts[1].contains("cache");
        unnamed
            || tags.iter().any(|tag| {
                let (repository, tag) = split_reference(tag.trim());
                intersect(&repository, &place.parts[0]) && intersect(&tag, &place.parts[1])
            })
            || tags.iter().any(|tag| tag.starts_with('*'))
    })
}

/// Advises to write a cache with a part that tells one build from the others.
fn apart(declaration: &Declaration, part: &str) -> String {
    let name = match declaration.kind() {
        CacheType::Registry => "ref",
        CacheType::Gha => "scope",
        CacheType::Local => "dest",
        CacheType::S3 | CacheType::Azblob | CacheType::Inline | CacheType::Other(_) => "name",
    };
    let value = match declaration.expressed(name) {
        Some(value) => format!("{value}-{part}"),
        None => part.to_owned(),
    };
    let corrected = declaration.corrected(&[(name, Some(&value))]);
    format!("Write `{corrected}`, and import that.")
}

/// Returns the location of a cache, with the expressions of unknown parts.
fn location_of(declaration: &Declaration) -> String {
    let parts = ["ref", "scope", "bucket", "prefix", "name", "dest"];
    parts
        .map(|part| declaration.expressed(part).unwrap_or_default())
        .join("\n")
}

/// Returns the job of a declaration. Each job of a workflow has a machine of its own.
fn job_of(declaration: &Declaration) -> Option<&str> {
    declaration.facts.job.as_ref().map(|job| job.id.as_str())
}

fn named(declaration: &Declaration, place: &CachePlace) -> String {
    match &place.kind {
        CacheType::Registry => declaration.attribute("ref").unwrap_or_default(),
        CacheType::Gha if declaration.attribute("scope").is_none() => {
            "the default scope".to_owned()
        }
        CacheType::Gha => format!("scope {}", place.parts[0]),
        CacheType::Local => place.parts[0].clone(),
        CacheType::S3 | CacheType::Azblob | CacheType::Inline | CacheType::Other(_) => place
            .parts
            .iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join("/"),
    }
}

fn list(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(4).copied().collect();
    let more = names.len().saturating_sub(shown.len());
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// Formats an export as the matching import.
fn as_import(declaration: &Declaration) -> String {
    let written = declaration.corrected(&[]);
    let fields = written.split(',').filter_map(|field| {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match key {
            "type" | "ref" | "scope" | "bucket" | "region" | "prefix" | "name" | "endpoint_url"
            | "use_path_style" | "account_url" => Some(field.to_owned()),
            "dest" => Some(format!("src={value}")),
            _ => None,
        }
    });
    fields.collect::<Vec<_>>().join(",")
}

fn local(path: &str) -> CachePlace {
    CachePlace {
        kind: CacheType::Local,
        parts: vec![path.to_owned()],
    }
}
