//! Content digests: the only names that a store's blobs are opened by.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

use super::lenient::LenientText;

/// A validated content digest: a known algorithm and exactly as many lower-case hexadecimal digits
/// as it produces.
///
/// A string from a store becomes part of a path or a URL only through this type. The grammar and
/// the registered algorithms are those of the OCI image specification (`descriptor.md`, "Digests");
/// BuildKit writes `sha256` only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Digest {
    /// SHA-256, which every tool writes.
    Sha256([u8; 32]),
    /// SHA-512, which the specification also registers.
    Sha512([u8; 64]),
}

/// Why a string is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `:` between algorithm and value.
    #[error("a digest reads `algorithm:hex`, as in `sha256:…`")]
    NoAlgorithm,
    /// The algorithm is not registered.
    #[error("the digest algorithm is not sha256 or sha512")]
    UnknownAlgorithm,
    /// The value is too short or too long for its algorithm.
    #[error("the digest has {found} characters after the colon, not {expected}")]
    WrongLength {
        /// The number of digits that the algorithm produces.
        expected: usize,
        /// The number of digits in the string.
        found: usize,
    },
    /// The value holds a character other than `0-9a-f`.
    #[error("the digest holds a character that is not one of 0-9 and a-f")]
    NotLowerHex,
}

impl Digest {
    /// Computes the SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(bytes).into())
    }

    /// Returns the name of the algorithm, as before the colon and as the directory name in an OCI
    /// layout.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
        }
    }

    /// Returns the raw bytes of the digest.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    /// Returns the hexadecimal digits after the colon.
    pub fn hex(&self) -> String {
        self.digits(&mut [0; LONGEST]).to_owned()
    }

    /// Writes the hexadecimal digits to `buffer`. A store can have a million digests, and
    /// formatting each byte is slow.
    fn digits<'a>(&self, buffer: &'a mut [u8; LONGEST]) -> &'a str {
        let bytes = self.as_bytes();
        for (pair, byte) in buffer.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 0xf)],
            ]);
        }
        std::str::from_utf8(&buffer[..bytes.len() * 2]).unwrap_or_default()
    }

    /// Returns the first `digits` hexadecimal digits, for display.
    pub fn short(&self, digits: usize) -> String {
        let mut hex = self.hex();
        hex.truncate(digits);
        hex
    }

    /// Parses an algorithm and the digits after the colon, which are separate in the directories of
    /// a layout.
    ///
    /// # Errors
    /// As [`Digest::from_str`].
    pub fn from_parts(algorithm: &str, hex: &str) -> Result<Self, DigestError> {
        match algorithm {
            "sha256" => Ok(Self::Sha256(decode_lower_hex(hex)?)),
            "sha512" => Ok(Self::Sha512(decode_lower_hex(hex)?)),
            _ => Err(DigestError::UnknownAlgorithm),
        }
    }

    /// Checks that `bytes` have this digest.
    ///
    /// # Errors
    /// The actual digest of `bytes`.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Self> {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        let found = hasher.finish();
        if found == *self { Ok(()) } else { Err(found) }
    }

    /// Starts a SHA-256 hash.
    pub fn sha256_hasher() -> Hasher {
        Hasher::Sha256(Box::default())
    }

    /// Starts a hash of this digest's algorithm, to compare a stream with it.
    pub fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Self::sha256_hasher(),
            Self::Sha512(_) => Hasher::Sha512(Box::default()),
        }
    }
}

/// A running hash that ends as a [`Digest`].
pub enum Hasher {
    /// SHA-256 in progress.
    Sha256(Box<Sha256>),
    /// SHA-512 in progress.
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// Adds `bytes` to the hash.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns the digest.
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hash) => Digest::Sha256(hash.finalize().into()),
            Self::Sha512(hash) => Digest::Sha512(hash.finalize().into()),
        }
    }
}

