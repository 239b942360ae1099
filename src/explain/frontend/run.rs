//! `RUN` (`dispatchRun` in `dockerfile2llb/convert.go`).

use super::convert::Converter;
use super::graph::{
    About, Exec, ExecMount, ExecMountKind, File, FileStep, VertexKind, VertexState,
};
use super::name::{self, MaskedName};
use super::path;
use super::stages::{StageCommand, StageId};
use crate::format::dockerfile::here_document;
use crate::format::dockerfile::lex::Lexer;
use crate::format::dockerfile::{Network, RunInstruction};
use crate::format::go_text;
use crate::format::llb::json::Base64;
use crate::format::llb::{FileChange, MakeFile};

/// The directory where the file of a here-document with a `#!` line is mounted.
const DOCUMENT_DIR: &str = "/dev/pipes/";

impl Converter<'_> {
    pub(super) fn run(
        &mut self,
        id: StageId,
        command: &StageCommand,
        run: &RunInstruction,
    ) -> Result<(), String> {
        let instruction = &command.instruction;
        let parsed = self.parse_mounts(id, run)?;
        self.stages.all[id]
            .paths
            .borrow_mut()
            .insert("/".to_owned());
        let mut mounts = Vec::new();
        let (args, summary) = self.arguments_of(id, run, &mut mounts)?;
        let args = self.with_shell(id, run, args);
        let mounted = self.mounts(id, command, &parsed)?;
        mounts.extend(mounted.mounts);
        let mut state = self.stages.all[id].state.clone();
        match run.network {
            Network::Default => {}
            Network::Host => state.network = 1,
            Network::None => state.network = 2,
        }
        if run.has_devices {
            return Err(
                "device feature is only supported in Dockerfile frontend 1.14.0-labs or later"
                    .to_owned(),
            );
        }
        let secrets: Vec<String> = mounted
            .secrets
            .iter()
            .filter_map(|secret| secret.env.clone())
            .collect();
        let code = format!("{}{summary}", instruction.code);
        let name = self.run_name(id, &code, &state, &secrets)?;
        let options = self.options;
        mounts.extend(shared_memory(options.shm_size));
        let written = args.iter().map(String::len).sum::<usize>() + state.env.bytes();
        // All of it is encoded in the end.
        self.spend(4 * written)?;
        let exec = Exec {
            args,
            state,
            proxy: self.proxy.clone(),
            extra_hosts: options.extra_hosts.as_slice().into(),
            ulimits: options.ulimits.as_slice().into(),
            cgroup_parent: options.cgroup_parent.as_str().into(),
            is_insecure: run.is_insecure,
            mounts,
            secrets: mounted.secrets,
            ssh: mounted.ssh,
        };
        let about = self.about(id, name, instruction.lines);
        let about = About {
            command: Some(instruction.code.as_str().into()),
            ..about
        };
        let output = self.graph.add(VertexKind::Exec(Box::new(exec)), about);
        self.set_output(id, output);
        Ok(())
    }

    /// Returns the arguments with their here-documents, and their part of the step's name.
    fn arguments_of(
        &mut self,
        id: StageId,
        run: &RunInstruction,
        mounts: &mut Vec<ExecMount>,
    ) -> Result<(Vec<String>, String), String> {
        // The words of a shell's command are a single argument.
        let args = match run.command.as_slice() {
            args if !run.in_shell || args.len() == 1 => args.to_vec(),
            args => vec![args.join(" ")],
        };
        let Some(first) = run.files.first() else {
            return Ok((args, String::new()));
        };
        let ([word], true) = (args.as_slice(), run.in_shell) else {
            return Err(format!(
                "parsing produced an invalid run command: [{}]",
                args.join(" ")
            ));
        };
        if here_document::of_word(word).ok().flatten().is_none() {
            // The shell handles it.
            let mut text = word.clone();
            for file in &run.files {
                text.push('\n');
                text.push_str(&file.content);
                text.push_str(&file.name);
            }
            return Ok((vec![text], String::new()));
        }
        let summary = format!(" ({})", name::summary(&first.content));
        let content = if first.chomp {
            here_document::chomp(&first.content)
        } else {
            first.content.to_string()
        };
        let is_windows = self.stages.all[id].image.os == "windows";
        if is_windows || !content.starts_with("#!") {
            return Ok((vec![content], summary));
        }
        let file = self.inline_file(id, &first.name, &content, 0o755);
        mounts.push(ExecMount {
            target: DOCUMENT_DIR.to_owned(),
            source: Some(file),
            selector: "/".to_owned(),
            readonly: true,
            kind: ExecMountKind::Bind,
        });
        Ok((vec![path::join(&[DOCUMENT_DIR, &first.name])], summary))
    }

    /// Makes the file of a here-document on an empty file system.
    pub fn inline_file(&mut self, id: StageId, file: &str, content: &str, mode: i32) -> usize {
        let change = FileChange::MakeFile(MakeFile {
            path: path::of_operation("/", file, false),
            mode,
            data: Base64(go_text::to_bytes(content).into_owned()),
            owner: None,
            timestamp: -1,
        });
        let actions = vec![FileStep {
            change,
            owner: None,
            source: None,
        }];
        let name = Some("[internal] preparing inline document".into());
        self.add_file(
            id,
            File {
                base: None,
                actions,
            },
            About {
                name,
                ..About::default()
            },
        )
    }

    fn with_shell(&self, id: StageId, run: &RunInstruction, args: Vec<String>) -> Vec<String> {
        if !run.in_shell {
            return args;
        }
        let image = &self.stages.all[id].image;
        let mut command = image.config.shell.0.clone();
        if command.is_empty() {
            let shell: &[&str] = if image.os == "windows" {
                &["cmd", "/S", "/C"]
            } else {
                &["/bin/sh", "-c"]
            };
            command = shell.iter().map(|word| (*word).to_owned()).collect();
        }
        command.push(args.join(" "));
        command
    }

    /// Names a command, and counts it. Quotes stay, and so do variables that are not set.
    fn run_name(
        &mut self,
        id: StageId,
        code: &str,
        state: &VertexState,
        secrets: &[String],
    ) -> Result<String, String> {
        let lexer = Lexer {
            raw_quotes: true,
            skip_unset: true,
            ..self.lexer
        };
        let text = name::instruction(lexer, code, &MaskedName { state, secrets });
        self.spend(code.len() + text.len())?;
        let of = state.platform.as_deref().cloned();
        let with_platform = self.options.multi_platform;
        let builder = &self.options.build_platform;
        let stage = &mut self.stages.all[id];
        let env = Some(&state.env);
        let prefix = name::prefix(stage, with_platform, of.as_ref(), env, builder);
        Ok(prefix + &text)
    }
}

/// Returns the mount of shared memory, unless its size is the default.
fn shared_memory(size: i64) -> Option<ExecMount> {
    let mount = ExecMount {
        target: "/dev/shm".to_owned(),
        source: None,
        selector: String::new(),
        readonly: false,
        kind: ExecMountKind::Tmpfs { size },
    };
    if size > 0 { Some(mount) } else { None }
}
