//! The whole state of the UI.

use std::collections::VecDeque;

use super::effect::Effect;
use super::layer::UiLayer;
use super::message::KeyPress;
use super::navigation::{NavigationCommand, UiContext};
use super::screen::Screen;
use super::screen::sources::SourcesScreen;
use super::screen::start::StartScreen;
use super::screen::why::WhyScreen;
use super::world::{SourceFacts, World};

/// The whole state of the UI: shared state, a stack of screens, and layers above them.
pub struct Model {
    /// The state that all screens share.
    pub world: World,
    pub(super) screens: Vec<Box<dyn Screen>>,
    pub(super) layers: Vec<Box<dyn UiLayer>>,
    /// The keys that wait for the rows that they are about.
    pub(super) typed_ahead: VecDeque<KeyPress>,
    /// Whether the visible state has changed since the last draw.
    pub dirty: bool,
    /// Whether the program should end.
    pub over: bool,
}

impl Model {
    /// Creates the initial state of the UI, and returns the first effects.
    pub fn new(mut world: World, sources: Vec<SourceFacts>) -> (Self, Vec<Effect>) {
        let mut effects = Vec::new();
        let mut commands = Vec::new();
        let first: Box<dyn Screen> = if sources.is_empty() {
            Box::new(StartScreen::default())
        } else {
            let mut cx = UiContext::new(&mut world, &mut effects, &mut commands);
            Box::new(SourcesScreen::new(&mut cx))
        };
        if sources.is_empty() && world.explain_at_once {
            world.explain_at_once = false;
            let mut cx = UiContext::new(&mut world, &mut effects, &mut commands);
            let why = WhyScreen::of_record(&mut cx);
            cx.push(why);
        }
        // Of several sources, none hides the list of all by its ref; the ref is gone to when the
        // source is opened.
        let mut sources = sources;
        let selects: Vec<_> = if sources.len() > 1 {
            sources.iter_mut().map(|info| info.select.take()).collect()
        } else {
            Vec::new()
        };
        commands.extend(sources.into_iter().map(NavigationCommand::AddSource));
        let mut model = Self {
            world,
            screens: vec![first],
            layers: Vec::new(),
            typed_ahead: VecDeque::new(),
            dirty: true,
            over: false,
        };
        model.navigate(commands, &mut effects);
        for (source, select) in model.world.sources.iter_mut().zip(selects) {
            source.info.select = select;
        }
        (model, effects)
    }

    /// Returns the top screen; there is always one.
    pub(super) fn screen(&self) -> &dyn Screen {
        &**self.screens.last().unwrap_or(&self.screens[0])
    }

    /// Returns whether the text being typed may be a secret.
    pub fn is_private(&self) -> bool {
        self.layers.iter().any(|layer| layer.is_private())
    }
}
