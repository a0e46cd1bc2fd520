//! What no logit of an item's events is above.

use wide::f32x4;

use super::events::Events;
use super::marks::MarkSums;
use crate::gsu::scan::items_of;
use crate::numeric::codes::{BLOCK, Products};
use crate::numeric::repeated;

/// Of each block of items.
pub(super) struct Bounds(Vec<Bound>);

/// What a block's products of codes are multiplied with for the least and the largest scale of each item's events, and the
/// first of what their events have of bias and first marks.
struct Bound {
    least_scale: [f32x4; 2],
    largest_scale: [f32x4; 2],
    first: usize,
}

impl Bounds {
    /// Given what a product of codes is multiplied with.
    pub fn of(events: &Events, unit: f32) -> Bounds {
        let items = events.items();
        let of = |block: usize, part: usize| {
            let mut lanes = [0.0; BLOCK];
            for (lane, item) in lanes.iter_mut().zip(items_of(block, items)) {
                *lane = events.scales(item)[part] * unit;
            }
            bytemuck::cast(lanes)
        };
        let bound = |block: usize| Bound {
            least_scale: of(block, 0),
            largest_scale: of(block, 1),
            first: events.first(block * BLOCK),
        };
        Bounds((0..items.div_ceil(BLOCK)).map(bound).collect())
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes what no logit of each item's events is above, as far as codes tell. A function of its own, so that its numbers
    /// have the registers to themselves.
    #[inline(never)]
    pub fn reach(&self, products: &[Products], sums: &MarkSums, reaches: &mut [[f32x4; 2]]) {
        repeated!(reaches.iter_mut().zip(products).zip(&self.0), |((reach, products), bound)| {
            let most = f32x4::splat(sums.first[bound.first].most);
            *reach = [0, 1].map(|half| {
                let product = f32x4::from_i32x4(products[half]);
                (product * bound.least_scale[half]).fast_max(product * bound.largest_scale[half]) + most
            });
        });
    }
}
