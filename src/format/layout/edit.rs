//! Edits an `index.json`. Every byte outside of removed or added entries stays unchanged.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{LayoutError, LayoutRef, parse_index};
use crate::format::digest::Digest;
use crate::format::raw_object::RawObject;

/// The field that lists the entries.
const MANIFESTS: &str = "manifests";

/// An `index.json`, split around its entries.
#[derive(Debug)]
pub struct IndexText<'a> {
    head: &'a str,
    entries: Vec<IndexEntry<'a>>,
    tail: &'a str,
}

#[derive(Debug)]
struct IndexEntry<'a> {
    text: Cow<'a, str>,
    layout_ref: LayoutRef,
}

impl<'a> IndexText<'a> {
    /// Splits the content of `index.json`.
    ///
    /// # Errors
    /// If it is no index, or its entries cannot be separated safely: not UTF-8, or without exactly
    /// one field `manifests`. Reading is lenient, as in Go; editing is not.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LayoutError> {
        let layout_refs = parse_index(bytes)?;
        let unclear =
            |what: &str| LayoutError::Json(format!("{what}, so that it cannot be changed safely"));
        let text = std::str::from_utf8(bytes).map_err(|_| unclear("it is not UTF-8"))?;
        let object =
            RawObject::parse(text).map_err(|error| LayoutError::Json(error.to_string()))?;
        let list = object
            .only(MANIFESTS)
            .ok_or_else(|| unclear("it has not exactly one field `manifests`"))?
            .get();
        let texts: Vec<&RawValue> =
            serde_json::from_str(list).map_err(|error| LayoutError::Json(error.to_string()))?;
        if texts.len() != layout_refs.len() {
            return Err(unclear("its entries read in two ways"));
        }
        // The list borrows from the text, which gives its offset.
        let start = list.as_ptr() as usize - text.as_ptr() as usize;
        let entries = texts
            .into_iter()
            .zip(layout_refs)
            .map(|(text, layout_ref)| IndexEntry {
                text: text.get().into(),
                layout_ref,
            });
        Ok(Self {
            head: &text[..start],
            entries: entries.collect(),
            tail: &text[start + list.len()..],
        })
    }

    /// Returns the refs of the entries.
    pub fn layout_refs(&self) -> impl Iterator<Item = &LayoutRef> {
        self.entries.iter().map(|entry| &entry.layout_ref)
    }

    /// Removes the entries for which `goes` holds, and returns their texts.
    pub fn take(&mut self, mut goes: impl FnMut(&LayoutRef) -> bool) -> Vec<String> {
        self.entries
            .extract_if(.., |entry| goes(&entry.layout_ref))
            .map(|entry| entry.text.into_owned())
            .collect()
    }

    /// Adds an entry, as returned by [`IndexText::take`], after the others.
    ///
    /// # Errors
    /// If the text is no entry.
    pub fn add(&mut self, text: &str) -> Result<(), LayoutError> {
        let layout_ref = parse_entry(text)?;
        self.entries.push(IndexEntry {
            text: Cow::Owned(text.to_owned()),
            layout_ref,
        });
        Ok(())
    }

    /// Points the one entry for which `is_meant` holds to another manifest, and returns its
    /// previous text. Returns `None` unless there is exactly one. Its position, names and
    /// annotations stay, and so do unknown fields.
    ///
    /// # Errors
    /// If the entry cannot be changed safely.
    pub fn point_to(
        &mut self,
        mut is_meant: impl FnMut(&LayoutRef) -> bool,
        digest: &Digest,
        size: u64,
    ) -> Result<Option<String>, LayoutError> {
        let mut meant = self
            .entries
            .iter_mut()
            .filter(|entry| is_meant(&entry.layout_ref));
        let (Some(entry), None) = (meant.next(), meant.next()) else {
            return Ok(None);
        };
        let unclear = || LayoutError::Json("an entry cannot be changed safely".to_owned());
        let mut object = RawObject::parse(&entry.text).map_err(|_| unclear())?;
        let changed = object
            .set("digest", digest)
            .and_then(|()| object.set("size", &size));
        changed.ok_or_else(unclear)?;
        let text = object.to_text().ok_or_else(unclear)?;
        let layout_ref = parse_entry(&text)?;
        entry.layout_ref = layout_ref;
        Ok(Some(
            std::mem::replace(&mut entry.text, Cow::Owned(text)).into_owned(),
        ))
    }

    /// Replaces the one entry for which `is_meant` holds by `text`, as returned by
    /// [`Self::point_to`]. Returns false unless there is exactly one.
    ///
    /// # Errors
    /// If the text is no entry.
    pub fn put(
        &mut self,
        mut is_meant: impl FnMut(&LayoutRef) -> bool,
        text: &str,
    ) -> Result<bool, LayoutError> {
        let layout_ref = parse_entry(text)?;
        let mut meant = self
            .entries
            .iter_mut()
            .filter(|entry| is_meant(&entry.layout_ref));
        let (Some(entry), None) = (meant.next(), meant.next()) else {
            return Ok(false);
        };
        *entry = IndexEntry {
            text: Cow::Owned(text.to_owned()),
            layout_ref,
        };
        Ok(true)
    }

    /// Returns the edited file.
    ///
    /// # Errors
    /// If it would not parse to the expected entries.
    pub fn to_text(&self) -> Result<String, LayoutError> {
        let entries: Vec<&str> = self.entries.iter().map(|entry| &*entry.text).collect();
        let text = format!("{}[{}]{}", self.head, entries.join(","), self.tail);
        let same = |(new, old): (&LayoutRef, &LayoutRef)| {
            new.names == old.names && new.descriptor.digest == old.descriptor.digest
        };
        let layout_refs = parse_index(text.as_bytes())?;
        if layout_refs.len() != self.entries.len()
            || !layout_refs.iter().zip(self.layout_refs()).all(same)
        {
            return Err(LayoutError::Json(
                "the changed file would not read as it should".to_owned(),
            ));
        }
        Ok(text)
    }
}

