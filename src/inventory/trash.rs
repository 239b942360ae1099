//! The trash of a layout: the objects that earlier prunes moved there.
//!
//! A trash may hold a million blobs. Their names differ only in the digest, so [`TrashTable`]
//! stores a blob in 56 bytes and builds its name on demand.

use jiff::Timestamp;

use super::Inventory;
use crate::backend::{OtherKind, OtherObject};
use crate::format::digest::Digest;

/// The objects in the trash. A sorted table can be searched by name.
#[derive(Debug, Clone, Default)]
pub struct TrashTable {
    /// The folders of blobs, each with its final slash.
    folders: Vec<Box<str>>,
    blobs: Vec<TrashedBlob>,
    /// Objects that are no blobs, or that a row would not represent exactly.
    others: Vec<OtherObject>,
}

/// A blob in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TrashedBlob {
    folder: u32,
    sha256: [u8; 32],
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
}

impl TrashTable {
    /// Adds an object.
    pub(crate) fn push(&mut self, object: OtherObject) {
        match self.packed(&object) {
            Some(blob) => self.blobs.push(blob),
            None => self.others.push(object),
        }
    }

    /// Adds a blob, and returns its index; `None` if a row would not represent it exactly.
    pub(crate) fn push_blob(&mut self, object: &OtherObject) -> Option<u32> {
        // An index counts the rows before the other objects, so it would not stay the same.
        if !self.others.is_empty() {
            return None;
        }
        let index = u32::try_from(self.blobs.len()).ok()?;
        let blob = self.packed(object)?;
        self.blobs.push(blob);
        Some(index)
    }

    fn packed(&mut self, object: &OtherObject) -> Option<TrashedBlob> {
        let Some(Digest::Sha256(sha256)) = digest_in_trash(&object.name) else {
            return None;
        };
        let folder = object.name.get(..object.name.len() - sha256.len() * 2)?;
        let time = object.modified?;
        let modified = i64::try_from(time.as_nanosecond()).ok()?;
        if object.kind != OtherKind::File {
            return None;
        }
        let known = self.folders.iter().rposition(|known| **known == *folder);
        let folder = u32::try_from(known.unwrap_or_else(|| {
            self.folders.push(folder.into());
            self.folders.len() - 1
        }));
        Some(TrashedBlob {
            folder: folder.ok()?,
            sha256,
            size: object.size,
            modified,
        })
    }

    /// Sorts the objects by name: blobs first, by folder.
    pub(crate) fn sorted(mut self) -> Self {
        let mut order: Vec<usize> = (0..self.folders.len()).collect();
        order.sort_unstable_by(|a, b| self.folders[*a].cmp(&self.folders[*b]));
        let mut places = vec![0; order.len()];
        for (place, folder) in (0..).zip(&order) {
            places[*folder] = place;
        }
        for blob in &mut self.blobs {
            blob.folder = places[blob.folder as usize];
        }
        self.folders.sort_unstable();
        self.blobs.sort_unstable();
        self.others.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.blobs.len() + self.others.len()
    }

    /// Returns whether the trash is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the object at `index`.
    pub fn get(&self, index: usize) -> Option<OtherObject> {
        match self.blobs.get(index) {
            Some(blob) => Some(self.object(blob)),
            None => self.others.get(index - self.blobs.len()).cloned(),
        }
    }

    /// Returns all objects in order.
    pub fn iter(&self) -> impl Iterator<Item = OtherObject> {
        let blobs = self.blobs.iter().map(|blob| self.object(blob));
        blobs.chain(self.others.iter().cloned())
    }

    /// Returns the sizes of all objects, in bytes.
    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        let blobs = self.blobs.iter().map(|blob| blob.size);
        blobs.chain(self.others.iter().map(|object| object.size))
    }

    /// Returns the digests of all blobs.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let blobs = self.blobs.iter().map(|blob| Digest::Sha256(blob.sha256));
        let others = self.others.iter();
        blobs.chain(others.filter_map(|object| digest_in_trash(&object.name)))
    }

    /// Returns the object called `name` of a sorted table.
    pub fn find(&self, name: &str) -> Option<OtherObject> {
        let other = || {
            let found = self
                .others
                .binary_search_by(|object| object.name.as_str().cmp(name));
            found.ok().map(|index| self.others[index].clone())
        };
        self.find_blob(name).or_else(other)
    }

    fn find_blob(&self, name: &str) -> Option<OtherObject> {
        let Some(Digest::Sha256(sha256)) = digest_in_trash(name) else {
            return None;
        };
        let folder = name.get(..name.len() - sha256.len() * 2)?;
        let folder = self.folders.binary_search_by(|known| (**known).cmp(folder));
        let folder = u32::try_from(folder.ok()?).ok()?;
        let key = |blob: &TrashedBlob| (blob.folder, blob.sha256);
        let found = self.blobs.binary_search_by_key(&(folder, sha256), key);
        Some(self.object(&self.blobs[found.ok()?]))
    }

    fn object(&self, blob: &TrashedBlob) -> OtherObject {
        let folder = &self.folders[blob.folder as usize];
        OtherObject {
            name: format!("{folder}{}", Digest::Sha256(blob.sha256).hex()),
            kind: OtherKind::File,
            size: blob.size,
            modified: Timestamp::from_nanosecond(blob.modified.into()).ok(),
        }
    }
}

