//! Resolves the bases of stages: images, named contexts and other stages, with their triggers.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::convert::Converter;
use super::graph::{About, SourceVertex, VertexKind, VertexState};
use super::image::{BaseImage, BaseImageConfig, ImageRequest, ImageState};
use super::name;
use super::stages::{SCRATCH, StageId};
use super::{ConversionRefusal, path};
use crate::format::digest::Digest;
use crate::format::dockerfile::{self, InstructionKind};
use crate::format::go_text;
use crate::format::llb::Platform;
use crate::format::platform;
use crate::format::reference::ImageReference;

/// The reason for steps on an image that is still to be fetched.
const NOT_FETCHED: &str = "the image is not known";

impl Converter<'_> {
    /// Resolves everything that the target needs, and returns the required stages. Returns `None`
    /// if images are missing.
    pub fn resolve(&mut self, target: StageId) -> Result<Option<Vec<bool>>, ConversionRefusal> {
        loop {
            let reachable = self.stages.reachable(target);
            for (id, is_reachable) in reachable.iter().enumerate() {
                self.resolve_stage(id, *is_reachable)?;
            }
            if !self.missing.is_empty() {
                return Ok(None);
            }
            // Triggers may depend on further stages.
            let mut is_more_needed = false;
            for (id, is_reachable) in reachable.iter().enumerate() {
                if *is_reachable {
                    self.inherit(id);
                    is_more_needed |= self.add_triggers(id)?;
                }
            }
            if !is_more_needed {
                return Ok(Some(reachable));
            }
        }
    }

    fn resolve_stage(&mut self, id: StageId, is_reachable: bool) -> Result<(), ConversionRefusal> {
        let stage = &mut self.stages.all[id];
        if stage.base.is_some() || stage.is_dispatched || stage.is_resolved {
            return Ok(());
        }
        stage.is_resolved = is_reachable;
        if stage.base_name == SCRATCH && stage.named_context.is_none() {
            stage.state = VertexState::scratch();
            stage.image = BaseImageConfig::empty(&self.target_platform);
            stage.platform = Some(self.target_platform.clone());
            stage.is_dispatched = stage.is_image;
            return Ok(());
        }
        let lines = stage.lines;
        self.resolve_base(id, is_reachable)
            .map_err(|message| ConversionRefusal { message, lines })?;
        let stage = &mut self.stages.all[id];
        stage.is_dispatched |= stage.is_image;
        Ok(())
    }

    fn resolve_base(&mut self, id: StageId, is_reachable: bool) -> Result<(), String> {
        let original = self.stages.all[id].base_name.clone();
        let reference = ImageReference::parse(&original).map_err(|error| {
            format!(
                "failed to parse stage name {}: {error}",
                go_text::quote(&original)
            )
        })?;
        let reference = reference.with_default_tag();
        let stage = &mut self.stages.all[id];
        let is_implicit = stage.platform.is_none() && self.options.platform.is_none();
        let mut of = stage
            .platform
            .clone()
            .unwrap_or_else(|| self.target_platform.clone());
        stage.base_name = reference.to_string();
        let mut unknown = None;
        let mut is_empty = false;
        if is_reachable {
            if let Some(name) = stage.named_context.clone() {
                return self.load_stage_context(id, &name, &of);
            }
            let base_name = stage.base_name.clone();
            if let Some(name) = self.context_named(&base_name, Some(&of)) {
                let base = self.load_context(id, &name, &of)?;
                let stage = &mut self.stages.all[id];
                stage.image = base.image.unwrap_or_else(|| BaseImageConfig::empty(&of));
                stage.state = base.state;
                stage.state.platform = Some(platform::normalize(&of).into());
                stage.platform = Some(of);
                stage.unknown = base.unknown;
                return Ok(());
            }
            match self.image(&reference.to_string(), &of) {
                ImageState::Known(image) => {
                    let BaseImage { digest, config } = *image;
                    if is_implicit {
                        of = self.detected(&config, of);
                    }
                    let stage = &mut self.stages.all[id];
                    if !digest.is_empty() {
                        stage.base_name = reference.with_digest(digest).to_string();
                    }
                    is_empty = config.is_empty_image();
                    stage.image = config;
                }
                ImageState::Unknown(reason) => unknown = Some(Rc::from(reason)),
            }
        }
        self.stages.all[id].unknown.clone_from(&unknown);
        self.stages.all[id].state = if is_empty {
            VertexState::scratch()
        } else {
            self.image_state(id, &of, unknown)
        };
        self.stages.all[id].platform = Some(of);
        Ok(())
    }

    /// Makes the step that fetches the image of a stage.
    fn image_state(&mut self, id: StageId, of: &Platform, unknown: Option<Rc<str>>) -> VertexState {
        let stage = &mut self.stages.all[id];
        let with_platform = self.options.multi_platform;
        let builder = &self.options.build_platform;
        let prefix = name::prefix(stage, with_platform, Some(of), None, builder);
        let step = format!("{prefix}FROM {}", stage.base_name);
        let about = About {
            name: Some(step.into()),
            command: Some(stage.code.as_str().into()),
            lines: stage.lines,
            ignores_cache: false,
            unknown,
        };
        let reference = stage.base_name.clone();
        let layers = if about.unknown.is_some() {
            None
        } else {
            stage.image.layers()
        };
        self.fetched(
            format!("docker-image://{reference}"),
            self.resolve_mode(),
            of,
            layers,
            about,
        )
    }

    fn resolve_mode(&self) -> BTreeMap<String, String> {
        match self.options.resolve_mode.as_str() {
            "" | "default" => BTreeMap::new(),
            mode => BTreeMap::from([("image.resolvemode".to_owned(), mode.to_owned())]),
        }
    }

    pub(super) fn fetched(
        &mut self,
        identifier: String,
        attributes: BTreeMap<String, String>,
        of: &Platform,
        layers: Option<Vec<Digest>>,
        about: About,
    ) -> VertexState {
        let platform = Some(of.clone());
        let source = SourceVertex {
            identifier,
            attributes,
            platform,
            follow: None,
            layers,
        };
        let vertex = self.graph.add(VertexKind::Source(source), about);
        let platform = Some(platform::normalize(of).into());
        VertexState {
            platform,
            ..VertexState::of(Some(vertex))
        }
    }

    /// Returns the state of an image, and records a request if the image is missing.
    pub fn image(&mut self, reference: &str, of: &Platform) -> ImageState {
        let request = ImageRequest {
            reference: reference.to_owned(),
            platform: platform::format_all(of),
        };
        match self.images.get(&request) {
            Some(state) => state.clone(),
            None => {
                self.missing.insert(request);
                ImageState::Unknown(NOT_FETCHED.to_owned())
            }
        }
    }

    /// Returns the platform of an image without a requested platform, if the builder has it.
    fn detected(&self, image: &BaseImageConfig, target: Platform) -> Platform {
        let is_of = |platform: &Platform| {
            platform.os == image.os && platform.architecture == image.architecture
        };
        let builder = &self.options.build_platform;
        if !is_of(&target) && is_of(builder) {
            builder.clone()
        } else {
            target
        }
    }

    /// Starts a stage with the final state of its base stage.
    pub fn inherit(&mut self, id: StageId) {
        let Some(base) = self.stages.all[id].base else {
            return;
        };
        let base = &self.stages.all[base];
        let mut image = base.image.clone();
        image.config.on_build.0.clear();
        let state = base.state.clone();
        let platform = base.platform.clone();
        let paths = Rc::clone(&base.paths);
        let unknown = base.unknown.clone();
        let has_own_dir = base.has_own_dir;
        let stage = &mut self.stages.all[id];
        stage.has_own_dir = has_own_dir;
        stage.state = state;
        stage.platform = platform;
        stage.image = image;
        stage.paths = paths;
        stage.unknown = unknown;
    }

    /// Puts the triggers of a stage's base before its own instructions. Returns whether they depend
    /// on other stages.
    fn add_triggers(&mut self, id: StageId) -> Result<bool, ConversionRefusal> {
        let stage = &mut self.stages.all[id];
        let lines = stage.lines.unwrap_or_default();
        let mut triggers = std::mem::take(&mut stage.image.config.on_build.0);
        let is_first = !std::mem::replace(&mut stage.has_triggers, true);
        if is_first && let Some(base) = stage.base {
            let trigger = |command: &super::stages::StageCommand| match &command.instruction.kind {
                InstructionKind::OnBuild(text) => Some(text.clone()),
                _ => None,
            };
            triggers.extend(self.stages.all[base].commands.iter().filter_map(trigger));
        }
        let mut commands = Vec::with_capacity(triggers.len());
        for text in triggers {
            let instruction = dockerfile::trigger(&text, lines)?;
            let command = self.stages.command(id, &Rc::new(instruction), true)?;
            commands.push(command);
        }
        let takes_more = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages.all[id];
        stage.step_count += commands.len();
        stage.commands.splice(0..0, commands);
        Ok(takes_more)
    }
}

/// Joins a path below the root of a context.
pub(super) fn context_path(source: &str) -> String {
    path::join(&["/", source])
}
