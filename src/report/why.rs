//! Explanations as annotations of GitHub Actions and as Markdown.

use super::github::{Annotation, AnnotationLevel};
use super::markdown::{code, table, text as plain};
use crate::explain::cause::Cause;
use crate::explain::load::Explanation;
use crate::explain::load::groups::{CauseGroup, CauseGroups};
use crate::explain::load::words::sentence;
use crate::explain::solve::CacheVerdict;
use crate::format::provenance::StepIndex;

/// The maximum number of files to list per cause.
const MOST_FILES: usize = 10;

/// An explained build.
#[derive(Clone, Copy)]
pub struct ExplainedBuild<'a> {
    /// The target of bake or the service of Compose.
    pub target: Option<&'a str>,
    /// The refs that the build is compared with.
    pub label: &'a str,
    /// The Dockerfile, relative to the current directory, if known.
    pub dockerfile: Option<&'a str>,
    pub explanation: &'a Explanation,
}

impl ExplainedBuild<'_> {
    /// Says in one line what is lost, and how many steps hit and run.
    pub fn summary(&self) -> String {
        self.explanation.summary()
    }

    /// Returns the target and the refs that the build is compared with.
    pub fn title(&self) -> String {
        match self.target {
            Some(target) => format!("{target}: {}", self.label),
            None => self.label.to_owned(),
        }
    }

    /// Returns the path of a step's file in the repository.
    pub(super) fn file(&self, step: StepIndex) -> Option<String> {
        let file = &self.explanation.place(step)?.file;
        let is_it = |path: &&str| path.rsplit('/').next() == Some(file.as_str());
        let path = self.dockerfile.filter(is_it).unwrap_or(file);
        Some(path.trim_start_matches("./").to_owned())
    }

    fn place(&self, step: StepIndex) -> String {
        let line = self.explanation.place(step).map(|place| place.first_line);
        match (self.file(step), line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => String::new(),
        }
    }
}

/// Returns an annotation for each cause, at its first step, and one for the counts.
pub fn annotations(all: &[ExplainedBuild<'_>]) -> Vec<Annotation> {
    let mut found = Vec::new();
    for explained in all {
        let explanation = explained.explanation;
        for group in &CauseGroups::new(explanation).all {
            let Some((step, cause, mut lines)) = cause_lines(explained, group) else {
                continue;
            };
            let place = explanation.place(step);
            lines.extend(cause.advice().map(str::to_owned));
            found.push(Annotation {
                level: AnnotationLevel::Warning,
                file: explained.file(step),
                line: place.map(|place| place.first_line),
                title: format!("cache miss: {}", cause.kind.word()),
                message: lines.join("\n"),
            });
        }
        found.push(Annotation {
            level: AnnotationLevel::Notice,
            file: None,
            line: None,
            title: explained.title(),
            message: explained.summary(),
        });
    }
    found
}

/// Returns the first step of a cause, the cause, and what is known of it.
pub(super) fn cause_lines<'a>(
    explained: &ExplainedBuild<'a>,
    group: &CauseGroup,
) -> Option<(StepIndex, &'a Cause, Vec<String>)> {
    let explanation = explained.explanation;
    let (step, cause) = first(explanation, group)?;
    let mut lines = vec![format!("{}: {}", explanation.title(step), sentence(cause))];
    lines.extend(files(explanation, step));
    let others = group.steps.iter().skip(1);
    let others: Vec<String> = others.map(|step| explained.place(*step)).collect();
    if !others.is_empty() {
        lines.push(format!("the same holds for {}", others.join(", ")));
    }
    lines.extend(Some(group.costs()).filter(|costs| !costs.is_empty()));
    Some((step, cause, lines))
}

/// Formats a page: the causes, then the steps.
pub fn markdown(all: &[ExplainedBuild<'_>]) -> String {
    let mut text = String::new();
    for explained in all {
        let explanation = explained.explanation;
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!(
            "### {}: {}\n\n",
            plain(&explained.title()),
            plain(&explained.summary())
        );
        let groups = CauseGroups::new(explanation);
        for (number, group) in (1..).zip(&groups.all) {
            text += &cause_item(explained, number, group);
        }
        if !groups.all.is_empty() {
            text.push('\n');
        }
        let rows: Vec<[String; 5]> = explanation
            .steps()
            .into_iter()
            .map(|step| row(explained, &groups, step))
            .collect();
        text += &table(["", "Step", "Where", "Cache", "Why"], rows);
        for note in &explanation.notes {
            text += &format!("\n> {}\n", plain(&note.to_string()));
        }
    }
    text
}

fn cause_item(explained: &ExplainedBuild<'_>, number: usize, group: &CauseGroup) -> String {
    let explanation = explained.explanation;
    let Some((step, cause)) = first(explanation, group) else {
        return String::new();
    };
    let mut text = format!(
        "{number}. {} {}: {}\n",
        plain(&explained.place(step)),
        code(&explanation.title(step)),
        plain(&sentence(cause))
    );
    for file in files(explanation, step) {
        text += &format!("   - {}\n", plain(&file));
    }
    let costs = group.costs();
    if !costs.is_empty() {
        text += &format!("   - {}\n", plain(&costs));
    }
    if let Some(advice) = cause.advice() {
        text += &format!("   - {}\n", plain(advice));
    }
    text
}

fn row(explained: &ExplainedBuild<'_>, groups: &CauseGroups, step: StepIndex) -> [String; 5] {
    let explanation = explained.explanation;
    let standing = &explanation.standings[step.at()];
    let verdict = match standing.verdict {
        _ if !explanation.is_judged(step) => "source",
        CacheVerdict::Hit => "hit",
        CacheVerdict::Miss => "**run**",
        CacheVerdict::Unknown => "undecided",
    };
    let number = groups.number(step).map(|number| number.to_string());
    let number = number.unwrap_or_default();
    let why = match &explanation.causes[step.at()] {
        Some(cause) if cause.is_root() => format!("{number} {}", cause.kind.word()),
        Some(cause) if number.is_empty() => plain(&cause.detail),
        Some(_) => format!("because of {number}"),
        None => explanation
            .undecided(step)
            .first()
            .map_or("", |reason| reason.word())
            .to_owned(),
    };
    [
        verdict.to_owned(),
        code(&explanation.title(step)),
        plain(&explained.place(step)),
        standing.in_cache.word().to_owned(),
        why.trim().to_owned(),
    ]
}

fn first<'a>(explanation: &'a Explanation, group: &CauseGroup) -> Option<(StepIndex, &'a Cause)> {
    let step = *group.steps.first()?;
    Some((step, explanation.causes[step.at()].as_ref()?))
}

/// Lists the files of a cause.
fn files(explanation: &Explanation, step: StepIndex) -> Vec<String> {
    let paths = explanation.causes[step.at()]
        .as_ref()
        .map(|cause| cause.paths.as_slice())
        .unwrap_or_default();
    let mut lines: Vec<String> = paths
        .iter()
        .take(MOST_FILES)
        .map(|change| match change.detail.as_str() {
            "" => format!("{} {}", change.kind.word(), change.path),
            detail => format!("{} {} ({detail})", change.kind.word(), change.path),
        })
        .collect();
    if paths.len() > MOST_FILES {
        lines.push(format!("… and {} more", paths.len() - MOST_FILES));
    }
    lines
}
