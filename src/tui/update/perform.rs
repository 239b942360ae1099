//! Actions of keys and of the command line: those of the whole program, and those of the screen.

use super::super::command::Here;
use super::super::effect::Effect;
use super::super::keymap::{self, Action};
use super::super::layer::command::CommandLine;
use super::super::layer::help::Help;
use super::super::layer::jobs::JobsLayer;
use super::super::list::RowList;
use super::super::model::Model;
use super::super::navigation::{Handled, NavigationCommand, UiContext};
use super::super::screen::Screen;
use super::super::screen::find::{self, FindScreen};
use super::super::screen::runs::{self, RunsScreen};
use super::super::terminal::SuspendedBy;
use super::super::world::StatusKind;

impl Model {
    /// Performs an action; the screen on top gets it if the whole program has no use for it.
    pub(super) fn perform(
        &mut self,
        action: Action,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        if action == Action::Quit {
            self.quit(effects, commands);
            return;
        }
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        let contexts = self.screens.last().map_or(&[][..], |top| top.contexts());
        match action {
            Action::Help => cx.show(Help::new(contexts)),
            Action::Palette => show_command_line(&self.screens, &mut cx),
            Action::Jobs => cx.show(JobsLayer::default()),
            Action::Back => go_back(&mut self.screens, &mut cx),
            Action::Suspend => cx.effect(Effect::Suspend(SuspendedBy::Key)),
            Action::Redraw => cx.effect(Effect::Redraw),
            Action::Mouse => toggle_mouse(&mut cx),
            Action::Find if contexts != find::CONTEXTS => {
                let find = FindScreen::new(&mut cx);
                cx.push(find);
            }
            Action::Runs if contexts != runs::CONTEXTS => {
                let runs = RunsScreen::new(&mut cx);
                cx.push(runs);
            }
            Action::Find | Action::Runs => {}
            _ => act_on_top(&mut self.screens, action, &mut cx),
        }
    }

    /// Quits. If work must not be interrupted, stops that instead.
    fn quit(&mut self, effects: &mut Vec<Effect>, commands: &mut Vec<NavigationCommand>) {
        let Some(busy) = self.world.work.busy() else {
            self.end(effects, commands);
            return;
        };
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        cx.stop_work(busy);
        let words = "stopping the running work; quit again when it has stopped";
        cx.world.note(StatusKind::Failed, words);
    }
}

fn show_command_line(screens: &[Box<dyn Screen>], cx: &mut UiContext<'_>) {
    let Some(top) = screens.last() else { return };
    let sources = cx.world.indexed_sources();
    let here = Here {
        sources: sources
            .map(|(id, source)| (id, source.info.label.clone()))
            .collect(),
        current: screens.iter().rev().find_map(|screen| screen.source()),
        columns: top.list().map_or(&[], RowList::columns),
    };
    cx.show(CommandLine::new(top.contexts(), here, cx.world));
}

fn toggle_mouse(cx: &mut UiContext<'_>) {
    cx.world.mouse = !cx.world.mouse;
    let words = if cx.world.mouse {
        "the mouse works here"
    } else {
        "the mouse is the terminal's: select text"
    };
    cx.world.note(StatusKind::Done, words);
    cx.effect(Effect::CaptureMouse(cx.world.mouse));
}

/// Goes back one level in the screen on top, or leaves it if it has no further level.
fn go_back(screens: &mut [Box<dyn Screen>], cx: &mut UiContext<'_>) {
    let top = screens.last_mut();
    if top.is_none_or(|top| top.act(Action::Back, cx) == Handled::No) {
        cx.back();
    }
}

/// Lets the screen on top act. `Escape` leaves it if it has no other use for that.
fn act_on_top(screens: &mut [Box<dyn Screen>], action: Action, cx: &mut UiContext<'_>) {
    let is_first = screens.len() == 1;
    let Some(top) = screens.last_mut() else {
        return;
    };
    if top.act(action, cx) == Handled::Yes || action != Action::Escape {
        return;
    }
    if is_first {
        let global = [keymap::KeyContext::Global];
        let key = cx.world.keymap.key_for(&global, Action::Back);
        cx.world.note(StatusKind::Done, format!("{key} quits"));
    } else {
        cx.back();
    }
}
