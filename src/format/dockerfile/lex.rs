//! The shell lexer: quotes, escapes and variables of a word (`frontend/dockerfile/shell/lex.go` in
//! BuildKit).

use crate::format::go_text;

mod pattern;
mod substitution;

/// The deepest nesting of `${…}`. Go has no limit, but no real Dockerfile has ten levels.
const MAX_DEPTH: usize = 100;
/// The longest text of one word, in bytes: BuildKit's limit for one message.
pub const MAX_LENGTH: usize = 16 << 20;

/// Looks up variables.
pub trait Variables {
    /// Returns the value of a variable, if it is set.
    fn get(&self, name: &str) -> Option<&str>;
}

/// No variables at all.
#[derive(Debug, Clone, Copy)]
pub struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }
}

/// The options of the lexer.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent of each other"
)]
pub struct Lexer {
    /// The escape character.
    pub escape: char,
    /// Keeps quotes in the result.
    pub raw_quotes: bool,
    /// Keeps escape characters in the result.
    pub raw_escapes: bool,
    /// Treats quotes as plain characters.
    pub skip_quotes: bool,
    /// Keeps variables that are not set as written.
    pub skip_unset: bool,
}

/// Why a word cannot be lexed, in BuildKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LexError(pub String);

impl Lexer {
    /// Returns the lexer for most words.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            raw_quotes: false,
            raw_escapes: false,
            skip_quotes: false,
            skip_unset: false,
        }
    }

    /// Expands a text to one word.
    ///
    /// # Errors
    /// If quotes or braces are not closed, a substitution is malformed, or a required variable is
    /// not set.
    pub fn word(&self, text: &str, variables: &dyn Variables) -> Result<String, LexError> {
        self.run(text, variables).map(|(word, _)| word)
    }

    /// Expands a text, and splits it at white space outside of quotes.
    ///
    /// # Errors
    /// As [`Lexer::word`].
    pub fn words(&self, text: &str, variables: &dyn Variables) -> Result<Vec<String>, LexError> {
        self.run(text, variables).map(|(_, words)| words)
    }

    fn run(self, text: &str, variables: &dyn Variables) -> Result<(String, Vec<String>), LexError> {
        let mut reader = LexReader {
            lexer: self,
            raw_escapes: self.raw_escapes,
            input: Input::new(&go_text::lossy(text)),
            variables,
            word_buffer: String::new(),
            depth: 0,
        };
        let read = reader.until(None, self.raw_escapes);
        read.map_err(|error| {
            LexError(format!(
                "failed to process {}: {}",
                go_text::quote(text),
                error.0
            ))
        })
    }
}

/// The remaining characters.
struct Input {
    characters: Vec<char>,
    next: usize,
}

impl Input {
    /// A byte order mark at the start is skipped, as in Go's `text/scanner`.
    fn new(text: &str) -> Self {
        Self {
            characters: text
                .strip_prefix('\u{feff}')
                .unwrap_or(text)
                .chars()
                .collect(),
            next: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.next).copied()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek();
        self.next += usize::from(character.is_some());
        character
    }

    fn is_at_end(&self) -> bool {
        self.next >= self.characters.len()
    }
}

struct LexReader<'a> {
    lexer: Lexer,
    raw_escapes: bool,
    input: Input,
    variables: &'a dyn Variables,
    /// The current word. As in BuildKit, all levels of nesting share it: a substitution with a word
    /// of its own drops the preceding part of the same word.
    word_buffer: String,
    depth: usize,
}

/// The words of one level of nesting.
#[derive(Default)]
struct LexedWords {
    words: Vec<String>,
    in_word: bool,
}

impl LexedWords {
    fn add(&mut self, buffer: &mut String, character: char) {
        if !character.is_whitespace() {
            self.add_raw(buffer, character);
        } else if self.in_word && !buffer.is_empty() {
            self.words.push(std::mem::take(buffer));
            self.in_word = false;
        }
    }

    fn add_raw(&mut self, buffer: &mut String, character: char) {
        buffer.push(character);
        self.in_word = true;
    }

    fn finish(mut self, buffer: &mut String) -> Vec<String> {
        if !buffer.is_empty() {
            self.words.push(std::mem::take(buffer));
        }
        self.words
    }
}

