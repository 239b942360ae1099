//! The conversion as a whole: arguments, stages, images, instructions, result.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::env::Env;
use super::epoch::{self, Epoch};
use super::graph::{About, Graph, SourceVertex, VertexKind, VertexState};
use super::image::Images;
use super::options::{ConvertOptions, MainContext};
use super::stages::{BuildStage, SCRATCH, StageId, Stages};
use super::{BUDGET, ConversionOutcome, ConversionRefusal, ImageRequest, TOO_LARGE, marshal};
use crate::format::dockerfile::lex::{Lexer, Variables as _};
use crate::format::dockerfile::{self, Argument, Dockerfile, InstructionKind};
use crate::format::go_text;
use crate::format::llb::{Platform, ProxyEnv};
use crate::format::platform;

/// The reason for steps that depend on a time that must be fetched.
const REMOTE_EPOCH: &str = "SOURCE_DATE_EPOCH names a source that has to be fetched";

/// Converts a Dockerfile.
///
/// # Errors
/// If BuildKit refuses the build.
pub fn convert(
    file: &Dockerfile,
    options: &ConvertOptions,
    images: &Images,
) -> Result<ConversionOutcome, ConversionRefusal> {
    let mut converter = Converter::new(file, options, images)?;
    converter.add_stages()?;
    let target = converter.target()?;
    converter.add_commands()?;
    let Some(reachable) = converter.resolve(target)? else {
        return Ok(ConversionOutcome::NeedsImages(
            converter.missing.into_iter().collect(),
        ));
    };
    converter.dispatch(&reachable)?;
    converter.finish_context();
    let output = converter.stages.all[target].state.output;
    marshal::marshal(&converter.graph, output, &converter.target_platform)
        .map(ConversionOutcome::Converted)
}

/// The state of a conversion.
pub(super) struct Converter<'a> {
    pub file: &'a Dockerfile,
    pub options: &'a ConvertOptions,
    pub images: &'a Images,
    pub build_args: BTreeMap<String, String>,
    pub globals: Env,
    pub epoch: Epoch,
    pub proxy: Option<ProxyEnv>,
    pub lexer: Lexer,
    pub target_platform: Platform,
    pub stages: Stages,
    pub graph: Graph,
    /// The state of the build context.
    pub context: VertexState,
    pub context_paths: BTreeSet<String>,
    pub missing: BTreeSet<ImageRequest>,
    budget: usize,
}

impl<'a> Converter<'a> {
    fn new(
        file: &'a Dockerfile,
        options: &'a ConvertOptions,
        images: &'a Images,
    ) -> Result<Self, ConversionRefusal> {
        let mut graph = Graph::default();
        let context = VertexState::of(Some(add_context(&mut graph, &options.context)));
        let target = options
            .platform
            .as_ref()
            .unwrap_or(&options.build_platform)
            .clone();
        let mut converter = Self {
            file,
            options,
            images,
            build_args: options.build_args.clone(),
            globals: Env::default(),
            epoch: Epoch::None,
            proxy: proxy(&options.build_args),
            lexer: Lexer::new(file.escape),
            target_platform: target,
            stages: Stages::new(file.escape),
            graph,
            context,
            context_paths: BTreeSet::new(),
            missing: BTreeSet::new(),
            budget: BUDGET,
        };
        converter.set_globals()?;
        converter.set_epoch()?;
        Ok(converter)
    }

