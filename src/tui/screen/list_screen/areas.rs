//! How a screen with a list divides its area.

use ratatui::layout::Rect;

use super::{ListScreen, PREVIEW_FROM, Zoomed};

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
        let (list, details) = self.divide(rest, body);
        let (details, preview) = self.with_room_for_preview(details);
        let (list, filler) = self.with_room_for_filler(list, body);
        Areas {
            head,
            lead,
            list,
            details,
            preview,
            filler,
        }
    }

    /// Divides the rest between the list and its details.
    fn divide(&self, rest: Rect, body: Rect) -> (Rect, Option<Rect>) {
        if let Some(zoomed) = self.zoom {
            match zoomed {
                Zoomed::List => (rest, None),
                Zoomed::Details => (Rect { height: 0, ..rest }, Some(rest)),
            }
        } else if body.width >= self.wide {
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
        } else if body.height >= TALL {
            let height = (rest.height * 2 / 5).min(16);
            let list = Rect {
                height: rest.height - height,
                ..rest
            };
            (
                list,
                Some(Rect {
                    y: list.bottom(),
                    height,
                    ..rest
                }),
            )
        } else {
            (rest, None)
        }
    }

    /// Takes the lower part of the details for the preview, if there is one.
    fn with_room_for_preview(&self, details: Option<Rect>) -> (Option<Rect>, Option<Rect>) {
        match details {
            Some(all) if self.preview.is_some() && self.zoom.is_none() => {
                let height = all.height * 2 / 5;
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

    /// Takes what few rows do not need from the list.
    fn with_room_for_filler(&self, list: Rect, body: Rect) -> (Rect, Option<Rect>) {
        let rows = u16::try_from(self.list.shown().len()).unwrap_or(u16::MAX);
        let needed = rows.saturating_mul(self.height.lines()).saturating_add(2);
        let height = needed.max(list.height / 3);
        let is_wide = body.width >= PREVIEW_FROM && self.zoom.is_none();
        if !self.has_filler || !is_wide || rows == 0 || height + LEAST_FILLER > list.height {
            return (list, None);
        }
        let filler = Rect {
            y: list.y + height,
            height: list.height - height,
            ..list
        };
        (Rect { height, ..list }, Some(filler))
    }
}

/// From this width on, details are next to the list, unless the screen sets another width.
pub(super) const WIDE: u16 = 140;

/// The minimum width of the details next to the list.
const NARROWEST: u16 = 40;

/// From this height on, they are below the list if they are not next to it.
const TALL: u16 = 24;

/// What is shown below few rows has at least so many lines.
const LEAST_FILLER: u16 = 12;

/// The parts of the screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The screen's own lines.
    pub head: Rect,
    pub(super) lead: Rect,
    pub(super) list: Rect,
    pub(super) details: Option<Rect>,
    pub(super) preview: Option<Rect>,
    /// The room below the list for something of the screen's own.
    pub filler: Option<Rect>,
}

/// Returns the part of the details' area for text.
pub(super) fn inside(area: Rect, beside: bool) -> Rect {
    if beside {
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
