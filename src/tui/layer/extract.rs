//! Prompts for the target of a file of a layer.
//!
//! The line starts empty: a file name in a layer is not trusted as a name here.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::backend::layer_content::LayerFile;
use crate::tui::effect::{Extraction, Overwrite};
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::{SourceId, World};
use crate::tui::writes::FileWrite;

/// Prompts for the name of a file.
#[derive(Debug)]
pub struct ExtractPrompt {
    source: SourceId,
    file: LayerFile,
    /// The path of the file in the layer.
    path: String,
    input: InputLine,
}

impl ExtractPrompt {
    /// Prompts for the target of `file` of a source, whose path in the layer is `path`.
    pub fn new(source: SourceId, file: LayerFile, path: String) -> Self {
        Self {
            source,
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

impl UiLayer for ExtractPrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) if !self.names_a_file() => {}
            Some(Action::Accept) => {
                cx.close();
                cx.write(FileWrite::LayerFile(Extraction {
                    source: self.source,
                    file: self.file.clone(),
                    path: self.input.text().trim().into(),
                    overwrite: Overwrite::Never,
                }));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
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
            Cell::new("content  ", TextRole::Dim)
                .and(text::cut_front(&self.path, room), TextRole::Text),
            Cell::new(
                "type a name; the file is yours, with mode 0644",
                TextRole::Dim,
            ),
        ];
        for (cell, row) in below.iter().zip(2..inside.height) {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                cell,
                &world.theme,
                Style::default(),
            );
        }
    }
}
