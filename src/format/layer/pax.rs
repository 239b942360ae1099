//! The extended headers of POSIX, and other extensions of a file's header.

use jiff::Timestamp;

/// The extensions before a file's header, which override it.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub path: Option<Vec<u8>>,
    /// The target of its link.
    pub target: Option<Vec<u8>>,
    /// The size of the content after the header, in bytes.
    pub size: Option<u64>,
    /// The numeric ID of its owner.
    pub uid: Option<u64>,
    /// The numeric ID of its group.
    pub gid: Option<u64>,
    /// Its modification time.
    pub modified: Option<Timestamp>,
    /// Its extended attributes by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub is_sparse: bool,
}

impl Extensions {
    /// Returns whether there are no extensions.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Applies the records of an extended header; `None` if they do not parse.
    ///
    /// A record has the form `LENGTH KEY=VALUE\n`; the length includes the whole record (POSIX,
    /// pax, "Extended Header"). An empty value keeps the header's own. Only path and size affect
    /// further parsing, so they must be valid.
    pub(super) fn read(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ')?;
            let length: usize = str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
            let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            self.set(&record[..equals], &record[equals + 1..])?;
            records = &records[length..];
        }
        Some(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let number = || str::from_utf8(value).ok()?.parse().ok();
        match key {
            _ if value.is_empty() => {}
            b"path" | b"linkpath" if value.contains(&0) => return None,
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.target = Some(value.to_vec()),
            b"size" => self.size = Some(number()?),
            b"uid" => self.uid = number(),
            b"gid" => self.gid = number(),
            b"mtime" => self.modified = str::from_utf8(value).ok().and_then(time),
            _ if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
            _ => {
                // The form that Go, and therefore containerd, writes.
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Some(())
    }
}

/// Parses seconds since 1970 with a sign and a fraction, which is cut to nanoseconds.
fn time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let nanoseconds: i32 = digits.parse().ok()?;
    // The sign applies to both parts: `-0.5` is half a second before 1970.
    let sign = if text.starts_with('-') { -1 } else { 1 };
    Timestamp::new(seconds.parse().ok()?, sign * nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[u8]) -> Option<Extensions> {
        let mut extensions = Extensions::default();
        extensions.read(records).map(|()| extensions)
    }

    #[test]
    fn reads_records_by_their_length() {
        let all =
            b"15 path=a\n=b c\n22 mtime=1700000000.5\n13 size=1000\n8 uid=7\n9 gid=-1\n23 SCHILY.xattr.u.x=\n\xff\n";
        let extensions = read(all).unwrap();
        assert_eq!(extensions.path.as_deref(), Some(b"a\n=b c".as_slice()));
        assert_eq!(extensions.modified, "2023-11-14T22:13:20.5Z".parse().ok());
        assert_eq!(
            (extensions.size, extensions.uid, extensions.gid),
            (Some(1000), Some(7), None)
        );
        assert!(read(b"8 path=\n").unwrap().is_empty());
    }

    #[test]
    fn input_that_is_no_record_is_refused() {
        for wrong in [
            b"path=a\n".as_slice(),
            b"8 path=a\n",
            b"11 path=a\n",
            b"9 path-a\n",
            b"99 path=a\n",
            b"0 \n",
            b"3 \n",
            b"18446744073709551616 path=a\n",
            b"18446744073709551615 path=a\n",
            b"-1 path=a\n",
            b"12 size=-10\n",
            b"11 path=\0a\n",
        ] {
            assert!(read(wrong).is_none(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn reads_times_before_1970_and_beyond_nanoseconds() {
        let at = |text| time(text).map(Timestamp::as_nanosecond);
        assert_eq!(at("1.0000000019"), Some(1_000_000_001));
        assert_eq!(at("-1.5"), Some(-1_500_000_000));
        assert_eq!(at("-0.5"), Some(-500_000_000));
        assert_eq!(at("7"), Some(7_000_000_000));
        for wrong in ["", ".", "x", "1.x", "1.-5", "99999999999999999999"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
