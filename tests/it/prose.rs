//! Measures the language of the doc comments, comments, messages and documents: words of the old
//! voice, and the length of sentences.
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
    for path in sources_below("src") {
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
    let mut paths = sources_below("src");
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

#[test]
fn finds_banned_words_as_whole_words() {
    let found = |text| banned_words(text).collect::<Vec<_>>();
    assert_eq!(
        found("Nobody takes back what was told."),
        ["told", "nobody", "takes back"]
    );
    assert_eq!(found("keys = { text = \"told\" }"), ["told"]);
    assert_eq!(found("a telltale, a toolbar"), [""; 0]);
}

#[test]
fn reads_the_help_of_argument_structs_only() {
    let source = r"
/// No help.
#[derive(Debug, Clone)]
struct Plain {
    /// No help, either.
    field: bool,
}

/// Shows a cache.
#[derive(Debug, clap::Args)]
struct ShowArguments {
    /// The cache
    /// to show.
    #[arg(long)]
    cache: String,
    // No help.
    /// Show less.
    less: bool,
}
";
    assert_eq!(
        help_texts(source),
        ["Shows a cache.", "The cache to show.", "Show less."]
    );
}

#[test]
fn counts_words_of_sentences_without_code_and_tables() {
    let text = "# A heading. It counts not.\n\nOne two `three`. Four\nfive?\n\n- six: seven\n- eight – nine\n\n\
        ```console\n$ code. code.\n```\n| table. | table |\n![image](image.svg)\n\n**Ten.** v1.2 it.\n";
    assert_eq!(sentence_lengths(text), [3, 2, 2, 2, 1, 2]);
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

/// Returns the doc comments of types from which clap makes arguments: each is a text of the help.
fn help_texts(source: &str) -> Vec<String> {
    const DERIVES: [&str; 4] = ["Args", "Parser", "Subcommand", "ValueEnum"];
    let mut texts = Vec::new();
    let mut doc = Vec::new();
    let mut is_argument_type = false;
    for line in source.lines() {
        let trimmed = line.trim_start();
        if let Some(text) = trimmed.strip_prefix("/// ") {
            doc.push(text);
            continue;
        }
        let is_derived = |name| {
            trimmed
                .split(|part: char| !part.is_alphanumeric())
                .any(|word| word == name)
        };
        is_argument_type |= line.starts_with("#[derive(") && DERIVES.into_iter().any(is_derived);
        if trimmed.starts_with("#[") {
            continue;
        }
        if is_argument_type && !doc.is_empty() {
            texts.push(doc.join(" "));
        }
        doc.clear();
        if line.starts_with('}') {
            is_argument_type = false;
        }
    }
    texts
}

/// Returns the number of words of each sentence of a Markdown document, without headings, tables,
/// images and code fences. A list item ends a sentence.
fn sentence_lengths(document: &str) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut length = 0;
    let mut is_fenced = false;
    for line in document.lines().map(str::trim) {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        let is_other = line.is_empty() || line.starts_with(['#', '|']) || line.starts_with("![");
        let is_item = line.starts_with("- ");
        if is_fence || is_fenced || is_other || is_item {
            lengths.push(std::mem::take(&mut length));
        }
        if is_fence || is_fenced || is_other {
            continue;
        }
        for word in line.split_whitespace() {
            if !word.contains(char::is_alphanumeric) {
                continue;
            }
            length += 1;
            if word
                .trim_end_matches(['*', '_', ')', '"'])
                .ends_with(['.', '?', '!'])
            {
                lengths.push(std::mem::take(&mut length));
            }
        }
    }
    lengths.push(length);
    lengths.retain(|length| *length > 0);
    lengths
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
