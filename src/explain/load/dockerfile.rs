//! A Dockerfile with its options and its context as evidence of its build.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::context::{ContextProblem, Directories, ignored};
use super::git::{self, GitError};
use super::images::ImageLookup;
use super::note::{DescriptionNote, Note};
use crate::explain::frontend::{
    BuildOptions, ConversionOutcome, ConversionRefusal, ConvertOptions, Converted, Images,
    MainContext, NamedContext, convert, versions,
};
use crate::format::dockerfile::{Dockerfile, ParseError};
use crate::format::go_json::GoJson as _;
use crate::format::go_text;
use crate::format::ignore_file;
use crate::format::llb::{OpKind, Platform};
use crate::format::provenance::{Build, GitRevision, SourceFile};

mod contexts;
mod logged;
mod recorded;
mod revision;

pub use contexts::is_remote;
use contexts::{named_context, remote_context};
pub use revision::has_dockerfile;

/// The largest Dockerfile that is read, in bytes: BuildKit's limit for one message.
const MAX_SIZE: u64 = 16 << 20;
/// The name of a Dockerfile that is not a file.
const INLINE: &str = "the inline Dockerfile";

/// A build as its command describes it.
#[derive(Debug, Clone, Default)]
pub struct DescribedBuild {
    /// The Dockerfile, `-` for standard input; `None` for that of the context.
    pub file: Option<PathBuf>,
    /// The text of a Dockerfile that is not a file, such as `dockerfile-inline` of bake.
    pub text: Option<String>,
    /// The context: a directory, or the address of a repository or an archive; `None` if it is
    /// unknown.
    pub context: Option<String>,
    /// All other options.
    pub options: BuildOptions,
    /// The git revision to read the files from; `None` for the work tree.
    pub revision: Option<String>,
}

/// The result of loading a description.
#[derive(Debug, Default)]
pub struct Described {
    /// A build for each platform.
    pub builds: Vec<Build>,
    /// The directories of its contexts.
    pub directories: Directories,
    /// Unknown parts, with advice on how to supply them.
    pub notes: Vec<Note>,
    /// The files and images that were read, as users name them.
    pub used: Vec<String>,
    /// The Dockerfile, where it is a file of the work tree.
    pub file: Option<String>,
}

/// Why a description cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DescribedError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The Dockerfile is a directory.
    #[error("{} is a directory, not a Dockerfile", .0.display())]
    Directory(PathBuf),
    /// The Dockerfile is larger than BuildKit's limit.
    #[error("{} is larger than {MAX_SIZE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// A context does not exist.
    #[error("the context {0} is not a directory")]
    NoContext(String),
    /// The Dockerfile is in a fetched context, which is not read.
    #[error("the Dockerfile is in the context {0}, which is not fetched")]
    RemoteFile(String),
    /// A file of a revision cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// An ignore file is malformed.
    #[error("{}: {}", .0.path.display(), .0.error)]
    Ignore(ContextProblem),
    /// An option is malformed.
    #[error("{0}")]
    Option(String),
    /// BuildKit refuses the Dockerfile.
    #[error("{place}: {message}")]
    Refused {
        /// The file, with the line if known.
        place: String,
        /// BuildKit's words.
        message: String,
    },
}

impl DescribedError {
    /// `file` is the name of the Dockerfile.
    fn refused(file: &str, refusal: ConversionRefusal) -> Self {
        let place = match refusal.lines.filter(|lines| lines.first > 0) {
            Some(lines) => format!("{file}:{}", lines.first),
            None => file.to_owned(),
        };
        Self::Refused {
            place,
            message: refusal.message,
        }
    }
}

