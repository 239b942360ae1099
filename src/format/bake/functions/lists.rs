//! Functions on lists, sets and maps.

use super::arguments::{CallArguments, count, made_set};
use super::{CallError, Called, MOST_ITEMS};
use crate::format::bake::types;
use crate::format::bake::value::BakeValue;

/// The deepest nesting that `flatten` removes.
const DEPTH: usize = 64;

/// Calls a function on lists and maps. Returns `None` for other functions.
pub(super) fn call(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "concat" => concat(given),
        "compact" => given.list(0).map(|items| {
            let kept = items.into_iter().filter(|item| {
                !matches!(item, BakeValue::Null) && item.to_text().as_deref() != Some("")
            });
            BakeValue::List(kept.collect())
        }),
        "flatten" => given
            .list(0)
            .map(|items| BakeValue::List(flattened(items, DEPTH))),
        "distinct" => given.list(0).map(distinct),
        "contains" => contains(given),
        "length" => match given.get(0) {
            Ok(BakeValue::Text(_)) if !given.values[0].is_open() => {
                Err("the length of text is that of strlen".into())
            }
            Ok(value) => value
                .list()
                .map(|items| count(items.len()))
                .ok_or_else(|| "an argument is no collection".into()),
            Err(error) => Err(error),
        },
        "reverselist" => given
            .list(0)
            .map(|items| BakeValue::List(items.into_iter().rev().collect())),
        "sort" => sorted(given),
        "element" => element(given),
        "slice" => slice(given),
        "index" => index(given),
        "indexof" => position(given),
        "hasindex" => has_index(given),
        "coalesce" => coalesce(given),
        "coalescelist" => coalesce_list(given),
        "range" => range(given),
        "chunklist" => chunks(given),
        "setproduct" => product(given),
        _ => return maps(name, given).or_else(|| sets(name, given)),
    })
}

fn maps(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "lookup" => lookup(given),
        "keys" => entries_sorted(given).map(|entries| {
            let keys = entries.into_iter().map(|(key, _)| given.made(&key));
            BakeValue::List(keys.collect())
        }),
        "values" => entries_sorted(given)
            .map(|entries| BakeValue::List(entries.into_iter().map(|(_, value)| value).collect())),
        "merge" => merged(given),
        "zipmap" => zipped(given),
        _ => return None,
    })
}

fn sets(name: &str, given: &CallArguments<'_>) -> Option<Called> {
    Some(match name {
        "setunion" => {
            alike(given).and_then(|lists| made_set(lists.into_iter().flatten().collect()))
        }
        "setintersection" => alike(given).and_then(|lists| {
            let Some((first, others)) = lists.split_first() else {
                return Err("an argument is missing".into());
            };
            let common = first
                .iter()
                .filter(|item| others.iter().all(|other| has(other, item)));
            made_set(common.cloned().collect())
        }),
        "setsubtract" => alike(given).and_then(|mut lists| {
            let removed = lists.pop().unwrap_or_default();
            let items = lists.pop().unwrap_or_default();
            made_set(
                items
                    .into_iter()
                    .filter(|item| !has(&removed, item))
                    .collect(),
            )
        }),
        "setsymmetricdifference" => alike(given).and_then(|lists| {
            let mut result: Vec<BakeValue> = Vec::new();
            for list in lists {
                let mut next: Vec<BakeValue> = Vec::new();
                next.extend(result.iter().filter(|item| !has(&list, item)).cloned());
                next.extend(list.into_iter().filter(|item| !has(&result, item)));
                result = next;
            }
            made_set(result)
        }),
        "sethaselement" => given.list(0).and_then(|items| {
            let wanted = given.get(1)?;
            Ok(BakeValue::Truth(has(&items, wanted)))
        }),
        _ => return None,
    })
}

/// Returns the items of several sets, converted to one type.
fn alike(given: &CallArguments<'_>) -> Result<Vec<Vec<BakeValue>>, CallError> {
    let lists = given.all_lists()?;
    let lengths: Vec<usize> = lists.iter().map(Vec::len).collect();
    let items = types::unify(lists.into_iter().flatten().collect());
    let mut items = items.ok_or("the sets have several types")?.into_iter();
    let lists = lengths
        .into_iter()
        .map(|length| items.by_ref().take(length).collect());
    Ok(lists.collect())
}

fn has(items: &[BakeValue], wanted: &BakeValue) -> bool {
    items.iter().any(|item| item.equals(wanted) == Some(true))
}

