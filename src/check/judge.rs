//! From what is known of a source to findings.

use jiff::{SignedDuration, Timestamp};

use super::words::shell_word;
use super::{Code, Evidence, Finding, Subject};
use crate::format::digest::Digest;
use crate::format::text::visible;
use crate::inventory::{RefEntry, RefKind};

mod caches;
mod quota;
mod reads;
mod refs;
mod store;

/// Clocks may differ by so much before somebody is told.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Tells what is wrong with a source, dangerous to its builds, or a waste: the gravest first, then the most costly.
pub fn judge(evidence: &Evidence<'_>, now: Timestamp) -> Vec<Finding> {
    let in_trash = evidence.subject.inventory.awaited_from_trash();
    let desk = Desk { subject: evidence.subject, in_trash, now };
    let mut findings = Vec::new();
    for id in evidence.subject.refs() {
        let Some(entry) = evidence.subject.inventory.get_ref(id) else { continue };
        // Looks come in the order of refs.
        let look = evidence.looks.binary_search_by_key(&id, |(of, _)| *of).ok().map(|place| &evidence.looks[place].1);
        findings.extend(refs::judge(&desk, entry, look));
        findings.extend(look.into_iter().flat_map(|look| caches::judge(&desk, entry, look)));
    }
    findings.extend(evidence.read.into_iter().flat_map(|read| reads::judge(&desk, read)));
    if evidence.subject.only.is_none() {
        findings.extend(store::judge(&desk));
        findings.extend(quota::judge(&desk));
    }
    findings.extend(store::unchecked(&desk));
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    findings
}

/// What every judgement needs at hand.
struct Desk<'a> {
    subject: Subject<'a>,
    /// The blobs that a ref misses and the trash of earlier prunes holds, in their order.
    in_trash: Vec<Digest>,
    now: Timestamp,
}

impl Desk<'_> {
    fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(self.subject.source, code, message)
    }

    /// Makes a finding about a ref.
    fn about(&self, entry: &RefEntry, code: Code, message: impl Into<String>) -> Finding {
        self.finding(code, message).of_ref(&entry.name)
    }

    /// Returns a command on the source, as a person would type it.
    fn command(&self, verb: &str, flags: &str) -> String {
        format!("cachelens {verb} {} {flags}", shell_word(&visible(self.subject.source)))
    }

    /// Says how what is missing comes back from the trash of earlier prunes; nothing unless all of it is there.
    fn return_from_trash(&self, missing: impl IntoIterator<Item = Digest>) -> Option<String> {
        let all_there = missing.into_iter().all(|digest| self.in_trash.binary_search(&digest).is_ok());
        let command = self.command("prune", "--orphans-only --yes");
        all_there.then(|| format!("the trash of an earlier prune has what is missing: `{command}` puts it back"))
    }

    /// Says how a ref is replaced that cannot be used as it is.
    fn renewal(&self, entry: &RefEntry) -> String {
        if matches!(entry.kind, RefKind::Inline | RefKind::Image) {
            return "build and push the image again, without importing its cache from this ref".to_owned();
        }
        let again = "export to it once from a build that does not import it";
        match self.deletion(entry) {
            Some(command) => format!("{again}, or delete it: `{command}`"),
            None => format!("{again}, which replaces it"),
        }
    }

    /// Returns the command that lets a ref go, where a prune would: what it cannot read, it keeps.
    fn deletion(&self, entry: &RefEntry) -> Option<String> {
        let is_known = entry.kind == RefKind::Cache && !entry.is_unreadable() && entry.age().is_some();
        // In a pattern these would mean more than themselves, and what is not shown as it is cannot be typed.
        let is_plain = !entry.name.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
            && !entry.name.starts_with('/')
            && visible(&entry.name) == entry.name;
        let may_go = is_known && is_plain && entry.tagged && self.subject.kind != "demo";
        may_go.then(|| self.command("prune", &format!("--drop-ref {}", shell_word(&entry.name))))
    }
}
