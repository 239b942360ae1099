//! The changes between two texts: lines of files, and words of commands.
//!
//! Lines are compared with the `similar` crate. A lockfile has many lines that occur once in both
//! texts; these are paired first and in order (as in a patience diff), so that the quadratic part
//! of the work is between two such pairs only. What is too long even there counts as replaced.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::text::secrets;
use crate::text::shortened;

mod anchors;

/// The largest text that is compared by lines, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// The most lines that a difference has.
const MAX_LINES: usize = 60;
/// How many lines are shown around a change.
const AROUND: usize = 2;
/// The longest line or command that is shown uncut, in characters.
const MAX_WIDTH: usize = 160;
/// How much of a line is searched for secrets, in bytes: more than is shown of it.
const MAX_MASKED: usize = 4 << 10;

/// A line of a difference, with secrets masked. Escape it before it reaches a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextDiffLine {
    /// It is in both texts.
    Same(String),
    /// Only the new text has it.
    Added(String),
    /// Only the old text has it.
    Removed(String),
    /// Where the lines after it stand in both texts, as in a unified diff.
    Hunk(String),
    /// How many changed lines are left out from here on.
    More(String),
}

impl TextDiffLine {
    /// Returns the sign of the line in a diff, and its text.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Same(text) => (" ", text),
            Self::Added(text) => ("+", text),
            Self::Removed(text) => ("-", text),
            Self::Hunk(text) => ("@@", text),
            Self::More(text) => ("…", text),
        }
    }

    /// Returns the line with its sign, as a unified diff writes it.
    pub fn marked(&self) -> String {
        match self.parts() {
            (sign @ ("@@" | "…"), text) => format!("{sign} {text}"),
            (sign, text) => format!("{sign}{text}"),
        }
    }
}

/// Compares two files line by line. Returns `None` for a file that is not text, is too large, or
/// looks like one that holds secrets.
pub fn lines(path: &str, was: &[u8], is: &[u8]) -> Option<Vec<TextDiffLine>> {
    if secrets::is_secret_file(path) || was.len() > MAX_BYTES || is.len() > MAX_BYTES {
        return None;
    }
    let was = std::str::from_utf8(was).ok()?;
    let is = std::str::from_utf8(is).ok()?;
    if [was, is]
        .iter()
        .any(|text| text.contains('\0') || text.contains("-----BEGIN"))
    {
        return None;
    }
    let was: Vec<&str> = was.split_inclusive('\n').collect();
    let is: Vec<&str> = is.split_inclusive('\n').collect();
    Some(hunks(&was, &is, anchors::changes(&was, &is)))
}

/// Keeps the changes, with a few lines around them.
fn hunks(was: &[&str], is: &[&str], changes: Vec<DiffOp>) -> Vec<TextDiffLine> {
    let changed: usize = changes.iter().map(changed_lines).sum();
    let mut lines = Vec::new();
    let mut shown = 0;
    for hunk in group_diff_ops(changes, AROUND) {
        if lines.len() >= MAX_LINES {
            break;
        }
        lines.extend(position(&hunk).map(TextDiffLine::Hunk));
        let mut hunk_lines = hunk.iter().flat_map(|change| lines_of(was, is, change));
        while lines.len() < MAX_LINES
            && let Some(line) = hunk_lines.next()
        {
            shown += usize::from(matches!(
                line,
                TextDiffLine::Added(_) | TextDiffLine::Removed(_)
            ));
            lines.push(line);
        }
    }
    match changed - shown {
        0 => {}
        1 => lines.push(TextDiffLine::More("1 more changed line".to_owned())),
        more => lines.push(TextDiffLine::More(format!("{more} more changed lines"))),
    }
    lines
}

fn changed_lines(change: &DiffOp) -> usize {
    match change {
        DiffOp::Equal { .. } => 0,
        other => other.old_range().len() + other.new_range().len(),
    }
}

/// Says where a hunk stands. `None` at the start of both texts, where that is plain.
fn position(hunk: &[DiffOp]) -> Option<String> {
    let first = hunk.first()?;
    let last = hunk.last()?;
    let old = first.old_range().start..last.old_range().end;
    let new = first.new_range().start..last.new_range().end;
    let side = |range: &Range<usize>| match range.len() {
        // A unified diff names the line before an empty range.
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        length => format!("{},{length}", range.start + 1),
    };
    (old.start > 0 || new.start > 0).then(|| format!("-{} +{} @@", side(&old), side(&new)))
}

fn lines_of(was: &[&str], is: &[&str], change: &DiffOp) -> Vec<TextDiffLine> {
    let old = &was[change.old_range()];
    let new = &is[change.new_range()];
    if let DiffOp::Equal { .. } = change {
        return new
            .iter()
            .map(|line| TextDiffLine::Same(shown(line)))
            .collect();
    }
    let removed = old.iter().take(MAX_LINES);
    let added = new.iter().take(MAX_LINES);
    removed
        .map(|line| TextDiffLine::Removed(shown(line)))
        .chain(added.map(|line| TextDiffLine::Added(shown(line))))
        .collect()
}

/// Prepares a line for display: without its end, without secrets, and cut to the width.
fn shown(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let text = secrets::mask(&line[..line.floor_char_boundary(MAX_MASKED)]);
    shortened(&text, MAX_WIDTH)
}

