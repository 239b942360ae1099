//! Measures the language of the doc comments, comments, messages and documents: words of the old
//! voice, and the length of sentences.
//!
//! The limits are a ratchet. Lower them when the counts fall, never raise them.

mod read;
mod reading;

use std::fs;
use std::path::{Path, PathBuf};

use self::read::{doc_words, help_texts, message_words, names_of_functions, sentence_lengths};
use crate::structure::read::{code_of, comments_and_literals, rust_files};

/// A group of words, and how many of them 10,000 words of doc comments may hold.
struct Group {
    name: &'static str,
    words: &'static [&'static str],
    limit: usize,
}

const GROUPS: [Group; 4] = [
    Group {
        name: "tells",
        words: &["tell", "tells", "told", "telling"],
        limit: 2,
    },
    Group {
        name: "what",
        words: &["what"],
        limit: 20,
    },
    Group {
        name: "whoever",
        words: &["whoever", "nobody", "somebody"],
        limit: 1,
    },
    Group {
        name: "anew",
        words: &[
            "anew",
            "beside",
            "meanwhile",
            "heed",
            "heeds",
            "heeded",
            "heeding",
        ],
        limit: 1,
    },
];

/// Words of the old voice, and how many of them the comments and literals of `src` may hold.
const MESSAGE_WORDS: [(&[&str], usize); 5] = [
    (&["tell", "tells", "telling", "told"], 1),
    (&["whoever", "nobody", "somebody", "anybody"], 2),
    (
        &[
            "anew",
            "beside",
            "meanwhile",
            "heed",
            "heeds",
            "heeded",
            "lest",
        ],
        7,
    ),
    (&["mend", "mends", "mended", "mending", "unmended"], 2),
    (
        &[
            "put back",
            "puts back",
            "give back",
            "gives back",
            "take back",
            "takes back",
            "way back",
        ],
        1,
    ),
];

/// Words that no name of a test holds. `go` is not among them, because it is a language, too.
const NAME_WORDS: [&str; 29] = [
    "anew",
    "anybody",
    "beside",
    "borne",
    "goes",
    "heed",
    "heeded",
    "heeds",
    "knows",
    "lest",
    "lies",
    "meanwhile",
    "mend",
    "mended",
    "mends",
    "nobody",
    "said",
    "say",
    "says",
    "somebody",
    "spared",
    "spares",
    "stays",
    "swept",
    "tell",
    "tells",
    "told",
    "whatever",
    "whoever",
];

/// How many string literals of `src` may hold a clause with "what". Tables have columns of this
/// name, and JSON has such fields.
const WHAT_CLAUSES: usize = 31;

/// How many words a sentence of the README may have on average.
const README_SENTENCE: usize = 16;

/// The documents that users read, other than the pages of the manual.
const DOCUMENTS: [&str; 3] = [
    "README.md",
    "assets/keymap.toml",
    "assets/cachelens.example.toml",
];

/// How many files a failure lists.
const LISTED: usize = 20;

