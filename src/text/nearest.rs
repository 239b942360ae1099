//! Finds the known word that a mistyped word was probably meant to be.

use strsim::osa_distance;

/// Returns the word of `known` that is nearest to `word`, if it may be a typing mistake: at most
/// one letter in three is added, omitted, replaced or swapped with its neighbour.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let tolerance = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (osa_distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= tolerance && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_within_a_distance() {
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
