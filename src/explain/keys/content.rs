//! The digests of files, which content keys are computed from (`cache/contenthash` in BuildKit).
//!
//! A file's digest holds neither its name nor its times; the digest of its directory adds the name.

use std::collections::BTreeMap;

use crate::format::digest::{Digest, Hasher};

/// The hashed attributes of a file, in addition to its content.
#[derive(Debug, Clone, Default)]
pub struct ContentHeader<'a> {
    /// The kind of file.
    pub kind: ContentKind<'a>,
    /// The permission bits with set-user, set-group and sticky, without the file type.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Extended attributes by name; see [`is_hashed_xattr`].
    pub xattrs: BTreeMap<&'a [u8], &'a [u8]>,
}

/// The kind of a file; a hard link has the digest of its target.
#[derive(Debug, Clone, Copy, Default)]
pub enum ContentKind<'a> {
    /// A regular file with its size in bytes.
    File(u64),
    #[default]
    Directory,
    /// A symbolic link and its target.
    Symlink(&'a [u8]),
    /// A character device: major and minor number.
    CharDevice(u64, u64),
    /// A block device: major and minor number.
    BlockDevice(u64, u64),
    /// A named pipe.
    Fifo,
}

/// Returns whether an extended attribute is part of a file's digest.
pub fn is_hashed_xattr(name: &[u8]) -> bool {
    let of_the_system = [&b"security."[..], b"system.", b"com.apple."]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    name == b"security.capability" || !of_the_system
}

impl ContentHeader<'_> {
    /// Starts the file's digest; a regular file's content follows.
    pub fn hasher(&self) -> Hasher {
        let (size, flag, target, major, minor) = match self.kind {
            ContentKind::File(size) => (size, '0', &b""[..], 0, 0),
            ContentKind::Symlink(target) => (0, '2', target, 0, 0),
            ContentKind::CharDevice(major, minor) => (0, '3', &b""[..], major, minor),
            ContentKind::BlockDevice(major, minor) => (0, '4', &b""[..], major, minor),
            ContentKind::Directory => (0, '5', &b""[..], 0, 0),
            ContentKind::Fifo => (0, '6', &b""[..], 0, 0),
        };
        let Self { mode, uid, gid, .. } = self;
        let mut hasher = Hasher::Sha256(Box::default());
        hasher.update(
            format!("namemode{mode}uid{uid}gid{gid}size{size}typeflag{flag}linkname").as_bytes(),
        );
        hasher.update(target);
        hasher.update(format!("unamegnamedevmajor{major}devminor{minor}").as_bytes());
        for (name, value) in self.xattrs.iter().filter(|(name, _)| is_hashed_xattr(name)) {
            hasher.update(name);
            hasher.update(value);
        }
        hasher
    }

    /// Returns the digest of a file with this content; only a regular file has content.
    pub fn digest(&self, content: &[u8]) -> Digest {
        let mut hasher = self.hasher();
        hasher.update(content);
        hasher.finish()
    }
}

/// Returns the digest for the root of a build context, and for a path that does not exist.
pub fn empty() -> Digest {
    Digest::of(b"")
}

/// Returns the digest of a directory with its content: its header, and its children by name.
pub fn directory(header: &Digest, children: &BTreeMap<&[u8], Digest>) -> Digest {
    let mut hasher = Hasher::Sha256(Box::default());
    hasher.update(format!("\0{header}").as_bytes());
    for (name, child) in children {
        hasher.update(b"\0");
        hasher.update(name);
        hasher.update(child.to_string().as_bytes());
    }
    hasher.finish()
}

/// Returns the content key of the part of an input that an operation uses: the digests of its
/// paths, in the operation's order.
pub fn content_key(paths: &[Digest]) -> Digest {
    let paths: Vec<String> = paths.iter().map(Digest::to_string).collect();
    Digest::of(paths.join("\0").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::content_root;
    use super::*;

    fn file() -> Digest {
        ContentHeader {
            kind: ContentKind::File(6),
            mode: 0o644,
            ..ContentHeader::default()
        }
        .digest(b"hello\n")
    }

    #[test]
    fn agrees_with_buildkit() {
        let header = ContentHeader {
            mode: 0o755,
            ..ContentHeader::default()
        }
        .digest(b"");
        let link = ContentHeader {
            kind: ContentKind::Symlink(b"a.txt"),
            mode: 0o777,
            ..ContentHeader::default()
        }
        .digest(b"");
        let dir = directory(&header, &[(&b"lnk"[..], link), (b"a.txt", file())].into());
        let key = content_key(&[dir]);
        let found = [file(), header, link, dir, key, content_root(&key)].map(|digest| digest.hex());
        assert_eq!(
            found,
            [
                "09eefdc91e8894bc767daae7daa5a4e8cbf396610f10ae20604d9086c76d4a93",
                "1a2805521573cb10d73bcd51d16bfa84c8f461d68599740e35484b90b2ab1bab",
                "653b232d38441e60f35673ca781dca8fd169229d6500fa11cd461a7e10e02789",
                "dfa46d7ab16bd4b7b89299808fe4cb74cc7c6598718ca2919c781fbcd2e249de",
                "06de350051b558379de5049a430c50b29da599d31dd7fdfb841a7a56701a5649",
                "909d5f31588a791fb2295872752aa4b377badf0ac79f7b2f4fed8b61dc4f43b5",
            ]
        );
    }

    #[test]
    fn the_root_of_a_context_has_an_empty_header() {
        let root = directory(&empty(), &[(&b"a.txt"[..], file())].into());
        let key = content_key(&[root]);
        let found = [root, key, content_root(&key)].map(|digest| digest.hex());
        assert_eq!(
            found,
            [
                "e9693972246f4aa400fbccffd721a251be0ec97b4764b1dc547f15ba90f3508f",
                "2da8259a74ab186a821321b5ddc722497e47ae059b89829ccece64fb09efe7b4",
                "1b590e100c03ca997b7ec300e8230f088c3f709d9f6821def50b049cefdc04cc",
            ]
        );
    }

    #[test]
    fn selectors_agree_with_buildkit() {
        let found = [vec!["/"], vec!["/src"], vec!["/b", "/a"]]
            .map(|paths| super::super::selector(&paths).hex());
        assert_eq!(
            found,
            [
                "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1",
                "56c9e1c4b5360a5b089004396ed37fe3a20f7c4f5954072098039789ba3ab68a",
                "7a04cb4d68402837fbaa719739b50c3748ef4fabbc033c312b7fc9ec332871bb",
            ]
        );
    }

    #[test]
    fn extended_attributes_except_system_ones_count() {
        let with = |name: &str| {
            let name = name.as_bytes();
            let header = ContentHeader {
                xattrs: [(name, &b"1"[..])].into(),
                ..ContentHeader::default()
            };
            header.digest(b"") != ContentHeader::default().digest(b"")
        };
        assert!(with("user.a") && with("security.capability"));
        assert!(!with("security.selinux") && !with("system.posix_acl_access"));
        assert!(!with("com.apple.quarantine"));
    }
}
