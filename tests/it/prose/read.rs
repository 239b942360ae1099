//! Reads words, names and sentences from sources and documents.

/// Returns the names of the functions in code; of those with an attribute for tests only, if not
/// all are wanted.
pub(super) fn names_of_functions(code: &str, all: bool) -> Vec<String> {
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

/// Returns the doc comments of types from which clap makes arguments: each is a text of the help.
pub(super) fn help_texts(source: &str) -> Vec<String> {
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
pub(super) fn sentence_lengths(document: &str) -> Vec<usize> {
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
pub(super) fn message_words(text: &str) -> String {
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

/// Returns the words of the doc comments in lower case, without code in backticks or fences.
pub(super) fn doc_words(source: &str) -> Vec<String> {
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
