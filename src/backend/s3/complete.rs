//! A list answer is complete, or it is an error.
//!
//! # Why
//! The parser of the SDK accepts a body that ends anywhere: entries that are cut off are missing
//! from its output, and so is `IsTruncated`, which then reads as "no more". A prune that trusts
//! such an answer would delete the blobs of the refs that it did not see.
//!
//! # Checks
//! [`RequireComplete`] reads the raw body of every answer of the client before anything uses it:
//! - The XML document is complete: the root element is closed, and the body has the announced
//!   length.
//! - A list says whether it is truncated, and how to continue if it is.
//! - Every entry has its key, and there are as many entries as `KeyCount` says.
//!
//! [`Trail`] checks the pages of one listing against each other: each one must have something new,
//! and there is a limit for their number.
//! new, and there is a limit on their number.

use std::collections::HashSet;
use std::error::Error as StdError;

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, SdkError};
use quick_xml::Reader;
use quick_xml::events::Event;

/// The most pages in one listing: 100 million keys at 1000 per page.
const MOST_PAGES: usize = 100_000;
/// The most successive pages without any key. Some services return them for deleted versions.
const MOST_EMPTY_PAGES: usize = 100;

/// Why an answer, or its listing, is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Incomplete {
    /// The body ends before the root element is closed.
    #[error("the answer ends inside <{0}>")]
    Cut(String),
    /// The body is shorter or longer than its header says.
    #[error("the answer has {received} bytes, and its Content-Length is {announced}")]
    Length {
        /// The value of `Content-Length`.
        announced: u64,
        /// The length of the body.
        received: u64,
    },
    /// The document is not well-formed.
    #[error("the answer is not well-formed XML: {0}")]
    Malformed(String),
    /// A required element is missing or empty.
    #[error("the answer has no <{0}>")]
    Missing(&'static str),
    /// An element has a value that the protocol does not allow.
    #[error("the value of <{0}> cannot be understood")]
    Value(&'static str),
    /// An entry lacks a required field.
    #[error("an entry of the list has no <{0}>")]
    Entry(&'static str),
    /// `KeyCount` differs from the number of entries.
    #[error("KeyCount is {said}, and the answer has {found} entries")]
    Count {
        /// The value of `KeyCount`.
        said: u64,
        /// The number of entries.
        found: u64,
    },
    /// The list is truncated, and its next page repeats known keys.
    #[error("the service says that there is more, and gives nothing new")]
    NothingNew,
    /// The keys are not in ascending order.
    #[error(
        "the service does not give keys in the order of their bytes, so that some could be passed over"
    )]
    Unordered,
    /// The listing has too many pages.
    #[error("the listing did not end after {MOST_PAGES} pages")]
    Endless,
}

/// Fails every answer with an incomplete body. The client runs it for every operation.
#[derive(Debug)]
pub(super) struct RequireComplete;

impl Intercept for RequireComplete {
    fn name(&self) -> &'static str {
        "RequireComplete"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        // The content of objects is a stream, so there are no bytes here.
        let body = response.body().bytes().unwrap_or_default();
        if !response.status().is_success() || body.is_empty() {
            return Ok(());
        }
        let is_encoded = response.headers().get("content-encoding").is_some();
        let announced = response
            .headers()
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .filter(|_| !is_encoded);
        match check(body, announced) {
            // If the answer is not from S3 at all, the error of the SDK explains more.
            Err(Incomplete::Malformed(_)) if context.output_or_error().is_err() => Ok(()),
            checked => Ok(checked?),
        }
    }
}

/// Returns why the answer behind an error is incomplete, if that is the error.
pub(super) fn reason<E: StdError + 'static>(error: &SdkError<E>) -> Option<&Incomplete> {
    causes_of(error).find_map(|cause| cause.downcast_ref())
}

/// The required parts of a kind of list.
struct CompletenessRules {
    /// The root element of an answer of this kind.
    root: &'static str,
    /// The elements that are entries, with their required fields.
    entries: &'static [(&'static str, &'static [&'static str])],
    /// The elements that continue a truncated list, which must contain one of them.
    next: &'static [&'static str],
}

