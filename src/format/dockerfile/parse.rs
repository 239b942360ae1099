//! Parses and checks the instructions of a file one by one
//! (`frontend/dockerfile/instructions/parse.go`).

use std::collections::HashMap;
use std::sync::Arc;

use super::flags::{InstructionFlags, Takes};
use super::here_document::{self, HereDocument};
use super::instruction::{
    Argument, CopyInstruction, InlineFile, Instruction, InstructionKind, KeyValue, Network,
    RunInstruction, Stage,
};
use super::node::DockerfileNode;
use super::{Lines, ParseError, directives, lines, mount, values};
use crate::format::go_text;

/// A parsed Dockerfile.
#[derive(Debug, Clone, Default)]
pub struct Dockerfile {
    /// The escape character.
    pub escape: char,
    /// The arguments before the first stage, with their lines.
    pub arguments: Vec<(Lines, Vec<Argument>)>,
    pub stages: Vec<Stage>,
}

/// The names of all instructions.
const COMMANDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// An instruction or the start of a stage.
enum ParsedDockerfile {
    Stage(Stage),
    Instruction(Instruction),
}

impl Dockerfile {
    /// Parses a file.
    ///
    /// # Errors
    /// If BuildKit refuses it before any variable is expanded.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.is_empty() {
            return Err(ParseError::of_file("the Dockerfile cannot be empty"));
        }
        if let Some(options) = directives::find(bytes, "check") {
            directives::check_options(&options).map_err(|error| {
                ParseError::of_file(format!("failed to parse check options: {error}"))
            })?;
        }
        let tree = lines::parse(bytes)?;
        let mut file = Self {
            escape: tree.escape,
            ..Self::default()
        };
        for node in tree.nodes {
            let lines = node.lines;
            let parsed = parse(node).map_err(|message| {
                let message = format!("dockerfile parse error on line {}: {message}", lines.first);
                ParseError::at(message, lines)
            })?;
            match (parsed, file.stages.last_mut()) {
                (ParsedDockerfile::Stage(stage), _) => file.stages.push(stage),
                (ParsedDockerfile::Instruction(instruction), Some(stage)) => {
                    stage.instructions.push(instruction);
                }
                (
                    ParsedDockerfile::Instruction(Instruction {
                        kind: InstructionKind::Arg(arguments),
                        ..
                    }),
                    None,
                ) => {
                    file.arguments.push((lines, arguments));
                }
                (ParsedDockerfile::Instruction(_), None) => {
                    return Err(ParseError::at("no build stage in current context", lines));
                }
            }
        }
        if file.stages.is_empty() {
            return Err(ParseError::of_file(
                "dockerfile contains no stages to build",
            ));
        }
        Ok(file)
    }
}

/// Parses the text of an `ONBUILD` trigger. `lines` are those of the `FROM` that uses it.
///
/// # Errors
/// If it is not exactly one instruction that may be a trigger.
pub fn trigger(text: &str, lines: Lines) -> Result<Instruction, ParseError> {
    let at = |message: String| ParseError::at(message, lines);
    let tree = lines::parse(&go_text::to_bytes(text)).map_err(|error| at(error.message))?;
    let [node] = <[DockerfileNode; 1]>::try_from(tree.nodes)
        .map_err(|_| at("onbuild trigger should be a single expression".to_owned()))?;
    match parse(DockerfileNode { lines, ..node }).map_err(at)? {
        ParsedDockerfile::Instruction(instruction) => Ok(instruction),
        ParsedDockerfile::Stage(_) => {
            Err(at("*instructions.Stage is not a command type".to_owned()))
        }
    }
}

fn parse(node: DockerfileNode) -> Result<ParsedDockerfile, String> {
    let code = node.original.trim().to_owned();
    let lines = node.lines;
    let kind = match go_text::lower(&node.command).as_str() {
        "from" => return stage(&node).map(ParsedDockerfile::Stage),
        "add" => InstructionKind::Add(copy(&node, "ADD")?),
        "arg" => InstructionKind::Arg(arguments(&node)?),
        "cmd" | "entrypoint" => {
            InstructionFlags::parse(&node.flags, &[])?;
            InstructionKind::ImageOnly
        }
        "copy" => InstructionKind::Copy(copy(&node, "COPY")?),
        "env" => InstructionKind::Env(pairs(&node, "ENV")?),
        "expose" => {
            let mut ports = at_least_one(&node, "EXPOSE")?;
            ports.sort_unstable();
            InstructionKind::Expose(ports)
        }
        "healthcheck" => {
            values::health_check(&node)?;
            InstructionKind::ImageOnly
        }
        "label" => InstructionKind::Label(pairs(&node, "LABEL")?),
        "maintainer" => {
            exactly_one(&node, "MAINTAINER")?;
            InstructionKind::ImageOnly
        }
        "onbuild" => InstructionKind::OnBuild(on_build(&node)?),
        "run" => InstructionKind::Run(run(node)?),
        "shell" => InstructionKind::Shell(shell(&node)?),
        "stopsignal" => match node.arguments.as_slice() {
            [signal] => InstructionKind::StopSignal(signal.clone()),
            _ => return Err("STOPSIGNAL requires exactly one argument".to_owned()),
        },
        "user" => InstructionKind::User(exactly_one(&node, "USER")?),
        "volume" => InstructionKind::Volume(volumes(&node)?),
        "workdir" => InstructionKind::Workdir(exactly_one(&node, "WORKDIR")?),
        _ => {
            let hint = super::suggestion(&go_text::upper(&node.command), COMMANDS);
            return Err(format!("unknown instruction: {}{hint}", node.command));
        }
    };
    Ok(ParsedDockerfile::Instruction(Instruction {
        code,
        lines,
        kind,
    }))
}

