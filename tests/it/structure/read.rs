//! Reads Rust source well enough to count what is in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A file below `src`.
pub(crate) struct Source {
    /// Its path below `src`.
    pub(crate) name: String,
    /// Its text without its unit tests.
    pub(super) text: String,
    /// Its code, without comments, without what is inside of string literals, and without its unit
    /// tests.
    pub(super) code: String,
    /// How many lines the whole file has.
    pub(super) lines: usize,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let tested = text.split("\n#[cfg(test)]\nmod tests");
        let untested = tested.into_iter().next().unwrap_or_default();
        let code = code_of(untested);
        Self {
            name: name.to_owned(),
            text: untested.to_owned(),
            code,
            lines: text.lines().count(),
        }
    }

    /// Returns the folder or file directly below `src`.
    pub(super) fn module(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Returns the modules directly below `src` that the code imports or names, each once.
    pub(super) fn imported_modules(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (place, start) in self.code.match_indices("crate::") {
            let rest = &self.code[place + start.len()..];
            let is_path = self.code[..place].ends_with(is_part_of_name);
            match rest.strip_prefix('{') {
                _ if is_path => {}
                Some(group) => found.extend(heads_of(group)),
                None => found.extend(word(rest)),
            }
        }
        found.sort();
        found.dedup();
        found.retain(|name| name.starts_with(char::is_lowercase) && name != self.module());
        found
    }
}

/// Returns the first words of the paths in a group of imports.
fn heads_of(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut starts = true;
    for (place, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            _ if starts && character.is_alphabetic() => {
                heads.extend(word(&group[place..]));
                starts = false;
            }
            _ => {}
        }
    }
    heads
}

/// All sources, in order, without files of unit tests.
pub(crate) static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = rust_files("src");
    paths.retain(|path| !path.ends_with("tests.rs"));
    let source = |path: &PathBuf| {
        let name = path
            .strip_prefix(&src)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        Source::new(&name, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(source).collect()
});

/// Returns the Rust files below a folder of the repository, in order.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Returns the names of the types and traits that the code defines.
pub(super) fn types(source: &Source) -> Vec<String> {
    let defined = |line: &str| {
        let line = without_visibility(line);
        let rest = ["struct ", "enum ", "trait ", "union "]
            .iter()
            .find_map(|keyword| line.strip_prefix(keyword))?;
        word(rest)
    };
    source.code.lines().filter_map(defined).collect()
}

/// Returns the traits that the code defines, each with its number of methods.
pub(super) fn traits(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut lines = source.code.lines();
    while let Some(line) = lines.next() {
        let Some(name) = without_visibility(line)
            .strip_prefix("trait ")
            .and_then(word)
        else {
            continue;
        };
        if line.ends_with("{}") || line.ends_with(';') {
            continue;
        }
        let body = lines.by_ref().take_while(|line| !line.starts_with('}'));
        let methods = body.filter(|line| indent(line) == 4 && function(line).is_some());
        found.push((name, methods.count()));
    }
    found
}

/// Returns the functions of the code that have a body, each with its number of lines.
pub(super) fn functions(source: &Source) -> Vec<(String, usize)> {
    let lines: Vec<&str> = source.code.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let end = lines[first..].iter().position(|later| {
            indent(later) == indent(line) && (later.trim() == "}" || later.ends_with(';'))
                || later.ends_with("{}")
        });
        if let Some(end) = end
            && lines[first + end].trim() == "}"
        {
            found.push((name, end + 1));
        }
    }
    found
}

/// Returns the methods that use neither their object nor any of their arguments.
pub(super) fn stubs(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.code.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let is_end = |later: &&str| indent(later) == indent(line) && later.trim() == "}";
        let Some(end) = lines[first..].iter().position(is_end) else {
            continue;
        };
        let text = lines[first..first + end].join("\n");
        let Some((head, body)) = text.split_once('{') else {
            continue;
        };
        let mut uses = words(body).filter(|used| *used == "self");
        let arguments: Vec<&str> = head.split(',').filter_map(argument).collect();
        let is_unused = |name: &&str| words(body).all(|used| used != *name);
        let is_method = head.contains("self") && !arguments.is_empty();
        let has_body = !head.contains(';');
        if is_method && has_body && uses.next().is_none() && arguments.iter().all(is_unused) {
            found.push(format!("{} {name}", source.name));
        }
    }
    found
}

/// Returns the name of an argument other than `self`.
fn argument(part: &str) -> Option<&str> {
    let (name, _) = part.rsplit('(').next()?.split_once(':')?;
    let name = name.trim();
    name.chars().all(is_part_of_name).then_some(name)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character| !is_part_of_name(character))
}

