//! `--mount` of `RUN` (`frontend/dockerfile/instructions/commands_runmount.go`).

use crate::format::go_text;

/// The keys that a mount may have.
const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

/// The kind of a mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MountKind {
    /// Files of another stage, of an image or of the context.
    #[default]
    Bind,
    /// A directory that outlives the build.
    Cache,
    /// A temporary file system.
    Tmpfs,
    Secret,
    /// The socket of an SSH agent.
    Ssh,
}

impl MountKind {
    fn parse(text: &str) -> Option<Self> {
        Some(match go_text::lower(text).as_str() {
            "bind" => Self::Bind,
            "cache" => Self::Cache,
            "tmpfs" => Self::Tmpfs,
            "secret" => Self::Secret,
            "ssh" => Self::Ssh,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Cache => "cache",
            Self::Tmpfs => "tmpfs",
            Self::Secret => "secret",
            Self::Ssh => "ssh",
        }
    }
}

/// The sharing mode of a cache mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Builds share it.
    Shared,
    /// Each build has its own.
    Private,
    /// Builds use it one after another.
    Locked,
}

/// A mount.
#[derive(Debug, Clone, Default)]
pub struct RunMount {
    pub kind: MountKind,
    /// The stage or image.
    pub from: String,
    /// The path in the stage or image.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Whether it is read-only.
    pub readonly: bool,
    /// The size of a temporary file system, in bytes.
    pub size: i64,
    /// The name of a cache, a secret or an agent.
    pub id: String,
    /// The sharing mode of a cache.
    pub sharing: Option<Sharing>,
    /// Whether a secret or an agent is required.
    pub required: bool,
    /// The environment variable of a secret.
    pub env: Option<String>,
    /// Permission bits.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// Checks the parts that do not depend on variables.
///
/// # Errors
/// If the mount is no CSV line, or `from` holds a variable.
pub fn check(text: &str) -> Result<(), String> {
    for field in csv(text)? {
        let Some((key, value)) = field.split_once('=') else {
            continue;
        };
        let is_variable = |at: usize| at + 1 != value.len();
        if go_text::lower(key) == "from" && value.find('$').is_some_and(is_variable) {
            return Err(
                "'from' doesn't support variable expansion, define alias stage instead".to_owned(),
            );
        }
    }
    Ok(())
}

/// Returns the stage or image of a mount, without parsing the rest.
pub fn from(text: &str) -> String {
    let fields = csv(text).unwrap_or_default();
    let from = |field: &String| {
        let (key, value) = field.split_once('=')?;
        (go_text::lower(key) == "from").then(|| value.to_owned())
    };
    fields.iter().rev().find_map(from).unwrap_or_default()
}

/// Parses a mount; `expand` expands the variables of its values.
///
/// # Errors
/// If a field is malformed, or does not fit the kind of the mount.
pub fn parse(
    text: &str,
    expand: &dyn Fn(&str) -> Result<String, String>,
) -> Result<RunMount, String> {
    let mut mount = RunMount::default();
    let mut readonly = None;
    for field in csv(text)? {
        match field.split_once('=') {
            Some((key, value)) => {
                let key = go_text::lower(key);
                mount.set(&key, &expand(value)?, &field, &mut readonly)?;
            }
            None => mount.set_alone(&field, &mut readonly)?,
        }
    }
    mount.finish(readonly)
}

impl RunMount {
    /// Sets a field without a value.
    fn set_alone(&mut self, field: &str, readonly: &mut Option<bool>) -> Result<(), String> {
        let key = go_text::lower(field);
        match key.as_str() {
            "readonly" | "ro" => *readonly = Some(true),
            "readwrite" | "rw" => *readonly = Some(false),
            "required" if matches!(self.kind, MountKind::Secret | MountKind::Ssh) => {
                self.required = true;
            }
            "required" => return Err(self.unexpected(&key)),
            _ => return Err(format!("invalid field '{field}' must be a key=value pair")),
        }
        Ok(())
    }

    fn unexpected(&self, key: &str) -> String {
        format!(
            "unexpected key '{key}' for mount type '{}'",
            self.kind.name()
        )
    }

    fn set(
        &mut self,
        key: &str,
        value: &str,
        field: &str,
        readonly: &mut Option<bool>,
    ) -> Result<(), String> {
        let invalid = || format!("invalid value for {key}: {value}");
        let number = |base| {
            let wrong = || format!("invalid value {value} for {key}");
            go_text::parse_uint(value, base).ok_or_else(wrong)
        };
        match key {
            "type" => {
                let unsupported = || format!("unsupported mount type {}", go_text::quote(value));
                self.kind = MountKind::parse(value).ok_or_else(unsupported)?;
            }
            "from" => value.clone_into(&mut self.from),
            "source" | "src" => value.clone_into(&mut self.source),
            "target" | "dst" | "destination" => value.clone_into(&mut self.target),
            "readonly" | "ro" => *readonly = Some(go_text::parse_bool(value).ok_or_else(invalid)?),
            "readwrite" | "rw" => {
                *readonly = Some(!go_text::parse_bool(value).ok_or_else(invalid)?);
            }
            "required" if matches!(self.kind, MountKind::Secret | MountKind::Ssh) => {
                self.required = go_text::parse_bool(value).ok_or_else(invalid)?;
            }
            "size" if self.kind == MountKind::Tmpfs => {
                self.size = size(value).ok_or_else(invalid)?;
            }
            "required" | "size" => return Err(self.unexpected(key)),
            "id" => value.clone_into(&mut self.id),
            "sharing" => {
                self.sharing = Some(match go_text::lower(value).as_str() {
                    "shared" => Sharing::Shared,
                    "private" => Sharing::Private,
                    "locked" => Sharing::Locked,
                    _ => {
                        return Err(format!(
                            "unsupported sharing value {}",
                            go_text::quote(value)
                        ));
                    }
                });
            }
            "mode" => self.mode = Some(number(8)?),
            "uid" => self.uid = Some(number(10)?),
            "gid" => self.gid = Some(number(10)?),
            "env" => self.env = Some(value.to_owned()),
            _ => {
                let hint = super::suggestion(key, KEYS);
                return Err(format!("unexpected key '{key}' in '{field}'{hint}"));
            }
        }
        Ok(())
    }

