//! Markdown for summaries of workflow runs and for comments.

use super::Issue;
use crate::text::escape::visible;
use crate::text::secrets::mask;

/// Formats issues as a table; empty if there are none.
pub fn issues(issues: &[Issue]) -> String {
    if issues.is_empty() {
        return String::new();
    }
    let rows = issues.iter().map(|issue| {
        let hint = issue.hint.as_deref().unwrap_or_default();
        [
            issue.level.word(),
            issue.code,
            &issue.subject,
            &issue.message,
            hint,
        ]
        .map(text)
    });
    table(["Severity", "Code", "Where", "What", "Hint"], rows)
}

/// Formats text as code. Backticks in it are fenced by more backticks.
pub fn code(text: &str) -> String {
    let masked = mask(text);
    let text = visible(&masked);
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Formats a table. Cells are Markdown already; characters that would end a cell are escaped.
pub fn table<const N: usize>(
    heads: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heads.map(str::to_owned));
    text += &format!("|{}\n", "---|".repeat(N));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell_text(cell)).collect();
        text += &line(&cells);
    }
    text
}

/// Escapes bars that are not escaped yet; they end a cell even within code.
fn cell_text(cell: &str) -> String {
    let mut text = String::new();
    let mut is_escaped = false;
    for character in cell.chars() {
        if character == '|' && !is_escaped {
            text.push('\\');
        }
        is_escaped = character == '\\' && !is_escaped;
        text.push(if character == '\n' { ' ' } else { character });
    }
    text
}

/// Escapes text for one cell of a table or one line. Text between backticks becomes code, in which
/// only the bar of a table is special.
pub fn text(text: &str) -> String {
    let text = mask(text);
    let text = visible(&text);
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let mut written = String::new();
    for (place, part) in parts.iter().enumerate() {
        let is_code = place % 2 == 1 && place < last;
        if is_code && !part.trim().is_empty() {
            written += &format!("`{}`", part.replace('|', "\\|"));
            continue;
        }
        if place % 2 == 1 {
            written.push_str("\\`");
        }
        part.chars()
            .for_each(|character| escape(character, &mut written));
        if is_code {
            written.push_str("\\`");
        }
    }
    written
}

fn escape(character: char, written: &mut String) {
    match character {
        // A mention notifies a person, and no backslash prevents it.
        '@' => written.push_str("&#64;"),
        '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '!' | '`' | '$' => {
            written.push('\\');
            written.push(character);
        }
        _ => written.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_store_is_text() {
        let cases = [
            ("a|b\nc", r"a\|b␊c"),
            ("<img src=x> @team", r"\<img src=x\> &#64;team"),
            ("[a](http://b)", r"\[a\](http://b)"),
            ("run `a | b` now", r"run `a \| b` now"),
            ("odd ` tick", r"odd \` tick"),
            ("``", r"\`\`"),
            ("a `<b>` c", "a `<b>` c"),
        ];
        for (given, wanted) in cases {
            assert_eq!(text(given), wanted, "{given:?}");
        }
    }

    #[test]
    fn code_and_bars_are_escaped_in_table_cells() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a"), "`` `a ``");
        let rows = [[code("a|b"), text("c|d")]];
        assert_eq!(
            table(["A", "B"], rows),
            "| A | B |\n|---|---|\n| `a\\|b` | c\\|d |\n"
        );
    }
}
