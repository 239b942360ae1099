//! Applies instructions one after another to a stage's state.

use std::rc::Rc;

use super::convert::Converter;
use super::epoch::Epoch;
use super::graph::{About, File, FileStep, Owner, VertexId, VertexKind};
use super::image::DEFAULT_PATH;
use super::stages::{BuildStage, StageCommand, StageId};
use super::{ConversionRefusal, expose, name, path};
use crate::format::dockerfile::lex::Variables as _;
use crate::format::dockerfile::{Argument, Instruction, InstructionKind, KeyValue, Lines};
use crate::format::go_text;
use crate::format::llb::{FileChange, MakeDir};

/// Arguments that never become environment variables of commands.
const NO_VARIABLES: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// The signals of Linux by name, without real-time signals.
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

impl Converter<'_> {
    /// Applies the instructions of all required stages, in the order of the file.
    pub fn dispatch(&mut self, reachable: &[bool]) -> Result<(), ConversionRefusal> {
        for id in 0..self.stages.all.len() {
            let is_needed = reachable.get(id).copied().unwrap_or_default();
            if !is_needed || self.stages.all[id].is_dispatched {
                continue;
            }
            self.begin(id).map_err(|message| {
                let lines = self.stages.all[id].lines;
                ConversionRefusal { message, lines }
            })?;
            for command in self.stages.all[id].commands.clone() {
                let lines = command.instruction.lines;
                self.stages.all[id].in_trigger = command.is_trigger;
                let done = self.command(id, &command);
                done.map_err(|message| ConversionRefusal::at(message, lines))?;
            }
            let paths = std::mem::take(&mut self.stages.all[id].context_paths);
            self.context_paths.extend(paths);
        }
        Ok(())
    }

    /// Begins a stage with the files and the configuration of its base.
    fn begin(&mut self, id: StageId) -> Result<(), String> {
        self.inherit(id);
        let options = self.options;
        let target = self.target_platform.clone();
        let stage = &mut self.stages.all[id];
        stage.is_dispatched = true;
        let of = stage.platform.get_or_insert(target);
        let variables = &mut stage.image.config.env.0;
        let has_path = variables.iter().any(|variable| key(variable) == "PATH");
        if !has_path && of.os != "windows" {
            variables.push(format!("PATH={DEFAULT_PATH}"));
        }
        stage.variables.clear();
        for (place, variable) in variables.iter().enumerate() {
            stage
                .variables
                .entry(key(variable).to_owned())
                .or_insert(place);
        }
        let bytes = variables.iter().map(String::len).sum::<usize>() + stage.state.env.bytes();
        for variable in &stage.image.config.env.0 {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            stage.state.env.set(name, value);
        }
        if !options.hostname.is_empty() {
            stage.state.hostname = options.hostname.as_str().into();
        }
        let dir = stage.image.config.working_dir.clone();
        let user = stage.image.config.user.clone();
        if !dir.is_empty() {
            set_dir(stage, &dir)?;
        }
        if !user.is_empty() {
            stage.state.user = user.into();
        }
        stage.state.network = options.network;
        self.spend(bytes)
    }

    fn command(&mut self, id: StageId, command: &StageCommand) -> Result<(), String> {
        let instruction = &command.instruction;
        match &instruction.kind {
            InstructionKind::Add(copy) | InstructionKind::Copy(copy) => {
                self.copy(id, command, copy)
            }
            InstructionKind::Arg(arguments) => self.arguments(id, arguments),
            InstructionKind::Env(pairs) => {
                for KeyValue { key, value } in self.expand_pairs(id, pairs)? {
                    let stage = &mut self.stages.all[id];
                    stage.state.env.set(&key, &value);
                    set_variable(stage, &key, &value);
                }
                Ok(())
            }
            InstructionKind::Expose(ports) => {
                let env = self.stages.all[id].state.env.clone();
                let mut words = Vec::new();
                for port in ports {
                    words.extend(self.lexer.words(port, &env).map_err(|error| error.0)?);
                    self.spend(port.len())?;
                }
                words.iter().try_for_each(|port| expose::check(port))
            }
            InstructionKind::Label(pairs) => self.expand_pairs(id, pairs).map(|_| ()),
            InstructionKind::Run(run) => self.run(id, command, run),
            InstructionKind::Shell(shell) => {
                self.stages.all[id].image.config.shell.0.clone_from(shell);
                Ok(())
            }
            InstructionKind::StopSignal(signal) => check_signal(&self.expand_in(id, signal)?),
            InstructionKind::User(user) => {
                let user = self.expand_in(id, user)?;
                let stage = &mut self.stages.all[id];
                stage.state.user = user.as_str().into();
                stage.image.config.user = user;
                Ok(())
            }
            InstructionKind::Volume(volumes) => {
                let mut is_empty = false;
                for volume in volumes {
                    is_empty |= self.expand_in(id, volume)?.is_empty();
                }
                let message = "VOLUME specified can not be an empty string";
                if is_empty {
                    Err(message.to_owned())
                } else {
                    Ok(())
                }
            }
            InstructionKind::Workdir(dir) => self.workdir(id, instruction, dir),
            InstructionKind::OnBuild(_) | InstructionKind::ImageOnly => Ok(()),
        }
    }

    /// Expands a word with the variables of a stage.
    pub fn expand_in(&mut self, id: StageId, word: &str) -> Result<String, String> {
        let env = self.stages.all[id].state.env.clone();
        self.expand(word, &env)
    }

    /// Expands names and values; all of them see the variables from before.
    fn expand_pairs(&mut self, id: StageId, pairs: &[KeyValue]) -> Result<Vec<KeyValue>, String> {
        let mut expanded = Vec::with_capacity(pairs.len());
        for KeyValue { key, value } in pairs {
            let key = self.expand_in(id, key)?;
            expanded.push(KeyValue {
                key,
                value: self.expand_in(id, value)?,
            });
        }
        Ok(expanded)
    }

    fn arguments(&mut self, id: StageId, arguments: &[Argument]) -> Result<(), String> {
        for Argument { key, value } in arguments {
            let value = match (self.build_args.get(key), value) {
                (Some(value), _) => Some(value.clone()),
                (None, Some(value)) => Some(self.expand_in(id, value)?),
                (None, None) => self.globals.get(key).map(str::to_owned),
            };
            match value {
                Some(value) if !NO_VARIABLES.contains(&key.as_str()) => {
                    self.stages.all[id].state.env.set(key, &value);
                }
                Some(_) => {}
                None => self.note_remote_epoch(id, key),
            }
        }
        Ok(())
    }

    /// Marks the variables of a stage as unknown if it uses a time that must be fetched.
    fn note_remote_epoch(&mut self, id: StageId, key: &str) {
        if key == super::epoch::NAME && self.epoch == Epoch::Remote {
            self.stages.all[id].unknown = self.unknown_epoch();
        }
    }

    fn workdir(&mut self, id: StageId, instruction: &Instruction, dir: &str) -> Result<(), String> {
        let is_own = dir.starts_with('/') && !dir.contains('$');
        let dir = self.expand_in(id, dir)?;
        let stage = &mut self.stages.all[id];
        stage.has_own_dir |= is_own;
        let dir = set_dir(stage, &dir)?;
        if dir == "/" {
            return Ok(());
        }
        let user = stage.image.config.user.clone();
        let timestamp = match self.epoch {
            Epoch::Seconds(seconds) => seconds.wrapping_mul(1_000_000_000),
            Epoch::None | Epoch::Remote => -1,
        };
        let change = FileChange::MakeDir(MakeDir {
            path: path::of_operation(&stage.state.dir, &dir, false),
            mode: 0o755,
            make_parents: true,
            owner: None,
            timestamp,
        });
        let owner = if user.is_empty() {
            None
        } else {
            Some(Owner::parse(&user))
        };
        let action = FileStep {
            change,
            owner,
            source: None,
        };
        let base = stage.state.output;
        let (prefix, text) = self.step_name(id, &instruction.code)?;
        let unknown = self.unknown_epoch();
        let about = About {
            unknown,
            ..self.about(id, prefix + &text, instruction.lines)
        };
        // The creation of the directory uses the cache even with `--no-cache`.
        let about = About {
            ignores_cache: false,
            ..about
        };
        let made = self.add_file(
            id,
            File {
                base,
                actions: vec![action],
            },
            about,
        );
        self.set_output(id, made);
        Ok(())
    }

    /// Counts a step, and returns the start of its name and its instruction.
    pub fn step_name(&mut self, id: StageId, code: &str) -> Result<(String, String), String> {
        let stage = &mut self.stages.all[id];
        let text = name::instruction(self.lexer, code, &stage.state.env);
        let env = stage.state.env.clone();
        let of = stage.platform.clone();
        let with_platform = self.options.multi_platform;
        let builder = &self.options.build_platform;
        let prefix = name::prefix(stage, with_platform, of.as_ref(), Some(&env), builder);
        self.spend(code.len() + text.len())?;
        Ok((prefix, text))
    }

    /// Returns the description of a step of a stage.
    pub fn about(&self, id: StageId, name: String, lines: Lines) -> About {
        let stage = &self.stages.all[id];
        About {
            name: Some(name.into()),
            command: None,
            lines: Some(lines),
            ignores_cache: stage.ignores_cache,
            unknown: stage.unknown.clone(),
        }
    }

    /// Adds a file operation; in a stage with an unknown base, it is unknown too.
    pub fn add_file(&mut self, id: StageId, file: File, about: About) -> VertexId {
        let unknown = about
            .unknown
            .or_else(|| self.stages.all[id].unknown.clone());
        self.graph
            .add(VertexKind::File(file), About { unknown, ..about })
    }

    /// Sets the files of a stage.
    pub fn set_output(&mut self, id: StageId, output: VertexId) {
        let stage = &mut self.stages.all[id];
        stage.state = stage.state.with_output(output);
    }
}

