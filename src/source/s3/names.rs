//! Names that become part of the host of a request. They are checked before any URL is built, so
//! that their text cannot name another host.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::source::SourceError;

/// The longest name of a bucket: names from before 2018 in `us-east-1` have up to 255 characters.
const LONGEST_BUCKET: usize = 255;
/// The longest region: the limit for a label of a host.
const LONGEST_LABEL: usize = 63;
/// The number of digits of an account ID.
const ACCOUNT_DIGITS: usize = 12;

/// The name of a bucket, or the ARN of an access point.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketName(String);

/// A region. Services other than Amazon's have their own, such as `RegionOne`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(String);

impl FromStr for BucketName {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if is_bucket(text) || is_access_point(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(SourceError::InvalidValue {
            name: "bucket",
            expected: "the name of a bucket: letters, digits, `.`, `-` and `_`",
        })
    }
}

impl FromStr for Region {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if is_label(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(SourceError::InvalidValue {
            name: "region",
            expected: "a region: letters, digits, `-` and `_`",
        })
    }
}

fn is_label(text: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_bucket(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.len() <= LONGEST_BUCKET
        && text.bytes().all(is_allowed)
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && !text.contains("..")
}

/// Returns whether a text is the ARN of an access point. The client puts all of its parts into a
/// host: `arn:aws:s3:eu-west-1:123456789012:accesspoint/name`.
fn is_access_point(text: &str) -> bool {
    let Some(arn) = text.strip_prefix("arn:") else {
        return false;
    };
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let is_account =
        account.len() == ACCOUNT_DIGITS && account.bytes().all(|byte| byte.is_ascii_digit());
    let mut resource = resource.split([':', '/']);
    is_label(partition)
        && matches!(service, "s3" | "s3-outposts" | "s3-object-lambda")
        && is_label(region)
        && is_account
        && matches!(resource.next(), Some("accesspoint" | "outpost"))
        && resource.clone().next().is_some()
        && resource.all(is_label)
}

/// Returns whether an address has a plain ASCII host, with or without a port.
pub(super) fn has_plain_host(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, port)) => (host, port),
            None => return false,
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_host = if authority.starts_with('[') {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty()
            && host
                .split('.')
                .all(|label| label.is_empty() || is_label(label))
    };
    let is_port = match port.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    is_host && is_port
}

macro_rules! as_text {
    ($($name:ident),+) => {
        $(
            impl Deref for $name {
                type Target = str;

                fn deref(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl From<&$name> for String {
                fn from(name: &$name) -> Self {
                    name.0.clone()
                }
            }
        )+
    };
}

as_text!(BucketName, Region);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_that_could_change_the_host_are_refused() {
        for region in ["us-east-1", "garage", "RegionOne", "eu_1"] {
            assert!(region.parse::<Region>().is_ok(), "{region}");
        }
        for region in [
            "",
            "x@evil.example/",
            "evil.example/",
            "evil.example",
            "x%2Fy",
            "a b",
            "a:1",
            "a#",
            "a?b",
            "a\\b",
            "é",
        ] {
            assert!(region.parse::<Region>().is_err(), "{region}");
        }
        let arns = [
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/builds",
            "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint:builds",
            "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/builds",
        ];
        for bucket in ["b", "acme-cache", "acme.cache", "Acme_Cache", "1a"]
            .iter()
            .chain(&arns)
        {
            assert!(bucket.parse::<BucketName>().is_ok(), "{bucket}");
        }
        for bucket in [
            "",
            ".",
            "..",
            "a..b",
            "-a",
            "a/b",
            "a@evil.example",
            "evil.example:1",
            "a%2Fb",
            "a b",
            "a?b",
            "a#b",
            "arn:aws:s3:eu-west-1:12345678901x:accesspoint/builds",
            "arn:aws:s3:eu-west-1@evil:123456789012:accesspoint/builds",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/a@evil.example",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint",
            "arn:aws:s3:::acme",
        ] {
            assert!(bucket.parse::<BucketName>().is_err(), "{bucket}");
        }
    }

    #[test]
    fn the_host_of_an_address_is_plain() {
        for address in [
            "http://localhost:9000",
            "https://minio_1/",
            "https://s3.example.com./x?y=1&z#w",
            "http://[::1]:9000/x?y=1&z#w",
            "http://127.0.0.1",
        ] {
            assert!(has_plain_host(address), "{address}");
        }
        for address in [
            "http://",
            "http://a%40b",
            "http://u@h",
            "http://h:port",
            "http://h:99999",
            "http://[::1",
            "http://[x]",
            "http://a\\b",
            "localhost",
        ] {
            assert!(!has_plain_host(address), "{address}");
        }
    }
}
