//! Builds the files of a stage from the layers of its result, as a builder unpacks them (OCI image
//! specification, `layer.md`; `archive` in containerd).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use super::{ContextEntry, ContextEntryKind, ContextFiles, key};
use crate::format::digest::Hasher;
use crate::format::layer::{self, LayerError, LayerLimits, TarEntryDetail, TarEntryKind};

/// The most files that a stage may have.
const MAX_ENTRIES: usize = 2_000_000;

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// The files of the layers so far, by the keys of their paths.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    entries: BTreeMap<Vec<u8>, ContextEntry>,
    /// Whether a layer holds an entry that builders may unpack in different ways.
    is_doubtful: bool,
}

/// Why the files of a stage are unknown.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A layer cannot be read.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// There are more files than the limit.
    #[error("the stage holds more than {MAX_ENTRIES} files")]
    TooMany,
    /// The result of unpacking depends on the builder.
    #[error("a layer of the stage may be unpacked in more than one way")]
    Doubtful,
}

impl Snapshot {
    /// Unpacks a layer on top of the previous ones.
    ///
    /// # Errors
    /// If the layer cannot be read. The snapshot is then unusable.
    pub fn apply(&mut self, blob: impl Read, limits: &LayerLimits) -> Result<(), SnapshotError> {
        // The entries of this layer. Its own whiteouts do not remove them.
        let mut made: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut too_many = false;
        layer::read(blob, limits, |listed, detail, content| {
            if self.entries.len() >= MAX_ENTRIES {
                too_many = true;
                return Ok(());
            }
            self.unpack(&listed, detail, content, &mut made)
        })?;
        if too_many {
            Err(SnapshotError::TooMany)
        } else {
            Ok(())
        }
    }

    /// Returns the files of all layers.
    ///
    /// # Errors
    /// If a layer held an entry that builders may unpack in different ways.
    pub fn finish(self) -> Result<ContextFiles, SnapshotError> {
        if self.is_doubtful {
            return Err(SnapshotError::Doubtful);
        }
        Ok(ContextFiles::of_snapshot(
            self.entries.into_values().collect(),
        ))
    }

    fn unpack(
        &mut self,
        listed: &layer::TarEntry,
        detail: TarEntryDetail,
        content: &mut dyn Read,
        made: &mut BTreeSet<Vec<u8>>,
    ) -> io::Result<()> {
        let path = &detail.path;
        match &listed.kind {
            TarEntryKind::Whiteout => {
                self.remove(&key(&without_mark(path)), true, made);
                return Ok(());
            }
            TarEntryKind::Opaque => {
                self.remove(&key(folder_of(path)), false, made);
                return Ok(());
            }
            _ if path.is_empty() => return Ok(()),
            TarEntryKind::Hardlink { .. } => {
                self.link(path, &detail.target, made);
                return Ok(());
            }
            _ => {}
        }
        let Some(kind) = kind_of(listed, &detail) else {
            self.is_doubtful = true;
            return Ok(());
        };
        let (Ok(uid), Ok(gid)) = (u32::try_from(listed.uid), u32::try_from(listed.gid)) else {
            self.is_doubtful = true;
            return Ok(());
        };
        // Linux has no permissions for links.
        let permissions = if matches!(kind, ContextEntryKind::Symlink(_)) {
            0o777
        } else {
            listed.mode
        };
        let mut entry = ContextEntry {
            uid,
            gid,
            ..ContextEntry::new(path, kind, permissions)
        };
        entry.xattrs = detail
            .xattrs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        entry.xattrs.sort();
        if !detail.is_sparse {
            let mut hasher = entry.hasher();
            if let ContextEntryKind::File(size) = entry.kind {
                hash_content(&mut hasher, content, size)?;
            }
            entry.digest = Some(hasher.finish());
        }
        self.put(entry, made);
        Ok(())
    }

    fn put(&mut self, entry: ContextEntry, made: &mut BTreeSet<Vec<u8>>) {
        let at = key(&entry.path);
        self.check_folders(&entry.path);
        if !entry.is_directory()
            || self
                .entries
                .get(&at)
                .is_some_and(|below| !below.is_directory())
        {
            self.remove(&at, true, &BTreeSet::new());
        }
        made.insert(at.clone());
        self.entries.insert(at, entry);
    }