fn key(variable: &str) -> &str {
    variable.split('=').next().unwrap_or_default()
}

/// Sets a variable of a stage's configuration. A variable that is already there keeps its position.
fn set_variable(stage: &mut BuildStage, name: &str, value: &str) {
    let variables = &mut stage.image.config.env.0;
    let next = variables.len();
    let place = *stage.variables.entry(name.to_owned()).or_insert(next);
    let text = format!("{name}={value}");
    match variables.get_mut(place) {
        Some(variable) => *variable = text,
        None => variables.push(text),
    }
}

/// Sets the working directory of a stage, and returns it with slashes.
fn set_dir(stage: &mut BuildStage, dir: &str) -> Result<String, String> {
    let os = stage
        .platform
        .as_ref()
        .map_or("", |platform| &platform.os)
        .to_owned();
    let current = &stage.image.config.working_dir;
    let dir = path::normalize(current, dir, &os, false)
        .map_err(|error| format!("normalizing workdir: normalizing working directory: {error}"))?;
    stage.image.config.working_dir = path::from_slash(&dir, &os);
    let dir = path::to_slash(&dir, &os);
    stage.state.dir = Rc::from(dir.as_str());
    Ok(dir)
}

fn check_signal(signal: &str) -> Result<(), String> {
    let wrong = || Err(format!("invalid signal: {signal}"));
    if let Some(number) = go_text::parse_int(signal) {
        return if number == 0 { wrong() } else { Ok(()) };
    }
    let upper = go_text::upper(signal);
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |text: &str, limit: u32| {
        let is_plain = !text.starts_with('0') && !text.starts_with('+');
        is_plain && text.parse::<u32>().is_ok_and(|offset| offset <= limit)
    };
    let is_real_time = matches!(name, "RTMIN" | "RTMAX")
        || name
            .strip_prefix("RTMIN+")
            .is_some_and(|text| offset(text, 15))
        || name
            .strip_prefix("RTMAX-")
            .is_some_and(|text| offset(text, 14));
    if is_real_time || SIGNALS.contains(&name) {
        Ok(())
    } else {
        wrong()
    }
}
