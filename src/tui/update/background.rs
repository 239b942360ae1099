//! Work that continues, or whose results are kept, after its screen was left.

use super::super::effect::Effect;
use super::super::keymap::{self, Action};
use super::super::list::{ListPlace, RowList};
use super::super::model::Model;
use super::super::navigation::{NavigationCommand, UiContext};
use super::super::screen::{self, Screen};
use super::super::work::{BackgroundWork, KeptResults, WorkKey};
use super::super::world::{StatusKind, World};
use super::super::writes::RunningWrite;

impl Model {
    /// Lists the work that the list of jobs shows, and reports that work has ended whose screen was
    /// left.
    pub(super) fn note_background(&mut self) {
        let world = &mut self.world;
        let shown = self.screens.iter().filter_map(|screen| screen.work());
        let shown = shown.filter_map(|key| world.work.background(key, world));
        let is_listed =
            |work: &BackgroundWork| work.is_running || work.kept != KeptResults::UntilShown;
        let mut background: Vec<BackgroundWork> = shown.filter(is_listed).collect();
        let mut left = world.work.left(world);
        let was_running = |work: &&BackgroundWork| {
            let mut before = world.background.iter();
            before.any(|before| before.key == work.key && before.is_running)
        };
        let mut ended = left.iter().filter(|work| !work.is_running);
        if let Some(work) = ended.find(was_running) {
            let words = format!("the {} has ended", work.title);
            let words = if work.is_needed() {
                format!("{words}; {} shows it", jobs_key(world))
            } else {
                words
            };
            world.note(StatusKind::Done, words);
        }
        let is_unneeded =
            |key: WorkKey| left.iter().any(|work| work.key == key && !work.is_needed());
        world.work.forget_left(|key, _| is_unneeded(key));
        left.retain(BackgroundWork::is_needed);
        background.append(&mut left);
        background.extend(world.writes.iter().map(RunningWrite::background));
        world.background = background;
    }

    /// Lets screens show the work that has changed; returns whether there was any.
    pub(super) fn show_changed_work(
        &mut self,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) -> bool {
        let changed = self.world.work.take_changed();
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        for key in &changed {
            for screen in &mut self.screens {
                screen.work_changed(*key, &mut cx);
            }
        }
        !changed.is_empty()
    }

    /// Puts the screen of this work on top; makes a new one if it was left.
    pub(super) fn bring(
        &mut self,
        key: WorkKey,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        let mut screens = self.screens.iter();
        if let Some(place) = screens.position(|screen| screen.work() == Some(key)) {
            let screen = self.screens.remove(place);
            self.screens.push(screen);
            return;
        }
        let Some((work, place)) = self.world.work.show(key) else {
            return;
        };
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        let mut screen = screen::of_work(key, work, &mut cx);
        if let Some(list_screen) = screen.list_screen_mut() {
            list_screen.list.go_to_place(place, &mut cx);
            screen.list_changed(&mut cx);
        }
        self.screens.push(screen);
    }
}

fn jobs_key(world: &World) -> String {
    world
        .keymap
        .key_for(&[keymap::KeyContext::Global], Action::Jobs)
}

/// Removes a screen. Its work is kept while it is running, or if its results are kept.
pub(super) fn leave(mut screen: Box<dyn Screen>, cx: &mut UiContext<'_>) {
    screen.leave(cx);
    let Some(key) = screen.work() else {
        return;
    };
    let work = cx.world.work.background(key, cx.world);
    let Some(work) = work.filter(BackgroundWork::outlives_screen) else {
        cx.forget_work(key);
        return;
    };
    if work.is_running {
        let key = jobs_key(cx.world);
        let words = format!("{} keeps running; {key} shows it", work.title);
        cx.world.note(StatusKind::Done, words);
    }
    let place = screen
        .list()
        .map_or_else(ListPlace::default, RowList::place);
    cx.world.work.leave(key, place);
}
