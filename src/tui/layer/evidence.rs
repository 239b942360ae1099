//! Prompts for evidence: of the build to explain, of an earlier build, and of the files that were
//! built.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::explain::load::documents::named;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::evidence::{EvidenceItem, EvidencePart, NamedEvidence};
use crate::tui::keymap::{self, Action};
use crate::tui::message::{JobReport, KeyPress};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

mod offers;

use offers::EvidenceOffers;

/// The command that prints the provenance of an image.
pub const INSPECT: &str =
    "docker buildx imagetools inspect IMAGE --format '{{json .Provenance.SLSA}}' > provenance.json";

const NEEDED: &str =
    "a build is needed: its record, its provenance, the image that carries it, or its command";

/// The maximum width of the box.
const WIDEST: u16 = 96;

/// Prompts for evidence, until an empty line is accepted.
#[derive(Debug)]
pub struct EvidencePrompt {
    given: NamedEvidence,
    part: EvidencePart,
    input: InputLine,
    /// The job that reads a piece, if any.
    reading: Option<JobId>,
    /// The jobs that recognise pieces given before, with their indexes.
    recognising: Vec<(JobId, usize)>,
    completing: Option<JobId>,
    /// The possible completions of the line.
    names: Vec<String>,
    fault: Option<String>,
    /// The position in the history, counted from its end; 0 is the typed text.
    back: usize,
    offers: EvidenceOffers,
    /// Whether the screen below has nothing to show without it.
    is_needed: bool,
}

impl EvidencePrompt {
    /// Opens the prompt with the evidence that was given before.
    pub fn open(cx: &mut UiContext<'_>) {
        Self::open_with(String::new(), false, cx);
    }

