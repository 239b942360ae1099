//! The manual: topics in a small subset of Markdown, rendered for a terminal and for `man`.
//!
//! A topic is a title `# NAME: SUMMARY`, followed by headings (`## `), paragraphs, lists (`- `,
//! with continuation lines indented), tables and fenced code. Paragraphs and lists are wrapped to the
//! width of the terminal; tables and code are not.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::cli::table::{Paper, Style};

/// A topic of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Topic {
    pub(in crate::cli) name: &'static str,
    text: &'static str,
}

macro_rules! topics {
    ($($name:literal),* $(,)?) => {
        /// All topics, in display order.
        pub(in crate::cli) const TOPICS: &[Topic] = &[$(Topic {
            name: $name,
            text: include_str!(concat!("../../../assets/manual/", $name, ".md")),
        }),*];
    };
}

topics!(
    "ui",
    "why",
    "prune",
    "check",
    "repair",
    "find",
    "s3",
    "registry",
    "github",
    "filters",
    "scripting",
    "ci",
    "config",
    "words",
);

/// The width of lines that go to a file or to another program.
const PIPED: usize = 80;
/// The width below which lines are not wrapped any further.
const NARROWEST: usize = 40;
/// The width above which lines are hard to read.
const WIDEST: usize = 100;

/// A part of a topic.
#[derive(Debug, PartialEq, Eq)]
enum ManualBlock {
    Heading(&'static str),
    Paragraph(Vec<&'static str>),
    /// The lines of one list item.
    Item(Vec<&'static str>),
    Code(Vec<&'static str>),
}

impl Topic {
    /// Returns the topic with this name.
    pub(in crate::cli) fn named(name: &str) -> Option<Self> {
        TOPICS.iter().copied().find(|topic| topic.name == name)
    }

    /// Returns its summary.
    pub(in crate::cli) fn summary(self) -> &'static str {
        let title = self.text.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary)
    }

    fn blocks(self) -> Vec<ManualBlock> {
        let mut blocks: Vec<ManualBlock> = Vec::new();
        let mut lines = self.text.lines().skip(1);
        let mut is_open = false;
        while let Some(line) = lines.next() {
            if line.starts_with("```") {
                let code = lines.by_ref().take_while(|line| !line.starts_with("```"));
                blocks.push(ManualBlock::Code(code.collect()));
                is_open = false;
            } else if line.starts_with('|') {
                // A table has the same width everywhere, so it is printed like code.
                match blocks.last_mut() {
                    Some(ManualBlock::Code(lines)) if is_open => lines.push(line),
                    _ => blocks.push(ManualBlock::Code(vec![line])),
                }
                is_open = true;
            } else if line.is_empty() {
                is_open = false;
            } else if let Some(heading) = line.strip_prefix("## ") {
                blocks.push(ManualBlock::Heading(heading));
                is_open = false;
            } else if let Some(item) = line.strip_prefix("- ") {
                blocks.push(ManualBlock::Item(vec![item]));
                is_open = true;
            } else {
                match blocks.last_mut() {
                    Some(ManualBlock::Item(lines)) if is_open => lines.push(line.trim_start()),
                    Some(ManualBlock::Paragraph(lines)) if is_open => lines.push(line),
                    _ => blocks.push(ManualBlock::Paragraph(vec![line])),
                }
                is_open = true;
            }
        }
        blocks
    }

    /// Renders the topic for a terminal.
    pub(in crate::cli) fn render(self, paper: Paper) -> String {
        let title = format!("{} – {}", self.name, self.summary());
        let mut text = Style::Strong.paint(&title, paper) + "\n";
        let columns = paper.columns.unwrap_or(PIPED).clamp(NARROWEST, WIDEST);
        let mut was_item = false;
        for block in self.blocks() {
            let is_item = matches!(block, ManualBlock::Item(_));
            if !(is_item && was_item) {
                text.push('\n');
            }
            was_item = is_item;
            match block {
                ManualBlock::Heading(heading) => {
                    text += &Style::Strong.paint(&heading.to_uppercase(), paper);
                    text.push('\n');
                }
                ManualBlock::Paragraph(lines) => {
                    for line in wrapped(&lines, columns) {
                        text += &format!("{}\n", inline(&line, paper));
                    }
                }
                ManualBlock::Item(lines) => {
                    for (place, line) in wrapped(&lines, columns - 2).iter().enumerate() {
                        let mark = if place == 0 { "- " } else { "  " };
                        text += &format!("{mark}{}\n", inline(line, paper));
                    }
                }
                ManualBlock::Code(lines) => {
                    for line in lines {
                        text += format!("    {line}").trim_end();
                        text.push('\n');
                    }
                }
            }
        }
        text
    }

    /// Renders the topic as a manual page of section 7.
    pub(in crate::cli) fn roff(self) -> String {
        let mut page = format!(
            ".TH CACHELENS\\-{} 7 \"\" \"cachelens {}\"\n.SH NAME\ncachelens\\-{} \\- {}\n.SH DESCRIPTION\n",
            self.name.to_uppercase(),
            env!("CARGO_PKG_VERSION"),
            self.name,
            roff(self.summary())
        );
        for block in self.blocks() {
            // Writing to a String cannot fail.
            let _ = match block {
                ManualBlock::Heading(heading) => {
                    writeln!(page, ".SH \"{}\"", roff(&heading.to_uppercase()))
                }
                ManualBlock::Paragraph(lines) => writeln!(page, ".PP\n{}", roff_lines(&lines)),
                ManualBlock::Item(lines) => writeln!(page, ".IP \\(bu 2\n{}", roff_lines(&lines)),
                ManualBlock::Code(lines) => {
                    let lines: Vec<String> = lines.iter().map(|line| roff(line)).collect();
                    writeln!(page, ".PP\n.nf\n.RS 4\n{}\n.RE\n.fi", lines.join("\n"))
                }
            };
        }
        page += ".SH \"SEE ALSO\"\n\\fBcachelens\\fR(1)\n";
        page
    }
}

/// Joins lines and breaks them again, so that none is wider than `columns`. A word, or a `**strong**`
/// part, is never broken.
fn wrapped(lines: &[&str], columns: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    let mut word = String::new();
    for part in lines.iter().flat_map(|line| line.split_whitespace()) {
        if !word.is_empty() {
            word.push(' ');
        }
        word += part;
        if word.matches("**").count() % 2 == 1 {
            continue;
        }
        match wrapped.last_mut() {
            Some(line) if shown_width(line) + 1 + shown_width(&word) <= columns => {
                line.push(' ');
                *line += &word;
            }
            _ => wrapped.push(word.clone()),
        }
        word.clear();
    }
    if !word.is_empty() {
        wrapped.push(word);
    }
    wrapped
}

/// Returns the width of a line without the marks of strong text.
fn shown_width(line: &str) -> usize {
    line.replace("**", "").width()
}

/// Renders `**strong**` text; code keeps its backticks.
fn inline(line: &str, paper: Paper) -> String {
    let mut text = String::new();
    for (place, part) in line.split("**").enumerate() {
        if place % 2 == 1 {
            text += &Style::Strong.paint(part, paper);
        } else {
            text += part;
        }
    }
    text
}

fn roff_lines(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| {
        let mut text = String::new();
        for (place, part) in line.split("**").enumerate() {
            // Code is bold, as usual in manual pages.
            let code = part.split('`').enumerate().map(|(place, part)| {
                if place % 2 == 1 {
                    format!("\\fB{}\\fR", inner(part))
                } else {
                    inner(part)
                }
            });
            let code: String = code.collect();
            if place % 2 == 1 {
                text += &format!("\\fB{code}\\fR");
            } else {
                text += &code;
            }
        }
        guarded(text)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Escapes a line for roff.
pub(in crate::cli) fn roff(line: &str) -> String {
    guarded(inner(line))
}

fn inner(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// Escapes a line that roff would take for a request.
fn guarded(line: String) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_title_a_summary_and_lines_that_fit_a_terminal() {
        for topic in TOPICS {
            let title = format!("# {}: ", topic.name);
            assert!(topic.text.starts_with(&title), "{}", topic.name);
            assert!(topic.summary().chars().count() <= 60, "{}", topic.name);
            let fences = topic.text.lines().filter(|line| line.starts_with("```"));
            assert_eq!(fences.count() % 2, 0, "{}", topic.name);
            for line in topic.render(Paper::default()).lines() {
                // A path that is longer cannot be broken.
                let is_path = line.ends_with("/completions/cachelens");
                assert!(line.width() <= 80 || is_path, "{}: {line}", topic.name);
                assert!(!line.starts_with("```"), "{}: {line}", topic.name);
            }
        }
    }

    #[test]
    fn paragraphs_and_lists_are_as_wide_as_the_terminal() {
        let words = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("    "));
            let words = lines.flat_map(str::split_whitespace);
            words
                .filter(|word| *word != "-")
                .map(str::to_owned)
                .collect()
        };
        for topic in TOPICS {
            let of = |columns| {
                topic.render(Paper {
                    columns: Some(columns),
                    ..Paper::default()
                })
            };
            for columns in [70, 80, 100] {
                let text = of(columns);
                let flowing = text.lines().filter(|line| !line.starts_with("    "));
                for line in flowing.filter(|line| line.contains(' ')) {
                    assert!(line.width() <= columns, "{} {columns}: {line}", topic.name);
                }
                assert_eq!(words(&text), words(&of(200)), "{}", topic.name);
            }
        }
        assert_eq!(wrapped(&["a **b", "c** d"], 5), ["a **b c**", "d"]);
    }

    #[test]
    fn no_line_of_a_page_is_a_request_by_accident() {
        const REQUESTS: [&str; 9] = [
            ".TH ", ".SH ", ".PP", ".IP ", ".nf", ".fi", ".RS ", ".RE", "\\&",
        ];
        for topic in TOPICS {
            let page = topic.roff();
            for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
                assert!(
                    REQUESTS.iter().any(|request| line.starts_with(request)),
                    "{}: {line}",
                    topic.name
                );
            }
            assert!(page.contains(topic.summary().split(' ').next().unwrap_or("")));
        }
        assert_eq!(roff(r".a \b-c"), r"\&.a \eb\-c");
    }
}
