//! The build that `why` explains, as a Dockerfile and flags describe it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::backend::registry;
use crate::cli::CliSession;
use crate::error::{Exit, Failure};
use crate::explain::frontend::BuildOptions;
use crate::explain::load::Wanted;
use crate::explain::load::context::Directories;
use crate::explain::load::dockerfile::{
    Described, DescribedBuild, DescribedError, has_dockerfile, is_remote,
};
use crate::explain::load::images::{GivenImage, ImageLookup, PinnedImage};
use crate::explain::load::note::{DescriptionNote, Note};
use crate::format::evidence::EvidenceDocument;
use crate::format::llb::{OpKind, Platform};
use crate::source::{Source, SourceLocation};
use crate::text::escape::visible;

/// The flags of `docker buildx build` that decide about cache keys.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The build, as a Dockerfile describes it")]
pub(in crate::cli) struct BuildFlags {
    /// The Dockerfile to explain; `-` reads standard input.
    #[arg(short, long, value_name = "DOCKERFILE")]
    file: Option<PathBuf>,
    /// An additional context.
    ///
    /// The value is a directory, docker-image://…, oci-layout://… or an address.
    #[arg(long = "build-context", value_name = "NAME=VALUE")]
    build_contexts: Vec<String>,
    /// A build argument; the default value is from the environment.
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    build_args: Vec<String>,
    /// The stage to build.
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// The target platforms, such as linux/arm64.
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<String>,
    /// A label of the image; it changes no cache key.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// The network of commands: default, host or none.
    #[arg(long, value_name = "MODE")]
    network: Option<String>,
    /// The build does not use the cache.
    #[arg(long)]
    no_cache: bool,
    /// The build does not use the cache for these stages.
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    no_cache_filter: Vec<String>,
    /// An addition to /etc/hosts.
    #[arg(long = "add-host", value_name = "NAME:IP")]
    add_hosts: Vec<String>,
    /// The size of /dev/shm.
    #[arg(long, value_name = "SIZE")]
    shm_size: Option<String>,
    /// A limit of a resource.
    #[arg(long = "ulimit", value_name = "NAME=SOFT:HARD")]
    ulimits: Vec<String>,
    /// The control group of commands.
    #[arg(long, value_name = "GROUP")]
    cgroup_parent: Option<String>,
    /// Resolve a base image from this evidence.
    ///
    /// Evidence is an OCI layout, a JSON file with the digest and config of the image, or an image
    /// in a registry.
    #[arg(long = "image", value_name = "NAME=EVIDENCE")]
    images: Vec<String>,
    /// Do not contact registries for base images.
    #[arg(long)]
    offline: bool,
}

