//! Text that records the location of each of its parts.

/// A line of a file. The reader of the files assigns their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextPlace {
    /// The number of the file.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
}

impl TextPlace {
    /// Makes a location.
    pub fn new(file: u32, line: u32) -> Self {
        Self { file, line }
    }
}

/// Text from parts of files, with the location of each part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located {
    text: String,
    /// Offsets in ascending order, each with the location of the text from there on.
    marks: Vec<(usize, TextPlace)>,
}

impl Located {
    /// Makes text that is on one line.
    pub fn new(text: impl Into<String>, place: TextPlace) -> Self {
        Self {
            text: text.into(),
            marks: vec![(0, place)],
        }
    }

    /// Makes text whose first line is at `place`, with the other lines after it.
    pub fn lines(text: impl Into<String>, place: TextPlace) -> Self {
        let text = text.into();
        let mut marks = vec![(0, place)];
        let mut line = place.line;
        for (offset, _) in text.match_indices('\n') {
            line += 1;
            marks.push((offset + 1, TextPlace::new(place.file, line)));
        }
        Self { text, marks }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The location of the text at `offset`.
    pub fn place_at(&self, offset: usize) -> TextPlace {
        let after = self.marks.partition_point(|(start, _)| *start <= offset);
        let index = after.saturating_sub(1);
        self.marks
            .get(index)
            .map_or_else(TextPlace::default, |m| m.1)
    }

    /// The location of the start of the text.
    pub fn place(&self) -> TextPlace {
        self.place_at(0)
    }

    /// Appends text with the location `place`.
    pub fn push_str(&mut self, text: &str, place: TextPlace) {
        if self.marks.is_empty() || (self.text.is_empty() && !text.is_empty()) {
            self.marks.clear();
            self.marks.push((0, place));
        } else if self.marks.last().is_some_and(|(_, last)| *last != place) {
            self.marks.push((self.text.len(), place));
        }
        self.text.push_str(text);
    }

    /// Appends a character with the location `place`.
    pub fn push_char(&mut self, character: char, place: TextPlace) {
        self.push_str(character.encode_utf8(&mut [0; 4]), place);
    }

    /// Appends other text with its locations.
    pub fn push(&mut self, other: &Self) {
        for (index, (start, place)) in other.marks.iter().enumerate() {
            let end = other.marks.get(index + 1).map_or(other.len(), |m| m.0);
            self.push_str(&other.text[*start..end], *place);
        }
    }

    /// Returns a part of the text. Offsets must be on character boundaries.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let mut marks = vec![(0, self.place_at(start))];
        let from = self.marks.partition_point(|(offset, _)| *offset <= start);
        for (offset, place) in &self.marks[from..] {
            if *offset >= end {
                break;
            }
            marks.push((offset - start, *place));
        }
        Self {
            text: self.text[start..end].to_owned(),
            marks,
        }
    }

    /// Returns the text without blanks at both ends.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        let end = self.text.trim_end().len();
        let start = self.text.len() - self.text.trim_start().len();
        self.slice(start.min(end), end)
    }

    /// Returns the lines without their line breaks, each with its location.
    pub fn split_lines(&self) -> Vec<Self> {
        self.split('\n')
    }

    /// Returns the parts between each `separator`.
    pub fn split(&self, separator: char) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = 0;
        for (offset, found) in self.text.match_indices(separator) {
            parts.push(self.slice(start, offset));
            start = offset + found.len();
        }
        parts.push(self.slice(start, self.len()));
        parts
    }

    /// Returns the words between blanks.
    pub fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut start = None;
        for (offset, character) in self.text.char_indices() {
            match (character.is_whitespace(), start) {
                (true, Some(from)) => {
                    words.push(self.slice(from, offset));
                    start = None;
                }
                (false, None) => start = Some(offset),
                _ => {}
            }
        }
        if let Some(from) = start {
            words.push(self.slice(from, self.len()));
        }
        words
    }

    /// Returns the text for its use at `place`: a single word gets that location, several words
    /// keep theirs.
    #[must_use]
    pub fn used_at(&self, place: TextPlace) -> Self {
        if self.text.trim().contains(char::is_whitespace) {
            self.clone()
        } else {
            Self::new(self.text.as_str(), place)
        }
    }

    /// Replaces the text and keeps the location of its start.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        Self::new(text, self.place())
    }
}