/// Parses the text of a single entry of an index.
///
/// # Errors
/// If it is no entry.
pub fn parse_entry(text: &str) -> Result<LayoutRef, LayoutError> {
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{text}]}}"#);
    let layout_refs = <[LayoutRef; 1]>::try_from(parse_index(index.as_bytes())?);
    layout_refs
        .map(|[layout_ref]| layout_ref)
        .map_err(|_| LayoutError::Json("it is not one entry of an index".to_owned()))
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
    fn kept_entries_remain_byte_for_byte() {
        let mut index = IndexText::parse(INDEX.as_bytes()).unwrap();
        let gone = index.take(|layout_ref| layout_ref.names == ["old"]);
        assert_eq!(
            gone,
            [r#"{"digest":"sha256:2", "annotations":{"org.opencontainers.image.ref.name":"old"}}"#]
        );
        let text = index.to_text().unwrap();
        assert_eq!(
            text,
            r#"{ "x-vendor": {"b":1,"a":[ 2 ]},
  "schemaVersion": 2, "manifests" : [{"digest":"sha256:1", "annotations":{"org.opencontainers.image.ref.name":"main","k":"é"},"zz":1.50}] , "annotations":{"keep":"me"} }
"#
        );
        let mut again = IndexText::parse(text.as_bytes()).unwrap();
        again.add(&gone[0]).unwrap();
        let names: Vec<_> = again.layout_refs().map(LayoutRef::name).collect();
        assert_eq!(names, ["main", "old"]);
        assert_eq!(again.take(|_| true).len(), 2);
        assert!(again.to_text().unwrap().contains(r#""manifests" : [] ,"#));
    }

    #[test]
    fn an_ambiguous_index_is_not_changed() {
        for unclear in [
            &br#"{"schemaVersion":2}"#[..],
            br#"{"schemaVersion":2,"Manifests":[{}]}"#,
            br#"{"schemaVersion":2,"manifests":[{}],"MANIFESTS":[{"digest":"x"}]}"#,
            b"{\"schemaVersion\":2,\"manifests\":[{\"x\":\"\xff\"}]}",
            br#"{"schemaVersion":1,"manifests":[]}"#,
            b"",
        ] {
            assert!(
                IndexText::parse(unclear).is_err(),
                "{}",
                String::from_utf8_lossy(unclear)
            );
        }
        let mut index = IndexText::parse(br#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
        assert!(index.add("{},{}").is_err());
        assert!(index.add("{").is_err());
        index.add(r#"{"digest":"sha256:3"}"#).unwrap();
        assert_eq!(
            index.to_text().unwrap(),
            r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:3"}]}"#
        );
    }
}
