//! From attention weights to the events they lie on.

use crate::gsu::NO_EVENT;
use crate::ranker::Run;
use crate::response::{Attention, Explanation, Ranked};

/// Explanations of the best `top` candidates that the model scored.
pub(crate) fn best(ranked: &[Ranked], run: &Run, top: usize) -> Vec<Explanation> {
    let scored = ranked.iter().filter_map(|ranked| Some((ranked.item, run.position(ranked.item)?)));
    let (engaged, skips) = (run.engaged(), run.skips());
    scored.take(top).map(|(item, position)| explanation(item, position, run, &engaged, &skips)).collect()
}

/// Given of each event row, and of each skip row, its index in the request's history.
fn explanation(item: u64, position: usize, run: &Run, engaged: &[u32], skips: &[u32]) -> Explanation {
    let candidates = run.candidates();
    let outputs = &run.outputs;
    let k = outputs.long_index.len() / candidates;
    let picked = outputs.long_index[position * k..(position + 1) * k].iter();
    let picked = picked.enumerate().filter(|&(_, &row)| row != NO_EVENT);
    let weights = |all: &[f32], slots: usize| {
        let len = all.len() / candidates;
        Weights { heads: len / slots, slots, values: all[position * len..(position + 1) * len].to_vec() }
    };
    let of_long = weights(&outputs.long_weight, k);
    let of_recent = weights(&outputs.recent_weight, run.recent);
    let of_skips = weights(&outputs.skip_weight, run.skip);
    Explanation {
        item,
        long: sorted(picked.map(|(slot, &row)| of_long.attention(slot, engaged[row as usize])).collect()),
        recent: sorted(of_recent.of(engaged)),
        skips: sorted(of_skips.of(skips)),
        without: Vec::new(),
    }
}

/// One candidate's weights, `[heads, slots]`.
struct Weights {
    heads: usize,
    slots: usize,
    values: Vec<f32>,
}

impl Weights {
    fn attention(&self, slot: usize, event: u32) -> Attention {
        let heads = (0..self.heads).map(|head| self.values[head * self.slots + slot]).collect();
        Attention { event, heads }
    }

    /// Slot i stands for event i; slots beyond the events are padding.
    fn of(&self, events: &[u32]) -> Vec<Attention> {
        events.iter().take(self.slots).enumerate().map(|(slot, &event)| self.attention(slot, event)).collect()
    }
}

fn sorted(mut attention: Vec<Attention>) -> Vec<Attention> {
    attention.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
    attention
}
