use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn blob(content: &[u8]) -> (String, String) {
    let digest = Digest::of(content);
    (format!("blobs/sha256/{}", digest.hex()), digest.to_string())
}

#[test]
fn a_record_without_attachments_is_read_with_a_note() {
    let config = br#"{"Ref":"r","FrontendAttrs":{"cache-from":"a/b,c","cache-imports":
        "[{\"Type\":\"s3\",\"Attrs\":{\"bucket\":\"x\",\"secret_access_key\":\"hidden\",\"session_token\":\"t\"}}]"},
        "CreatedAt":{"seconds":10},"error":{"code":2,"message":"exit 1"},"numTotalSteps":5,"numCachedSteps":2,"new":{}}"#;
    let (config_path, config_digest) = blob(config);
    let absent = Digest::of(b"absent");
    let manifest = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"{RECORD}","digest":"{config_digest}"}},
            "layers":[{{"mediaType":"{STATUS}","digest":"{absent}"}},{{"mediaType":"application/x","digest":"{absent}"}}]}}"#
    );
    let (manifest_path, manifest_digest) = blob(manifest.as_bytes());
    let index =
        format!(r#"{{"manifests":[{{"digest":"{manifest_digest}"}},{{"digest":"{absent}"}}]}}"#);
    let files: [(&str, &[u8]); 3] = [
        (&config_path, config),
        (&manifest_path, manifest.as_bytes()),
        ("./index.json", index.as_bytes()),
    ];
    for bytes in [archive(&files), packed(&archive(&files))] {
        assert!(may_be(&bytes));
        let records = parse(bytes.as_slice()).unwrap();
        let [record] = records.as_slice() else {
            panic!("{records:?}")
        };
        assert_eq!(
            (
                record.error.as_deref(),
                record.total_steps,
                record.cached_steps
            ),
            (Some("exit 1"), 5, 2)
        );
        let imports: Vec<_> = record
            .imports
            .iter()
            .map(|entry| (entry.kind.as_str(), &entry.attributes))
            .collect();
        let of = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let expected = [
            ("s3", &of("bucket", "x")),
            ("registry", &of("ref", "a/b")),
            ("registry", &of("ref", "c")),
        ];
        assert_eq!(imports, expected);
        assert_eq!(record.problems, [RecordProblem::Missing("log")]);
    }
}

#[test]
fn input_that_is_no_record_is_refused() {
    let error = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    assert_eq!(
        error(&archive(&[("x", b"y")])),
        "not a build record: it holds no `index.json`"
    );
    assert_eq!(
        error(&archive(&[("index.json", b"{}")])),
        "not a build record: there is no build in it"
    );
    assert_eq!(
        error(b"\x1f\x8bnonsense"),
        "the build record cannot be unpacked"
    );
    let (path, digest) = blob(b"right");
    assert_eq!(
        error(&archive(&[(&path, b"wrong")])),
        format!("the build record is damaged: {digest} does not hash to its name")
    );
    let whole = packed(&archive(&[("index.json", br#"{"manifests":[]}"#)]));
    for end in 0..whole.len() {
        assert!(parse(&whole[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_decompression_bomb_ends_at_the_limit() {
    let mut header = tar::Header::new_ustar();
    header.set_path("big").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..130 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    assert!(bytes.len() < 2 << 20);
    assert!(matches!(
        parse(bytes.as_slice()),
        Err(BuildRecordError::TooLarge)
    ));
}

proptest::proptest! {
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let _ = parse(bytes.as_slice());
    }
}