fn decode_lower_hex<const N: usize>(hex: &str) -> Result<[u8; N], DigestError> {
    if hex.len() != N * 2 {
        return Err(DigestError::WrongLength {
            expected: N * 2,
            found: hex.chars().count(),
        });
    }
    let mut bytes = [0; N];
    let mut all = 0;
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let high = VALUES[usize::from(pair[0])];
        let low = VALUES[usize::from(pair[1])];
        all |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    // The bytes of a digest are random, so one check at the end is cheaper than one per digit.
    if all < NO_DIGIT {
        Ok(bytes)
    } else {
        Err(DigestError::NotLowerHex)
    }
}

/// The most digits of a digest.
const LONGEST: usize = 128;
const DIGITS: [u8; 16] = *b"0123456789abcdef";
/// The value of each byte as a hexadecimal digit.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < NO_DIGIT {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};
/// Marks a byte that is no digit: a bit that no value has.
const NO_DIGIT: u8 = 0x10;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        Self::from_parts(algorithm, hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())?;
        f.write_char(':')?;
        f.write_str(self.digits(&mut [0; LONGEST]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(LenientText(|text: &str| {
            text.parse().map_err(|error: DigestError| error.to_string())
        }))
    }
}

/// The text in the place of a digest. BuildKit's own types are plain strings there, so a document
/// with another text in that place still parses.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DigestText {
    /// A proper digest.
    Valid(Digest),
    /// Any other text; it is only displayed, never used to open a blob.
    Invalid(Box<str>),
}

impl DigestText {
    /// Returns the digest, if it is valid.
    pub fn valid(&self) -> Option<Digest> {
        match self {
            Self::Valid(digest) => Some(*digest),
            Self::Invalid(_) => None,
        }
    }
}

impl From<&str> for DigestText {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Invalid(text.into()), Self::Valid)
    }
}

impl Default for DigestText {
    fn default() -> Self {
        Self::Invalid("".into())
    }
}

impl fmt::Display for DigestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid(digest) => fmt::Display::fmt(digest, f),
            Self::Invalid(text) => fmt::Display::fmt(&crate::text::escape::visible(text), f),
        }
    }
}

impl<'de> Deserialize<'de> for DigestText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(LenientText(|text: &str| Ok(Self::from(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_the_registered_algorithms() {
        for text in [
            format!("sha256:{}", "ab".repeat(32)),
            format!("sha512:{}", "0f".repeat(64)),
        ] {
            assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        }
        let hello = Digest::of(b"hello\n");
        assert_eq!(hello.short(12), "5891b5b522d5");
    }

    #[test]
    fn checks_bytes_by_its_own_algorithm() {
        let mut hasher = Digest::Sha512([0; 64]).hasher();
        hasher.update(b"x");
        let long = hasher.finish();
        for digest in [Digest::of(b"x"), long] {
            assert_eq!(digest.check(b"x"), Ok(()));
            let found = digest.check(b"y").unwrap_err();
            assert_eq!(
                (found.algorithm(), found == digest),
                (digest.algorithm(), false)
            );
        }
    }

    #[test]
    fn refuses_everything_that_could_be_a_path() {
        let upper = format!("sha256:{}", "AB".repeat(32));
        let long = format!("sha256:{}", "ab".repeat(33));
        let wide = format!("sha256:{}", "é".repeat(32));
        let cases = [
            ("", DigestError::NoAlgorithm),
            ("sha256", DigestError::NoAlgorithm),
            (
                "sha256:../../etc/passwd",
                DigestError::WrongLength {
                    expected: 64,
                    found: 16,
                },
            ),
            (
                "md5:d41d8cd98f00b204e9800998ecf8427e",
                DigestError::UnknownAlgorithm,
            ),
            ("SHA256:00", DigestError::UnknownAlgorithm),
            (&upper, DigestError::NotLowerHex),
            (
                &long,
                DigestError::WrongLength {
                    expected: 64,
                    found: 66,
                },
            ),
            (&wide, DigestError::NotLowerHex),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }
}