impl BuildFlags {
    /// Returns the flags of a build that only names its Dockerfile.
    pub(super) fn of_file(file: Option<PathBuf>) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Returns whether any flag besides the context is set.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.file.is_some()
            || !self.build_args.is_empty()
            || self.target.is_some()
            || !self.platform.is_empty()
            || !self.labels.is_empty()
            || self.network.is_some()
            || self.no_cache
            || !self.no_cache_filter.is_empty()
            || !self.add_hosts.is_empty()
            || self.shm_size.is_some()
            || !self.ulimits.is_empty()
            || self.cgroup_parent.is_some()
            || !self.images.is_empty()
            || !self.build_contexts.is_empty()
    }

    /// Refuses `--no-cache` where the flags only name steps: it changes no name, and it was once the
    /// name of `--no-disk-cache`.
    pub(in crate::cli) fn refuse_no_cache(&self) -> Result<(), Failure> {
        if !self.no_cache && self.no_cache_filter.is_empty() {
            return Ok(());
        }
        let message = "--no-cache and --no-cache-filter are options of a build, for `why`";
        let failure = Failure::message(Exit::Usage, message);
        Err(failure.hint("--no-disk-cache turns the program's own cache off"))
    }

    /// Returns the given Dockerfile.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Returns the first flag that duplicates a part of the build command.
    pub(super) fn said_by_command(&self) -> Option<&'static str> {
        let flags = [
            (!self.build_contexts.is_empty(), "--build-context"),
            (!self.build_args.is_empty(), "--build-arg"),
            (self.target.is_some(), "--target"),
            (!self.platform.is_empty(), "--platform"),
            (!self.labels.is_empty(), "--label"),
            (self.network.is_some(), "--network"),
            (self.no_cache, "--no-cache"),
            (!self.no_cache_filter.is_empty(), "--no-cache-filter"),
            (!self.add_hosts.is_empty(), "--add-host"),
            (self.shm_size.is_some(), "--shm-size"),
            (!self.ulimits.is_empty(), "--ulimit"),
            (self.cgroup_parent.is_some(), "--cgroup-parent"),
        ];
        flags
            .into_iter()
            .find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// Returns which build to explain if the evidence contains several.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            platform: self.platform.first().cloned(),
            target: self.target.clone(),
        }
    }

    /// Returns the options. `named` are further contexts from `--context NAME=DIR`.
    fn options(&self, named: &BTreeMap<String, PathBuf>) -> Result<BuildOptions, Failure> {
        let mut build_contexts = BTreeMap::new();
        for (name, directory) in named {
            build_contexts.insert(name.clone(), directory.to_string_lossy().into_owned());
        }
        build_contexts.extend(pairs(&self.build_contexts, "--build-context NAME=VALUE")?);
        let mut build_args = BTreeMap::new();
        for text in &self.build_args {
            match text.split_once('=') {
                Some((name, value)) => {
                    build_args.insert(name.to_owned(), value.to_owned());
                }
                None => {
                    if let Ok(value) = std::env::var(text) {
                        build_args.insert(text.clone(), value);
                    }
                }
            }
        }
        // Docker's client passes it on.
        let epoch = "SOURCE_DATE_EPOCH";
        if let Ok(value) = std::env::var(epoch)
            && !value.is_empty()
        {
            build_args.entry(epoch.to_owned()).or_insert(value);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Ok(BuildOptions {
            target: text(&self.target),
            build_args,
            labels: pairs(&self.labels, "--label NAME=VALUE")?,
            platforms: self.platform.clone(),
            build_contexts,
            network: text(&self.network),
            no_cache: self.no_cache,
            no_cache_filter: self.no_cache_filter.clone(),
            add_hosts: self.add_hosts.clone(),
            shm_size: text(&self.shm_size),
            ulimits: self.ulimits.clone(),
            cgroup_parent: text(&self.cgroup_parent),
            ..BuildOptions::default()
        })
    }

    /// Returns the build that the flags describe; `None` if there is no Dockerfile. Without flags
    /// it is the build of the current directory.
    pub(in crate::cli) fn build(
        &self,
        directories: &Directories,
    ) -> Result<Option<DescribedBuild>, Failure> {
        let mut context = directories
            .main
            .as_ref()
            .map(|main| main.to_string_lossy().into_owned());
        if self.file.is_none() {
            let context = context.get_or_insert_with(|| ".".to_owned());
            let is_there = has_dockerfile(Path::new(context));
            if !is_there && !is_remote(context) && !self.is_given() && Path::new(context).is_dir() {
                return Ok(None);
            }
        }
        let options = self.options(&directories.named)?;
        Ok(Some(DescribedBuild {
            file: self.file.clone(),
            text: None,
            context,
            options,
            revision: None,
        }))
    }

    /// Reads and converts a build. Images that are not named are those of `known` evidence, where it has
    /// them. The logs in `given` evidence of the build show its arguments.
    pub(in crate::cli) async fn load(
        &self,
        session: &CliSession<'_>,
        build: &DescribedBuild,
        given: &[EvidenceDocument],
        baseline: &[EvidenceDocument],
    ) -> Result<Described, Failure> {
        let mut pinned = PinnedImage::of_documents(given);
        let earlier = PinnedImage::of_documents(baseline).into_iter();
        let new: Vec<PinnedImage> = earlier
            .filter(|image| pinned.iter().all(|known| known.name != image.name))
            .collect();
        pinned.extend(new);
        let mut described = self
            .load_with(session, build, &pinned, given, false)
            .await?;
        let used = pinned.iter().filter(|image| {
            let identifier = format!("docker-image://{}@{}", image.name, image.digest);
            let mut steps = described.builds.iter().flat_map(|build| &build.steps);
            !self.names_image(&image.name)
                && steps.any(|step| {
                    matches!(&step.op.kind, OpKind::Source(op) if op.identifier == identifier)
                })
        });
        let note = |image: &PinnedImage| DescriptionNote::PinnedImage(image.name.clone()).into();
        let notes: Vec<Note> = used.map(note).collect();
        described.notes.extend(notes);
        Ok(described)
    }

    /// Returns whether `--image` names an image.
    fn names_image(&self, name: &str) -> bool {
        let given = self
            .images
            .iter()
            .filter_map(|text| GivenImage::parse(text).ok());
        given
            .map(|given| given.reference)
            .any(|reference| reference.split('@').next() == Some(name))
    }

    /// Reads and converts a build, and looks no image up that is not named.
    pub(super) async fn load_assuming(
        &self,
        session: &CliSession<'_>,
        build: &DescribedBuild,
    ) -> Result<Described, Failure> {
        self.load_with(session, build, &[], &[], true).await
    }

    async fn load_with(
        &self,
        session: &CliSession<'_>,
        build: &DescribedBuild,
        baseline: &[PinnedImage],
        given: &[EvidenceDocument],
        assumes: bool,
    ) -> Result<Described, Failure> {
        let parse = |text: &String| {
            GivenImage::parse(text)
                .map_err(|error| Failure::message(Exit::Usage, format!("--image: {error}")))
        };
        let images: Vec<GivenImage> = self.images.iter().map(parse).collect::<Result<_, _>>()?;
        let access = session.access();
        let registries = if self.offline { None } else { Some(&access) };
        let lookup = ImageLookup {
            given: &images,
            registries,
            access: &access,
            baseline,
            assumes,
        };
        build
            .load_logged(lookup, &builder(), given)
            .await
            .map_err(|error| failure(&error))
    }
}