    /// Opens the prompt with a line that a person completes.
    pub fn open_with(line: String, is_needed: bool, cx: &mut UiContext<'_>) {
        let given = cx.world.evidence.clone();
        let part = if given.is_empty() {
            EvidencePart::Build
        } else {
            EvidencePart::Baseline
        };
        let unseen = given
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.seen.is_none());
        let recognising = unseen.map(|(place, item)| {
            (
                cx.start(JobWork::Recognise(item.part, item.text.clone())),
                place,
            )
        });
        let recognising = recognising.collect();
        let offers = EvidenceOffers::new(cx);
        cx.show(Self {
            given,
            part,
            input: InputLine::new(line),
            reading: None,
            recognising,
            completing: None,
            names: Vec::new(),
            fault: None,
            back: 0,
            is_needed,
            offers,
        });
    }

    fn accept(&mut self, cx: &mut UiContext<'_>) {
        let typed = self.input.text().trim().to_owned();
        if self.reading.is_some() {
            return;
        }
        self.fault = None;
        if !typed.is_empty() {
            self.names.clear();
            self.reading = Some(cx.start(JobWork::Recognise(self.part, typed)));
        } else if self.given.is_empty() {
            self.fault = Some(NEEDED.to_owned());
            self.part = EvidencePart::Build;
        } else {
            self.stop(cx);
            cx.world.evidence = self.given.clone();
            cx.close();
            cx.ask(LayerRequest::Evidence);
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) {
        let recognising = self.recognising.drain(..).map(|(job, _)| job);
        for job in recognising
            .chain(self.reading.take())
            .chain(self.completing.take())
            .chain(self.offers.take_job())
        {
            cx.stop(job);
        }
    }

    fn turn(&mut self, action: Action) {
        if self.offers.turn(action, self.part, &mut self.input) == Handled::Yes {
            return;
        }
        let here = EvidencePart::ALL
            .iter()
            .position(|part| *part == self.part)
            .unwrap_or_default();
        let there = match action {
            Action::Up => here.saturating_sub(1),
            _ => (here + 1).min(EvidencePart::ALL.len() - 1),
        };
        self.part = EvidencePart::ALL[there];
        // What was picked and not accepted is not meant for the other part.
        self.offers.leave(&mut self.input);
        self.names.clear();
        self.fault = None;
    }

    /// Recalls an earlier input.
    fn recall(&mut self, action: Action, world: &World) {
        let typed = &world.typed_evidence;
        self.back = match action {
            Action::Older => (self.back + 1).min(typed.len()),
            _ => self.back.saturating_sub(1),
        };
        let text = typed
            .len()
            .checked_sub(self.back)
            .and_then(|place| typed.get(place));
        self.input = InputLine::new(text.cloned().unwrap_or_default());
    }

    /// Moves the last piece of the part back into the line.
    fn remove_last(&mut self) {
        if let Some(place) = self
            .given
            .items
            .iter()
            .rposition(|item| item.part == self.part)
        {
            let item = self.given.items.remove(place);
            self.recognising.retain(|(_, waiting)| *waiting != place);
            self.recognising
                .iter_mut()
                .filter(|(_, waiting)| *waiting > place)
                .for_each(|(_, waiting)| *waiting -= 1);
            self.input = InputLine::new(item.text);
        }
    }

    /// Returns all lines, and the index of the input line.
    fn lines(&self, width: u16, world: &World) -> (Vec<Cell>, usize) {
        let mut lines = Vec::new();
        let mut typed = 0;
        for part in EvidencePart::ALL {
            let about = match part {
                EvidencePart::Build => "record, provenance, log, image or command",
                EvidencePart::Baseline => "the same of an earlier build",
                EvidencePart::Context => "the folder, or NAME=FOLDER",
            };
            let role = if part == self.part {
                TextRole::Title
            } else {
                TextRole::Heading
            };
            lines.push(Cell::new(format!("{:<10}", part.word()), role).and(about, TextRole::Dim));
            for item in self.given.items.iter().filter(|item| item.part == part) {
                let (sign, seen, role) = match &item.seen {
                    Some(seen) => ("✓ ", seen.as_str(), TextRole::Good),
                    None => ("  ", "reading…", TextRole::Dim),
                };
                let room = width.saturating_sub(text::width(seen).min(width / 2) + 4);
                let name = text::cut_front(&named::shown(&item.text), room);
                lines.push(
                    Cell::new(sign, role)
                        .and(name, TextRole::Text)
                        .and(format!("  {seen}"), TextRole::Dim),
                );
            }
            if part == self.part {
                typed = lines.len();
                lines.push(Cell::new("› ", TextRole::Key));
            }
        }
        lines.push(Cell::default());
        lines.extend(self.below(width, world));
        (lines, typed)
    }

    /// Returns the lines below the parts: a problem, completions, or instructions.
    fn below(&self, width: u16, world: &World) -> Vec<Cell> {
        if self.reading.is_some() {
            return vec![Cell::new("reading…", TextRole::Title)];
        }
        if let Some(fault) = &self.fault {
            return text::wrap(&Cell::new(format!("! {fault}"), TextRole::Error), width);
        }
        if !self.names.is_empty() {
            let mut lines = text::wrap(&Cell::new(self.names.join("  "), TextRole::Text), width);
            if lines.len() > 4 {
                lines.truncate(3);
                lines.push(Cell::new(
                    format!("… {} names in all", self.names.len()),
                    TextRole::Dim,
                ));
            }
            return lines;
        }
        if self.given.is_empty() {
            let record = Cell::new(
                "docker buildx history export -o run.dockerbuild",
                TextRole::Key,
            )
            .and("  writes a build record, which has it all", TextRole::Dim);
            let inspect =
                Cell::new(INSPECT, TextRole::Key).and("  that of an image", TextRole::Dim);
            let offers = self.offers.lines(world).into_iter();
            let others = [record, inspect].into_iter();
            return offers
                .chain(others.flat_map(|line| text::wrap(&line, width)))
                .collect();
        }
        let key = |action| world.keymap.key_for(&[self.context()], action);
        let words = format!(
            "{} adds the input, and on an empty line continues; {} there removes the last",
            key(Action::Accept),
            key(Action::RemoveLast)
        );
        text::wrap(&Cell::new(words, TextRole::Dim), width)
    }
}

