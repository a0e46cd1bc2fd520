//! Consistent search: the largest attention logits.

mod bounds;
mod error_bound;
mod events;
mod few;
mod many;
mod marks;
mod near;

use self::error_bound::ErrorBound;
use self::events::{Candidate, Events};
use self::few::Few;
use self::many::Many;
use self::marks::MarkSums;
use super::scan::scan;
use super::{ByItem, NO_EVENT};
use crate::numeric::codes::{self, Left, Right};

/// What the logits of all heads add up to, in parts: (query · item + sum of the event's marks) · scale + bias.
pub struct Logits<'a> {
    /// `[C, w]`.
    pub query: &'a [f32],
    /// `[M, w]`, in the order of `events`.
    pub item: &'a [f32],
    /// Which events are on which item.
    pub events: &'a ByItem,
    /// What a mark adds, `[C, marks]`.
    pub mark: &'a [f32],
    /// Each event's marks, `[N]`.
    pub marks: &'a [[u16; MARKS]],
    /// What each event's sum is multiplied with, above 0, `[N]`.
    pub scale: &'a [f32],
    /// `[N]`.
    pub bias: &'a [f32],
}

/// Marks of an event: action, age, hour, weekday.
pub const MARKS: usize = 4;

/// Events that can be among the k best of a candidate, by their numbers.
#[derive(Default)]
struct Contenders {
    /// Those that are, whatever codes and rounding take from logits; k at most.
    certain: Vec<u32>,
    /// Those that may be.
    doubtful: Vec<u32>,
}

/// How the events are searched.
enum Search {
    Few(Few),
    Many(Many),
}

/// Largest logit, see [`Logits`]; w is the width.
///
/// Codes give each logit nearly. An event is passed over only where its logit is so far below the k-th best that what codes
/// and rounding can take from both does not bring them together, nor is its logit found where it is so far above the next one
/// after those; those that remain are told apart by their logits.
pub fn consistent(logits: &Logits, width: usize, k: usize) -> Vec<i64> {
    let candidates = logits.query.len() / width;
    let mut index = vec![NO_EVENT; candidates * k];
    if index.is_empty() || logits.scale.is_empty() {
        return index;
    }
    let events = Events::new(logits, width);
    let scales = [logits.query, events.vectors()].map(|vectors| codes::scale(&[vectors], width));
    let left = Left::new(logits.query, width, scales[0]);
    let right = Right::new(events.vectors(), width, scales[1]);
    let unit = 1.0 / (scales[0] * scales[1]);
    let error_bound = ErrorBound::of(&events, logits.bias, width, scales);
    let marks = logits.mark.len() / candidates;
    let mut search = Few::of(&events).map_or_else(|| Search::Many(Many::of(&events, k, unit)), Search::Few);
    let (mut sums, mut keys) = (MarkSums::default(), Vec::new());
    let mut slots = index.chunks_exact_mut(k);
    scan(&left, candidates, &right, |c, products| {
        let query = &logits.query[c * width..][..width];
        let mark = &logits.mark[c * marks..][..marks];
        events.sum_up(mark, &mut sums);
        if let Search::Many(_) = search {
            sums.bound(events.extreme_scales());
        }
        let candidate = Candidate { query, products: bytemuck::cast_slice(products), unit, sums: &sums };
        let margin = 2.0 * error_bound.of_candidate(query, mark);
        let found = match &mut search {
            Search::Few(few) => few.find(&candidate, k, margin),
            Search::Many(many) => many.find(&events, &candidate, products, margin),
        };
        if let Some(slots) = slots.next() {
            events.best(found, &candidate, &mut keys, slots);
        }
    });
    index
}
