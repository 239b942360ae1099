//! Base images of a build: their digests and configurations, from evidence of the user or from a
//! registry.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::log::{self, VertexName};
use crate::backend::ListedRef;
use crate::backend::{self, Access, CacheReader, SharedReader, all_refs};
use crate::explain::frontend::{BaseImage, BaseImageConfig, ImageRequest, ImageState, Images};
use crate::explain::keys::source::image_of_uri;
use crate::format::digest::Digest;
use crate::format::evidence::EvidenceDocument as Evidence;
use crate::format::llb::{OpKind, Platform};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};
use crate::format::platform;
use crate::format::provenance::{Build, Dependency};
use crate::format::reference::ImageReference;
use crate::source::{RefSelector, Source, SourceLocation, Trust};
use crate::text::causes::in_one_line;

mod file;

/// The evidence for an image.
#[derive(Debug, Clone)]
pub struct GivenImage {
    /// The reference, as in the Dockerfile or normalized.
    pub reference: String,
    /// An OCI layout, a JSON file, or an image in a registry.
    pub evidence: String,
}

impl GivenImage {
    /// Parses `NAME=EVIDENCE`.
    ///
    /// # Errors
    /// If it has another form, or the name is no image.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, evidence) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not NAME=EVIDENCE"))?;
        let reference = ImageReference::parse(name).map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            reference: reference.with_default_tag().to_string(),
            evidence: evidence.to_owned(),
        })
    }
}

/// An image as a build had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedImage {
    /// The reference, without the digest.
    pub name: String,
    /// The digest that it had.
    pub digest: Digest,
}

impl PinnedImage {
    /// Finds the images that the builds of documents stand on. A name with two digests is left out.
    pub fn of_documents(documents: &[Evidence]) -> Vec<Self> {
        let options = documents.iter().filter_map(|document| match document {
            Evidence::Options(builds) => Some(builds),
            _ => None,
        });
        let resolved = options
            .flatten()
            .flat_map(|named| &named.build.dependencies)
            .filter_map(Self::of_dependency);
        let builds = documents.iter().flat_map(|document| match document {
            Evidence::Provenance(build) | Evidence::Definition(build) => vec![&**build],
            Evidence::Builds(builds) => builds.iter().map(|named| &named.build).collect(),
            Evidence::Records(records) => {
                records.iter().flat_map(|record| &record.builds).collect()
            }
            Evidence::Options(_)
            | Evidence::Log(_)
            | Evidence::PlainLog(_)
            | Evidence::CacheDebug(_) => Vec::new(),
        });
        let logged = documents
            .iter()
            .flat_map(log::vertex_names)
            .filter_map(Self::of_vertex);
        let found: Vec<Self> = resolved
            .chain(Self::of_builds(builds))
            .chain(logged)
            .collect();
        Self::unambiguous(&found)
    }

    /// Reads an image that a build resolved.
    fn of_dependency(dependency: &Dependency) -> Option<Self> {
        let (name, _) = image_of_uri(&dependency.uri)?;
        let digest = dependency.digests.get("sha256")?;
        let digest = format!("sha256:{digest}").parse().ok()?;
        Some(Self { name, digest })
    }

    /// Reads the image of a `FROM` in a log, which names its digest.
    fn of_vertex(name: &str) -> Option<Self> {
        let vertex = VertexName::parse(name)?;
        let image = vertex.text.strip_prefix("FROM ")?;
        let (name, digest) = image.trim().split_once('@')?;
        Some(Self {
            name: name.to_owned(),
            digest: digest.parse().ok()?,
        })
    }

    fn of_builds<'a>(builds: impl Iterator<Item = &'a Build>) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for step in builds.flat_map(|build| &build.steps) {
            let OpKind::Source(op) = &step.op.kind else {
                continue;
            };
            let (scheme, reference) = op.scheme();
            if scheme == "docker-image"
                && let Some((name, digest)) = reference.split_once('@')
                && let Ok(digest) = digest.parse()
            {
                let name = name.to_owned();
                found.push(Self { name, digest });
            }
        }
        found
    }

    /// Leaves out names with two digests, and repetitions.
    fn unambiguous(found: &[Self]) -> Vec<Self> {
        let is_one = |image: &Self| {
            let mut same = found.iter().filter(|other| other.name == image.name);
            same.all(|other| other.digest == image.digest)
        };
        let mut images: Vec<Self> = Vec::new();
        for image in found.iter().filter(|image| is_one(image)) {
            if !images.contains(image) {
                images.push(image.clone());
            }
        }
        images
    }
}

