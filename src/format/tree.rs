//! YAML and JSON documents as one kind of tree, with the location of every node.
//!
//! Aliases share the node of their anchor, so a document that expands to billions of nodes stays as
//! small as its text. Code that walks a tree must bound its own steps.

pub mod json;
pub mod yaml;

use std::collections::HashSet;

use super::located::{Located, TextPlace};

/// The number of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

#[derive(Debug)]
struct Stored {
    value: TreeValue,
    place: TextPlace,
    tag: Option<String>,
}

#[derive(Debug)]
enum TreeValue {
    Scalar { text: Located, quoted: bool },
    List(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
}

/// The documents of one file.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Stored>,
    documents: Vec<NodeId>,
}

/// Why a file could not be read as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeError {
    /// The line where parsing stopped.
    pub line: u32,
    pub reason: String,
    /// Whether the file is larger or nested deeper than is read.
    pub exceeds_limit: bool,
}

impl Tree {
    /// The documents.
    pub fn documents(&self) -> impl Iterator<Item = TreeNode<'_>> {
        self.documents.iter().map(|id| TreeNode {
            tree: self,
            id: *id,
        })
    }

    /// The first document.
    pub fn root(&self) -> Option<TreeNode<'_>> {
        self.documents().next()
    }

    /// The texts of all scalars, keys too, each once.
    pub fn scalars(&self) -> impl Iterator<Item = &Located> {
        self.nodes.iter().filter_map(|node| match &node.value {
            TreeValue::Scalar { text, .. } => Some(text),
            _ => None,
        })
    }

    fn add(&mut self, value: TreeValue, place: TextPlace, tag: Option<String>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Stored { value, place, tag });
        id
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy)]
pub struct TreeNode<'t> {
    tree: &'t Tree,
    id: NodeId,
}

/// The deepest nesting of merge keys (`<<`).
const MERGE_DEPTH: usize = 8;
/// The most entries that merge keys may add to one map.
const MERGED: usize = 10_000;

impl<'t> TreeNode<'t> {
    fn stored(self) -> &'t Stored {
        &self.tree.nodes[self.id.0 as usize]
    }

    fn at(self, id: NodeId) -> Self {
        Self {
            tree: self.tree,
            id,
        }
    }

    /// Returns the identity of the node in its tree.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// Returns the location of the node's start.
    pub fn place(self) -> TextPlace {
        self.stored().place
    }

    /// The local tag, such as `!reference`.
    pub fn tag(self) -> Option<&'t str> {
        self.stored().tag.as_deref()
    }

    /// The text of a scalar.
    pub fn scalar(self) -> Option<&'t Located> {
        match &self.stored().value {
            TreeValue::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that is not null.
    pub fn text(self) -> Option<&'t Located> {
        match &self.stored().value {
            TreeValue::Scalar { text, quoted } => {
                let null = !quoted && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
                (!null).then_some(text)
            }
            _ => None,
        }
    }

    /// The text of a scalar that is not null, without its locations.
    pub fn str(self) -> Option<&'t str> {
        self.text().map(Located::as_str)
    }

    /// Whether this is a scalar with a true value.
    pub fn is_true(self) -> bool {
        self.str()
            .is_some_and(|text| matches!(text, "true" | "True" | "TRUE" | "yes" | "on"))
    }

    /// Whether this is a map.
    pub fn is_map(self) -> bool {
        matches!(self.stored().value, TreeValue::Map(_))
    }

    /// Whether this is a list.
    pub fn is_list(self) -> bool {
        matches!(self.stored().value, TreeValue::List(_))
    }

    /// The items of a list; none for other nodes.
    pub fn items(self) -> impl Iterator<Item = Self> + use<'t> {
        let items: &[NodeId] = match &self.stored().value {
            TreeValue::List(items) => items,
            _ => &[],
        };
        items.iter().map(move |id| self.at(*id))
    }

    /// The items of a list, or the node itself when it is a scalar that is not null.
    pub fn one_or_many(self) -> Vec<Self> {
        if self.is_list() {
            self.items().collect()
        } else if self.text().is_some() {
            vec![self]
        } else {
            Vec::new()
        }
    }

    /// The entries as written, without merge keys applied.
    pub fn own_entries(self) -> impl Iterator<Item = (Self, Self)> + use<'t> {
        let entries: &[(NodeId, NodeId)] = match &self.stored().value {
            TreeValue::Map(entries) => entries,
            _ => &[],
        };
        entries
            .iter()
            .map(move |(key, value)| (self.at(*key), self.at(*value)))
    }

    /// The entries of a map whose keys are text, with merge keys applied.
    pub fn entries(self) -> Vec<(&'t Located, Self)> {
        let mut found = Vec::new();
        let mut names = HashSet::new();
        self.collect(&mut found, &mut names, MERGE_DEPTH);
        found
    }

    fn collect(
        self,
        found: &mut Vec<(&'t Located, Self)>,
        names: &mut HashSet<&'t str>,
        depth: usize,
    ) {
        let mut merges = Vec::new();
        for (key, value) in self.own_entries() {
            let Some(name) = key.scalar() else { continue };
            if name.as_str() == "<<" {
                merges.push(value);
            } else if (depth == MERGE_DEPTH || found.len() < MERGED) && names.insert(name.as_str())
            {
                found.push((name, value));
            }
        }
        if depth == 0 {
            return;
        }
        for merged in merges {
            if merged.is_map() {
                merged.collect(found, names, depth - 1);
            }
            for item in merged.items().take(64) {
                item.collect(found, names, depth - 1);
            }
        }
    }

    /// The value of a key.
    pub fn get(self, key: &str) -> Option<Self> {
        self.get_within(key, MERGE_DEPTH)
    }

    fn get_within(self, key: &str, depth: usize) -> Option<Self> {
        let mut merges = Vec::new();
        for (name, value) in self.own_entries() {
            match name.scalar().map(Located::as_str) {
                Some(name) if name == key => return Some(value),
                Some("<<") => merges.push(value),
                _ => {}
            }
        }
        if depth == 0 {
            return None;
        }
        for merged in merges {
            let direct = merged.is_map().then_some(merged);
            for map in direct.into_iter().chain(merged.items().take(64)) {
                if let Some(value) = map.get_within(key, depth - 1) {
                    return Some(value);
                }
            }
        }
        None
    }

    /// The value at the end of a path of keys.
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at the end of a path of keys.
    pub fn str_at(self, keys: &[&str]) -> Option<&'t str> {
        self.path(keys)?.str()
    }
}

impl TreeNode<'_> {
    /// Whether this is a scalar in quotes or a block.
    pub fn is_quoted(self) -> bool {
        matches!(self.stored().value, TreeValue::Scalar { quoted: true, .. })
    }
}
