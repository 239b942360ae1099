//! Work that continues, or whose results are kept, after its screen was left.

use super::super::keymap::{self, Action};
use super::super::model::Model;
use super::super::navigation::UiContext;
use super::super::screen::Screen;
use super::super::work::{BackgroundWork, KeptResults};
use super::super::world::{StatusKind, World};
use super::super::writes::RunningWrite;

impl Model {
    /// Lists the background work of the screens, and reports work that has ended in screens that
    /// are not shown any more.
    pub(super) fn note_background(&mut self) {
        let Self {
            world,
            screens,
            hidden,
            ..
        } = self;
        let works = |screens: &[Box<dyn Screen>], world: &World| -> Vec<BackgroundWork> {
            let works = screens.iter().filter_map(|screen| screen.background(world));
            works.collect()
        };
        let mut background = works(screens, world);
        background.retain(|work| work.is_running || work.kept != KeptResults::UntilShown);
        let of_hidden = works(hidden, world);
        let was_running = |work: &&BackgroundWork| {
            let mut before = world.background.iter();
            before.any(|before| before.key == work.key && before.is_running)
        };
        let mut ended = of_hidden.iter().filter(|work| !work.is_running);
        if let Some(work) = ended.find(was_running) {
            let words = format!("the {} has ended", work.title);
            let words = if work.is_needed() {
                format!("{words}; {} shows it", jobs_key(world))
            } else {
                words
            };
            world.note(StatusKind::Done, words);
        }
        hidden.retain(|screen| {
            let work = screen.background(world);
            work.is_some_and(|work| work.is_needed())
        });
        background.extend(of_hidden.into_iter().filter(BackgroundWork::is_needed));
        background.extend(world.writes.iter().map(RunningWrite::background));
        world.background = background;
    }
}

fn jobs_key(world: &World) -> String {
    world
        .keymap
        .key_for(&[keymap::KeyContext::Global], Action::Jobs)
}

/// Removes a screen; it is kept while its work continues, or if its results are kept.
pub(super) fn leave(
    mut screen: Box<dyn Screen>,
    hidden: &mut Vec<Box<dyn Screen>>,
    cx: &mut UiContext<'_>,
) {
    let work = screen.background(cx.world);
    match work.filter(BackgroundWork::outlives_screen) {
        Some(work) => {
            if work.is_running {
                let key = jobs_key(cx.world);
                let words = format!("{} keeps running; {key} shows it", work.title);
                cx.world.note(StatusKind::Done, words);
            }
            hidden.push(screen);
        }
        None => screen.leave(cx),
    }
}
