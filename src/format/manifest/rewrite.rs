//! Writes a cache manifest again with another configuration, in either of its forms.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::Descriptor;
use crate::format::digest::Digest;
use crate::format::lenient;
use crate::format::raw_object::RawObject;

/// Why a manifest cannot be written again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestRewriteError {
    /// It cannot be changed safely.
    #[error("the manifest cannot be changed safely: {0}")]
    Unclear(&'static str),
}

/// How to handle layers with several equal descriptors; BuildKit writes one descriptor for each
/// layer of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Each stays.
    Kept,
    /// One of them stays.
    Dropped,
}

/// Writes `text` again with the configuration of that digest and size, and only the layers for
/// whose blobs `keep` holds. Everything else stays verbatim.
///
/// # Errors
/// If it is no cache manifest, or its text is ambiguous.
pub fn with_config(
    text: &str,
    config: &Digest,
    size: u64,
    keep: impl Fn(&Digest) -> bool,
    repeats: Repeats,
) -> Result<String, ManifestRewriteError> {
    let mut seen = HashSet::new();
    let mut is_new =
        |text: &RawValue| repeats == Repeats::Kept || seen.insert(text.get().to_owned());
    let unclear = || ManifestRewriteError::Unclear("its fields read in two ways");
    let mut object =
        RawObject::parse(text).map_err(|_| ManifestRewriteError::Unclear("it is no object"))?;
    let new_config = |old: &RawValue| -> Option<Box<RawValue>> {
        let mut descriptor = RawObject::parse(old.get()).ok()?;
        descriptor.set("digest", config)?;
        descriptor.set("size", &size)?;
        RawValue::from_string(descriptor.to_text()?).ok()
    };
    if let Some(old) = object.only("config") {
        let layers: Vec<&RawValue> = list(object.only("layers").ok_or_else(unclear)?)?;
        let mut layers: Vec<&RawValue> = kept(layers, &keep)?;
        layers.retain(|layer| is_new(layer));
        object.set("layers", &layers).ok_or_else(unclear)?;
        object
            .set("config", &new_config(old).ok_or_else(unclear)?)
            .ok_or_else(unclear)?;
    } else {
        let entries = list(object.only("manifests").ok_or_else(unclear)?)?;
        let mut new: Vec<Box<RawValue>> = Vec::with_capacity(entries.len());
        for entry in entries {
            if descriptor(entry)?.is_cache_config() {
                new.push(new_config(entry).ok_or_else(unclear)?);
            } else if !kept(vec![entry], &keep)?.is_empty() && is_new(entry) {
                new.push(entry.to_owned());
            }
        }
        object.set("manifests", &new).ok_or_else(unclear)?;
    }
    object.to_text().ok_or_else(unclear)
}

fn list(text: &RawValue) -> Result<Vec<&RawValue>, ManifestRewriteError> {
    serde_json::from_str(text.get())
        .map_err(|_| ManifestRewriteError::Unclear("its layers are no list"))
}

fn descriptor(text: &RawValue) -> Result<Descriptor, ManifestRewriteError> {
    lenient::parse(text.get().as_bytes())
        .map_err(|_| ManifestRewriteError::Unclear("a layer is no descriptor"))
}

fn kept<'a>(
    layers: Vec<&'a RawValue>,
    keep: &impl Fn(&Digest) -> bool,
) -> Result<Vec<&'a RawValue>, ManifestRewriteError> {
    let mut left = Vec::with_capacity(layers.len());
    for layer in layers {
        if descriptor(layer)?
            .digest
            .valid()
            .is_some_and(|digest| keep(&digest))
        {
            left.push(layer);
        }
    }
    Ok(left)
}
