//! A page as Markdown, for summaries of workflow runs and for comments.

use jiff::Timestamp;

use super::build::{BuildPart, StepVerdict};
use super::{Page, SourcePart};
use crate::report::markdown::{code, issues, table, text};
use crate::text::units::{Age, Size};

/// The maximum number of refs per source.
const MOST_REFS: usize = 50;

/// Formats a page.
pub fn page(page: &Page) -> String {
    let mut written = format!("# cachelens report\n\n{:.0}\n", page.created);
    for source in &page.sources {
        written += &part(source, page.created);
    }
    for (name, why) in &page.failed {
        written += &format!("\n## {}\n\nnot read: {}\n", text(name), text(why));
    }
    written
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), |bytes| Size(bytes).to_string())
}

fn age(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map_or_else(
        || "?".to_owned(),
        |time| Age::between(time, now).to_string(),
    )
}

/// Lists the steps of a build that run, with why.
fn explained(build: &BuildPart) -> String {
    let mut written = format!("\n### {}: {}\n", text(&build.name), text(&build.summary));
    let steps = build.stages.iter().flat_map(|stage| &stage.steps);
    let runs = steps.filter(|step| step.verdict == StepVerdict::Run);
    let rows: Vec<[String; 4]> = runs
        .map(|step| {
            let seconds = step.seconds.map(|seconds| format!("{seconds:.1} s"));
            [
                code(&step.title),
                text(step.place.as_deref().unwrap_or_default()),
                seconds.unwrap_or_default(),
                text(step.why.as_deref().unwrap_or_default()),
            ]
        })
        .collect();
    if !rows.is_empty() {
        written.push('\n');
        written += &table(["Runs", "Where", "Took", "Why"], rows);
    }
    written
}

fn part(source: &SourcePart, now: Timestamp) -> String {
    let mut written = format!(
        "\n## {}\n\n{} in {} objects, {} refs\n\n",
        text(&source.name),
        Size(source.stored.bytes),
        source.stored.count,
        source.all_refs
    );
    if let Some(selection) = source.selection() {
        written += &format!("{}\n\n", text(&selection));
    }
    if let Some(why) = &source.unknown {
        written += &format!("Not all of it is known: {}.\n\n", text(why));
    }
    let rows = source.states.iter().map(|state| {
        let count = state.tally.map(|tally| tally.count.to_string());
        [
            state.word.to_owned(),
            count.unwrap_or_else(|| "?".to_owned()),
            size(state.tally.map(|tally| tally.bytes)),
            state.meaning.to_owned(),
        ]
    });
    written += &table(["State", "Objects", "Size", "Meaning"], rows);
    if let Some(price) = &source.price {
        let assumed = price.assumed.map(|whose| format!(" (assumed: {whose})"));
        written += &format!(
            "\nStoring it costs {} a month, {} of it for waste, at {}{}.\n",
            text(&price.of(source.stored.bytes)),
            text(&price.of(source.wasted_bytes())),
            text(&price.to_string()),
            assumed.unwrap_or_default()
        );
    }
    if !source.refs.is_empty() {
        let rows = source.refs.iter().take(MOST_REFS).map(|part| {
            let mark = if part.is_broken { " (broken)" } else { "" };
            [
                text(&part.name) + mark,
                part.kind.to_owned(),
                age(part.created, now),
                size(part.bytes),
                size(part.exclusive),
            ]
        });
        written.push('\n');
        written += &table(["Ref", "Kind", "Age", "Size", "Only here"], rows);
        let more = source.all_refs.saturating_sub(MOST_REFS);
        if more > 0 {
            written += &format!("\nand {more} more\n");
        }
    }
    if !source.issues.is_empty() {
        written.push('\n');
        written += &issues(&source.issues);
    }
    if let Some(build) = source.build.as_ref().filter(|build| build.is_explained) {
        written += &explained(build);
    }
    match &source.plan {
        Some(Ok(plan)) => {
            let sentence = plan.sentence(source.price.as_ref());
            written += &format!("\n**Prune:** {}\n", text(&sentence));
        }
        Some(Err(why)) => written += &format!("\n**Prune:** {}\n", text(why)),
        None => {}
    }
    written
}
