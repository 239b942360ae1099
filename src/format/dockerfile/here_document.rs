//! Here-documents: the words that start them, and their bodies.

use std::sync::Arc;

use super::lex::{LexError, Lexer, NoVariables};

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereDocument {
    /// The line that ends it, without quotes.
    pub name: String,
    /// Whether variables in it are expanded: not if the name is quoted.
    pub expand: bool,
    /// Whether leading tabs are removed: `<<-`.
    pub chomp: bool,
    /// The body as in the file.
    pub content: Arc<str>,
}

/// Returns the here-document that a word starts.
///
/// # Errors
/// If the quotes of its name are not closed.
pub fn of_word(word: &str) -> Result<Option<HereDocument>, LexError> {
    let rest = word.trim_start_matches(|character: char| character.is_ascii_digit());
    let Some(rest) = rest.strip_prefix("<<") else {
        return Ok(None);
    };
    let (rest, chomp) = rest
        .strip_prefix('-')
        .map_or((rest, false), |rest| (rest, true));
    let rest = rest.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let lexer = Lexer {
        skip_unset: true,
        ..Lexer::new('\\')
    };
    let words = lexer.words(rest, &NoVariables)?;
    let [name] = words.as_slice() else {
        return Ok(None);
    };
    let raw = Lexer {
        raw_quotes: true,
        ..lexer
    }
    .words(rest, &NoVariables)?;
    let [raw] = raw.as_slice() else {
        return Err(LexError(format!(
            "internal lexing of heredoc produced inconsistent results: {rest}"
        )));
    };
    let quotes = |text: &str| {
        text.chars()
            .filter(|character| matches!(character, '\'' | '"'))
            .count()
    };
    let expand = quotes(name) == quotes(raw);
    Ok(Some(HereDocument {
        name: name.clone(),
        expand,
        chomp,
        content: Arc::default(),
    }))
}

/// Returns the here-documents that a line starts; none if the quotes of the line are not closed.
///
/// # Errors
/// If the quotes of a name are not closed.
pub fn in_line(line: &str) -> Result<Vec<HereDocument>, LexError> {
    let lexer = Lexer {
        raw_quotes: true,
        raw_escapes: true,
        skip_unset: true,
        ..Lexer::new('\\')
    };
    let words = lexer.words(line, &NoVariables).unwrap_or_default();
    let mut documents = Vec::new();
    for word in &words {
        documents.extend(of_word(word)?);
    }
    Ok(documents)
}

/// Removes the tabs at the start of every line.
pub fn chomp(content: &str) -> String {
    content
        .split_inclusive('\n')
        .map(|line| line.trim_start_matches('\t'))
        .collect()
}
