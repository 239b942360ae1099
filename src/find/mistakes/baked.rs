//! Whether bake builds one target only, so that a pattern of targets means that one.

use std::rc::Rc;

use super::MistakeSearch;
use crate::find::declaration::Declaration;
use crate::find::repository::join;
use crate::format::tree::TreeNode;
use crate::format::tree::yaml;

impl MistakeSearch<'_> {
    /// Whether bake builds one target only: the one that it is given, else the only one in its
    /// files. A group, and a target with a matrix, are several.
    pub(super) fn bakes_one_target(&self, declaration: &Declaration) -> bool {
        match &declaration.facts.bakes_only {
            // A name with a part that only the job knows is one target of each job.
            Some(name) => name.contains('*') || self.is_one_target(name),
            None => self.has_one_target(&declaration.facts.bake_files),
        }
    }

    fn is_one_target(&self, name: &str) -> bool {
        let is_bake = |path: &&str| path.contains("bake") && path.ends_with(".hcl");
        let files = self.repository.files().filter(is_bake);
        let texts: Vec<Rc<str>> = files
            .filter_map(|path| self.repository.read(path))
            .collect();
        let block = |kind: &str| format!("{kind} \"{name}\"");
        let is_group = texts.iter().any(|text| text.contains(&block("group")));
        let mut targets = texts.iter().filter_map(|text| {
            let (_, rest) = text.split_once(&block("target"))?;
            Some(rest.split_once("\n}").map_or(rest, |(body, _)| body))
        });
        !is_group && targets.next().is_some_and(|body| !has_matrix(body))
    }

    /// Whether the files describe a single build. A file that is not there may describe others.
    fn has_one_target(&self, files: &[String]) -> bool {
        let counts = files.iter().map(|file| {
            let path = join("", file)?;
            let text = self.repository.read(&path)?;
            Some(if path.ends_with(".hcl") {
                let targets = text.lines().filter(|line| line.starts_with("target "));
                targets.count() + usize::from(has_matrix(&text))
            } else {
                built_services(&text, self.repository.number(&path))
            })
        });
        counts.sum::<Option<usize>>() == Some(1)
    }
}

fn has_matrix(body: &str) -> bool {
    body.lines().any(|line| line.trim().starts_with("matrix"))
}

/// Counts the services of a Compose file that are built.
fn built_services(text: &str, number: u32) -> usize {
    let Ok(tree) = yaml::parse(text, number) else {
        return 0;
    };
    let services = tree.root().and_then(|root| root.get("services"));
    let services = services.map(TreeNode::entries).unwrap_or_default();
    let built = services
        .iter()
        .filter(|(_, service)| service.get("build").is_some());
    built.count()
}
