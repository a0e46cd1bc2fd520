//! Search of many events: first those of items that promise most, then those that can still do better.

use wide::f32x4;

use super::Contenders;
use super::bounds::Bounds;
use super::events::{Candidate, Events};
use super::near::Near;
use crate::gsu::scan::{close, fold, reached, reaching};
use crate::numeric::codes::Products;

/// What no logit of an item's events is above, and room for what is worked out on the way.
pub(super) struct Many {
    bounds: Bounds,
    reaches: Vec<[f32x4; 2]>,
    largest: Vec<f32x4>,
    scratch: Vec<f32x4>,
    found: Vec<u32>,
    near: Near,
}

impl Many {
    /// Of these events, of which the k best are asked for, given what a product of codes is multiplied with.
    pub fn of(events: &Events, k: usize, unit: f32) -> Many {
        let bounds = Bounds::of(events, unit);
        Many {
            reaches: vec![[f32x4::ZERO; 2]; bounds.len()],
            bounds,
            largest: Vec::new(),
            scratch: Vec::new(),
            found: Vec::new(),
            near: Near::new(k),
        }
    }

    /// The events that can be among a candidate's k best, given how far logits of codes can be apart that others are not.
    #[inline(always)]
    pub fn find(&mut self, events: &Events, candidate: &Candidate, products: &[Products], margin: f32) -> &Contenders {
        let Many { bounds, reaches, largest, scratch, found, near } = self;
        let items = events.items();
        bounds.reach(products, candidate.sums, reaches);
        close(reaches, items);
        fold(reaches, largest);
        near.clear(margin);
        let promising = reached(largest, near.k(), scratch);
        let found_first = reaching(reaches, largest, items, promising, None, found);
        near.expect(found_first.iter().map(|&item| events.first_logit(item as usize, candidate)));
        events.offer(found_first, candidate, near);
        near.shrink();
        let found_then = reaching(reaches, largest, items, near.least(), Some(promising), found);
        events.offer(found_then, candidate, near);
        near.finish()
    }
}
