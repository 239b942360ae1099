//! The attributes of a target: set by a block, merged from several, and overridden by `--set`.

use std::collections::HashMap;

use super::attributes::OTHERS;
use super::caches::{entries, split_entry};
use super::evaluate::located;
use super::resolve::Override;
use super::value::BakeValue;
use super::{BakeError, CacheEntry, Target};
use crate::format::go_path;
use crate::format::located::{Located, TextPlace};
use crate::format::overlay::{extend, put, take};

/// Attributes that overrides may set and that do not affect caches.
const OVERRIDABLE: [&str; 15] = [
    "output",
    "secrets",
    "secret",
    "ssh",
    "attest",
    "annotations",
    "entitlements",
    "pull",
    "push",
    "load",
    "call",
    "resources",
    "policy",
    "no-cache-filter",
    "ulimits",
];

impl Target {
    /// Sets the location of arguments whose values have none of their own, such as numbers.
    pub(super) fn place_arguments(
        &mut self,
        places: &HashMap<String, TextPlace>,
        fallback: TextPlace,
    ) {
        for (name, value) in &mut self.args {
            if value.place() == TextPlace::default() {
                let place = places.get(name).copied().unwrap_or(fallback);
                *value = Located::new(value.as_str(), place);
            }
        }
    }

    pub(super) fn set(
        &mut self,
        key: &str,
        value: &BakeValue,
        place: TextPlace,
    ) -> Result<(), BakeError> {
        if matches!(value, BakeValue::Null) {
            return Ok(());
        }
        let text = || -> Result<Option<String>, BakeError> {
            match value {
                BakeValue::Either(alternatives) => {
                    Ok(alternatives.first().and_then(|(_, value)| value.to_text()))
                }
                value => value
                    .to_text()
                    .map(Some)
                    .ok_or_else(|| BakeError::new(place, format!("{key} is no text"))),
            }
        };
        match key {
            "inherits" => self.inherits = texts(value),
            "context" => self.context = text()?,
            "dockerfile" => self.dockerfile = text()?,
            "dockerfile-inline" => self.dockerfile_inline = text()?,
            "target" => self.target = text()?,
            "network" => self.network = text()?,
            "shm-size" => self.shm_size = text()?,
            "args" => self.args = arguments(value),
            "labels" => self.labels = pairs(value),
            "contexts" => self.contexts = pairs(value),
            "extra-hosts" => self.extra_hosts = pairs(value),
            "tags" => self.tags = Some(texts(value)),
            "platforms" => self.platforms = Some(texts(value)),
            "no-cache" => self.no_cache = value.truth(),
            "no-cache-filter" => self.no_cache_filter = texts(value),
            "ulimits" => self.ulimits = texts(value),
            "cache-from" => self.cache_from = entries(value, place)?,
            "cache-to" => self.cache_to = Some(entries(value, place)?),
            key if OTHERS.contains(&key) => {}
            key => self.unknown_attributes.push((key.to_owned(), place)),
        }
        Ok(())
    }

    /// Merges another definition of the target, as bake does.
    pub fn merge(&mut self, other: &Self) {
        take(&mut self.context, other.context.as_ref());
        take(&mut self.dockerfile, other.dockerfile.as_ref());
        take(
            &mut self.dockerfile_inline,
            other.dockerfile_inline.as_ref(),
        );
        take(&mut self.target, other.target.as_ref());
        take(&mut self.network, other.network.as_ref());
        take(&mut self.shm_size, other.shm_size.as_ref());
        take(&mut self.tags, other.tags.as_ref());
        take(&mut self.platforms, other.platforms.as_ref());
        take(&mut self.no_cache, other.no_cache.as_ref());
        take(&mut self.cache_to, other.cache_to.as_ref());
        put(&mut self.args, &other.args);
        put(&mut self.labels, &other.labels);
        put(&mut self.contexts, &other.contexts);
        put(&mut self.extra_hosts, &other.extra_hosts);
        extend(&mut self.no_cache_filter, &other.no_cache_filter);
        extend(&mut self.ulimits, &other.ulimits);
        self.inherits.extend(other.inherits.iter().cloned());
        self.add_imports(&other.cache_from);
        self.unknown_attributes
            .extend(other.unknown_attributes.iter().cloned());
    }

    pub(super) fn add_imports(&mut self, imports: &[CacheEntry]) {
        for entry in imports {
            let known = self
                .cache_from
                .iter()
                .any(|mine| mine.text.as_str() == entry.text.as_str());
            if !known {
                self.cache_from.push(entry.clone());
            }
        }
    }

