//! Names and evidence that control the terminal, disguise themselves, or never end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachelens::backend::memory::MemoryCache;
use cachelens::backend::{OtherKind, OtherObject, StoredObject};
use cachelens::text::escape::must_be_written_out;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::why::History;
use crate::support::journey::{Journey, memory, now};

/// A store with a ref and a stray object for each name.
fn store(names: &[String]) -> MemoryCache {
    let mut cache = MemoryCache::default();
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}"#;
    let digest = cache.add_blob(manifest.as_slice(), Some(now()));
    let entry = |name| {
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest.to_string(),
            "size": manifest.len(), "annotations": { "org.opencontainers.image.ref.name": name } })
    };
    let index =
        json!({ "schemaVersion": 2, "manifests": names.iter().map(entry).collect::<Vec<_>>() });
    cache.set_index(index.to_string().as_bytes()).unwrap();
    for name in names {
        let object = OtherObject {
            name: name.clone(),
            kind: OtherKind::File,
            size: 1,
            modified: None,
        };
        cache.add_other(StoredObject::Unknown(object));
    }
    cache
}

/// Asserts that no cell holds a character that controls the terminal, and that each line fits.
fn assert_is_safe(journey: &Journey, (width, _): (u16, u16)) {
    for cell in journey.buffer().content() {
        assert!(
            !cell.symbol().chars().any(must_be_written_out),
            "{:?}\n{}",
            cell.symbol(),
            journey.screen()
        );
    }
    for line in journey.screen().lines() {
        assert!(
            unicode_width::UnicodeWidthStr::width(line) <= usize::from(width),
            "{line:?}"
        );
    }
}

#[test]
fn hostile_names_are_escaped_on_every_screen() {
    let names = [
        "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31mred",
        "first\nsecond\r\u{8}third",
        "gpj.\u{202e}exe",
        "zero\u{200b}width\u{feff}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}vil",
        "漢字かな混じり文の名前がとても長くてはみ出す",
        "👩‍👩‍👧‍👦 family",
        "",
        " ",
    ];
    let names: Vec<String> = names
        .into_iter()
        .map(str::to_owned)
        .chain(["long".repeat(2500)])
        .collect();
    for size in [(60, 16), (120, 40)] {
        let mut journey = Journey::new(vec![memory("\u{1b}[31mmemory\n", store(&names))], size);
        for keys in [
            "", "enter", "i", "esc y", "G i", "esc q b", "i", "esc y", "/ 'a",
        ] {
            journey.press(keys);
            assert_is_safe(&journey, size);
        }
    }
}

#[test]
fn invisible_characters_of_a_name_are_shown() {
    let names = ["a\u{1b}[31mb", "c\nd", "e\u{202e}f"].map(str::to_owned);
    let mut journey = Journey::new(vec![memory("store", store(&names))], (100, 24));
    journey.press("enter");
    for shown in ["a␛[31mb", "c␊d", "e<U+202E>f"] {
        journey.line(shown);
    }
}

/// Finds the files of the steps in a statement.
fn infos(value: &mut Value) -> Option<&mut Value> {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("infos") {
                fields.get_mut("infos")
            } else {
                fields.values_mut().find_map(infos)
            }
        }
        Value::Array(items) => items.iter_mut().find_map(infos),
        _ => None,
    }
}

/// The provenance of a build whose Dockerfile contains terminal control sequences.
fn steering_provenance() -> Vec<u8> {
    let text = fs::read_to_string("tests/fixtures/shop/provenance/c08.json").unwrap();
    let mut statement: Value = serde_json::from_str(&text).unwrap();
    let info = &mut infos(&mut statement).unwrap()[0];
    let file = String::from_utf8(STANDARD.decode(info["data"].as_str().unwrap()).unwrap()).unwrap();
    let file = file
        .replace("RUN ", "RUN \u{1b}[2J\u{1b}]0;x\u{7}\u{202e}")
        .replace("COPY ", "COPY 漢\u{301}\u{301}\u{200b} ");
    info["data"] = STANDARD.encode(file).into();
    info["filename"] = "Dock\u{1b}[31mer\nfile".into();
    statement.to_string().into_bytes()
}

#[test]
fn evidence_never_steers_the_terminal() {
    let shop = History::of("shop");
    let folder = TempDir::new().unwrap();
    let provenance = folder.path().join("\u{1b}[31mbuild\u{202e}.json");
    fs::write(&provenance, steering_provenance()).unwrap();
    let web = shop.tree("c08").join("web");
    for name in [
        &b"\x1b[2Jwipe"[..],
        b"two\nlines",
        "gpj.\u{202e}exe".as_bytes(),
        b"\xff\xfe",
        &[b'x'; 250],
    ] {
        fs::write(web.join(Path::new(OsStr::from_bytes(name))), "x").unwrap();
    }
    let evidence = || {
        let mut given = shop.evidence("c07", "c08");
        given.items[0].text = provenance.to_string_lossy().into_owned();
        given
    };
    for size in [(60, 16), (80, 24), (120, 40)] {
        let mut journey = Journey::explaining(evidence(), vec![shop.source(Some("c07"))], size);
        for keys in [
            "",
            "c",
            "esc j j j j enter",
            "i",
            "esc q",
            "G l",
            "i",
            "esc y n",
            "esc q enter",
        ] {
            journey.press(keys);
            assert_is_safe(&journey, size);
        }
    }
    // Without the log, the current files are the evidence.
    let mut given = evidence();
    given.items.remove(1);
    let mut journey = Journey::explaining(given, vec![shop.source(Some("c07"))], (80, 24));
    journey.press("g j j j j");
    journey.shows_in("▸  ✗", "COPY 漢");
    journey.press("enter");
    for shown in ["web/␛[2Jwipe", "web/two␊lines", "web/gpj.<U+202E>exe"] {
        journey.line(shown);
    }
}
