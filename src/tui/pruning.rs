//! The pruning state of the UI: the permission to delete, the policy, and a plan with the status of
//! each item.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::backend::{PlanId, Totals};
use crate::inventory::RefId;
use crate::inventory::blobs::BlobId;
use crate::prune::draft::{Choices, Draft};
use crate::prune::execute::Settle;
use crate::prune::plan::{BlobFate, DeletionTarget, FreedBlobs, ItemKind, Judged, Plan, PlanError};
use crate::retention::Policy;

mod scope;

pub(super) use scope::with_rule;
pub use scope::{DeletionScope, Repairing, RuleTrial, Trial};

/// Whether deletions are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionAccess {
    /// No deletions are allowed.
    #[default]
    ReadOnly,
    /// Items that a person has seen in a plan and confirmed may be deleted.
    Write,
}

/// How the UI prunes.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// Whether deletions are allowed.
    pub access: DeletionAccess,
    /// The retention policy.
    pub policy: Policy,
    /// The origin of the policy, if there is one.
    pub policy_from: Option<String>,
    /// The folder of journals, if there is one.
    pub journals: Option<PathBuf>,
    /// How long a run waits for builds.
    pub settle: Settle,
}

/// Whether a source supports deletions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleting {
    Allowed,
    /// The program was started without the permission to delete.
    ReadOnly {
        /// The command that starts it with the permission.
        command: String,
    },
    /// It does not, for this reason.
    Refused(String),
}

impl Deleting {
    /// Returns why nothing can be deleted, if so, and what to do about it.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Allowed => None,
            Self::ReadOnly { command } => Some(format!("read-only. Restart with: {command}")),
            Self::Refused(why) => Some(why.clone()),
        }
    }
}

/// A part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanSection {
    /// The deletions, and the items excluded from them.
    Delete,
    /// The waiting items.
    Wait,
    /// The kept items.
    Keep,
}

impl PlanSection {
    /// All parts, in display order.
    pub const ALL: [Self; 3] = [Self::Delete, Self::Wait, Self::Keep];

    /// Returns the word for the part.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Wait => "wait",
            Self::Keep => "keep",
        }
    }
}

/// The location of an item in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanEntry {
    /// A deletion of the whole plan.
    Deletion(u32),
    /// An item that the plan keeps.
    Kept(u32),
    /// A blob that stays although no kept ref reaches it.
    Held(BlobId, BlobFate),
    /// The trash of an earlier run, by the index of that run.
    Trash(u32),
}

/// The part of an earlier run's trash that a plan keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTrash {
    /// The folder of the run in the trash.
    pub run: String,
    /// The time at which the run moved it there.
    pub since: Option<Timestamp>,
    /// The count and size.
    pub tally: Totals,
    /// The index of one of the objects among the kept items.
    pub first: u32,
}

impl KeptTrash {
    /// Returns the folder of the run that moved the object `name` to the trash.
    fn run_of(name: &str) -> Option<&str> {
        name.split('/').find(|part| part.parse::<PlanId>().is_ok())
    }
}

/// The status of a deletion of the whole plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanChoice {
    Deleted,
    Excluded,
    /// It is kept because an excluded item reaches it.
    Needed,
}

/// A plan, and the plan without exclusions.
#[derive(Debug)]
pub struct Planned {
    /// The input of the plan.
    pub draft: Arc<Draft>,
    /// The choices of a person.
    pub choices: Choices,
    pub plan: Arc<Plan>,
    /// The plan without exclusions.
    pub whole: Arc<Plan>,
    /// The status of each deletion of the whole plan.
    pub standings: Vec<PlanChoice>,
    /// The items that the plan moves to the trash.
    pub moved: Totals,
    /// The trash of earlier runs that the plan keeps.
    pub trash: Vec<KeptTrash>,
    parts: [Arc<Vec<PlanEntry>>; 3],
    refs: HashMap<(String, String), RefId>,
}

impl Planned {
    /// Makes the plan of a draft.
    ///
    /// # Errors
    /// Fails if no plan can be made.
    pub fn new(draft: Arc<Draft>, choices: Choices) -> Result<Self, PlanError> {
        let (plan, fates) = draft.plan_with_fates(&choices)?;
        let whole = Arc::new(plan);
        Ok(Self::of(draft, choices, Arc::clone(&whole), whole, &fates))
    }

    /// Makes the plan again with other exclusions.
    ///
    /// # Errors
    /// Fails if no plan can be made.
    pub fn with_excluded(&self, excluded: HashSet<DeletionTarget>) -> Result<Self, PlanError> {
        let choices = Choices {
            excluded,
            ..self.choices.clone()
        };
        let (plan, fates) = self.draft.plan_with_fates(&choices)?;
        Ok(Self::of(
            Arc::clone(&self.draft),
            choices,
            Arc::new(plan),
            Arc::clone(&self.whole),
            &fates,
        ))
    }

