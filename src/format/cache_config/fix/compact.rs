//! Writes equal records and equal layers once.

use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use super::places;
use crate::format::cache_config::document::{
    ChainResult, ConfigDocument, LayerDocument, LinkDocument, RecordDocument, TopResult,
};

/// The content of a link in a group.
type LinkContent<'a> = (&'a str, usize);

/// The content that equal records share: the digest, and the links of each input.
type RecordContent<'a> = (&'a str, Vec<BTreeSet<LinkContent<'a>>>);

/// The content that equal layers share: the blob, the layer below and the annotations.
type LayerContent<'a> = (&'a str, Option<usize>, Option<&'a str>);

/// Writes equal records and equal layers once. The configuration comes from
/// [`super::FixWork::write`]: without loops, and with every index in range.
pub(super) fn compact<'t>(config: &ConfigDocument<'t>) -> ConfigDocument<'t> {
    let at = |place: i64| usize::try_from(place).unwrap_or_default();
    let layer_of = same_layers(config);
    let record_of = same_records(config);
    let is_first = |of: &[usize]| -> Vec<bool> {
        of.iter()
            .enumerate()
            .map(|(at, same)| at == *same)
            .collect()
    };
    let new_layer = places(&is_first(&layer_of));
    let new_record = places(&is_first(&record_of));
    let layer = |old: i64| new_layer[layer_of[at(old)]].unwrap_or_default();
    let record = |old: i64| new_record[record_of[at(old)]].unwrap_or_default();
    let mut new = ConfigDocument::default();
    for (place, old) in config.layers.iter().enumerate() {
        if layer_of[place] == place {
            new.layers.push(LayerDocument {
                parent: if old.parent < 0 {
                    -1
                } else {
                    layer(old.parent)
                },
                ..old.clone()
            });
        }
    }
    for (place, old) in config.records.iter().enumerate() {
        if record_of[place] == place {
            let mut kept = old.clone();
            for group in kept.inputs.iter_mut().flatten() {
                let mut seen = BTreeSet::new();
                let mut links: Vec<LinkDocument<'t>> = Vec::with_capacity(group.len());
                for link in group.iter() {
                    let to = record(link.link);
                    if seen.insert((link.selector.to_string(), to)) {
                        links.push(LinkDocument {
                            link: to,
                            ..link.clone()
                        });
                    }
                }
                *group = links;
            }
            (kept.layers, kept.chains) = (Vec::new(), Vec::new());
            new.records.push(kept);
        }
    }
    // An equal record may come before the one that is kept.
    for (place, old) in config.records.iter().enumerate() {
        let kept = new_record[record_of[place]].unwrap_or_default();
        if let Some(kept) = new.records.get_mut(at(kept)) {
            add_results(kept, old, layer);
        }
    }
    new
}

/// Adds the results of a record to those of its equal record, each once.
fn add_results<'t>(
    kept: &mut RecordDocument<'t>,
    old: &RecordDocument<'t>,
    layer: impl Fn(i64) -> i64,
) {
    let text = |time: Option<&RawValue>| time.map(|time| time.get().to_owned());
    for result in &old.layers {
        let mut result = result.clone();
        result.layer = layer(result.layer);
        let is_same = |other: &TopResult<'_>| {
            other.layer == result.layer && text(other.created_at) == text(result.created_at)
        };
        if !kept.layers.iter().any(is_same) {
            kept.layers.push(result);
        }
    }
    for result in &old.chains {
        let mut result = result.clone();
        result.layers = result.layers.iter().map(|place| layer(*place)).collect();
        let is_same = |other: &ChainResult<'_>| {
            other.layers == result.layers && text(other.created_at) == text(result.created_at)
        };
        if !kept.chains.iter().any(is_same) {
            kept.chains.push(result);
        }
    }
}

/// Returns the first equal layer for each layer.
fn same_layers(config: &ConfigDocument<'_>) -> Vec<usize> {
    let parent = |place: usize| usize::try_from(config.layers[place].parent).ok();
    let mut same: Vec<Option<usize>> = vec![None; config.layers.len()];
    let mut first: HashMap<LayerContent<'_>, usize> = HashMap::new();
    for top in 0..config.layers.len() {
        let below = |place: &usize| parent(*place).filter(|below| same[*below].is_none());
        let path: Vec<usize> = std::iter::successors(Some(top), below)
            .take(config.layers.len())
            .collect();
        for place in path.into_iter().rev() {
            if same[place].is_some() {
                continue;
            }
            let layer = &config.layers[place];
            let content = (
                layer.blob.as_ref(),
                parent(place).and_then(|below| same[below]),
                layer.annotations.map(RawValue::get),
            );
            same[place] = Some(*first.entry(content).or_insert(place));
        }
    }
    same.into_iter()
        .enumerate()
        .map(|(place, same)| same.unwrap_or(place))
        .collect()
}

/// Returns the first equal record for each record, records below first.
fn same_records(config: &ConfigDocument<'_>) -> Vec<usize> {
    let links = |place: usize| config.records[place].inputs.iter().flatten().flatten();
    let target = |link: &LinkDocument<'_>| usize::try_from(link.link).unwrap_or_default();
    let mut same: Vec<Option<usize>> = vec![None; config.records.len()];
    let mut first: HashMap<RecordContent<'_>, usize> = HashMap::new();
    for top in 0..config.records.len() {
        let mut open = vec![(top, false)];
        while let Some((place, is_ready)) = open.pop() {
            if same[place].is_some() {
                continue;
            }
            if !is_ready {
                open.push((place, true));
                let below = links(place).map(target);
                open.extend(
                    below
                        .filter(|below| same[*below].is_none())
                        .map(|below| (below, false)),
                );
                continue;
            }
            let record = &config.records[place];
            let groups = record.inputs.iter().map(|group| {
                let links = group.iter().flatten();
                links
                    .map(|link| {
                        let to = target(link);
                        (link.selector.as_ref(), same[to].unwrap_or(to))
                    })
                    .collect()
            });
            let content = (record.digest.as_ref(), groups.collect());
            same[place] = Some(*first.entry(content).or_insert(place));
        }
    }
    same.into_iter()
        .enumerate()
        .map(|(place, same)| same.unwrap_or(place))
        .collect()
}
