//! Prints the settings in effect as a configuration file, with the origin of each.

use std::fmt::Write as _;
use std::path::Path;

use jiff::SignedDuration;

use super::{Config, Origin, Retention, Setting};
use crate::text::escape::visible;
use crate::text::units::{Exact, ExactSize};

/// Prints `config` as TOML, each value with its origin; paths below `cwd` are relative to it.
/// Credentials are omitted.
pub fn print(config: &Config, cwd: &Path) -> String {
    let mut text = String::new();
    if config.sources.is_empty() {
        text.push_str("sources = []  # default\n");
    } else {
        text.push_str("sources = [\n");
        for source in &config.sources {
            let _ = writeln!(
                text,
                "    {},  # {}",
                quote(&source.value.to_string()),
                origin(&source.origin, cwd)
            );
        }
        text.push_str("]\n");
    }
    for (section, settings) in sections(config) {
        let _ = writeln!(text, "\n[{section}]");
        for (key, value, from) in settings {
            let _ = writeln!(text, "{key} = {value}  # {}", origin(from, cwd));
        }
    }
    print_retention(&config.retention, cwd, &mut text);
    print_check(config, cwd, &mut text);
    text
}

/// A key, its value as TOML, and where the value is from.
type PrintedSetting<'a> = (&'static str, String, &'a Origin);

/// Returns the sections with plain settings.
fn sections(config: &Config) -> [(&'static str, Vec<PrintedSetting<'_>>); 3] {
    let timeout = SignedDuration::try_from(config.timeout.value).unwrap_or(SignedDuration::MAX);
    [
        (
            "ui",
            vec![
                (
                    "theme",
                    quote(&config.theme.value.to_string()),
                    &config.theme.origin,
                ),
                (
                    "mouse",
                    config.mouse.value.to_string(),
                    &config.mouse.origin,
                ),
            ],
        ),
        (
            "scan",
            vec![
                (
                    "concurrency",
                    config.concurrency.value.to_string(),
                    &config.concurrency.origin,
                ),
                (
                    "timeout",
                    quote(&Exact(timeout).to_string()),
                    &config.timeout.origin,
                ),
            ],
        ),
        (
            "state",
            vec![(
                "keep",
                config.keep_state.value.to_string(),
                &config.keep_state.origin,
            )],
        ),
    ]
}

fn print_retention(retention: &Retention, cwd: &Path, text: &mut String) {
    let Retention {
        rules,
        grace,
        settle,
        zone,
        max_delete,
        ..
    } = retention;
    let _ = writeln!(text, "\n[retention]");
    let _ = writeln!(
        text,
        "grace = \"{}\"  # {}",
        Exact(grace.value),
        origin(&grace.origin, cwd)
    );
    let quiet = SignedDuration::try_from(settle.value).unwrap_or(SignedDuration::MAX);
    let _ = writeln!(
        text,
        "settle = \"{}\"  # {}",
        Exact(quiet),
        origin(&settle.origin, cwd)
    );
    let name = zone.value.iana_name().unwrap_or("UTC");
    let _ = writeln!(
        text,
        "zone = {}  # {}",
        quote(name),
        origin(&zone.origin, cwd)
    );
    if let Some(share) = max_delete {
        let _ = writeln!(
            text,
            "max_delete = \"{}\"  # {}",
            share.value,
            origin(&share.origin, cwd)
        );
    }
    for rule in rules {
        let _ = write!(
            text,
            "\n[[retention.rule]]  # {}\n{}",
            origin(&rule.origin, cwd),
            rule.value
        );
    }
    print_budget(retention, cwd, text);
}

fn print_budget(retention: &Retention, cwd: &Path, text: &mut String) {
    let Retention {
        max_size,
        max_refs,
        min_free,
        ..
    } = retention;
    let size = |key, size: &Option<Setting<u64>>| {
        size.as_ref().map(|size| {
            (
                key,
                format!("\"{}\"", ExactSize(size.value)),
                size.origin.clone(),
            )
        })
    };
    let refs = max_refs
        .as_ref()
        .map(|refs| ("max_refs", refs.value.to_string(), refs.origin.clone()));
    let budget: Vec<_> = [size("max_size", max_size), refs, size("min_free", min_free)]
        .into_iter()
        .flatten()
        .collect();
    if !budget.is_empty() {
        let _ = writeln!(text, "\n[retention.budget]");
    }
    for (key, value, from) in budget {
        let _ = writeln!(text, "{key} = {value}  # {}", origin(&from, cwd));
    }
}

fn print_check(config: &Config, cwd: &Path, text: &mut String) {
    if let Some(age) = &config.max_update_age {
        let most = SignedDuration::try_from(age.value).unwrap_or(SignedDuration::MAX);
        let from = origin(&age.origin, cwd);
        let _ = write!(
            text,
            "\n[check]\nmax_update_age = \"{}\"  # {from}\n",
            Exact(most)
        );
    }
    for ignore in &config.ignores {
        let from = origin(&ignore.origin, cwd);
        let _ = write!(text, "\n[[check.ignore]]  # {from}\n{}", ignore.value);
    }
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn origin(origin: &Origin, cwd: &Path) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File { path, line } => {
            let path = path
                .strip_prefix(cwd)
                .map_or_else(|_| path.clone(), |below| Path::new(".").join(below));
            format!("{}:{line}", visible(&path.to_string_lossy()))
        }
        Origin::Environment(name) | Origin::Argument(name) => (*name).to_owned(),
    }
}
