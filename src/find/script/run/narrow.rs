//! The values that a variable has where a test of it holds.

use crate::find::script::{Script, Variable, Variant};
use crate::format::shell::Simple;
use crate::format::unknown::has_mark;

/// A variable whose values a test limits.
pub(super) struct Narrowed {
    name: String,
    before: Variable,
    kept: Vec<String>,
}

impl Script<'_, '_> {
    /// Excludes the values of a variable that a test of it excludes: `[ -n "$NAME" ]`,
    /// `[ -z "$NAME" ]` and `[ "$NAME" ]`. `holds` is the result of the test.
    pub(super) fn narrow(&mut self, test: &Simple, holds: bool) -> Option<Narrowed> {
        let (name, is_empty) = tested(test)?;
        let wants_empty = is_empty == holds;
        let Some(Variable::Scalar(variants)) = self.variables.get(&name) else {
            return None;
        };
        let fits = |variant: &&Variant| {
            let text = variant.text.as_str();
            text.is_empty() == wants_empty || (wants_empty && has_mark(text))
        };
        let kept: Vec<Variant> = variants.iter().filter(fits).cloned().collect();
        if kept.len() == variants.len() {
            return None;
        }
        let kept = match variants.first() {
            // A value from outside, which is not in the script.
            Some(first) if kept.is_empty() && !wants_empty => {
                let text = self.session.unknown(&name, first.text.place());
                vec![Variant::of(text)]
            }
            _ if kept.is_empty() => return None,
            _ => kept,
        };
        let texts = texts_of(&kept);
        let kept = Variable::Scalar(kept);
        let before = self.variables.insert(name.clone(), kept)?;
        Some(Narrowed {
            name,
            before,
            kept: texts,
        })
    }

    /// Gives a variable its values back where the test does not apply any more, unless it was set
    /// since.
    pub(super) fn widen(&mut self, narrowed: Option<Narrowed>) {
        let Some(Narrowed { name, before, kept }) = narrowed else {
            return;
        };
        if let Some(Variable::Scalar(variants)) = self.variables.get(&name)
            && texts_of(variants) == kept
        {
            self.variables.insert(name, before);
        }
    }
}

fn texts_of(variants: &[Variant]) -> Vec<String> {
    let texts = variants.iter().map(|variant| variant.text.as_str());
    texts.map(str::to_owned).collect()
}

/// Returns the variable that a test is about, and whether the test holds if it is empty.
fn tested(test: &Simple) -> Option<(String, bool)> {
    let words = test.words.iter().map(|word| word.source.as_str());
    // The parser keeps `[[ … ]]` as one word.
    let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
    let (operand, is_empty) = match words.as_slice() {
        ["test", "-z", operand] | ["[" | "[[", "-z", operand, "]" | "]]"] => (operand, true),
        ["test", "-n", operand]
        | ["test", operand]
        | ["[" | "[[", "-n", operand, "]" | "]]"]
        | ["[" | "[[", operand, "]" | "]]"] => (operand, false),
        _ => return None,
    };
    Some((variable_of(operand)?.to_owned(), is_empty))
}

/// Returns the variable of a word that is its value: `$NAME`, `${NAME}` or `${NAME:-}`.
fn variable_of(word: &str) -> Option<&str> {
    let word = word.trim_matches('"').strip_prefix('$')?;
    let braced = word
        .strip_prefix('{')
        .and_then(|word| word.strip_suffix('}'));
    let name = braced.unwrap_or(word);
    let name = name
        .strip_suffix(":-")
        .or_else(|| name.strip_suffix('-'))
        .unwrap_or(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}
