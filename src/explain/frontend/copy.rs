//! `COPY` and `ADD` (`dockerfile2llb/convert_copy.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chmod::Chmod;
use super::convert::Converter;
use super::graph::{About, File, FileStep, Owner, SourceVertex, VertexId, VertexKind, VertexState};
use super::path;
use super::resolve::context_path;
use super::stages::{StageCommand, StageId};
use crate::format::dockerfile::here_document;
use crate::format::dockerfile::lex::Lexer;
use crate::format::dockerfile::{CopyInstruction, InstructionKind};
use crate::format::git_reference::GitReference;
use crate::format::go_text;
use crate::format::go_url::GoUrl;
use crate::format::lenient::LenientList;
use crate::format::llb::{self, FileChange};
use crate::format::reference::check_digest;

/// A `COPY` or `ADD` in progress.
struct Copying {
    copy: CopyInstruction,
    is_add: bool,
    /// The state that local sources come from.
    from: VertexState,
    dest: String,
    chmod: Option<Chmod>,
    owner: Option<Owner>,
    /// The start of the step's name, and its instruction.
    name: (String, String),
    os: String,
}

impl Converter<'_> {
    pub(super) fn copy(
        &mut self,
        id: StageId,
        command: &StageCommand,
        copy: &CopyInstruction,
    ) -> Result<(), String> {
        let is_add = matches!(command.instruction.kind, InstructionKind::Add(_));
        let copy = self.expand_copy(id, copy)?;
        let from = self.copied_from(id, command, &copy)?;
        let stage = &self.stages.all[id];
        let os = stage
            .platform
            .as_ref()
            .map_or("", |platform| &platform.os)
            .to_owned();
        let dest = dest_in(&stage.state.dir, &copy.dest, &os)?;
        let chmod = if copy.chmod.is_empty() {
            None
        } else {
            Some(Chmod::parse(&copy.chmod)?)
        };
        check_checksum(&copy)?;
        let owner = if copy.chown.is_empty() {
            None
        } else {
            Some(Owner::parse(&copy.chown))
        };
        let name = self.step_name(id, &command.instruction.code)?;
        let mut copying = Copying {
            copy,
            is_add,
            from,
            dest,
            chmod,
            owner,
            name,
            os,
        };
        let mut actions = Vec::new();
        for source in copying.copy.sources.clone() {
            actions.push(self.source(id, &mut copying, &source)?);
        }
        self.copy_here_documents(id, &mut copying, &mut actions)?;
        self.note_paths(id, command, &copying);
        // A copy uses only the directory and the variables of the image below. Without them, the
        // operation does not depend on the image.
        let is_own = self.unknown_epoch().is_none()
            && !command.instruction.code.contains('$')
            && (copying.copy.dest.starts_with('/') || self.stages.all[id].has_own_dir);
        let unknown = self.stages.all[id].unknown.clone();
        if is_own {
            self.stages.all[id].unknown = None;
        }
        self.finish_copy(id, command, &copying, actions);
        self.stages.all[id].unknown = unknown;
        Ok(())
    }

    /// Adds an action for each heredoc of a copy.
    fn copy_here_documents(
        &mut self,
        id: StageId,
        copying: &mut Copying,
        actions: &mut Vec<FileStep>,
    ) -> Result<(), String> {
        for file in copying.copy.files.clone() {
            let name = path::without_drive(&file.name, &copying.os, false)?;
            let made = self.inline_file(id, &name, &file.content, 0o644);
            let src = path::of_operation("/", &name, false);
            let copy = llb::CopyAction {
                src,
                ..llb::CopyAction::default()
            };
            actions.push(copying.action(Some(made), copy));
        }
        Ok(())
    }

    /// Returns the state that local sources come from.
    fn copied_from(
        &self,
        id: StageId,
        command: &StageCommand,
        copy: &CopyInstruction,
    ) -> Result<VertexState, String> {
        let Some(source) = command.sources.first() else {
            return Ok(self.context.clone());
        };
        let source = &self.stages.all[*source];
        if source.is_dispatched {
            return Ok(source.state.clone());
        }
        Err(format!(
            "cannot copy from stage {}, it needs to be defined before current stage {}",
            go_text::quote(&copy.from),
            go_text::quote(&self.stages.all[id].shown_name)
        ))
    }

    /// Expands variables, in BuildKit's order.
    fn expand_copy(
        &mut self,
        id: StageId,
        copy: &CopyInstruction,
    ) -> Result<CopyInstruction, String> {
        let mut copy = copy.clone();
        copy.chown = self.expand_in(id, &copy.chown)?;
        copy.chmod = self.expand_in(id, &copy.chmod)?;
        copy.checksum = self.expand_in(id, &copy.checksum)?;
        for source in &mut copy.sources {
            *source = self.expand_in(id, source)?;
        }
        copy.dest = self.expand_in(id, &copy.dest)?;
        let lexer = Lexer {
            skip_quotes: true,
            ..Lexer::new('\\')
        };
        let env = self.stages.all[id].state.env.clone();
        for file in &mut copy.files {
            self.spend(file.content.len())?;
            if file.chomp {
                file.content = here_document::chomp(&file.content).into();
            }
            if file.expand {
                let expanded = lexer.word(&file.content, &env).map_err(|error| error.0)?;
                self.spend(expanded.len())?;
                file.content = expanded.into();
            }
        }
        Ok(copy)
    }

    /// Copies one source: a repository, a download, or a path.
    fn source(
        &mut self,
        id: StageId,
        copying: &mut Copying,
        source: &str,
    ) -> Result<FileStep, String> {
        let repository = GitReference::parse(source).map_err(|error| error.to_string())?;
        if let Some(repository) = repository.filter(|found| !found.may_be_local) {
            if !copying.is_add {
                return Err("source can't be a git ref for COPY".to_owned());
            }
            let vertex = self.repository(id, copying, &repository)?;
            let src = "/".to_owned();
            return Ok(copying.action(
                Some(vertex),
                llb::CopyAction {
                    src,
                    ..llb::CopyAction::default()
                },
            ));
        }
        if source.starts_with("http://") || source.starts_with("https://") {
            if !copying.is_add {
                return Err("source can't be a URL for COPY".to_owned());
            }
            let file = file_name(source);
            let vertex = self.download(id, copying, source, &file)?;
            let copy = llb::CopyAction {
                src: path::join(&["/", &path::clean(&file)]),
                attempt_unpack: copying.copy.unpack == Some(true),
                ..llb::CopyAction::default()
            };
            return Ok(copying.action(Some(vertex), copy));
        }
        let copy = copying.local(source)?;
        Ok(copying.action(copying.from.output, copy))
    }

    fn repository(
        &mut self,
        id: StageId,
        copying: &mut Copying,
        repository: &GitReference,
    ) -> Result<VertexId, String> {
        let copy = &mut copying.copy;
        if let (Some(a), Some(b)) = (copy.keep_git_dir, repository.keep_git_dir)
            && a != b
        {
            return Err("inconsistent keep-git-dir configuration".to_owned());
        }
        copy.keep_git_dir = repository.keep_git_dir.or(copy.keep_git_dir);
        let given = &copy.checksum;
        let own = &repository.checksum;
        if !given.is_empty() && !own.is_empty() && given != own {
            let given = go_text::quote(given);
            let own = go_text::quote(own);
            return Err(format!("checksum mismatch {given} != {own}"));
        }
        // The settings of one source apply to the following ones.
        if !own.is_empty() {
            copy.checksum.clone_from(own);
        }
        let mut attributes = repository.attributes();
        if copy.keep_git_dir == Some(true) {
            attributes.insert("git.keepgitdir".to_owned(), "true".to_owned());
        }
        if !copy.checksum.is_empty() {
            attributes.insert("git.checksum".to_owned(), copy.checksum.clone());
        }
        let about = About {
            name: Some(copying.full_name()),
            unknown: self.stages.all[id].unknown.clone(),
            ..About::default()
        };
        Ok(self.fetch(repository.identifier(), attributes, about))
    }

    fn download(
        &mut self,
        id: StageId,
        copying: &Copying,
        address: &str,
        file: &str,
    ) -> Result<VertexId, String> {
        let mut attributes = BTreeMap::new();
        let checksum = &copying.copy.checksum;
        if !checksum.is_empty() {
            check_digest(checksum).map_err(str::to_owned)?;
            attributes.insert("http.checksum".to_owned(), checksum.clone());
        }
        attributes.insert("http.filename".to_owned(), file.to_owned());
        let about = About {
            name: Some(copying.full_name()),
            command: Some("".into()),
            unknown: self.stages.all[id].unknown.clone(),
            ..About::default()
        };
        Ok(self.fetch(address.to_owned(), attributes, about))
    }

    fn fetch(
        &mut self,
        identifier: String,
        attributes: BTreeMap<String, String>,
        about: About,
    ) -> VertexId {
        let source = SourceVertex {
            identifier,
            attributes,
            platform: None,
            follow: None,
            layers: None,
        };
        self.graph.add(VertexKind::Source(source), about)
    }

    /// Records the paths that are used from the context or from another stage.
    fn note_paths(&mut self, id: StageId, command: &StageCommand, copying: &Copying) {
        let is_web = |source: &&String| {
            copying.is_add && (source.starts_with("http://") || source.starts_with("https://"))
        };
        let sources = copying.copy.sources.iter().filter(|source| !is_web(source));
        let paths: Vec<String> = sources.map(|source| context_path(source)).collect();
        match command.sources.first() {
            Some(source) => self.stages.all[*source].paths.borrow_mut().extend(paths),
            None => self.stages.all[id].context_paths.extend(paths),
        }
    }

    /// Adds the copies to the files of the stage. Linked copies are made on an empty file system
    /// and then merged.
    fn finish_copy(
        &mut self,
        id: StageId,
        command: &StageCommand,
        copying: &Copying,
        actions: Vec<FileStep>,
    ) {
        let (prefix, text) = &copying.name;
        let about = self.about(id, format!("{prefix}{text}"), command.instruction.lines);
        let base = self.stages.all[id].state.output;
        if !copying.copy.link || copying.chmod.is_some() {
            let made = self.add_file(id, File { base, actions }, about);
            self.set_output(id, made);
            return;
        }
        let copied = self.add_file(
            id,
            File {
                base: None,
                actions,
            },
            about.clone(),
        );
        let made = match base {
            None => copied,
            Some(base) => {
                let about = About {
                    name: Some(format!("{prefix}LINK {text}").into()),
                    ..about
                };
                self.graph.add(VertexKind::Merge(vec![base, copied]), about)
            }
        };
        self.set_output(id, made);
    }
}

