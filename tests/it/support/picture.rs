//! Screens of the terminal UI as one SVG that moves: each is shown for a while, one after the
//! other.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// The size of a cell in the units of the picture.
const CELL: (f64, f64) = (8.4, 18.0);
/// The room around the screen.
const MARGIN: f64 = 12.0;
const GROUND: &str = "#16181d";
const TEXT: &str = "#d5d8de";

/// The sixteen colours of a terminal with a dark background.
const COLOURS: [&str; 16] = [
    "#3a3d45", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d5d8de",
    "#7f848e", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
];

/// Screens with how long each is shown, in seconds.
#[derive(Default)]
pub struct Picture {
    screens: Vec<(Buffer, u32)>,
}

impl Picture {
    /// Adds a screen.
    pub fn show(&mut self, screen: &Buffer, seconds: u32) {
        self.screens.push((screen.clone(), seconds));
    }

    /// Writes the picture. Readers who want no motion see the last screen.
    pub fn svg(&self, title: &str) -> String {
        let area = self.screens[0].0.area;
        let width = f64::from(area.width) * CELL.0 + 2.0 * MARGIN;
        let height = f64::from(area.height) * CELL.1 + 2.0 * MARGIN;
        let all: u32 = self.screens.iter().map(|(_, seconds)| seconds).sum();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" \
             xml:space=\"preserve\">\n<title>{title}</title>\n<style>\ntext {{ white-space: pre }}\n"
        );
        let mut begun = 0;
        for (number, (_, seconds)) in self.screens.iter().enumerate() {
            let percent = |seconds: u32| f64::from(seconds) * 100.0 / f64::from(all);
            let (from, to) = (percent(begun), percent(begun + seconds));
            let _ = writeln!(
                svg,
                "@keyframes s{number} {{ 0%, {:.2}% {{ opacity: 0 }} {from:.2}%, {:.2}% {{ opacity: 1 }} {to:.2}%, 100% {{ opacity: 0 }} }}\n\
                 #s{number} {{ opacity: 0; animation: s{number} {all}s step-end infinite }}",
                (from - 0.01).max(0.0),
                to - 0.01
            );
            begun += seconds;
        }
        let last = self.screens.len() - 1;
        let _ = writeln!(
            svg,
            "@media (prefers-reduced-motion: reduce) {{ g[id] {{ animation: none }} #s{last} {{ opacity: 1 }} }}\n</style>\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n<g transform=\"translate({MARGIN},{MARGIN})\">"
        );
        for (number, (screen, _)) in self.screens.iter().enumerate() {
            let _ = writeln!(svg, "<g id=\"s{number}\">");
            for row in 0..area.height {
                line(screen, row, &mut svg);
            }
            svg += "</g>\n";
        }
        svg + "</g>\n</svg>\n"
    }
}

/// How a cell looks: text, background, bold, dim.
#[derive(PartialEq, Clone, Copy)]
struct Look {
    text: Color,
    ground: Color,
    bold: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let reversed = cell.modifier.contains(Modifier::REVERSED);
        let (text, ground) = if reversed {
            (cell.bg, cell.fg)
        } else {
            (cell.fg, cell.bg)
        };
        Self {
            text,
            ground,
            bold: cell.modifier.contains(Modifier::BOLD),
            dim: cell.modifier.contains(Modifier::DIM),
        }
    }
}

/// Writes the runs of a row that look alike.
fn line(screen: &Buffer, row: u16, svg: &mut String) {
    let cells: Vec<&Cell> = (0..screen.area.width).map(|x| &screen[(x, row)]).collect();
    let mut from = 0;
    while from < cells.len() {
        let look = Look::of(cells[from]);
        let alike = cells[from..]
            .iter()
            .take_while(|cell| Look::of(cell) == look);
        let to = from + alike.count();
        run(&cells[from..to], from, row, look, svg);
        from = to;
    }
}

fn run(cells: &[&Cell], from: usize, row: u16, look: Look, svg: &mut String) {
    let (x, y) = (from as f64 * CELL.0, f64::from(row) * CELL.1);
    if let Some(ground) = colour(look.ground) {
        let width = cells.len() as f64 * CELL.0;
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{ground}\"/>",
            CELL.1
        );
    }
    let text: String = cells.iter().map(|cell| cell.symbol()).collect();
    let blank = text.len() - text.trim_start().len();
    let shown = text.trim();
    if shown.is_empty() {
        return;
    }
    let fill = colour(look.text).unwrap_or_else(|| TEXT.to_owned());
    let weight = if look.bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let faint = if look.dim { " opacity=\"0.6\"" } else { "" };
    let escaped = shown
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{fill}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\"{weight}{faint}>{escaped}</text>",
        x + blank as f64 * CELL.0,
        y + 13.5,
        shown.chars().count() as f64 * CELL.0
    );
}

/// Returns a colour as SVG has it; none for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let index = match colour {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => return Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(match index {
        0..=15 => COLOURS[usize::from(index)].to_owned(),
        16..=231 => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let index = index - 16;
            let [red, green, blue] = [index / 36, index / 6 % 6, index % 6].map(level);
            format!("#{red:02x}{green:02x}{blue:02x}")
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    })
}