/// Describes a change of text: both texts if they are short, else the words that changed.
pub fn became(was: &str, is: &str) -> String {
    let hidden_was = secrets::mask(was);
    let hidden_is = secrets::mask(is);
    if hidden_was == hidden_is && was != is {
        return format!("{}, where something secret changed", quoted(&hidden_is));
    }
    let longest = was.chars().count().max(is.chars().count());
    if longest <= MAX_WIDTH / 2 {
        return format!("{} became {}", quoted(&hidden_was), quoted(&hidden_is));
    }
    let was: Vec<&str> = hidden_was.split(' ').collect();
    let is: Vec<&str> = hidden_is.split(' ').collect();
    let start = was
        .iter()
        .zip(&is)
        .take_while(|(one, other)| one == other)
        .count();
    let rest = was[start..].iter().rev().zip(is[start..].iter().rev());
    let end = rest.take_while(|(one, other)| one == other).count();
    let part = |words: &[&str]| {
        let from = start.saturating_sub(AROUND);
        let to = (words.len() - end + AROUND).min(words.len());
        let before = if from > 0 { "… " } else { "" };
        let after = if to < words.len() { " …" } else { "" };
        quoted(&format!("{before}{}{after}", words[from..to].join(" ")))
    };
    format!("{} became {}", part(&was), part(&is))
}

/// Quotes a text, cut where it is long.
pub fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, MAX_WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(was: &str, is: &str) -> Option<String> {
        let lines = lines("a.txt", was.as_bytes(), is.as_bytes())?;
        Some(
            lines
                .iter()
                .map(TextDiffLine::marked)
                .collect::<Vec<_>>()
                .join("|"),
        )
    }

    #[test]
    fn a_diff_shows_changed_lines_with_little_context() {
        assert_eq!(diff("a\nb\nc\n", "a\nB\nc\n").unwrap(), " a|-b|+B| c");
        assert_eq!(diff("", "a\n").unwrap(), "+a");
        assert_eq!(
            diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\nx\n3\n4\n5\n6\n7\n8\n").unwrap(),
            " 1|-2|+x| 3| 4|@@ -7,3 +7,2 @@| 7| 8|-9"
        );
        assert_eq!(
            diff("TOKEN=a\n", "TOKEN=b\n").unwrap(),
            "-TOKEN=(hidden)|+TOKEN=(hidden)"
        );
        let long = "x".repeat(500);
        assert_eq!(diff("", &long).unwrap().chars().count(), MAX_WIDTH + 1);
        let many = (0..200)
            .map(|line| format!("{line}\n"))
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(
            lines("a", b"", many.as_bytes()).unwrap().len(),
            MAX_LINES + 1
        );
    }

    #[test]
    fn large_binary_and_secret_files_have_no_diff() {
        assert_eq!(diff("a\0", "b"), None);
        assert_eq!(diff("-----BEGIN RSA PRIVATE KEY-----", "b"), None);
        assert_eq!(lines(".env", b"A=1", b"A=2"), None);
        assert_eq!(lines("a", b"\xff", b"b"), None);
        assert_eq!(lines("a", &vec![b'a'; MAX_BYTES + 1], b"b"), None);
    }

    /// A lockfile of about 8 megabytes, in which each package has lines that all packages have.
    fn lockfile(change: impl Fn(usize) -> String) -> String {
        let package = |number: usize| {
            format!(
                "    \"node_modules/package-{number}\": {{\n      \"version\": \"{}\",\n      \"dev\": true,\n      \"engines\": {{\n        \"node\": \">=18\"\n      }}\n    }},\n",
                change(number)
            )
        };
        (0..50_000).map(package).collect()
    }

    #[test]
    fn a_lockfile_of_eight_mebibytes_shows_the_lines_that_changed() {
        let was = lockfile(|_| "1.0.0".to_owned());
        let is = lockfile(|number| match number {
            7 | 49_990 => "1.0.1".to_owned(),
            _ => "1.0.0".to_owned(),
        });
        assert!(
            was.len() > MAX_BYTES * 7 / 10 && was.len() < MAX_BYTES,
            "{}",
            was.len()
        );
        insta::assert_snapshot!(diff(&was, &is).unwrap().replace('|', "\n"), @r#"
        @@ -49,5 +49,5 @@
             },
             "node_modules/package-7": {
        -      "version": "1.0.0",
        +      "version": "1.0.1",
               "dev": true,
               "engines": {
        @@ -349930,5 +349930,5 @@
             },
             "node_modules/package-49990": {
        -      "version": "1.0.0",
        +      "version": "1.0.1",
               "dev": true,
               "engines": {
        "#);
    }

    #[test]
    fn a_lockfile_in_which_everything_changed_is_cut() {
        let was = lockfile(|number| format!("1.{number}.0"));
        let is = lockfile(|number| format!("2.{number}.0"));
        let lines = lines("package-lock.json", was.as_bytes(), is.as_bytes()).unwrap();
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines[MAX_LINES].marked(), "… 99982 more changed lines");
    }

    #[test]
    fn changed_words_of_long_commands_are_shown() {
        assert_eq!(
            became("go build", "go build -race"),
            "`go build` became `go build -race`"
        );
        let long = |flag: &str| {
            format!(
                "apt-get install -y {} {flag} last word end",
                "package ".repeat(60).trim()
            )
        };
        assert_eq!(
            became(&long("curl=7"), &long("curl=8")),
            "`… package package curl=7 last word …` became `… package package curl=8 last word …`"
        );
        assert_eq!(
            became("TOKEN=a x", "TOKEN=b x"),
            "`TOKEN=(hidden) x`, where something secret changed"
        );
    }
}