    fn link(&mut self, path: &[u8], target: &[u8], made: &mut BTreeSet<Vec<u8>>) {
        let target = crate::format::go_path::clean(&[b"/", target].concat());
        match self
            .entries
            .get(&key(target.strip_prefix(b"/").unwrap_or(&target)))
        {
            Some(of) if !of.is_directory() => {
                let entry = ContextEntry {
                    path: path.into(),
                    ..of.clone()
                };
                self.put(entry, made);
            }
            _ => self.is_doubtful = true,
        }
    }

    /// Marks the snapshot as doubtful if a path goes through a link: builders differ in that case.
    fn check_folders(&mut self, path: &[u8]) {
        let ends = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'/')
            .map(|(at, _)| at);
        let is_other = |end: usize| {
            self.entries
                .get(&key(&path[..end]))
                .is_some_and(|folder| !folder.is_directory())
        };
        if ends.into_iter().any(is_other) {
            self.is_doubtful = true;
        }
    }

    /// Removes everything below a path, and optionally the path itself, except entries of this
    /// layer.
    fn remove(&mut self, at: &[u8], itself: bool, made: &BTreeSet<Vec<u8>>) {
        let inside = if at.is_empty() {
            Vec::new()
        } else {
            [at, b"\0"].concat()
        };
        let below = self.entries.range(inside.clone()..).map(|(key, _)| key);
        let mut gone: Vec<Vec<u8>> = below
            .take_while(|key| key.starts_with(&inside))
            .cloned()
            .collect();
        if itself {
            gone.push(at.to_vec());
        }
        for key in gone.iter().filter(|key| !made.contains(*key)) {
            self.entries.remove(key);
        }
    }
}

/// Returns the kind of an entry that adds a file; `None` if builders may unpack it in different
/// ways.
fn kind_of(listed: &layer::TarEntry, detail: &TarEntryDetail) -> Option<ContextEntryKind> {
    Some(match listed.kind {
        TarEntryKind::File => ContextEntryKind::File(listed.size),
        TarEntryKind::Directory => ContextEntryKind::Directory,
        TarEntryKind::Symlink { .. } => ContextEntryKind::Symlink(detail.target.as_slice().into()),
        TarEntryKind::Device => match (detail.char_device, detail.block_device) {
            (Some((major, minor)), _) => ContextEntryKind::CharDevice(major, minor),
            (_, Some((major, minor))) => ContextEntryKind::BlockDevice(major, minor),
            _ => return None,
        },
        TarEntryKind::Fifo => ContextEntryKind::Fifo,
        TarEntryKind::Whiteout
        | TarEntryKind::Opaque
        | TarEntryKind::Hardlink { .. }
        | TarEntryKind::Other => return None,
    })
}