/// Keeps an accepted line for later prompts, of later runs, too.
fn remember(text: &str, cx: &mut UiContext<'_>) {
    let typed = &mut cx.world.typed_evidence;
    typed.retain(|known| known != text);
    typed.push(text.to_owned());
    let views = &mut cx.world.saved_views;
    views.add_evidence(text);
    if views.is_kept() {
        let views = views.clone();
        cx.start(JobWork::SaveViews(views));
    }
}

impl UiLayer for EvidencePrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Evidence
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) => self.accept(cx),
            Some(Action::Cancel) if self.reading.is_some() => {
                if let Some(job) = self.reading.take() {
                    cx.stop(job);
                }
            }
            Some(Action::Cancel) => {
                self.stop(cx);
                cx.close();
                if self.is_needed {
                    cx.back();
                }
            }
            Some(action @ (Action::Up | Action::Down)) => self.turn(action),
            Some(action @ (Action::Older | Action::Newer)) => self.recall(action, cx.world),
            Some(Action::Complete) => {
                if let Some(job) = self.completing.take() {
                    cx.stop(job);
                }
                self.completing =
                    Some(cx.start(JobWork::Complete(self.part, self.input.text().to_owned())));
            }
            Some(Action::RemoveLast) if self.input.text().is_empty() => self.remove_last(),
            _ => {
                self.names.clear();
                self.fault = None;
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text.trim());
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::Recognised(result)
                if self.reading.take_if(|reading| *reading == job).is_some() =>
            {
                match result {
                    Ok(seen) => {
                        let text = self.input.text().trim().to_owned();
                        self.input = InputLine::default();
                        self.back = 0;
                        remember(&text, cx);
                        self.given
                            .items
                            .retain(|item| (item.part, &item.text) != (self.part, &text));
                        self.given.items.push(EvidenceItem {
                            part: self.part,
                            text,
                            seen: Some(seen.clone()),
                        });
                    }
                    Err(fault) => self.fault = Some(fault.clone()),
                }
            }
            JobReport::Recognised(result) => {
                let Some(waiting) = self
                    .recognising
                    .iter()
                    .position(|(waiting, _)| *waiting == job)
                else {
                    return;
                };
                let (_, place) = self.recognising.remove(waiting);
                if let Some(item) = self.given.items.get_mut(place) {
                    item.seen = Some(result.clone().unwrap_or_else(|fault| format!("! {fault}")));
                }
            }
            JobReport::EvidenceFound(files) => self.offers.found(job, files),
            JobReport::Completed(completion)
                if self
                    .completing
                    .take_if(|completing| *completing == job)
                    .is_some() =>
            {
                if completion.text != self.input.text() {
                    self.input = InputLine::new(completion.text.clone());
                }
                self.names.clone_from(&completion.names);
            }
            _ => {}
        }
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = WIDEST.min(area.width.saturating_sub(8));
        let (lines, typed) = self.lines(width, world);
        let height = u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(4));
        let inside = popup::open(
            "Evidence of the build",
            width,
            height,
            &world.theme,
            frame,
            area,
        );
        let top = popup::top(typed + 2, lines.len(), inside.height.into());
        for (line, row) in lines.iter().skip(top).zip(0..inside.height) {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                line,
                &world.theme,
                Style::default(),
            );
        }
        if let Some(row) = typed
            .checked_sub(top)
            .and_then(|row| u16::try_from(row).ok())
            .filter(|row| *row < inside.height)
        {
            let x = inside.x + 2;
            let width = inside.width.saturating_sub(2);
            self.input.draw(
                &world.theme,
                frame,
                Rect {
                    x,
                    y: inside.y + row,
                    width,
                    height: 1,
                },
            );
        }
    }
}