#[test]
fn doc_comments_keep_to_the_plain_voice() {
    let files = ["src", "tests"].map(rust_files).concat();
    let words: Vec<(PathBuf, Vec<String>)> = files
        .into_iter()
        .map(|path| {
            let words = doc_words(&fs::read_to_string(&path).unwrap());
            (path, words)
        })
        .collect();
    let total: usize = words.iter().map(|(_, words)| words.len()).sum();
    assert!(total > 10_000, "only {total} words of doc comments found");
    let mut faults = Vec::new();
    for group in GROUPS {
        let mut counts: Vec<(usize, &Path)> = words
            .iter()
            .map(|(path, words)| (count(words, &group), path.as_path()))
            .filter(|(found, _)| *found > 0)
            .collect();
        let found: usize = counts.iter().map(|(found, _)| found).sum();
        if found * 10_000 <= group.limit * total {
            continue;
        }
        counts.sort_by(|left, right| right.cmp(left));
        faults.push(format!(
            "{}: {found} in {total} words, more than {} per 10,000. Most are in:",
            group.name, group.limit
        ));
        for (found, path) in counts.into_iter().take(LISTED) {
            faults.push(format!("  {found:3} {}", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn comments_and_messages_keep_to_the_plain_voice() {
    let mut texts = Vec::new();
    for path in rust_files("src") {
        let source = fs::read_to_string(&path).unwrap();
        let words = comments_and_literals(&source);
        texts.extend(
            words
                .into_iter()
                .map(|text| (path.clone(), message_words(text))),
        );
    }
    assert!(texts.len() > 1000, "only {} texts found", texts.len());
    let mut faults = Vec::new();
    for (words, limit) in MESSAGE_WORDS {
        let found: Vec<String> = texts
            .iter()
            .filter(|(_, text)| words.iter().any(|word| text.contains(&format!(" {word} "))))
            .map(|(path, text)| format!("  {}:{text}", path.display()))
            .collect();
        if found.len() > limit {
            let words = words.join(", ");
            faults.push(format!("{words}: {}, more than {limit}:", found.len()));
            faults.extend(found);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn documents_keep_to_the_plain_voice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("assets/manual")).unwrap();
    let pages: Vec<PathBuf> = pages.map(|page| page.unwrap().path()).collect();
    assert!(pages.len() > 10, "only {} pages found", pages.len());
    let mut faults = Vec::new();
    for path in pages
        .into_iter()
        .chain(DOCUMENTS.map(|name| root.join(name)))
    {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.is_empty(), "{} is empty", path.display());
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{}:{number}", path.display());
            faults.extend(banned_words(line).map(|word| format!("{place}: {word}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn help_of_arguments_keeps_to_the_plain_voice() {
    let mut count = 0;
    let mut faults = Vec::new();
    for path in rust_files("src") {
        for text in help_texts(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            let place = path.display();
            faults.extend(banned_words(&text).map(|word| format!("{place}: {word}: {text}")));
        }
    }
    assert!(count > 100, "only {count} texts found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn sentences_of_the_readme_are_short() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let lengths = sentence_lengths(&fs::read_to_string(path).unwrap());
    assert!(lengths.len() > 30, "only {} sentences found", lengths.len());
    let words: usize = lengths.iter().sum();
    assert!(
        words <= README_SENTENCE * lengths.len(),
        "{words} words in {} sentences, more than {README_SENTENCE} each",
        lengths.len()
    );
}

#[test]
fn literals_name_things_instead_of_what_clauses() {
    let mut found = Vec::new();
    let mut paths = rust_files("src");
    paths.retain(|path| !path.ends_with("tests.rs"));
    for path in paths {
        let source = fs::read_to_string(&path).unwrap();
        let literals = comments_and_literals(&source)
            .into_iter()
            .filter(|text| !text.starts_with("//"));
        found.extend(
            literals
                .filter(|text| message_words(text).contains(" what "))
                .map(|text| format!("  {}: {text}", path.display())),
        );
    }
    assert!(
        found.len() <= WHAT_CLAUSES,
        "{} literals with `what`, more than {WHAT_CLAUSES}:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn names_of_tests_are_plain_sentences() {
    let mut count = 0;
    let mut faults = Vec::new();
    for directory in ["src", "tests"] {
        for path in rust_files(directory) {
            let code = code_of(&fs::read_to_string(&path).unwrap());
            let names = names_of_functions(&code, directory == "tests");
            count += names.len();
            let is_odd = |name: &&String| {
                let has_word = name.split('_').any(|word| NAME_WORDS.contains(&word));
                has_word || name.starts_with("what_")
            };
            let odd = names.iter().filter(is_odd);
            faults.extend(odd.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(count > 1000, "only {count} names found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns the words of the old voice that a text holds.
fn banned_words(text: &str) -> impl Iterator<Item = &'static str> {
    // Braces stand for tables of the key map here, not for values of a message.
    let text = message_words(&text.replace(['{', '}'], " "));
    let words = MESSAGE_WORDS.iter().flat_map(|(words, _)| *words);
    words
        .copied()
        .filter(move |word| text.contains(&format!(" {word} ")))
}

fn count(words: &[String], group: &Group) -> usize {
    words
        .iter()
        .filter(|word| group.words.contains(&word.as_str()))
        .count()
}