fn stage(node: &DockerfileNode) -> Result<Stage, String> {
    let (base, name) = match node.arguments.as_slice() {
        [base] => (base, String::new()),
        [base, word, name] if go_text::equal_fold(word, "as") => {
            let lower = go_text::lower(name);
            if !is_stage_name(&lower) {
                let name = go_text::quote(name);
                return Err(format!(
                    "invalid name for build stage: {name}, name can't start with a number or \
                     contain symbols"
                ));
            }
            (base, lower)
        }
        _ => return Err("FROM requires either one or three arguments".to_owned()),
    };
    let flags = InstructionFlags::parse(&node.flags, &[("platform", Takes::Value)])?;
    Ok(Stage {
        name,
        base: base.clone(),
        platform: flags.value("platform"),
        code: node.original.trim().to_owned(),
        lines: node.lines,
        instructions: Vec::new(),
    })
}

fn is_stage_name(name: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    name.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && name.bytes().all(is_part)
}

fn at_least_one(node: &DockerfileNode, command: &str) -> Result<Vec<String>, String> {
    if node.arguments.is_empty() {
        return Err(format!("{command} requires at least one argument"));
    }
    InstructionFlags::parse(&node.flags, &[])?;
    Ok(node.arguments.clone())
}

fn exactly_one(node: &DockerfileNode, command: &str) -> Result<String, String> {
    let [argument] = node.arguments.as_slice() else {
        return Err(format!("{command} requires exactly one argument"));
    };
    InstructionFlags::parse(&node.flags, &[])?;
    Ok(argument.clone())
}

fn pairs(node: &DockerfileNode, command: &str) -> Result<Vec<KeyValue>, String> {
    InstructionFlags::parse(&node.flags, &[])?;
    if node.arguments.is_empty() {
        return Err(format!("{command} requires at least one argument"));
    }
    let pair = |triple: &[String]| match triple {
        [key, ..] if key.is_empty() => Err(format!("{command} names can not be blank")),
        [key, value, ..] => Ok(KeyValue {
            key: key.clone(),
            value: value.clone(),
        }),
        _ => Err(format!("Bad input to {command}, too many arguments")),
    };
    node.arguments.chunks(3).map(pair).collect()
}

fn arguments(node: &DockerfileNode) -> Result<Vec<Argument>, String> {
    if node.arguments.is_empty() {
        return Err("ARG requires at least one argument".to_owned());
    }
    let argument = |text: &String| match text.split_once('=') {
        Some(("", _)) => Err("ARG names can not be blank".to_owned()),
        Some((key, value)) => Ok(Argument {
            key: key.to_owned(),
            value: Some(value.to_owned()),
        }),
        None => Ok(Argument {
            key: text.clone(),
            value: None,
        }),
    };
    node.arguments.iter().map(argument).collect()
}

fn copy(node: &DockerfileNode, command: &str) -> Result<CopyInstruction, String> {
    let [sources @ .., dest] = node.arguments.as_slice() else {
        return Err(no_dest(command));
    };
    if sources.is_empty() {
        return Err(no_dest(command));
    }
    let flags = copy_flags(node, command)?;
    if document_of(dest).is_some() {
        return Err(format!(
            "{command} cannot accept a heredoc as a destination"
        ));
    }
    let mut copy = CopyInstruction {
        dest: dest.clone(),
        from: flags.value("from"),
        chown: flags.value("chown"),
        chmod: flags.value("chmod"),
        link: flags.truth("link") == Some(true),
        exclude: flags.values("exclude"),
        parents: flags.truth("parents") == Some(true),
        keep_git_dir: flags.truth("keep-git-dir"),
        checksum: flags.value("checksum"),
        unpack: flags.truth("unpack"),
        ..CopyInstruction::default()
    };
    // Of several here-documents with one name, the last one counts.
    let contents: HashMap<&str, &Arc<str>> = node
        .here_documents
        .iter()
        .map(|document| (document.name.as_str(), &document.content))
        .collect();
    for source in sources {
        match document_of(source) {
            Some(document) => {
                let content = contents.get(document.name.as_str());
                copy.files.push(InlineFile {
                    content: content.map(|text| Arc::clone(text)).unwrap_or_default(),
                    name: document.name,
                    expand: document.expand,
                    chomp: document.chomp,
                });
            }
            None => copy.sources.push(source.clone()),
        }
    }
    Ok(copy)
}

