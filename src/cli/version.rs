//! `version`: the version and build of this program.

use std::sync::LazyLock;

use serde::Serialize;

use super::json::JsonDocument;
use super::output::CommandOutput;
use crate::error::{Exit, Failure};

#[derive(Serialize)]
struct VersionDocument {
    #[serde(rename = "version")]
    number: &'static str,
    /// The commit it was built from, if `CACHELENS_COMMIT` was set for the build.
    commit: Option<&'static str>,
    os: &'static str,
    arch: &'static str,
    /// The target of the compiler.
    target: &'static str,
    /// The kinds of sources that it can open.
    sources: [&'static str; 6],
}

const TARGET: &str = {
    let musl = cfg!(target_env = "musl");
    match (cfg!(target_os = "linux"), cfg!(target_arch = "aarch64")) {
        (true, false) if cfg!(target_arch = "x86_64") && musl => "x86_64-unknown-linux-musl",
        (true, false) if cfg!(target_arch = "x86_64") => "x86_64-unknown-linux-gnu",
        (true, true) if musl => "aarch64-unknown-linux-musl",
        (true, true) => "aarch64-unknown-linux-gnu",
        (false, true) if cfg!(target_os = "macos") => "aarch64-apple-darwin",
        (false, false) if cfg!(target_os = "macos") => "x86_64-apple-darwin",
        _ => "another target",
    }
};

const VERSION: VersionDocument = VersionDocument {
    number: env!("CARGO_PKG_VERSION"),
    commit: option_env!("CACHELENS_COMMIT"),
    os: std::env::consts::OS,
    arch: std::env::consts::ARCH,
    target: TARGET,
    sources: ["local", "registry", "registry-dir", "s3", "gha", "demo"],
};

/// Returns the version with the commit and the platform, for `--version`.
pub(super) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let VersionDocument {
            number,
            commit,
            target,
            ..
        } = VERSION;
        let commit = commit.map_or_else(String::new, |commit| format!(" {commit}"));
        format!("{number} ({target}{commit})")
    });
    &LONG
}

pub(super) fn run(output: &CommandOutput) -> Result<Exit, Failure> {
    if output.json {
        return output.document(&JsonDocument::new("version", VERSION, &[]));
    }
    let VersionDocument {
        number,
        commit,
        target,
        sources,
        ..
    } = VERSION;
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    let sources = sources.join(", ");
    output.text(&format!(
        "cachelens {number}{commit}\n{target}\nopens {sources}\n"
    ))
}