/// Looks up images.
#[derive(Debug, Clone, Copy)]
pub struct ImageLookup<'a> {
    /// The evidence of the user.
    pub given: &'a [GivenImage],
    /// The access to registries; `None` if it is forbidden.
    pub registries: Option<&'a Access>,
    /// The access to sources that the user named.
    pub access: &'a Access,
    /// The images of an earlier build, by name: they count where the user named none.
    pub baseline: &'a [PinnedImage],
    /// Whether an image that was not named is assumed to have no configuration, and asked for
    /// nowhere: enough to compare builds, and not to compute keys.
    pub assumes: bool,
}

impl ImageLookup<'_> {
    /// Finds images, all at once. An image that cannot be found is unknown, with the reason.
    pub async fn find(&self, requests: Vec<ImageRequest>, images: &mut Images) {
        let found = join_all(requests.iter().map(|request| self.image(request))).await;
        for (request, found) in requests.into_iter().zip(found) {
            let state = match found {
                Ok(image) => ImageState::Known(Box::new(image)),
                Err(reason) => ImageState::Unknown(unknown(&request.reference, &reason)),
            };
            images.insert(request, state);
        }
    }

    async fn image(&self, request: &ImageRequest) -> Result<BaseImage, String> {
        let of = of_request(request)?;
        if let Some(layout) = request.reference.strip_prefix("oci-layout://") {
            let (store, digest) = layout.rsplit_once('@').unwrap_or((layout, ""));
            return self
                .in_store(&format!("oci:{store}"), Some(digest), &of, Trust::Named)
                .await;
        }
        let name = without_digest(&request.reference);
        let is_same = |given: &&GivenImage| {
            given.reference == request.reference || without_digest(&given.reference) == name
        };
        if let Some(given) = self.given.iter().find(is_same) {
            let path = PathBuf::from(&given.evidence);
            if path.is_file() {
                return file::read(&path, &of);
            }
            return self
                .in_store(&given.evidence, None, &of, Trust::Named)
                .await;
        }
        if self.assumes {
            return Ok(BaseImage {
                digest: Digest::of(name.as_bytes()).to_string(),
                config: BaseImageConfig::default(),
            });
        }
        let pinned = self.baseline.iter().find(|image| image.name == name);
        let Some(access) = self.registries else {
            return Err(match pinned {
                Some(_) => "the evidence has its digest and not its configuration, and registries are not asked (--offline)".to_owned(),
                None => "registries are not asked (--offline)".to_owned(),
            });
        };
        let reference = match pinned {
            Some(image) if !request.reference.contains('@') => {
                by_tag_or_digest(&format!("{name}@{}", image.digest))
            }
            _ => by_tag_or_digest(&request.reference),
        };
        // The Dockerfile names it: its host may be contacted, with the login for that host only.
        ImageLookup { access, ..*self }
            .in_store(&reference, None, &of, Trust::Consented)
            .await
    }

    /// Reads an image from a layout or a registry.
    async fn in_store(
        &self,
        text: &str,
        digest: Option<&str>,
        of: &Platform,
        trust: Trust,
    ) -> Result<BaseImage, String> {
        let parsed = Source::parse(text, &Path::is_dir).map_err(|error| error.to_string())?;
        let source = parsed.source.with_trust(trust);
        if !matches!(
            source.location,
            SourceLocation::Local(_) | SourceLocation::Registry(_)
        ) {
            return Err(format!(
                "{text} is neither an OCI layout nor an image in a registry"
            ));
        }
        let reader = backend::open(&source, self.access).map_err(|error| error.to_string())?;
        let root = match digest.filter(|digest| !digest.is_empty()) {
            Some(digest) => digest
                .parse()
                .map_err(|_| format!("`{digest}` is no digest"))?,
            None => image_named(&reader, source.select.as_ref(), text).await?,
        };
        read_image(&*reader, root, of).await
    }
}

/// Returns the message for an unknown image, with advice.
fn unknown(reference: &str, reason: &str) -> String {
    let familiar = ImageReference::parse(reference).map(|reference| reference.familiar());
    let name = familiar.unwrap_or_else(|_| reference.to_owned());
    let name = name.strip_suffix(":latest").unwrap_or(&name);
    format!(
        "the image {name} is not known, so the steps that use it are undecided: {reason}; \
         add `--image {name}=EVIDENCE`"
    )
}

