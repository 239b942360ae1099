//! The files of a layer as a tree, built while the archive is read.
//!
//! # Shape
//! Nodes are numbered in order of appearance, so a parent always precedes its children. Every pass
//! over the tree is a loop over numbers without recursion, however deep the paths are.
//!
//! # Cost
//! All names share one text buffer, and folders without an entry in the archive store no entry.
//! [`Bounds`] limit the memory that a hostile layer can use.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use super::{TarEntry, TarEntryKind};
use crate::format::go_path;

/// The number of the root.
pub const ROOT: u32 = 0;
/// Means no entry or no node.
const NONE: u32 = u32::MAX;

/// The files of a layer that were read so far.
#[derive(Debug, Clone)]
pub struct FileTree {
    nodes: Vec<FileNode>,
    entries: Vec<FileEntry>,
    text: String,
    totals: LayerTotals,
    /// Whether each folder at the top stands for a layer and has the name of its step.
    has_layers: bool,
}

/// The sums of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerTotals {
    /// The unpacked size of its files in bytes.
    pub bytes: u64,
    /// The number of files: everything except folders and deletions.
    pub files: u64,
    /// The number of paths that it deletes or empties in the layers below.
    pub removed: u64,
}

impl LayerTotals {
    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.files = self.files.saturating_add(other.files);
        self.removed = self.removed.saturating_add(other.removed);
    }
}

#[derive(Debug, Clone, Copy)]
struct FileNode {
    parent: u32,
    name: TreeText,
    entry: u32,
    is_whiteout: bool,
    /// Whether the layer hides the content that lower layers have in this folder.
    is_emptied: bool,
}

/// A part of the tree's text.
#[derive(Debug, Clone, Copy, Default)]
struct TreeText {
    start: u32,
    length: u32,
}

/// The archive's data about a file.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// The index of the entry in the archive.
    pub number: u64,
    /// The entry, without its path.
    pub entry: TarEntry,
}

impl Default for FileTree {
    fn default() -> Self {
        let root = FileNode {
            parent: ROOT,
            name: TreeText::default(),
            entry: NONE,
            is_whiteout: false,
            is_emptied: false,
        };
        Self {
            nodes: vec![root],
            entries: Vec::new(),
            text: String::new(),
            totals: LayerTotals::default(),
            has_layers: false,
        }
    }
}

impl FileTree {
    /// Returns the number of nodes, the root included.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the sums of the layer.
    pub fn totals(&self) -> LayerTotals {
        self.totals
    }

    /// Returns the parent folder of a node; the root is its own parent.
    pub fn parent(&self, node: u32) -> u32 {
        self.nodes[node as usize].parent
    }

    /// Returns the last part of a node's path.
    pub fn name(&self, node: u32) -> &str {
        self.text(self.nodes[node as usize].name)
    }

    /// Returns the archive's entry for a node, if there is one.
    pub fn entry(&self, node: u32) -> Option<&FileEntry> {
        self.entries.get(self.nodes[node as usize].entry as usize)
    }

    /// Returns the kind of a node: a folder, if only the paths of its files name it.
    pub fn kind(&self, node: u32) -> &TarEntryKind {
        self.entry(node)
            .map_or(&TarEntryKind::Directory, |described| &described.entry.kind)
    }

    /// Returns whether a node is the deletion of a path.
    pub fn is_whiteout(&self, node: u32) -> bool {
        self.nodes[node as usize].is_whiteout
    }

    /// Returns whether a node is a folder.
    pub fn is_folder(&self, node: u32) -> bool {
        *self.kind(node) == TarEntryKind::Directory
    }

    /// Returns whether the layer hides the content that lower layers have in a folder.
    pub fn is_emptied(&self, node: u32) -> bool {
        self.nodes[node as usize].is_emptied
    }

    /// Returns the sums of a node itself, without its children.
    pub fn own(&self, node: u32) -> LayerTotals {
        let is_removal = *self.kind(node) == TarEntryKind::Whiteout;
        LayerTotals {
            bytes: self.entry(node).map_or(0, |described| described.entry.size),
            files: u64::from(!self.is_folder(node) && !is_removal),
            removed: u64::from(is_removal) + u64::from(self.is_emptied(node)),
        }
    }

