//! `init`: writes a `cachelens.toml` from the caches that a repository declares.

mod policy;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::json::JsonDocument;
use super::table::{Paper, Style};
use super::{CliSession, ignored};
use crate::backend;
use crate::config::Config;
use crate::config::edit::{DiffLine, Edit};
use crate::error::{Exit, Failure};
use crate::find::{self, Declaration, Mistake, RepositoryFindings};
use crate::source::{RefSelector, Source, SourceLocation};
use crate::text::escape::visible;

/// The name of the file.
const FILE: &str = "cachelens.toml";

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The directory to search; the file is written into it.
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Print the file instead of writing it.
    #[arg(long)]
    stdout: bool,
    /// Replace an existing file. The changes are shown, and the old file is kept as
    /// cachelens.toml.bak.
    #[arg(long, short = 'y', conflicts_with = "stdout")]
    yes: bool,
}

#[derive(Serialize)]
struct Initialized {
    /// The path of the file that was written; `None` with --stdout.
    path: Option<String>,
    sources: Vec<String>,
    /// Declared caches that depend on a build, or that cannot be opened.
    excluded: Vec<ExcludedCache>,
    text: String,
    /// Where the file lies that was replaced.
    backup: Option<String>,
}

#[derive(Serialize, PartialEq, Eq)]
struct ExcludedCache {
    cache: String,
    file: String,
    line: u32,
    why: String,
}

/// A declared cache that can be opened.
struct DeclaredSource {
    source: Source,
    /// The places that declare it.
    places: Vec<String>,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: InitArguments,
) -> Result<Exit, Failure> {
    let output = session.output;
    let directory = &arguments.directory;
    let shown = visible(&directory.to_string_lossy()).into_owned();
    let found = find::find(directory).map_err(|error| {
        let place = format!("{shown} cannot be searched");
        Failure::new(Exit::Failed, &error).on(&place)
    })?;
    let (declared, excluded) = sort_out(&found.declared, &variable);
    if declared.is_empty() && excluded.is_empty() {
        let message = format!("no cache is declared in {shown}");
        return Err(Failure::message(Exit::Failed, message)
            .hint("`cachelens help config` shows how a cachelens.toml is written by hand"));
    }
    let sources: Vec<Source> = declared.iter().map(|one| one.source.clone()).collect();
    let names = names_in_use(session, directory, &sources).await;
    let has_github = sources
        .iter()
        .any(|one| matches!(one.location, SourceLocation::Gha(_)));
    let text = text(&declared, &excluded) + &policy::text(&names, has_github);
    let path = std::path::absolute(directory.join(FILE))
        .map_err(|error| Failure::new(Exit::Failed, &error))?;
    let edit =
        Edit::replacement(&path, &text).map_err(|error| Failure::new(Exit::Failed, &error))?;
    let shown = visible(&directory.join(FILE).to_string_lossy()).into_owned();
    let mut backup = None;
    if !arguments.stdout && !edit.is_empty() {
        if !edit.is_new() && !output.json {
            output.text(&diff_text(&edit, output.paper))?;
        }
        if !edit.is_new() && !arguments.yes {
            return Err(Failure::message(Exit::Failed, format!("{shown} exists already"))
                .hint("`cachelens init --yes` replaces it and keeps the old file as cachelens.toml.bak"));
        }
        backup = write(&edit)?;
    }
    let backup = backup.map(|path| visible(&path.to_string_lossy()).into_owned());
    if output.json {
        let document = Initialized {
            path: (!arguments.stdout).then_some(shown),
            sources: sources.iter().map(ToString::to_string).collect(),
            excluded,
            text,
            backup,
        };
        return output.document(&JsonDocument::new("init", document, &[]));
    }
    match (arguments.stdout, edit.is_new(), backup) {
        (true, ..) => output.text(&text),
        (false, true, _) => output.text(&format!("{text}\nwrote {shown}\n")),
        (false, false, Some(backup)) => {
            output.text(&format!("\nwrote {shown}; the old file is {backup}\n"))
        }
        (false, false, None) => output.text(&format!("{shown} says all of this already\n")),
    }
}

