//! `SOURCE_DATE_EPOCH`: a time in seconds, or the name of a source whose time is used
//! (`dockerfile2llb/epoch.go`).

use std::collections::BTreeMap;

use super::ConversionRefusal;
use super::env::Env;
use super::stages::SCRATCH;
use crate::format::dockerfile::lex::Lexer;
use crate::format::dockerfile::{Dockerfile, InstructionKind, Stage};
use crate::format::git_reference::GitReference;
use crate::format::go_text;
use crate::format::reference::check_digest;

/// The name of the argument.
pub(super) const NAME: &str = "SOURCE_DATE_EPOCH";

/// The time of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Epoch {
    /// None is set.
    None,
    /// Seconds since 1970.
    Seconds(i64),
    /// The time of a source that must be fetched.
    Remote,
}

/// Finds the time. `is_named` returns whether a name is that of a context.
pub(super) fn resolve(
    value: &str,
    file: &Dockerfile,
    build_args: &BTreeMap<String, String>,
    globals: &Env,
    is_named: bool,
) -> Result<Epoch, ConversionRefusal> {
    if value.is_empty() {
        return Ok(Epoch::None);
    }
    if let Some(seconds) = go_text::parse_int(value) {
        return Ok(Epoch::Seconds(seconds));
    }
    if value == "context" || is_named {
        return Ok(Epoch::Remote);
    }
    let Some(stage) = file
        .stages
        .iter()
        .find(|stage| go_text::equal_fold(&stage.name, value))
    else {
        return Err(ConversionRefusal::plain(format!(
            "invalid SOURCE_DATE_EPOCH: {value}"
        )));
    };
    let mut env = globals.clone();
    env.remove(NAME);
    check_stage(stage, Lexer::new(file.escape), build_args, env)
        .map_err(|message| ConversionRefusal::at(message, stage.lines))?;
    Ok(Epoch::Remote)
}

/// Checks that a stage holds a single download and nothing else.
fn check_stage(
    stage: &Stage,
    lexer: Lexer,
    build_args: &BTreeMap<String, String>,
    mut env: Env,
) -> Result<(), String> {
    let base = lexer.word(&stage.base, &env).map_err(|error| {
        let base = go_text::quote(&stage.base);
        format!(
            "failed to process source stage base name {base}: {}",
            error.0
        )
    })?;
    if base != SCRATCH {
        return Err("SOURCE_DATE_EPOCH stage must use FROM scratch".to_owned());
    }
    let mut is_found = false;
    let one = || "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD".to_owned();
    for instruction in &stage.instructions {
        match &instruction.kind {
            InstructionKind::Arg(arguments) => {
                for argument in arguments {
                    let value = match (build_args.get(&argument.key), &argument.value) {
                        (Some(value), _) => value.clone(),
                        (None, None) => continue,
                        (None, Some(value)) => lexer.word(value, &env).map_err(|error| error.0)?,
                    };
                    env.set(&argument.key, &value);
                }
            }
            InstructionKind::Add(_) if is_found => return Err(one()),
            InstructionKind::Add(add) => {
                let [source] = add.sources.as_slice() else {
                    return Err(format!("{} source", one()));
                };
                if !add.files.is_empty() {
                    return Err(format!("{} source", one()));
                }
                check_source(source, &add.checksum, lexer, &env)?;
                is_found = true;
            }
            _ => {
                let word = instruction
                    .code
                    .split(char::is_whitespace)
                    .next()
                    .unwrap_or_default();
                return Err(format!(
                    "SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported \
                     {word} instruction"
                ));
            }
        }
    }
    if is_found { Ok(()) } else { Err(one()) }
}

fn check_source(source: &str, checksum: &str, lexer: Lexer, env: &Env) -> Result<(), String> {
    let source = lexer.word(source, env).map_err(|error| error.0)?;
    let repository = GitReference::parse(&source).map_err(|error| error.to_string());
    let is_repository = matches!(&repository, Ok(Some(found)) if !found.may_be_local);
    let is_web = source.starts_with("http://") || source.starts_with("https://");
    if is_web && !matches!(repository, Ok(Some(_))) {
        if !checksum.is_empty() {
            let checksum = lexer.word(checksum, env).map_err(|error| error.0)?;
            check_digest(&checksum).map_err(str::to_owned)?;
        }
        return Ok(());
    }
    repository?;
    if !is_repository {
        return Err(
            "SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD".to_owned(),
        );
    }
    lexer
        .word(checksum, env)
        .map(|_| ())
        .map_err(|error| error.0)
}
