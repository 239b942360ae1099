//! Values of a service, with variables replaced, and how later ones override them.
//!
//! The rules are those of compose-go (`override/merge.go`, `override/uncity.go`).

use super::scalar;
use crate::format::located::Located;
use crate::format::tree::TreeNode;

/// The keys of a service that decide what is built.
const SERVICE_KEYS: [&str; 8] = [
    "build",
    "depends_on",
    "environment",
    "extends",
    "image",
    "links",
    "platform",
    "profiles",
];
/// Maps whose entries may be written as a list of `NAME=value`.
const PAIRS: [&str; 4] = ["args", "additional_contexts", "labels", "environment"];
/// Lists that hold no item twice.
const SETS: [&str; 3] = ["extra_hosts", "profiles", "tags"];

/// A value.
#[derive(Debug, Clone)]
pub(super) enum ComposeValue {
    /// Nothing: the key is there without a value.
    Null,
    Text(Located),
    List(Vec<Self>),
    /// A map, with the location of each key.
    Map(Vec<(Located, Self)>),
}

/// A path of keys.
pub(super) type Keys = Vec<String>;

/// Converts nodes to values.
pub(super) struct ServiceConverter<'c> {
    /// Replaces variables.
    pub interpolate: &'c dyn Fn(&Located) -> Result<Located, String>,
    /// The paths below `services` with `!reset` or `!override`: what earlier definitions have
    /// there is removed.
    pub resets: Vec<Keys>,
    /// How many nodes may still be converted; aliases make documents larger than their text.
    pub left: usize,
}

/// Why a value cannot be used, with the line.
pub(super) type ValueError = (u32, String);

impl ServiceConverter<'_> {
    /// Converts the keys of a service that decide what is built.
    pub fn service(
        &mut self,
        name: &str,
        node: TreeNode<'_>,
    ) -> Result<Option<ComposeValue>, ValueError> {
        let mut path = vec![name.to_owned()];
        if self.is_reset(node, &path) {
            return Ok(None);
        }
        if !node.is_map() {
            return Ok(Some(ComposeValue::Null));
        }
        let mut entries = Vec::new();
        for (key, value) in node.entries() {
            if !SERVICE_KEYS.contains(&key.as_str()) {
                continue;
            }
            path.push(key.as_str().to_owned());
            let value = self.value(value, &mut path)?;
            path.pop();
            entries.extend(value.map(|value| (key.clone(), canonical(key.as_str(), value))));
        }
        Ok(Some(ComposeValue::Map(entries)))
    }

    /// Records a tag. Returns whether the node itself is removed.
    fn is_reset(&mut self, node: TreeNode<'_>, path: &Keys) -> bool {
        let tag = node.tag();
        if matches!(tag, Some("reset" | "override")) {
            self.resets.push(path.clone());
        }
        tag == Some("reset")
    }

    fn value(
        &mut self,
        node: TreeNode<'_>,
        path: &mut Keys,
    ) -> Result<Option<ComposeValue>, ValueError> {
        let line = node.place().line;
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| (line, "aliases make the file too large".to_owned()))?;
        if self.is_reset(node, path) {
            return Ok(None);
        }
        if node.is_map() {
            let mut entries = Vec::new();
            for (key, value) in node.entries() {
                path.push(key.as_str().to_owned());
                let value = self.value(value, path)?;
                path.pop();
                entries.extend(value.map(|value| (key.clone(), value)));
            }
            return Ok(Some(ComposeValue::Map(entries)));
        }
        if node.is_list() {
            let mut items = Vec::new();
            for (index, item) in node.items().enumerate() {
                path.push(index.to_string());
                items.extend(self.value(item, path)?);
                path.pop();
            }
            return Ok(Some(ComposeValue::List(items)));
        }
        let Some(text) = node.text() else {
            return Ok(Some(ComposeValue::Null));
        };
        if !node.is_quoted() {
            let decoded = scalar::decoded(text.as_str()).map_err(|e| (line, e.to_owned()))?;
            if let Some(decoded) = decoded {
                return Ok(Some(ComposeValue::Text(text.with_text(decoded))));
            }
        }
        let text = (self.interpolate)(text).map_err(|error| (line, error))?;
        Ok(Some(ComposeValue::Text(text)))
    }
}