/// What files below a directory declare.
pub(super) struct DeclaredHere {
    /// The caches that can be opened, each once.
    pub(super) sources: Vec<Source>,
    found: RepositoryFindings,
}

/// Finds the caches that files below `directory` declare.
///
/// # Errors
/// Fails if the directory cannot be read.
pub(super) fn declared_here(directory: &Path) -> std::io::Result<DeclaredHere> {
    let found = find::find(directory)?;
    let (declared, _) = sort_out(&found.declared, &variable);
    Ok(DeclaredHere {
        sources: declared
            .into_iter()
            .map(|declared| declared.source)
            .collect(),
        found,
    })
}

impl DeclaredHere {
    /// Returns the number of all mistakes that the configuration does not ignore.
    pub(super) fn findings(&self, config: &Config) -> usize {
        ignored::count_mistakes(&self.found.findings, config)
    }

    /// Returns the mistakes in the declarations of `sources`, each with the name of its source.
    pub(super) fn mistakes_of(&self, sources: &[Source]) -> Vec<(String, Mistake)> {
        let is_same = |one: &Source, other: &Source| {
            let directory = |source: &Source| {
                let directory = source.directory()?;
                std::fs::canonicalize(directory).ok()
            };
            one.location == other.location
                || directory(one).is_some_and(|one| directory(other) == Some(one))
        };
        let mut mistakes = Vec::new();
        for mistake in &self.found.findings {
            let mut declared = self.found.declared.iter();
            let source = declared.find_map(|declaration| {
                let is_here = declaration.file == mistake.file && declaration.line == mistake.line;
                let source = declaration.source(&variable).filter(|_| is_here)?;
                sources.iter().find(|known| is_same(known, &source))
            });
            if let Some(source) = source {
                let store = Source {
                    select: None,
                    ..source.clone()
                };
                mistakes.push((store.to_string(), mistake.clone()));
            }
        }
        mistakes
    }
}

/// Reads the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Separates the caches that can be opened, each once, from those that cannot.
fn sort_out(
    declared: &[Declaration],
    lookup: &dyn Fn(&str) -> Option<String>,
) -> (Vec<DeclaredSource>, Vec<ExcludedCache>) {
    let mut sources: Vec<DeclaredSource> = Vec::new();
    let mut excluded: Vec<ExcludedCache> = Vec::new();
    for declaration in declared {
        let place = format!("{}:{}", declaration.file, declaration.line);
        match source_of(declaration, lookup) {
            Ok(source) => {
                let known = sources.iter_mut().find(|known| known.source == source);
                match known {
                    Some(known) if known.places.contains(&place) => {}
                    Some(known) => known.places.push(place),
                    None => sources.push(DeclaredSource {
                        source,
                        places: vec![place],
                    }),
                }
            }
            Err(why) => {
                let cache = crate::text::secrets::mask_source(&declaration.cache);
                let one = ExcludedCache {
                    cache: visible(&cache).into_owned(),
                    file: declaration.file.clone(),
                    line: declaration.line,
                    why,
                };
                // Several targets may share one text.
                if !excluded.contains(&one) {
                    excluded.push(one);
                }
            }
        }
    }
    (sources, excluded)
}

