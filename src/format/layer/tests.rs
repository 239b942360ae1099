use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::archive::MAX_EXTENSION;
use super::*;

type Listed = (Vec<TarEntry>, Result<(), LayerError>);

fn list_all(blob: &[u8], limits: &LayerLimits) -> Listed {
    let mut entries = Vec::new();
    let end = list(blob, limits, |entry| {
        entries.push(entry);
        ControlFlow::<()>::Continue(())
    });
    (entries, end.map(|_| ()))
}

fn listed(blob: &[u8]) -> Vec<TarEntry> {
    let (entries, end) = list_all(blob, &LayerLimits::default());
    end.unwrap();
    entries
}

fn header(entry_type: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_size(size);
    header.set_mode(0o100_644);
    header.set_uid(1000);
    header.set_gid(u64::from(u32::MAX));
    header.set_mtime(1_700_000_000);
    header
}

/// Returns an archive with one file of each kind.
fn archive() -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let long = format!("long/{}", "a".repeat(300));
    let mut add = |entry_type, path: &str, content: &[u8]| {
        tar.append_data(&mut header(entry_type, content.len() as u64), path, content)
            .unwrap();
    };
    add(EntryType::Directory, "./", b"");
    add(EntryType::Directory, "etc/", b"");
    add(EntryType::Regular, "etc/passwd", b"root:x:0:0\n");
    add(EntryType::Regular, &long, &[7; 513]);
    add(EntryType::Fifo, "run/pipe", b"");
    add(EntryType::Char, "dev/null", b"");
    add(EntryType::Regular, "etc/.wh.shadow", b"");
    add(EntryType::Regular, ".wh.old", b"");
    add(EntryType::Regular, "var/.wh..wh..opq", b"");
    add(EntryType::Regular, ".wh..wh.plnk", b"");
    add(EntryType::new(b'V'), "volume", b"xyz");
    tar.append_link(
        &mut header(EntryType::Symlink, 0),
        "bin/sh",
        format!("../{long}"),
    )
    .unwrap();
    tar.append_link(&mut header(EntryType::Link, 0), "etc/passwd-", "etc/passwd")
        .unwrap();
    tar.append_pax_extensions([
        ("path", "pax/näme\nof two lines".as_bytes()),
        ("mtime", b"-1.5".as_slice()),
        ("uid", b"4294967296".as_slice()),
        ("SCHILY.xattr.security.capability", b"\0\n=\xff".as_slice()),
    ])
    .unwrap();
    tar.append_data(
        &mut header(EntryType::Regular, 5),
        "short",
        b"hello".as_slice(),
    )
    .unwrap();
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_kind_of_file_is_recognized() {
    let entries = listed(&archive());
    let long = format!("long/{}", "a".repeat(300));
    let expected: Vec<(&str, TarEntryKind, u64)> = vec![
        (".", TarEntryKind::Directory, 0),
        ("etc", TarEntryKind::Directory, 0),
        ("etc/passwd", TarEntryKind::File, 11),
        (&long, TarEntryKind::File, 513),
        ("run/pipe", TarEntryKind::Fifo, 0),
        ("dev/null", TarEntryKind::Device, 0),
        ("etc/shadow", TarEntryKind::Whiteout, 0),
        ("old", TarEntryKind::Whiteout, 0),
        ("var", TarEntryKind::Opaque, 0),
        (".wh..wh.plnk", TarEntryKind::File, 0),
        ("volume", TarEntryKind::Other, 0),
        (
            "bin/sh",
            TarEntryKind::Symlink {
                target: format!("../{long}"),
            },
            0,
        ),
        (
            "etc/passwd-",
            TarEntryKind::Hardlink {
                target: "etc/passwd".into(),
            },
            0,
        ),
        ("pax/näme\nof two lines", TarEntryKind::File, 5),
    ];
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.kind.clone(), entry.size))
        .collect();
    assert_eq!(found, expected);

    let [passwd, pax] = [&entries[2], &entries[13]];
    assert_eq!(
        (passwd.mode, passwd.uid, passwd.gid),
        (0o644, 1000, u64::from(u32::MAX))
    );
    assert_eq!(passwd.modified, Timestamp::from_second(1_700_000_000).ok());
    assert_eq!(
        (pax.uid, pax.modified),
        (1 << 32, Timestamp::new(-1, -500_000_000).ok())
    );
}

