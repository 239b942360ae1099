//! Measures the language of the doc comments, comments and messages: words of the old voice.
//!
//! The limits are a ratchet. Lower them when the counts fall, never raise them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::structure::read::{code_of, comments_and_literals};

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

/// How many files a failure lists.
const LISTED: usize = 20;

#[test]
fn doc_comments_keep_to_the_plain_voice() {
    let files = ["src", "tests"].map(sources_below).concat();
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
fn counts_words_of_doc_comments_only() {
    let source = r#"
//! What it does. "Anew", it's said.
/// Tells `what` is left,
///
/// ```
/// let what = told();
/// ```
/// and WHAT remains.
// what
fn what() {} //// what
let url = "/// what";
"#;
    let words = doc_words(source);
    let expected = [
        "what", "it", "does", "anew", "it's", "said", "tells", "is", "left", "and", "what",
        "remains",
    ];
    assert_eq!(words, expected);
    let counts = GROUPS.map(|group| count(&words, &group));
    assert_eq!(counts, [1, 2, 0, 1]);
}

#[test]
fn comments_and_messages_keep_to_the_plain_voice() {
    let mut texts = Vec::new();
    for path in sources_below("src") {
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
fn names_of_tests_are_plain_sentences() {
    let mut count = 0;
    let mut faults = Vec::new();
    for directory in ["src", "tests"] {
        for path in sources_below(directory) {
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

/// Returns the names of the functions in code; of those with an attribute for tests only, if not
/// all are wanted.
fn names_of_functions(code: &str, all: bool) -> Vec<String> {
    let mut is_test = all;
    let mut names = Vec::new();
    for line in code.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        let start = ["pub(crate) ", "pub(super) ", "pub ", "async "]
            .iter()
            .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
        let Some(rest) = start.strip_prefix("fn ") else {
            continue;
        };
        if is_test {
            let end = rest.find(['(', '<']).unwrap_or(rest.len());
            names.push(rest[..end].to_owned());
        }
        is_test = all;
    }
    names
}

#[test]
fn reads_words_of_comments_and_messages_only() {
    let source = r#"
/// What is told.
fn told() {
    // Nobody is told.
    let told = format!("{told} went \"anew\", {}", r"a way back", 'a');
}
"#;
    let texts = comments_and_literals(source);
    let words: Vec<String> = texts.into_iter().map(message_words).collect();
    assert_eq!(
        words,
        [" nobody is told ", " went anew ", " r a way back ", " a "]
    );
}

/// Returns the words of a comment or literal in lower case, each between blanks, without what is in
/// braces.
fn message_words(text: &str) -> String {
    let mut depth = 0_usize;
    let text = text.replace('\n', " ");
    let outside = text.chars().map(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && (character.is_alphanumeric() || "_-'".contains(character)) => {
                return character;
            }
            _ => {}
        }
        ' '
    });
    let outside: String = outside.collect();
    let words = outside
        .split_whitespace()
        .map(|word| word.trim_matches('\''));
    let words = words.filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |all, word| all + &word.to_lowercase() + " ")
}

fn count(words: &[String], group: &Group) -> usize {
    words
        .iter()
        .filter(|word| group.words.contains(&word.as_str()))
        .count()
}

/// Returns the words of the doc comments in lower case, without code in backticks or fences.
fn doc_words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut fenced = false;
    for line in source.lines() {
        let line = line.trim_start();
        let Some(text) = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
        else {
            fenced = false;
            continue;
        };
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        for prose in text.split('`').step_by(2) {
            words.extend(
                prose
                    .split(|part: char| !part.is_alphabetic() && part != '\'')
                    .map(|word| word.trim_matches('\'').to_lowercase())
                    .filter(|word| !word.is_empty()),
            );
        }
    }
    words
}

/// Returns the Rust files below a directory of the repository.
fn sources_below(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