    /// Returns the path of a node; `.` for the root.
    pub fn path(&self, node: u32) -> String {
        self.path_below(self.layer(node).unwrap_or(ROOT), node)
    }

    /// Returns whether the folders at the top stand for layers.
    pub fn has_layers(&self) -> bool {
        self.has_layers
    }

    /// Returns the folder that stands for the layer of a node, if there are several layers.
    pub fn layer(&self, node: u32) -> Option<u32> {
        let mut at = node;
        while self.has_layers && at != ROOT {
            let parent = self.parent(at);
            if parent == ROOT {
                return Some(at);
            }
            at = parent;
        }
        None
    }

    /// Returns the path of a node relative to the folder `from`; `.` if they are the same.
    pub fn path_below(&self, from: u32, node: u32) -> String {
        let mut names = Vec::new();
        let mut at = node;
        while at != from && at != ROOT {
            names.push(self.name(at));
            at = self.parent(at);
        }
        if names.is_empty() {
            return ".".to_owned();
        }
        names.reverse();
        names.join("/")
    }

    fn text(&self, text: TreeText) -> &str {
        let start = text.start as usize;
        self.text
            .get(start..start + text.length as usize)
            .unwrap_or_default()
    }
}

/// The maximum size of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The maximum number of files and folders.
    pub nodes: usize,
    /// The maximum bytes of all names and link targets.
    pub text: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            nodes: 2_000_000,
            text: 256 << 20,
        }
    }
}

/// The layer has more files, folders or text than [`Bounds`] allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Finds the nodes of a tree by their folder and name.
#[derive(Debug, Default)]
pub(super) struct TreeIndex {
    hasher: RandomState,
    /// The last node by the hash of its folder and name.
    first: HashMap<u64, u32>,
    /// For each node, an earlier node with the same hash.
    others: Vec<u32>,
}

impl TreeIndex {
    /// Indexes all nodes of a tree.
    pub(super) fn of(tree: &FileTree) -> Self {
        let mut index = Self::default();
        for node in 1..tree.nodes.len() {
            index.insert(tree, u32::try_from(node).unwrap_or(NONE));
        }
        index
    }

    /// Returns the node called `name` in a folder: the deletion of that path if `is_whiteout`.
    pub(super) fn find(
        &self,
        tree: &FileTree,
        parent: u32,
        name: &str,
        is_whiteout: bool,
    ) -> Option<u32> {
        let hash = self.hasher.hash_one((parent, is_whiteout, name));
        let mut known = self.first.get(&hash).copied();
        while let Some(node) = known.filter(|node| *node != NONE) {
            let at = tree.nodes.get(node as usize)?;
            if at.parent == parent && at.is_whiteout == is_whiteout && tree.name(node) == name {
                return Some(node);
            }
            known = self.others.get(node as usize).copied();
        }
        None
    }

    /// Adds a node. Nodes are added in order.
    fn insert(&mut self, tree: &FileTree, node: u32) {
        let at = &tree.nodes[node as usize];
        let hash = (at.parent, at.is_whiteout, tree.name(node));
        let hash = self.hasher.hash_one(hash);
        let first = self.first.insert(hash, node);
        self.others.resize(node as usize, NONE);
        self.others.push(first.unwrap_or(NONE));
    }
}

/// Builds a tree from the entries of the archive.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    tree: FileTree,
    bounds: Bounds,
    /// The number of entries in the archive so far.
    seen: u64,
    index: TreeIndex,
    /// The bytes of all link targets.
    targets: usize,
    /// The nodes on the path of the last entry, because archives list folder by folder.
    last: Vec<u32>,
}

impl TreeBuilder {
    /// Returns the tree so far.
    pub fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// Returns the tree.
    pub fn into_tree(self) -> FileTree {
        self.tree
    }

    /// Begins another of several archives, whose entries are numbered on their own and lie in a
    /// folder at the top.
    pub fn begin_archive(&mut self) {
        self.seen = 0;
        self.tree.has_layers = true;
    }

