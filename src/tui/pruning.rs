//! What the UI knows of pruning: whether it may delete, the policy, and a plan with what became of each of its items.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::{Disposal, SharedPruner};
use crate::inventory::blobs::BlobId;
use crate::inventory::{RefId, Tally};
use crate::prune::draft::{Choices, Draft};
use crate::prune::plan::{BlobFate, FreedBlobs, Judged, Kind, Plan, PlanError, Target, Why};
use crate::retention::{Action, Budget, Condition, Pattern, PatternError, Policy, Reason, Rule, TextField};

/// Makes the pruner of a source. Only a run of a plan calls it.
pub type MakePruner = Arc<dyn Fn() -> SharedPruner + Send + Sync>;

/// Whether anything may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Nothing may.
    #[default]
    ReadOnly,
    /// What a person has seen in a plan and confirmed may.
    Write,
}

/// How the UI prunes.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// Whether anything may be deleted.
    pub access: Access,
    /// Which refs stay.
    pub policy: Policy,
    /// Where the policy comes from, when there is one.
    pub policy_from: Option<String>,
    /// The folder of journals, when there is one.
    pub journals: Option<PathBuf>,
}

/// Whether something can be deleted from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleting {
    /// It can.
    Allowed,
    /// It cannot, and this is why.
    Refused(String),
}

/// Which refs a plan is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those that the policy drops.
    Policy,
    /// These, by name and digest, unless a rule protects them.
    Marked(Vec<(String, String)>),
}

/// The name of the rule that drops what is marked.
const MARKED: &str = "marked refs";

impl Scope {
    /// Returns the policy that a plan of this scope follows.
    ///
    /// # Errors
    /// When the name of a ref cannot be written as a pattern.
    pub fn policy(&self, configured: &Policy) -> Result<Policy, PatternError> {
        let Self::Marked(refs) = self else { return Ok(configured.clone()) };
        let patterns: Vec<Pattern> = refs.iter().map(|(name, _)| Pattern::exactly(name)).collect::<Result<_, _>>()?;
        let mut policy = Policy { budget: Budget::default(), ..configured.clone() };
        policy.rules.retain(|rule| rule.action == Action::Protect);
        policy.rules.push(Rule {
            name: MARKED.to_owned(),
            conditions: vec![Condition::Text(TextField::Ref, patterns)],
            action: Action::Drop,
            drop_records: None,
        });
        Ok(policy)
    }

    /// Returns what stays although the policy of this scope may drop it: refs that only share their names with those
    /// that are meant.
    pub fn spared(&self, draft: &Draft) -> HashSet<Target> {
        let Self::Marked(refs) = self else { return HashSet::new() };
        let meant: HashSet<(&str, &str)> = refs.iter().map(|(name, digest)| (name.as_str(), digest.as_str())).collect();
        draft.refs_but(|entry| meant.contains(&(entry.name.as_str(), entry.digest().to_string().as_str())))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("the policy"),
            Self::Marked(refs) if refs.len() == 1 => f.write_str("the marked ref"),
            Self::Marked(refs) => write!(f, "the {} marked refs", refs.len()),
        }
    }
}

/// A part of what a plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What goes, and what was left out of that.
    Goes,
    /// What stays for now.
    Waits,
    /// What stays.
    Stays,
}

impl Part {
    /// All parts, in their order.
    pub const ALL: [Self; 3] = [Self::Goes, Self::Waits, Self::Stays];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Goes => "goes",
            Self::Waits => "waits",
            Self::Stays => "stays",
        }
    }
}

/// Where an item of a plan is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A deletion of the whole plan.
    Deletion(u32),
    /// A thing that the plan keeps.
    Kept(u32),
    /// A blob that is held.
    Held(BlobId, BlobFate),
}

/// What becomes of a deletion of the whole plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes.
    Goes,
    /// It was left out.
    LeftOut,
    /// It stays, because something was left out that reaches it.
    Needed,
}

/// A plan, and the one in which nothing is left out.
#[derive(Debug)]
pub struct Planned {
    /// What the plan follows from.
    pub draft: Arc<Draft>,
    /// What a person chose.
    pub choices: Choices,
    /// The plan.
    pub plan: Arc<Plan>,
    /// The plan in which nothing is left out.
    pub whole: Arc<Plan>,
    /// What becomes of each deletion of the whole plan.
    pub standings: Vec<Standing>,
    /// What the plan puts into the trash.
    pub moved: Tally,
    parts: [Arc<Vec<Entry>>; 3],
    refs: HashMap<(String, String), RefId>,
}

