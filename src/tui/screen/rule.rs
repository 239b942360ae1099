//! A rule that is being edited, while the list below shows its effect on each ref. Nothing is
//! written or planned before a person confirms it.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::plan::PlanScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::config::edit::Change;
use crate::inventory::Inventory;
use crate::retention::{Limit, RefPatternError, Verdicts};
use crate::tui::effect::{ConfigAddition, Effect, JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::config::ConfigPrompt;
use crate::tui::layer::field::FieldPrompt;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{DeletionScope, Trial};
use crate::tui::rows::Cell;
use crate::tui::rows::refs::{AGE_BY_POLICY, RefRows};
use crate::tui::rule::{DraftAction, RuleDraft, RuleField};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::world::{SourceId, StatusKind, World};

mod head;
mod panes;

/// The lines above the list: the fields, the effect, the order of rules, and a rule line.
const HEAD: u16 = 4;
/// From this width on, the verdict about each ref has room.
const LIST_WIDTH: u16 = 84;

/// A rule that is being edited, and its effect on a source.
#[derive(Debug)]
pub struct RuleScreen {
    source: SourceId,
    inventory: Arc<Inventory>,
    draft: RuleDraft,
    field: RuleField,
    job: Option<JobId>,
    /// Whether it is being added to the configuration.
    is_saving: bool,
    effect: Option<RuleEffect>,
    /// What the policy with the rule decides about each ref.
    verdicts: Option<Arc<Verdicts>>,
    screen: ListScreen,
}

/// The effect of the policy with the rule on all refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct RuleEffect {
    kept: u64,
    dropped: u64,
    /// The bytes that all refs reach.
    all_bytes: u64,
    /// The bytes that only dropped refs reach; `None` if unknown.
    dropped_bytes: Option<u64>,
    /// The number of rules before this one.
    rules_before: usize,
    /// The number of matching refs that an earlier rule decides.
    decided_before: u64,
    matched: u64,
    /// The size of the kept refs, if the budget cannot be met.
    over_budget: Option<u64>,
}

impl RuleEffect {
    fn of(inventory: &Inventory, draft: &RuleDraft, trial: &Trial) -> Self {
        let mut effect = Self {
            rules_before: trial.place,
            ..Self::default()
        };
        let mut dropped = Vec::new();
        let verdicts = trial.verdicts.refs.iter().zip(&trial.verdicts.rules);
        for ((id, entry), (verdict, rule)) in inventory.indexed_refs().zip(verdicts) {
            if verdict.is_drop() {
                effect.dropped += 1;
                dropped.push(id);
            } else {
                effect.kept += 1;
            }
            if *rule == Some(trial.place) {
                effect.matched += 1;
            } else if rule.is_some() && draft.matches(&entry.names().collect::<Vec<_>>()) {
                effect.decided_before += 1;
            }
        }
        let mut budgets = trial.verdicts.budgets.iter();
        let unreachable = budgets
            .find(|budget| matches!(budget.limit, Limit::MaxSize(_)) && budget.is_unreachable());
        effect.over_budget = unreachable.and_then(|budget| budget.reached);
        effect.all_bytes = inventory.totals().live.bytes;
        let together = inventory.together(&dropped);
        effect.dropped_bytes = together.and_then(|together| together.exclusive_bytes);
        effect
    }
}

impl RuleScreen {
    /// Edits a rule about refs of `source` with names like `names`.
    ///
    /// # Errors
    /// Fails if a name cannot be written as a pattern.
    pub fn new(
        source: SourceId,
        inventory: Arc<Inventory>,
        names: &[String],
        choice: DraftAction,
        cx: &mut UiContext<'_>,
    ) -> Result<Self, RefPatternError> {
        let live = inventory.totals().live.bytes;
        let draft = RuleDraft::about(names, choice, cx.world.budget, live)?;
        let rows = Arc::new(RefRows::by_policy(Arc::clone(&inventory), None));
        // How many of the newest are kept is easiest to see from the newest on.
        let sort = Sort {
            column: AGE_BY_POLICY,
            ..Sort::default()
        };
        let list = RowList::new(rows, sort, cx);
        let mut screen = Self {
            source,
            inventory,
            draft,
            field: RuleField::Refs,
            job: None,
            is_saving: false,
            effect: None,
            verdicts: None,
            screen: ListScreen::new(list, RowHeight::Single, HEAD, "rule")
                .wanting(LIST_WIDTH)
                .with_filler(),
        };
        screen.try_it(cx);
        Ok(screen)
    }

    /// Requests the effect of the policy with the rule.
    fn try_it(&mut self, cx: &mut UiContext<'_>) {
        if let Some(job) = self.job.take() {
            cx.stop(job);
        }
        let work = JobWork::TryRule(
            self.source,
            Arc::clone(&self.inventory),
            Box::new(self.draft.trial()),
        );
        self.job = Some(cx.start(work));
    }

