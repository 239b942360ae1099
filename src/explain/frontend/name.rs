//! Names of steps, as BuildKit's progress shows them: `[build 2/5] RUN make`.

use super::env::Env;
use super::graph::VertexState;
use super::stages::BuildStage;
use crate::format::dockerfile::lex::{Lexer, Variables};
use crate::format::go_text;
use crate::format::llb::Platform;
use crate::format::platform;

/// Counts a step, and returns the prefix of its name.
pub(super) fn prefix(
    stage: &mut BuildStage,
    with_platform: bool,
    of: Option<&Platform>,
    env: Option<&Env>,
    builder: &Platform,
) -> String {
    if stage.step_count == 0 {
        return String::new();
    }
    let mut name = "[".to_owned();
    if with_platform && let Some(of) = of {
        name.push_str(&platform::format_all(of));
        if let Some(env) = env {
            name.push_str(&target(of, env, builder));
        }
        name.push(' ');
    }
    if !stage.shown_name.is_empty() {
        name.push_str(&stage.shown_name);
        name.push(' ');
    }
    stage.step += 1;
    let step = stage.step;
    let count = stage.step_count;
    let width = count.to_string().len();
    name.push_str(&format!("{step:width$}/{count}] "));
    if stage.in_trigger {
        name.push_str("ONBUILD ");
    }
    name
}

/// Returns the platform that a stage compiles for, if it differs from its own.
fn target(base: &Platform, env: &Env, builder: &Platform) -> String {
    let Some(mut target) = named(env, builder) else {
        return String::new();
    };
    if target.os.is_empty() {
        target.os.clone_from(&base.os);
    }
    if target.architecture.is_empty() {
        target.architecture.clone_from(&base.architecture);
    }
    let target = platform::normalize(&target);
    if target.os != base.os {
        return format!("->{}", platform::format_all(&target));
    }
    if target.architecture == base.architecture {
        return String::new();
    }
    let slash = if target.variant.is_empty() { "" } else { "/" };
    format!("->{}{slash}{}", target.architecture, target.variant)
}

/// Returns the platform in the `TARGET…` variables.
fn named(env: &Env, builder: &Platform) -> Option<Platform> {
    let mut platform = Platform::default();
    let mut is_named = false;
    for (name, value) in env.iter() {
        match name {
            "TARGETPLATFORM" => match platform::parse(value, builder) {
                Ok(platform) => return Some(platform),
                Err(_) => continue,
            },
            "TARGETOS" => value.clone_into(&mut platform.os),
            "TARGETARCH" => value.clone_into(&mut platform.architecture),
            "TARGETVARIANT" => value.clone_into(&mut platform.variant),
            _ => continue,
        }
        is_named = true;
    }
    is_named.then_some(platform)
}

/// Returns an instruction with its variables expanded and its first word in upper case. One that
/// cannot be expanded is returned unchanged.
pub(super) fn instruction(lexer: Lexer, code: &str, variables: &dyn Variables) -> String {
    let text = lexer
        .word(code, variables)
        .unwrap_or_else(|_| code.to_owned());
    match text.split_once(' ') {
        Some((word, rest)) => format!("{} {rest}", go_text::upper(word)),
        None => go_text::upper(&text),
    }
}

/// Returns the first line of a here-document.
pub(super) fn summary(content: &str) -> String {
    let content = content.trim().replace("\r\n", "\n");
    match content.split_once('\n') {
        Some((first, _)) => format!("{first}..."),
        None => content,
    }
}

/// The variables of a command, with the values of secrets masked.
pub(super) struct MaskedName<'a> {
    pub state: &'a VertexState,
    pub secrets: &'a [String],
}

impl Variables for MaskedName<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        if self.secrets.iter().any(|secret| secret == name) {
            return Some("****");
        }
        self.state.env.get(name)
    }
}