#[test]
fn the_compression_is_detected() {
    let plain = archive();
    let (first, second) = plain.split_at(1000);
    let skippable = [
        b"\x50\x2a\x4d\x18\x03\0\0\0abc".as_slice(),
        &zstd::encode_all(plain.as_slice(), 1).unwrap(),
    ];
    for blob in [
        gzip(&plain),
        [gzip(first), gzip(second)].concat(),
        zstd::encode_all(plain.as_slice(), 3).unwrap(),
        skippable.concat(),
    ] {
        assert_eq!(listed(&blob), listed(&plain));
    }
}

#[test]
fn listing_stops_when_the_callback_breaks() {
    let found = list(
        archive().as_slice(),
        &LayerLimits::default(),
        |entry| match entry.path.as_str() {
            "etc/passwd" => ControlFlow::Break(entry.size),
            _ => ControlFlow::Continue(()),
        },
    );
    assert_eq!(found.unwrap(), ControlFlow::Break(11));
}

#[test]
fn ends_at_its_limits() {
    let blob = gzip(&archive());
    let limited = |limits: LayerLimits| {
        let (entries, end) = list_all(&blob, &limits);
        (entries.len(), end.unwrap_err().to_string())
    };
    let limits = LayerLimits::default();
    assert_eq!(
        limited(LayerLimits {
            entries: 3,
            ..limits
        }),
        (3, "the layer has more than 3 files".into())
    );
    assert_eq!(
        limited(LayerLimits {
            path: 300,
            ..limits
        }),
        (3, "a path in the layer is too long".into())
    );
    assert_eq!(
        limited(LayerLimits {
            bytes: 1700,
            ..limits
        }),
        (3, "the layer unpacks to more than 1700 bytes".into())
    );
    assert_eq!(
        limited(LayerLimits {
            bytes: 1024,
            ..limits
        }),
        (2, "the layer unpacks to more than 1024 bytes".into())
    );
}

#[test]
fn a_wrong_size_in_a_header_is_not_trusted() {
    let claim = |entry_type, size, content: &[u8]| {
        let mut header = header(entry_type, size);
        header.set_path("x").unwrap();
        header.set_cksum();
        [header.as_bytes().as_slice(), content].concat()
    };
    let ends = |blob: &[u8]| {
        list_all(blob, &LayerLimits::default())
            .1
            .unwrap_err()
            .to_string()
    };
    let truncated = "the layer ends in the middle of a file";
    let too_long = "a path in the layer is too long";
    assert_eq!(
        ends(&claim(EntryType::Regular, u64::MAX, b"abc")),
        truncated
    );
    for extension in [
        EntryType::XHeader,
        EntryType::GNULongName,
        EntryType::GNULongLink,
    ] {
        assert_eq!(ends(&claim(extension, u64::MAX, b"")), too_long);
        assert_eq!(
            ends(&claim(extension, MAX_EXTENSION + 1, &vec![b'a'; 2 << 20])),
            too_long
        );
        assert_eq!(ends(&claim(extension, 100, b"abc")), truncated);
    }
    // One large extension is fine, all of them together are not.
    let large = claim(EntryType::GNULongName, 1 << 19, &vec![b'a'; 1 << 19]);
    assert_eq!(ends(&large.repeat(2)), truncated);
    assert_eq!(ends(&large.repeat(3)), too_long);
    let size = b"29 size=18446744073709551615\n";
    let overridden = [
        claim(
            EntryType::XHeader,
            size.len() as u64,
            &[size.as_slice(), &[0; 512 - 29]].concat(),
        ),
        claim(EntryType::Regular, 0, b""),
    ];
    assert_eq!(ends(&overridden.concat()), truncated);

    // A directory has no content, whatever its size.
    let directory = claim(
        EntryType::Directory,
        512,
        &claim(EntryType::Regular, 0, b""),
    );
    assert_eq!(listed(&directory).len(), 2);
}