    fn of(
        draft: Arc<Draft>,
        choices: Choices,
        plan: Arc<Plan>,
        whole: Arc<Plan>,
        fates: &Judged,
    ) -> Self {
        let standings = standings(&plan, &whole, &choices.excluded);
        let (waits, stays, trash) = parts(&draft, &plan, fates);
        let goes = (0..)
            .take(whole.delete().len())
            .map(PlanEntry::Deletion)
            .collect();
        let refs = draft.inventory().indexed_refs();
        let refs = refs
            .map(|(id, entry)| ((entry.name.clone(), entry.digest().to_string()), id))
            .collect();
        let parts = [goes, waits, stays].map(Arc::new);
        let moved = plan
            .delete()
            .iter()
            .filter(|item| plan.moves_to_trash(item.target.kind()));
        let moved = moved.map(|item| item.target.bytes()).collect();
        Self {
            draft,
            choices,
            plan,
            whole,
            standings,
            moved,
            trash,
            parts,
            refs,
        }
    }

    /// Returns the exclusions with these items added, as far as they would be deleted.
    pub fn with_exclusions(&self, by_hand: HashSet<DeletionTarget>) -> HashSet<DeletionTarget> {
        let mut excluded = self.choices.excluded.clone();
        if !by_hand.is_empty() {
            let goes: HashSet<DeletionTarget> = self
                .whole
                .delete()
                .iter()
                .map(|item| item.into_owned().target)
                .collect();
            excluded.extend(by_hand.into_iter().filter(|target| goes.contains(target)));
        }
        excluded
    }

    /// Returns the number of items that are kept only because of exclusions.
    pub fn excluded_count(&self) -> usize {
        self.standings
            .iter()
            .filter(|standing| **standing != PlanChoice::Deleted)
            .count()
    }

    /// Returns the entries of a part.
    pub fn part(&self, part: PlanSection) -> &Arc<Vec<PlanEntry>> {
        &self.parts[part as usize]
    }

    /// Returns the ref with that name and digest.
    pub fn find_ref(&self, name: &str, digest: &str) -> Option<RefId> {
        self.refs
            .get(&(name.to_owned(), digest.to_owned()))
            .copied()
    }

    /// Returns the number of deletions of a kind.
    pub fn count(&self, kind: ItemKind) -> u64 {
        self.plan
            .delete()
            .iter()
            .filter(|item| item.target.kind() == kind)
            .count() as u64
    }

    /// Returns when a later run may delete what waits because of this plan.
    pub fn waits_until(&self) -> Option<Timestamp> {
        let wait = self.plan.grace().saturating_add(self.draft.settling());
        self.plan.created().checked_add(wait).ok()
    }

    /// Returns whether blobs are deleted together with their refs.
    pub fn frees_now(&self) -> bool {
        self.choices.freed_blobs == FreedBlobs::DeleteNow
    }
}

/// Returns the status of each deletion of the whole plan.
fn standings(
    plan: &Arc<Plan>,
    whole: &Arc<Plan>,
    excluded: &HashSet<DeletionTarget>,
) -> Vec<PlanChoice> {
    if Arc::ptr_eq(plan, whole) {
        return vec![PlanChoice::Deleted; whole.delete().len()];
    }
    let goes: HashSet<DeletionTarget> = plan
        .delete()
        .iter()
        .map(|item| item.into_owned().target)
        .collect();
    let standing =
        |target: &DeletionTarget| match (goes.contains(target), excluded.contains(target)) {
            (true, _) => PlanChoice::Deleted,
            (false, true) => PlanChoice::Excluded,
            (false, false) => PlanChoice::Needed,
        };
    whole
        .delete()
        .iter()
        .map(|item| standing(&item.target))
        .collect()
}

/// Returns the waiting items, the kept items, and the kept trash, with one row per run.
fn parts(
    draft: &Draft,
    plan: &Plan,
    fates: &Judged,
) -> (Vec<PlanEntry>, Vec<PlanEntry>, Vec<KeptTrash>) {
    let stored = &draft.inventory().trash;
    let mut waits = Vec::new();
    let mut stays = Vec::new();
    let mut trash: Vec<KeptTrash> = Vec::new();
    // The waiting and the kept trash of one run are separate rows.
    let mut groups: HashMap<(&str, bool), usize> = HashMap::new();
    for (place, kept) in (0..).zip(plan.keep()) {
        let waiting = kept.waits();
        let list = if waiting { &mut waits } else { &mut stays };
        let object = stored.find(&kept.name);
        let run = KeptTrash::run_of(&kept.name).filter(|_| kept.kind == ItemKind::Object);
        let Some((object, run)) = object.zip(run) else {
            list.push(PlanEntry::Kept(place));
            continue;
        };
        let group = *groups.entry((run, waiting)).or_insert_with(|| {
            list.push(PlanEntry::Trash(
                u32::try_from(trash.len()).unwrap_or(u32::MAX),
            ));
            trash.push(KeptTrash {
                run: run.to_owned(),
                since: object.modified,
                tally: Totals::default(),
                first: place,
            });
            trash.len() - 1
        });
        let tally = &mut trash[group].tally;
        tally.count += 1;
        tally.bytes = tally.bytes.saturating_add(object.size);
    }
    for id in (0..).map(BlobId).take(draft.inventory().blobs.len()) {
        match fates.of_blob(id) {
            Some(fate @ (BlobFate::Waits | BlobFate::Collected | BlobFate::WithinGrace)) => {
                waits.push(PlanEntry::Held(id, fate));
            }
            Some(BlobFate::Live | BlobFate::Missing | BlobFate::Delete | BlobFate::Ruled)
            | None => {}
            Some(fate) => stays.push(PlanEntry::Held(id, fate)),
        }
    }
    (waits, stays, trash)
}
