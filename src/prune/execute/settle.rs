//! What a run puts back because a ref names it by now, and how it looks after what it did.

use std::collections::{HashMap, HashSet};

use super::run::Run;
use super::{ExecuteError, Step};
use crate::backend::{Disposal, ObjectName, Outcome, PruneError, RefTarget, SharedReader, Skip};
use crate::format::digest::Digest;
use crate::format::text::visible;
use crate::inventory::{RefEntry, scan};
use crate::prune::journal::Journal;
use crate::prune::live::Live;
use crate::prune::plan::Kind;

/// A ref that lacks blobs which it did not lack before.
pub(super) struct Broken {
    names: Vec<String>,
    digest: Option<Digest>,
    /// Whether it lacks a blob that this run has deleted.
    by_this_run: bool,
}

/// How often the refs may change under the last check before everything is put back.
const MOST_ROUNDS: usize = 5;

impl Run<'_> {
    /// Puts back what the trash holds and a ref names, until a ref names nothing more of it: a manifest that is back may
    /// name further blobs.
    pub(super) async fn put_back_what_is_named(&mut self) -> Result<Live, ExecuteError> {
        loop {
            let live = self.mark().await?;
            self.reached(Step::Marked);
            if !self.put_back(&live).await? {
                return Ok(live);
            }
        }
    }

    /// Puts back from the trash what is needed; tells whether there was something.
    async fn put_back(&mut self, live: &Live) -> Result<bool, ExecuteError> {
        let (back, fault) = match self.pruner.put_back(live.blobs.clone()).await {
            Ok(back) => (back, None),
            Err(PruneError::PutBackInPart { back, source }) => (back, Some(*source)),
            Err(error) => return Err(error.into()),
        };
        let plan = self.plan;
        let of_back: HashSet<&Digest> = back.iter().collect();
        let is_back = |name: &ObjectName| matches!(name, ObjectName::Blob(digest) if of_back.contains(digest));
        let items: HashMap<ObjectName, usize> =
            plan.objects().zip(plan.before_objects()..).filter(|(name, _)| is_back(name)).collect();
        for digest in &back {
            self.note(|journal| journal.put_back(*digest));
            if let Some(item) = items.get(&ObjectName::Blob(*digest))
                && (self.outcomes[*item] == Some(Outcome::Done) || self.begun[*item])
            {
                self.conclude(*item, Outcome::Skipped(Skip::Named));
            }
        }
        self.put_back += back.len();
        fault.map_or(Ok(!back.is_empty()), |fault| Err(fault.into()))
    }

    /// Reads the refs again while nobody can write them, and puts back what they name by now. When they do not come to
    /// rest, or cannot be read, all that went into the trash comes back.
    pub(super) async fn check_refs_again(&mut self, mut live: Live) {
        let moved = (0..self.outcomes.len()).any(|item| self.is_in_trash(item));
        if !moved {
            if self.pruner.keeps_what_it_deletes() && self.deleted().next().is_some() {
                self.take_back_what_is_named(live).await;
            }
            return;
        }
        for _ in 0..MOST_ROUNDS {
            match self.pruner.refs_are(live.fingerprint).await {
                Ok(true) => return,
                Ok(false) | Err(PruneError::IndexHeld(_)) => {}
                Err(_) => break,
            }
            let Ok(marked) = self.mark().await else { break };
            live = marked;
            // A manifest that is named again may be in the trash: what it names is known when it is back.
            match self.put_back(&live).await {
                Ok(false) => {}
                Ok(true) => {
                    let Ok(marked) = self.put_back_what_is_named().await else { break };
                    live = marked;
                }
                Err(error) => {
                    tracing::warn!(%error, "what is named again could not be put back");
                    break;
                }
            }
            if live.undetermined {
                break;
            }
        }
        self.take_all_back().await;
    }

    /// Takes back what was deleted and is named by now, where the store still has it. What it cannot give back shows when
    /// the store is listed again.
    async fn take_back_what_is_named(&mut self, live: Live) {
        if matches!(self.pruner.refs_are(live.fingerprint).await, Ok(true)) {
            return;
        }
        if let Ok(live) = self.mark().await
            && let Err(error) = self.put_back(&live).await
        {
            tracing::warn!(%error, "what is named again could not be taken back");
        }
    }

    /// Returns the blobs that went in this run, or in the one that it goes on with.
    fn deleted(&self) -> impl Iterator<Item = Digest> {
        (0..self.outcomes.len()).filter(|item| self.outcomes[*item] == Some(Outcome::Done)).filter_map(
            |item| match self.object_target(item)?.name {
                ObjectName::Blob(digest) => Some(digest),
                ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
            },
        )
    }

    async fn take_all_back(&mut self) {
        let moved: Vec<usize> = (0..self.outcomes.len()).filter(|item| self.is_in_trash(*item)).collect();
        let names = moved.iter().filter_map(|item| self.object_target(*item)).map(|target| target.name);
        let outcomes = self.pruner.restore_objects(self.plan.id(), names.collect()).await;
        for (item, outcome) in moved.into_iter().zip(outcomes) {
            if matches!(outcome, Outcome::Done | Outcome::AlreadyGone) {
                self.put_back += 1;
                self.conclude(item, Outcome::Skipped(Skip::Unsettled));
            }
        }
        self.note(Journal::sync);
    }

    fn is_in_trash(&self, item: usize) -> bool {
        self.plan.disposal() == Disposal::Trash
            && self.outcomes[item] == Some(Outcome::Done)
            && matches!(self.plan.delete().at(item).target.kind(), Kind::Blob | Kind::Partial)
    }

    /// Lists the store again; returns the refs that lack something which they did not lack when the plan was made.
    pub(super) async fn broken_refs(&self) -> Result<Vec<Broken>, ExecuteError> {
        let reader: SharedReader = self.pruner.clone();
        let inventory = scan::scan(&reader, &self.scan, |_| ()).await?;
        // A ref that lost results lacks what it lacked before.
        let before: HashMap<String, String> = self
            .plan
            .delete()
            .rewrites()
            .map(|rewrite| &rewrite.documents)
            .map(|rewrite| (rewrite.to().0.to_string(), rewrite.from.digest.to_string()))
            .collect();
        let lacked = |name: &str, digest: &str| {
            let digest = before.get(digest).map_or(digest, String::as_str);
            let kept = self.plan.keep().iter().filter(|kept| kept.kind == Kind::Ref);
            let same = kept.filter(|kept| kept.name == name && kept.digest.as_deref() == Some(digest));
            same.map(|kept| kept.missing_blobs).max().unwrap_or_default()
        };
        let broken = inventory.refs.iter().filter(|entry| {
            entry.sizes.missing_blobs > 0
                && entry.sizes.missing_blobs > lacked(&entry.name, &entry.digest().to_string())
        });
        let deleted: HashSet<Digest> = self.deleted().collect();
        let lacks_what_went = |entry: &RefEntry| {
            let mut lacking = entry.reach.iter().map(|id| inventory.blobs.get(*id)).filter(|blob| !blob.is_stored());
            lacking.any(|blob| deleted.contains(&blob.digest()))
        };
        let told = broken.map(|entry| Broken {
            names: entry.names().map(str::to_owned).collect(),
            digest: entry.digest().valid(),
            by_this_run: lacks_what_went(entry),
        });
        Ok(told.collect())
    }

    /// Removes those refs that came while this run went on and name what it has deleted, when that is wanted. Returns the
    /// names of those that still are broken, and of those that are gone.
    pub(super) async fn cure(&mut self, broken: Vec<Broken>) -> (Vec<String>, Vec<String>) {
        let (mut left, mut cured) = (Vec::new(), Vec::new());
        for broken in broken {
            let name = visible(&broken.names.join(", ")).into_owned();
            let target = broken.digest.filter(|_| self.options.cure && broken.by_this_run);
            let target = target.map(|digest| RefTarget { names: broken.names.clone(), digest, bytes: 0 });
            let removed = match target {
                Some(target) => self.pruner.remove_refs(self.plan.id(), vec![target]).await.unwrap_or_default(),
                None => Vec::new(),
            };
            if removed == [Outcome::Done] {
                self.note(|journal| journal.cured(name.clone()));
                cured.push(name);
            } else {
                left.push(name);
            }
        }
        (left, cured)
    }
}
