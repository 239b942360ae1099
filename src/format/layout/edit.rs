//! Changes an `index.json` while every byte that is not about a removed or added entry stays as it is.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{LayoutError, Root, parse_index};
use crate::format::digest::Digest;
use crate::format::raw_object::RawObject;

/// The field that lists the entries.
const MANIFESTS: &str = "manifests";

/// An `index.json`, taken apart around its entries.
#[derive(Debug)]
pub struct IndexText<'a> {
    head: &'a str,
    entries: Vec<Entry<'a>>,
    tail: &'a str,
}

#[derive(Debug)]
struct Entry<'a> {
    text: Cow<'a, str>,
    root: Root,
}

impl<'a> IndexText<'a> {
    /// Takes the content of `index.json` apart.
    ///
    /// # Errors
    /// When it is no index, or one whose entries cannot be told apart beyond doubt: not UTF-8, or without exactly one field
    /// `manifests`. Reading is lenient, as Go's is; changing is not.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LayoutError> {
        let roots = parse_index(bytes)?;
        let unclear = |what: &str| LayoutError::Json(format!("{what}, so that it cannot be changed safely"));
        let text = std::str::from_utf8(bytes).map_err(|_| unclear("it is not UTF-8"))?;
        let object = RawObject::parse(text).map_err(|error| LayoutError::Json(error.to_string()))?;
        let list = object.only(MANIFESTS).ok_or_else(|| unclear("it has not exactly one field `manifests`"))?.get();
        let texts: Option<Vec<&RawValue>> =
            serde_json::from_str(list).map_err(|error| LayoutError::Json(error.to_string()))?;
        let texts = texts.unwrap_or_default();
        if texts.len() != roots.len() {
            return Err(unclear("its entries read in two ways"));
        }
        // The list borrows from the text, so that its place in it is known.
        let start = list.as_ptr() as usize - text.as_ptr() as usize;
        let entries = texts.into_iter().zip(roots).map(|(text, root)| Entry { text: text.get().into(), root });
        Ok(Self { head: &text[..start], entries: entries.collect(), tail: &text[start + list.len()..] })
    }

    /// Returns the refs that the entries are.
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        self.entries.iter().map(|entry| &entry.root)
    }

    /// Takes out the entries for which `goes` holds, and returns their texts.
    pub fn take(&mut self, mut goes: impl FnMut(&Root) -> bool) -> Vec<String> {
        self.entries.extract_if(.., |entry| goes(&entry.root)).map(|entry| entry.text.into_owned()).collect()
    }

    /// Adds an entry, given as [`IndexText::take`] returned it, after the others.
    ///
    /// # Errors
    /// When the text is no entry.
    pub fn add(&mut self, text: &str) -> Result<(), LayoutError> {
        let root = parse_entry(text)?;
        self.entries.push(Entry { text: Cow::Owned(text.to_owned()), root });
        Ok(())
    }

    /// Lets the one entry for which `is_meant` holds point to another manifest, and returns the text that it had. None when
    /// there is not exactly one. Its place, names and annotations stay, and fields that nobody knows.
    ///
    /// # Errors
    /// When the entry cannot be changed beyond doubt.
    pub fn point_to(
        &mut self,
        mut is_meant: impl FnMut(&Root) -> bool,
        digest: &Digest,
        size: u64,
    ) -> Result<Option<String>, LayoutError> {
        let mut meant = self.entries.iter_mut().filter(|entry| is_meant(&entry.root));
        let (Some(entry), None) = (meant.next(), meant.next()) else { return Ok(None) };
        let unclear = || LayoutError::Json("an entry cannot be changed safely".to_owned());
        let mut object = RawObject::parse(&entry.text).map_err(|_| unclear())?;
        let changed = object.set("digest", digest).and_then(|()| object.set("size", &size));
        changed.ok_or_else(unclear)?;
        let text = object.to_text().ok_or_else(unclear)?;
        let root = parse_entry(&text)?;
        entry.root = root;
        Ok(Some(std::mem::replace(&mut entry.text, Cow::Owned(text)).into_owned()))
    }

    /// Puts `text`, which [`Self::point_to`] returned, in the place of the one entry for which `is_meant` holds; false when
    /// there is not exactly one.
    ///
    /// # Errors
    /// When the text is no entry.
    pub fn put(&mut self, mut is_meant: impl FnMut(&Root) -> bool, text: &str) -> Result<bool, LayoutError> {
        let root = parse_entry(text)?;
        let mut meant = self.entries.iter_mut().filter(|entry| is_meant(&entry.root));
        let (Some(entry), None) = (meant.next(), meant.next()) else { return Ok(false) };
        *entry = Entry { text: Cow::Owned(text.to_owned()), root };
        Ok(true)
    }

    /// Returns the changed file.
    ///
    /// # Errors
    /// When it would not read as the entries that it should have.
    pub fn to_text(&self) -> Result<String, LayoutError> {
        let entries: Vec<&str> = self.entries.iter().map(|entry| &*entry.text).collect();
        let text = format!("{}[{}]{}", self.head, entries.join(","), self.tail);
        let same =
            |(new, old): (&Root, &Root)| new.names == old.names && new.descriptor.digest == old.descriptor.digest;
        let roots = parse_index(text.as_bytes())?;
        if roots.len() != self.entries.len() || !roots.iter().zip(self.roots()).all(same) {
            return Err(LayoutError::Json("the changed file would not read as it should".to_owned()));
        }
        Ok(text)
    }
}

