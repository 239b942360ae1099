//! Which builds write each declared cache, and which read it: below few rows of a wide screen.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::FindScreen;
use crate::find::{Declaration, Direction, Mistake};
use crate::tui::rows::find::severity;
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::screen::list_screen::draw_lines_below;
use crate::tui::theme::TextRole;
use crate::tui::widget::detail;
use crate::tui::world::World;

/// A cache, with the declarations about it.
struct DeclaredCache<'a> {
    name: &'a str,
    declarations: Vec<&'a Declaration>,
}

impl FindScreen {
    pub(super) fn draw_caches(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let Some(filler) = self.screen.areas(area).filler else {
            return;
        };
        let title = "which builds write each cache, and which read it";
        let found = self.rows.found();
        let lines = |inside: Rect| {
            let caches = caches(&found.declared);
            let lines = caches
                .iter()
                .flat_map(|cache| cache_lines(cache, &found.findings));
            let lines: Vec<DetailLine> = lines.collect();
            detail::lines(&lines, inside.width)
        };
        draw_lines_below(title, lines, world, frame, filler);
    }
}

/// Groups declarations by the cache that they open.
fn caches(declared: &[Declaration]) -> Vec<DeclaredCache<'_>> {
    let mut caches: Vec<DeclaredCache<'_>> = Vec::new();
    for declaration in declared {
        let name = declaration.opens.as_deref().unwrap_or(&declaration.cache);
        match caches.iter_mut().find(|cache| cache.name == name) {
            Some(cache) => cache.declarations.push(declaration),
            None => caches.push(DeclaredCache {
                name,
                declarations: vec![declaration],
            }),
        }
    }
    caches
}

fn cache_lines(cache: &DeclaredCache<'_>, findings: &[Mistake]) -> Vec<DetailLine> {
    let writes = |declaration: &&&Declaration| declaration.direction != Direction::Import;
    let reads = |declaration: &&&Declaration| declaration.direction != Direction::Export;
    let all = || cache.declarations.iter();
    let writers: Vec<_> = all().filter(writes).collect();
    let readers: Vec<_> = all().filter(reads).collect();
    let mut lines = vec![DetailLine::Text(Cell::new(
        cache.name.to_owned(),
        TextRole::Strong,
    ))];
    for (name, nothing, declarations) in [
        ("written by", "nothing that was found", writers),
        ("read by", "nothing that was found", readers),
    ] {
        if declarations.is_empty() {
            lines.push(DetailLine::Fact(
                name,
                Cell::new(nothing, TextRole::Warning),
            ));
        }
        for (place, declaration) in declarations.iter().enumerate() {
            let name = if place == 0 { name } else { "" };
            lines.push(DetailLine::Fact(name, place_of(declaration)));
        }
    }
    let is_about = |finding: &&Mistake| {
        let mut declarations = cache.declarations.iter();
        declarations
            .any(|declared| (&declared.file, declared.line) == (&finding.file, finding.line))
    };
    lines.extend(findings.iter().filter(is_about).map(|finding| {
        DetailLine::Text(
            severity(finding.severity).and(format!("  {}", finding.message), TextRole::Text),
        )
    }));
    lines.push(DetailLine::Blank);
    lines
}

fn place_of(declaration: &Declaration) -> Cell {
    let target = declaration.target.as_ref();
    let target = target.map_or_else(String::new, |target| format!(" · {target}"));
    Cell::text(format!("{}:{}", declaration.file, declaration.line))
        .and(format!("  {}{target}", declaration.tool), TextRole::Dim)
}
