//! Instructions, before their variables are expanded.

use std::sync::Arc;

use super::Lines;

/// An instruction of a stage.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// The joined lines as written, without the bodies of here-documents.
    pub code: String,
    pub lines: Lines,
    /// Its kind, with its arguments.
    pub kind: InstructionKind,
}

/// The kind of an instruction. Instructions that only describe the image keep their arguments if a
/// later check can refuse them.
#[derive(Debug, Clone)]
pub enum InstructionKind {
    /// `ADD`.
    Add(CopyInstruction),
    /// `ARG`.
    Arg(Vec<Argument>),
    /// `COPY`.
    Copy(CopyInstruction),
    /// `ENV`.
    Env(Vec<KeyValue>),
    /// `EXPOSE`, its ports sorted.
    Expose(Vec<String>),
    /// `LABEL`.
    Label(Vec<KeyValue>),
    /// `ONBUILD`, with the text of its trigger.
    OnBuild(String),
    /// `RUN`.
    Run(RunInstruction),
    /// `SHELL`.
    Shell(Vec<String>),
    /// `STOPSIGNAL`.
    StopSignal(String),
    /// `USER`.
    User(String),
    /// `VOLUME`.
    Volume(Vec<String>),
    /// `WORKDIR`.
    Workdir(String),
    /// `CMD`, `ENTRYPOINT`, `HEALTHCHECK` or `MAINTAINER`, which change no files and pass all later
    /// checks.
    ImageOnly,
}

/// A name with a value.
#[derive(Debug, Clone)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

/// A build argument.
#[derive(Debug, Clone)]
pub struct Argument {
    pub key: String,
    /// Its default.
    pub value: Option<String>,
}

/// `COPY` or `ADD`.
#[derive(Debug, Clone, Default)]
pub struct CopyInstruction {
    /// The paths or addresses of its sources.
    pub sources: Vec<String>,
    /// The here-documents among its sources.
    pub files: Vec<InlineFile>,
    /// The destination.
    pub dest: String,
    /// `--from`, of `COPY`.
    pub from: String,
    /// `--chown`.
    pub chown: String,
    /// `--chmod`.
    pub chmod: String,
    /// `--link`.
    pub link: bool,
    /// `--exclude`.
    pub exclude: Vec<String>,
    /// `--parents`, of `COPY`.
    pub parents: bool,
    /// `--keep-git-dir`, of `ADD`.
    pub keep_git_dir: Option<bool>,
    /// `--checksum`, of `ADD`.
    pub checksum: String,
    /// `--unpack`, of `ADD`.
    pub unpack: Option<bool>,
}

/// A file whose content is in the Dockerfile.
#[derive(Debug, Clone)]
pub struct InlineFile {
    pub name: String,
    pub content: Arc<str>,
    /// Whether variables in it are expanded.
    pub expand: bool,
    /// Whether leading tabs are still to be removed.
    pub chomp: bool,
}

/// `RUN`.
#[derive(Debug, Clone, Default)]
pub struct RunInstruction {
    /// The command; a single string unless it is a JSON array.
    pub command: Vec<String>,
    pub in_shell: bool,
    /// The here-documents that follow it.
    pub files: Vec<InlineFile>,
    /// `--mount`, as written.
    pub mounts: Vec<String>,
    /// `--network`.
    pub network: Network,
    /// Whether `--security=insecure` is given.
    pub is_insecure: bool,
    /// Whether `--device` is given.
    pub has_devices: bool,
}

/// The network of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// The network of the build.
    #[default]
    Default,
    None,
    Host,
}

/// A stage, which starts with `FROM`.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// Its name in lower case; empty if it has none.
    pub name: String,
    /// Its base, as written.
    pub base: String,
    /// `--platform`, as written.
    pub platform: String,
    /// The `FROM` instruction as written.
    pub code: String,
    /// The lines of `FROM`.
    pub lines: Lines,
    /// The instructions after it.
    pub instructions: Vec<Instruction>,
}