fn concat(given: &CallArguments<'_>) -> Called {
    if given.values.is_empty() {
        return Err("an argument is missing".into());
    }
    let mut all = Vec::new();
    for (at, value) in given.values.iter().enumerate() {
        match value {
            // Unknown text stands for a list.
            value if value.is_open() && matches!(value, BakeValue::Text(_)) => {
                all.push(value.clone());
            }
            _ => all.extend(given.ordered(at)?),
        }
        if all.len() > MOST_ITEMS {
            return Err(CallError::gap("the list is too long"));
        }
    }
    Ok(BakeValue::List(all))
}

fn distinct(items: Vec<BakeValue>) -> BakeValue {
    let mut kept: Vec<BakeValue> = Vec::new();
    for item in items {
        if !has(&kept, &item) && kept.len() < MOST_ITEMS {
            kept.push(item);
        }
    }
    BakeValue::List(kept)
}

fn flattened(items: Vec<BakeValue>, depth: usize) -> Vec<BakeValue> {
    let mut flat = Vec::new();
    for item in items {
        match item {
            BakeValue::List(inner) | BakeValue::Set(inner) if depth > 0 => {
                flat.extend(flattened(inner, depth - 1));
            }
            other => flat.push(other),
        }
    }
    flat
}

fn contains(given: &CallArguments<'_>) -> Called {
    let items = given.list(0)?;
    let wanted = given.get(1)?;
    Ok(BakeValue::Truth(has(&items, wanted)))
}

fn sorted(given: &CallArguments<'_>) -> Called {
    let mut items = given.list(0)?;
    if items.iter().any(|item| matches!(item, BakeValue::Null)) {
        return Err("an item is null".into());
    }
    items.sort_by_key(|item| item.to_text().unwrap_or_default());
    Ok(BakeValue::List(items))
}

fn element(given: &CallArguments<'_>) -> Called {
    let items = given.ordered(0)?;
    let index = given.whole(1)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let at = index
        .checked_rem_euclid(length)
        .ok_or("the list is empty")?;
    let item = usize::try_from(at).ok().and_then(|at| items.get(at));
    item.cloned().ok_or_else(|| "the list is empty".into())
}

fn slice(given: &CallArguments<'_>) -> Called {
    let items = given.ordered(0)?;
    let start = usize::try_from(given.whole(1)?);
    let end = usize::try_from(given.whole(2)?);
    let part = match (start, end) {
        (Ok(start), Ok(end)) => items.get(start..end),
        _ => None,
    };
    let part = part.ok_or("the range is outside of the list")?;
    Ok(BakeValue::List(part.to_vec()))
}

fn index(given: &CallArguments<'_>) -> Called {
    let key = given.get(1)?;
    let item = match given.get(0)? {
        BakeValue::List(items) => {
            let key = match key {
                BakeValue::Number(number) => *number,
                _ => return Err("an index of a list is a number".into()),
            };
            usize::try_from(super::arguments::whole(key)?)
                .ok()
                .and_then(|index| items.get(index))
                .cloned()
        }
        map @ BakeValue::Map(_) => match key {
            BakeValue::Text(key) => map.get(key.as_str()).cloned(),
            _ => return Err("a key of a map is text".into()),
        },
        _ => return Err("an argument is neither a list nor a map".into()),
    };
    item.ok_or_else(|| "there is no such element".into())
}

fn position(given: &CallArguments<'_>) -> Called {
    let items = given.ordered(0)?;
    let wanted = given.get(1)?;
    let found = items
        .iter()
        .position(|item| item.equals(wanted) == Some(true));
    found
        .map(count)
        .ok_or_else(|| "there is no such item".into())
}

fn has_index(given: &CallArguments<'_>) -> Called {
    let key = given.get(1)?;
    Ok(BakeValue::Truth(match given.get(0)? {
        BakeValue::List(items) => match key {
            BakeValue::Number(number) => super::arguments::whole(*number)
                .ok()
                .and_then(|index| usize::try_from(index).ok())
                .is_some_and(|index| index < items.len()),
            _ => false,
        },
        map @ BakeValue::Map(_) => match key {
            BakeValue::Text(key) => map.get(key.as_str()).is_some(),
            _ => false,
        },
        _ => return Err("an argument is neither a list nor a map".into()),
    }))
}

fn lookup(given: &CallArguments<'_>) -> Called {
    given.entries(0)?;
    let key = given.text(1)?;
    let found = given.get(0)?.get(&key).cloned();
    found.map_or_else(|| given.get(2).cloned(), Ok)
}

