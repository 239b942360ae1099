//! What changed between two small texts: lines of files, and words of commands.

use super::secrets;

/// The largest text that is compared by lines, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// The most pairs of lines that are compared.
const MAX_PAIRS: usize = 1 << 20;
/// The most lines that a difference has.
const MAX_LINES: usize = 60;
/// How many lines are shown around what changed.
const AROUND: usize = 2;
/// The longest line or command that is shown whole, in characters.
const MAX_WIDTH: usize = 160;

/// A line of a difference, with secrets hidden; not fit for a terminal as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is in both texts.
    Same(String),
    /// Only the new text has it.
    Added(String),
    /// Only the old text has it.
    Removed(String),
    /// Lines are left out here.
    Gap,
}

impl Line {
    /// Returns the sign that differences have in front of such a line, and the line.
    pub fn parts(&self) -> (char, &str) {
        match self {
            Self::Same(text) => (' ', text),
            Self::Added(text) => ('+', text),
            Self::Removed(text) => ('-', text),
            Self::Gap => ('…', ""),
        }
    }
}

/// Compares two files line by line. None where that would tell nothing: they are no text, too large or too different, or the
/// file looks like one of secrets.
pub fn lines(path: &str, was: &[u8], is: &[u8]) -> Option<Vec<Line>> {
    if secrets::is_secret_file(path) || was.len() > MAX_BYTES || is.len() > MAX_BYTES {
        return None;
    }
    let (was, is) = (std::str::from_utf8(was).ok()?, std::str::from_utf8(is).ok()?);
    if [was, is].iter().any(|text| text.contains('\0') || text.contains("-----BEGIN")) {
        return None;
    }
    let (was, is): (Vec<&str>, Vec<&str>) = (was.split_inclusive('\n').collect(), is.split_inclusive('\n').collect());
    let edits = edits(&was, &is)?;
    Some(hunks(&edits))
}

