//! A treemap: areas in proportion to numbers, as square as possible (Bruls, Huizing and van Wijk,
//! "Squarified Treemaps", 2000).

/// A rectangle in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays out numbers, the largest first, in `whole`; returns one area per number, in order.
pub(super) fn layout(numbers: &[u64], whole: Area) -> Vec<Area> {
    let sum: f64 = numbers.iter().map(|number| *number as f64).sum();
    let mut areas = Vec::with_capacity(numbers.len());
    if sum <= 0.0 {
        return areas;
    }
    let scale = whole.width * whole.height / sum;
    let sizes: Vec<f64> = numbers
        .iter()
        .map(|number| *number as f64 * scale)
        .collect();
    let mut rest = whole;
    let mut from = 0;
    while from < sizes.len() {
        let side = rest.width.min(rest.height);
        let mut to = from + 1;
        while to < sizes.len() && worst(&sizes[from..=to], side) <= worst(&sizes[from..to], side) {
            to += 1;
        }
        rest = row(&sizes[from..to], rest, &mut areas);
        from = to;
    }
    areas
}

/// Returns the worst aspect ratio in a row.
fn worst(sizes: &[f64], side: f64) -> f64 {
    let sum: f64 = sizes.iter().sum();
    let thickness = sum / side;
    let ratio = |size: &f64| {
        let length = size / thickness;
        (length / thickness).max(thickness / length)
    };
    let worst = sizes.iter().map(ratio).fold(0.0, f64::max);
    // An empty area has no shape, so it may be placed anywhere.
    if worst.is_nan() { f64::INFINITY } else { worst }
}

/// Places a row along the shorter side, and returns the remaining area.
fn row(sizes: &[f64], rest: Area, areas: &mut Vec<Area>) -> Area {
    let sum: f64 = sizes.iter().sum();
    let is_upright = rest.width >= rest.height;
    let side = if is_upright { rest.height } else { rest.width };
    let thickness = if side > 0.0 { sum / side } else { 0.0 };
    let mut at = 0.0;
    for size in sizes {
        let length = if thickness > 0.0 {
            size / thickness
        } else {
            0.0
        };
        areas.push(if is_upright {
            Area {
                x: rest.x,
                y: rest.y + at,
                width: thickness,
                height: length,
            }
        } else {
            Area {
                x: rest.x + at,
                y: rest.y,
                width: length,
                height: thickness,
            }
        });
        at += length;
    }
    if is_upright {
        Area {
            x: rest.x + thickness,
            width: (rest.width - thickness).max(0.0),
            ..rest
        }
    } else {
        Area {
            y: rest.y + thickness,
            height: (rest.height - thickness).max(0.0),
            ..rest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_in_proportion_and_inside() {
        let whole = Area {
            x: 0.0,
            y: 0.0,
            width: 600.0,
            height: 400.0,
        };
        let numbers = [600, 600, 400, 300, 200, 200, 100, 0];
        let areas = layout(&numbers, whole);
        assert_eq!(areas.len(), numbers.len());
        for (number, area) in numbers.iter().zip(&areas) {
            let wanted = 240_000.0 * *number as f64 / 2400.0;
            assert!((area.width * area.height - wanted).abs() < 1e-6, "{area:?}");
            assert!(
                area.x >= 0.0 && area.x + area.width <= 600.0 + 1e-6,
                "{area:?}"
            );
            assert!(
                area.y >= 0.0 && area.y + area.height <= 400.0 + 1e-6,
                "{area:?}"
            );
        }
        assert_eq!(layout(&[], whole), []);
        assert_eq!(layout(&[0], whole), []);
    }
}
