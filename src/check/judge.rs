//! Derives findings from the known facts about a source.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::words::shell_word;
use super::{CheckInput, CheckSubject, Code, Finding, FindingAdvice, RestorableVersion};
use crate::format::digest::Digest;
use crate::inventory::{FaultKind, RefEntry, RefKind};
use crate::source::StoreKind;
use crate::text::escape::visible;

mod caches;
mod quota;
mod reads;
mod refs;
mod store;

/// The clock difference that is tolerated before it is reported.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Returns the faults of a source, the risks for its builds, and waste: most severe first, then
/// most bytes.
pub fn judge(evidence: &CheckInput<'_>, now: Timestamp) -> Vec<Finding> {
    let in_trash = evidence.subject.inventory.awaited_from_trash();
    let case = CheckCase {
        subject: evidence.subject,
        in_trash,
        vanished: evidence.vanished,
        now,
    };
    let mut findings = Vec::new();
    for id in evidence.subject.refs() {
        let Some(entry) = evidence.subject.inventory.get_ref(id) else {
            continue;
        };
        // Looks have the order of the refs.
        let look = evidence
            .looks
            .binary_search_by_key(&id, |(of, _)| *of)
            .ok()
            .map(|place| &evidence.looks[place].1);
        let mut of_ref = refs::judge(&case, entry, look);
        if let Ok(place) = evidence.versions.binary_search_by_key(&id, |(of, _)| *of) {
            let version = &evidence.versions[place].1;
            for finding in &mut of_ref {
                case.name_version(entry, version, finding);
            }
        }
        findings.extend(of_ref);
        findings.extend(
            look.into_iter()
                .flat_map(|look| caches::judge(&case, entry, look)),
        );
    }
    findings.extend(
        evidence
            .read
            .into_iter()
            .flat_map(|read| reads::judge(&case, read)),
    );
    if evidence.subject.only.is_none() {
        findings.extend(store::judge(&case));
        findings.extend(quota::judge(&case));
    }
    findings.extend(store::unchecked(&case));
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    findings
}

/// The shared case of all checks.
struct CheckCase<'a> {
    subject: CheckSubject<'a>,
    /// The missing blobs of refs that the trash of earlier prunes holds, in order.
    in_trash: Vec<Digest>,
    /// The documents that could be read and that the store no longer holds.
    vanished: &'a HashSet<Digest>,
    now: Timestamp,
}

impl CheckCase<'_> {
    fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(self.subject.source, code, message)
    }

    /// Makes a finding about a ref.
    fn about(&self, entry: &RefEntry, code: Code, message: impl Into<String>) -> Finding {
        self.finding(code, message).of_ref(&entry.name)
    }

    /// Returns a command on the source, as typed in a shell.
    fn command(&self, verb: &str, flags: &str) -> String {
        format!(
            "cachelens {verb} {} {flags}",
            shell_word(&visible(self.subject.source))
        )
    }

    /// Returns how missing blobs come back from the trash of earlier prunes; `None` unless the
    /// trash holds all of them.
    fn return_from_trash(
        &self,
        missing: impl IntoIterator<Item = Digest>,
    ) -> Option<FindingAdvice> {
        let all_there = missing
            .into_iter()
            .all(|digest| self.in_trash.binary_search(&digest).is_ok());
        let command = self.command("prune", "--orphans-only --yes");
        all_there.then_some(FindingAdvice::RestoreFromTrash { command })
    }

    /// Returns how to replace a ref that cannot be used as it is.
    fn renewal(&self, entry: &RefEntry) -> FindingAdvice {
        FindingAdvice::Replace(self.replacement(entry))
    }

    fn replacement(&self, entry: &RefEntry) -> String {
        match entry.kind {
            RefKind::Inline | RefKind::Image => {
                return "build and push the image again, without importing its cache from this ref"
                    .to_owned();
            }
            RefKind::Signature | RefKind::Artifact => {
                return "attach it to its subject again".to_owned();
            }
            RefKind::Unknown
                if !entry
                    .faults
                    .iter()
                    .any(|fault| fault.kind == FaultKind::ManifestAbsent) =>
            {
                return "restore it with the tool that wrote it".to_owned();
            }
            RefKind::Cache | RefKind::Unknown | RefKind::Blob | RefKind::Entry => {}
        }
        let again = "export to it once from a build that does not import it";
        match self.deletion(entry) {
            Some(command) => format!("{again}, or delete it: `{command}`"),
            None => format!("{again}, which replaces it"),
        }
    }

    /// Adds the command that repairs a finding to its advice, if there is one.
    fn name_repair(&self, entry: &RefEntry, finding: &mut Finding) {
        let is_fixable = Code::FIXABLE.contains(&finding.code)
            && !finding.code.is_unreadable()
            && entry.kind == RefKind::Cache
            && matches!(
                self.subject.kind,
                StoreKind::Local | StoreKind::Registry | StoreKind::S3
            )
            && finding.severity == finding.code.severity();
        if !is_fixable || finding.advice.is_empty() || finding.is_restorable_from_trash() {
            return;
        }
        let command = format!(
            "cachelens repair {}",
            shell_word(&visible(self.subject.source))
        );
        let effect = if finding.code == Code::TooLargeToImport {
            "shrinks it as far as possible without losing a hit"
        } else {
            "removes unusable results and keeps every other hit"
        };
        let place = before_replacement(&finding.advice).unwrap_or(finding.advice.len());
        let repair = FindingAdvice::Repair { command, effect };
        finding.advice.insert(place, repair);
    }

    /// Adds the command that restores a previous version to the advice on a ref from which builds
    /// get nothing.
    fn name_version(&self, entry: &RefEntry, version: &RestorableVersion, finding: &mut Finding) {
        let is_lost = finding.code.is_unreadable()
            || matches!(finding.code, Code::TooLargeToImport | Code::EmptyCache);
        if !is_lost || finding.advice.is_empty() || finding.is_restorable_from_trash() {
            return;
        }
        // A name that is not displayed unchanged cannot be typed.
        let place = format!("{}#{}", self.subject.source, entry.name);
        let is_plain = |text: &str| visible(text) == text;
        if !is_plain(&place) || !is_plain(&version.name) {
            return;
        }
        let command = format!(
            "cachelens repair {} --restore {}",
            shell_word(&place),
            shell_word(&version.name)
        );
        let time = version.time.map(|time| format!("{time:.0}"));
        let place = before_replacement(&finding.advice).unwrap_or_default();
        let restore = FindingAdvice::RestoreVersion { command, time };
        finding.advice.insert(place, restore);
    }

    /// Returns the command that deletes the ref, if a prune would: a prune keeps unreadable refs.
    fn deletion(&self, entry: &RefEntry) -> Option<String> {
        let is_known =
            entry.kind == RefKind::Cache && !entry.is_unreadable() && entry.age().is_some();
        // These characters have a special meaning in a pattern, and a name that is not displayed
        // unchanged cannot be typed.
        let is_plain = !entry
            .name
            .contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
            && !entry.name.starts_with('/')
            && visible(&entry.name) == entry.name;
        let may_delete =
            is_known && is_plain && entry.tagged && self.subject.kind != StoreKind::Demo;
        may_delete
            .then(|| self.command("prune", &format!("--drop-ref {}", shell_word(&entry.name))))
    }
}

/// Returns the place of the advice to replace a ref: commands that fix the ref come before it.
fn before_replacement(advice: &[FindingAdvice]) -> Option<usize> {
    let mut parts = advice.iter();
    parts.position(|part| matches!(part, FindingAdvice::Replace(_)))
}
