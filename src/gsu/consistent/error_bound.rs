//! What codes and the rounding of floats can take from logits.

use wide::f32x4;

use super::MARKS;
use super::events::Events;
use crate::numeric::codes::largest;
use crate::numeric::{LANES, larger, repeated};

/// Far more than the rounding of sums of some hundred floats, relative to the sum of their sizes.
const ROUNDING: f32 = 1e-5;

pub(super) struct ErrorBound {
    /// The largest sum of the sizes of an item's numbers.
    largest_item: f32,
    largest_scale: f32,
    largest_bias: f32,
    /// What a query and an item are multiplied with to become codes.
    codes: [f32; 2],
}

impl ErrorBound {
    pub fn of(events: &Events, bias: &[f32], width: usize, codes: [f32; 2]) -> ErrorBound {
        ErrorBound {
            largest_item: events.vectors().chunks_exact(width).map(size).fold(0.0, larger),
            largest_scale: events.extreme_scales()[1],
            largest_bias: largest(bias),
            codes,
        }
    }

    /// How far a candidate's logits can be off. A code is half a unit off at most.
    pub fn of_candidate(&self, query: &[f32], mark: &[f32]) -> f32 {
        let size_of_query = size(query);
        let of_codes = 0.5 * size_of_query / self.codes[1]
            + 0.5 * self.largest_item / self.codes[0]
            + 0.25 * query.len() as f32 / (self.codes[0] * self.codes[1]);
        let sizes = size_of_query * self.largest_item + MARKS as f32 * largest(mark);
        (of_codes + ROUNDING * sizes) * self.largest_scale + ROUNDING * self.largest_bias
    }
}

/// The sum of the sizes of numbers.
fn size(vector: &[f32]) -> f32 {
    let (lanes, rest) = vector.as_chunks::<LANES>();
    let mut sums = f32x4::ZERO;
    repeated!(lanes.iter(), |values| sums += f32x4::new(*values).abs());
    sums.reduce_add() + rest.iter().map(|value| value.abs()).sum::<f32>()
}
