//! A rule that is being edited, while the list below shows its effect on each ref. Nothing is
//! written or planned before a person confirms it.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::plan::PlanScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::inventory::Inventory;
use crate::retention::{RefPatternError, Verdicts};
use crate::text::plural::one_or;
use crate::text::units::Size;
use crate::text::units::grouped;
use crate::tui::effect::{ConfigAddition, Effect, JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::config::ConfigPrompt;
use crate::tui::layer::field::FieldPrompt;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{DeletionScope, Trial};
use crate::tui::rows::refs::{AGE_BY_POLICY, RefRows};
use crate::tui::rows::{Cell, Piece};
use crate::tui::rule::{DraftAction, RuleDraft, RuleField};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::{meter, text};
use crate::tui::world::{SourceId, StatusKind, World};

mod panes;

/// The lines above the list: the fields, the effect, the order of rules, and a rule line.
const HEAD: u16 = 4;
/// The maximum width of the effect's meter.
const METER: u16 = 24;

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
        let draft = RuleDraft::about(names, choice)?;
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
            screen: ListScreen::new(list, RowHeight::Single, HEAD, "rule").with_filler(),
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
            Box::new(self.draft.rule()),
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
        };
        cx.show(FieldPrompt::new(title, self.draft.text(self.field)));
    }

    fn fields(&self) -> Cell {
        let mut cell = Cell::default();
        for field in RuleField::ALL {
            let (name, value) = if self.draft.is_used(field) {
                (TextRole::Dim, TextRole::Strong)
            } else {
                (TextRole::Rule, TextRole::Rule)
            };
            let (left, right, value) = if field == self.field {
                (" ‹", "› ", TextRole::Title)
            } else {
                ("  ", "  ", value)
            };
            cell = cell
                .and(field.word(), name)
                .and(left, TextRole::Key)
                .and(self.draft.text(field), value)
                .and(right, TextRole::Key)
                .and(" ", TextRole::Text);
        }
        cell
    }

    fn effect_line(&self, width: u16) -> Cell {
        let Some(effect) = self.effect else {
            return Cell::new("asking what it does to each ref…", TextRole::Dim);
        };
        let refs = |count: u64| one_or(count, "ref", "refs");
        let kept_bytes = effect
            .dropped_bytes
            .map(|dropped| effect.all_bytes.saturating_sub(dropped));
        let size =
            |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| Size(bytes).to_string());
        let words = Cell::new("keeps ", TextRole::Dim)
            .and(grouped(effect.kept), TextRole::Live)
            .and(
                format!(" {} · {}", refs(effect.kept), size(kept_bytes)),
                TextRole::Dim,
            )
            .and("   drops ", TextRole::Dim)
            .and(grouped(effect.dropped), TextRole::Orphan)
            .and(
                format!(
                    " {} · frees {}",
                    refs(effect.dropped),
                    size(effect.dropped_bytes)
                ),
                TextRole::Dim,
            );
        let words = match self.job {
            Some(_) => words.and(" …", TextRole::Dim),
            None => words,
        };
        let room = width
            .saturating_sub(text::cell_width(&words) + 2)
            .min(METER);
        let Some(kept) = kept_bytes.filter(|_| room >= 8) else {
            return words;
        };
        let bar = meter::of_two(kept, effect.dropped_bytes.unwrap_or_default(), room);
        let gap = Piece("  ".into(), TextRole::Text);
        Cell(bar.0.into_iter().chain([gap]).chain(words.0).collect())
    }

    fn order_line(&self) -> Cell {
        let Some(effect) = self.effect else {
            return Cell::default();
        };
        let matched = match effect.matched {
            1 => "decides about 1 ref".to_owned(),
            count => format!("decides about {} refs", grouped(count)),
        };
        let place = match effect.rules_before {
            0 => format!("the only rule; it {matched}"),
            before => format!(
                "asked after {before} other{}; it {matched}",
                one_or(before, "", "s")
            ),
        };
        let cell = Cell::new(place, TextRole::Dim);
        match effect.decided_before {
            0 => cell,
            count => cell.and(
                format!(
                    " · earlier rules decide about {} that it matches",
                    grouped(count)
                ),
                TextRole::Warning,
            ),
        }
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
                let addition = ConfigAddition::Rule(self.draft.rule());
                cx.show(ConfigPrompt::new(addition, cx.world));
            }
            Action::Plan => {
                let scope = DeletionScope::WithRule(Box::new(self.draft.rule()));
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
        let lines = [self.fields(), effect, self.order_line()];
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