/// Hashes the content of a file that has about `size` bytes.
fn hash_content(hasher: &mut Hasher, content: &mut dyn Read, size: u64) -> io::Result<()> {
    let length = usize::try_from(size).unwrap_or(CHUNK).clamp(1, CHUNK);
    let mut buffer = vec![0; length];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn folder_of(path: &[u8]) -> &[u8] {
    path.iter()
        .rposition(|byte| *byte == b'/')
        .map_or(&[], |slash| &path[..slash])
}

/// Returns the path that a whiteout removes.
fn without_mark(path: &[u8]) -> Vec<u8> {
    let folder = folder_of(path);
    let name = &path[if folder.is_empty() {
        0
    } else {
        folder.len() + 1
    }..];
    let name = name.strip_prefix(b".wh.").unwrap_or(name);
    if folder.is_empty() {
        name.to_vec()
    } else {
        [folder, b"/", name].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Layer(tar::Builder<Vec<u8>>);

    impl Layer {
        fn new() -> Self {
            Self(tar::Builder::new(Vec::new()))
        }

        fn add(mut self, path: &str, kind: tar::EntryType, link: &str, content: &str) -> Self {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o4750);
            header.set_uid(7);
            header.set_gid(8);
            header.set_size(content.len() as u64);
            if !link.is_empty() {
                header.set_link_name(link).unwrap();
            }
            self.0
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
            self
        }

        fn file(self, path: &str, content: &str) -> Self {
            self.add(path, tar::EntryType::Regular, "", content)
        }

        fn folder(self, path: &str) -> Self {
            self.add(path, tar::EntryType::Directory, "", "")
        }
    }

    fn unpacked(layers: Vec<Layer>) -> Result<ContextFiles, SnapshotError> {
        let mut snapshot = Snapshot::default();
        for layer in layers {
            snapshot.apply(
                layer.0.into_inner().unwrap().as_slice(),
                &LayerLimits::default(),
            )?;
        }
        snapshot.finish()
    }

    fn paths(layers: Vec<Layer>) -> Vec<String> {
        let files = unpacked(layers).unwrap();
        files.entries()[1..]
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
            .collect()
    }

    fn bottom() -> Layer {
        Layer::new()
            .folder("a/")
            .file("a/one", "1")
            .file("a/two", "22")
            .folder("a/sub")
            .file("a/sub/x", "x")
            .file("ab", "")
    }

    #[test]
    fn whiteouts_remove_only_the_paths_below_them() {
        assert_eq!(
            paths(vec![bottom(), Layer::new().file("a/.wh.one", "")])[..2],
            ["a", "a/sub"]
        );
        assert_eq!(
            paths(vec![bottom(), Layer::new().file(".wh.a", "")]),
            ["ab"]
        );
        let opaque = Layer::new()
            .folder("a")
            .file("a/new", "n")
            .file("a/.wh..wh..opq", "");
        assert_eq!(paths(vec![bottom(), opaque]), ["a", "a/new", "ab"]);
        assert_eq!(
            paths(vec![bottom(), Layer::new().file("a", "now a file")]),
            ["a", "ab"]
        );
        assert_eq!(
            paths(vec![
                bottom(),
                Layer::new().folder("ab"),
                Layer::new().folder("a")
            ])
            .len(),
            6
        );
    }

    proptest::proptest! {
        #[test]
        fn broken_layers_never_panic(at in 0_usize..6000, byte: u8) {
            let mut bytes = bottom().file("a/.wh.one", "").0.into_inner().unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            let mut snapshot = Snapshot::default();
            if snapshot.apply(bytes.as_slice(), &LayerLimits::default()).is_ok() {
                let _ = snapshot.finish();
            }
        }
    }

    #[test]
    fn headers_are_those_of_the_layer() {
        let link = |kind, path: &str, target: &str| Layer::new().add(path, kind, target, "");
        let layers = vec![
            bottom(),
            link(tar::EntryType::Symlink, "s", "/a/one"),
            link(tar::EntryType::Link, "h", "a/two"),
        ];
        let files = unpacked(layers).unwrap();
        let digest = |path: &str| files.entry(path.as_bytes()).unwrap().digest.unwrap();
        let tail = "unamegnamedevmajor0devminor0";
        let hashed = |text: String| crate::format::digest::Digest::of(text.as_bytes());
        assert_eq!(
            digest("h"),
            hashed(format!(
                "namemode2536uid7gid8size2typeflag0linkname{tail}22"
            ))
        );
        assert_eq!(
            digest("a"),
            hashed(format!("namemode2536uid7gid8size0typeflag5linkname{tail}"))
        );
        assert_eq!(
            digest("s"),
            hashed(format!(
                "namemode511uid7gid8size0typeflag2linkname/a/one{tail}"
            ))
        );
        // The root has no header of its own.
        assert!(files.digest(b"").is_none() && files.digest(b"a").is_some());
    }

    #[test]
    fn ambiguous_layer_entries_are_unknown() {
        let through = vec![
            Layer::new()
                .folder("usr/lib")
                .add("lib", tar::EntryType::Symlink, "usr/lib", ""),
            Layer::new().file("lib/x", "x"),
        ];
        assert!(matches!(unpacked(through), Err(SnapshotError::Doubtful)));
        let nowhere = vec![Layer::new().add("h", tar::EntryType::Link, "none", "")];
        assert!(matches!(unpacked(nowhere), Err(SnapshotError::Doubtful)));
    }
}
