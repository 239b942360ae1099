//! Parser directives: `# name=value` at the top of a file
//! (`frontend/dockerfile/parser/directives.go`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::format::go_text;

static DIRECTIVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^([a-zA-Z][a-zA-Z0-9]*)[\t\n\x0C\r ]*=[\t\n\x0C\r ]*(.+?)[\t\n\x0C\r ]*$").ok()
});

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its name in lower case: `syntax`, `escape` or `check`.
    pub name: String,
    pub value: String,
}

/// Parses directives line by line, up to the first line that is none.
#[derive(Debug)]
pub struct Directives {
    comment: &'static str,
    seen: BTreeSet<String>,
    is_done: bool,
}

impl Directives {
    /// Starts a parser; `comment` is the prefix of a directive.
    pub fn new(comment: &'static str) -> Self {
        Self {
            comment,
            seen: BTreeSet::new(),
            is_done: false,
        }
    }

    /// Parses the next line.
    ///
    /// # Errors
    /// If a directive is repeated.
    pub fn line(&mut self, line: &str) -> Result<Option<Directive>, String> {
        if self.is_done {
            return Ok(None);
        }
        self.is_done = true;
        let Some(text) = line.strip_prefix(self.comment).map(str::trim_start) else {
            return Ok(None);
        };
        let Some(found) = DIRECTIVE
            .as_ref()
            .and_then(|directive| directive.captures(text))
        else {
            return Ok(None);
        };
        let name = go_text::lower(&found[1]);
        if !matches!(name.as_str(), "syntax" | "escape" | "check") {
            return Ok(None);
        }
        if !self.seen.insert(name.clone()) {
            return Err(format!("only one {name} parser directive can be used"));
        }
        self.is_done = false;
        Ok(Some(Directive {
            name,
            value: found[2].to_owned(),
        }))
    }
}

/// Finds a directive in a whole file, which may start with a byte order mark and a `#!` line.
pub fn find(file: &[u8], name: &str) -> Option<String> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut lines = file.split(|byte| *byte == b'\n').peekable();
    if lines.peek().is_some_and(|line| line.starts_with(b"#!")) {
        lines.next();
    }
    let mut directives = Directives::new("#");
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // The first line that is no comment ends the directives; it may be long.
        if !line.starts_with(b"#") {
            return None;
        }
        match directives.line(&go_text::from_bytes(line)) {
            Ok(Some(directive)) if directive.name == name => return Some(directive.value),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return None,
        }
    }
    None
}

/// Checks the options of a `check` directive.
///
/// # Errors
/// If they are malformed.
pub fn check_options(value: &str) -> Result<(), String> {
    let value = value.split(' ').next().unwrap_or_default().trim();
    if value.is_empty() {
        return Ok(());
    }
    for option in value.splitn(3, ';') {
        let Some((name, value)) = option.split_once('=') else {
            return Err(format!("invalid check option {}", go_text::quote(option)));
        };
        match name.trim() {
            "skip" | "experimental" => {}
            "error" => {
                let value = value.trim();
                if go_text::parse_bool(value).is_none() {
                    let reason = format!(
                        "strconv.ParseBool: parsing {}: invalid syntax",
                        go_text::quote(value)
                    );
                    return Err(format!(
                        "failed to parse check option {}: {reason}",
                        go_text::quote(option)
                    ));
                }
            }
            other => return Err(format!("invalid check option {}", go_text::quote(other))),
        }
    }
    Ok(())
}