fn entries_sorted(given: &CallArguments<'_>) -> Result<Vec<(String, BakeValue)>, CallError> {
    let mut entries = given.entries(0)?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(entries)
}

fn merged(given: &CallArguments<'_>) -> Called {
    let mut merged: Vec<(String, BakeValue)> = Vec::new();
    for (index, value) in given.values.iter().enumerate() {
        if matches!(value, BakeValue::Null) {
            continue;
        }
        for (key, value) in given.entries(index)? {
            merged.retain(|(known, _)| *known != key);
            merged.push((key, value));
        }
    }
    Ok(BakeValue::Map(merged))
}

fn zipped(given: &CallArguments<'_>) -> Called {
    let keys = given.list(0)?;
    let values = given.ordered(1)?;
    if keys.len() != values.len() {
        return Err("the lists differ in length".into());
    }
    let mut entries: Vec<(String, BakeValue)> = Vec::new();
    for (key, value) in keys.into_iter().zip(values) {
        let key = key.to_text().ok_or("a key is no text")?;
        entries.retain(|(known, _)| *known != key);
        entries.push((key, value));
    }
    Ok(BakeValue::Map(entries))
}

fn coalesce(given: &CallArguments<'_>) -> Called {
    let values = types::unify(given.values.to_vec()).ok_or("the arguments have several types")?;
    let found = values
        .into_iter()
        .find(|value| !matches!(value, BakeValue::Null));
    found.ok_or_else(|| "no argument has a value".into())
}

fn coalesce_list(given: &CallArguments<'_>) -> Called {
    let is_list = |value: &BakeValue| matches!(value, BakeValue::List(_)) || value.is_open();
    if !given.values.iter().all(is_list) {
        return Err("an argument is no list".into());
    }
    let found = given
        .values
        .iter()
        .find(|value| value.list().is_none_or(|items| !items.is_empty()));
    found
        .cloned()
        .ok_or_else(|| "no argument has a value".into())
}

fn range(given: &CallArguments<'_>) -> Called {
    let numbers: Vec<f64> = (0..given.values.len())
        .map(|index| given.number(index))
        .collect::<Result<_, _>>()?;
    let (start, end, step) = match numbers.as_slice() {
        [end] => (0.0, *end, if *end < 0.0 { -1.0 } else { 1.0 }),
        [start, end] => (*start, *end, if end < start { -1.0 } else { 1.0 }),
        [start, end, step] => (*start, *end, *step),
        _ => return Err("one to three arguments are needed".into()),
    };
    let is_backwards = end < start && step > 0.0 || end > start && step < 0.0;
    if step == 0.0 || is_backwards {
        return Err("the step does not lead to the end".into());
    }
    let mut items = Vec::new();
    let mut at = BakeValue::Number(start);
    while let BakeValue::Number(number) = at
        && ((step > 0.0 && number < end) || (step < 0.0 && number > end))
    {
        if items.len() >= 1024 {
            return Err("the range is too long".into());
        }
        items.push(at);
        at = crate::format::bake::numbers::compute("add", number, step)?;
    }
    Ok(BakeValue::List(items))
}

fn chunks(given: &CallArguments<'_>) -> Called {
    let items = given.list(0)?;
    let size = usize::try_from(given.whole(1)?).map_err(|_| "the size is negative")?;
    if items.is_empty() {
        return Ok(BakeValue::List(Vec::new()));
    }
    let size = if size == 0 { items.len() } else { size };
    let chunks = items
        .chunks(size)
        .map(|chunk| BakeValue::List(chunk.to_vec()));
    Ok(BakeValue::List(chunks.collect()))
}

fn product(given: &CallArguments<'_>) -> Called {
    if given.values.len() < 2 {
        return Err("at least two lists are needed".into());
    }
    let mut rows: Vec<Vec<BakeValue>> = vec![Vec::new()];
    for list in given.all_lists()? {
        if rows.len().saturating_mul(list.len()) > MOST_ITEMS {
            return Err(CallError::gap("the product is too large"));
        }
        let extend = |row: &Vec<BakeValue>| {
            let row = row.clone();
            list.iter().map(move |item| {
                let mut row = row.clone();
                row.push(item.clone());
                row
            })
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    let is_set = given
        .values
        .iter()
        .all(|value| matches!(value, BakeValue::Set(_)));
    let rows = rows.into_iter().map(BakeValue::List).collect();
    if is_set {
        made_set(rows)
    } else {
        Ok(BakeValue::List(rows))
    }
}
