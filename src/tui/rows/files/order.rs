//! The files of a layer in a filter and an order, as a tree.
//!
//! An order is computed in a background job if the layer is large, and is then read-only. The rows
//! decide which folders are open.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;

use super::changes::TreeChanges;
use crate::format::layer::TarEntryKind;
use crate::format::layer::changes::{ChangeTotals, LayerChanges};
use crate::format::layer::tree::{FileTree, LayerTotals, ROOT};
use crate::inventory::filter::{FilterSubject, FilterTextField, NumberField};
use crate::tui::list::{SortDirection, View};

/// The column of sizes, the initial sort column.
pub const SIZE: usize = 1;
/// The column with the number of files.
pub const FILES: usize = 3;
/// The column of times.
pub const MODIFIED: usize = 5;
/// The column of changes.
pub const CHANGE: usize = 7;

/// After this many files the caller may cancel.
const STEP: usize = 16_384;

/// The files to order.
#[derive(Debug, Clone, Default)]
pub struct ComparedTree {
    /// The layer.
    pub tree: Arc<FileTree>,
    /// The changes of the layer, once they are known.
    pub changes: Option<Arc<TreeChanges>>,
}

impl ComparedTree {
    /// Returns whether the other files are the same ones.
    pub fn is(&self, other: &Self) -> bool {
        let is_same_tree = Arc::ptr_eq(&self.tree, &other.tree);
        is_same_tree
            && match (&self.changes, &other.changes) {
                (Some(own), Some(other)) => Arc::ptr_eq(own, other),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            }
    }
}

/// The files in a view.
#[derive(Debug)]
pub struct FileOrder {
    pub files: ComparedTree,
    /// The layer.
    pub tree: Arc<FileTree>,
    /// The filter and the order.
    pub view: View,
    /// The start of each node's children; the last number is the end.
    first: Vec<u32>,
    /// The visible children, in order.
    children: Vec<u32>,
    /// The end of each chain of folders that contain only the next one; a chain is one row.
    chain: Vec<u32>,
    /// The sums below each node, as far as it passes the filter.
    sums: Vec<LayerTotals>,
    /// The changes below each node, as far as it passes the filter; empty if they are unknown.
    changed: Vec<ChangeTotals>,
    /// The number of files and deletions that pass the filter, and of folders.
    matched: (usize, usize),
}

impl FileOrder {
    /// Orders files.
    pub fn new(files: ComparedTree, view: View, now: Timestamp) -> Self {
        let mut order = Self::in_archive_order(files, view);
        // Nothing cancels it.
        let _ = order.arrange(now, &|| true);
        order
    }

    /// Orders files while `go_on` returns true.
    pub fn new_while(
        files: ComparedTree,
        view: View,
        now: Timestamp,
        go_on: impl Fn() -> bool,
    ) -> Option<Self> {
        let mut order = Self::in_archive_order(files, view);
        order.arrange(now, &go_on)?;
        Some(order)
    }

    fn in_archive_order(files: ComparedTree, view: View) -> Self {
        let tree = Arc::clone(&files.tree);
        let count = tree.count();
        let changed = match &files.changes {
            Some(of) => (0..number(count))
                .map(|node| of.changes().own(node))
                .collect(),
            None => Vec::new(),
        };
        let (first, children) = children(&tree, |_| true);
        let mut order = Self {
            first,
            children,
            chain: (0..number(count)).collect(),
            sums: (0..number(count)).map(|node| tree.own(node)).collect(),
            changed,
            matched: (0, 0),
            files,
            tree,
            view,
        };
        order.sum_up();
        order.matched = (order.all(), 0);
        order
    }

    fn arrange(&mut self, now: Timestamp, go_on: &impl Fn() -> bool) -> Option<()> {
        if !self.view.filter.is_empty() {
            self.filter(now, go_on)?;
        }
        self.sort(go_on)?;
        self.chain();
        Some(())
    }

    /// Returns the visible children of a node.
    pub fn children(&self, node: u32) -> &[u32] {
        let node = node as usize;
        let range = self.first[node] as usize..self.first[node + 1] as usize;
        &self.children[range]
    }

    /// Returns the last folder of the chain that starts with a node.
    pub fn chain_end(&self, node: u32) -> u32 {
        self.chain[node as usize]
    }