    fn step(&mut self, up: bool, cx: &mut UiContext<'_>) {
        if self.draft.step(self.field, up) {
            self.try_it(cx);
        } else if self.field == RuleField::Refs {
            self.edit(cx);
        }
    }

    fn turn(&mut self, step: usize) {
        let place = (self.field as usize + step) % RuleField::ALL.len();
        self.field = RuleField::ALL[place];
    }

    fn edit(&self, cx: &mut UiContext<'_>) {
        let title = match self.field {
            RuleField::Refs => "Refs: globs, as pr-* main, or /regex/",
            RuleField::Action => "Action: keep, drop or protect",
            RuleField::Last => "How many of the newest to keep",
            RuleField::Within => "The largest age of a kept ref, as 14d",
            RuleField::Budget => "The most that all refs may take together, as 20GiB",
        };
        cx.show(FieldPrompt::new(title, self.draft.text(self.field)));
    }

    /// Returns the changes of the configuration.
    fn changes(&self, world: &World) -> Vec<Change> {
        let mut changes = vec![Change::Rule(self.draft.rule())];
        let budget = self.draft.budget();
        if budget != world.budget {
            changes.push(Change::MaxSize(budget.max_size));
        }
        changes
    }
}

impl Screen for RuleScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[
            keymap::KeyContext::Rule,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let label = world.source(self.source).info.label.clone();
        ScreenHeader {
            path: vec![label, "refs".to_owned(), "rule".to_owned()],
            facts: Vec::new(),
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = match &world.policy_from {
            Some(file) => format!("together with the policy of {file}; nothing is written yet"),
            None => "there is no other rule; nothing is written yet".to_owned(),
        };
        self.screen
            .summary(world, "refs", Cell::new(words, TextRole::Dim))
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        // A key that arrives here means that the rule was not added.
        self.is_saving = false;
        match action {
            Action::Rescan => cx.scan(self.source),
            Action::NextField => self.turn(1),
            Action::PreviousField => self.turn(RuleField::ALL.len() - 1),
            Action::More => self.step(true, cx),
            Action::Less => self.step(false, cx),
            Action::Edit => self.edit(cx),
            Action::Save => {
                self.is_saving = true;
                let addition = ConfigAddition::Policy(self.changes(cx.world));
                cx.show(ConfigPrompt::new(addition, cx.world));
            }
            Action::Plan => {
                let scope = DeletionScope::WithRule(Box::new(self.draft.trial()));
                let plan = PlanScreen::new(self.source, scope, cx);
                cx.push(plan);
            }
            Action::CopyRule => {
                let text = format!("[[retention.rule]]\n{}", self.draft.rule());
                cx.effect(Effect::Copy(text));
            }
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Field(text) => match self.draft.set(self.field, &text) {
                Ok(()) => self.try_it(cx),
                Err(error) => cx.world.note(StatusKind::Failed, error),
            },
            request => self.answer_for_list(request, cx),
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::RuleTried(trial) if self.job == Some(job) => {
                self.job = None;
                self.effect = Some(RuleEffect::of(&self.inventory, &self.draft, trial));
                self.verdicts = Some(Arc::clone(&trial.verdicts));
                let rows = RefRows::by_policy(
                    Arc::clone(&self.inventory),
                    Some(Arc::clone(&trial.verdicts)),
                );
                self.screen.list.set_rows(Arc::new(rows), cx);
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.follow_ref(cx);
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.screen.forget_preview(cx);
        if let Some(job) = self.job.take() {
            cx.stop(job);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let found = cx.world.source(self.source).found.clone();
        let found = found.filter(|found| source == self.source && found.is_complete());
        // Verdicts on the same inventory come from a separate trial.
        if let Some(found) = found.filter(|found| !Arc::ptr_eq(&found.inventory, &self.inventory)) {
            self.inventory = found.inventory;
            self.draft
                .set_live_bytes(self.inventory.totals().live.bytes);
            self.try_it(cx);
        }
    }

    /// Once the rule is part of the policy, the refs themselves show its effect.
    fn policy_changed(&mut self, cx: &mut UiContext<'_>) {
        if self.is_saving {
            cx.back();
        } else {
            self.try_it(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let effect = self.effect_line(self.screen.head_width(area));
        let lines = [
            self.fields(self.screen.head_width(area)),
            effect,
            self.order_line(),
        ];
        self.screen.draw_ruled_head(&lines, world, frame, area);
        let empty = [Cell::text(
            "There is no ref that a rule could decide about.",
        )];
        self.screen.draw(world, frame, area, &empty);
        self.draw_boxes(world, frame, area);
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