impl LexReader<'_> {
    /// Reads up to the end, or to a character that ends the word of a substitution.
    fn until(
        &mut self,
        stop: Option<char>,
        raw_escapes: bool,
    ) -> Result<(String, Vec<String>), LexError> {
        if self.depth == MAX_DEPTH {
            return Err(LexError(format!(
                "substitutions are nested more than {MAX_DEPTH} deep"
            )));
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let read = self.read(stop);
        self.raw_escapes = outer;
        self.depth -= 1;
        read
    }

    fn read(&mut self, stop: Option<char>) -> Result<(String, Vec<String>), LexError> {
        self.word_buffer.clear();
        let mut result = String::new();
        let mut words = LexedWords::default();
        while let Some(character) = self.input.peek() {
            if stop == Some(character) {
                self.input.take();
                return Ok((result, words.finish(&mut self.word_buffer)));
            }
            let special = match character {
                '$' => Some(self.dollar()?),
                '<' => Some(self.possible_here_document()),
                '\'' if !self.lexer.skip_quotes => Some(self.single_quotes()?),
                '"' if !self.lexer.skip_quotes => Some(self.double_quotes()?),
                _ => None,
            };
            match special {
                Some(text) if character == '$' => {
                    text.chars()
                        .for_each(|each| words.add(&mut self.word_buffer, each));
                    result.push_str(&text);
                }
                Some(text) => {
                    self.word_buffer.push_str(&text);
                    words.in_word = true;
                    result.push_str(&text);
                }
                None => self.plain(&mut result, &mut words),
            }
            if result.len() > MAX_LENGTH {
                return Err(LexError(format!(
                    "the text is longer than {MAX_LENGTH} bytes"
                )));
            }
        }
        match stop {
            Some(stop) => Err(LexError(format!(
                "unexpected end of statement while looking for matching {stop}"
            ))),
            None => Ok((result, words.finish(&mut self.word_buffer))),
        }
    }

    /// Reads a plain character, or an escaped one.
    fn plain(&mut self, result: &mut String, words: &mut LexedWords) {
        let Some(character) = self.input.take() else {
            return;
        };
        if character != self.lexer.escape {
            words.add(&mut self.word_buffer, character);
            result.push(character);
            return;
        }
        if self.raw_escapes {
            words.add_raw(&mut self.word_buffer, character);
            result.push(character);
        }
        // The escape character escapes any character.
        if let Some(escaped) = self.input.take() {
            words.add_raw(&mut self.word_buffer, escaped);
            result.push(escaped);
        }
    }

    fn single_quotes(&mut self) -> Result<String, LexError> {
        let mut result = String::new();
        self.quote(&mut result);
        loop {
            match self.input.take() {
                None => {
                    return Err(LexError(
                        "unexpected end of statement while looking for matching single-quote"
                            .to_owned(),
                    ));
                }
                Some('\'') => {
                    if self.lexer.raw_quotes {
                        result.push('\'');
                    }
                    return Ok(result);
                }
                Some(character) => result.push(character),
            }
        }
    }

    /// Skips a quote, which is part of the result only in raw form.
    fn quote(&mut self, result: &mut String) {
        let quote = self.input.take();
        if self.lexer.raw_quotes {
            result.extend(quote);
        }
    }

    fn double_quotes(&mut self) -> Result<String, LexError> {
        let mut result = String::new();
        self.quote(&mut result);
        loop {
            match self.input.peek() {
                None => {
                    return Err(LexError(
                        "unexpected end of statement while looking for matching double-quote"
                            .to_owned(),
                    ));
                }
                Some('"') => {
                    self.quote(&mut result);
                    return Ok(result);
                }
                Some('$') => {
                    result.push_str(&self.dollar()?);
                    if result.len() > MAX_LENGTH {
                        return Err(LexError(format!(
                            "the text is longer than {MAX_LENGTH} bytes"
                        )));
                    }
                }
                Some(character) => {
                    self.input.take();
                    self.in_double_quotes(character, &mut result);
                }
            }
        }
    }

    /// Adds a character inside double quotes: only a quote, a dollar sign and the escape character
    /// itself can be escaped there.
    fn in_double_quotes(&mut self, character: char, result: &mut String) {
        if character != self.lexer.escape {
            result.push(character);
            return;
        }
        if self.raw_escapes {
            result.push(character);
        }
        match self.input.peek() {
            // An escape character at the end is dropped.
            None => {}
            Some(escaped) if escaped == '"' || escaped == '$' || escaped == self.lexer.escape => {
                self.input.take();
                result.push(escaped);
            }
            Some(_) => result.push(character),
        }
    }

    /// Reads `<<` with the blanks after it as one piece: `<< EOF` is one word.
    fn possible_here_document(&mut self) -> String {
        self.input.take();
        if self.input.peek() != Some('<') {
            return "<".to_owned();
        }
        self.input.take();
        let mut result = "<<".to_owned();
        while let Some(blank) = self
            .input
            .peek()
            .filter(|next| matches!(next, '\t' | '\r' | ' '))
        {
            result.push(blank);
            self.input.take();
        }
        result
    }
}