#[test]
fn input_that_is_no_archive_is_refused() {
    for blob in [
        b"".as_slice(),
        b"{}",
        b"{\"layers\":[]}",
        &[b'x'; 4096],
        &gzip(b"hello"),
        &gzip(&[b'x'; 4096]),
    ] {
        assert!(matches!(
            list_all(blob, &LayerLimits::default()).1,
            Err(LayerError::NotALayer)
        ));
    }
    assert_eq!(listed(&[0; 1024]), []);
    let mut damaged = archive();
    damaged[512] ^= 1;
    let (entries, end) = list_all(&damaged, &LayerLimits::default());
    assert_eq!(
        (entries.len(), end.unwrap_err().to_string().as_str()),
        (
            1,
            "the layer is damaged: a header does not add up to its checksum"
        )
    );
    // Requests a window of 2 GiB, which zstd allows.
    let greedy = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00";
    assert!(matches!(
        list_all(greedy, &LayerLimits::default()).1,
        Err(LayerError::Read(_))
    ));
}

proptest! {
    #[test]
    fn any_bytes_end_without_an_error_or_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in 0..4_usize) {
        let magics: [&[u8]; 4] = [b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"];
        bytes.splice(0..0, magics[magic].iter().copied());
        let _ = list_all(&bytes, &LayerLimits::default());
    }

    #[test]
    fn any_header_ends_without_a_panic(
        fields in prop::collection::vec((0..512_usize, any::<u8>()), 0..20),
        entry_type in prop::sample::select(b"01234567xgLKSV\0".as_slice()),
        content in prop::collection::vec(any::<u8>(), 0..1600),
    ) {
        let mut header = header(EntryType::new(entry_type), content.len() as u64);
        for (at, byte) in fields {
            header.as_mut_bytes()[at] = byte;
        }
        header.set_cksum();
        let limits = LayerLimits { bytes: 1 << 20, ..LayerLimits::default() };
        let _ = list_all(&[header.as_bytes().as_slice(), &content, &archive()].concat(), &limits);
    }

    #[test]
    fn a_layer_cut_short_lists_no_other_files(cut in any::<prop::sample::Index>(), compressed in any::<bool>()) {
        let plain = archive();
        let blob = if compressed { gzip(&plain) } else { plain.clone() };
        let (entries, end) = list_all(&blob[..cut.index(blob.len())], &LayerLimits::default());
        let whole = listed(&plain);
        prop_assert!(whole.starts_with(&entries));
        if compressed && end.is_ok() {
            prop_assert_eq!(entries, whole);
        }
    }
}

#[test]
fn writes_permissions_as_ls_does() {
    let entry = |kind: TarEntryKind, mode: u32| TarEntry {
        path: "a".to_owned(),
        kind,
        size: 0,
        mode,
        uid: 0,
        gid: 0,
        modified: None,
    };
    let cases = [
        (TarEntryKind::File, 0o644, "-rw-r--r--"),
        (TarEntryKind::Directory, 0o1777, "drwxrwxrwt"),
        (TarEntryKind::File, 0o4755, "-rwsr-xr-x"),
        (TarEntryKind::File, 0o2604, "-rw---Sr--"),
        (
            TarEntryKind::Symlink { target: "a".into() },
            0o777,
            "lrwxrwxrwx",
        ),
    ];
    for (kind, bits, expected) in cases {
        assert_eq!(entry(kind, bits).permissions(), expected);
    }
}
