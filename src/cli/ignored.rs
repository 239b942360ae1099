//! The findings that `[[check.ignore]]` of `cachelens.toml` ignores, for `check` and `find`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::output::CommandOutput;
use crate::check::Finding;
use crate::check::ignore::{Ignorable, Ignore, Ignored, divide};
use crate::config::Config;
use crate::find::Mistake;
use crate::text::escape::visible;

/// Divides findings into those that count and those that are ignored. Warns of ignores that are
/// over.
pub(super) fn findings(
    found: Vec<Finding>,
    config: &Config,
    output: &CommandOutput,
) -> (Vec<Finding>, Vec<Ignored<Finding>>) {
    apply(found, config, output, Ignorable::of_finding)
}

/// Divides the findings of `find` in the same way.
pub(super) fn mistakes<F>(
    found: Vec<F>,
    config: &Config,
    output: &CommandOutput,
    of: impl Fn(&F) -> &Mistake,
) -> (Vec<F>, Vec<Ignored<F>>) {
    apply(found, config, output, |entry| {
        Ignorable::of_mistake(of(entry))
    })
}

/// Returns the ignored findings.
pub(super) fn configured(config: &Config) -> Vec<Ignore> {
    let ignores = config.ignores.iter();
    ignores.map(|setting| setting.value.clone()).collect()
}

/// Returns how many mistakes of build files count.
pub(super) fn count_mistakes(found: &[Mistake], config: &Config) -> usize {
    let found = found.to_vec();
    let look = Ignorable::of_mistake;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    divide(found, &configured(config), today, look).0.len()
}

fn apply<F>(
    found: Vec<F>,
    config: &Config,
    output: &CommandOutput,
    look: impl Fn(&F) -> Ignorable<'_>,
) -> (Vec<F>, Vec<Ignored<F>>) {
    let ignores = configured(config);
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let (counted, ignored, over) = divide(found, &ignores, today, look);
    for ignore in over {
        let until = ignore.until.map_or_else(String::new, |day| day.to_string());
        output.warn(&format!(
            "the ignore of `{}` ({}) ended on {until}: its findings count again",
            visible(&ignore.code.to_string()),
            visible(&ignore.reason)
        ));
    }
    (counted, ignored)
}

/// Says how many findings are ignored, and why; nothing when none is.
pub(super) fn lines<F>(ignored: &[Ignored<F>], code: impl Fn(&F) -> &'static str) -> Vec<String> {
    let mut groups: Vec<(&'static str, &str, Option<jiff::civil::Date>, usize)> = Vec::new();
    for entry in ignored {
        let code = code(&entry.finding);
        let known = groups
            .iter_mut()
            .find(|group| (group.0, group.1, group.2) == (code, &*entry.reason, entry.until));
        match known {
            Some(group) => group.3 += 1,
            None => groups.push((code, &entry.reason, entry.until, 1)),
        }
    }
    let line = |(code, reason, until, count): (&str, &str, Option<jiff::civil::Date>, usize)| {
        let until = until.map_or_else(String::new, |day| format!(", until {day}"));
        format!("{count} ignored: {code} ({}{until})", visible(reason))
    };
    groups.into_iter().map(line).collect()
}