    /// Checks that the fields fit together.
    fn finish(mut self, readonly: Option<bool>) -> Result<Self, String> {
        let kind = self.kind;
        if matches!(kind, MountKind::Bind | MountKind::Tmpfs) {
            let given = [("mode", self.mode), ("uid", self.uid), ("gid", self.gid)];
            if let Some((name, _)) = given.iter().find(|(_, value)| value.is_some()) {
                return Err(format!(
                    "{name} not allowed for \"{}\" type mounts",
                    kind.name()
                ));
            }
        }
        self.readonly = readonly.unwrap_or(!matches!(kind, MountKind::Cache | MountKind::Tmpfs));
        if kind == MountKind::Secret {
            let error = if !self.from.is_empty() {
                "secret mount should not have a from"
            } else if self.sharing.is_some() {
                "secret mount should not define sharing"
            } else if self.source.is_empty() && self.target.is_empty() && self.id.is_empty() {
                "invalid secret mount. one of source, target required"
            } else if !self.source.is_empty() && !self.id.is_empty() {
                "both source and id can't be set"
            } else {
                return Ok(self);
            };
            return Err(error.to_owned());
        }
        if self.sharing.is_some() && kind != MountKind::Cache {
            return Err(format!(
                "invalid cache sharing set for {} mount",
                kind.name()
            ));
        }
        Ok(self)
    }
}

/// Parses a size in binary units: `1.5K`, `64 MiB`.
pub fn size(text: &str) -> Option<i64> {
    let last =
        text.rfind(|character: char| character.is_ascii_digit() || " .".contains(character))?;
    let number = if text[last..].starts_with(' ') {
        &text[..last]
    } else {
        &text[..=last]
    };
    let unit = text[last + 1..].to_lowercase();
    let number = float(number)?;
    if number < 0.0 || text[last + 1..].len() > 3 {
        return None;
    }
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        _ => {
            let (prefix, rest) = unit.split_at_checked(1)?;
            let power = "kmgtp".find(prefix)?;
            if !matches!(rest, "" | "b" | "ib") {
                return None;
            }
            1024_f64.powi(i32::try_from(power).ok()? + 1)
        }
    };
    // As in Go, a value that is too large for the type is truncated.
    #[expect(clippy::cast_possible_truncation)]
    Some((number * factor) as i64)
}

/// Parses a decimal number. Go accepts more forms, which no size has.
fn float(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".+-eE".contains(&byte));
    if is_plain { text.parse().ok() } else { None }
}

fn csv(text: &str) -> Result<Vec<String>, String> {
    fields(text).map_err(|error| format!("failed to parse csv mounts: {error}"))
}

/// Splits a line of comma-separated values.
///
/// # Errors
/// If a quote is misplaced or not closed.
pub fn fields(line: &str) -> Result<Vec<String>, String> {
    let line = line
        .strip_suffix('\n')
        .map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let wrong =
        |at: usize, error: &str| Err(format!("parse error on line 1, column {}: {error}", at + 1));
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = &line[at..];
        if rest.starts_with('"') {
            match quoted_field(line, at + 1) {
                Ok((field, end)) => {
                    fields.push(field);
                    at = end;
                }
                Err(at) => return wrong(at, "extraneous or missing \" in quoted-field"),
            }
        } else {
            let field = rest.split(',').next().unwrap_or_default();
            if let Some(quote) = field.find('"') {
                return wrong(at + quote, "bare \" in non-quoted-field");
            }
            fields.push(field.to_owned());
            at += field.len();
        }
        if at == line.len() {
            return Ok(fields);
        }
        // The comma between fields.
        at += 1;
    }
}

/// Reads a field whose opening quote is before `start`. Returns its end, or the offset of the
/// error.
fn quoted_field(line: &str, start: usize) -> Result<(String, usize), usize> {
    let mut field = String::new();
    let mut at = start;
    loop {
        let (inside, after) = line[at..].split_once('"').ok_or(at)?;
        field.push_str(inside);
        let quote = at + inside.len();
        match after.chars().next() {
            None | Some(',') => return Ok((field, quote + 1)),
            Some('"') => {
                field.push('"');
                at = quote + 2;
            }
            Some(_) => return Err(quote),
        }
    }
}