/// The lists of S3, as its API reference describes them. A list of uploads is continued by a key
/// and an upload; `SeaweedFS` returns only the upload.
const LISTS: [CompletenessRules; 4] = [
    CompletenessRules {
        root: "ListBucketResult",
        entries: &[
            ("Contents", &["Key", "Size"]),
            ("CommonPrefixes", &["Prefix"]),
        ],
        next: &["NextContinuationToken"],
    },
    CompletenessRules {
        root: "ListVersionsResult",
        entries: &[
            ("Version", &["Key", "Size", "IsLatest"]),
            ("DeleteMarker", &["Key", "IsLatest"]),
            ("CommonPrefixes", &["Prefix"]),
        ],
        next: &["NextKeyMarker"],
    },
    CompletenessRules {
        root: "ListMultipartUploadsResult",
        entries: &[
            ("Upload", &["Key", "UploadId"]),
            ("CommonPrefixes", &["Prefix"]),
        ],
        next: &["NextKeyMarker", "NextUploadIdMarker"],
    },
    CompletenessRules {
        root: "ListPartsResult",
        entries: &[("Part", &["PartNumber", "Size"])],
        next: &["NextPartNumberMarker"],
    },
];

/// Checks the body of a successful answer.
fn check(body: &[u8], announced: Option<u64>) -> Result<(), Incomplete> {
    let received = body.len() as u64;
    if let Some(announced) = announced.filter(|announced| *announced != received) {
        return Err(Incomplete::Length {
            announced,
            received,
        });
    }
    let document = XmlDocument::read(body)?;
    match LISTS.iter().find(|rules| rules.root == document.root) {
        Some(rules) => document.check(rules),
        None => Ok(()),
    }
}

/// The structure of an answer, down to the fields of entries.
#[derive(Debug, Default)]
struct XmlDocument {
    root: String,
    /// The elements below the root, with their text.
    elements: Vec<XmlElement>,
}

#[derive(Debug, Default)]
struct XmlElement {
    name: String,
    text: String,
    /// The names of the elements in it that are not empty.
    fields: Vec<String>,
}

