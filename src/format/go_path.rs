//! Paths and patterns with the semantics of Go's `path` package, on bytes: file names need not be
//! UTF-8.

/// The pattern is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pattern is malformed")]
pub struct BadPattern;

/// Returns whether a path has wildcards, by BuildKit's rules.
pub fn contains_wildcards(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// Returns the shortest equivalent path: `path.Clean`.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

/// Returns the last part of a path: `path.Base`.
pub fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(0, |last| last + 1);
    match &path[..end] {
        b"" => b"/",
        path => path.rsplit(|byte| *byte == b'/').next().unwrap_or(path),
    }
}

/// Returns whether a pattern matches a whole name: `path.Match`.
///
/// # Errors
/// If the pattern is malformed.
pub fn matches(mut pattern: &[u8], mut name: &[u8]) -> Result<bool, BadPattern> {
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        let last = pattern.is_empty();
        let fits = |left: Option<&[u8]>| left.is_some_and(|left| left.is_empty() || !last);
        let here = match_chunk(chunk, name)?;
        let mut found = here.filter(|_| fits(here));
        if star && found.is_none() {
            for skipped in 0..name.len() {
                if name[skipped] == b'/' {
                    break;
                }
                let there = match_chunk(chunk, &name[skipped + 1..])?;
                if fits(there) {
                    found = there;
                    break;
                }
            }
        }
        let Some(left) = found else {
            // The rest must be well formed too.
            while !pattern.is_empty() {
                let (_, chunk, rest) = next_chunk(pattern);
                pattern = rest;
                match_chunk(chunk, b"")?;
            }
            return Ok(false);
        };
        name = left;
    }
    Ok(name.is_empty())
}

/// Splits off the leading stars, and the text up to the next star.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let pattern_rest = &pattern[stars..];
    let mut at = 0;
    let mut in_class = false;
    while at < pattern_rest.len() {
        match pattern_rest[at] {
            b'\\' if at + 1 < pattern_rest.len() => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern_rest[..at], &pattern_rest[at..])
}

/// Matches a pattern without stars with the start of `name`; returns the rest of the name.
fn match_chunk<'a>(mut chunk: &[u8], mut name: &'a [u8]) -> Result<Option<&'a [u8]>, BadPattern> {
    let mut failed = false;
    while let Some(&first) = chunk.first() {
        failed |= name.is_empty();
        match first {
            b'[' => {
                let (character, length) = decode(name);
                if !failed {
                    name = &name[length..];
                }
                let (matched, rest) = match_class(&chunk[1..], character)?;
                failed |= !matched;
                chunk = rest;
            }
            b'?' => {
                if !failed {
                    failed = name[0] == b'/';
                    name = &name[decode(name).1..];
                }
                chunk = &chunk[1..];
            }
            _ => {
                if first == b'\\' {
                    chunk = &chunk[1..];
                }
                let literal = *chunk.first().ok_or(BadPattern)?;
                if !failed {
                    failed = literal != name[0];
                    name = &name[1..];
                }
                chunk = &chunk[1..];
            }
        }
    }
    Ok((!failed).then_some(name))
}

/// Matches a class whose `[` has been read; returns the text after its `]`.
fn match_class(class: &[u8], character: char) -> Result<(bool, &[u8]), BadPattern> {
    let negated = class.first() == Some(&b'^');
    let mut rest = if negated { &class[1..] } else { class };
    let mut matched = false;
    let mut ranges = 0;
    loop {
        if ranges > 0 && rest.first() == Some(&b']') {
            return Ok((matched != negated, &rest[1..]));
        }
        let (low, after) = class_character(rest)?;
        rest = after;
        let mut high = low;
        if rest.first() == Some(&b'-') {
            (high, rest) = class_character(&rest[1..])?;
        }
        matched |= (low..=high).contains(&character);
        ranges += 1;
    }
}

fn class_character(class: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let class = match class.first() {
        None | Some(b'-' | b']') => return Err(BadPattern),
        Some(b'\\') => &class[1..],
        Some(_) => class,
    };
    let (character, length) = decode(class);
    let rest = class
        .get(length..)
        .filter(|rest| !rest.is_empty())
        .ok_or(BadPattern)?;
    if character == char::REPLACEMENT_CHARACTER && length == 1 {
        return Err(BadPattern);
    }
    Ok((character, rest))
}

/// Decodes the first character as Go does: a byte that is not UTF-8 is U+FFFD, one byte long.
fn decode(bytes: &[u8]) -> (char, usize) {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(character) => (character, character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, head.len().min(1)),
    }
}

/// Returns the characters of a name as text, as Go ranges over them.
pub fn characters(name: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return text.into();
    }
    let mut text = String::with_capacity(name.len() + 8);
    let mut rest = name;
    while !rest.is_empty() {
        let (character, length) = decode(rest);
        text.push(character);
        rest = &rest[length..];
    }
    text.into()
}

/// Splits a path below the root into its names. `.` and `..` are resolved, and no path leads above
/// the root.
pub fn parts(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        // From Go's own `path/match_test.go`.
        let cases: [(&str, &str, Option<bool>); 36] = [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*", "ab/c", Some(false)),
            ("a*/b", "abc/b", Some(true)),
            ("a*/b", "a/c/b", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a[^a]b", "a☺b", Some(true)),
            ("a???b", "a☺b", Some(false)),
            ("[a-ζ]*", "α", Some(true)),
            ("*[a-ζ]", "A", Some(false)),
            ("a?b", "a/b", Some(false)),
            ("a*b", "a/b", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "x", Some(true)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("a[", "ab", None),
            ("*x", "xxx", Some(true)),
            ("\\", "a", None),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()).ok(),
                expected,
                "{pattern} {name}"
            );
        }
        assert_eq!(matches(b"a?b", b"a\xffb"), Ok(true));
        assert_eq!(matches(b"a/b[", b"x"), Err(BadPattern));
    }

    #[test]
    fn cleans_as_go_does() {
        let cases = [
            ("", "."),
            ("abc//def", "abc/def"),
            ("/../abc", "/abc"),
            ("abc/../../def", "../def"),
            ("abc/./../def/", "def"),
            ("/", "/"),
            ("a/..", "."),
            ("../..", "../.."),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path.as_bytes()), expected.as_bytes(), "{path}");
        }
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("//", "/"),
            ("/a/b/", "b"),
            ("a", "a"),
        ] {
            assert_eq!(base(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(pattern in "[a*?\\[\\]\\\\^/é-]{0,12}", name in proptest::collection::vec(proptest::num::u8::ANY, 0..8)) {
            let _ = matches(pattern.as_bytes(), &name);
            let _ = (clean(&name), base(&name), characters(&name));
        }
    }
}