    /// Returns the sum of a node and everything below it that passes the filter. If a folder itself
    /// passes, everything in it counts.
    pub fn sum(&self, node: u32) -> LayerTotals {
        self.sums[node as usize]
    }

    /// Returns the changes of a node and everything below it that passes the filter; `None` if they
    /// are unknown.
    pub fn changed(&self, node: u32) -> Option<ChangeTotals> {
        self.changed.get(node as usize).copied()
    }

    /// Returns the changes of the layer, if they are known.
    pub fn changes(&self) -> Option<&TreeChanges> {
        self.files.changes.as_deref()
    }

    /// Returns the number of files and deletions that pass the filter, and of folders.
    pub fn matched(&self) -> (usize, usize) {
        self.matched
    }

    /// Returns the number of files and deletions.
    pub fn all(&self) -> usize {
        let totals = self.tree.totals();
        usize::try_from(totals.files.saturating_add(totals.removed)).unwrap_or(usize::MAX)
    }

    /// Adds the sums of children to their parents. Children come after their parents.
    fn sum_up(&mut self) {
        for node in (1..self.sums.len()).rev() {
            let sum = self.sums[node];
            let parent = self.tree.parent(number(node)) as usize;
            self.sums[parent].add(sum);
        }
        for node in (1..self.changed.len()).rev() {
            let changed = self.changed[node];
            let parent = self.tree.parent(number(node)) as usize;
            self.changed[parent].add(changed);
        }
    }

    /// Keeps the nodes that pass the filter, and their parent folders.
    fn filter(&mut self, now: Timestamp, go_on: &impl Fn() -> bool) -> Option<()> {
        let count = self.sums.len();
        let mut passes = vec![false; count];
        let mut path = String::new();
        let mut seen = 0usize;
        // For each open folder: the next child, and the length of the path before it.
        let mut open = vec![(ROOT, self.first[ROOT as usize], 0usize)];
        while let Some((node, next, before)) = open.last_mut() {
            if *next == self.first[*node as usize + 1] {
                path.truncate(*before);
                open.pop();
                continue;
            }
            let child = self.children[*next as usize];
            *next += 1;
            if self.tree.has_layers() && *node == ROOT {
                // The path of a file begins below its layer.
                open.push((child, self.first[child as usize], 0));
                continue;
            }
            let length = path.len();
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(self.tree.name(child));
            let subject = FileSubject {
                tree: &self.tree,
                changes: self.files.changes.as_ref().map(|changes| changes.changes()),
                node: child,
                path: &path,
            };
            passes[child as usize] = self.view.filter.matches(&subject, now);
            seen += 1;
            if seen.is_multiple_of(STEP) && !go_on() {
                return None;
            }
            open.push((child, self.first[child as usize], length));
        }
        let is_shown = self.sum_up_passing(&passes);
        let is_folder = |node: &usize| self.tree.is_folder(number(*node));
        let (folders, files): (Vec<usize>, Vec<usize>) =
            (1..count).filter(|node| passes[*node]).partition(is_folder);
        self.matched = (files.len(), folders.len());
        (self.first, self.children) = children(&self.tree, |node| is_shown[node as usize]);
        Some(())
    }

    /// Sums up the nodes that pass the filter, and returns these and their parent folders.
    fn sum_up_passing(&mut self, passes: &[bool]) -> Vec<bool> {
        let count = passes.len();
        let mut sums = vec![LayerTotals::default(); count];
        let mut changed = vec![ChangeTotals::default(); self.changed.len()];
        let mut is_shown = passes.to_vec();
        for node in (1..count).rev() {
            if passes[node] {
                sums[node] = self.sums[node];
                if let (Some(kept), Some(own)) = (changed.get_mut(node), self.changed.get(node)) {
                    *kept = *own;
                }
            }
            if is_shown[node] {
                let parent = self.tree.parent(number(node)) as usize;
                is_shown[parent] = true;
                if !passes[parent] {
                    let sum = sums[node];
                    sums[parent].add(sum);
                    let change = changed.get(node).copied();
                    if let (Some(kept), Some(change)) = (changed.get_mut(parent), change) {
                        kept.add(change);
                    }
                }
            }
        }
        self.sums = sums;
        self.changed = changed;
        is_shown
    }

