//! Results of package updates that are too old: the limit, and the evidence that names the steps.

use jiff::{SignedDuration, Timestamp};

use super::CheckArguments;
use crate::check::{self, Finding};
use crate::cli::CliSession;
use crate::cli::evidence::StepEvidence;
use crate::cli::open::Scanned;
use crate::error::{Exit, Failure};
use crate::explain::evidence::CacheEvidence;
use crate::inventory::RefId;

/// Which results of package updates are too old, and the evidence that names their steps.
pub(super) struct Updates {
    evidence: CacheEvidence,
    most: SignedDuration,
}

impl Updates {
    /// Returns the limit of the command line, else that of the configuration; `None` without one.
    pub(super) async fn of(
        session: &CliSession<'_>,
        arguments: &CheckArguments,
    ) -> Result<Option<Self>, Failure> {
        arguments.described.refuse_no_cache()?;
        let configured = session.settings.max_update_age.as_ref();
        let limit = arguments.max_update_age;
        let Some(most) = limit.or(configured.map(|setting| setting.value)) else {
            return match described_by(arguments) {
                Some(what) => Err(without_limit(what)),
                None => Ok(None),
            };
        };
        let steps = StepEvidence {
            provenance: &arguments.provenance,
            described: Some(&arguments.described),
            context: arguments.context.as_deref(),
        };
        Ok(Some(Self {
            evidence: steps.load(session).await?,
            most: SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX),
        }))
    }

    /// Finds the results of package updates that are too old.
    pub(super) async fn too_old(&self, scanned: &Scanned) -> Vec<Finding> {
        let label = scanned.opened.label();
        let refs: Vec<RefId> = scanned.selected().into_iter().map(|(id, _)| id).collect();
        let checked = check::updates::CheckedRefs {
            source: &label,
            reader: &*scanned.opened.reader,
            inventory: &scanned.inventory,
            refs: &refs,
            evidence: &self.evidence,
        };
        check::updates::older_than(&checked, self.most, Timestamp::now()).await
    }
}

/// Returns the evidence of the command line that names steps.
fn described_by(arguments: &CheckArguments) -> Option<&'static str> {
    if arguments.described.is_given() {
        Some("a Dockerfile names")
    } else if !arguments.provenance.is_empty() {
        Some("--provenance names")
    } else if arguments.context.is_some() {
        Some("--context names")
    } else {
        None
    }
}

fn without_limit(what: &str) -> Failure {
    let message = format!("{what} steps for --max-update-age, which is not given");
    Failure::message(Exit::Usage, message).hint("add --max-update-age 30d")
}
