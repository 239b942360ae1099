//! An instruction split into its word, its flags and its arguments
//! (`frontend/dockerfile/parser/line_parsers.go`).

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Lines;
use super::here_document::HereDocument;
use crate::format::go_text;

/// How many levels of `ONBUILD ONBUILD …` are parsed; more than one is refused anyway.
const MAX_TRIGGERS: usize = 16;

/// An instruction.
#[derive(Debug, Clone, Default)]
pub struct DockerfileNode {
    /// The first word as written.
    pub command: String,
    /// The joined lines, without the bodies of here-documents.
    pub original: String,
    /// The flags, without quotes.
    pub flags: Vec<String>,
    /// The arguments. Those of `ONBUILD` start with the word of its instruction.
    pub arguments: Vec<String>,
    /// Whether the arguments are a JSON array.
    pub is_json: bool,
    /// The instruction after `ONBUILD`.
    pub trigger: Option<Box<DockerfileNode>>,
    /// The here-documents that follow it.
    pub here_documents: Vec<HereDocument>,
    pub lines: Lines,
}

impl DockerfileNode {
    /// Splits an instruction.
    ///
    /// # Errors
    /// If its arguments do not have the form that its word requires.
    pub fn parse(line: String, escape: char) -> Result<Self, String> {
        Self::at_depth(line, escape, 0)
    }

    fn at_depth(line: String, escape: char, depth: usize) -> Result<Self, String> {
        let text = line.trim();
        let (command, rest) =
            split_blank(text).map_or((text, None), |(command, rest)| (command, Some(rest)));
        let mut node = Self {
            command: command.to_owned(),
            ..Self::default()
        };
        let rest = match rest {
            Some(rest) => {
                let (flags, rest) = flags(rest, escape);
                node.flags = flags;
                rest
            }
            None => String::new(),
        };
        node.read_arguments(rest.trim(), escape, depth)?;
        node.original = line;
        Ok(node)
    }

    fn read_arguments(&mut self, rest: &str, escape: char, depth: usize) -> Result<(), String> {
        match go_text::lower(&self.command).as_str() {
            "add" | "copy" | "volume" => self.json_or(rest, split_blanks)?,
            "run" | "cmd" | "entrypoint" | "shell" => self.json_or(rest, whole)?,
            "arg" => self.arguments = words(rest, escape),
            "env" => self.arguments = pairs(rest, "ENV", escape)?,
            "label" => self.arguments = pairs(rest, "LABEL", escape)?,
            "expose" | "from" => self.arguments = split_blanks(rest),
            "healthcheck" => {
                let (kind, command) = health_check(rest);
                self.json_or(command, whole)?;
                self.arguments.splice(0..0, kind);
            }
            "onbuild" if !rest.is_empty() && depth < MAX_TRIGGERS => {
                let trigger = Self::at_depth(rest.to_owned(), escape, depth + 1)?;
                self.arguments.push(trigger.command.clone());
                self.arguments.extend(trigger.arguments.iter().cloned());
                self.trigger = Some(Box::new(trigger));
            }
            "onbuild" | "maintainer" | "stopsignal" | "user" | "workdir" => {
                self.arguments = whole(rest);
            }
            _ => {}
        }
        Ok(())
    }

    /// Parses arguments as a JSON array, else with `other`.
    fn json_or(&mut self, rest: &str, other: impl Fn(&str) -> Vec<String>) -> Result<(), String> {
        match json_strings(rest)? {
            Some(strings) => {
                self.arguments = strings;
                self.is_json = true;
            }
            None => self.arguments = other(rest),
        }
        Ok(())
    }

    /// Returns whether here-documents may follow.
    pub fn may_hold_here_documents(&self) -> bool {
        let node = self.trigger.as_deref().unwrap_or(self);
        matches!(
            go_text::lower(&node.command).as_str(),
            "add" | "copy" | "run"
        ) && !node.is_json
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, '\t' | '\x0b' | '\x0c' | '\r' | ' ')
}

/// Splits at the first run of blanks.
fn split_blank(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(is_blank)?;
    Some((before, after.trim_start_matches(is_blank)))
}

/// Splits at all runs of blanks.
fn split_blanks(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    if rest.is_empty() {
        return parts;
    }
    while let Some((part, after)) = split_blank(rest) {
        parts.push(part.to_owned());
        rest = after;
    }
    parts.push(rest.to_owned());
    parts
}

fn whole(text: &str) -> Vec<String> {
    if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    }
}

