//! Writes a cache manifest again for another configuration, in either of its forms.

use serde_json::value::RawValue;

use super::Descriptor;
use crate::format::digest::Digest;
use crate::format::lenient;
use crate::format::raw_object::RawObject;

/// Says why a manifest is not written again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// It cannot be changed beyond doubt.
    #[error("the manifest cannot be changed safely: {0}")]
    Unclear(&'static str),
}

/// Writes `text` again: with the configuration of that digest and size, and only those layers for whose blobs `keep` holds.
/// Everything else stays as it stands.
///
/// # Errors
/// When it is no cache manifest, or one that reads in two ways.
pub fn with_config(
    text: &str,
    config: &Digest,
    size: u64,
    keep: impl Fn(&Digest) -> bool,
) -> Result<String, RewriteError> {
    let unclear = || RewriteError::Unclear("its fields read in two ways");
    let mut object = RawObject::parse(text).map_err(|_| RewriteError::Unclear("it is no object"))?;
    let new_config = |old: &RawValue| -> Option<Box<RawValue>> {
        let mut descriptor = RawObject::parse(old.get()).ok()?;
        descriptor.set("digest", config)?;
        descriptor.set("size", &size)?;
        RawValue::from_string(descriptor.to_text()?).ok()
    };
    if let Some(old) = object.only("config") {
        let layers: Vec<&RawValue> = list(object.only("layers").ok_or_else(unclear)?)?;
        let layers: Vec<&RawValue> = kept(layers, &keep)?;
        object.set("layers", &layers).ok_or_else(unclear)?;
        object.set("config", &new_config(old).ok_or_else(unclear)?).ok_or_else(unclear)?;
    } else {
        let entries = list(object.only("manifests").ok_or_else(unclear)?)?;
        let mut new: Vec<Box<RawValue>> = Vec::with_capacity(entries.len());
        for entry in entries {
            if descriptor(entry)?.is_cache_config() {
                new.push(new_config(entry).ok_or_else(unclear)?);
            } else if !kept(vec![entry], &keep)?.is_empty() {
                new.push(entry.to_owned());
            }
        }
        object.set("manifests", &new).ok_or_else(unclear)?;
    }
    object.to_text().ok_or_else(unclear)
}

fn list(text: &RawValue) -> Result<Vec<&RawValue>, RewriteError> {
    serde_json::from_str(text.get()).map_err(|_| RewriteError::Unclear("its layers are no list"))
}

fn descriptor(text: &RawValue) -> Result<Descriptor, RewriteError> {
    lenient::parse(text.get().as_bytes()).map_err(|_| RewriteError::Unclear("a layer is no descriptor"))
}

fn kept<'a>(layers: Vec<&'a RawValue>, keep: &impl Fn(&Digest) -> bool) -> Result<Vec<&'a RawValue>, RewriteError> {
    let mut left = Vec::with_capacity(layers.len());
    for layer in layers {
        if descriptor(layer)?.digest.valid().is_some_and(|digest| keep(&digest)) {
            left.push(layer);
        }
    }
    Ok(left)
}
