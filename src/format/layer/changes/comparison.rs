//! Compares a layer with the layers below it, while these are read.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::{LayerChanges, LowerFile, PathFate};
use crate::format::digest::Digest;
use crate::format::go_path;
use crate::format::layer::tree::{FileTree, ROOT, TreeIndex};
use crate::format::layer::{LayerError, LayerLimits, TarEntry, TarEntryDetail, TarEntryKind, read};

/// How much of a file is hashed at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// The comparison of a layer with the layers below it.
#[derive(Debug)]
pub struct LayerComparison {
    tree: Arc<FileTree>,
    index: TreeIndex,
    fates: Vec<PathFate>,
    found: Vec<LowerFile>,
    /// The hash of the content of found files that may be the same, by their index in `found`.
    hashes: HashMap<u32, Digest>,
    undecided: usize,
    layers: u32,
}

/// The entries of a lower layer, by the nodes of the upper one.
struct LowerLayer {
    marks: Vec<u8>,
    files: HashMap<u32, (LowerFile, Option<Digest>)>,
}

/// The layer has something below the path.
const HAS_CHILDREN: u8 = 1;
/// The layer removes the path.
const REMOVED: u8 = 2;
/// The layer removes the content of the directory.
const EMPTIED: u8 = 4;
/// The layer has something at the path that is not a directory.
const NO_FOLDER: u8 = 8;
/// That is a symbolic link.
const LINK: u8 = 16;

impl LayerComparison {
    /// Compares the files of `tree`, all of one layer.
    pub fn new(tree: Arc<FileTree>) -> Self {
        let count = tree.count();
        let mut fates = vec![PathFate::Undecided; count];
        // The root is always there, and no entry of it can replace it.
        fates[ROOT as usize] = PathFate::Found(0);
        Self {
            index: TreeIndex::of(&tree),
            fates,
            found: vec![LowerFile {
                layer: 0,
                kind: TarEntryKind::Directory.word(),
                bytes: None,
                access: None,
                has_same_content: None,
            }],
            hashes: HashMap::new(),
            undecided: count - 1,
            layers: 0,
            tree,
        }
    }

    /// Returns whether the layers further below change nothing.
    pub fn is_decided(&self) -> bool {
        self.undecided == 0
    }

    /// Reads the next layer below.
    ///
    /// # Errors
    /// If the layer cannot be read. The comparison is then as before, and must not read a layer
    /// further below.
    pub fn read_below(
        &mut self,
        blob: &mut impl Read,
        limits: &LayerLimits,
    ) -> Result<(), LayerError> {
        let mut lower = LowerLayer {
            marks: vec![0; self.fates.len()],
            files: HashMap::new(),
        };
        read(&mut *blob, limits, |entry, detail, content| {
            self.visit(&mut lower, &entry, &detail, content)
        })?;
        // The digest of the blob is checked at its end.
        io::copy(blob, &mut io::sink()).map_err(LayerError::Read)?;
        self.settle(lower);
        self.layers += 1;
        Ok(())
    }

