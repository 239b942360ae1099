//! The changes of a layer to the layers below it.
//!
//! # How
//! The layers below are read from the nearest one down. The first one that has a path, or removes
//! it, decides about that path, so whiteouts and opaque directories apply in order. A whiteout does
//! not apply to the entries of its own layer.
//!
//! # Cost
//! Memory grows with the files of the layer, not with those of the layers below. Reading can end as
//! soon as [`LayerComparison::is_decided`].
//!
//! # Limits
//! A path through a symbolic link of a lower layer is unknown, because a builder may follow the
//! link. If a layer below cannot be read, the paths that are not decided yet are unknown.

use std::fmt;
use std::sync::Arc;

use super::TarEntryKind;
use super::tree::{FileTree, ROOT};
use crate::text::units::{Size, grouped};

mod comparison;

pub use comparison::LayerComparison;

/// The effect of a layer on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerChange {
    /// The layers below do not have the path.
    Added,
    /// It replaces a file or directory of the layers below.
    Changed,
    /// The layers below have the directory with the same mode and owner.
    Same,
    /// The layers below have the path, and the layer removes it.
    Deleted,
    /// The layer removes a path that the layers below do not have.
    Nothing,
}

impl LayerChange {
    /// Returns the word in JSON, tables and filters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Deleted => "deleted",
            Self::Nothing => "nothing",
        }
    }
}

/// A file or directory of the layers below, at the path of one of the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LowerFile {
    /// The layer that has it: 0 is the nearest one below.
    pub layer: usize,
    /// Its kind, as [`TarEntryKind::word`].
    pub kind: &'static str,
    /// Its size in bytes if it is a regular file.
    pub bytes: Option<u64>,
    /// The mode, owner and group; `None` for a directory that no entry describes.
    pub access: Option<(u32, u64, u64)>,
    /// Whether the content of the file, or the target of the link, is the same.
    pub has_same_content: Option<bool>,
}

/// The changes of a layer, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeTotals {
    /// The number of added files; directories are not counted.
    pub added: u64,
    /// The number of changed files.
    pub changed: u64,
    /// The bytes that the changed files had before.
    pub bytes_before: u64,
    /// The number of changed files whose content is the same.
    pub same_content: u64,
    /// The number of deleted paths.
    pub deleted: u64,
    /// The number of files and deletions that cannot be compared.
    pub unknown: u64,
}

impl ChangeTotals {
    /// Adds other totals.
    pub fn add(&mut self, other: Self) {
        self.added = self.added.saturating_add(other.added);
        self.changed = self.changed.saturating_add(other.changed);
        self.bytes_before = self.bytes_before.saturating_add(other.bytes_before);
        self.same_content = self.same_content.saturating_add(other.same_content);
        self.deleted = self.deleted.saturating_add(other.deleted);
        self.unknown = self.unknown.saturating_add(other.unknown);
    }
}

impl fmt::Display for ChangeTotals {
    /// Writes a sum such as `12 added, 3 changed (1.2 MiB before), 1 deleted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut part = |count: u64, text: String| {
            if count > 0 {
                parts.push(format!("{} {text}", grouped(count)));
            }
        };
        part(self.added, "added".to_owned());
        let before = Size(self.bytes_before);
        let same = match self.same_content {
            0 => String::new(),
            count if count == self.changed => ", same content".to_owned(),
            count => format!(", {} with the same content", grouped(count)),
        };
        part(self.changed, format!("changed ({before} before{same})"));
        part(self.deleted, "deleted".to_owned());
        part(self.unknown, "unknown".to_owned());
        if parts.is_empty() {
            return f.write_str("no file changed");
        }
        f.write_str(&parts.join(", "))
    }
}

/// The decision of the layers below about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathFate {
    Undecided,
    /// A layer has files below the path, and none describes the path so far.
    Folder(u32),
    /// Nothing is there.
    Absent,
    /// A layer has it: the index of the [`LowerFile`].
    Found(u32),
    Unknown,
}

