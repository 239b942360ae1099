//! Finds the known word that a mistyped word was probably meant to be.

/// Returns the word of `known` that is nearest to `word`, if it may be a typing mistake: at most
/// one letter in three is added, omitted, replaced or swapped with its neighbour.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let tolerance = (word.len() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| {
            (
                distance(&word, &candidate.chars().collect::<Vec<_>>()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= tolerance && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the number of single edits between `left` and `right` (the optimal string alignment
/// distance).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let mut edits = (above[column] + usize::from(l != r))
                .min(above[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *l == right[column - 1] && left[row - 1] == *r {
                edits = edits.min(before[column - 1] + 1);
            }
            current.push(edits);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far_off() {
        let known = ["bucket", "region", "ref", "src", "endpoint_url"];
        let cases = [
            ("bukcet", Some("bucket")),
            ("Region", Some("region")),
            ("regoin", Some("region")),
            (" src", Some("src")),
            ("endpoint-url", Some("endpoint_url")),
            ("endpoint", None),
            ("re", Some("ref")),
            ("x", None),
            ("", None),
            ("compression", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