    /// Counts bytes that are copied or expanded.
    pub fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.budget = self
            .budget
            .checked_sub(bytes)
            .ok_or_else(|| TOO_LARGE.to_owned())?;
        Ok(())
    }

    /// Expands a word with the variables of a state.
    pub fn expand(&mut self, word: &str, env: &Env) -> Result<String, String> {
        let expanded = self.lexer.word(word, env).map_err(|error| error.0)?;
        self.spend(word.len() + expanded.len())?;
        Ok(expanded)
    }

    /// Sets the predeclared arguments and those before the first stage.
    fn set_globals(&mut self) -> Result<(), ConversionRefusal> {
        let builder = &self.options.build_platform;
        let target = &self.target_platform;
        let last = self.file.stages.last().map_or("", |stage| &stage.name);
        let named = if self.options.target.is_empty() {
            last
        } else {
            &self.options.target
        };
        let stage = if named.is_empty() { "default" } else { named };
        let values = [
            ("BUILDPLATFORM", platform::format(builder)),
            ("BUILDOS", builder.os.clone()),
            ("BUILDOSVERSION", builder.os_version.clone()),
            ("BUILDARCH", builder.architecture.clone()),
            ("BUILDVARIANT", builder.variant.clone()),
            ("TARGETPLATFORM", platform::format_all(target)),
            ("TARGETOS", target.os.clone()),
            ("TARGETOSVERSION", target.os_version.clone()),
            ("TARGETARCH", target.architecture.clone()),
            ("TARGETVARIANT", target.variant.clone()),
            ("TARGETSTAGE", stage.to_owned()),
        ];
        for (name, value) in values {
            self.globals
                .set(name, self.build_args.get(name).unwrap_or(&value));
        }
        let file = self.file;
        for (lines, arguments) in &file.arguments {
            for Argument { key, value } in arguments {
                let value = match (self.build_args.get(key), value) {
                    (Some(value), _) => value.clone(),
                    (None, Some(value)) => {
                        let globals = self.globals.clone();
                        let at = |message| ConversionRefusal::at(message, *lines);
                        self.expand(value, &globals).map_err(at)?
                    }
                    (None, None) => continue,
                };
                self.globals.set(key, &value);
            }
        }
        Ok(())
    }

    fn set_epoch(&mut self) -> Result<(), ConversionRefusal> {
        let global = self
            .globals
            .get(epoch::NAME)
            .filter(|value| !value.is_empty());
        let Some(value) = self
            .build_args
            .get(epoch::NAME)
            .map(String::as_str)
            .or(global)
        else {
            return Ok(());
        };
        let value = value.to_owned();
        let is_named = self.options.contexts.contains_key(&value);
        self.epoch = epoch::resolve(&value, self.file, &self.build_args, &self.globals, is_named)?;
        // Files of the client have no time of their own.
        let is_local = matches!(self.options.context, MainContext::Local { .. });
        let is_none = self.options.without_remote_epoch || (value == "context" && is_local);
        if self.epoch == Epoch::Remote && is_none {
            self.epoch = Epoch::None;
        }
        let text = match self.epoch {
            Epoch::Seconds(seconds) => Some(seconds.to_string()),
            Epoch::None | Epoch::Remote => None,
        };
        if self.build_args.remove(epoch::NAME).is_some()
            && let Some(text) = &text
        {
            self.build_args.insert(epoch::NAME.to_owned(), text.clone());
        }
        if self.globals.get(epoch::NAME).is_some() {
            match &text {
                Some(text) => self.globals.set(epoch::NAME, text),
                None => self.globals.remove(epoch::NAME),
            }
        }
        Ok(())
    }

    /// Returns why steps that use the time of the epoch are unknown.
    pub fn unknown_epoch(&self) -> Option<Rc<str>> {
        (self.epoch == Epoch::Remote).then(|| REMOTE_EPOCH.into())
    }

    /// Adds the stages of the file.
    fn add_stages(&mut self) -> Result<(), ConversionRefusal> {
        let file = self.file;
        for (place, stage) in file.stages.iter().enumerate() {
            let new = self
                .stage(place, stage)
                .map_err(|message| ConversionRefusal::at(message, stage.lines))?;
            let id = self.stages.add(new);
            let added = &mut self.stages.all[id];
            if added.named_context.is_some() {
                continue;
            }
            let makes_step = |instruction: &&dockerfile::Instruction| {
                matches!(
                    instruction.kind,
                    InstructionKind::Add(_)
                        | InstructionKind::Copy(_)
                        | InstructionKind::Run(_)
                        | InstructionKind::Workdir(_)
                )
            };
            let is_image = added.base_name != SCRATCH && added.base.is_none();
            let steps = stage.instructions.iter().filter(makes_step).count();
            added.step_count = steps + usize::from(is_image);
            added.ignores_cache = self.options.no_cache.is_for(&stage.name);
        }
        Ok(())
    }

    fn stage(&mut self, place: usize, stage: &dockerfile::Stage) -> Result<BuildStage, String> {
        let globals = self.globals.clone();
        let base = self.expand(&stage.base, &globals)?;
        if base.is_empty() {
            return Err(format!("base name ({}) should not be blank", stage.base));
        }
        let mut new = BuildStage::new(&base);
        new.own_name.clone_from(&stage.name);
        new.code.clone_from(&stage.code);
        new.lines = Some(stage.lines);
        if !stage.platform.is_empty() {
            let written = &stage.platform;
            let text = self
                .expand(written, &globals)
                .map_err(|error| format!("failed to process arguments for platform : {error}"))?;
            if text.is_empty() {
                return Err(format!("empty platform value from expression {written}"));
            }
            let parsed = platform::parse(&text, &self.options.build_platform);
            let wrong = |error| format!("failed to parse platform {written}: {error}");
            new.platform = Some(parsed.map_err(wrong)?);
        }
        if !stage.name.is_empty() {
            let of = new.platform.clone();
            new.named_context = self.context_named(&stage.name, of.as_ref());
        }
        new.shown_name = if stage.name.is_empty() {
            format!("stage-{place}")
        } else {
            stage.name.clone()
        };
        Ok(new)
    }

    /// Returns the stage to build.
    fn target(&self) -> Result<StageId, ConversionRefusal> {
        let target = &self.options.target;
        if target.is_empty() {
            return Ok(self.stages.all.len().saturating_sub(1));
        }
        self.stages.find(target).ok_or_else(|| {
            let names = self
                .stages
                .all
                .iter()
                .map(|stage| stage.shown_name.as_str());
            let hint = dockerfile::suggestion(target, names);
            let target = go_text::quote(target);
            ConversionRefusal::plain(format!("target stage {target} could not be found{hint}"))
        })
    }

    /// Finds the stages and images that the instructions of all stages depend on.
    fn add_commands(&mut self) -> Result<(), ConversionRefusal> {
        let file = self.file;
        for (id, stage) in file.stages.iter().enumerate() {
            for instruction in &stage.instructions {
                let instruction = Rc::new(instruction.clone());
                let command = self.stages.command(id, &instruction, false)?;
                self.stages.all[id].commands.push(command);
            }
        }
        self.stages.refuse_cycles()?;
        if let [only] = self.stages.all.as_mut_slice() {
            only.shown_name.clear();
        }
        Ok(())
    }

    /// Adds the used paths to the source of the build context.
    fn finish_context(&mut self) {
        let Some(output) = self.context.output else {
            return;
        };
        if let VertexKind::Source(SourceVertex {
            follow: Some(paths),
            ..
        }) = &self.graph.vertices[output].kind
        {
            *paths.borrow_mut() = std::mem::take(&mut self.context_paths);
        }
    }
}

