//! A wide terminal is used: no main screen of the demo leaves more than a third of it empty.

use crate::support::pty::Terminal;

const WIDTH: usize = 200;
const HEIGHT: usize = 60;

/// A hole is a blank rectangle of at least this size: there is room for something in it. Smaller
/// gaps separate columns and paragraphs.
const HOLE: (usize, usize) = (20, 4);

/// The number of cells of the terminal.
const CELLS: usize = WIDTH * HEIGHT;

/// Returns the number of cells of a screen that are in holes.
fn empty_cells(screen: &str) -> usize {
    let mut blank = vec![vec![true; WIDTH]; HEIGHT];
    for (line, cells) in screen.lines().zip(&mut blank) {
        for (character, cell) in line.chars().zip(cells) {
            *cell = character == ' ';
        }
    }
    let (width, height) = HOLE;
    let is_hole = |x: usize, y: usize| {
        blank[y..y + height]
            .iter()
            .all(|row| row[x..x + width].iter().all(|cell| *cell))
    };
    let mut empty = vec![vec![false; WIDTH]; HEIGHT];
    for y in 0..=HEIGHT - height {
        for x in 0..=WIDTH - width {
            if is_hole(x, y) {
                for row in &mut empty[y..y + height] {
                    row[x..x + width].fill(true);
                }
            }
        }
    }
    empty.iter().flatten().filter(|cell| **cell).count()
}

/// Types keys, and waits until the screen shows all of `texts` and no more than a third is empty.
fn shows_full(terminal: &mut Terminal, name: &str, keys: &str, texts: &[&str]) {
    terminal.press(keys);
    let screen = terminal.wait(&format!("{name}, full"), |screen| {
        texts.iter().all(|text| screen.contains(text)) && empty_cells(screen) * 3 <= CELLS
    });
    println!("{name}: {} % empty", empty_cells(&screen) * 100 / CELLS);
}

#[test]
fn no_more_than_a_third_of_a_main_screen_of_the_demo_is_empty() {
    let mut terminal = Terminal::start(&["demo"], 200, 60);
    let screens: [(&str, &str, &[&str]); 14] = [
        ("Sources", "", &["enter opens refs", "release-1.0"]),
        ("No runs", "H", &["Nothing was pruned yet.", "orphans"]),
        ("Refs", "q\r", &["enter opens main", "RUN npm ci"]),
        ("Ref", "\r", &["demo › main", "inside RUN npm ci"]),
        ("Files", "jjjj\r", &["› RUN npm ci", "bytes of the files"]),
        ("Blobs", "qqb", &["demo › blobs", "enter opens"]),
        ("Why", "qw", &["stages:", "lost", "package-lock.json"]),
        ("Diff", "q d", &["demo › pr-18 → main"]),
        ("Rule", "qR", &["refs › rule", "inside"]),
        ("Check", "qc", &["blob-missing", "what a check looks for"]),
        ("Find", "qF", &["which builds write", "cache-to"]),
        ("Plan", "q**p", &["to the trash", "inside"]),
        ("Run", "\ry", &["the run broke no kept ref", "in the trash"]),
        ("Runs", "qqH", &["✓ done", "in the trash"]),
    ];
    for (name, keys, texts) in screens {
        shows_full(&mut terminal, name, keys, texts);
    }
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn only_large_blank_rectangles_count_as_holes() {
    let full = "x".repeat(WIDTH) + "\n";
    let gap = "x".repeat(90) + &" ".repeat(20) + &"x".repeat(90) + "\n";
    assert_eq!(empty_cells(&full.repeat(HEIGHT)), 0);
    assert_eq!(empty_cells(""), CELLS);
    let three = gap.repeat(3) + &full.repeat(HEIGHT - 3);
    assert_eq!(empty_cells(&three), 0);
    let half = gap.repeat(30) + &full.repeat(30);
    assert_eq!(empty_cells(&half), 20 * 30);
    let narrow = "x".repeat(90) + &" ".repeat(19) + &"x".repeat(91) + "\n";
    assert_eq!(empty_cells(&narrow.repeat(HEIGHT)), 0);
}
