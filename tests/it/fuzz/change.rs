//! Changes to documents that mostly keep their structure.

use serde_json::{Map, Value, json};

/// Random numbers, the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Returns a number below `end`, which must not be zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Words that cause trouble in parsers.
const WORDS: [&str; 28] = [
    "",
    "null",
    "-1",
    "0",
    "1e99",
    "99999999999999999999",
    "9999-12-31T23:59:59Z",
    "-009999-01-01T00:00:00Z",
    "sha256:",
    "sha512:ab",
    "../../x",
    "/",
    "\u{0}",
    "\u{202e}",
    "\u{1b}[31m",
    "\"",
    "'",
    "\\",
    "${X}",
    "%00",
    "[",
    "{",
    "]",
    "}",
    "=",
    ",",
    "#",
    "ÿ€𝄞",
];

fn odd(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e300),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[[[[[[[]]]]]]]]),
        8 => json!({"digest": format!("sha256:{}", "0".repeat(64)), "size": -5}),
        9 => json!("x".repeat(5_000)),
        10 => json!(i64::MIN),
        _ => json!(random.of(&WORDS)),
    }
}

/// Counts the values in a document.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Returns the value with that number, in document order.
fn at<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| at(item, number)),
        Value::Object(fields) => fields.values_mut().find_map(|item| at(item, number)),
        _ => None,
    }
}

/// Changes a few values of a JSON document.
pub fn json(document: &[u8], random: &mut Random) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(document) else {
        return bytes(document, random);
    };
    for _ in 0..=random.below(3) {
        let (number, other) = (random.below(count(&value)), random.below(count(&value)));
        let copy = at(&mut value, &mut { other })
            .map(|found| found.clone())
            .unwrap_or_default();
        let Some(found) = at(&mut value, &mut { number }) else {
            continue;
        };
        change(found, copy, random);
    }
    let text = value.to_string().into_bytes();
    // Occasionally the result is not JSON any more.
    if random.below(8) == 0 {
        bytes(&text, random)
    } else {
        text
    }
}

fn change(found: &mut Value, copy: Value, random: &mut Random) {
    match (random.below(9), &mut *found) {
        (0..=2, _) => *found = odd(random),
        (3, _) if count(&copy) < 2_000 => *found = copy,
        (4, Value::Object(fields)) => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            if !keys.is_empty() {
                fields.remove(random.of(&keys));
            }
        }
        (5, Value::Object(fields)) => {
            let key = (*random.of(&WORDS)).to_owned();
            fields.insert(key, copy);
        }
        (6, Value::Array(items)) => {
            let extra = items.first().cloned().unwrap_or_else(|| odd(random));
            items.extend(std::iter::repeat_n(extra, random.below(40)));
        }
        (7, Value::Array(items)) => items.reverse(),
        (_, Value::String(text)) => {
            *text = String::from_utf8_lossy(&self::text(text.as_bytes(), random)).into_owned();
        }
        (_, Value::Number(number)) => {
            *found = number.as_i64().map_or(Value::Null, |number| {
                json!(number.wrapping_mul(-3).wrapping_add(1))
            });
        }
        (_, Value::Object(fields)) => {
            // Names in another case, which Go's readers accept.
            let upper: Map<String, Value> = std::mem::take(fields)
                .into_iter()
                .map(|(key, value)| (key.to_uppercase(), value))
                .collect();
            *fields = upper;
        }
        _ => *found = odd(random),
    }
}

/// Changes a text: words are inserted, parts are removed or repeated.
pub fn text(document: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = document.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(30)).min(text.len());
        match random.below(5) {
            0 => drop(text.drain(at..end)),
            1 => {
                let part = text[at..end].to_vec();
                let to = random.below(text.len() + 1);
                text.splice(to..to, part);
            }
            2 => text.truncate(at.max(1)),
            _ => drop(text.splice(at..at, random.of(&WORDS).bytes())),
        }
    }
    text
}

/// Changes the lines of a text: some are removed, repeated or moved, and one of them is changed.
pub fn lines(document: &[u8], random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = document
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=random.below(2) {
        if lines.is_empty() {
            break;
        }
        let at = random.below(lines.len());
        match random.below(5) {
            0 => drop(lines.remove(at)),
            1 => {
                let line = lines[at].clone();
                lines.insert(random.below(lines.len() + 1), line);
            }
            2 => {
                let other = random.below(lines.len());
                lines.swap(at, other);
            }
            _ => {
                let mut line = text_or_json(lines[at].trim_ascii_end(), random);
                line.push(b'\n');
                lines[at] = line;
            }
        }
    }
    lines.concat()
}

/// Changes a JSON document by its values, JSON lines by line, and anything else as text.
pub fn text_or_json(document: &[u8], random: &mut Random) -> Vec<u8> {
    if serde_json::from_slice::<Value>(document).is_ok() {
        json(document, random)
    } else if document.contains(&b'\n') && random.below(2) == 0 {
        lines(document, random)
    } else {
        text(document, random)
    }
}

/// Changes bytes, some of which are lengths or tags.
pub fn bytes(document: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = *random.of(&[0, 1, 0x7f, 0x80, 0xff]),
            2 => drop(bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(end..end, part);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}
