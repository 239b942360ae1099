//! A page as one HTML file, without scripts, network access, or external resources.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::plan::PlanPart;
use super::{Page, SourcePart};
use crate::text::escape::visible;
use crate::text::units::{Age, Size};

mod pictures;

/// The style sheet, with light and dark colours.
const STYLE: &str = include_str!("../../../assets/report.css");
/// The heads of columns of numbers.
const NUMBERS: [&str; 6] = [
    "Objects",
    "Size",
    "Age",
    "Only here",
    "Results",
    "Keys only",
];

/// Formats a page.
pub fn page(page: &Page) -> String {
    let names: Vec<&str> = page.sources.iter().map(|source| &*source.name).collect();
    let title = text(&format!("cachelens: {}", names.join(", ")));
    // If content from a store ever got through unescaped, the policy would prevent it from running.
    let mut written = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>cachelens report</h1><p>{:.0}</p></header>\n<main>\n",
        page.created
    );
    for source in &page.sources {
        part(source, page.created, &mut written);
    }
    for (name, why) in &page.failed {
        // Writing to a String cannot fail.
        let _ = writeln!(
            written,
            "<section><h2>{}</h2><p class=\"bad\">not read: {}</p></section>",
            text(name),
            text(why)
        );
    }
    written + "</main>\n</body>\n</html>\n"
}

/// Escapes text for content and for attributes.
fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            _ => written.push(character),
        }
    }
    written
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), |bytes| Size(bytes).to_string())
}

fn age(time: Option<Timestamp>, now: Timestamp) -> String {
    match time {
        Some(time) => format!(
            "<time title=\"{time:.0}\">{}</time>",
            Age::between(time, now)
        ),
        None => "?".to_owned(),
    }
}

fn part(source: &SourcePart, now: Timestamp, written: &mut String) {
    let _ = writeln!(
        written,
        "<section>\n<h2>{}</h2>\n<p>{} in {} objects, {} refs · {}</p>",
        text(&source.name),
        Size(source.stored.bytes),
        source.stored.count,
        source.all_refs,
        source.kind
    );
    if let Some(selection) = source.selection() {
        let _ = writeln!(written, "<p class=\"note\">{}</p>", text(&selection));
    }
    if let Some(why) = &source.unknown {
        let _ = writeln!(
            written,
            "<p class=\"note\">Not all of it is known: {}.</p>",
            text(why)
        );
    }
    bar(source, written);
    states(source, written);
    money(source, written);
    pictures::holders(source, written);
    pictures::objects(source, now, written);
    issues(source, written);
    if let Some(build) = &source.build {
        pictures::stages(build, written);
    }
    pictures::timeline(source, now, written);
    refs(source, now, written);
    waste(source, now, written);
    plan(source, written);
    *written += "</section>\n";
}