fn add_context(graph: &mut Graph, context: &MainContext) -> usize {
    let about = |name: &str| About {
        name: Some(name.into()),
        ..About::default()
    };
    match context {
        MainContext::Local {
            attributes,
            follow_paths,
        } => {
            let source = SourceVertex {
                identifier: "local://context".to_owned(),
                attributes: attributes.clone(),
                platform: None,
                follow: follow_paths.then(super::graph::Paths::default),
                layers: None,
            };
            graph.add(
                VertexKind::Source(source),
                about("[internal] load build context"),
            )
        }
        MainContext::Remote {
            identifier,
            attributes,
            name,
        } => {
            let source = SourceVertex {
                identifier: identifier.clone(),
                attributes: attributes.clone(),
                platform: None,
                follow: None,
                layers: None,
            };
            graph.add(VertexKind::Source(source), about(name))
        }
    }
}

/// Returns the proxies in the build arguments, whose names ignore case. Of several, the last one in
/// byte order counts.
fn proxy(build_args: &BTreeMap<String, String>) -> Option<ProxyEnv> {
    let mut proxy = ProxyEnv::default();
    let mut is_set = false;
    for (name, value) in build_args {
        let field = match go_text::lower(&go_text::upper(name)).as_str() {
            "http_proxy" => &mut proxy.http_proxy,
            "https_proxy" => &mut proxy.https_proxy,
            "ftp_proxy" => &mut proxy.ftp_proxy,
            "no_proxy" => &mut proxy.no_proxy,
            "all_proxy" => &mut proxy.all_proxy,
            _ => continue,
        };
        value.clone_into(field);
        is_set = true;
    }
    is_set.then_some(proxy)
}
