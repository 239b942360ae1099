//! Parses a text into a source, by its form.

use std::path::Path;

use percent_encoding::percent_decode_str;

use super::attributes::{self, Attributes, Rest};
use super::pasted::{no_variables, pasted};
use super::path::from_text;
use super::{
    GhaLocation, LocalLocation, ParsedSource, RefSelector, RegistryLocation, S3Location,
    SourceLocation, gha, s3,
};
use super::{Source, SourceError, Trust};
use crate::text::nearest::nearest;

const TYPES: [&str; 6] = ["local", "registry", "inline", "s3", "gha", "azblob"];

/// As [`Source::parse`].
pub(super) fn parse(
    text: &str,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<ParsedSource, SourceError> {
    let text = pasted(text);
    if text.is_empty() {
        return Err(SourceError::Empty);
    }
    let exists = &|path: &Path| match path.to_str() {
        Some(text) => exists(&from_text(text)),
        None => exists(path),
    };
    if text.contains(char::is_control) {
        // A file system allows them in names; other kinds of sources do not have them.
        let dir = text.strip_prefix("oci:").unwrap_or(text);
        return if exists(Path::new(dir)) {
            Ok(plain(SourceLocation::Local(LocalLocation::new(dir)), None))
        } else {
            Err(SourceError::ControlCharacter)
        };
    }
    no_variables(text, exists)?;
    if let Some(rest) = text.strip_prefix("s3://") {
        parse_s3_url(rest)
    } else if let Some(rest) = text.strip_prefix("gha:") {
        parse_gha(rest)
    } else if let Some(dir) = text.strip_prefix("registry-dir:") {
        let (dir, selected) = split_last(dir)?;
        if dir.is_empty() {
            return Err(SourceError::NoStore);
        }
        Ok(plain(
            SourceLocation::RegistryDir(LocalLocation::new(dir)),
            selected.map(RefSelector::new),
        ))
    } else if text == "demo" || text.starts_with("demo#") {
        let (_, selected) = split_first(text)?;
        Ok(plain(SourceLocation::Demo, selected.map(RefSelector::new)))
    } else if let Some(dir) = text.strip_prefix("oci:") {
        parse_oci(dir, exists)
    } else if let Some(image) = text.strip_prefix("docker://") {
        parse_image(image)
    } else if text.starts_with(['.', '/', '~']) {
        parse_dir(text, exists)
    } else if is_typed(text) {
        parse_typed(text)
    } else {
        parse_name(text, exists)
    }
}

fn plain(location: SourceLocation, select: Option<RefSelector>) -> ParsedSource {
    ParsedSource {
        source: Source {
            location,
            select,
            ignored: Vec::new(),
            trust: Trust::default(),
        },
        warnings: Vec::new(),
    }
}

/// Splits `SOURCE#REF` if `SOURCE` cannot hold a `#` but a ref can, such as a branch in a GitHub
/// scope.
fn split_first(text: &str) -> Result<(&str, Option<&str>), SourceError> {
    check_ref(
        text.split_once('#')
            .map_or((text, None), |(source, selected)| (source, Some(selected))),
    )
}

/// Splits `SOURCE#REF` if `SOURCE` can hold a `#`, such as a directory.
fn split_last(text: &str) -> Result<(&str, Option<&str>), SourceError> {
    check_ref(
        text.rsplit_once('#')
            .map_or((text, None), |(source, selected)| (source, Some(selected))),
    )
}

/// Splits `SOURCE#REF` after the longest directory that exists: the name of a ref may hold a `#`
/// too.
fn split_where_it_exists<'a>(
    text: &'a str,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<(&'a str, Option<&'a str>), SourceError> {
    let places = text.rmatch_indices('#').map(|(place, _)| place);
    match places
        .into_iter()
        .find(|place| exists(Path::new(&text[..*place])))
    {
        Some(place) => check_ref((&text[..place], Some(&text[place + 1..]))),
        None => split_last(text),
    }
}

fn check_ref<S>((source, selected): (S, Option<&str>)) -> Result<(S, Option<&str>), SourceError> {
    if selected == Some("") {
        Err(SourceError::EmptyRef)
    } else {
        Ok((source, selected))
    }
}

