//! Where the boxes stand: on an ellipse, wide enough that none touches another.

use std::f64::consts::{SQRT_2, TAU};

use super::LINE_HEIGHT;

/// A box, by its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

const WIDTH: f64 = 256.0;
/// Between two boxes, so that an arrow with its letter is seen; and around all of them.
const BETWEEN: f64 = 70.0;
const MARGIN: f64 = 12.0;

/// So many boxes, each with room for so many lines; first the width and height of it all.
pub(crate) fn places(count: usize, lines: usize) -> (f64, f64, Vec<Place>) {
    let height = number(lines).mul_add(LINE_HEIGHT, 16.0);
    let (across, down) = radii(count, height);
    let middles: Vec<_> = (0..count)
        .map(|index| angle(index, count).sin_cos())
        .map(|(sin, cos)| (cos * across, sin * down))
        .collect();
    let least = |of: fn(&(f64, f64)) -> f64| middles.iter().map(of).fold(0.0, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| middles.iter().map(of).fold(0.0, f64::max);
    let (left, top) = (least(|at| at.0), least(|at| at.1));
    let inset = (WIDTH / 2.0 + MARGIN, height / 2.0 + MARGIN);
    let place =
        |(x, y)| Place { x: x - left + inset.0, y: y - top + inset.1, width: WIDTH, height };
    let size = (most(|at| at.0) - left + 2.0 * inset.0, most(|at| at.1) - top + 2.0 * inset.1);
    (size.0, size.1, middles.iter().copied().map(place).collect())
}

/// The ellipse's radii, which grow with the boxes on it. On a circle of radius 1, neighbours are
/// 2 sin(π/n) apart: in one direction at least that by √2. There they are a box and a gap apart.
fn radii(count: usize, height: f64) -> (f64, f64) {
    match count {
        0 | 1 => (0.0, 0.0),
        2 => (f64::midpoint(WIDTH, BETWEEN * 2.0), 0.0),
        _ => {
            let step = SQRT_2 * (TAU / number(count) / 2.0).sin();
            let around = |size: f64| (size + BETWEEN) / step;
            (around(WIDTH), around(height))
        }
    }
}

/// Two stand side by side; more go around from the top.
fn angle(index: usize, count: usize) -> f64 {
    let part = TAU * number(index) / number(count.max(1));
    if count == 2 { TAU / 2.0 - part } else { part - TAU / 4.0 }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

impl Place {
    /// Its upper left corner.
    pub(super) fn corner(&self) -> (f64, f64) {
        (self.x - self.width / 2.0, self.y - self.height / 2.0)
    }

    /// Where a line from its middle towards a point leaves it.
    pub(super) fn edge(&self, towards: (f64, f64)) -> (f64, f64) {
        let (x, y) = (towards.0 - self.x, towards.1 - self.y);
        let part = |half: f64, way: f64| if way == 0.0 { f64::INFINITY } else { half / way.abs() };
        let part = part(self.width / 2.0, x).min(part(self.height / 2.0, y)).min(1.0);
        (x.mul_add(part, self.x), y.mul_add(part, self.y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of meshes that a stack can hold (docs/deploy.md: fifteen members), and many more.
    #[test]
    fn no_box_touches_another_or_the_frame() {
        for (count, lines) in (1..=40).flat_map(|count| [3, 6, 9].map(|lines| (count, lines))) {
            let (width, height, places) = places(count, lines);
            assert_eq!(places.len(), count);
            for (index, one) in places.iter().enumerate() {
                let (left, top) = one.corner();
                assert!(left > 0.0 && top > 0.0, "{count} members of {lines} lines");
                assert!(left + one.width < width && top + one.height < height);
                for other in &places[..index] {
                    let apart = (one.x - other.x).abs() > WIDTH + 20.0
                        || (one.y - other.y).abs() > one.height + 20.0;
                    assert!(apart, "{count} members of {lines} lines: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_leaves_a_box_at_its_edge() {
        let place = Place { x: 100.0, y: 100.0, width: 40.0, height: 20.0 };
        for (towards, edge) in [
            ((200.0, 100.0), (120.0, 100.0)),
            ((100.0, 0.0), (100.0, 90.0)),
            ((0.0, 0.0), (90.0, 90.0)),
            ((100.0, 100.0), (100.0, 100.0)),
        ] {
            assert_eq!(place.edge(towards), edge);
        }
    }
}
