//! The settings in effect, as a configuration file that says where each comes from.

use std::fmt::Write as _;
use std::path::Path;

use jiff::SignedDuration;

use super::{Config, Origin};
use crate::format::text::visible;

/// Prints `config` as TOML, each value with its origin beside it; paths below `cwd` are printed from there. Credentials
/// are left out.
pub fn print(config: &Config, cwd: &Path) -> String {
    let mut text = String::new();
    if config.sources.is_empty() {
        text.push_str("sources = []  # default\n");
    } else {
        text.push_str("sources = [\n");
        for source in &config.sources {
            let _ = writeln!(text, "    {},  # {}", quote(&source.value.to_string()), origin(&source.origin, cwd));
        }
        text.push_str("]\n");
    }
    let timeout = SignedDuration::try_from(config.timeout.value).unwrap_or(SignedDuration::MAX);
    let sections = [
        (
            "ui",
            [
                ("theme", quote(&config.theme.value.to_string()), &config.theme.origin),
                ("mouse", config.mouse.value.to_string(), &config.mouse.origin),
            ],
        ),
        (
            "scan",
            [
                ("concurrency", config.concurrency.value.to_string(), &config.concurrency.origin),
                ("timeout", quote(&format!("{timeout:#}")), &config.timeout.origin),
            ],
        ),
    ];
    for (section, settings) in sections {
        let _ = writeln!(text, "\n[{section}]");
        for (key, value, from) in settings {
            let _ = writeln!(text, "{key} = {value}  # {}", origin(from, cwd));
        }
    }
    text
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn origin(origin: &Origin, cwd: &Path) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::File { path, line } => {
            let path = path.strip_prefix(cwd).map_or_else(|_| path.clone(), |below| Path::new(".").join(below));
            format!("{}:{line}", visible(&path.to_string_lossy()))
        }
        Origin::Environment(name) | Origin::Argument(name) => (*name).to_owned(),
    }
}
