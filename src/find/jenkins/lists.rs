//! Lists of strings, and strings that grow.

use super::{JenkinsReader, JenkinsToken};
use crate::format::located::Located;

/// The most elements of a list that are kept.
const MOST: usize = 200;

impl JenkinsReader<'_> {
    pub(super) fn sign(&self, index: usize, sign: char) -> bool {
        matches!(self.tokens.get(index), Some(JenkinsToken::Sign(found)) if *found == sign)
    }

    pub(super) fn after_lines(&self, mut index: usize) -> usize {
        while matches!(self.tokens.get(index), Some(JenkinsToken::Line)) {
            index += 1;
        }
        index
    }

    /// Follows `NAME = [ … ]`, `NAME += …`, `NAME << …` and `NAME.add(…)`; `index` is that of the
    /// token after the name. Returns the index after it, or `None` for other statements.
    pub(super) fn list_change(&mut self, word: &str, index: usize) -> Option<usize> {
        if self.sign(index, '=') && self.sign(index + 1, '[') {
            let (elements, end) = self.elements(index + 2)?;
            self.lists.insert(word.to_owned(), elements);
            return Some(end);
        }
        if self.sign(index, '+') && self.sign(index + 1, '=') {
            if self.sign(index + 2, '[') {
                let (elements, end) = self.elements(index + 3)?;
                self.extend(word, elements)?;
                return Some(end);
            }
            let (value, end) = self.value(index + 2, word);
            return self.append(word, value?).map(|()| end);
        }
        if self.sign(index, '<') && self.sign(index + 1, '<') {
            let (value, end) = self.value(index + 2, word);
            return self.extend(word, vec![value?]).map(|()| end);
        }
        let name = word
            .strip_suffix(".add")
            .or_else(|| word.strip_suffix(".addAll"));
        if let Some(name) = name
            && self.sign(index, '(')
        {
            if self.sign(index + 1, '[') {
                let (elements, end) = self.elements(index + 2)?;
                return self.extend(name, elements).map(|()| end + 1);
            }
            let (value, end) = self.value(index + 1, name);
            return self.extend(name, vec![value?]).map(|()| end + 1);
        }
        None
    }

    fn extend(&mut self, name: &str, elements: Vec<Located>) -> Option<()> {
        if !self.lists.contains_key(name) {
            return None;
        }
        let elements: Vec<Located> = elements.into_iter().map(|e| self.conditional(e)).collect();
        let list = self.lists.get_mut(name)?;
        list.extend(elements);
        list.truncate(MOST);
        Some(())
    }

    /// `NAME += VALUE`, where NAME is a list or a string.
    fn append(&mut self, name: &str, value: Located) -> Option<()> {
        if self.lists.contains_key(name) {
            return self.extend(name, vec![value]);
        }
        if !self.variables.contains_key(name) {
            return None;
        }
        let value = self.conditional(value);
        self.variables.get_mut(name)?.push(&value);
        Some(())
    }

    /// Reads the strings of a list. Returns them with the index after its bracket.
    fn elements(&self, start: usize) -> Option<(Vec<Located>, usize)> {
        let mut elements = Vec::new();
        let mut index = self.after_lines(start);
        while !self.sign(index, ']') {
            let (value, end) = self.value(index, "list");
            elements.push(value?);
            index = self.after_lines(end);
            if self.sign(index, ',') {
                index = self.after_lines(index + 1);
            } else if !self.sign(index, ']') {
                return None;
            }
            if elements.len() > MOST {
                return None;
            }
        }
        Some((elements, index + 1))
    }

    /// Returns the text of `NAME.join(SEPARATOR)`, and the index after the call. `start` is the
    /// index of the separator.
    pub(super) fn joined(&self, word: &str, start: usize) -> Option<(Located, usize)> {
        let list = self.lists.get(word.strip_suffix(".join")?)?;
        let (separator, end) = self.value(start, word);
        let text = joined(list, separator?.as_str());
        self.sign(end, ')').then_some((text, end + 1))
    }

    /// Returns the text of `NAME.join(' ')` in a string.
    pub(super) fn joined_in(&self, source: &str) -> Option<Located> {
        let (name, separator) = source.split_once(".join(")?;
        let separator = separator.strip_suffix(')')?.trim();
        let separator = separator.trim_matches(['"', '\'']);
        Some(joined(self.lists.get(name.trim())?, separator))
    }
}

fn joined(list: &[Located], separator: &str) -> Located {
    let mut text = Located::default();
    for (index, element) in list.iter().enumerate() {
        if index > 0 {
            text.push_str(separator, element.place());
        }
        text.push(element);
    }
    text
}
