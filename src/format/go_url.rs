//! URLs with the semantics of Go's `net/url`.

use std::collections::BTreeMap;
use std::fmt;

use super::go_text;

/// A parsed URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoUrl {
    /// The scheme in lower case; empty if there is none.
    pub scheme: String,
    /// The user and, if present, the password.
    pub user: Option<(String, Option<String>)>,
    /// The host with its port.
    pub host: String,
    /// The path, decoded.
    pub path: String,
    /// The path as written, if it differs from the encoded path.
    raw_path: String,
    /// The text after the scheme if no slash follows the scheme.
    opaque: String,
    /// The text after the question mark.
    pub query: String,
    /// Whether the text after the question mark is empty.
    empty_query: bool,
    /// The text after the number sign, decoded.
    pub fragment: String,
}

/// A part of a URL; each part has its own set of encoded characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlPart {
    User,
    Host,
    Path,
    Query,
    Fragment,
}

impl GoUrl {
    /// Parses a URL. Returns `None` if Go refuses it.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::without_fragment(rest)?;
        url.fragment = decode(fragment, UrlPart::Fragment)?;
        Some(url)
    }

    fn without_fragment(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return None;
        }
        let mut url = Self::default();
        let mut rest = text;
        if let Some((scheme, after)) = scheme(text)? {
            url.scheme = scheme.to_ascii_lowercase();
            rest = after;
        }
        if rest.ends_with('?') && rest.matches('?').count() == 1 {
            url.empty_query = true;
            rest = &rest[..rest.len() - 1];
        } else if let Some((before, query)) = rest.split_once('?') {
            query.clone_into(&mut url.query);
            rest = before;
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Some(url);
            }
            if rest
                .split('/')
                .next()
                .is_some_and(|first| first.contains(':'))
            {
                return None;
            }
        }
        let has_authority = !url.scheme.is_empty() || !rest.starts_with("///");
        if has_authority && let Some(after) = rest.strip_prefix("//") {
            let end = after.find('/').unwrap_or(after.len());
            url.set_authority(&after[..end])?;
            rest = &after[end..];
        }
        url.path = decode(rest, UrlPart::Path)?;
        if encode(&url.path, UrlPart::Path) != rest {
            rest.clone_into(&mut url.raw_path);
        }
        Some(url)
    }

    fn set_authority(&mut self, text: &str) -> Option<()> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        self.host = host_of(host)?;
        let Some(user) = user else { return Some(()) };
        let is_user =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
        if !user.bytes().all(is_user) {
            return None;
        }
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(decode(password, UrlPart::User)?)),
            None => (user, None),
        };
        self.user = Some((decode(name, UrlPart::User)?, password));
        Some(())
    }

    /// Returns the URL without query and fragment.
    #[must_use]
    pub fn without_options(&self) -> Self {
        Self {
            query: String::new(),
            fragment: String::new(),
            ..self.clone()
        }
    }

    fn written_path(&self) -> String {
        let is_valid =
            |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || !must_encode(byte, UrlPart::Path);
        let is_same = || decode(&self.raw_path, UrlPart::Path).as_deref() == Some(&self.path);
        let raw = go_text::to_bytes(&self.raw_path);
        if !raw.is_empty() && raw.iter().copied().all(is_valid) && is_same() {
            return self.raw_path.clone();
        }
        if self.path == "*" {
            "*".to_owned()
        } else {
            encode(&self.path, UrlPart::Path)
        }
    }
}

impl fmt::Display for GoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    f.write_str("//")?;
                }
                if let Some((name, password)) = &self.user {
                    f.write_str(&encode(name, UrlPart::User))?;
                    if let Some(password) = password {
                        write!(f, ":{}", encode(password, UrlPart::User))?;
                    }
                    f.write_str("@")?;
                }
                f.write_str(&encode(&self.host, UrlPart::Host))?;
            }
            let path = self.written_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            f.write_str(&path)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.empty_query || !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if self.fragment.is_empty() {
            return Ok(());
        }
        write!(f, "#{}", encode(&self.fragment, UrlPart::Fragment))
    }
}