/// A Dockerfile and its text.
struct ReadFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl DescribedBuild {
    /// Converts the build for all its platforms. `builder` is the platform of the builder.
    ///
    /// # Errors
    /// If a named file or context does not exist, or BuildKit refuses the build.
    pub async fn load(
        &self,
        lookup: ImageLookup<'_>,
        builder: &Platform,
    ) -> Result<Described, DescribedError> {
        let file = self.read_file()?;
        let shown = match &self.text {
            Some(_) => INLINE.to_owned(),
            None => go_text::from_bytes(file.path.as_os_str().as_encoded_bytes()),
        };
        let refused = |refusal| DescribedError::refused(&shown, refusal);
        let parsed =
            Dockerfile::parse(&file.bytes).map_err(|error: ParseError| refused(error.into()))?;
        let is_file = self.text.is_none() && shown != "-" && self.revision.is_none();
        let mut described = Described {
            used: vec![shown.clone()],
            file: is_file.then(|| shown.clone()),
            ..Described::default()
        };
        let context = self.main_context(&file.path, &mut described)?;
        let contexts = self.named_contexts(&mut described)?;
        let request_path = request_path(&file.path);
        let platforms = self
            .options
            .target_platforms(builder)
            .map_err(DescribedError::Option)?;
        let mut images = Images::new();
        for platform in platforms {
            let options = self
                .options
                .for_platform(platform, builder)
                .map_err(DescribedError::Option)?;
            let options = ConvertOptions {
                context: context.clone(),
                contexts: contexts.clone(),
                ..options
            };
            let mut converted = fetch_and_convert(&parsed, &options, &lookup, &mut images)
                .await
                .map_err(refused)?;
            self.forget_other_versions(&file.bytes, &mut converted);
            described.note_unknown(&converted);
            described.note_downloads(&converted);
            let source = SourceFile {
                name: base_name(&file.path),
                language: "Dockerfile".to_owned(),
                text: Some(String::from_utf8_lossy(&file.bytes).into_owned()),
            };
            let request = self.options.request(request_path.clone(), &contexts);
            let build = converted
                .into_build(source, request, builder)
                .map_err(|error| DescribedError::Option(error.to_string()))?;
            described.builds.push(Build {
                revision: self.git_revision(),
                ..build
            });
        }
        Ok(described)
    }

    /// Returns whether it reads the Dockerfile from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.file
            .as_ref()
            .is_some_and(|file| file.as_os_str() == "-")
    }

    /// Returns the revision of a build whose context is a directory of the work tree.
    fn git_revision(&self) -> Option<GitRevision> {
        let context = self.context.as_deref();
        let directory = context.filter(|context| !is_remote(context))?;
        Some(GitRevision {
            name: self.revision.clone()?,
            directory: directory.into(),
        })
    }

    /// Makes those steps unknown that the version of the frontend which the file selects builds
    /// otherwise.
    fn forget_other_versions(&self, file: &[u8], converted: &mut Converted) {
        let has_epoch = self.options.build_args.contains_key("SOURCE_DATE_EPOCH");
        let text = String::from_utf8_lossy(file);
        for difference in versions::differences(&text, has_epoch) {
            let affected = converted.steps.iter_mut().filter(|step| {
                let mut places = step.locations.iter();
                places.any(|lines| lines.first == difference.line)
            });
            for step in affected {
                step.unknown.get_or_insert_with(|| difference.reason());
            }
        }
    }

    fn read_file(&self) -> Result<ReadFile, DescribedError> {
        if let Some(text) = &self.text {
            return Ok(ReadFile {
                path: PathBuf::from("-"),
                bytes: text.as_bytes().to_vec(),
            });
        }
        let path = match (&self.file, &self.context) {
            (Some(path), _) => path.clone(),
            (None, Some(context)) if is_remote(context) => {
                return Err(DescribedError::RemoteFile(context.clone()));
            }
            (None, context) => Path::new(context.as_deref().unwrap_or(".")).join("Dockerfile"),
        };
        let failed = |source| DescribedError::Read {
            path: path.clone(),
            source,
        };
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(MAX_SIZE + 1)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            return if bytes.len() as u64 > MAX_SIZE {
                Err(DescribedError::TooLarge(path))
            } else {
                Ok(ReadFile { path, bytes })
            };
        }
        if let Some(revision) = &self.revision {
            let bytes = git::read(revision, &path, MAX_SIZE)?;
            return Ok(ReadFile { path, bytes });
        }
        let path = lower_case_variant(path);
        let failed = |source| DescribedError::Read {
            path: path.clone(),
            source,
        };
        let metadata = path.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(DescribedError::Directory(path));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&path).map_err(failed)?;
        file.take(MAX_SIZE + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(DescribedError::TooLarge(path));
        }
        Ok(ReadFile { path, bytes })
    }

    fn main_context(
        &self,
        file: &Path,
        described: &mut Described,
    ) -> Result<MainContext, DescribedError> {
        let Some(context) = &self.context else {
            return Ok(MainContext::default());
        };
        described.used.push(context.clone());
        if is_remote(context) {
            let note = DescriptionNote::RemoteContext(context.clone());
            described.notes.push(note.into());
            return remote_context(context, &self.options.build_args);
        }
        let directory = PathBuf::from(context);
        let excludes = match &self.revision {
            Some(revision) => ignored_at(revision, &directory, file),
            None if !directory.is_dir() => return Err(DescribedError::NoContext(context.clone())),
            None => {
                let own = Some(file).filter(|file| *file != Path::new("-"));
                ignored(&directory, own).map_err(DescribedError::Ignore)?
            }
        };
        described.directories.main = Some(directory);
        let mut attributes = BTreeMap::new();
        if let Some(excludes) = excludes.filter(|excludes| !excludes.is_empty()) {
            let mut json = String::new();
            excludes.as_slice().write(&mut json);
            attributes.insert("local.excludepatterns".to_owned(), json);
        }
        Ok(MainContext::Local {
            attributes,
            follow_paths: true,
        })
    }

    fn named_contexts(
        &self,
        described: &mut Described,
    ) -> Result<BTreeMap<String, NamedContext>, DescribedError> {
        let mut contexts = BTreeMap::new();
        for (name, value) in &self.options.build_contexts {
            contexts.insert(name.clone(), named_context(name, value, described)?);
        }
        Ok(contexts)
    }
}

