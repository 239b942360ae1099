//! Checks the digest while reading.

use std::io::{self, Read};

use crate::format::digest::{Digest, Hasher};

/// A reader that hashes the bytes and fails at the end if they do not match the digest.
pub struct Verified<R> {
    inner: R,
    expected: Digest,
    hasher: Option<Hasher>,
}

impl<R: Read> Verified<R> {
    /// Wraps `inner`, whose bytes should hash to `expected`.
    pub fn new(inner: R, expected: Digest) -> Self {
        Self {
            inner,
            expected,
            hasher: Some(expected.hasher()),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = hasher.finish();
            if found != self.expected {
                let message = format!(
                    "the blob {} holds other bytes: they hash to {found}",
                    self.expected
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_the_right_bytes_and_fails_on_others() {
        let mut text = String::new();
        Verified::new(&b"hello"[..], Digest::of(b"hello"))
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "hello");
        let error = Verified::new(&b"hellO"[..], Digest::of(b"hello"))
            .read_to_string(&mut text)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
