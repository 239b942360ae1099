//! Named contexts: `--build-context` replaces an image or a stage (`frontend/dockerfile/dockerui`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::convert::Converter;
use super::graph::{About, Paths, SourceVertex, VertexKind, VertexState};
use super::image::{BaseImage, BaseImageConfig, ImageState};
use super::options::NamedContext;
use super::stages::{SCRATCH, StageId};
use crate::format::go_json::GoJson as _;
use crate::format::go_text;
use crate::format::llb::Platform;
use crate::format::platform;
use crate::format::reference::ImageReference;

/// The base of a stage.
pub(super) struct Base {
    pub state: VertexState,
    pub image: Option<BaseImageConfig>,
    pub unknown: Option<Rc<str>>,
}

impl Base {
    fn plain(state: VertexState) -> Self {
        Self {
            state,
            image: None,
            unknown: None,
        }
    }
}

impl Converter<'_> {
    /// Finds a named context in the options: for one platform, or for all.
    pub fn context_named(&self, name: &str, of: Option<&Platform>) -> Option<String> {
        let is_reserved =
            go_text::equal_fold(name, SCRATCH) || go_text::equal_fold(name, "context");
        if self.options.contexts.is_empty() || is_reserved {
            return None;
        }
        let reference = ImageReference::parse(name).ok()?;
        let familiar = reference.familiar();
        let name = familiar
            .strip_suffix(":latest")
            .unwrap_or(&familiar)
            .to_owned();
        let of = platform::normalize(of.unwrap_or(&self.target_platform));
        let with_platform = format!("{name}::{}", platform::format_all(&of));
        let is_known = |name: &String| self.options.contexts.contains_key(name);
        [with_platform, name].into_iter().find(is_known)
    }

    /// Replaces a whole stage by a named context.
    pub fn load_stage_context(
        &mut self,
        id: StageId,
        name: &str,
        of: &Platform,
    ) -> Result<(), String> {
        let base = self.load_context(id, name, of)?;
        let stage = &mut self.stages.all[id];
        stage.is_dispatched = true;
        stage.state = base.state;
        stage.unknown = base.unknown;
        if let Some(image) = base.image {
            if let Some(of) = image.platform() {
                stage.platform = Some(of);
            }
            stage.image = image;
        }
        Ok(())
    }

    pub(super) fn load_context(
        &mut self,
        id: StageId,
        name: &str,
        of: &Platform,
    ) -> Result<Base, String> {
        let Some(context) = self.options.contexts.get(name).cloned() else {
            return Err(format!("invalid context name {name}"));
        };
        match context {
            NamedContext::Scratch => Ok(Base::plain(VertexState::scratch())),
            NamedContext::Image(reference) => self.load_reference(name, &reference, of),
            NamedContext::Layout { store, digest } => self.load_layout(name, store, digest, of),
            NamedContext::Local {
                name: local,
                excludes,
            } => {
                let follow = Some(Rc::clone(&self.stages.all[id].paths));
                let mut attributes = BTreeMap::new();
                if !excludes.is_empty() {
                    let mut json = String::new();
                    excludes.as_slice().write(&mut json);
                    attributes.insert("local.excludepatterns".to_owned(), json);
                }
                let step = format!("[context {name}] load from client");
                Ok(self.load_source(format!("local://{local}"), attributes, follow, step, None))
            }
            NamedContext::Remote {
                identifier,
                attributes,
                name,
            } => Ok(self.load_source(identifier, attributes, None, name, None)),
            NamedContext::Unknown(reason) => {
                let identifier = format!("input://{name}");
                let step = format!("[context {name}]");
                let unknown = Some(reason.into());
                Ok(self.load_source(identifier, BTreeMap::new(), None, step, unknown))
            }
        }
    }

    fn load_source(
        &mut self,
        identifier: String,
        attributes: BTreeMap<String, String>,
        follow: Option<Paths>,
        step: String,
        unknown: Option<Rc<str>>,
    ) -> Base {
        let source = SourceVertex {
            identifier,
            attributes,
            platform: None,
            follow,
            layers: None,
        };
        let about = About {
            name: Some(step.into()),
            unknown: unknown.clone(),
            ..About::default()
        };
        let state = VertexState::of(Some(self.graph.add(VertexKind::Source(source), about)));
        Base {
            unknown,
            ..Base::plain(state)
        }
    }

    fn load_reference(
        &mut self,
        name: &str,
        reference: &str,
        of: &Platform,
    ) -> Result<Base, String> {
        let parsed = ImageReference::parse(reference).map_err(|error| error.to_string())?;
        let parsed = parsed.with_default_tag();
        let state = self.image(&parsed.to_string(), of);
        let step = format!("[context {name}] {reference}");
        let source = |image: Option<&BaseImage>| {
            (
                format!("docker-image://{}", with_digest(parsed, image)),
                BTreeMap::new(),
            )
        };
        Ok(self.load_image(state, step, source, of))
    }

    fn load_layout(
        &mut self,
        name: &str,
        store: String,
        digest: String,
        of: &Platform,
    ) -> Result<Base, String> {
        let state = self.image(&format!("oci-layout://{store}@{digest}"), of);
        let short = name.split("::").next().unwrap_or(name);
        let shown = ImageReference::parse(short).map_err(|error| error.to_string())?;
        let identifier = format!("oci-layout://{}", shown.with_digest(digest));
        let attributes = BTreeMap::from([("oci.store".to_owned(), store)]);
        let step = format!("[context {name}] OCI load from client");
        Ok(self.load_image(state, step, |_| (identifier, attributes), of))
    }

    /// Makes the state of an image in the place of a name, with its variables and its directory.
    fn load_image(
        &mut self,
        image: ImageState,
        step: String,
        source: impl FnOnce(Option<&BaseImage>) -> (String, BTreeMap<String, String>),
        of: &Platform,
    ) -> Base {
        let (image, unknown) = match image {
            ImageState::Known(image) => (Some(image), None),
            ImageState::Unknown(reason) => (None, Some(Rc::from(reason))),
        };
        let (identifier, attributes) = source(image.as_deref());
        let about = About {
            name: Some(step.into()),
            unknown: unknown.clone(),
            ..About::default()
        };
        let layers = image.as_ref().and_then(|image| image.config.layers());
        let mut state = self.fetched(identifier, attributes, of, layers, about);
        if let Some(image) = &image {
            let config = &image.config;
            for variable in &config.config.env.0 {
                let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                if !name.is_empty() {
                    state.env.set(name, value);
                }
            }
            state.set_dir(&config.config.working_dir);
            if let Some(of) = config.platform() {
                state.platform = Some(platform::normalize(&of).into());
            }
        }
        Base {
            state,
            image: image.map(|image| image.config),
            unknown,
        }
    }
}

fn with_digest(reference: ImageReference, image: Option<&BaseImage>) -> ImageReference {
    match image {
        Some(image) if !image.digest.is_empty() => reference.with_digest(image.digest.clone()),
        _ => reference,
    }
}
