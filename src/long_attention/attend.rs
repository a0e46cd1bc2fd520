//! Exact attention of each candidate to the events that were found for it.

use wide::f32x4;

use super::LongAttention;
use super::encoded::Events;
use super::queries::Queries;
use crate::esu::Attended;
use crate::gsu::NO_EVENT;
use crate::numeric::{LANES, WIDE, add, dot_each, put_few, softmax, weighted_sums};

/// Candidates whose attention is projected together: what it mixes of so many stays in the first cache.
const TOGETHER: usize = 16;

impl LongAttention {
    /// Attends each candidate to the events in its slots, `index` `[C, K]`, of a history of `all` events.
    pub(super) fn attend(
        &self,
        queries: &Queries,
        events: &Events,
        category: &[i64],
        index: &[i64],
        all: usize,
    ) -> Attended {
        let (columns, heads, k) = (self.value_bias.len(), self.heads, self.k);
        let (candidates, stride) = (queries.candidates(), queries.stride);
        let mut position = vec![0; all];
        events.rows.iter().zip(0..).for_each(|(&row, at)| position[row as usize] = at);
        let mut mixing = Mixing::new(queries, events, heads, k);
        let mut attended = Attended {
            output: vec![0.0; candidates * columns],
            weight: vec![0.0; candidates * heads * k],
            intensity: vec![0.0; candidates * heads],
        };
        let mut mixed = vec![0.0; TOGETHER * heads * stride];
        let mut projected = vec![0.0; TOGETHER * columns];
        for candidates in alike_together(category, index, k).chunks(TOGETHER) {
            for (&c, mixed) in candidates.iter().zip(mixed.chunks_exact_mut(heads * stride)) {
                // Events are found best first, so that empty slots come last.
                let found = index[c * k..(c + 1) * k].iter().take_while(|&&row| row != NO_EVENT);
                let weight = &mut attended.weight[c * heads * k..(c + 1) * heads * k];
                let intensity = &mut attended.intensity[c * heads..(c + 1) * heads];
                mixing.mix(c, found.map(|&row| position[row as usize]), weight, intensity, mixed);
            }
            let rows = &mut projected[..candidates.len() * columns];
            let parts = self.value.iter().zip((0..).step_by(stride)).zip((0..).step_by(columns / heads));
            for ((value, from), to) in parts {
                value.multiply(&mixed[from..], heads * stride, &mut rows[to..], columns);
            }
            for (&c, projected) in candidates.iter().zip(rows.chunks_exact(columns)) {
                if index[c * k] != NO_EVENT {
                    let output = &mut attended.output[c * columns..(c + 1) * columns];
                    output.copy_from_slice(&self.value_bias);
                    add(output, projected);
                }
            }
        }
        attended
    }
}

/// Candidates in an order in which those come together that attend to much the same events, which then are in a cache.
fn alike_together(category: &[i64], index: &[i64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..category.len()).collect();
    order.sort_unstable_by_key(|&c| (category[c], index[c * k]));
    order
}

/// Mixes events, with room for what is worked out on the way.
struct Mixing<'a> {
    queries: &'a Queries,
    events: &'a Events,
    heads: usize,
    k: usize,
    /// The events attended to, and their first places in the table of events.
    held: Vec<usize>,
    places: Vec<usize>,
    /// Of each of them, for the heads of a group, its logit and then its weight in every lane.
    logits: Vec<f32x4>,
    by_slot: Vec<[f32x4; LANES]>,
    sums: Vec<f32>,
}

impl<'a> Mixing<'a> {
    fn new(queries: &'a Queries, events: &'a Events, heads: usize, k: usize) -> Mixing<'a> {
        Mixing {
            queries,
            events,
            heads,
            k,
            held: Vec::with_capacity(k),
            places: Vec::with_capacity(k),
            logits: vec![f32x4::ZERO; k.next_multiple_of(LANES)],
            by_slot: vec![[f32x4::ZERO; LANES]; k],
            sums: vec![0.0; LANES * queries.stride],
        }
    }

    /// A candidate's weights `[H, K]` and intensities `[H]`, and the weighted sums `[H, stride]` of the events found for it.
    fn mix(
        &mut self,
        candidate: usize,
        found: impl Iterator<Item = usize>,
        weight: &mut [f32],
        intensity: &mut [f32],
        mixed: &mut [f32],
    ) {
        let Mixing { queries, events, heads, k, held, places, logits, by_slot, sums } = self;
        let (heads, k, stride) = (*heads, *k, queries.stride);
        let groups = heads.div_ceil(LANES);
        held.clear();
        held.extend(found);
        places.clear();
        places.extend(held.iter().map(|event| event * (stride / WIDE)));
        for group in 0..groups {
            let first = group * LANES;
            let lanes = LANES.min(heads - first);
            // Lanes beyond the last head do its work again.
            let head = [0, 1, 2, 3].map(|lane| first + lane.min(lanes - 1));
            let keys = head.map(|head| queries.key(candidate, head));
            let of_query = queries.bias(candidate, group);
            // Biases are read of all before what else there is, so that one need not wait for the other.
            for (logits, &event) in logits.iter_mut().zip(held.iter()) {
                *logits = of_query + f32x4::new(events.bias[event * groups + group]);
            }
            for (logits, &event) in logits.iter_mut().zip(held.iter()) {
                *logits += dot_each(keys, &events.x[event * stride..(event + 1) * stride]);
            }
            for (logits, first) in logits.as_chunks().0.iter().zip((0..held.len()).step_by(LANES)) {
                let count = LANES.min(held.len() - first);
                for (logits, head) in f32x4::transpose(*logits).iter().zip(head).take(lanes) {
                    put_few(*logits, &mut weight[head * k + first..][..count]);
                }
            }
            for (lane, &head) in head.iter().enumerate().take(lanes) {
                let of_head = &mut weight[head * k..head * k + held.len()];
                intensity[head] = softmax(of_head);
                by_slot.iter_mut().zip(of_head).for_each(|(lanes, weight)| lanes[lane] = f32x4::splat(*weight));
            }
            weighted_sums(places, &by_slot[..held.len()], events.x.as_chunks().0, stride, sums);
            mixed[first * stride..(first + lanes) * stride].copy_from_slice(&sums[..lanes * stride]);
        }
    }
}