/// Writes the short forms of a value as the long ones.
fn canonical(key: &str, value: ComposeValue) -> ComposeValue {
    match (key, value) {
        ("build", ComposeValue::Text(context)) => {
            let key = context.with_text("context");
            ComposeValue::Map(vec![(key, ComposeValue::Text(context))])
        }
        ("build", ComposeValue::Map(entries)) => ComposeValue::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let value = canonical(key.as_str(), value);
                    (key, value)
                })
                .collect(),
        ),
        ("extra_hosts", ComposeValue::Map(entries)) => ComposeValue::List(hosts(entries)),
        (key, ComposeValue::List(items)) if PAIRS.contains(&key) => {
            let mut pairs = ComposeValue::Map(Vec::new());
            for item in items.into_iter().filter_map(ComposeValue::into_text) {
                pairs.set(pair(&item));
            }
            pairs
        }
        (_, value) => value,
    }
}

/// Splits `NAME=value`; a name alone has no value.
fn pair(text: &Located) -> (Located, ComposeValue) {
    match text.as_str().find('=') {
        Some(end) => {
            let value = text.slice(end + 1, text.len());
            (text.slice(0, end), ComposeValue::Text(value))
        }
        None => (text.clone(), ComposeValue::Null),
    }
}

/// Lists hosts as `HOST=address`.
fn hosts(entries: Vec<(Located, ComposeValue)>) -> Vec<ComposeValue> {
    let mut hosts = Vec::new();
    for (host, value) in entries {
        let addresses = match value {
            ComposeValue::List(addresses) => addresses,
            address => vec![address],
        };
        for address in addresses.into_iter().filter_map(ComposeValue::into_text) {
            let text = format!("{}={}", host.as_str(), address.as_str());
            hosts.push(ComposeValue::Text(host.with_text(text)));
        }
    }
    hosts
}

impl ComposeValue {
    fn into_text(self) -> Option<Located> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; none for other values.
    pub fn entries(&self) -> &[(Located, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list, or the value itself when it is a text.
    pub fn texts(&self) -> Vec<&Located> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().filter_map(Self::text).collect(),
            _ => Vec::new(),
        }
    }

    /// The text.
    pub fn text(&self) -> Option<&Located> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn str(&self) -> Option<&str> {
        self.text().map(Located::as_str)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self
            .entries()
            .iter()
            .find(|(known, _)| known.as_str() == key);
        entry.map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        let entry = entries.iter_mut().find(|(known, _)| known.as_str() == key);
        entry.map(|(_, value)| value)
    }

    /// Sets an entry of a map; a known key keeps its place.
    fn set(&mut self, (key, value): (Located, Self)) {
        if let Some(known) = self.get_mut(key.as_str()) {
            *known = value;
        } else if let Self::Map(entries) = self {
            entries.push((key, value));
        }
    }

    /// Removes the value at a path.
    pub fn remove(&mut self, path: &[String]) {
        match path {
            [] => {}
            [last] => {
                if let Self::Map(entries) = self {
                    entries.retain(|(key, _)| key.as_str() != last);
                }
            }
            [first, rest @ ..] => {
                if let Some(value) = self.get_mut(first) {
                    value.remove(rest);
                }
            }
        }
    }

    /// Merges a later definition of the value of `key`.
    pub fn merge(&mut self, key: &str, later: &Self) {
        match (&mut *self, later) {
            (_, Self::Null) => {}
            (Self::Map(_), Self::Map(entries)) => {
                for (name, value) in entries {
                    match self.get_mut(name.as_str()) {
                        // A name without a value takes it from the environment again.
                        Some(known) if PAIRS.contains(&key) => *known = value.clone(),
                        Some(known) => known.merge(name.as_str(), value),
                        None => self.set((name.clone(), value.clone())),
                    }
                }
            }
            (Self::List(mine), Self::List(theirs)) => {
                for item in theirs {
                    let is_same = |known: &Self| known.str().is_some() && known.str() == item.str();
                    if !SETS.contains(&key) || !mine.iter().any(is_same) {
                        mine.push(item.clone());
                    }
                }
            }
            (mine, theirs) => *mine = theirs.clone(),
        }
    }
}