fn of_request(request: &ImageRequest) -> Result<Platform, String> {
    let builder = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        ..Platform::default()
    };
    let parsed = platform::parse(&request.platform, &builder).map_err(|error| error.to_string())?;
    Ok(platform::normalize(&parsed))
}

fn without_digest(reference: &str) -> &str {
    reference.split('@').next().unwrap_or(reference)
}

/// Drops the tag if there is a digest.
fn by_tag_or_digest(reference: &str) -> String {
    match ImageReference::parse(reference) {
        Ok(parsed) if parsed.digest.is_some() => ImageReference {
            tag: None,
            ..parsed
        }
        .to_string(),
        _ => reference.to_owned(),
    }
}

/// Returns the image for the name in a store.
async fn image_named(
    reader: &SharedReader,
    select: Option<&RefSelector>,
    text: &str,
) -> Result<Digest, String> {
    let listed = all_refs(&**reader).await;
    let listed_refs = listed.map_err(|error| in_one_line(&error))?.entries;
    let is_named = |listed_ref: &&ListedRef| match select {
        Some(RefSelector::Digest(digest)) => listed_ref.descriptor.digest.valid() == Some(*digest),
        Some(RefSelector::Name(name)) => listed_ref.names.contains(name),
        Some(RefSelector::AnyOf(names)) => listed_ref.names.iter().any(|name| names.contains(name)),
        Some(select @ RefSelector::Glob(_)) => listed_ref
            .names
            .iter()
            .any(|name| select.selects(name, None)),
        None => listed_refs.len() == 1 || listed_ref.names.iter().any(|name| name == "latest"),
    };
    let found = listed_refs
        .iter()
        .find(is_named)
        .and_then(|listed_ref| listed_ref.descriptor.digest.valid());
    found.ok_or_else(|| match select {
        None if listed_refs.len() > 1 => {
            format!(
                "{text} holds {} images: choose one with #TAG",
                listed_refs.len()
            )
        }
        _ => format!("there is no such image in {text}"),
    })
}

/// Reads the configuration of an image for a platform.
async fn read_image(
    reader: &dyn CacheReader,
    root: Digest,
    of: &Platform,
) -> Result<BaseImage, String> {
    let read = async |digest| {
        let read = reader.read_document(digest, DOCUMENT_LIMIT).await;
        read.map_err(|error| in_one_line(&error))
    };
    let parse = |bytes: &[u8]| ManifestDocument::parse(bytes).map_err(|error| error.to_string());
    let mut document = parse(&read(root).await?)?;
    if let ManifestDocument::Index { entries, .. } = &document {
        let entry = best(entries, of)
            .ok_or_else(|| format!("the image has no manifest for {}", platform::format_all(of)))?;
        let digest = entry.digest.valid().ok_or("the index names no digest")?;
        document = parse(&read(digest).await?)?;
    }
    let ManifestDocument::Manifest { config, .. } = document else {
        return Err("the image is an index in an index".to_owned());
    };
    let config = config
        .digest
        .valid()
        .ok_or("the manifest names no configuration")?;
    let config = BaseImageConfig::parse(&read(config).await?).map_err(|error| error.to_string())?;
    Ok(BaseImage {
        digest: root.to_string(),
        config,
    })
}

/// Finds the manifest for a platform: that of its own variant, else of the nearest lower one.
fn best<'a>(entries: &'a [Descriptor], of: &Platform) -> Option<&'a Descriptor> {
    let variants: &[&str] = match (of.architecture.as_str(), of.variant.as_str()) {
        ("arm", "v8") => &["v8", "v7", "v6", "v5"],
        ("arm", "v7") => &["v7", "v6", "v5"],
        ("arm", "v6") => &["v6", "v5"],
        ("amd64", "v4") => &["v4", "v3", "v2", ""],
        ("amd64", "v3") => &["v3", "v2", ""],
        ("amd64", "v2") => &["v2", ""],
        ("arm64", "v9") => &["v9", ""],
        (_, variant) => &[variant],
    };
    let normal = |entry: &Descriptor| {
        let of = entry.platform.as_ref()?;
        Some(platform::normalize(&Platform {
            os: of.os.clone(),
            architecture: of.architecture.clone(),
            variant: of.variant.clone(),
            ..Platform::default()
        }))
    };
    let is_of = |entry: &&Descriptor, variant: &str| {
        normal(entry).is_some_and(|found| {
            found.os == of.os && found.architecture == of.architecture && found.variant == variant
        })
    };
    variants
        .iter()
        .find_map(|variant| entries.iter().find(|entry| is_of(entry, variant)))
}