/// An item of either text, or of both.
enum Edit<'a> {
    Same(&'a str),
    Added(&'a str),
    Removed(&'a str),
}

/// Finds the fewest items to take away and to add. None where the texts are too long.
fn edits<'a>(was: &[&'a str], is: &[&'a str]) -> Option<Vec<Edit<'a>>> {
    let start = was.iter().zip(is).take_while(|(one, other)| one == other).count();
    let (old, new) = (&was[start..], &is[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > MAX_PAIRS {
        return None;
    }
    // The length of the longest common subsequence from each pair of places on.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for one in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            lengths[one * width + other] = if old[one] == new[other] {
                lengths[(one + 1) * width + other + 1] + 1
            } else {
                lengths[(one + 1) * width + other].max(lengths[one * width + other + 1])
            };
        }
    }
    let mut edits: Vec<Edit<'_>> = was[..start].iter().map(|item| Edit::Same(item)).collect();
    let (mut one, mut other) = (0, 0);
    while one < old.len() || other < new.len() {
        let takes_away = other == new.len()
            || one < old.len() && lengths[(one + 1) * width + other] >= lengths[one * width + other + 1];
        if one < old.len() && other < new.len() && old[one] == new[other] {
            edits.push(Edit::Same(old[one]));
            (one, other) = (one + 1, other + 1);
        } else if takes_away {
            edits.push(Edit::Removed(old[one]));
            one += 1;
        } else {
            edits.push(Edit::Added(new[other]));
            other += 1;
        }
    }
    edits.extend(was[was.len() - end..].iter().map(|item| Edit::Same(item)));
    Some(edits)
}

/// Keeps what changed, with a few lines around it.
fn hunks(edits: &[Edit<'_>]) -> Vec<Line> {
    let changed: Vec<bool> = edits.iter().map(|edit| !matches!(edit, Edit::Same(_))).collect();
    let mut lines = Vec::new();
    let mut skipped = false;
    for (at, edit) in edits.iter().enumerate() {
        let near = at.saturating_sub(AROUND)..(at + AROUND + 1).min(edits.len());
        if !changed[near].contains(&true) {
            skipped = true;
            continue;
        }
        if skipped && !lines.is_empty() || lines.len() == MAX_LINES {
            lines.push(Line::Gap);
        }
        if lines.len() > MAX_LINES {
            break;
        }
        skipped = false;
        lines.push(match edit {
            Edit::Same(text) => Line::Same(shown(text)),
            Edit::Added(text) => Line::Added(shown(text)),
            Edit::Removed(text) => Line::Removed(shown(text)),
        });
    }
    lines
}

/// Makes a line fit to be shown in its width: without its end, and without secrets.
fn shown(line: &str) -> String {
    let text = secrets::without(line.strip_suffix('\n').unwrap_or(line));
    match text.char_indices().nth(MAX_WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Says what a text became: both where they are short, else the words that changed.
pub fn became(was: &str, is: &str) -> String {
    let (hidden_was, hidden_is) = (secrets::without(was), secrets::without(is));
    if hidden_was == hidden_is && was != is {
        return format!("{}, where something secret changed", quoted(&hidden_is));
    }
    let longest = was.chars().count().max(is.chars().count());
    if longest <= MAX_WIDTH / 2 {
        return format!("{} became {}", quoted(&hidden_was), quoted(&hidden_is));
    }
    let (was, is): (Vec<&str>, Vec<&str>) = (hidden_was.split(' ').collect(), hidden_is.split(' ').collect());
    let start = was.iter().zip(&is).take_while(|(one, other)| one == other).count();
    let rest = was[start..].iter().rev().zip(is[start..].iter().rev());
    let end = rest.take_while(|(one, other)| one == other).count();
    let part = |words: &[&str]| {
        let (from, to) = (start.saturating_sub(AROUND), (words.len() - end + AROUND).min(words.len()));
        let (before, after) = (if from > 0 { "… " } else { "" }, if to < words.len() { " …" } else { "" });
        quoted(&format!("{before}{}{after}", words[from..to].join(" ")))
    };
    format!("{} became {}", part(&was), part(&is))
}

/// Quotes a text, cut where it is long.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_WIDTH) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(was: &str, is: &str) -> Option<String> {
        let lines = lines("a.txt", was.as_bytes(), is.as_bytes())?;
        Some(
            lines
                .iter()
                .map(|line| {
                    let (sign, text) = line.parts();
                    format!("{sign}{text}")
                })
                .collect::<Vec<_>>()
                .join("|"),
        )
    }

    #[test]
    fn shows_what_changed_and_a_little_around_it() {
        assert_eq!(told("a\nb\nc\n", "a\nB\nc\n").unwrap(), " a|-b|+B| c");
        assert_eq!(told("", "a\n").unwrap(), "+a");
        assert_eq!(
            told("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\nx\n3\n4\n5\n6\n7\n8\n").unwrap(),
            " 1|-2|+x| 3| 4|…| 7| 8|-9"
        );
        assert_eq!(told("TOKEN=a\n", "TOKEN=b\n").unwrap(), "-TOKEN=(hidden)|+TOKEN=(hidden)");
        let long = "x".repeat(500);
        assert_eq!(told("", &long).unwrap().chars().count(), MAX_WIDTH + 2);
        let many = (0..200).map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
        assert_eq!(lines("a", b"", many.as_bytes()).unwrap().len(), MAX_LINES + 1);
    }

    #[test]
    fn says_nothing_of_what_is_no_small_text() {
        assert_eq!(told("a\0", "b"), None);
        assert_eq!(told("-----BEGIN RSA PRIVATE KEY-----", "b"), None);
        assert_eq!(lines(".env", b"A=1", b"A=2"), None);
        assert_eq!(lines("a", b"\xff", b"b"), None);
        assert_eq!(lines("a", &vec![b'a'; MAX_BYTES + 1], b"b"), None);
        let numbers = |from: usize| (from..from + 2_000).map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
        assert_eq!(told(&numbers(0), &numbers(5_000)), None);
    }

    #[test]
    fn of_long_commands_the_words_that_changed_are_told() {
        assert_eq!(became("go build", "go build -race"), "`go build` became `go build -race`");
        let long = |flag: &str| format!("apt-get install -y {} {flag} last word end", "package ".repeat(60).trim());
        assert_eq!(
            became(&long("curl=7"), &long("curl=8")),
            "`… package package curl=7 last word …` became `… package package curl=8 last word …`"
        );
        assert_eq!(became("TOKEN=a x", "TOKEN=b x"), "`TOKEN=(hidden) x`, where something secret changed");
    }

    proptest::proptest! {
        #[test]
        fn both_texts_are_in_their_difference(was in "([abc]\n){0,8}", is in "([abc]\n){0,8}") {
            let (old, new): (Vec<&str>, Vec<&str>) = (was.split_inclusive('\n').collect(), is.split_inclusive('\n').collect());
            let edits = edits(&old, &new).unwrap();
            let side = |added: bool| edits.iter().filter_map(|edit| match edit {
                Edit::Same(text) => Some(*text),
                Edit::Added(text) => added.then_some(*text),
                Edit::Removed(text) => (!added).then_some(*text),
            }).collect::<String>();
            proptest::prop_assert_eq!(side(false), was.as_str());
            proptest::prop_assert_eq!(side(true), is.as_str());
        }
    }
}