    /// Returns whether a file may have the content that it had before, so that
    /// [`Self::read_own`] is needed.
    pub fn needs_content(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// Reads the layer itself, to compare the content of files that have the same size.
    ///
    /// # Errors
    /// If the layer cannot be read. The contents are then unknown.
    pub fn read_own(
        &mut self,
        blob: &mut impl Read,
        limits: &LayerLimits,
    ) -> Result<(), LayerError> {
        let mut wanted: HashMap<u64, u32> = HashMap::new();
        for (node, fate) in (0..).zip(&self.fates) {
            if let (PathFate::Found(at), Some(own)) = (fate, self.tree.entry(node))
                && self.hashes.contains_key(at)
            {
                wanted.insert(own.number, *at);
            }
        }
        let mut same: Vec<(u32, bool)> = Vec::new();
        let mut number = 0;
        read(&mut *blob, limits, |_, _, content| {
            if let Some(at) = wanted.get(&number) {
                let hash = hash_of(content)?;
                same.push((*at, self.hashes.get(at) == Some(&hash)));
            }
            number += 1;
            Ok(())
        })?;
        io::copy(blob, &mut io::sink()).map_err(LayerError::Read)?;
        for (at, is_same) in same {
            self.found[at as usize].has_same_content = Some(is_same);
        }
        Ok(())
    }

    /// Ends the comparison. `is_whole` is whether all layers below were read, or needed not be.
    pub fn finish(mut self, is_whole: bool) -> LayerChanges {
        for node in 0..self.fates.len() {
            match self.fates[node] {
                PathFate::Undecided if is_whole => self.fates[node] = PathFate::Absent,
                PathFate::Undecided => self.fates[node] = PathFate::Unknown,
                PathFate::Folder(layer) => self.describe_folder(node, layer),
                PathFate::Absent | PathFate::Found(_) | PathFate::Unknown => {}
            }
        }
        LayerChanges {
            tree: self.tree,
            fates: self.fates,
            found: self.found,
        }
    }

    /// Notes an entry of a lower layer.
    fn visit(
        &self,
        lower: &mut LowerLayer,
        entry: &TarEntry,
        detail: &TarEntryDetail,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut content = Some(content);
        for node in self.walk(lower, entry).into_iter().flatten() {
            let marks = &mut lower.marks[node as usize];
            match entry.kind {
                TarEntryKind::Whiteout => {
                    *marks |= REMOVED;
                    continue;
                }
                TarEntryKind::Opaque => {
                    *marks |= EMPTIED;
                    continue;
                }
                // Of two entries with one path, the later one counts.
                TarEntryKind::Directory => *marks &= !(NO_FOLDER | LINK),
                TarEntryKind::Symlink { .. } => *marks |= NO_FOLDER | LINK,
                _ => *marks = *marks & !LINK | NO_FOLDER,
            }
            let (has_same_content, is_candidate) = self.compare(node, entry, detail);
            let hash = match content.take_if(|_| is_candidate) {
                Some(content) => Some(hash_of(content)?),
                None => None,
            };
            let file = LowerFile {
                layer: self.layers as usize,
                kind: entry.kind.word(),
                bytes: (entry.kind == TarEntryKind::File).then_some(entry.size),
                access: Some((entry.mode, entry.uid, entry.gid)),
                has_same_content,
            };
            lower.files.insert(node, (file, hash));
        }
        Ok(())
    }

    /// Returns the nodes with the path of an entry: a file and a deletion. Notes that the folders
    /// on the way have something below them.
    fn walk(&self, lower: &mut LowerLayer, entry: &TarEntry) -> [Option<u32>; 2] {
        let parts = go_path::parts(&entry.path);
        let removes = entry.kind.removes();
        let Some((last, folders)) = parts.split_last() else {
            return [removes.then_some(ROOT), None];
        };
        let mut at = ROOT;
        for part in folders {
            let find = |is_whiteout| self.index.find(&self.tree, at, part, is_whiteout);
            let folder = find(false);
            if !removes {
                for node in folder.into_iter().chain(find(true)) {
                    lower.marks[node as usize] |= HAS_CHILDREN;
                }
            }
            match folder {
                Some(folder) => at = folder,
                None => return [None, None],
            }
        }
        [false, true].map(|is_whiteout| self.index.find(&self.tree, at, last, is_whiteout))
    }

    /// Compares an entry of a lower layer with the node that replaces it: whether it has the same
    /// content as far as the header shows, and whether the content must be read to know.
    fn compare(
        &self,
        node: u32,
        entry: &TarEntry,
        detail: &TarEntryDetail,
    ) -> (Option<bool>, bool) {
        let Some(own) = self.tree.entry(node).map(|own| &own.entry) else {
            return (None, false);
        };
        match (&own.kind, &entry.kind) {
            (TarEntryKind::File, TarEntryKind::File) if own.size != entry.size => {
                (Some(false), false)
            }
            (TarEntryKind::File, TarEntryKind::File) => match own.size {
                0 => (Some(true), false),
                _ => (None, !detail.is_sparse),
            },
            (TarEntryKind::Symlink { target: own }, TarEntryKind::Symlink { target }) => {
                (Some(own == target), false)
            }
            _ => (None, false),
        }
    }

    /// Decides about the nodes that a layer has, removes or hides. A parent precedes its children.
    fn settle(&mut self, lower: LowerLayer) {
        let LowerLayer { marks, mut files } = lower;
        // Whether something above a node hides the layers further below, and whether that is sure.
        let mut hidden = vec![(false, true); self.fates.len()];
        for node in 1..self.fates.len() {
            let number = u32::try_from(node).unwrap_or(u32::MAX);
            let parent = self.tree.parent(number) as usize;
            let above = marks[parent];
            let is_blocked = above & NO_FOLDER != 0;
            hidden[node] = match hidden[parent] {
                (true, is_sure) => (true, is_sure),
                // The layer replaces the link by a directory, so nothing follows it.
                _ if above & LINK != 0 => (true, self.has_folder(parent)),
                _ => (is_blocked || above & (REMOVED | EMPTIED) != 0, true),
            };
            let (is_hidden, is_sure) = hidden[node];
            let layer = match self.fates[node] {
                PathFate::Undecided if marks[node] & HAS_CHILDREN != 0 => Some(self.layers),
                PathFate::Undecided => None,
                PathFate::Folder(layer) => Some(layer),
                PathFate::Absent | PathFate::Found(_) | PathFate::Unknown => continue,
            };
            if let Some((file, hash)) = files.remove(&number) {
                if is_blocked {
                    // An archive with a file and something below it.
                    self.decide(node, PathFate::Unknown);
                } else if layer.is_none_or(|_| file.kind == TarEntryKind::Directory.word()) {
                    self.find(node, file, hash);
                } else {
                    self.describe_folder(node, layer.unwrap_or_default());
                }
            } else if is_hidden || marks[node] & REMOVED != 0 {
                match layer {
                    Some(layer) => self.describe_folder(node, layer),
                    None if is_sure => self.decide(node, PathFate::Absent),
                    None => self.decide(node, PathFate::Unknown),
                }
            } else if let Some(layer) = layer {
                self.fates[node] = PathFate::Folder(layer);
            }
        }
    }

    /// Returns whether the layer itself describes a node as a directory.
    fn has_folder(&self, node: usize) -> bool {
        let own = self.tree.entry(u32::try_from(node).unwrap_or(u32::MAX));
        own.is_some_and(|own| own.entry.kind == TarEntryKind::Directory)
    }

    fn decide(&mut self, node: usize, fate: PathFate) {
        self.fates[node] = fate;
        self.undecided = self.undecided.saturating_sub(1);
    }

    fn find(&mut self, node: usize, file: LowerFile, hash: Option<Digest>) {
        let at = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        self.found.push(file);
        self.hashes.extend(hash.map(|hash| (at, hash)));
        self.decide(node, PathFate::Found(at));
    }

    /// Decides that a directory is there which no entry describes.
    fn describe_folder(&mut self, node: usize, layer: u32) {
        let folder = LowerFile {
            layer: layer as usize,
            kind: TarEntryKind::Directory.word(),
            bytes: None,
            access: None,
            has_same_content: None,
        };
        self.find(node, folder, None);
    }
}

fn hash_of(content: &mut dyn Read) -> io::Result<Digest> {
    let mut hasher = Digest::sha256_hasher();
    let mut buffer = vec![0; CHUNK];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