/// Parses a single entry of an index, given as its text.
///
/// # Errors
/// When it is none.
pub fn parse_entry(text: &str) -> Result<Root, LayoutError> {
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{text}]}}"#);
    let roots = <[Root; 1]>::try_from(parse_index(index.as_bytes())?);
    roots.map(|[root]| root).map_err(|_| LayoutError::Json("it is not one entry of an index".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{ "x-vendor": {"b":1,"a":[ 2 ]},
  "schemaVersion": 2, "manifests" : [
    {"digest":"sha256:1", "annotations":{"org.opencontainers.image.ref.name":"main","k":"é"},"zz":1.50},
    {"digest":"sha256:2", "annotations":{"org.opencontainers.image.ref.name":"old"}}
  ] , "annotations":{"keep":"me"} }
"#;

    #[test]
    fn what_stays_stays_byte_for_byte() {
        let mut index = IndexText::parse(INDEX.as_bytes()).unwrap();
        let gone = index.take(|root| root.names == ["old"]);
        assert_eq!(gone, [r#"{"digest":"sha256:2", "annotations":{"org.opencontainers.image.ref.name":"old"}}"#]);
        let text = index.to_text().unwrap();
        assert_eq!(
            text,
            r#"{ "x-vendor": {"b":1,"a":[ 2 ]},
  "schemaVersion": 2, "manifests" : [{"digest":"sha256:1", "annotations":{"org.opencontainers.image.ref.name":"main","k":"é"},"zz":1.50}] , "annotations":{"keep":"me"} }
"#
        );
        let mut again = IndexText::parse(text.as_bytes()).unwrap();
        again.add(&gone[0]).unwrap();
        let names: Vec<_> = again.roots().map(Root::name).collect();
        assert_eq!(names, ["main", "old"]);
        assert_eq!(again.take(|_| true).len(), 2);
        assert!(again.to_text().unwrap().contains(r#""manifests" : [] ,"#));
    }

    #[test]
    fn what_reads_in_two_ways_is_not_changed() {
        for unclear in [
            &br#"{"schemaVersion":2}"#[..],
            br#"{"schemaVersion":2,"Manifests":[{}]}"#,
            br#"{"schemaVersion":2,"manifests":[{}],"MANIFESTS":[{"digest":"x"}]}"#,
            b"{\"schemaVersion\":2,\"manifests\":[{\"x\":\"\xff\"}]}",
            br#"{"schemaVersion":1,"manifests":[]}"#,
            b"",
        ] {
            assert!(IndexText::parse(unclear).is_err(), "{}", String::from_utf8_lossy(unclear));
        }
        let mut index = IndexText::parse(br#"{"schemaVersion":2,"manifests":null}"#).unwrap();
        assert!(index.add("{},{}").is_err());
        assert!(index.add("{").is_err());
        index.add(r#"{"digest":"sha256:3"}"#).unwrap();
        assert_eq!(index.to_text().unwrap(), r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:3"}]}"#);
    }
}