    /// Applies overrides. The values of a list are combined, and the last override of a key decides
    /// whether they replace the current ones.
    pub(super) fn apply(&mut self, overrides: &[Override]) -> Result<(), String> {
        let mut grouped: Vec<(&str, Vec<String>, bool)> = Vec::new();
        for given in overrides {
            let matched = go_path::matches(given.pattern.as_bytes(), self.name.as_bytes());
            if matched != Ok(true) {
                continue;
            }
            let value = given.value.clone().unwrap_or_default();
            match grouped.iter_mut().find(|(key, _, _)| *key == given.key) {
                Some((_, values, append)) => {
                    values.push(value);
                    *append = given.append;
                }
                None => grouped.push((&given.key, vec![value], given.append)),
            }
        }
        for (key, values, append) in grouped {
            self.apply_one(key, &values, append)?;
        }
        Ok(())
    }

    fn apply_one(&mut self, key: &str, values: &[String], append: bool) -> Result<(), String> {
        let last = values.last().cloned().unwrap_or_default();
        let split = key.split_once('.');
        let (attribute, name) = split.map_or((key, None), |(key, name)| (key, Some(name)));
        let entries = || -> Vec<CacheEntry> {
            let texts = values
                .iter()
                .map(|value| Located::new(value.as_str(), TextPlace::default()));
            texts.flat_map(|text| split_entry(&text, &[])).collect()
        };
        let list = |mine: &mut Vec<String>| {
            if !append {
                mine.clear();
            }
            mine.extend(values.iter().cloned());
        };
        match (attribute, name) {
            ("context", _) => self.context = Some(last),
            ("dockerfile", _) => self.dockerfile = Some(last),
            ("target", _) => self.target = Some(last),
            // Bake reads the value as a list, and then sets the text, which stays empty.
            ("network", _) => self.network = Some(String::new()),
            ("shm-size", _) => self.shm_size = Some(last),
            ("no-cache", _) => {
                self.no_cache = Some(matches!(
                    last.as_str(),
                    "1" | "t" | "T" | "true" | "True" | "TRUE"
                ));
            }
            // Bake takes no values for these: it only clears them, also to append.
            ("no-cache-filter", _) => self.no_cache_filter.clear(),
            ("ulimits", _) => self.ulimits.clear(),
            ("tags", _) => list(self.tags.get_or_insert_default()),
            ("platform", _) => list(self.platforms.get_or_insert_default()),
            ("cache-from", _) => {
                if !append {
                    self.cache_from.clear();
                }
                self.add_imports(&entries());
            }
            ("cache-to", _) => {
                let exports = self.cache_to.get_or_insert_default();
                if !append {
                    exports.clear();
                }
                exports.extend(entries());
            }
            ("args", Some(name)) => {
                put_one(
                    &mut self.args,
                    name,
                    Located::new(last, TextPlace::default()),
                );
            }
            ("labels", Some(name)) => put_one(&mut self.labels, name, last),
            ("contexts", Some(name)) => put_one(&mut self.contexts, name, last),
            ("extra-hosts", Some(name)) => put_one(&mut self.extra_hosts, name, last),
            (attribute, _) if OVERRIDABLE.contains(&attribute) => {}
            _ => return Err(format!("the override {key} is not known")),
        }
        Ok(())
    }
}

fn put_one<T>(entries: &mut Vec<(String, T)>, name: &str, value: T) {
    entries.retain(|(known, _)| known != name);
    entries.push((name.to_owned(), value));
}

/// Returns the texts of a list, of all alternatives.
pub(super) fn texts(value: &BakeValue) -> Vec<String> {
    match value {
        BakeValue::Either(alternatives) => {
            let mut all: Vec<String> = Vec::new();
            for text in alternatives.iter().flat_map(|(_, value)| texts(value)) {
                if !all.contains(&text) {
                    all.push(text);
                }
            }
            all
        }
        BakeValue::List(items) | BakeValue::Set(items) => items.iter().flat_map(texts).collect(),
        other => other.to_text().into_iter().collect(),
    }
}

fn pairs(value: &BakeValue) -> Vec<(String, String)> {
    let BakeValue::Map(entries) = value else {
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.to_text()?)))
        .collect()
}

fn arguments(value: &BakeValue) -> Vec<(String, Located)> {
    let entries = match value {
        BakeValue::Map(entries) => entries.clone(),
        BakeValue::Either(alternatives) => {
            return alternatives
                .iter()
                .flat_map(|(_, value)| arguments(value))
                .collect();
        }
        _ => return Vec::new(),
    };
    let argument = |(key, value): (String, BakeValue)| {
        let text = match &value {
            BakeValue::Text(text) => text.clone(),
            BakeValue::Either(alternatives) => located(&alternatives.first()?.1)?,
            other => Located::new(other.to_text()?, TextPlace::default()),
        };
        Some((key, text))
    };
    entries.into_iter().filter_map(argument).collect()
}
