//! How a screen with a list divides its area.

use ratatui::layout::Rect;

use super::{Filler, ListScreen, PREVIEW_FROM, Zoomed};

impl ListScreen {
    /// Divides `body`.
    pub fn areas(&self, body: Rect) -> Areas {
        let head = Rect {
            height: self.head.min(body.height),
            ..body
        };
        let lead = u16::try_from(self.lead_lines(body, None).len()).unwrap_or(u16::MAX);
        // A rule separates them from the list.
        let lead = if lead == 0 {
            0
        } else {
            (lead + 1).min(body.height - head.height)
        };
        let lead = Rect {
            y: head.bottom(),
            height: lead,
            ..body
        };
        let rest = Rect {
            y: lead.bottom(),
            height: body.height - head.height - lead.height,
            ..body
        };
        let (rest, below) = self.with_room_below_all(rest, body);
        let (list, details) = self.divide(rest, body);
        let (details, preview) = self.with_room_for_preview(details);
        let (list, filler) = self.with_room_for_filler(list, body);
        Areas {
            head,
            lead,
            list,
            details,
            preview,
            filler: filler.or(below),
        }
    }

    /// Divides the rest between the list and its details.
    fn divide(&self, rest: Rect, body: Rect) -> (Rect, Option<Rect>) {
        if let Some(zoomed) = self.zoom {
            match zoomed {
                Zoomed::List => (rest, None),
                Zoomed::Details => (Rect { height: 0, ..rest }, Some(rest)),
            }
        } else if body.width >= WIDE {
            let width = (body.width * 2 / 5).clamp(44, 84);
            let width = width
                .min(body.width.saturating_sub(self.wanted + 1))
                .max(NARROWEST);
            let list = Rect {
                width: rest.width - width - 1,
                ..rest
            };
            (
                list,
                Some(Rect {
                    x: list.right() + 1,
                    width,
                    ..rest
                }),
            )
        } else {
            below(rest, self.details_below(rest, body))
        }
    }

    /// Returns the height of the details below the list; 0 if they have no room.
    fn details_below(&self, rest: Rect, body: Rect) -> u16 {
        if self.is_picture {
            return 0;
        }
        if body.height >= TALL {
            return (rest.height * 2 / 5).min(16);
        }
        // On a low screen, they get the lines that few rows leave free.
        let unused = rest.height.saturating_sub(self.needed());
        if unused >= LEAST_DETAILS && !self.list.shown().is_empty() {
            unused
        } else {
            0
        }
    }

    /// Takes the lower part of the details for the preview, if there is one.
    fn with_room_for_preview(&self, details: Option<Rect>) -> (Option<Rect>, Option<Rect>) {
        match details {
            Some(all) if self.preview.is_some() && self.zoom.is_none() => {
                let height = if all.height >= VERY_TALL {
                    all.height / 3
                } else {
                    all.height * 2 / 5
                };
                let below = Rect {
                    y: all.y + height,
                    height: all.height - height,
                    ..all
                };
                (Some(Rect { height, ..all }), Some(below))
            }
            details => (details, None),
        }
    }

    /// Takes the lines that few rows and their details leave free from both.
    fn with_room_below_all(&self, rest: Rect, body: Rect) -> (Rect, Option<Rect>) {
        let height = self.needed().max(rest.height * 2 / 5);
        let height = height.max(rest.height.saturating_sub(self.filler_lines));
        if self.filler != Filler::BelowAll || !self.leaves_room(body) {
            return (rest, None);
        }
        cut(rest, height)
    }

    /// Takes the lines that few rows leave free from the list.
    fn with_room_for_filler(&self, list: Rect, body: Rect) -> (Rect, Option<Rect>) {
        let is_below = matches!(self.filler, Filler::BelowList | Filler::TextBelowList);
        if is_below && self.leaves_room(body) {
            return cut(list, self.needed());
        }
        (list, None)
    }

    /// Returns the number of lines of the list and a blank one.
    fn needed(&self) -> u16 {
        let rows = u16::try_from(self.list.shown().len()).unwrap_or(u16::MAX);
        rows.saturating_mul(self.height.lines()).saturating_add(2)
    }

    fn leaves_room(&self, body: Rect) -> bool {
        let is_shown = self.zoom.is_none() && !self.is_picture;
        is_shown && body.width >= PREVIEW_FROM && !self.list.shown().is_empty()
    }
}

/// Cuts an area below `height` lines, if the area below is high enough.
fn cut(area: Rect, height: u16) -> (Rect, Option<Rect>) {
    if height.saturating_add(LEAST_FILLER) > area.height {
        return (area, None);
    }
    let below = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (Rect { height, ..area }, Some(below))
}

/// Cuts `height` lines off for the details below the list.
fn below(rest: Rect, height: u16) -> (Rect, Option<Rect>) {
    if height == 0 {
        return (rest, None);
    }
    let list = Rect {
        height: rest.height - height,
        ..rest
    };
    let details = Rect {
        y: list.bottom(),
        height,
        ..rest
    };
    (list, Some(details))
}

/// From this width on, details are next to the list.
pub(super) const WIDE: u16 = 110;

/// The minimum width of the details next to the list.
const NARROWEST: u16 = 36;

/// From this height on, they are below the list if they are not next to it, however long the list is.
const TALL: u16 = 24;

/// From this height on, a third of it has room for the details of a row.
const VERY_TALL: u16 = 50;

/// On a low screen, details below the list have at least so many lines, a rule included.
const LEAST_DETAILS: u16 = 5;

/// The least lines of the area below few rows.
const LEAST_FILLER: u16 = 12;

/// The parts of the screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The screen's own lines.
    pub head: Rect,
    pub(super) lead: Rect,
    pub list: Rect,
    pub(super) details: Option<Rect>,
    pub(super) preview: Option<Rect>,
    /// The room below the list for something of the screen's own.
    pub filler: Option<Rect>,
}

/// Returns the part of the details' area for text.
pub(super) fn inside(area: Rect, at_side: bool) -> Rect {
    if at_side {
        Rect {
            x: area.x + 2,
            width: area.width.saturating_sub(3),
            ..area
        }
    } else {
        let width = area.width.saturating_sub(4);
        let height = area.height.saturating_sub(1);
        Rect {
            x: area.x + 3,
            y: area.y + 1,
            width,
            height,
        }
    }
}
