//! The `build` section of a service.

use super::value::ComposeValue;
use crate::format::located::Located;

/// The build section of a service.
#[derive(Debug, Clone, Default)]
pub struct ComposeBuild {
    /// The context, relative to the project directory.
    pub context: Option<String>,
    /// The Dockerfile, relative to the context.
    pub dockerfile: Option<String>,
    /// The text of an inline Dockerfile.
    pub dockerfile_inline: Option<String>,
    /// The stage.
    pub target: Option<String>,
    /// The build arguments; those without a value get it from the environment.
    pub args: Vec<(String, Option<Located>)>,
    pub labels: Vec<(String, String)>,
    /// The imported caches.
    pub cache_from: Vec<Located>,
    /// The exported caches.
    pub cache_to: Vec<Located>,
    /// The named contexts; paths are relative to the project directory.
    pub additional_contexts: Vec<(String, String)>,
    pub platforms: Vec<String>,
    /// The network mode.
    pub network: Option<String>,
    /// Whether no cache is used.
    pub no_cache: Option<bool>,
    /// The stages that use no cache.
    pub no_cache_filter: Vec<String>,
    /// The size of `/dev/shm`.
    pub shm_size: Option<String>,
    /// Additional hosts, as `HOST=address` or `HOST:address`.
    pub extra_hosts: Vec<String>,
    pub ulimits: Vec<ServiceUlimit>,
    pub tags: Vec<String>,
    /// The options for bake only.
    pub bake: Extension,
}

/// A limit of the processes of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUlimit {
    /// Its name, such as `nofile`.
    pub name: String,
    /// The soft limit.
    pub soft: String,
    /// The hard limit; `None` if one number stands for both.
    pub hard: Option<String>,
}

/// The extension `x-bake`.
#[derive(Debug, Clone, Default)]
pub struct Extension {
    /// The imported caches in addition to those of Compose.
    pub cache_from: Vec<Located>,
    /// The exported caches in place of those of Compose.
    pub cache_to: Option<Vec<Located>>,
    /// The tags in place of those of Compose.
    pub tags: Option<Vec<String>>,
    /// The platforms in place of those of Compose.
    pub platforms: Option<Vec<String>>,
    /// The named contexts.
    pub contexts: Vec<(String, String)>,
    /// Whether no cache is used.
    pub no_cache: Option<bool>,
    /// The stages that use no cache.
    pub no_cache_filter: Vec<String>,
}

impl From<&ComposeValue> for ComposeBuild {
    fn from(value: &ComposeValue) -> Self {
        Self {
            context: text(value, "context"),
            dockerfile: text(value, "dockerfile"),
            dockerfile_inline: text(value, "dockerfile_inline"),
            target: text(value, "target"),
            args: optional_pairs(value.get("args")),
            labels: pairs(value.get("labels")),
            cache_from: located(value.get("cache_from")),
            cache_to: located(value.get("cache_to")),
            additional_contexts: pairs(value.get("additional_contexts")),
            platforms: texts(value.get("platforms")),
            network: text(value, "network"),
            no_cache: switch(value, "no_cache"),
            no_cache_filter: texts(value.get("no_cache_filter")),
            shm_size: text(value, "shm_size"),
            extra_hosts: texts(value.get("extra_hosts")),
            ulimits: ulimits(value.get("ulimits")),
            tags: texts(value.get("tags")),
            bake: value.get("x-bake").map(Extension::from).unwrap_or_default(),
        }
    }
}

impl From<&ComposeValue> for Extension {
    fn from(value: &ComposeValue) -> Self {
        Self {
            cache_from: words(value.get("cache-from")),
            cache_to: value.get("cache-to").map(|value| words(Some(value))),
            tags: value.get("tags").map(|value| plain_words(Some(value))),
            platforms: value.get("platforms").map(|value| plain_words(Some(value))),
            contexts: pairs(value.get("contexts")),
            no_cache: switch(value, "no-cache"),
            no_cache_filter: plain_words(value.get("no-cache-filter")),
        }
    }
}

fn text(value: &ComposeValue, key: &str) -> Option<String> {
    let text = value.get(key)?.text()?;
    Some(text.as_str().to_owned())
}

fn switch(value: &ComposeValue, key: &str) -> Option<bool> {
    let text = text(value, key)?;
    let text = text.to_ascii_lowercase();
    Some(matches!(
        text.as_str(),
        "true" | "t" | "1" | "yes" | "y" | "on"
    ))
}

/// Returns the texts of a list that are not empty, each once.
fn located(value: Option<&ComposeValue>) -> Vec<Located> {
    let mut found: Vec<Located> = Vec::new();
    for text in value.map(ComposeValue::texts).unwrap_or_default() {
        let is_known = found.iter().any(|known| known.as_str() == text.as_str());
        if !text.is_empty() && !is_known {
            found.push(text.clone());
        }
    }
    found
}

fn texts(value: Option<&ComposeValue>) -> Vec<String> {
    let texts = located(value);
    texts.iter().map(|text| text.as_str().to_owned()).collect()
}

/// Returns the items of a list, or the words of a text.
fn words(value: Option<&ComposeValue>) -> Vec<Located> {
    match value {
        Some(ComposeValue::Text(text)) => text.words(),
        value => located(value),
    }
}

fn plain_words(value: Option<&ComposeValue>) -> Vec<String> {
    let words = words(value);
    words.iter().map(|word| word.as_str().to_owned()).collect()
}

fn optional_pairs(value: Option<&ComposeValue>) -> Vec<(String, Option<Located>)> {
    let entries = value.map(ComposeValue::entries).unwrap_or_default();
    entries
        .iter()
        .map(|(key, value)| (key.as_str().to_owned(), value.text().cloned()))
        .collect()
}

fn pairs(value: Option<&ComposeValue>) -> Vec<(String, String)> {
    let pairs = optional_pairs(value).into_iter();
    pairs
        .map(|(key, value)| {
            let value = value.map(|value| value.as_str().to_owned());
            (key, value.unwrap_or_default())
        })
        .collect()
}

fn ulimits(value: Option<&ComposeValue>) -> Vec<ServiceUlimit> {
    let entries = value.map(ComposeValue::entries).unwrap_or_default();
    let limit = |(name, value): &(Located, ComposeValue)| {
        let soft = value.text().map(|text| text.as_str().to_owned());
        Some(ServiceUlimit {
            name: name.as_str().to_owned(),
            hard: text(value, "hard"),
            soft: soft.or_else(|| text(value, "soft"))?,
        })
    };
    entries.iter().filter_map(limit).collect()
}
