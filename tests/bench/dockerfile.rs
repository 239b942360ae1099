//! Dockerfiles: how long a usual one takes to convert, and that a file four times as long takes
//! about four times as long.

use std::collections::BTreeMap;
use std::time::Duration;

use cachelens::explain::frontend::{
    ConversionOutcome, ConvertOptions, ImageState, Images, MainContext, convert,
};
use cachelens::format::dockerfile::Dockerfile;
use cachelens::format::llb::Platform;

use crate::Outcome;
use crate::table::{Table, in_turns, median_time};

/// The length of the long files, in bytes.
const LONG: usize = 1 << 20;
/// The length where each line becomes an operation: of more, the build is larger than BuildKit
/// takes.
const LONG_BUILD: usize = 1 << 17;
/// How much shorter the files are that they are compared with.
const PARTS: usize = 4;
/// How many times the time of a part the whole may take; 4 would be linear without any cost of
/// larger memory.
const MOST_TIMES: f64 = 6.0;
/// How many instructions a usual Dockerfile has.
const INSTRUCTIONS: usize = 200;
/// The maximum time of converting a usual one.
const TARGET: Duration = Duration::from_millis(5);

/// Repeated lines, by the part of the grammar that they use, and the length of the file. `@` is the
/// number of the line.
const SHAPES: [(&str, &str, &str, usize); 7] = [
    ("RUN", "FROM scratch\n", "RUN echo @\n", LONG_BUILD),
    (
        "COPY",
        "FROM scratch\n",
        "COPY --chmod=755 a b /@/\n",
        LONG_BUILD,
    ),
    ("ENV", "FROM scratch\n", "ENV V=@ W=${V:-x}\n", LONG),
    (
        "LABEL",
        "FROM scratch\n",
        "LABEL l.@=\"a ${HOME} b\"\n",
        LONG,
    ),
    (
        "one long RUN",
        "FROM scratch\nRUN true \\\n",
        " && echo @ \\\n",
        LONG,
    ),
    (
        "a heredoc",
        "FROM scratch\nCOPY <<EOF /f\n",
        "line @ of ${HOME}\n",
        LONG,
    ),
    ("comments", "FROM scratch\n", "# comment @\n", LONG),
];

pub fn measure(table: &mut Table) -> Outcome {
    let usual = file(
        "FROM scratch AS base\n",
        "RUN --mount=type=cache,target=/c echo @\n",
        |text| text.lines().count() > INSTRUCTIONS,
    );
    let took = median_time(21, || converted(&usual))?;
    table.time(
        format!("convert a Dockerfile of {INSTRUCTIONS} instructions"),
        took,
        TARGET,
    );
    for (name, head, line, length) in SHAPES {
        let whole = file(head, line, |text| text.len() >= length);
        let part = file(head, line, |text| text.len() >= length / PARTS);
        let (whole, part) = in_turns(3, || converted(&whole), || converted(&part))?;
        table.number(
            format!("{length} bytes of {name}, beside a quarter of it"),
            whole.as_secs_f64() / part.as_secs_f64(),
            MOST_TIMES,
        );
    }
    Ok(())
}

/// Repeats a line until the file is long enough.
fn file(head: &str, line: &str, is_enough: impl Fn(&str) -> bool) -> String {
    let mut text = head.to_owned();
    let mut number = 0;
    // The text is measured rarely, because that takes time too.
    loop {
        for _ in 0..INSTRUCTIONS {
            text.push_str(&line.replace('@', &number.to_string()));
            number += 1;
        }
        if is_enough(&text) {
            break;
        }
    }
    if head.contains("<<EOF") {
        text.push_str("EOF\n");
    }
    text
}

/// Converts a file; base images stay unknown.
fn converted(text: &str) -> Outcome {
    let file = Dockerfile::parse(text.as_bytes()).map_err(|refusal| refusal.to_string())?;
    let platform = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        ..Platform::default()
    };
    let options = ConvertOptions {
        platform: Some(platform.clone()),
        build_platform: platform,
        context: MainContext::Local {
            attributes: BTreeMap::new(),
            follow_paths: false,
        },
        ..ConvertOptions::default()
    };
    let mut images = Images::new();
    loop {
        match convert(&file, &options, &images).map_err(|refusal| refusal.to_string())? {
            ConversionOutcome::Converted(_) => return Ok(()),
            ConversionOutcome::NeedsImages(requests) => {
                let unknown = || ImageState::Unknown("not asked for".to_owned());
                images.extend(requests.into_iter().map(|request| (request, unknown())));
            }
        }
    }
}
