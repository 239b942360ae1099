//! The explanation of a build against a ref that was scanned already, for `report`.

use std::path::PathBuf;

use clap::Args;

use super::answer::{Question, WhyFormat};
use super::{WhyArguments, build, failure};
use crate::cli::CliSession;
use crate::cli::open::Scanned;
use crate::cli::summary::SummaryFlag;
use crate::error::Failure;
use crate::explain::load::{Explanation, Imported, explain};
use crate::inventory::RefEntry;
use crate::source::{RefSelector, Source, SourceLocation};

/// What describes the build that a report shows.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The build that the report shows")]
pub(in crate::cli) struct BuildEvidence {
    /// Provenance, a build record, an LLB definition or a log of the build, as for `why`.
    #[arg(long, value_name = "EVIDENCE")]
    build: Vec<PathBuf>,
    /// The Dockerfile of the build.
    #[arg(long, short, value_name = "DOCKERFILE")]
    file: Option<PathBuf>,
    /// The build context; NAME=DIR for a named one.
    #[arg(long, value_name = "DIR")]
    context: Vec<String>,
}

impl BuildEvidence {
    /// Fails with a usage error if a context is not a directory.
    pub(in crate::cli) fn check(&self) -> Result<(), Failure> {
        build::have_contexts(&self.context)
    }

    /// Returns whether anything describes the build.
    pub(in crate::cli) fn is_given(&self) -> bool {
        !self.build.is_empty() || self.file.is_some() || !self.context.is_empty()
    }

    /// Explains the build against a ref. Without evidence, provenance at the ref describes it; none
    /// when there is none.
    ///
    /// # Errors
    /// When the evidence that was given cannot be read or describes no steps.
    pub(in crate::cli) async fn explain(
        &self,
        session: &CliSession<'_>,
        scanned: &Scanned,
        entry: &RefEntry,
    ) -> Result<Option<Explanation>, Failure> {
        let source = Source {
            select: Some(RefSelector::Name(entry.name.clone())),
            ..scanned.opened.source.clone()
        };
        let is_demo = matches!(source.location, SourceLocation::Demo);
        let sources = vec![source];
        let mut arguments = self.arguments();
        if !self.is_given() && is_demo {
            arguments.add_build_of_demo(&entry.name);
        }
        let is_described = self.is_given() || !arguments.build.is_empty();
        if !is_described && !build::have_graph(&build::records_near(session, &sources).await) {
            return Ok(None);
        }
        let Question { given, notes, .. } = arguments.question(session, sources).await?;
        let imported = Imported {
            reader: &scanned.opened.reader,
            inventory: &scanned.inventory,
            entry,
        };
        let mut explanation = explain(&[imported], given).await.map_err(failure)?;
        explanation.notes.splice(0..0, notes);
        Ok(Some(explanation))
    }

    /// Returns the arguments of `why` that ask for the same.
    fn arguments(&self) -> WhyArguments {
        WhyArguments {
            sources: Vec::new(),
            build: self.build.clone(),
            baseline: Vec::new(),
            context: self.context.clone(),
            described: build::BuildFlags::of_file(self.file.clone()),
            history: Vec::new(),
            fail_on: Vec::new(),
            format: WhyFormat::Text,
            summary: SummaryFlag::default(),
            show_request: false,
            command: Vec::new(),
        }
    }
}