impl XmlDocument {
    /// Parses a document to the end of its root element. Nothing may follow it.
    fn read(body: &[u8]) -> Result<Self, Incomplete> {
        let mut reader = Reader::from_reader(body);
        reader.config_mut().expand_empty_elements = true;
        let mut document = Self::default();
        let mut open: Vec<String> = Vec::new();
        let mut field_text = false;
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(broken(&open, &error)),
            };
            match event {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                    document.enter(open.len(), &name)?;
                    field_text = false;
                    open.push(name);
                }
                Event::End(_) => {
                    let Some(name) = open.pop() else {
                        return Err(Incomplete::Malformed(
                            "an element is closed twice".to_owned(),
                        ));
                    };
                    if let (2, true, Some(element)) =
                        (open.len(), field_text, document.elements.last_mut())
                    {
                        element.fields.push(name);
                    }
                }
                Event::Text(text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    field_text |= !text.is_empty();
                    document.text(open.len(), &text)?;
                }
                Event::GeneralRef(_) | Event::CData(_) => {
                    field_text = true;
                    document.text(open.len(), "&")?;
                }
                Event::Eof => return document.ended(&open),
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
    }

    fn enter(&mut self, depth: usize, name: &str) -> Result<(), Incomplete> {
        match depth {
            0 if self.root.is_empty() => name.clone_into(&mut self.root),
            0 => return Err(Incomplete::Malformed("it has two root elements".to_owned())),
            1 => self.elements.push(XmlElement {
                name: name.to_owned(),
                ..XmlElement::default()
            }),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, depth: usize, text: &str) -> Result<(), Incomplete> {
        match (depth, self.elements.last_mut()) {
            (0, _)
                if !text
                    .trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
                    .is_empty() =>
            {
                Err(Incomplete::Malformed(
                    "text stands outside of the document".to_owned(),
                ))
            }
            (2, Some(element)) => {
                element.text.push_str(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ended(self, open: &[String]) -> Result<Self, Incomplete> {
        match open.last() {
            Some(name) => Err(Incomplete::Cut(name.clone())),
            None if self.root.is_empty() => {
                Err(Incomplete::Malformed("it has no element".to_owned()))
            }
            None => Ok(self),
        }
    }

    /// Checks a list.
    fn check(&self, rules: &CompletenessRules) -> Result<(), Incomplete> {
        let mut count = 0;
        for element in &self.elements {
            let Some((_, fields)) = rules.entries.iter().find(|(name, _)| *name == element.name)
            else {
                continue;
            };
            count += 1;
            let missing = fields
                .iter()
                .find(|field| !element.fields.iter().any(|found| found == *field));
            if let Some(missing) = missing {
                return Err(Incomplete::Entry(missing));
            }
        }
        let is_truncated = match self
            .value("IsTruncated")
            .ok_or(Incomplete::Missing("IsTruncated"))?
        {
            "true" | "True" => true,
            "false" | "False" => false,
            _ => return Err(Incomplete::Value("IsTruncated")),
        };
        let can_continue = rules.next.iter().any(|name| self.value(name).is_some());
        if is_truncated && !can_continue {
            return Err(Incomplete::Missing(rules.next[0]));
        }
        let Some(said) = self.value("KeyCount") else {
            return Ok(());
        };
        let said: u64 = said.parse().map_err(|_| Incomplete::Value("KeyCount"))?;
        // Some services do not count common prefixes.
        let keys = self
            .elements
            .iter()
            .filter(|element| element.name == "Contents")
            .count();
        if said == count || said == keys as u64 {
            Ok(())
        } else {
            Err(Incomplete::Count { said, found: count })
        }
    }

    /// Returns the text of an element below the root, unless it is empty.
    fn value(&self, name: &str) -> Option<&str> {
        let element = self.elements.iter().find(|element| element.name == name)?;
        Some(element.text.trim()).filter(|text| !text.is_empty())
    }
}

/// Describes why a document cannot be parsed. A cut inside a tag is reported as a cut.
fn broken(open: &[String], error: &quick_xml::Error) -> Incomplete {
    match (error, open.last()) {
        (quick_xml::Error::Syntax(_), Some(name)) => Incomplete::Cut(name.clone()),
        _ => Incomplete::Malformed(error.to_string()),
    }
}

/// The progress of one listing over its pages.
#[derive(Debug, Default)]
pub(super) struct Trail {
    last: Option<String>,
    pages: usize,
    empty_pages: usize,
}

impl Trail {
    /// Checks a page of keys, which must be in ascending order and follow those of the earlier
    /// pages.
    pub(super) fn keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Result<(), Incomplete> {
        let mut is_empty = true;
        for key in keys {
            is_empty = false;
            if self.last.as_deref().is_some_and(|last| last >= key) {
                return Err(Incomplete::Unordered);
            }
            self.last = Some(key.to_owned());
        }
        self.page(!is_empty)
    }

    /// Counts a page of any kind.
    pub(super) fn page(&mut self, brings_something: bool) -> Result<(), Incomplete> {
        self.pages += 1;
        self.empty_pages = if brings_something {
            0
        } else {
            self.empty_pages + 1
        };
        if self.empty_pages > MOST_EMPTY_PAGES {
            Err(Incomplete::NothingNew)
        } else if self.pages > MOST_PAGES {
            Err(Incomplete::Endless)
        } else {
            Ok(())
        }
    }
}

/// The positions at which a listing continued. No position may occur twice.
#[derive(Debug)]
pub(super) struct Markers<T>(HashSet<T>);

impl<T> Default for Markers<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + std::hash::Hash> Markers<T> {
    /// Adds a position.
    pub(super) fn pass(&mut self, place: T) -> Result<(), Incomplete> {
        if self.0.insert(place) {
            Ok(())
        } else {
            Err(Incomplete::NothingNew)
        }
    }
}

#[cfg(test)]
mod tests;
use crate::text::causes::causes_of;