impl Copying {
    fn full_name(&self) -> Arc<str> {
        format!("{}{}", self.name.0, self.name.1).into()
    }

    /// Makes the copy of a source.
    fn action(&self, source: Option<VertexId>, copy: llb::CopyAction) -> FileStep {
        let (mode, mode_str) = match &self.chmod {
            None => (-1, String::new()),
            Some(Chmod::Bits(bits)) => (*bits, String::new()),
            Some(Chmod::Symbolic(text)) => (0, text.clone()),
        };
        let change = FileChange::Copy(Box::new(llb::CopyAction {
            dest: path::of_operation("/", &self.dest, true),
            mode,
            mode_str,
            create_dest_path: true,
            timestamp: -1,
            exclude_patterns: LenientList(self.copy.exclude.clone()),
            ..copy
        }));
        FileStep {
            change,
            owner: self.owner.clone(),
            source,
        }
    }

    /// Makes the copy of a path.
    fn local(&self, source: &str) -> Result<llb::CopyAction, String> {
        let removing = |error: String| format!("removing drive letter: {error}");
        let normal = |path: &str| path::normalize("/", path, &self.os, false).map_err(removing);
        let mut source = source.to_owned();
        let mut patterns = Vec::new();
        let mut required = Vec::new();
        if self.copy.parents {
            let (parent, pattern) = match source.split_once("/./") {
                Some((parent, pattern)) => (parent.to_owned(), pattern),
                None => ("/".to_owned(), source.as_str()),
            };
            let pattern = normal(pattern)?;
            patterns.push(pattern.strip_prefix('/').unwrap_or(&pattern).to_owned());
            if !path::has_wildcards(&parent) && !path::has_wildcards(&pattern) {
                required.push(normal(&path::join(&[&parent, &pattern]))?);
            }
            source = parent;
        }
        Ok(llb::CopyAction {
            src: path::join(&["/", &path::clean(&normal(&source)?)]),
            follow_symlink: true,
            dir_copy_contents: true,
            include_patterns: LenientList(patterns),
            required_paths: LenientList(required),
            attempt_unpack: self.copy.unpack.unwrap_or(self.is_add),
            allow_wildcard: true,
            allow_empty_wildcard: true,
            ..llb::CopyAction::default()
        })
    }
}

