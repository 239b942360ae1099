//! Prompts for the target of a file of a layer.
//!
//! The line starts empty: a file name in a layer is not trusted as a name here.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Layer;
use crate::backend::layer_content::LayerFile;
use crate::tui::effect::Overwrite;
use crate::tui::keymap::{self, Action};
use crate::tui::message::Key;
use crate::tui::rows::Cell;
use crate::tui::screen::{Request, Screen};
use crate::tui::theme::Role;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::{Context, Handled, World};

/// Prompts for the name of a file.
#[derive(Debug)]
pub struct ExtractPrompt {
    file: LayerFile,
    /// The path of the file in the layer.
    path: String,
    input: InputLine,
}

impl ExtractPrompt {
    /// Prompts for the target of `file`, whose path in the layer is `path`.
    pub fn new(file: LayerFile, path: String) -> Self {
        Self {
            file,
            path,
            input: InputLine::new("./".to_owned()),
        }
    }

    fn names_a_file(&self) -> bool {
        let name = self.input.text().trim();
        !(name.is_empty() || name.ends_with('/') || name.ends_with("/.") || name.ends_with(".."))
    }
}

impl Layer for ExtractPrompt {
    fn context(&self) -> keymap::Context {
        keymap::Context::Prompt
    }

    fn key(&mut self, key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled {
        match action {
            Some(Action::Accept) if !self.names_a_file() => {}
            Some(Action::Accept) => {
                cx.close();
                cx.ask(Request::Extract(
                    self.file.clone(),
                    self.input.text().trim().into(),
                    Overwrite::Never,
                ));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut Context<'_>) {
        self.input.paste(text);
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let inside = popup::open("Write the file to", 60, 4, &world.theme, frame, area);
        let line = Rect {
            height: 1.min(inside.height),
            ..inside
        };
        self.input.draw(&world.theme, frame, line);
        let room = inside.width.saturating_sub(9);
        let below = [
            Cell::new("content  ", Role::Dim).and(text::cut_front(&self.path, room), Role::Text),
            Cell::new("type a name; the file is yours, with mode 0644", Role::Dim),
        ];
        for (cell, row) in below.iter().zip(2..inside.height) {
            text::put(
                frame.buffer_mut(),
                text::Line::of(inside, row),
                cell,
                &world.theme,
                Style::default(),
            );
        }
    }
}
