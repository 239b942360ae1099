//! Templates of Helm charts, which are no YAML until they are rendered.

use super::embedded::substitute;
use super::session::FindSession;
use crate::format::located::{Located, TextPlace};
use crate::format::tree::{Tree, yaml};

/// Returns a template with the defaults of its chart, or `None` for a file of another kind. Lines
/// that only direct the rendering are blank, so that the others keep their numbers.
pub(super) fn rendered(session: &FindSession<'_>, path: &str, text: &str) -> Option<String> {
    let (chart, _) = path
        .rsplit_once("/templates/")
        .or_else(|| path.strip_prefix("templates/").map(|name| ("", name)))?;
    let in_chart = |name: &str| match chart {
        "" => name.to_owned(),
        chart => format!("{chart}/{name}"),
    };
    if !text.contains("{{") || !session.repository.has(&in_chart("Chart.yaml")) {
        return None;
    }
    let values = session.repository.read(&in_chart("values.yaml"));
    let values = values.unwrap_or_default();
    let values = yaml::parse(&values, 0).ok();
    let root = values.as_ref().and_then(Tree::root);
    let value = |inner: &str, place: TextPlace| {
        let name = inner.trim_matches('-').trim();
        let name = name.split('|').next().unwrap_or(name).trim();
        let name = name.strip_prefix("quote ").unwrap_or(name);
        let steps = name.strip_prefix(".Values.").map(|name| name.split('.'));
        let steps: Vec<&str> = steps.into_iter().flatten().collect();
        let known = root.filter(|_| !steps.is_empty());
        let known = known.and_then(|root| Some(root.path(&steps)?.text()?.as_str().to_owned()));
        match known {
            Some(known) if !known.is_empty() => Located::new(known, place),
            _ => session.unknown(name.trim_start_matches('.'), place),
        }
    };
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with("{{") && trimmed.ends_with("}}") {
            lines.push(String::new());
            continue;
        }
        let line = Located::new(line, TextPlace::default());
        lines.push(substitute(&line, "{{", "}}", value).as_str().to_owned());
    }
    Some(lines.join("\n"))
}
