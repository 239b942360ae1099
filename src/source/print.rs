//! Formats a source as a text that parses to the same source, without its credentials.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::attributes::quote;
use super::{
    GhaLocation, LocalLocation, RefSelector, RegistryLocation, S3Location, Source, SourceLocation,
};
use crate::text::escape::visible;

/// The characters that would end a value in a query, or change its meaning.
const IN_QUERY: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+');
/// The characters that would end a prefix in a path.
const IN_PATH: AsciiSet = IN_QUERY.add(b'?');
/// The characters that would end a bucket.
const IN_BUCKET: AsciiSet = IN_PATH.add(b'/');

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            SourceLocation::Local(local) => self.print_local(local, f),
            SourceLocation::Registry(registry) => self.print_registry(registry, f),
            SourceLocation::RegistryDir(store) => {
                write!(f, "registry-dir:{}", store.dir.display())?;
                self.print_ref(f)
            }
            SourceLocation::S3(s3) => self.print_s3(s3, f),
            SourceLocation::Gha(gha) => self.print_gha(gha, f),
            SourceLocation::Demo => {
                f.write_str("demo")?;
                self.print_ref(f)
            }
        }
    }
}

impl Source {
    /// Prints `./dir#ref`, or a `type=…` string if there are attributes or a `#` would be misread.
    fn print_local(&self, local: &LocalLocation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = local.dir.to_string_lossy();
        let dir = if dir.contains(char::is_control) {
            visible(&dir)
        } else {
            dir
        };
        let selected = self.select.as_ref().map(ToString::to_string);
        let misread = selected.as_deref().unwrap_or(&dir).contains('#');
        if self.ignored.is_empty() && !misread {
            let here = if dir.starts_with(['.', '/']) {
                ""
            } else {
                "./"
            };
            write!(f, "{here}{dir}")?;
            return self.print_ref(f);
        }
        write!(f, "type=local,{}", quote("src", &dir))?;
        if let (Some(select), Some(text)) = (&self.select, selected) {
            let name = if matches!(select, RefSelector::Digest(_)) {
                "digest"
            } else {
                "tag"
            };
            write!(f, ",{}", quote(name, &text))?;
        }
        self.print_ignored(f)
    }

    /// Prints a reference, or a `type=…` string if there are attributes.
    fn print_registry(
        &self,
        registry: &RegistryLocation,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let has_attributes = registry.insecure || !self.ignored.is_empty();
        if has_attributes {
            f.write_str("type=registry,ref=")?;
        }
        write!(f, "{registry}")?;
        if let Some(select) = &self.select {
            let sign = if matches!(select, RefSelector::Digest(_)) {
                '@'
            } else {
                ':'
            };
            write!(f, "{sign}{select}")?;
        }
        if registry.insecure {
            f.write_str(",registry.insecure=true")?;
        }
        self.print_ignored(f)
    }

    fn print_s3(&self, s3: &S3Location, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", utf8_percent_encode(&s3.bucket, &IN_BUCKET))?;
        let mut attributes = s3.attributes();
        if s3.prefix.ends_with('/') {
            write!(f, "/{}", utf8_percent_encode(&s3.prefix, &IN_PATH))?;
        } else if !s3.prefix.is_empty() {
            attributes.push(("prefix", s3.prefix.clone()));
        }
        self.print_query(&attributes, f)?;
        self.print_ref(f)
    }

    fn print_gha(&self, gha: &GhaLocation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gha:")?;
        if let Some(repository) = &gha.repository {
            write!(f, "{repository}")?;
        }
        self.print_query(&gha.attributes(), f)?;
        self.print_ref(f)
    }

    fn print_query(
        &self,
        attributes: &[(&'static str, String)],
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        for (index, (name, value)) in attributes.iter().chain(&self.ignored).enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            write!(f, "{sign}{name}={}", utf8_percent_encode(value, &IN_QUERY))?;
        }
        Ok(())
    }

    fn print_ref(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.select
            .as_ref()
            .map_or(Ok(()), |select| write!(f, "#{select}"))
    }

    fn print_ignored(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ignored
            .iter()
            .try_for_each(|(name, value)| write!(f, ",{}", quote(name, value)))
    }
}

impl fmt::Display for RefSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Glob(pattern) => f.write_str(pattern),
            Self::AnyOf(names) => f.write_str(&names.join(";")),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}