/// Draws the states as one bar.
fn bar(source: &SourcePart, written: &mut String) {
    let stored = source.states.iter().filter(|state| state.is_stored);
    let parts: Vec<(&str, u64)> = stored
        .filter_map(|state| Some((state.word, state.tally?.bytes)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    let all: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    if all == 0 {
        return;
    }
    *written += "<div class=\"bar\" role=\"img\" aria-label=\"shares of the states\">";
    for (word, bytes) in parts {
        let share = bytes as f64 * 100.0 / all as f64;
        let _ = write!(
            written,
            "<span class=\"{word}\" style=\"width:{share:.2}%\" title=\"{word}: {} ({share:.1} %)\"></span>",
            Size(bytes)
        );
    }
    *written += "</div>\n";
}

fn states(source: &SourcePart, written: &mut String) {
    head(&["State", "Objects", "Size", "Meaning"], written);
    for state in &source.states {
        let count = state.tally.map(|tally| tally.count.to_string());
        let _ = writeln!(
            written,
            "<tr><td><i class=\"{0}\"></i>{0}</td><td class=\"number\">{1}</td><td class=\"number\">{2}</td><td>{3}</td></tr>",
            state.word,
            count.unwrap_or_else(|| "?".to_owned()),
            size(state.tally.map(|tally| tally.bytes)),
            state.meaning
        );
    }
    *written += "</tbody></table></div>\n";
}

fn head(heads: &[&str], written: &mut String) {
    // Sentences need the width of a phone: their rows become blocks there.
    let class = match heads.last() {
        Some(&("What" | "Why")) => "table list",
        _ => "table",
    };
    let _ = write!(written, "<div class=\"{class}\"><table><thead><tr>");
    for head in heads {
        let class = if NUMBERS.contains(head) {
            " class=\"number\""
        } else {
            ""
        };
        let _ = write!(written, "<th{class}>{head}</th>");
    }
    *written += "</tr></thead><tbody>\n";
}

fn issues(source: &SourcePart, written: &mut String) {
    if source.issues.is_empty() {
        *written += "<h3>Findings</h3>\n<p>nothing found</p>\n";
        return;
    }
    *written += "<h3>Findings</h3>\n";
    head(&["Severity", "Code", "Where", "What"], written);
    for issue in &source.issues {
        let hint = issue.hint.as_deref().map_or_else(String::new, |hint| {
            format!("<br><span class=\"note\">{}</span>", text(hint))
        });
        let _ = writeln!(
            written,
            "<tr><td class=\"{0}\">{0}</td><td>{1}</td><td>{2}</td><td>{3}{hint}</td></tr>",
            issue.level.word(),
            issue.code,
            text(&issue.subject),
            text(&issue.message)
        );
    }
    *written += "</tbody></table></div>\n";
}

fn refs(source: &SourcePart, now: Timestamp, written: &mut String) {
    if source.refs.is_empty() {
        return;
    }
    *written += "<h3>Refs</h3>\n";
    let heads = [
        "Ref",
        "Kind",
        "Age",
        "Size",
        "Only here",
        "Results",
        "Keys only",
    ];
    head(&heads, written);
    for part in &source.refs {
        let mark = if part.is_broken {
            " <span class=\"bad\">broken</span>"
        } else {
            ""
        };
        let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let _ = writeln!(
            written,
            "<tr><td>{}{mark}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            text(&part.name),
            part.kind,
            age(part.created, now),
            size(part.bytes),
            size(part.exclusive),
            count(part.records.map(|(results, _)| results)),
            count(part.records.map(|(_, keys)| keys))
        );
    }
    *written += "</tbody></table></div>\n";
    let more = source.all_refs.saturating_sub(source.refs.len());
    if more > 0 {
        let _ = writeln!(written, "<p class=\"note\">and {more} more refs</p>");
    }
}

fn waste(source: &SourcePart, now: Timestamp, written: &mut String) {
    if source.waste.is_empty() {
        return;
    }
    *written += "<h3>The largest waste</h3>\n";
    head(&["Object", "State", "Size", "Age"], written);
    for part in &source.waste {
        let _ = writeln!(
            written,
            "<tr><td class=\"name\">{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            text(&part.name),
            part.state,
            Size(part.bytes),
            age(part.modified, now)
        );
    }
    *written += "</tbody></table></div>\n";
}

/// Says what storage costs a month.
fn money(source: &SourcePart, written: &mut String) {
    let Some(price) = &source.price else {
        return;
    };
    let _ = write!(
        written,
        "<p>Storing it costs <b>{}</b> a month, <b>{}</b> of it for waste, at {}",
        text(&price.of(source.stored.bytes)),
        text(&price.of(source.wasted_bytes())),
        text(&price.to_string())
    );
    if let Some(whose) = price.assumed {
        let _ = write!(
            written,
            " <span class=\"note\">(assumed: {whose}; --price sets another)</span>"
        );
    }
    *written += ".</p>\n";
}

fn plan(source: &SourcePart, written: &mut String) {
    match &source.plan {
        None => {}
        Some(Err(why)) => {
            let _ = writeln!(
                written,
                "<h3>Deletions of a prune</h3>\n<p class=\"note\">{}</p>",
                text(why)
            );
        }
        Some(Ok(plan)) => planned(plan, source, written),
    }
}

fn planned(plan: &PlanPart, source: &SourcePart, written: &mut String) {
    let _ = writeln!(
        written,
        "<h3>Deletions of a prune</h3>\n<p>{}</p>",
        text(&plan.sentence(source.price.as_ref()))
    );
    for warning in &plan.warnings {
        let _ = writeln!(written, "<p class=\"note\">{}</p>", text(warning));
    }
    if plan.items.is_empty() {
        return;
    }
    head(&["Kind", "Name", "Size", "Why"], written);
    for item in &plan.items {
        let _ = writeln!(
            written,
            "<tr><td>{}</td><td class=\"name\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            item.kind,
            text(&item.name),
            item.size(),
            text(&item.reasons)
        );
    }
    *written += "</tbody></table></div>\n";
    let more = plan.all_items.saturating_sub(plan.items.len());
    if more > 0 {
        let _ = writeln!(written, "<p class=\"note\">and {more} more</p>");
    }
}
