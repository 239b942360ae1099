//! Contexts of a described build: directories, repositories, downloads, images and layouts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Described, DescribedError};
use crate::explain::frontend::{MainContext, NamedContext};
use crate::explain::load::context::ignored;
use crate::format::git_reference::GitReference;
use crate::format::go_text;
use crate::format::layout;

/// Returns whether the builder fetches a context.
pub fn is_remote(context: &str) -> bool {
    let is_web = context.starts_with("http://") || context.starts_with("https://");
    is_web
        || (!Path::new(context).is_dir()
            && matches!(GitReference::parse(context), Ok(Some(_)) | Err(_)))
}

pub(super) fn remote_context(
    context: &str,
    build_args: &BTreeMap<String, String>,
) -> Result<MainContext, DescribedError> {
    let wrong = |error: String| DescribedError::Option(format!("the context {context}: {error}"));
    let repository = GitReference::parse(context).map_err(|error| wrong(error.to_string()))?;
    let Some(repository) = repository else {
        return Ok(MainContext::Remote {
            identifier: context.to_owned(),
            attributes: BTreeMap::from([("http.filename".to_owned(), "context".to_owned())]),
            name: "[internal] load remote build context".to_owned(),
        });
    };
    let mut attributes = git_attributes(&repository);
    let keeps = build_args
        .get("BUILDKIT_CONTEXT_KEEP_GIT_DIR")
        .and_then(|text| go_text::parse_bool(text));
    if keeps == Some(true) {
        attributes.insert("git.keepgitdir".to_owned(), "true".to_owned());
    }
    if build_args
        .get("SOURCE_DATE_EPOCH")
        .is_some_and(|value| !value.is_empty())
    {
        attributes
            .entry("git.mtime".to_owned())
            .or_insert_with(|| "commit".to_owned());
    }
    Ok(MainContext::Remote {
        identifier: repository.identifier(),
        attributes,
        name: format!("[internal] load git source {context}"),
    })
}

fn git_attributes(repository: &GitReference) -> BTreeMap<String, String> {
    let mut attributes = repository.attributes();
    let mut set = |name: &str, value: &str| {
        attributes.insert(name.to_owned(), value.to_owned());
    };
    if repository.keep_git_dir == Some(true) {
        set("git.keepgitdir", "true");
    }
    if !repository.checksum.is_empty() {
        set("git.checksum", &repository.checksum);
    }
    if !repository.mtime.is_empty() {
        set("git.mtime", &repository.mtime);
    }
    attributes
}

/// Returns the value of `--build-context NAME=VALUE`.
pub(super) fn named_context(
    name: &str,
    value: &str,
    described: &mut Described,
) -> Result<NamedContext, DescribedError> {
    let wrong = |error: String| DescribedError::Option(format!("the context {name}: {error}"));
    if let Some(image) = value.strip_prefix("docker-image://") {
        return Ok(match image {
            "scratch" => NamedContext::Scratch,
            image => NamedContext::Image(image.to_owned()),
        });
    }
    if let Some(layout) = value.strip_prefix("oci-layout://") {
        return layout_context(layout).map_err(wrong);
    }
    if let Some(target) = value.strip_prefix("target:") {
        return Ok(NamedContext::Unknown(format!(
            "the context {name} is the output of the target {target}, which is not converted"
        )));
    }
    if Path::new(value).is_dir() {
        let directory = PathBuf::from(value);
        let excludes = ignored(&directory, None).map_err(DescribedError::Ignore)?;
        described
            .directories
            .named
            .insert(name.to_owned(), directory);
        described.used.push(value.to_owned());
        let is_taken = matches!(name, "context" | "dockerfile");
        let local = if is_taken {
            format!("_{name}")
        } else {
            name.to_owned()
        };
        return Ok(NamedContext::Local {
            name: local,
            excludes: excludes.unwrap_or_default(),
        });
    }
    let repository = GitReference::parse(value).map_err(|error| wrong(error.to_string()))?;
    if let Some(repository) = repository.filter(|found| !found.may_be_local) {
        return Ok(NamedContext::Remote {
            identifier: repository.identifier(),
            attributes: git_attributes(&repository),
            name: format!("[internal] load git source {value}"),
        });
    }
    if value.starts_with("http://") || value.starts_with("https://") {
        return Ok(NamedContext::Remote {
            identifier: value.to_owned(),
            attributes: BTreeMap::from([("http.filename".to_owned(), "context".to_owned())]),
            name: format!("[context {name}] {value}"),
        });
    }
    Err(DescribedError::NoContext(format!("{name}={value}")))
}

/// Finds the image of a layout: by its digest, else by its tag.
fn layout_context(text: &str) -> Result<NamedContext, String> {
    if let Some((store, digest)) = text.rsplit_once('@') {
        return Ok(NamedContext::Layout {
            store: store.to_owned(),
            digest: digest.to_owned(),
        });
    }
    let (store, tag) = match text.rsplit_once(':') {
        Some((store, tag)) if !tag.contains('/') => (store, tag),
        _ => (text, "latest"),
    };
    let index = Path::new(store).join("index.json");
    let bytes = std::fs::read(&index).map_err(|error| format!("{}: {error}", index.display()))?;
    let roots =
        layout::parse_index(&bytes).map_err(|error| format!("{}: {error}", index.display()))?;
    let root = roots
        .iter()
        .find(|root| root.names.iter().any(|name| name == tag));
    let digest = root.and_then(|root| root.descriptor.digest.valid());
    let digest = digest.ok_or_else(|| format!("{store} holds no image with the tag {tag}"))?;
    Ok(NamedContext::Layout {
        store: store.to_owned(),
        digest: digest.to_string(),
    })
}
