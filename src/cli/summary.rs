//! `--summary`: a page of Markdown for the summary of a job of GitHub Actions.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::error::{Exit, Failure};
use crate::text::escape::visible;

/// The variable in which GitHub names the file.
const VARIABLE: &str = "GITHUB_STEP_SUMMARY";
/// GitHub refuses a summary of a step that is larger.
const MOST_BYTES: usize = 1 << 20;
/// What stands at the end of a page that was cut.
const CUT: &str = "\n\n… the rest is omitted: GitHub shows 1 MiB of a step.\n";

/// The flag.
#[derive(Debug, Default, Clone, Copy, Args)]
pub(super) struct SummaryFlag {
    /// Add a page of Markdown to the summary of the GitHub Actions job.
    #[arg(long)]
    summary: bool,
}

impl SummaryFlag {
    /// Returns where the page goes; none when none is wanted.
    ///
    /// # Errors
    /// When a page is wanted and no job is running.
    pub(super) fn file(self) -> Result<Option<SummaryFile>, Failure> {
        if !self.summary {
            return Ok(None);
        }
        match env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => Ok(Some(SummaryFile(path.into()))),
            None => {
                let message = format!("--summary: ${VARIABLE} is not set");
                Err(Failure::message(Exit::Usage, message)
                    .hint("GitHub Actions sets it in every step; elsewhere use --format markdown"))
            }
        }
    }
}

/// The file of a job's summary.
pub(super) struct SummaryFile(PathBuf);

impl SummaryFile {
    /// Adds a page. What the job wrote before stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(&self, page: &str) -> Result<(), Failure> {
        let file = OpenOptions::new().create(true).append(true).open(&self.0);
        let written = file.and_then(|mut file| {
            let room = file.metadata().map_or(MOST_BYTES, |known| {
                MOST_BYTES.saturating_sub(usize::try_from(known.len()).unwrap_or(MOST_BYTES))
            });
            file.write_all(fitting(page, room).as_bytes())
        });
        written.map_err(|error| {
            let shown = visible(&self.0.to_string_lossy()).into_owned();
            Failure::new(Exit::Failed, &error).on(&format!("{shown} cannot be written"))
        })
    }
}

/// Returns a page with a line break at its end, cut to `room` bytes.
fn fitting(page: &str, room: usize) -> String {
    if page.len() < room {
        return format!("{}\n", page.trim_end_matches('\n'));
    }
    let Some(kept) = room.checked_sub(CUT.len()) else {
        return String::new();
    };
    let end = page.floor_char_boundary(kept);
    // A table ends at the end of a line.
    let end = page[..end].rfind('\n').unwrap_or(end);
    format!("{}{CUT}", &page[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_at_the_end_of_a_line() {
        assert_eq!(fitting("a\n\n", 100), "a\n");
        let page = "| ä |\n".repeat(100);
        let cut = fitting(&page, 200);
        assert!(cut.len() <= 200 && cut.ends_with(CUT), "{cut}");
        assert!(cut.trim_end_matches(CUT).ends_with('|'), "{cut}");
        assert_eq!(fitting(&page, 10), "");
    }
}