/// Returns the source that a declaration opens, or why it opens none.
fn source_of(
    declaration: &Declaration,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Source, String> {
    if let Some(source) = declaration.source(lookup) {
        return Ok(source);
    }
    if declaration.cache == "type=inline" {
        let why = "it is in the image that the build pushes; add that image to the sources";
        return Err(why.to_owned());
    }
    if declaration.cache.contains('*') {
        return Err("its place is known to the build only".to_owned());
    }
    match Source::parse(&declaration.cache, &|_| false) {
        Ok(_) => Err("it cannot be opened".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn text(declared: &[DeclaredSource], excluded: &[ExcludedCache]) -> String {
    let mut text = String::from(
        "# Written by `cachelens init`. `cachelens help config` explains the keys.\n\n\
         # The caches that this repository declares.\nsources = [\n",
    );
    // Writing to a String cannot fail.
    for declared in declared {
        let _ = writeln!(text, "    # {}", visible(&declared.places.join(", ")));
        let value = toml_edit::Value::from(declared.source.to_string());
        let _ = writeln!(text, "    {},", value.to_string().trim());
    }
    text += "]\n";
    if !excluded.is_empty() {
        text += "\n# Declared as well, and not usable as a source here:\n";
    }
    for (index, first) in excluded.iter().enumerate() {
        let is_same = |other: &&ExcludedCache| other.cache == first.cache && other.why == first.why;
        if excluded[..index].iter().any(|other| is_same(&other)) {
            continue;
        }
        let places: Vec<String> = excluded
            .iter()
            .filter(is_same)
            .map(|one| format!("{}:{}", one.file, one.line))
            .collect();
        let _ = writeln!(
            text,
            "#   {}\n#     {}: {}",
            first.cache,
            visible(&places.join(", ")),
            visible(&first.why)
        );
    }
    text
}

/// Returns the names of refs that are in use: those that declarations name, as patterns too, those
/// of directories inside `directory`, and those that earlier scans found.
async fn names_in_use(
    session: &CliSession<'_>,
    directory: &Path,
    sources: &[Source],
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        if let Some(select) = &source.select
            && !matches!(select, RefSelector::Digest(_))
        {
            names.extend(select.to_string().split(';').map(str::to_owned));
        }
        let here = source.clone().relative_to(directory);
        let history = session.history.load(&here, None).history;
        let last = history.records().last().and_then(|last| last.list.as_ref());
        let is_github = matches!(source.location, SourceLocation::Gha(_));
        for entry in last.into_iter().flatten().filter(|_| !is_github) {
            names.insert(entry.name.clone());
        }
        names.extend(names_in(session, directory, &here).await);
    }
    // Previous versions, and manifests without a name, are no names that a build writes.
    names.retain(|name| !name.contains('~') && !name.starts_with("sha256:"));
    names
}

/// Returns the names of the refs in a local cache inside `directory`.
async fn names_in(session: &CliSession<'_>, directory: &Path, source: &Source) -> Vec<String> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let inside = match (&source.location, real(directory)) {
        (SourceLocation::Local(local), Some(directory)) => {
            real(&local.dir).is_some_and(|dir| dir.starts_with(directory))
        }
        _ => false,
    };
    if !inside {
        return Vec::new();
    }
    let Ok(reader) = backend::open(source, &session.access()) else {
        return Vec::new();
    };
    match backend::all_refs(&*reader).await {
        Ok(roots) => roots
            .entries
            .into_iter()
            .flat_map(|root| root.names)
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "the refs of a declared directory are not known");
            Vec::new()
        }
    }
}

/// Prints the lines in which two files differ.
fn diff_text(edit: &Edit, paper: Paper) -> String {
    let mut text = String::new();
    for line in edit.diff() {
        let (sign, line, style) = match &line {
            DiffLine::Same(line) => (' ', line, Style::Plain),
            DiffLine::Removed(line) => ('-', line, Style::Bad),
            DiffLine::Added(line) => ('+', line, Style::Good),
        };
        text += &style.paint(&format!("{sign}{}", visible(line)), paper);
        text.push('\n');
    }
    text
}

/// Writes the file, as a whole or not at all. The file that it replaces is kept next to it.
fn write(edit: &Edit) -> Result<Option<PathBuf>, Failure> {
    edit.write()
        .map_err(|error| Failure::new(Exit::Failed, &error))
}