/// Parses the flags of `COPY` and `ADD`.
fn copy_flags(node: &DockerfileNode, command: &str) -> Result<InstructionFlags, String> {
    let common = [
        ("chown", Takes::Value),
        ("chmod", Takes::Value),
        ("link", Takes::Bool),
        ("exclude", Takes::Values),
    ];
    let own: &[_] = match command {
        "ADD" => &[
            ("keep-git-dir", Takes::Bool),
            ("checksum", Takes::Value),
            ("unpack", Takes::Bool),
        ],
        _ => &[("from", Takes::Value), ("parents", Takes::Bool)],
    };
    InstructionFlags::parse(&node.flags, &[&common[..], own].concat())
}

/// Returns the head of the here-document that a word is.
fn document_of(word: &str) -> Option<HereDocument> {
    here_document::of_word(word).ok().flatten()
}

fn no_dest(command: &str) -> String {
    format!(
        "{command} requires at least two arguments, but only one was provided. Destination could \
         not be determined"
    )
}

fn on_build(node: &DockerfileNode) -> Result<String, String> {
    let Some(first) = node.arguments.first() else {
        return Err("ONBUILD requires at least one argument".to_owned());
    };
    InstructionFlags::parse(&node.flags, &[])?;
    match go_text::upper(first.trim()).as_str() {
        "ONBUILD" => {
            return Err("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned());
        }
        word @ ("MAINTAINER" | "FROM") => {
            return Err(format!("{word} isn't allowed as an ONBUILD trigger"));
        }
        _ => {}
    }
    let is_space = |character: char| matches!(character, '\t' | '\n' | '\x0c' | '\r' | ' ');
    let text = node.original.trim_start_matches(is_space);
    let text = match text.get(..7) {
        Some(word) if word.eq_ignore_ascii_case("onbuild") => {
            text[7..].trim_start_matches(is_space)
        }
        _ => &node.original,
    };
    let mut text = text.to_owned();
    for document in &node.here_documents {
        text.push('\n');
        text.push_str(&document.content);
        text.push_str(&document.name);
    }
    Ok(text)
}

fn run(node: DockerfileNode) -> Result<RunInstruction, String> {
    let known = [
        ("device", Takes::Values),
        ("mount", Takes::Values),
        ("network", Takes::Value),
        ("security", Takes::Value),
    ];
    let flags = InstructionFlags::parse(&node.flags, &known)?;
    let devices = flags.values("device");
    devices
        .iter()
        .try_for_each(|device| values::device(device))?;
    let mounts = flags.values("mount");
    for text in &mounts {
        mount::check(text)?;
    }
    let network = match flags.value("network").as_str() {
        "default" => Network::Default,
        "" if flags.values("network").is_empty() => Network::Default,
        "none" => Network::None,
        "host" => Network::Host,
        other => return Err(format!("invalid network mode {}", go_text::quote(other))),
    };
    let is_insecure = match flags.value("security").as_str() {
        "sandbox" => false,
        "" if flags.values("security").is_empty() => false,
        "insecure" => true,
        other => return Err(format!("security {} is not valid", go_text::quote(other))),
    };
    let file = |document: HereDocument| InlineFile {
        name: document.name,
        content: document.content,
        expand: document.expand,
        chomp: document.chomp,
    };
    Ok(RunInstruction {
        command: node.arguments,
        in_shell: !node.is_json,
        files: node.here_documents.into_iter().map(file).collect(),
        mounts,
        network,
        is_insecure,
        has_devices: !devices.is_empty(),
    })
}

fn shell(node: &DockerfileNode) -> Result<Vec<String>, String> {
    InstructionFlags::parse(&node.flags, &[])?;
    if node.arguments.is_empty() {
        return Err("SHELL requires at least one argument".to_owned());
    }
    if node.is_json {
        Ok(node.arguments.clone())
    } else {
        Err("SHELL requires the arguments to be in JSON form".to_owned())
    }
}

fn volumes(node: &DockerfileNode) -> Result<Vec<String>, String> {
    let volumes: Vec<String> = at_least_one(node, "VOLUME")?
        .iter()
        .map(|volume| volume.trim().to_owned())
        .collect();
    if volumes.iter().any(String::is_empty) {
        return Err("VOLUME specified can not be an empty string".to_owned());
    }
    Ok(volumes)
}