fn parse_dir(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<ParsedSource, SourceError> {
    // A directory with a `#` in its name can be named without escapes.
    let (dir, select) = if exists(Path::new(text)) {
        (text, None)
    } else {
        split_where_it_exists(text, exists)?
    };
    if dir.is_empty() {
        return Err(SourceError::Missing {
            kind: "local",
            name: "src",
        });
    }
    Ok(plain(
        SourceLocation::Local(LocalLocation::new(dir)),
        select.map(RefSelector::new),
    ))
}

/// Parses the text after `oci:`: a directory, or `DIR:TAG` as in skopeo.
fn parse_oci(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<ParsedSource, SourceError> {
    if let Some((dir, tag)) = text.rsplit_once(':')
        && !text.contains('#')
        && !exists(Path::new(text))
        && RegistryLocation::is_tag(tag)
    {
        let location = SourceLocation::Local(LocalLocation::new(dir));
        return match dir {
            "" => parse_dir(dir, exists),
            _ => Ok(plain(location, Some(RefSelector::new(tag)))),
        };
    }
    parse_dir(text, exists)
}

/// Parses the text after `docker://`, which is an image even if a directory of that name exists.
fn parse_image(text: &str) -> Result<ParsedSource, SourceError> {
    let (image, selected) = split_last(text)?;
    if selected.is_none()
        && let Some(registry) = RegistryLocation::parse_registry(image)
    {
        return Ok(plain(SourceLocation::Registry(registry), None));
    }
    let (location, select) = RegistryLocation::parse(image)?;
    let location = SourceLocation::Registry(location);
    let select = merge(select, selected, &location)?;
    Ok(plain(location, select))
}

/// Returns the source that the address of a web page stands for. Returns `None` for an address with
/// a user, which may be a credential, and for addresses that name no image.
fn meant_by_address(rest: &str) -> Option<String> {
    let address = rest.split(['?', '#']).next()?.trim_end_matches('/');
    if address.contains('@') {
        return None;
    }
    let image = match address.split_once('/')? {
        ("github.com", repository) => {
            let mut parts = repository.trim_end_matches(".git").split('/');
            return Some(format!("gha:{}/{}", parts.next()?, parts.next()?));
        }
        ("hub.docker.com", path) => match path.split_once('/')? {
            ("r", image) => format!("docker.io/{image}"),
            ("_", image) => format!("docker.io/library/{image}"),
            _ => return None,
        },
        _ => address.to_owned(),
    };
    RegistryLocation::parse(&image).is_ok().then_some(image)
}

/// Parses a text without a prefix for its kind: an image or a directory.
fn parse_name(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<ParsedSource, SourceError> {
    let (name, selected) = if exists(Path::new(text)) {
        (text, None)
    } else {
        split_where_it_exists(text, exists)?
    };
    if exists(Path::new(name)) {
        return parse_dir(text, exists);
    }
    // `dest=cache` is an attribute without a type; `build/a=b` is a path.
    if name
        .split_once('=')
        .is_some_and(|(before, _)| !before.contains('/'))
    {
        return Err(SourceError::MissingType);
    }
    if let Some((scheme, rest)) = name.split_once("://") {
        let meant = matches!(scheme, "http" | "https").then(|| meant_by_address(rest));
        return Err(match meant.flatten() {
            Some(meant) => SourceError::WebAddress { meant },
            None => SourceError::UnknownScheme(scheme.to_owned()),
        });
    }
    if !RegistryLocation::looks_like_reference(name) {
        return parse_dir(text, exists);
    }
    if let Some(registry) = RegistryLocation::parse_registry(name) {
        if selected.is_some() {
            return Err(SourceError::NoRepository(name.to_owned()));
        }
        return Ok(plain(SourceLocation::Registry(registry), None));
    }
    let (location, select) = RegistryLocation::parse(name)?;
    let location = SourceLocation::Registry(location);
    let select = merge(select, selected, &location)?;
    Ok(plain(location, select))
}

/// Returns whether one of the attributes in `text` is the type.
fn is_typed(text: &str) -> bool {
    text.split(',').any(|part| {
        part.trim_start_matches('"')
            .get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("type="))
    })
}

fn parse_typed(text: &str) -> Result<ParsedSource, SourceError> {
    let (fields, selected) = attributes::split(text).and_then(check_ref)?;
    let mut attributes = Attributes::default();
    for (index, field) in fields.iter().enumerate() {
        attributes.set(field, index + 1)?;
    }
    match attributes.take("type").as_deref() {
        Some("local") => {
            let taken = LocalLocation::take(&mut attributes);
            let (local, select) = taken.map_err(|error| attributes.explain(error))?;
            finish(
                SourceLocation::Local(local),
                select,
                selected,
                attributes.finish("local", &["reset"]),
            )
        }
        Some("registry") => {
            let taken = RegistryLocation::take("registry", &mut attributes);
            let (registry, select) = taken.map_err(|error| attributes.explain(error))?;
            finish(
                SourceLocation::Registry(registry),
                select,
                selected,
                attributes.finish("registry", &[]),
            )
        }
        Some("inline") => {
            let taken = RegistryLocation::take("inline", &mut attributes);
            let (registry, select) = taken.map_err(|error| attributes.explain(error))?;
            finish(
                SourceLocation::Registry(registry),
                select,
                selected,
                attributes.finish("inline", &[]),
            )
        }
        Some("s3") => finish_s3(attributes, selected),
        Some("gha") => finish_gha(attributes, selected),
        Some("azblob") => Err(SourceError::Azblob),
        Some("") | None => Err(SourceError::MissingType),
        Some(found) => {
            let nearest = nearest(found, TYPES.into_iter().filter(|known| *known != "azblob"));
            Err(SourceError::UnknownType {
                found: found.to_owned(),
                nearest,
            })
        }
    }
}

/// Parses the text after `s3://`: `BUCKET[/PREFIX][?ATTRIBUTES][#REF]`. The prefix is a folder, so
/// a slash is added; use `prefix=` in the query for any other prefix.
fn parse_s3_url(rest: &str) -> Result<ParsedSource, SourceError> {
    let (url, selected) = split_first(rest)?;
    let (path, mut attributes) = split_query(url)?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    attributes.insert("bucket", decode(bucket)?);
    let mut prefix = decode(prefix)?;
    if !prefix.is_empty() {
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        attributes.insert("prefix", prefix);
    }
    finish_s3(attributes, selected)
}

/// Parses the text after `gha:`: `[OWNER/REPOSITORY][?ATTRIBUTES][#REF]`.
fn parse_gha(rest: &str) -> Result<ParsedSource, SourceError> {
    let (url, selected) = split_first(rest)?;
    let (repository, mut attributes) = split_query(url)?;
    if !repository.is_empty() {
        attributes.insert("repository", repository.to_owned());
    }
    finish_gha(attributes, selected)
}

fn finish_s3(
    mut attributes: Attributes,
    selected: Option<&str>,
) -> Result<ParsedSource, SourceError> {
    let taken = S3Location::take(&mut attributes);
    let (s3, select) = taken.map_err(|error| attributes.explain(error))?;
    finish(
        SourceLocation::S3(s3),
        select,
        selected,
        attributes.finish("s3", s3::IGNORED),
    )
}

fn finish_gha(
    mut attributes: Attributes,
    selected: Option<&str>,
) -> Result<ParsedSource, SourceError> {
    let gha = GhaLocation::take(&mut attributes)?;
    finish(
        SourceLocation::Gha(gha),
        None,
        selected,
        attributes.finish("gha", gha::IGNORED),
    )
}

fn finish(
    location: SourceLocation,
    select: Option<RefSelector>,
    selected: Option<&str>,
    rest: Rest,
) -> Result<ParsedSource, SourceError> {
    let select = merge(select, selected, &location)?;
    Ok(ParsedSource {
        source: Source {
            location,
            select,
            ignored: rest.ignored,
            trust: Trust::default(),
        },
        warnings: rest.warnings,
    })
}

/// Merges the ref in the location itself with the one after `#`.
fn merge(
    named: Option<RefSelector>,
    selected: Option<&str>,
    location: &SourceLocation,
) -> Result<Option<RefSelector>, SourceError> {
    let Some(text) = selected else {
        return Ok(named);
    };
    let selected = match location {
        SourceLocation::Registry(_) => RegistryLocation::selector(text)?,
        SourceLocation::S3(_) => S3Location::selector(text).ok_or(SourceError::EmptyRef)?,
        SourceLocation::Local(_)
        | SourceLocation::RegistryDir(_)
        | SourceLocation::Gha(_)
        | SourceLocation::Demo => RefSelector::new(text),
    };
    match named {
        Some(named) if named != selected => Err(SourceError::Contradiction(
            "the ref after `#`",
            "the one that the source already names",
        )),
        _ => Ok(Some(selected)),
    }
}

fn split_query(url: &str) -> Result<(&str, Attributes), SourceError> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut attributes = Attributes::default();
    for (index, item) in query
        .split('&')
        .enumerate()
        .filter(|(_, item)| !item.is_empty())
    {
        attributes.set(&decode(item)?, index + 1)?;
    }
    Ok((path, attributes))
}

fn decode(text: &str) -> Result<String, SourceError> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| SourceError::NotUtf8)?;
    if decoded.contains(char::is_control) {
        Err(SourceError::ControlCharacter)
    } else {
        Ok(decoded.into_owned())
    }
}