/// Returns the destination of a copy; a relative one is below the working directory.
fn dest_in(dir: &str, dest: &str, os: &str) -> Result<String, String> {
    let dest = path::without_drive(dest, os, true)
        .map_err(|error| format!("removing drive letter: {error}"))?;
    if path::is_absolute(&dest, os) {
        return path::normalize("/", &dest, os, true);
    }
    let dest = if dest == "." || dest.is_empty() {
        "./"
    } else {
        &dest
    };
    path::normalize(dir, dest, os, true)
}

fn check_checksum(copy: &CopyInstruction) -> Result<(), String> {
    if copy.checksum.is_empty() {
        return Ok(());
    }
    let [source] = copy.sources.as_slice() else {
        return Err("checksum can't be specified for multiple sources".to_owned());
    };
    let is_web = source.starts_with("http://") || source.starts_with("https://");
    if is_web || matches!(GitReference::parse(source), Ok(Some(_))) {
        Ok(())
    } else {
        Err("checksum requires HTTP(S) or Git sources".to_owned())
    }
}

/// Returns the file name of a download.
fn file_name(address: &str) -> String {
    let name = GoUrl::parse(address).map(|url| path::base(&url.path));
    name.filter(|name| name != "." && name != "/")
        .unwrap_or_else(|| "__unnamed__".to_owned())
}
