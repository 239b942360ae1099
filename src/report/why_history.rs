//! The inputs that change in nearly every build: as text, JSON, Markdown and annotations.

use serde::Serialize;

use super::github::{Annotation, AnnotationLevel};
use super::markdown::{code, table, text as plain};
use crate::explain::history::{Advice, ChangingInput, HistoryBuild, InputKind};
use crate::explain::load::note::Note;
use crate::explain::load::words::seconds;
use crate::format::provenance::StepIndex;
use crate::text::escape::visible;
use crate::text::shortened;

/// How many steps of one input are named.
const MOST_STEPS: usize = 5;
/// How many files of one instruction are named.
const MOST_FILES: usize = 5;
/// How many inputs that change less often are listed.
const MOST_OTHERS: usize = 20;
/// The maximum length of the name of a step, in characters.
const LONGEST_NAME: usize = 40;

/// Builds that were compared.
#[derive(Clone, Copy)]
pub struct WhyHistory<'a> {
    /// The builds, in their order.
    pub builds: &'a [HistoryBuild],
    /// The inputs that changed, the most frequent first.
    pub inputs: &'a [ChangingInput],
    /// What the evidence does not show.
    pub notes: &'a [Note],
}

impl<'a> WhyHistory<'a> {
    /// Returns the inputs that changed in nearly every build and run steps, files of one
    /// instruction together.
    fn frequent(&self) -> Vec<Vec<&'a ChangingInput>> {
        let mut groups: Vec<Vec<&ChangingInput>> = Vec::new();
        for input in self
            .inputs
            .iter()
            .filter(|input| input.is_frequent() && has_effect(input))
        {
            let same = groups.iter_mut().find(|group| {
                input.kind == InputKind::Content
                    && group[0].kind == InputKind::Content
                    && group[0].place == input.place
            });
            match same {
                Some(group) => group.push(input),
                None => groups.push(vec![input]),
            }
        }
        groups
    }

    /// Returns the inputs that changed less often and run steps.
    fn others(&self) -> Vec<&'a ChangingInput> {
        let inputs = self.inputs.iter();
        inputs
            .filter(|input| !input.is_frequent() && has_effect(input))
            .collect()
    }

    /// Names the inputs that changed and run nothing.
    fn idle(&self) -> Option<String> {
        let inputs = self.inputs.iter().filter(|input| !has_effect(input));
        let names: Vec<String> = inputs
            .map(|input| {
                let ChangingInput {
                    kind,
                    name,
                    changed,
                    compared,
                    ..
                } = input;
                format!("{} {name} ({changed} of {compared})", kind.noun())
            })
            .collect();
        (!names.is_empty()).then(|| format!("Changed, and runs no step: {}", names.join(", ")))
    }

    fn head(&self) -> String {
        let inputs = match self.frequent().len() {
            0 => "nothing that runs a step changes in nearly every one".to_owned(),
            1 => "1 cause in nearly every one".to_owned(),
            count => format!("{count} causes in nearly every one"),
        };
        format!("{} builds compared: {inputs}", self.builds.len())
    }

    fn steps(&self, input: &ChangingInput) -> Vec<StepDocument> {
        input
            .runs
            .iter()
            .filter_map(|step| self.step(*step, input))
            .collect()
    }

    fn may_run(&self, input: &ChangingInput) -> Vec<StepDocument> {
        input
            .may_run
            .iter()
            .filter_map(|step| self.step(*step, input))
            .collect()
    }

    fn step(&self, step: StepIndex, input: &ChangingInput) -> Option<StepDocument> {
        let build = self.builds.iter().rev().find(|build| {
            let of = build.names.get(step.at());
            of.is_some() && (input.place.is_none() || is_of(build, input))
        })?;
        let name = build.names.get(step.at())?.clone().masked();
        let place = name.places.first();
        Some(StepDocument {
            id: build.build.step(step)?.id.clone(),
            name: name.text.split_whitespace().collect::<Vec<_>>().join(" "),
            location: place.map(|place| CodeLocationDocument {
                file: place.file.clone(),
                line: place.first_line,
            }),
        })
    }
}

fn has_effect(input: &ChangingInput) -> bool {
    !input.runs.is_empty() || !input.may_run.is_empty()
}

/// Returns whether the instruction of an input stands in a build.
fn is_of(build: &HistoryBuild, input: &ChangingInput) -> bool {
    let Some(place) = &input.place else {
        return true;
    };
    let mut texts = build
        .build
        .sources
        .iter()
        .filter(|source| source.name == place.file);
    texts.any(|source| {
        let text = source.text.as_deref().unwrap_or_default();
        text.lines().count() >= place.line as usize
    })
}