impl Inventory {
    /// Returns the blobs in the trash that a ref references and the store does not hold, in order,
    /// each once. The next prune restores them.
    pub fn awaited_from_trash(&self) -> Vec<Digest> {
        let is_missed = |digest: &Digest| {
            let blob = self.blobs.find(digest).map(|id| self.blobs.get(id));
            blob.is_some_and(|blob| blob.refs() > 0 && !blob.is_stored())
        };
        let mut missed: Vec<Digest> = self.trash.digests().filter(is_missed).collect();
        missed.sort_unstable();
        missed.dedup();
        missed
    }
}

/// Returns the digest of a blob in the trash, if its name ends like a blob path in the store:
/// `…/blobs/sha256/…`.
pub fn digest_in_trash(name: &str) -> Option<Digest> {
    let mut parts = name.rsplit('/');
    let hex = parts.next()?;
    let algorithm = parts.next()?;
    Digest::from_parts(algorithm, hex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = ".cachelens-trash/20261122T005918Z-1f2e3d4c";

    fn object(name: &str, kind: OtherKind, seconds: Option<i64>) -> OtherObject {
        OtherObject {
            name: format!("{RUN}/{name}"),
            kind,
            size: 7,
            modified: seconds.map(|seconds| Timestamp::from_second(seconds).unwrap()),
        }
    }

    fn objects() -> Vec<OtherObject> {
        let low = "0".repeat(64);
        let high = "f".repeat(64);
        let long = "a".repeat(128);
        vec![
            object(&format!("blobs/sha256/{high}"), OtherKind::File, Some(5)),
            object("ingest/upload", OtherKind::Upload, Some(6)),
            object(&format!("blobs/sha512/{long}"), OtherKind::File, Some(7)),
            object(&format!("blobs/sha256/{low}"), OtherKind::File, Some(8)),
            // A row has neither a kind nor an unknown or a distant time.
            object(&format!("a/sha256/{low}"), OtherKind::Symlink, Some(9)),
            object(&format!("b/sha256/{low}"), OtherKind::File, None),
            object(
                &format!("c/sha256/{low}"),
                OtherKind::File,
                Some(200_000_000_000),
            ),
            object(&format!("0/sha256/{low}"), OtherKind::File, Some(1)),
        ]
    }

    #[test]
    fn every_object_is_returned_as_it_was_added() {
        let mut table = TrashTable::default();
        let mut given = objects();
        for object in &given {
            table.push(object.clone());
        }
        let table = table.sorted();
        assert_eq!(table.blobs.len(), 3);
        for object in &given {
            assert_eq!(table.find(&object.name).as_ref(), Some(object));
        }
        let mut listed: Vec<_> = table.iter().collect();
        assert!((0..table.len()).all(|index| table.get(index).as_ref() == listed.get(index)));
        assert_eq!(table.get(table.len()), None);
        let blobs: Vec<_> = listed[..3].iter().map(|object| &object.name).collect();
        assert!(blobs.is_sorted());
        assert_eq!(table.sizes().sum::<u64>(), 7 * 8);
        assert_eq!(table.digests().count(), 7);
        given.sort_by(|a, b| a.name.cmp(&b.name));
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(listed, given);
    }

    #[test]
    fn lookups_match_exact_names_only() {
        let mut table = TrashTable::default();
        for object in objects() {
            table.push(object);
        }
        let table = table.sorted();
        let one = "1".repeat(64);
        let zeros = "0".repeat(64);
        for name in [
            String::new(),
            "x".to_owned(),
            format!("{RUN}/blobs/sha256/{one}"),
            format!("{RUN}/sha256/{zeros}"),
            format!("sha256/{zeros}"),
            format!("{RUN}/blobs/sha256/é{zeros}"),
        ] {
            assert_eq!(table.find(&name), None, "{name}");
        }
    }

    #[test]
    fn a_trashed_blob_takes_56_bytes() {
        assert_eq!(size_of::<TrashedBlob>(), 56);
    }
}
