//! Names that control the terminal, disguise themselves, or never end.

use cachelens::backend::memory::MemoryCache;
use cachelens::backend::{OtherKind, OtherObject, StoredObject};
use cachelens::text::escape::must_be_written_out;
use serde_json::json;

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

#[test]
fn no_name_reaches_the_terminal_as_it_is() {
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
                    unicode_width::UnicodeWidthStr::width(line) <= usize::from(size.0),
                    "{line:?}"
                );
            }
        }
    }
}

#[test]
fn what_a_name_hides_is_written_out() {
    let names = ["a\u{1b}[31mb", "c\nd", "e\u{202e}f"].map(str::to_owned);
    let mut journey = Journey::new(vec![memory("store", store(&names))], (100, 24));
    journey.press("enter");
    for shown in ["a␛[31mb", "c␊d", "e<U+202E>f"] {
        journey.line(shown);
    }
}
