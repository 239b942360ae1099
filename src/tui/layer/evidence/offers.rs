//! Evidence that lies near, as a pick list below the prompt.

use crate::inventory::RefKind;
use crate::source::StoreKind;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::evidence::{BUILD_HERE, EvidenceOffer, EvidencePart};
use crate::tui::keymap::{Action, KeyContext};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::world::World;

/// The maximum number of images to offer.
const MOST_IMAGES: usize = 4;
/// The maximum number of offers on the screen.
const MOST_SHOWN: usize = 6;

/// A pick list of evidence.
#[derive(Debug, Default)]
pub(super) struct EvidenceOffers {
    offers: Vec<EvidenceOffer>,
    picked: Option<usize>,
    /// The job that looks for files, until it has ended.
    looking: Option<JobId>,
}

impl EvidenceOffers {
    /// Offers evidence that is known already, and looks for files near the caches.
    pub(super) fn new(cx: &mut UiContext<'_>) -> Self {
        let mut offers = Vec::new();
        let has_dockerfile = cx
            .world
            .typed_evidence
            .iter()
            .any(|typed| typed == BUILD_HERE);
        if has_dockerfile {
            offers.push(EvidenceOffer::new(BUILD_HERE, "the Dockerfile here"));
        }
        offers.extend(of_sources(cx.world));
        offers.extend(images(cx.world));
        Self {
            offers,
            picked: None,
            looking: Some(cx.start(JobWork::FindEvidence)),
        }
    }

    /// Adds the files that were found; the newest comes first.
    pub(super) fn found(&mut self, job: JobId, files: &[EvidenceOffer]) {
        if self.looking.take_if(|looking| *looking == job).is_none() {
            return;
        }
        let is_new =
            |file: &&EvidenceOffer| !self.offers.iter().any(|known| known.text == file.text);
        let files: Vec<EvidenceOffer> = files.iter().filter(is_new).cloned().collect();
        // What was picked keeps its place.
        self.offers.extend(files);
    }

    /// Returns the job that looks for files, so that it can be stopped.
    pub(super) fn take_job(&mut self) -> Option<JobId> {
        self.looking.take()
    }

    /// Moves along the list, and puts what is picked into the line. Returns whether it did: at the
    /// ends of the list, and next to typed text, the next part of the evidence is meant.
    pub(super) fn turn(
        &mut self,
        action: Action,
        part: EvidencePart,
        input: &mut InputLine,
    ) -> Handled {
        let picked = self.picked.and_then(|place| self.offers.get(place));
        let is_free =
            input.text().is_empty() || picked.is_some_and(|offer| offer.text == input.text());
        if part != EvidencePart::Build || !is_free {
            return Handled::No;
        }
        let next = match (action, self.picked) {
            (Action::Down, None) => Some(0),
            (Action::Down, Some(place)) => Some(place + 1),
            (Action::Up, Some(place)) => place.checked_sub(1),
            _ => return Handled::No,
        };
        if next.is_some_and(|place| place >= self.offers.len().min(MOST_SHOWN)) {
            return Handled::No;
        }
        self.pick(next, input);
        Handled::Yes
    }

    fn pick(&mut self, place: Option<usize>, input: &mut InputLine) {
        self.picked = place;
        let text = place.and_then(|place| self.offers.get(place));
        *input = InputLine::new(text.map(|offer| offer.text.clone()).unwrap_or_default());
    }

    /// Leaves the list, and removes from the line what was picked and not accepted.
    pub(super) fn leave(&mut self, input: &mut InputLine) {
        let picked = self.picked.take().and_then(|place| self.offers.get(place));
        if picked.is_some_and(|offer| offer.text == input.text()) {
            *input = InputLine::default();
        }
    }

    /// Returns the lines of the list; none if there is nothing to offer.
    pub(super) fn lines(&self, world: &World) -> Vec<Cell> {
        let line = |(place, offer): (usize, &EvidenceOffer)| {
            let (sign, role) = if self.picked == Some(place) {
                ("▸ ", TextRole::Strong)
            } else {
                ("  ", TextRole::Key)
            };
            Cell::new(sign, TextRole::Title)
                .and(offer.text.clone(), role)
                .and(format!("  {}", offer.about), TextRole::Dim)
        };
        let mut lines: Vec<Cell> = Vec::new();
        if !self.offers.is_empty() {
            let key = world.keymap.key_for(&[KeyContext::Evidence], Action::Down);
            lines.push(Cell::new(format!("near here, {key} picks:"), TextRole::Dim));
        }
        lines.extend(self.offers.iter().take(MOST_SHOWN).enumerate().map(line));
        lines
    }
}

/// Returns the evidence that comes with the sources.
fn of_sources(world: &World) -> Vec<EvidenceOffer> {
    let items = world.open_sources().flat_map(|source| {
        let items = source.info.evidence.items.iter();
        items.map(|item| (item, &source.info.label))
    });
    items
        .filter(|(item, _)| item.part == EvidencePart::Build)
        .map(|(item, label)| EvidenceOffer::new(&item.text, format!("comes with {label}")))
        .collect()
}

/// Returns the images in the repositories of the sources, the newest first. Their provenance lies
/// next to them.
fn images(world: &World) -> Vec<EvidenceOffer> {
    let mut images = Vec::new();
    for source in world.open_sources() {
        let Some(found) = source.found.as_ref() else {
            continue;
        };
        if source.info.kind != StoreKind::Registry {
            continue;
        }
        for entry in found.inventory.refs.iter() {
            if entry.tagged && matches!(entry.kind, RefKind::Image | RefKind::Inline) {
                let name = format!("{}:{}", source.info.label, entry.name);
                images.push((entry.age().map(|(then, _)| then), name));
            }
        }
    }
    images.sort_by(|(one, _), (other, _)| other.cmp(one));
    let images = images.into_iter().take(MOST_IMAGES);
    images
        .map(|(_, name)| EvidenceOffer::new(&name, "an image of the repository"))
        .collect()
}