/// Parses the values of a query by name. Malformed values are left out; the flag says whether all
/// were valid.
pub fn query_values(query: &str) -> (BTreeMap<String, Vec<String>>, bool) {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut is_whole = true;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name, UrlPart::Query).zip(decode(value, UrlPart::Query));
        match decoded {
            Some((name, value)) if !pair.contains(';') => {
                values.entry(name).or_default().push(value);
            }
            _ => is_whole = false,
        }
    }
    (values, is_whole)
}

/// Splits off a scheme, if there is one. Returns `None` if the scheme is empty.
#[expect(clippy::option_option)]
fn scheme(text: &str) -> Option<Option<(&str, &str)>> {
    for (at, character) in text.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return None,
            ':' => return Some(Some((&text[..at], &text[at + 1..]))),
            _ => return Some(None),
        }
    }
    Some(None)
}

fn host_of(text: &str) -> Option<String> {
    let is_port = |port: &str| {
        port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if text.starts_with('[') {
        let end = text.rfind(']')?;
        if !is_port(&text[end + 1..]) {
            return None;
        }
    } else if text
        .rfind(':')
        .is_some_and(|colon| !is_port(&text[colon..]))
    {
        return None;
    }
    decode(text, UrlPart::Host)
}

fn must_encode(byte: u8, part: UrlPart) -> bool {
    if byte.is_ascii_alphanumeric() {
        return false;
    }
    if part == UrlPart::Host && b"!$&'()*+,;=:[]<>\"".contains(&byte) {
        return false;
    }
    match byte {
        b'-' | b'_' | b'.' | b'~' => false,
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            UrlPart::Path => byte == b'?',
            UrlPart::User => matches!(byte, b'@' | b'/' | b'?' | b':'),
            UrlPart::Query => true,
            UrlPart::Fragment | UrlPart::Host => part == UrlPart::Host,
        },
        b'!' | b'(' | b')' | b'*' => part != UrlPart::Fragment,
        _ => true,
    }
}

fn encode(text: &str, part: UrlPart) -> String {
    use fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in go_text::to_bytes(text).iter() {
        // Writing to a String cannot fail.
        let _ = match byte {
            b' ' if part == UrlPart::Query => write!(encoded, "+"),
            _ if must_encode(*byte, part) => write!(encoded, "%{byte:02X}"),
            _ => write!(encoded, "{}", char::from(*byte)),
        };
    }
    encoded
}

fn decode(text: &str, part: UrlPart) -> Option<String> {
    let bytes = go_text::to_bytes(text);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
                let value = digit(at + 1)? * 16 + digit(at + 2)?;
                if part == UrlPart::Host && value < 0x80 && value != 0x25 {
                    return None;
                }
                decoded.push(u8::try_from(value).ok()?);
                at += 2;
            }
            b'+' if part == UrlPart::Query => decoded.push(b' '),
            _ if part == UrlPart::Host && byte.is_ascii() && must_encode(*byte, part) => {
                return None;
            }
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    Some(go_text::from_bytes(&decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_writes_as_go_does() {
        let same = [
            "https://user:pa%3Ass@h.example:8443/a%2Fb/c%20d?x=1#f%20g",
            "http://h/ü",
            "git://[::1]:9418/r.git",
            "https://h/a?",
            "mailto:x",
            "/only/path",
        ];
        for text in same {
            let expected = text.replace('ü', "%C3%BC");
            assert_eq!(GoUrl::parse(text).unwrap().to_string(), expected, "{text}");
        }
        for wrong in [
            "http://h/%zz",
            "http://h:x/",
            "://x",
            "http://a b/",
            "a:b\n",
            "1:b",
        ] {
            assert!(GoUrl::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(
            GoUrl::parse("https://h/a%20b.tar").unwrap().path,
            "/a b.tar"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z:/?#@%\\[\\] é0-9]{0,30}") {
            let _ = GoUrl::parse(&text).map(|url| url.to_string());
            let _ = query_values(&text);
        }
    }
}
