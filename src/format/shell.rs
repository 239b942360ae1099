//! Parses shell scripts, as far as needed to follow their variables and find their commands.
//!
//! The parser accepts any text and skips the parts that it does not understand. It follows POSIX
//! with the arrays, `[[ … ]]`, here-strings and `function` of Bash.

mod parse;
mod word;

use super::located::{Located, TextPlace};

pub use parse::parse;

/// Commands in the order of the script.
pub type List = Vec<PipelineStep>;

/// A pipeline, and how it depends on the step before it.
#[derive(Debug, Clone)]
pub struct PipelineStep {
    /// How it depends on the step before it.
    pub join: Join,
    pub pipeline: Vec<ShellCommand>,
}

/// The operator between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// `;`, `&` or a line break.
    Always,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A command.
#[derive(Debug, Clone)]
pub enum ShellCommand {
    /// Assignments, words and redirections.
    Simple(Simple),
    /// `if`, with a condition and a body for each arm.
    If {
        /// The arms of `if` and `elif`.
        arms: Vec<(List, List)>,
        /// The body of `else`.
        otherwise: List,
    },
    /// `for`; without `in` there are no words.
    For {
        variable: String,
        /// The words of the list.
        words: Vec<Word>,
        body: List,
    },
    /// `while` and `until`.
    While {
        condition: List,
        body: List,
    },
    /// `case`
    Case {
        /// The word to compare.
        subject: Word,
        /// The patterns and the body of each arm.
        arms: Vec<(Vec<Word>, List)>,
    },
    Function {
        name: String,
        body: List,
    },
    /// `{ … }` or `( … )`
    Group(List),
    /// A compound command whose output is redirected.
    Redirected {
        command: Box<ShellCommand>,
        /// The words after `>` or `>>`.
        outputs: Vec<Word>,
    },
}

/// A simple command.
#[derive(Debug, Clone, Default)]
pub struct Simple {
    /// The assignments in front of the words.
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
    /// The targets of redirected output: the words after `>` or `>>`.
    pub outputs: Vec<Word>,
    /// Here-documents and here-strings.
    pub inputs: Vec<Located>,
    /// The location of its start.
    pub place: TextPlace,
}

/// An assignment to a variable.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable. An element of an array has its index: `NAME[INDEX]`.
    pub name: String,
    /// Whether it is `+=`.
    pub append: bool,
    /// The value; several words for an array.
    pub value: Assigned,
}

/// The assigned value.
#[derive(Debug, Clone)]
pub enum Assigned {
    Scalar(Word),
    /// `( … )`
    Array(Vec<Word>),
}

/// A word.
#[derive(Debug, Clone, Default)]
pub struct Word {
    pub parts: Vec<WordPart>,
    /// The location of its start.
    pub place: TextPlace,
    /// The word as written, shortened.
    pub source: String,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub enum WordPart {
    Text {
        text: Located,
        quoted: bool,
    },
    /// `$NAME` or `${NAME…}`
    Variable {
        /// The name, or a number, `@`, `*`, `#`.
        name: String,
        /// The operation on the value.
        change: VariableChange,
        /// Whether it is in double quotes.
        quoted: bool,
        place: TextPlace,
    },
    /// `$( … )`
    Substitution {
        /// The commands.
        list: List,
        /// The start of the source, escaped for display.
        source: String,
        /// Whether it is in double quotes.
        quoted: bool,
        place: TextPlace,
    },
}

/// An operation on the value of a variable.
#[derive(Debug, Clone)]
pub enum VariableChange {
    /// Nothing.
    None,
    /// All elements: `${NAME[@]}`.
    Elements,
    /// `-`, `:-`, `=`, `:=`
    Default {
        /// Whether an empty value counts as unset.
        empty: bool,
        /// The default.
        word: Word,
    },
    /// `+`, `:+`
    Alternate(Word),
    /// Anything else, as written.
    Edit(String),
}

impl Word {
    /// The text of a word without variables.
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            let WordPart::Text { text: part, .. } = part else {
                return None;
            };
            text.push_str(part.as_str());
        }
        Some(text)
    }

    /// The literal text if no part of it is quoted, as for keywords.
    pub fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [
                WordPart::Text {
                    text,
                    quoted: false,
                },
            ] => Some(text.as_str()),
            _ => None,
        }
    }
}
