//! Which lines of two texts are the same, in order, at a cost that the length of the texts bounds.

use super::{Algorithm, DiffOp, HashMap, Range, capture_diff_slices};

/// How much is spent on comparing lines each with each, in pairs of lines over all gaps.
const MOST_PAIRS: usize = 1 << 25;

/// Finds the lines to remove and to add. The operations are in order and cover both texts.
pub(super) fn changes(was: &[&str], is: &[&str]) -> Vec<DiffOp> {
    let mut changes = LineChanges {
        was,
        is,
        pairs_left: MOST_PAIRS,
        found: Vec::new(),
    };
    let (start, end) = same_ends(was, is);
    changes.equal(0, 0, start);
    let mut old = start;
    let mut new = start;
    let unique = unique_in_both(was, is, start..was.len() - end, start..is.len() - end);
    for (old_anchor, new_anchor) in longest_in_order(&unique) {
        changes.between(old..old_anchor, new..new_anchor);
        changes.equal(old_anchor, new_anchor, 1);
        old = old_anchor + 1;
        new = new_anchor + 1;
    }
    changes.between(old..was.len() - end, new..is.len() - end);
    changes.equal(was.len() - end, is.len() - end, end);
    changes.found
}

/// Counts the equal lines at the start and at the end of two texts.
fn same_ends(was: &[&str], is: &[&str]) -> (usize, usize) {
    let pairs = was.iter().zip(is);
    let start = pairs.take_while(|(old, new)| old == new).count();
    let pairs = was[start..].iter().rev().zip(is[start..].iter().rev());
    (start, pairs.take_while(|(old, new)| old == new).count())
}

/// Returns the places of the lines that occur once in both ranges, in the order of the old text.
fn unique_in_both(
    was: &[&str],
    is: &[&str],
    old: Range<usize>,
    new: Range<usize>,
) -> Vec<(usize, usize)> {
    #[derive(Default)]
    struct Occurrence {
        old: u32,
        new: u32,
        new_place: usize,
    }
    let mut lines: HashMap<&str, Occurrence> = HashMap::new();
    for line in &was[old.clone()] {
        lines.entry(line).or_default().old += 1;
    }
    for place in new {
        if let Some(found) = lines.get_mut(is[place]) {
            found.new += 1;
            found.new_place = place;
        }
    }
    let places = old.filter_map(|place| {
        let found = lines.get(was[place])?;
        (found.old == 1 && found.new == 1).then_some((place, found.new_place))
    });
    places.collect()
}

/// Returns the longest selection of pairs whose second places ascend like the first.
fn longest_in_order(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length, the pair with the smallest second place that ends such a selection.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    for (at, (_, new)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *new);
        before[at] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut chosen = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen.push(pairs[at]);
        next = before[at];
    }
    chosen.reverse();
    chosen
}

struct LineChanges<'a> {
    was: &'a [&'a str],
    is: &'a [&'a str],
    pairs_left: usize,
    found: Vec<DiffOp>,
}

impl LineChanges<'_> {
    /// Compares what stands between two anchors.
    fn between(&mut self, old: Range<usize>, new: Range<usize>) {
        let was = &self.was[old.clone()];
        let is = &self.is[new.clone()];
        let (start, end) = same_ends(was, is);
        self.equal(old.start, new.start, start);
        let old = old.start + start..old.end - end;
        let new = new.start + start..new.end - end;
        let total = old.len() + new.len();
        let cost = total.saturating_mul(total);
        if old.is_empty() || new.is_empty() || cost > self.pairs_left {
            self.replaced(old.clone(), new.clone());
        } else {
            self.pairs_left -= cost;
            let was = &self.was[old.clone()];
            let is = &self.is[new.clone()];
            let mut next_old = old.start;
            let mut next_new = new.start;
            // The equal blocks suffice: lines between two of them are replaced.
            for change in capture_diff_slices(Algorithm::Myers, was, is) {
                if let DiffOp::Equal {
                    old_index,
                    new_index,
                    len,
                } = change
                {
                    let equal_old = old.start + old_index;
                    let equal_new = new.start + new_index;
                    self.replaced(next_old..equal_old, next_new..equal_new);
                    self.equal(equal_old, equal_new, len);
                    next_old = equal_old + len;
                    next_new = equal_new + len;
                }
            }
            self.replaced(next_old..old.end, next_new..new.end);
        }
        self.equal(old.end, new.end, end);
    }

    /// Adds equal lines, to those before where they follow on.
    fn equal(&mut self, old: usize, new: usize, count: usize) {
        if count == 0 {
            return;
        }
        match self.found.last_mut() {
            Some(DiffOp::Equal { len, .. }) => *len += count,
            _ => self.found.push(DiffOp::Equal {
                old_index: old,
                new_index: new,
                len: count,
            }),
        }
    }

    /// Adds lines that one text has in place of those of the other, to those before where they
    /// follow on.
    fn replaced(&mut self, old: Range<usize>, new: Range<usize>) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        let mut from = (old.start, new.start);
        if let Some(last) = self
            .found
            .pop_if(|last| !matches!(last, DiffOp::Equal { .. }))
        {
            from = (last.old_range().start, last.new_range().start);
        }
        self.found.push(DiffOp::Replace {
            old_index: from.0,
            old_len: old.end - from.0,
            new_index: from.1,
            new_len: new.end - from.1,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn both_texts_are_in_their_difference(was in "([a-f]\n){0,12}", is in "([a-f]\n){0,12}") {
            let old: Vec<&str> = was.split_inclusive('\n').collect();
            let new: Vec<&str> = is.split_inclusive('\n').collect();
            let mut next = (0, 0);
            for change in changes(&old, &new) {
                let was = change.old_range();
                let is = change.new_range();
                proptest::prop_assert_eq!((was.start, is.start), next);
                if let DiffOp::Equal { .. } = change {
                    proptest::prop_assert_eq!(&old[was.clone()], &new[is.clone()]);
                }
                next = (was.end, is.end);
            }
            proptest::prop_assert_eq!(next, (old.len(), new.len()));
        }
    }

    #[test]
    fn lines_in_another_order_are_compared_within_the_limit() {
        let lines: Vec<String> = (0..300_000)
            .map(|line| format!("{}\n", line % 90_001))
            .collect();
        let old: Vec<&str> = lines.iter().map(String::as_str).collect();
        let new: Vec<&str> = old.iter().rev().copied().collect();
        let found = changes(&old, &new);
        let last = found.last().unwrap();
        assert_eq!(
            (last.old_range().end, last.new_range().end),
            (old.len(), new.len())
        );
    }
}