/// Counts the `let (a, b) = (x, y);` in code.
pub(super) fn tuple_lets(code: &str) -> usize {
    let is_tuple = |(place, _): &(usize, &str)| {
        let Some((_, value)) = code[*place..].split_once(" = ") else {
            return false;
        };
        let Some(value) = value.strip_prefix('(') else {
            return false;
        };
        let mut depth = 1;
        let end = value.find(|character| {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        end.is_some_and(|end| value[end..].starts_with(");"))
    };
    code.match_indices("let (").filter(is_tuple).count()
}

/// Returns the public functions, types and modules without a doc comment, and the methods of public
/// traits. A file without one is a module without one.
pub(super) fn undocumented(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") {
        found.push(source.name.clone());
    }
    let mut has_doc = false;
    let mut in_attribute = false;
    let mut in_public_trait = false;
    for line in source.text.lines() {
        let text = line.trim();
        if in_attribute || text.starts_with("#[") {
            in_attribute = !text.ends_with(']');
            continue;
        }
        if text.starts_with("///") {
            has_doc = true;
            continue;
        }
        if line.starts_with('}') {
            in_public_trait = false;
        }
        let public = text.strip_prefix("pub ");
        let defined = match public {
            Some(rest) => item(rest),
            None if in_public_trait && indent(line) == 4 => function(line),
            None => None,
        };
        if let Some(name) = defined
            && !has_doc
        {
            found.push(format!("{} {name}", source.name));
        }
        in_public_trait |= public.is_some_and(|rest| rest.starts_with("trait "));
        has_doc = false;
    }
    found
}

/// Returns the name of the function, type or inline module that a public definition defines.
fn item(definition: &str) -> Option<String> {
    let keywords = ["struct ", "enum ", "trait ", "union ", "type "];
    let of_type = keywords
        .iter()
        .find_map(|keyword| definition.strip_prefix(keyword));
    let of_module = definition
        .strip_prefix("mod ")
        .filter(|rest| rest.ends_with('{'));
    of_type
        .or(of_module)
        .and_then(word)
        .or_else(|| function(definition))
}

/// Returns the doc comments of fields and variants that only repeat the name, as `/// The rule.` of
/// `rule`.
pub(super) fn fillers(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (number, pair) in lines.windows(2).enumerate() {
        let [doc, line] = pair else { continue };
        let is_whole = number == 0 || !lines[number - 1].starts_with("///");
        let said = doc
            .strip_prefix("/// The ")
            .or_else(|| doc.strip_prefix("/// Its "))
            .and_then(|said| said.strip_suffix('.'));
        let name = word(without_visibility(line)).unwrap_or_default();
        let is_named = line.contains(&format!("{name}:"));
        if is_whole && is_named && said.is_some_and(|said| said.replace(' ', "_") == name) {
            found.push(format!("{} {name}", source.name));
        }
    }
    found
}

/// Counts the `.filter(|_| …)` in code: an `if` or a chain of `let` says the same in order.
pub(super) fn blind_filters(code: &str) -> usize {
    code.matches(".filter(|_|").count()
}

/// Returns the name of the function whose definition begins in a line.
fn function(line: &str) -> Option<String> {
    let mut line = without_visibility(line.trim_start());
    for keyword in ["const ", "async ", "unsafe "] {
        line = line.strip_prefix(keyword).unwrap_or(line);
    }
    word(line.strip_prefix("fn ")?)
}

fn without_visibility(line: &str) -> &str {
    let line = line.trim_start();
    match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or(rest, |(_, rest)| rest),
        Some(rest) => rest.trim_start(),
        None => line,
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_part_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the word with which a text begins.
fn word(text: &str) -> Option<String> {
    let end = text.find(|character| !is_part_of_name(character));
    let word = &text[..end.unwrap_or(text.len())];
    (!word.is_empty()).then(|| word.to_owned())
}

/// Returns the code without comments, with the content of string literals replaced by its line
/// breaks.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = comment_or_literal(rest, code.chars().last());
        let (literal, after) = rest.split_at(skipped);
        if skipped == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        }
        if character != '/' {
            code.push('"');
            code.extend(literal.matches('\n'));
            code.push('"');
        }
        rest = after;
    }
    code
}

/// Returns the length of the comment or literal with which a text begins, after the character
/// `before`; 0 if it begins with neither.
fn comment_or_literal(text: &str, before: Option<char>) -> usize {
    let is_in_name = before.is_some_and(|last| is_part_of_name(last) && !matches!(last, 'b' | 'c'));
    match text.chars().next() {
        Some('/') if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
        Some('"') => string(text),
        Some('r') if !is_in_name => raw_string(text).unwrap_or_default(),
        Some('\'') => char_literal(text),
        _ => 0,
    }
}

/// Returns the comments and the literals of a file, except for doc comments and unit tests.
pub(crate) fn comments_and_literals(text: &str) -> Vec<&str> {
    let tested = text.split("\n#[cfg(test)]\nmod tests").next();
    let mut rest = tested.unwrap_or_default();
    let mut found = Vec::new();
    let mut before = None;
    while let Some(character) = rest.chars().next() {
        let length = comment_or_literal(rest, before);
        let (part, after) = rest.split_at(length.max(character.len_utf8()));
        let is_doc = part.starts_with("//!") || part.starts_with("///");
        if length > 0 && (!is_doc || part.starts_with("////")) {
            found.push(part);
        }
        before = part.chars().last();
        rest = after;
    }
    found
}

/// Returns the length of the string literal with which a text begins.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text[1..].find(|character| {
        let ends = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let start = hashes + 2;
    if !text[hashes + 1..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(start + text[start..].find(&end)? + end.len())
}

/// Returns the length of the character literal with which a text begins; 0 for a lifetime.
fn char_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => text[2..].find('\'').map_or(0, |end| {
            // An escaped quotation mark.
            if end == 0 { 4 } else { end + 3 }
        }),
        Some(_) => match characters.next() {
            Some((end, '\'')) => end + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// Returns the paths that the `use` statements of code import, groups written out.
pub(super) fn imports(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some((_, tree)) = statement.rsplit_once("use ") else {
            continue;
        };
        let is_path = tree.chars().all(|character| {
            is_part_of_name(character) || matches!(character, ':' | '{' | '}' | ',' | ' ' | '\n')
        });
        if is_path {
            write_out(&[], tree.trim(), &mut found);
        }
    }
    found
}

fn write_out(before: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path, group.strip_suffix('}')),
        None => (tree, None),
    };
    let path = path.split(" as ").next().unwrap_or_default();
    let names = path
        .split("::")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let whole: Vec<String> = before
        .iter()
        .cloned()
        .chain(names.map(str::to_owned))
        .collect();
    let Some(group) = group else {
        found.push(whole);
        return;
    };
    let mut depth = 0;
    let parts = group.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        write_out(&whole, part, found);
    }
}
