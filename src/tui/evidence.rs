//! What tells of builds, as a person gave it: remembered for as long as the program runs, so that nobody is asked twice.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::context::Directories;

/// Reads the provenance beside an image: none when the text names no image.
pub type ImageProvenance =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<Option<Vec<Vec<u8>>>, String>> + Send + Sync>;

/// What evidence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The build itself.
    Build,
    /// An earlier build.
    Baseline,
    /// The directory that was built, or another that the build was given.
    Context,
}

impl Part {
    /// All of them, in the order in which they are asked for.
    pub const ALL: [Self; 3] = [Self::Build, Self::Baseline, Self::Context];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Baseline => "baseline",
            Self::Context => "context",
        }
    }
}

/// A piece of evidence, by what a person named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub part: Part,
    /// A file, a folder, an image, or `NAME=DIR`.
    pub text: String,
    /// What it was recognised as, once it was read.
    pub seen: Option<String>,
}

/// All evidence that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// The pieces, in the order in which they were given.
    pub items: Vec<Item>,
}

impl Given {
    /// Takes over what the command line names.
    pub fn new(build: Vec<String>, baseline: Vec<String>, context: Vec<String>) -> Self {
        let parts = [(Part::Build, build), (Part::Baseline, baseline), (Part::Context, context)];
        let items = parts
            .into_iter()
            .flat_map(|(part, texts)| texts.into_iter().map(move |text| Item { part, text, seen: None }));
        Self { items: items.collect() }
    }

    /// Returns the texts of a part.
    pub fn of(&self, part: Part) -> Vec<String> {
        self.items.iter().filter(|item| item.part == part).map(|item| item.text.clone()).collect()
    }

    /// Tells whether nothing tells of a build.
    pub fn is_empty(&self) -> bool {
        !self.items.iter().any(|item| item.part == Part::Build)
    }

    /// Returns the contexts.
    pub fn directories(&self) -> Directories {
        let texts: Vec<String> = self.of(Part::Context).iter().map(|text| in_home(text)).collect();
        Directories::named_by(&texts)
    }
}

/// Returns the path that `text` names, `~` being the home directory as in a shell.
pub fn path(text: &str) -> PathBuf {
    in_home(text).into()
}

fn in_home(text: &str) -> String {
    let (lead, path) = match text.split_once('=') {
        Some((name, path)) if path.starts_with("~/") => (format!("{name}="), path),
        _ => (String::new(), text),
    };
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => format!("{lead}{}/{rest}", home.to_string_lossy()),
        _ => text.to_owned(),
    }
}