impl Planned {
    /// Makes the plan of a draft.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(draft: Arc<Draft>, choices: Choices) -> Result<Self, PlanError> {
        let whole = Arc::new(draft.plan(&choices)?);
        Ok(Self::of(draft, choices, Arc::clone(&whole), whole))
    }

    /// Makes it anew with other things left out.
    ///
    /// # Errors
    /// When there is none.
    pub fn leaving_out(&self, spared: HashSet<Target>) -> Result<Self, PlanError> {
        let choices = Choices { spared, ..self.choices.clone() };
        let plan = Arc::new(self.draft.plan(&choices)?);
        Ok(Self::of(Arc::clone(&self.draft), choices, plan, Arc::clone(&self.whole)))
    }

    fn of(draft: Arc<Draft>, choices: Choices, plan: Arc<Plan>, whole: Arc<Plan>) -> Self {
        let standings = standings(&plan, &whole, &choices.spared);
        let (waits, stays) = parts(&draft, &choices, &plan);
        let goes = (0..).take(whole.delete().len()).map(Entry::Deletion).collect();
        let refs = draft.inventory().indexed_refs();
        let refs = refs.map(|(id, entry)| ((entry.name.clone(), entry.digest().to_string()), id)).collect();
        let parts = [goes, waits, stays].map(Arc::new);
        let moved = plan.delete().iter().filter(|item| goes_into_trash(&plan, item.target.kind()));
        let moved = moved.map(|item| item.target.bytes()).collect();
        Self { draft, choices, plan, whole, standings, moved, parts, refs }
    }

    /// Returns what is spared when these things are, too, as far as they would go.
    pub fn with_left_out(&self, left_out: HashSet<Target>) -> HashSet<Target> {
        let mut spared = self.choices.spared.clone();
        if !left_out.is_empty() {
            let goes: HashSet<Target> = self.whole.delete().iter().map(|item| item.into_owned().target).collect();
            spared.extend(left_out.into_iter().filter(|target| goes.contains(target)));
        }
        spared
    }

    /// Returns how many things stay that would go if nothing was left out.
    pub fn left_out(&self) -> usize {
        self.standings.iter().filter(|standing| **standing != Standing::Goes).count()
    }

    /// Returns the entries of a part.
    pub fn part(&self, part: Part) -> &Arc<Vec<Entry>> {
        &self.parts[part as usize]
    }

    /// Returns the ref that goes by that name and digest.
    pub fn find_ref(&self, name: &str, digest: &str) -> Option<RefId> {
        self.refs.get(&(name.to_owned(), digest.to_owned())).copied()
    }

    /// Returns how many deletions are of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.plan.delete().iter().filter(|item| item.target.kind() == kind).count() as u64
    }

    /// Tells whether blobs go together with the refs that reached them.
    pub fn frees_now(&self) -> bool {
        self.choices.freed_blobs == FreedBlobs::GoNow
    }
}

/// Tells whether things of a kind are only moved by a plan, so that they take their room until the trash is emptied.
pub fn goes_into_trash(plan: &Plan, kind: Kind) -> bool {
    plan.disposal() == Disposal::Trash && matches!(kind, Kind::Blob | Kind::Partial)
}

/// Returns what becomes of each deletion of the whole plan.
fn standings(plan: &Arc<Plan>, whole: &Arc<Plan>, spared: &HashSet<Target>) -> Vec<Standing> {
    if Arc::ptr_eq(plan, whole) {
        return vec![Standing::Goes; whole.delete().len()];
    }
    let goes: HashSet<Target> = plan.delete().iter().map(|item| item.into_owned().target).collect();
    let standing = |target: &Target| match (goes.contains(target), spared.contains(target)) {
        (true, _) => Standing::Goes,
        (false, true) => Standing::LeftOut,
        (false, false) => Standing::Needed,
    };
    whole.delete().iter().map(|item| standing(&item.target)).collect()
}

/// Returns what waits, and what stays.
fn parts(draft: &Draft, choices: &Choices, plan: &Plan) -> (Vec<Entry>, Vec<Entry>) {
    let is_young = |why: &Why| matches!(why, Why::Policy(Reason::WithinGrace { .. }));
    let kept = (0..).zip(plan.keep());
    let (mut waits, mut stays): (Vec<_>, Vec<_>) =
        kept.partition(|(_, kept)| kept.kind != Kind::Ref && kept.reasons.iter().any(is_young));
    let entries = |kept: &mut Vec<(u32, _)>| kept.drain(..).map(|(place, _)| Entry::Kept(place)).collect::<Vec<_>>();
    let (mut waits, mut stays) = (entries(&mut waits), entries(&mut stays));
    let judged = Judged::new(&draft.planning(choices));
    for id in (0..).map(BlobId).take(draft.inventory().blobs.len()) {
        match judged.of_blob(id) {
            Some(fate @ (BlobFate::Waits | BlobFate::Collected | BlobFate::WithinGrace)) => {
                waits.push(Entry::Held(id, fate));
            }
            Some(BlobFate::Live | BlobFate::Missing | BlobFate::Goes) | None => {}
            Some(fate) => stays.push(Entry::Held(id, fate)),
        }
    }
    (waits, stays)
}