    /// Adds the next entry of the archive, and returns its node. If a path has two entries, the
    /// later one counts.
    ///
    /// # Errors
    /// Fails if the tree would be too large; it is then unchanged.
    pub fn add(&mut self, entry: &TarEntry) -> Result<u32, TooLarge> {
        let number = self.seen;
        self.seen += 1;
        let is_whiteout = entry.kind == TarEntryKind::Whiteout;
        let node = self.node(&entry.path, is_whiteout)?;
        let before = self.tree.own(node);
        if entry.kind == TarEntryKind::Opaque {
            self.tree.nodes[node as usize].is_emptied = true;
        } else {
            self.describe(node, number, entry)?;
        }
        let after = self.tree.own(node);
        let totals = &mut self.tree.totals;
        // The node was counted before, if it existed.
        totals.bytes = totals
            .bytes
            .saturating_sub(before.bytes)
            .saturating_add(after.bytes);
        totals.files = (totals.files + after.files).saturating_sub(before.files);
        totals.removed = (totals.removed + after.removed).saturating_sub(before.removed);
        Ok(node)
    }

    fn describe(&mut self, node: u32, number: u64, entry: &TarEntry) -> Result<(), TooLarge> {
        let target = entry.kind.link().map_or(0, str::len);
        if self.tree.text.len() + self.targets + target > self.bounds.text {
            return Err(TooLarge);
        }
        self.targets += target;
        let described = FileEntry {
            number,
            entry: TarEntry {
                path: String::new(),
                ..entry.clone()
            },
        };
        let place = self.tree.nodes[node as usize].entry;
        match self.tree.entries.get_mut(place as usize) {
            Some(before) => *before = described,
            None => {
                self.tree.nodes[node as usize].entry =
                    u32::try_from(self.tree.entries.len()).map_err(|_| TooLarge)?;
                self.tree.entries.push(described);
            }
        }
        Ok(())
    }

    /// Returns the node of a path, and creates it and its folders if they are new.
    fn node(&mut self, path: &str, is_whiteout: bool) -> Result<u32, TooLarge> {
        let parts = go_path::parts(path);
        let mut last = std::mem::take(&mut self.last);
        let is_same = |(node, part): &(&u32, &&str)| {
            !self.tree.nodes[**node as usize].is_whiteout && self.tree.name(**node) == **part
        };
        let folders = parts.len().saturating_sub(1);
        let same = last
            .iter()
            .zip(&parts[..folders])
            .take_while(is_same)
            .count();
        last.truncate(same);
        let mut at = last.last().copied().unwrap_or(ROOT);
        for (place, part) in parts.iter().enumerate().skip(same) {
            let ends_whiteout = is_whiteout && place == folders;
            match self.child(at, part, ends_whiteout) {
                Ok(child) => at = child,
                Err(error) => {
                    self.last = last;
                    return Err(error);
                }
            }
            last.push(at);
        }
        self.last = last;
        Ok(at)
    }

    fn child(&mut self, parent: u32, name: &str, is_whiteout: bool) -> Result<u32, TooLarge> {
        if let Some(node) = self.index.find(&self.tree, parent, name, is_whiteout) {
            return Ok(node);
        }
        if self.tree.nodes.len() >= self.bounds.nodes {
            return Err(TooLarge);
        }
        let name = self.keep(name)?;
        let node = u32::try_from(self.tree.nodes.len()).map_err(|_| TooLarge)?;
        self.tree.nodes.push(FileNode {
            parent,
            name,
            entry: NONE,
            is_whiteout,
            is_emptied: false,
        });
        self.index.insert(&self.tree, node);
        Ok(node)
    }

    fn keep(&mut self, text: &str) -> Result<TreeText, TooLarge> {
        if self.tree.text.len() + self.targets + text.len() > self.bounds.text {
            return Err(TooLarge);
        }
        let number = |length: usize| u32::try_from(length).map_err(|_| TooLarge);
        let kept = TreeText {
            start: number(self.tree.text.len())?,
            length: number(text.len())?,
        };
        self.tree.text.push_str(text);
        Ok(kept)
    }
}

#[cfg(test)]
mod tests;
