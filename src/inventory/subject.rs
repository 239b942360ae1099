//! The rows of an inventory, as a filter sees them.

use jiff::Timestamp;

use super::blobs::Blob;
use super::filter::{FilterSubject, FilterTextField, NumberField};
use super::{BlobState, RefEntry};
use crate::backend::{CacheEntryKind, OtherObject, StoreEntry};
use crate::format::digest::Digest;
use crate::format::layer::TarEntry;
use crate::format::layer::changes::LayerChange;

impl FilterSubject for RefEntry {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name | FilterTextField::Ref => Some(self.names().any(test)),
            FilterTextField::Kind => Some(test(self.kind.word())),
            FilterTextField::State => Some(test(self.state())),
            FilterTextField::Platform => Some(self.platforms.iter().any(|platform| test(platform))),
            FilterTextField::Step | FilterTextField::Path | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => Some(self.sizes.bytes),
            NumberField::Exclusive => self.sizes.exclusive_bytes,
            NumberField::Layers => Some(self.layers.into()),
            NumberField::Records => self.counts().map(|counts| counts.records),
            NumberField::Refs => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.age().map(|(time, _)| time)
    }

    fn digest(&self) -> Option<Digest> {
        RefEntry::digest(self).valid()
    }

    fn tagged(&self) -> Option<bool> {
        Some(self.tagged)
    }

    fn shared(&self) -> Option<bool> {
        self.sizes
            .exclusive_bytes
            .map(|bytes| bytes < self.sizes.bytes)
    }
}

/// A blob with its state.
#[derive(Debug, Clone, Copy)]
pub struct BlobRow<'a> {
    pub blob: Blob<'a>,
    /// Its state, from [`super::Inventory::blob_states`].
    pub state: BlobState,
}

impl FilterSubject for BlobRow<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.blob.digest().to_string())),
            FilterTextField::Kind => Some(test(self.blob.role().word())),
            FilterTextField::State => Some(test(self.state.word())),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => self.blob.size(),
            NumberField::Refs => Some(self.blob.refs().into()),
            NumberField::Exclusive | NumberField::Layers | NumberField::Records => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.blob.modified()
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.blob.digest())
    }
}

/// An object that is not a blob: an unfinished upload, an entry, or an object outside the cache.
#[derive(Debug, Clone, Copy)]
pub struct OtherRow<'a> {
    /// Its name in the store.
    pub name: &'a str,
    /// The word for its kind.
    pub kind: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// The time of its last write, or of its last use if known.
    pub modified: Option<Timestamp>,
    /// `partial`, `unknown`, `superseded` or `copy`.
    pub state: &'static str,
    /// The entry, for a store that deletes by entry.
    pub entry: Option<&'a StoreEntry>,
}

impl<'a> OtherRow<'a> {
    /// Returns the row of an object in `state`.
    pub fn object(object: &'a OtherObject, state: &'static str) -> Self {
        let OtherObject {
            name,
            kind,
            size,
            modified,
        } = object;
        Self {
            name,
            kind: kind.word(),
            size: *size,
            modified: *modified,
            state,
            entry: None,
        }
    }

    /// Returns the row of an entry that is not a blob.
    pub fn entry(entry: &'a StoreEntry) -> Self {
        let (kind, state) = match entry.kind {
            CacheEntryKind::Previous(_) => ("index", "superseded"),
            CacheEntryKind::Blob(_) | CacheEntryKind::Copy(_) => ("layer", "copy"),
            CacheEntryKind::Signature => ("signature", "unknown"),
            CacheEntryKind::Foreign(tool) => (tool, "unknown"),
        };
        let name = entry.name.as_str();
        let size = entry.size;
        let modified = Some(entry.touched());
        Self {
            name,
            kind,
            size,
            modified,
            state,
            entry: Some(entry),
        }
    }
}

impl FilterSubject for OtherRow<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(self.name)),
            FilterTextField::State => Some(test(self.state)),
            FilterTextField::Kind => Some(test(self.kind)),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Size).then_some(self.size)
    }

    fn created(&self) -> Option<Timestamp> {
        self.modified
    }
}

/// An entry of a layer, with the change of its path, if that is known.
#[derive(Debug, Clone, Copy)]
pub struct ComparedEntry<'a> {
    pub entry: &'a TarEntry,
    pub change: Option<LayerChange>,
}

impl FilterSubject for ComparedEntry<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name | FilterTextField::Path => Some(test(&self.entry.path)),
            FilterTextField::Kind => Some(test(self.entry.kind.word())),
            FilterTextField::Change => self.change.map(|change| test(change.word())),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::State
            | FilterTextField::Platform => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let has_size = !self.entry.kind.removes();
        (field == NumberField::Size && has_size).then_some(self.entry.size)
    }

    fn created(&self) -> Option<Timestamp> {
        self.entry.modified
    }
}