/// The changes of a layer, by the nodes of its tree.
#[derive(Debug)]
pub struct LayerChanges {
    tree: Arc<FileTree>,
    fates: Vec<PathFate>,
    found: Vec<LowerFile>,
}

impl LayerChanges {
    /// Returns the file or directory of the layers below at a node, which the layer replaces or
    /// deletes.
    pub fn below(&self, node: u32) -> Option<&LowerFile> {
        match self.fates.get(node as usize)? {
            PathFate::Found(at) if node != ROOT => self.found.get(*at as usize),
            _ => None,
        }
    }

    /// Returns the change of a node; `None` if it is unknown.
    pub fn of(&self, node: u32) -> Option<LayerChange> {
        let is_whiteout = self.tree.is_whiteout(node);
        match self.fates.get(node as usize)? {
            PathFate::Absent if is_whiteout => Some(LayerChange::Nothing),
            PathFate::Absent => Some(LayerChange::Added),
            PathFate::Found(_) if is_whiteout => Some(LayerChange::Deleted),
            PathFate::Found(at) => self.replaced(node, self.found.get(*at as usize)?),
            PathFate::Undecided | PathFate::Folder(_) | PathFate::Unknown => None,
        }
    }

    /// Returns the change of the earlier content of a directory that the layer empties.
    pub fn of_content(&self, node: u32) -> Option<LayerChange> {
        let is_folder = |file: &LowerFile| file.kind == TarEntryKind::Directory.word();
        match self.fates.get(node as usize)? {
            PathFate::Found(at) if is_folder(self.found.get(*at as usize)?) => {
                Some(LayerChange::Deleted)
            }
            PathFate::Found(_) | PathFate::Absent => Some(LayerChange::Nothing),
            PathFate::Undecided | PathFate::Folder(_) | PathFate::Unknown => None,
        }
    }

    fn replaced(&self, node: u32, before: &LowerFile) -> Option<LayerChange> {
        let was_folder = before.kind == TarEntryKind::Directory.word();
        if !self.tree.is_folder(node) || !was_folder {
            return Some(LayerChange::Changed);
        }
        let Some(own) = self.tree.entry(node).map(|own| &own.entry) else {
            // The layer only has files in it.
            return Some(LayerChange::Same);
        };
        let own = (own.mode, own.uid, own.gid);
        let is_same = before.access.map(|access| access == own)?;
        Some(if is_same {
            LayerChange::Same
        } else {
            LayerChange::Changed
        })
    }

    /// Returns the changes of a node itself, without its children.
    pub fn own(&self, node: u32) -> ChangeTotals {
        let mut totals = ChangeTotals::default();
        let own = self.tree.own(node);
        if self.tree.is_emptied(node) {
            match self.of_content(node) {
                Some(LayerChange::Deleted) => totals.deleted += 1,
                Some(_) => {}
                None => totals.unknown += 1,
            }
        }
        if own.files == 0 && !self.tree.is_whiteout(node) {
            return totals;
        }
        match self.of(node) {
            Some(LayerChange::Added) => totals.added += 1,
            Some(LayerChange::Changed) => {
                let before = self.below(node);
                totals.changed += 1;
                totals.bytes_before += before.and_then(|before| before.bytes).unwrap_or_default();
                let is_same = before.and_then(|before| before.has_same_content) == Some(true);
                totals.same_content += u64::from(is_same);
            }
            Some(LayerChange::Deleted) => totals.deleted += 1,
            Some(LayerChange::Same | LayerChange::Nothing) => {}
            None => totals.unknown += 1,
        }
        totals
    }

    /// Returns the changes of the whole layer.
    pub fn totals(&self) -> ChangeTotals {
        let mut totals = ChangeTotals::default();
        for node in 0..self.fates.len() {
            totals.add(self.own(u32::try_from(node).unwrap_or(u32::MAX)));
        }
        totals
    }
}

#[cfg(test)]
mod tests;
