//! The whole state of the UI.

use super::effect::Effect;
use super::layer::Layer;
use super::screen::Screen;
use super::screen::sources::Sources;
use super::screen::start::Start;
use super::screen::why::Why;
use super::world::{Command, Context, SourceInfo, World};

/// The whole state of the UI: what is shared, a stack of screens, and layers above them.
pub struct Model {
    /// What all screens share.
    pub world: World,
    pub(super) screens: Vec<Box<dyn Screen>>,
    pub(super) layers: Vec<Box<dyn Layer>>,
    /// Whether what is shown has changed since it was drawn.
    pub dirty: bool,
    /// Whether the program is to end.
    pub over: bool,
}

impl Model {
    /// Makes the state in which the UI begins, and says what is to be done first.
    pub fn new(mut world: World, sources: Vec<SourceInfo>, message: Option<String>) -> (Self, Vec<Effect>) {
        let (mut effects, mut commands) = (Vec::new(), Vec::new());
        let first: Box<dyn Screen> = if sources.is_empty() {
            Box::new(Start::new(message))
        } else {
            let mut cx = Context { world: &mut world, effects: &mut effects, commands: &mut commands };
            Box::new(Sources::new(&mut cx))
        };
        if sources.is_empty() && world.explain_at_once {
            world.explain_at_once = false;
            let mut cx = Context { world: &mut world, effects: &mut effects, commands: &mut commands };
            let why = Why::of_record(&mut cx);
            cx.push(why);
        }
        commands.extend(sources.into_iter().map(Command::AddSource));
        let mut model = Self { world, screens: vec![first], layers: Vec::new(), dirty: true, over: false };
        model.obey(commands, &mut effects);
        (model, effects)
    }

    /// Returns the screen on top; there is always one.
    pub(super) fn screen(&self) -> &dyn Screen {
        &**self.screens.last().unwrap_or(&self.screens[0])
    }

    /// Tells whether what is typed now may be a secret.
    pub fn is_private(&self) -> bool {
        self.layers.iter().any(|layer| layer.is_private())
    }
}
