//! tsops: `tsops.config.*`.
//!
//! The configuration is a program. It is parsed with oxc, and a small evaluator supports literals,
//! objects, spreads, templates, conditions, functions and relative imports. Nothing is executed.

mod evaluate;
mod module;
mod value;

use std::sync::Arc;

use oxc_allocator::Allocator;

use super::declaration::{Direction, Facts};
use super::repository::{directory, join};
use super::session::{CacheUse, FindSession};
use crate::format::located::Located;
use crate::format::unknown::only_mark;
use evaluate::TsopsEvaluator;
use value::Js;

/// The stack of the recursive parser, in bytes.
const STACK: usize = 256 << 20;

/// Whether a file can be parsed safely: brackets and chains of operators bound the recursion.
pub(super) fn is_bounded(text: &str) -> bool {
    let mut depth = 0usize;
    let mut chain = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' | b';' => depth = depth.saturating_sub(1),
            _ => {}
        }
        chain = if byte.is_ascii_alphanumeric() || byte == b'"' || byte == b'\'' {
            0
        } else {
            chain + 1
        };
        if depth > 250 || chain > 4_000 {
            return false;
        }
    }
    text.len() <= 512 << 10
}

/// Parses a configuration.
pub(super) fn read(session: &FindSession<'_>, path: &str) {
    let allocator = Allocator::default();
    let evaluator = TsopsEvaluator::new(session, &allocator);
    let Some(config) = evaluator.default_export(path) else {
        return;
    };
    let config = TsopsConfig {
        session,
        root: config,
        folder: directory(path).to_owned(),
    };
    config.declare();
}

/// The stack size for reading configurations, in bytes.
pub(super) const fn stack_size() -> usize {
    STACK
}

struct TsopsConfig<'s, 'a> {
    session: &'s FindSession<'s>,
    root: Js<'a>,
    folder: String,
}

impl TsopsConfig<'_, '_> {
    fn declare(&self) {
        let images = self.root.get("images").unwrap_or(Js::Undefined);
        let Some(Js::Map(apps)) = self.root.get("apps").map(|apps| apps.first()) else {
            return;
        };
        for (name, app) in apps {
            for (when, app) in app.alternatives() {
                self.app(&name, &app, &images, &when);
            }
        }
    }

    fn app(&self, name: &str, app: &Js<'_>, images: &Js<'_>, when: &[String]) {
        let Some(build) = app.get("build") else {
            return;
        };
        for (more, build) in build.alternatives() {
            let kind = build.get("type").and_then(|kind| kind.text());
            let is_built = kind.is_some_and(|kind| {
                kind.as_str() == "dockerfile" || only_mark(kind.as_str()).is_some()
            });
            if !is_built || build.get("context").is_none() || build.get("dockerfile").is_none() {
                continue;
            }
            let own = build
                .get("cache")
                .filter(|cache| !matches!(cache, Js::Undefined | Js::Null));
            let Some(cache) = own.or_else(|| images.get("cache")) else {
                continue;
            };
            let mut when = when.to_vec();
            when.extend(more);
            for (more, cache) in cache.alternatives() {
                let mut when = when.clone();
                when.extend(more);
                self.cache(name, &cache, images, &build, &when);
            }
        }
    }

    fn cache(&self, app: &str, cache: &Js<'_>, images: &Js<'_>, build: &Js<'_>, when: &[String]) {
        let Js::Map(entries) = cache else { return };
        let Some(kind) = cache.get("type").and_then(|kind| kind.text()) else {
            return;
        };
        let text = |key: &str| {
            cache
                .get(key)
                .and_then(|value| value.text())
                .map(|text| text.as_str().to_owned())
        };
        let mut fields = vec![format!("type={}", kind.as_str())];
        match kind.as_str() {
            "registry" if text("ref").is_none() => {
                let image = self.image(app, images);
                fields.push(format!("ref={image}-cache"));
            }
            "local" if text("dest").is_none() && text("src").is_none() => {
                fields.push("dest=./buildkit-cache".to_owned());
            }
            _ => {}
        }
        for (key, value) in entries {
            let Some(value) = value.text() else { continue };
            let key = attribute(key);
            if !matches!(key.as_str(), "type" | "inline") {
                fields.push(format!("{key}={}", value.as_str()));
            }
        }
        let facts = Arc::new(self.facts(app, images, build));
        let emit = |text: &Located, direction| {
            self.session.declare(&CacheUse {
                text,
                direction,
                tool: "tsops",
                target: Some(app),
                when,
                facts: &facts,
            });
        };
        emit(&kind.with_text(fields.join(",")), Direction::Both);
        let inline = entries.iter().find(|(key, _)| key == "inline");
        if let Some((_, value)) = inline
            && value.truth() != Some(false)
            && kind.as_str() != "inline"
        {
            let place = value.place().unwrap_or_else(|| kind.place());
            emit(&Located::new("type=inline", place), Direction::Export);
        }
    }

    /// Returns the image of an app with its tag.
    fn image(&self, app: &str, images: &Js<'_>) -> String {
        let text = |key: &str| {
            images
                .get(key)
                .and_then(|value| value.text())
                .map(|text| text.as_str().to_owned())
        };
        let base = text("repository")
            .or_else(|| text("registry"))
            .unwrap_or_default();
        let base = base.trim_end_matches('/');
        let project = self
            .root
            .get("project")
            .and_then(|value| value.text())
            .map(|text| text.as_str().to_owned());
        let with_project = images
            .get("includeProjectInName")
            .is_some_and(|value| value.truth() == Some(true));
        let name = match project {
            Some(project) if with_project => format!("{project}-{app}"),
            _ => app.to_owned(),
        };
        let tag = self.tag(images);
        if base.is_empty() {
            format!("{name}:{tag}")
        } else {
            format!("{base}/{name}:{tag}")
        }
    }

    fn tag(&self, images: &Js<'_>) -> String {
        let strategy = images.get("tagStrategy").unwrap_or(Js::Undefined);
        let named = |name: &str| {
            let name = format!("the tag of tagStrategy {name}");
            self.session.unknowns.mark(&name).to_string()
        };
        if let Some(text) = strategy.text() {
            return match text.as_str() {
                name @ ("git-sha" | "git-tag" | "timestamp") => named(name),
                tag => tag.to_owned(),
            };
        }
        if let Some(value) = strategy.get("value").and_then(|value| value.text()) {
            return value.as_str().to_owned();
        }
        let kind = strategy
            .get("type")
            .or_else(|| strategy.get("kind"))
            .and_then(|value| value.text());
        named(kind.as_ref().map_or("git-sha", Located::as_str))
    }

    fn facts(&self, app: &str, images: &Js<'_>, build: &Js<'_>) -> Facts {
        let dockerfile = build.get("dockerfile").and_then(|value| value.text());
        Facts {
            dockerfile: dockerfile.and_then(|path| join(&self.folder, path.as_str())),
            tags: vec![crate::format::unknown::to_pattern(&self.image(app, images))],
            ..Facts::default()
        }
    }
}

/// Returns BuildKit's name of an attribute.
fn attribute(key: &str) -> String {
    match key {
        "endpointUrl" | "endpoint" => return "endpoint_url".to_owned(),
        "usePathStyle" | "forcePathStyle" => return "use_path_style".to_owned(),
        "ignoreError" => return "ignore-error".to_owned(),
        "imageManifest" => return "image-manifest".to_owned(),
        "ociMediatypes" | "ociMediaTypes" => return "oci-mediatypes".to_owned(),
        _ => {}
    }
    let mut name = String::new();
    for character in key.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}