/// Splits off the flags. As in BuildKit, each *byte* counts as the character of that number: a
/// letter outside of ASCII becomes two others, and some of them end a flag.
fn flags(line: &str, escape: char) -> (Vec<String>, String) {
    let bytes = go_text::to_bytes(line);
    let is_space = |byte: u8| char::from(byte).is_whitespace();
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at += bytes[at..]
            .iter()
            .take_while(|byte| is_space(**byte))
            .count();
        if !bytes[at..].starts_with(b"--") {
            return (flags, go_text::from_bytes(&bytes[at..]));
        }
        let (word, was_quoted, end) = flag(&bytes, at, escape);
        at = end;
        if word == "--" {
            return (flags, go_text::from_bytes(&bytes[at..]));
        }
        if was_quoted || !word.is_empty() {
            flags.push(word);
        }
    }
}

/// Reads one flag without its quotes. Returns the flag, whether it had quotes, and its end.
fn flag(bytes: &[u8], start: usize, escape: char) -> (String, bool, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut was_quoted = false;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let character = char::from(*byte);
        match quote {
            None if character.is_whitespace() => break,
            None if matches!(character, '\'' | '"') => {
                quote = Some(character);
                was_quoted = true;
            }
            Some(open) if character == open => quote = None,
            _ if character == escape => {
                at += 1;
                word.extend(bytes.get(at).map(|escaped| char::from(*escaped)));
            }
            _ => word.push(character),
        }
        at += 1;
    }
    (word, was_quoted, at.min(bytes.len()))
}

/// Splits words at white space outside quotes. Quotes and escapes stay.
fn words(text: &str, escape: char) -> Vec<String> {
    let text = go_text::lossy(text);
    let mut characters = text.chars();
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    while let Some(character) = characters.next() {
        if quote.is_none() && character.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        match quote {
            None if matches!(character, '\'' | '"') => quote = Some(character),
            Some(open) if character == open => quote = None,
            _ => {}
        }
        if character != escape || quote == Some('\'') {
            word.push(character);
        } else if let Some(escaped) = characters.next() {
            word.push(character);
            word.push(escaped);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Parses `name=value …`, or the old form `name value`. Each pair becomes three arguments; the last
/// one is the separator between name and value.
fn pairs(rest: &str, command: &str, escape: char) -> Result<Vec<String>, String> {
    let words = words(rest, escape);
    let Some(first) = words.first() else {
        return Ok(Vec::new());
    };
    if !first.contains('=') {
        let (name, value) =
            split_blank(rest).ok_or_else(|| format!("{command} must have two arguments"))?;
        return Ok(vec![name.to_owned(), value.to_owned(), String::new()]);
    }
    let mut arguments = Vec::with_capacity(words.len() * 3);
    for word in &words {
        let Some((name, value)) = word.split_once('=') else {
            let word = go_text::quote(word);
            return Err(format!(
                "Syntax error - can't find = in {word}. Must be of the form: name=value"
            ));
        };
        arguments.extend([name.to_owned(), value.to_owned(), "=".to_owned()]);
    }
    Ok(arguments)
}

/// Splits off the kind of a health check.
fn health_check(rest: &str) -> (Option<String>, &str) {
    // BuildKit checks bytes here, so only ASCII white space counts.
    let Some(end) = rest.find(|character: char| character.is_ascii() && character.is_whitespace())
    else {
        let kind = if rest.is_empty() {
            None
        } else {
            Some(rest.to_owned())
        };
        return (kind, "");
    };
    (
        Some(rest[..end].to_owned()),
        rest[end..].trim_start_matches(|next: char| next.is_ascii() && next.is_whitespace()),
    )
}

/// Parses a JSON array of strings; `None` if the text is no JSON array.
///
/// # Errors
/// If an element of the array is no string.
fn json_strings(text: &str) -> Result<Option<Vec<String>>, String> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(elements) =
        serde_json::from_str::<Vec<Element>>(&paired_surrogates(&go_text::lossy(text)))
    else {
        return Ok(None);
    };
    let strings: Option<Vec<String>> = elements.into_iter().map(|element| element.0).collect();
    let message = "when using JSON array syntax, arrays must be comprised of strings only";
    strings.map(Some).ok_or_else(|| message.to_owned())
}

/// An element of an array: a string, or anything else.
struct Element(Option<String>);

impl<'de> serde::Deserialize<'de> for Element {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_str<E>(self, text: &str) -> Result<Element, E> {
        Ok(Element(Some(text.to_owned())))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Element, E> {
        Ok(Element(None))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Element, E> {
        Ok(Element(None))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Element, E> {
        Ok(Element(None))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Element, E> {
        Ok(Element(None))
    }
    fn visit_unit<E>(self) -> Result<Element, E> {
        Ok(Element(None))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Element, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Element(None))
    }
}

/// Replaces unpaired surrogates such as `\ud800`. Go reads them as U+FFFD, and `serde_json` refuses
/// them.
fn paired_surrogates(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        // A sign is no digit.
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex {
            u16::from_str_radix(digits, 16).ok()
        } else {
            None
        }
    };
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                result.push_str(&text[copied..at]);
                result.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    result.push_str(&text[copied..]);
    result
}