fn pairs(texts: &[String], form: &str) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => {
            let text = visible(text);
            Err(Failure::message(
                Exit::Usage,
                format!("`{text}` is not of the form {form}"),
            ))
        }
    };
    texts.iter().map(pair).collect()
}

/// Returns the platform of a builder on this machine.
pub(in crate::cli) fn builder() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform {
        os: "linux".into(),
        architecture: architecture.into(),
        ..Platform::default()
    }
}

fn failure(error: &DescribedError) -> Failure {
    let failure = Failure::new(Exit::Failed, error);
    match error {
        DescribedError::Read { .. } => failure.hint("name the Dockerfile with -f"),
        DescribedError::RemoteFile(_) => Failure {
            exit: Exit::Usage,
            ..failure
        }
        .hint("give a copy of the Dockerfile with -f"),
        DescribedError::Option(_) => Failure {
            exit: Exit::Usage,
            ..failure
        },
        DescribedError::NoContext(_)
        | DescribedError::Git(_)
        | DescribedError::Directory(_)
        | DescribedError::TooLarge(_)
        | DescribedError::Ignore(_)
        | DescribedError::Refused { .. } => failure,
    }
}

/// Reads the provenance next to refs of registries. Unreadable provenance is ignored.
pub(super) async fn records_near(
    session: &CliSession<'_>,
    sources: &[Source],
) -> Vec<EvidenceDocument> {
    let mut documents = Vec::new();
    for source in sources {
        let (SourceLocation::Registry(location), Some(select)) = (&source.location, &source.select)
        else {
            continue;
        };
        let found = registry::provenance(location, select, &session.access()).await;
        let read = |statement: &Vec<u8>| crate::format::evidence::read(statement).ok();
        documents.extend(found.unwrap_or_default().iter().filter_map(read));
    }
    documents
}

/// Returns whether documents contain the operations of a build.
pub(super) fn have_graph(documents: &[EvidenceDocument]) -> bool {
    documents.iter().any(|document| match document {
        EvidenceDocument::Provenance(_)
        | EvidenceDocument::Builds(_)
        | EvidenceDocument::Definition(_) => true,
        EvidenceDocument::Records(records) => {
            records.iter().any(|record| !record.builds.is_empty())
        }
        EvidenceDocument::Options(_)
        | EvidenceDocument::Log(_)
        | EvidenceDocument::PlainLog(_)
        | EvidenceDocument::CacheDebug(_) => false,
    })
}

/// Fails with a usage error if a context of the arguments is not a directory.
pub(in crate::cli) fn have_contexts(texts: &[String]) -> Result<(), Failure> {
    let directories = Directories::named_by(texts);
    let Some(path) = directories.absent() else {
        return Ok(());
    };
    let why = if path.exists() {
        "is not a directory"
    } else {
        "does not exist"
    };
    let shown = visible(&path.to_string_lossy()).into_owned();
    Err(Failure::message(
        Exit::Usage,
        format!("--context: {shown} {why}"),
    ))
}