/// A JSON document.
#[derive(Serialize)]
pub struct HistoryDocument {
    history: HistoryBody,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct HistoryBody {
    builds: Vec<BuildRow>,
    inputs: Vec<InputRow>,
}

#[derive(Serialize)]
struct BuildRow {
    name: String,
    started: Option<String>,
}

#[derive(Serialize)]
struct InputRow {
    kind: &'static str,
    name: String,
    changed: usize,
    compared: usize,
    frequent: bool,
    values: Vec<String>,
    location: Option<CodeLocationDocument>,
    instruction: Option<String>,
    runs: Vec<StepDocument>,
    may_run: Vec<StepDocument>,
    seconds: Option<f64>,
    from_log: bool,
    advice: Option<String>,
    #[serde(rename = "move")]
    to: Option<MoveRow>,
}

#[derive(Serialize)]
struct MoveRow {
    from: u32,
    above: u32,
    passes: Vec<u32>,
}

#[derive(Serialize)]
struct StepDocument {
    id: String,
    name: String,
    location: Option<CodeLocationDocument>,
}

#[derive(Serialize)]
struct CodeLocationDocument {
    file: String,
    line: u32,
}

/// Returns the JSON document.
pub fn document(history: &WhyHistory<'_>) -> HistoryDocument {
    let builds = history.builds.iter().map(|build| BuildRow {
        name: build.name.clone(),
        started: build.started.map(|started| started.to_string()),
    });
    HistoryDocument {
        history: HistoryBody {
            builds: builds.collect(),
            inputs: history
                .inputs
                .iter()
                .map(|input| row(history, input))
                .collect(),
        },
        notes: history.notes.iter().map(ToString::to_string).collect(),
    }
}

fn row(history: &WhyHistory<'_>, input: &ChangingInput) -> InputRow {
    let place = input.place.as_ref();
    let to = input.advice.as_ref().and_then(|advice| advice.to.as_ref());
    InputRow {
        kind: input.kind.word(),
        name: input.name.clone(),
        changed: input.changed,
        compared: input.compared,
        frequent: input.is_frequent(),
        values: input.values.clone(),
        location: place.map(|place| CodeLocationDocument {
            file: place.file.clone(),
            line: place.line,
        }),
        instruction: place.map(|place| place.text.clone()),
        runs: history.steps(input),
        may_run: history.may_run(input),
        seconds: input.took.map(|took| took.as_secs_f64()),
        from_log: input.from_log,
        advice: input.advice.as_ref().map(|advice| advice.text.clone()),
        to: to.map(|to| MoveRow {
            from: to.from,
            above: to.to,
            passes: to.passed.clone(),
        }),
    }
}

/// Writes the page that people read. `strong` paints a heading.
pub fn text(history: &WhyHistory<'_>, strong: impl Fn(&str) -> String) -> String {
    let mut lines = vec![history.head()];
    for (number, group) in (1..).zip(history.frequent()) {
        lines.push(String::new());
        let title = visible(&title(group[0])).into_owned();
        lines.push(format!("{number:<3}{}", strong(&title)));
        for line in about(history, &group) {
            lines.push(format!("    {}", visible(&line)));
        }
        if let Some(Advice { text, .. }) = &group[0].advice {
            lines.push(format!("    → {}", visible(text)));
        }
    }
    let others = history.others();
    if !others.is_empty() {
        lines.extend([String::new(), "Changed less often:".to_owned()]);
        let shown = others.iter().take(MOST_OTHERS);
        lines.extend(shown.map(|input| format!("    {}", visible(&short(input)))));
        if others.len() > MOST_OTHERS {
            lines.push(format!("    … and {} more", others.len() - MOST_OTHERS));
        }
    }
    if let Some(idle) = history.idle() {
        lines.extend([String::new(), visible(&idle).into_owned()]);
    }
    lines.extend(
        history
            .notes
            .iter()
            .map(|note| format!("note: {}", visible(&note.to_string()))),
    );
    lines.join("\n") + "\n"
}

/// Says how often the inputs of a group changed, and which steps run.
fn about(history: &WhyHistory<'_>, group: &[&ChangingInput]) -> Vec<String> {
    let shown = group.iter().take(MOST_FILES);
    let mut lines: Vec<String> = shown.map(|input| changed(input)).collect();
    if group.len() > MOST_FILES {
        lines.push(format!("and {} more files", group.len() - MOST_FILES));
    }
    lines.push(effect(history, group[0]));
    lines
}

fn title(input: &ChangingInput) -> String {
    match &input.place {
        Some(place) => format!("{}:{} {}", place.file, place.line, place.text),
        None => format!("{} {}", input.kind.noun(), input.name),
    }
}

fn changed(input: &ChangingInput) -> String {
    let values: Vec<String> = input
        .values
        .iter()
        .map(|value| format!("`{value}`"))
        .collect();
    let values = if input.kind.has_values() && !values.is_empty() {
        format!(": {}", values.join(" → "))
    } else {
        String::new()
    };
    if input.from_log {
        return format!(
            "it ran in {} of {} builds although nothing below it ran: its files changed, or the cache had lost its result",
            input.changed, input.compared
        );
    }
    format!(
        "{} {} changed in {} of {} builds{values}",
        input.kind.noun(),
        input.name,
        input.changed,
        input.compared
    )
}

fn effect(history: &WhyHistory<'_>, input: &ChangingInput) -> String {
    let steps = history.steps(input);
    let lost = input.took.filter(|took| !took.is_zero());
    let lost = lost.map_or_else(String::new, |took| {
        format!("{} lost a build, ", seconds(took))
    });
    let names: Vec<String> = steps
        .iter()
        .take(MOST_STEPS)
        .map(StepDocument::short)
        .collect();
    let more = steps.len().saturating_sub(names.len());
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    let after = match input.may_run.len() {
        0 => String::new(),
        1 => "; 1 step that copies from them may run, too".to_owned(),
        count => format!("; {count} steps that copy from them may run, too"),
    };
    match steps.len() {
        0 => format!("{lost}no step runs because of it"),
        1 => format!("{lost}1 step runs: {}{after}", names.join(", ")),
        count => format!("{lost}{count} steps run: {}{more}{after}", names.join(", ")),
    }
}

fn short(input: &ChangingInput) -> String {
    let place = input.place.as_ref();
    let place = place.map_or_else(String::new, |place| {
        format!(" ({}:{})", place.file, place.line)
    });
    format!(
        "{} of {}  {} {}{place}",
        input.changed,
        input.compared,
        input.kind.noun(),
        input.name
    )
}

impl StepDocument {
    fn short(&self) -> String {
        let name = shortened(&self.name, LONGEST_NAME);
        match &self.location {
            Some(place) => format!("line {} {name}", place.line),
            None => name,
        }
    }
}

/// Writes a page in Markdown.
pub fn markdown(history: &WhyHistory<'_>) -> String {
    let mut text = format!("### {}\n\n", plain(&history.head()));
    let frequent = history.frequent();
    for (number, group) in (1..).zip(&frequent) {
        text += &format!("{number}. {}\n", code(&title(group[0])));
        let advice = group[0].advice.as_ref().map(|advice| advice.text.clone());
        for line in about(history, group).into_iter().chain(advice) {
            text += &format!("   - {}\n", plain(&line));
        }
    }
    let others = history.others();
    if !frequent.is_empty() && !others.is_empty() {
        text.push('\n');
    }
    if !others.is_empty() {
        let rows = others.iter().map(|input| {
            let place = input.place.as_ref();
            let place = place.map(|place| format!("{}:{}", place.file, place.line));
            [
                format!("{} of {}", input.changed, input.compared),
                plain(&format!("{} {}", input.kind.noun(), input.name)),
                plain(&place.unwrap_or_default()),
            ]
        });
        text += &table(["Changed", "Input", "Where"], rows);
    }
    let notes = history.notes.iter().map(ToString::to_string);
    for note in history.idle().into_iter().chain(notes) {
        text += &format!("\n> {}\n", plain(&note));
    }
    text
}

/// Makes an annotation of each input that runs steps in nearly every build, and one of the counts.
pub fn annotations(history: &WhyHistory<'_>) -> Vec<Annotation> {
    let annotation = |group: Vec<&ChangingInput>| {
        let input = group[0];
        let advice = input.advice.as_ref().map(|advice| advice.text.clone());
        let lines: Vec<String> = about(history, &group).into_iter().chain(advice).collect();
        Annotation {
            level: AnnotationLevel::Warning,
            file: input.place.as_ref().map(|place| place.file.clone()),
            line: input.place.as_ref().map(|place| place.line),
            title: format!("changes in nearly every build: {}", input.kind.word()),
            message: lines.join("\n"),
        }
    };
    let mut found: Vec<Annotation> = history.frequent().into_iter().map(annotation).collect();
    found.push(Annotation {
        level: AnnotationLevel::Notice,
        file: None,
        line: None,
        title: "build history".to_owned(),
        message: history.head(),
    });
    found
}