impl Described {
    /// Returns the directories of the contexts, including those that the user named.
    pub fn merged(&self, mut named: Directories) -> Directories {
        if self.directories.main.is_some() {
            named.main.clone_from(&self.directories.main);
        }
        named.named.extend(self.directories.named.clone());
        named
    }

    /// Adds a note on downloads without a checksum: a Dockerfile does not determine their content.
    fn note_downloads(&mut self, converted: &Converted) {
        for step in &converted.steps {
            let OpKind::Source(source) = &step.op.kind else {
                continue;
            };
            let is_web = matches!(source.scheme().0, "http" | "https");
            if is_web && source.attr("http.checksum").is_empty() {
                self.note_once(DescriptionNote::Download(source.identifier.clone()));
            }
        }
    }

    /// Adds a note on each reason why operations are unknown.
    fn note_unknown(&mut self, converted: &Converted) {
        let reasons: BTreeSet<&String> = converted
            .steps
            .iter()
            .filter_map(|step| step.unknown.as_ref())
            .collect();
        for reason in reasons {
            self.note_once(DescriptionNote::UnknownInstruction(reason.clone()));
        }
    }

    fn note_once(&mut self, note: DescriptionNote) {
        let note = Note::from(note);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Converts a file, and fetches the images that it needs.
async fn fetch_and_convert(
    file: &Dockerfile,
    options: &ConvertOptions,
    lookup: &ImageLookup<'_>,
    images: &mut Images,
) -> Result<Converted, ConversionRefusal> {
    loop {
        match convert(file, options, images)? {
            ConversionOutcome::Converted(converted) => return Ok(converted),
            ConversionOutcome::NeedsImages(requests) => lookup.find(requests, images).await,
        }
    }
}

/// Reads the patterns of the ignore file of a revision. An unreadable one ignores nothing.
fn ignored_at(revision: &str, directory: &Path, file: &Path) -> Option<Vec<String>> {
    let mut own = file.as_os_str().to_owned();
    own.push(".dockerignore");
    let paths = [PathBuf::from(own), directory.join(".dockerignore")];
    let text = paths
        .iter()
        .find_map(|path| git::read(revision, path, MAX_SIZE).ok())?;
    ignore_file::parse(&text).ok()
}

/// Returns `dockerfile` if `Dockerfile` does not exist, as BuildKit does.
fn lower_case_variant(path: PathBuf) -> PathBuf {
    let is_default = path.file_name().is_some_and(|name| name == "Dockerfile");
    if !is_default || path.exists() {
        return path;
    }
    let lower = path.with_file_name("dockerfile");
    if lower.exists() { lower } else { path }
}

/// Returns the path that leads to the ignore file next to the Dockerfile. An absolute path is not
/// joined to the context, and standard input has none.
fn request_path(file: &Path) -> String {
    if file == Path::new("-") {
        return "-".to_owned();
    }
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.to_string_lossy().into_owned()
}

fn base_name(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| name != "-")
        .unwrap_or_else(|| "Dockerfile".to_owned())
}
