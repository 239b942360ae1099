//! The evidence of builds that a person gave, remembered while the program runs, so that each piece
//! is requested only once.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::backend::Access;
use crate::explain::load::context::Directories;
use crate::explain::load::dockerfile::{Described, DescribedBuild};
use crate::format::evidence::EvidenceDocument;

/// Converts the build that a command describes, next to other evidence of the same build.
pub type DescribeBuild = Arc<
    dyn Fn(DescribedBuild, Vec<EvidenceDocument>) -> BoxFuture<'static, Result<Described, String>>
        + Send
        + Sync,
>;

/// How evidence is read.
#[derive(Clone)]
pub struct EvidenceReaders {
    /// How registries and other servers are asked.
    pub access: Access,
    /// Converts the build that a command describes.
    pub describe: DescribeBuild,
    /// The directory of commands.
    pub directory: PathBuf,
}

/// The command that builds the Dockerfile of the current directory.
pub const BUILD_HERE: &str = "docker buildx build .";

/// Programs with which a build command begins.
const PROGRAMS: [&str; 9] = [
    "docker",
    "docker-buildx",
    "docker-compose",
    "buildctl",
    "nerdctl",
    "finch",
    "sudo",
    "env",
    "time",
];

/// The subject of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidencePart {
    /// The build itself.
    Build,
    /// An earlier build.
    Baseline,
    /// The build context, or a named context of the build.
    Context,
}

impl EvidencePart {
    /// All parts, in the order of the prompts.
    pub const ALL: [Self; 3] = [Self::Build, Self::Baseline, Self::Context];

    /// Returns the word for the part.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Baseline => "baseline",
            Self::Context => "context",
        }
    }
}

/// A piece of evidence, as named by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceItem {
    /// Its subject.
    pub part: EvidencePart,
    /// A file, a folder, an image, an address, a build command, `git:REV`, or `NAME=DIR`.
    pub text: String,
    /// Its type, once it was read.
    pub seen: Option<String>,
}

/// A piece of evidence that lies near, for a person to pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceOffer {
    /// A file, an image, or a build command.
    pub text: String,
    /// Its kind, or where it is from.
    pub about: String,
}

impl EvidenceOffer {
    /// Makes an offer.
    pub fn new(text: &str, about: impl Into<String>) -> Self {
        Self {
            text: text.to_owned(),
            about: about.into(),
        }
    }
}

/// All given evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedEvidence {
    /// The pieces, in the order in which they were given.
    pub items: Vec<EvidenceItem>,
}

impl NamedEvidence {
    /// Converts the evidence from the command line.
    pub fn new(build: Vec<String>, baseline: Vec<String>, context: Vec<String>) -> Self {
        let parts = [
            (EvidencePart::Build, build),
            (EvidencePart::Baseline, baseline),
            (EvidencePart::Context, context),
        ];
        let items = parts.into_iter().flat_map(|(part, texts)| {
            texts.into_iter().map(move |text| EvidenceItem {
                part,
                text,
                seen: None,
            })
        });
        Self {
            items: items.collect(),
        }
    }

    /// Returns the texts of a part.
    pub fn of(&self, part: EvidencePart) -> Vec<String> {
        self.items
            .iter()
            .filter(|item| item.part == part)
            .map(|item| item.text.clone())
            .collect()
    }

    /// Describes another build, by its command. The baseline stays.
    pub fn explain_command(&mut self, command: Option<String>) {
        self.items
            .retain(|item| item.part == EvidencePart::Baseline);
        self.items.extend(command.map(|text| EvidenceItem {
            part: EvidencePart::Build,
            text,
            seen: None,
        }));
    }

    /// Returns whether a command gives the context.
    pub fn has_command(&self) -> bool {
        let mut items = self.items.iter();
        items.any(|item| item.part == EvidencePart::Build && is_command(&item.text))
    }

    /// Returns whether no evidence describes a build.
    pub fn is_empty(&self) -> bool {
        !self
            .items
            .iter()
            .any(|item| item.part == EvidencePart::Build)
    }

    /// Returns the contexts.
    pub fn directories(&self) -> Directories {
        let texts: Vec<String> = self
            .of(EvidencePart::Context)
            .iter()
            .map(|text| in_home(text))
            .collect();
        Directories::named_by(&texts)
    }
}

/// Returns the path in `text`; `~` is the home directory, as in a shell.
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

/// Whether a text begins like a build command.
pub fn is_command(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or(first);
    words.next().is_some() && PROGRAMS.contains(&name)
}
