//! The `build` section of a service.

use super::Loader;
use crate::format::located::Located;
use crate::format::overlay::{extend, put, take};
use crate::format::tree::Node;

/// The build section of a service.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The context.
    pub context: Option<String>,
    /// The Dockerfile, relative to the context.
    pub dockerfile: Option<String>,
    /// The text of an inline Dockerfile.
    pub dockerfile_inline: Option<String>,
    /// The stage.
    pub target: Option<String>,
    /// The build arguments; those without a value get it from the environment.
    pub args: Vec<(String, Option<Located>)>,
    /// The labels.
    pub labels: Vec<(String, String)>,
    /// The imported caches.
    pub cache_from: Vec<Located>,
    /// The exported caches.
    pub cache_to: Vec<Located>,
    /// The named contexts.
    pub additional_contexts: Vec<(String, String)>,
    /// The platforms.
    pub platforms: Vec<String>,
    /// The network mode.
    pub network: Option<String>,
    /// Whether no cache is used.
    pub no_cache: Option<bool>,
    /// The stages that use no cache.
    pub no_cache_filter: Vec<String>,
    /// The size of `/dev/shm`.
    pub shm_size: Option<String>,
    /// Additional hosts.
    pub extra_hosts: Vec<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The options for bake only.
    pub bake: Extension,
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

impl Build {
    /// Merges a later definition. Lists are appended.
    pub(super) fn merge(&mut self, other: &Self) {
        take(&mut self.context, other.context.as_ref());
        take(&mut self.dockerfile, other.dockerfile.as_ref());
        take(
            &mut self.dockerfile_inline,
            other.dockerfile_inline.as_ref(),
        );
        take(&mut self.target, other.target.as_ref());
        take(&mut self.network, other.network.as_ref());
        take(&mut self.no_cache, other.no_cache.as_ref());
        take(&mut self.shm_size, other.shm_size.as_ref());
        put(&mut self.args, &other.args);
        put(&mut self.labels, &other.labels);
        put(&mut self.additional_contexts, &other.additional_contexts);
        extend(&mut self.cache_from, &other.cache_from);
        extend(&mut self.cache_to, &other.cache_to);
        extend(&mut self.platforms, &other.platforms);
        extend(&mut self.no_cache_filter, &other.no_cache_filter);
        extend(&mut self.extra_hosts, &other.extra_hosts);
        extend(&mut self.tags, &other.tags);
        extend(&mut self.bake.cache_from, &other.bake.cache_from);
        take(&mut self.bake.cache_to, other.bake.cache_to.as_ref());
        take(&mut self.bake.tags, other.bake.tags.as_ref());
        take(&mut self.bake.platforms, other.bake.platforms.as_ref());
        take(&mut self.bake.no_cache, other.bake.no_cache.as_ref());
        put(&mut self.bake.contexts, &other.bake.contexts);
        extend(&mut self.bake.no_cache_filter, &other.bake.no_cache_filter);
    }
}

impl Loader<'_> {
    pub(super) fn build(&self, node: Node<'_>) -> Build {
        if let Some(context) = node.text() {
            return Build {
                context: Some(self.interpolated(context).as_str().to_owned()),
                ..Build::default()
            };
        }
        Build {
            context: self.one(node, "context"),
            dockerfile: self.one(node, "dockerfile"),
            dockerfile_inline: self.one(node, "dockerfile_inline"),
            target: self.one(node, "target"),
            args: self.optional_pairs(node.get("args")),
            labels: self.pairs(node.get("labels")),
            cache_from: self.many(node.get("cache_from")),
            cache_to: self.many(node.get("cache_to")),
            additional_contexts: self.pairs(node.get("additional_contexts")),
            platforms: self.texts(node.get("platforms")),
            network: self.one(node, "network"),
            no_cache: node.get("no_cache").map(Node::is_true),
            no_cache_filter: self.texts(node.get("no_cache_filter")),
            shm_size: self.one(node, "shm_size"),
            extra_hosts: self.hosts(node.get("extra_hosts")),
            tags: self.texts(node.get("tags")),
            bake: node
                .get("x-bake")
                .map(|bake| self.extension(bake))
                .unwrap_or_default(),
        }
    }

    fn extension(&self, node: Node<'_>) -> Extension {
        let blank_separated = |node: Option<Node<'_>>| -> Vec<Located> {
            match node {
                Some(node) if node.is_list() => self.many(Some(node)),
                Some(node) => node
                    .text()
                    .map(|text| self.interpolated(text).words())
                    .unwrap_or_default(),
                None => Vec::new(),
            }
        };
        let words = |node: Option<Node<'_>>| -> Vec<String> {
            blank_separated(node)
                .iter()
                .map(|text| text.as_str().to_owned())
                .collect()
        };
        Extension {
            cache_from: blank_separated(node.get("cache-from")),
            cache_to: node.get("cache-to").map(|node| blank_separated(Some(node))),
            tags: node.get("tags").map(|node| words(Some(node))),
            platforms: node.get("platforms").map(|node| words(Some(node))),
            contexts: self.pairs(node.get("contexts")),
            no_cache: node.get("no-cache").map(Node::is_true),
            no_cache_filter: words(node.get("no-cache-filter")),
        }
    }

    fn one(&self, node: Node<'_>, key: &str) -> Option<String> {
        let text = node.get(key)?.text()?;
        Some(self.interpolated(text).as_str().to_owned())
    }

    fn many(&self, node: Option<Node<'_>>) -> Vec<Located> {
        let nodes = node.map(Node::one_or_many).unwrap_or_default();
        nodes
            .into_iter()
            .filter_map(Node::text)
            .map(|text| self.interpolated(text))
            .filter(|text| !text.is_empty())
            .collect()
    }

    fn texts(&self, node: Option<Node<'_>>) -> Vec<String> {
        self.many(node)
            .iter()
            .map(|text| text.as_str().to_owned())
            .collect()
    }

    /// Parses a map, or a list of `NAME=value`.
    fn optional_pairs(&self, node: Option<Node<'_>>) -> Vec<(String, Option<Located>)> {
        let Some(node) = node else { return Vec::new() };
        if node.is_map() {
            let pair = |(key, value): (&Located, Node<'_>)| {
                let value = value.text().map(|text| self.interpolated(text));
                (key.as_str().to_owned(), value)
            };
            return node.entries().into_iter().map(pair).collect();
        }
        let mut pairs = Vec::new();
        for text in node.items().filter_map(Node::text) {
            let text = self.interpolated(text);
            match text.as_str().split_once('=') {
                Some((name, _)) => {
                    let value = text.slice(name.len() + 1, text.len());
                    pairs.push((name.to_owned(), Some(value)));
                }
                None => pairs.push((text.as_str().to_owned(), None)),
            }
        }
        pairs
    }

    fn pairs(&self, node: Option<Node<'_>>) -> Vec<(String, String)> {
        let pairs = self.optional_pairs(node);
        pairs
            .into_iter()
            .map(|(key, value)| {
                (
                    key,
                    value.map(|v| v.as_str().to_owned()).unwrap_or_default(),
                )
            })
            .collect()
    }

    fn hosts(&self, node: Option<Node<'_>>) -> Vec<String> {
        let Some(node) = node else { return Vec::new() };
        if node.is_map() {
            return self
                .pairs(Some(node))
                .into_iter()
                .map(|(host, address)| format!("{host}={address}"))
                .collect();
        }
        self.texts(Some(node))
    }
}