    fn sort(&mut self, go_on: &impl Fn() -> bool) -> Option<()> {
        let mut children = std::mem::take(&mut self.children);
        let mut sorted = 0;
        for node in 0..self.sums.len() {
            let range = self.first[node] as usize..self.first[node + 1] as usize;
            sorted += range.len();
            children[range].sort_unstable_by(|a, b| self.compare(*a, *b));
            if sorted >= STEP {
                sorted = 0;
                if !go_on() {
                    return None;
                }
            }
        }
        self.children = children;
        Some(())
    }

    /// Compares two files in one folder.
    fn compare(&self, a: u32, b: u32) -> Ordering {
        let modified = |node| {
            self.tree
                .entry(node)
                .and_then(|described| described.entry.modified)
        };
        let sum_a = self.sum(a);
        let sum_b = self.sum(b);
        let ordering = match self.view.sort.column {
            SIZE => (sum_a.bytes, sum_a.files).cmp(&(sum_b.bytes, sum_b.files)),
            FILES => (sum_a.files, sum_a.removed).cmp(&(sum_b.files, sum_b.removed)),
            MODIFIED => modified(a).cmp(&modified(b)),
            CHANGE if !self.changed.is_empty() => {
                let changes = |node: u32| {
                    let changed = self.changed[node as usize];
                    (changed.changed, changed.deleted, changed.added)
                };
                changes(a).cmp(&changes(b))
            }
            _ => self.tree.name(a).cmp(self.tree.name(b)),
        };
        let ordering = match self.view.sort.order {
            SortDirection::Ascending => ordering,
            SortDirection::Descending => ordering.reverse(),
        };
        ordering
            .then_with(|| self.tree.name(a).cmp(self.tree.name(b)))
            .then(a.cmp(&b))
    }

    /// Finds the folders that contain only one folder.
    fn chain(&mut self) {
        let is_plain = |node: u32| self.tree.is_folder(node) && !self.tree.is_emptied(node);
        for node in (1..number(self.sums.len())).rev() {
            if let [only] = self.children(node)
                && is_plain(node)
                && self.tree.is_folder(*only)
            {
                self.chain[node as usize] = self.chain[*only as usize];
            }
        }
    }
}

/// Lists the children of each node that pass `is_shown`.
fn children(tree: &FileTree, is_shown: impl Fn(u32) -> bool) -> (Vec<u32>, Vec<u32>) {
    let nodes = || (1..number(tree.count())).filter(|node| is_shown(*node));
    let mut first = vec![0; tree.count() + 1];
    for node in nodes() {
        first[tree.parent(node) as usize + 1] += 1;
    }
    for place in 1..first.len() {
        first[place] += first[place - 1];
    }
    let mut next = first.clone();
    let mut children = vec![0; first[tree.count()] as usize];
    for node in nodes() {
        let place = &mut next[tree.parent(node) as usize];
        children[*place as usize] = node;
        *place += 1;
    }
    (first, children)
}

/// Nodes are numbered with 32 bits. [`crate::format::layer::tree::Bounds`] keep them far below that
/// limit.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A file as a filter sees it.
struct FileSubject<'a> {
    tree: &'a FileTree,
    changes: Option<&'a LayerChanges>,
    node: u32,
    path: &'a str,
}

impl FilterSubject for FileSubject<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Path | FilterTextField::Name => Some(test(self.path)),
            FilterTextField::Kind => Some(test(self.tree.kind(self.node).word())),
            FilterTextField::Change => {
                let change = self.changes.and_then(|changes| changes.of(self.node));
                change.map(|change| test(change.word()))
            }
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::State
            | FilterTextField::Platform => None,
        }
    }

    /// A folder and a deletion have no size of their own.
    fn number(&self, field: NumberField) -> Option<u64> {
        let has_size = !matches!(
            self.tree.kind(self.node),
            TarEntryKind::Directory | TarEntryKind::Whiteout
        );
        let described = self.tree.entry(self.node)?;
        (field == NumberField::Size && has_size).then_some(described.entry.size)
    }

    fn created(&self) -> Option<Timestamp> {
        self.tree.entry(self.node)?.entry.modified
    }
}

#[cfg(test)]
mod tests;
