//! Exact attention of each candidate to the events that were found for it.

use wide::f32x4;

use super::LongAttention;
use super::encoded::{Encoded, Events};
use crate::esu::Attended;
use crate::gsu::NO_EVENT;
use crate::numeric::{LANES, put_few, softmax};

/// Candidates of which what is mixed is projected together: it stays in the first cache.
const TOGETHER: usize = 16;

/// How candidates attend to events: what their logits are made of, and what is mixed by their weights.
pub(super) trait Attention {
    /// Numbers that the events found for a candidate are mixed to.
    fn mixed(&self) -> usize;

    /// What is added to the logits of a group of [`LANES`] heads, whatever the event.
    fn bias(&self, candidate: usize, group: usize) -> f32x4;

    /// Adds to the logits of a group's heads what a candidate makes of each event.
    fn add_logits(&self, candidate: usize, group: usize, found: &[usize], logits: &mut [f32x4]);

    /// D.
    fn columns(&self) -> usize;

    /// Mixes the events found by weights `[H, k]`.
    fn mix(&mut self, found: &[usize], weight: &[f32], k: usize, mixed: &mut [f32]);

    /// What candidates mixed, `[n, mixed]`, to their outputs `[n, D]`.
    fn project(&self, mixed: &[f32], output: &mut [f32]);
}

impl LongAttention {
    /// Attends each candidate, encoded `[C, w]`, to the events in its slots, `index` `[C, K]`, of a history of `all` events.
    pub(super) fn attend(
        &self,
        candidate: &[f32],
        events: &Events,
        category: &[i64],
        index: &[i64],
        all: usize,
    ) -> Attended {
        let mut position = vec![0; all];
        events.rows.iter().zip(0..).for_each(|(&row, at)| position[row as usize] = at);
        let slots = Slots { category, index, position, heads: self.heads, k: self.k };
        match &events.encoded {
            Encoded::InParts(parts) => slots.attend(self.projected.attention(candidate, parts), events),
            Encoded::Whole(x) => slots.attend(self.absorbed.attention(candidate, x), events),
        }
    }
}

/// Which events candidates attend to.
struct Slots<'a> {
    /// `[C]`.
    category: &'a [i64],
    /// Rows of the history `[C, k]`.
    index: &'a [i64],
    /// Of each row of the history its place among the events that are encoded.
    position: Vec<usize>,
    heads: usize,
    k: usize,
}

impl Slots<'_> {
    fn attend(&self, mut attention: impl Attention, events: &Events) -> Attended {
        let Slots { heads, k, .. } = *self;
        let (candidates, columns, mixed) = (self.category.len(), attention.columns(), attention.mixed());
        let mut attended = Attended {
            output: vec![0.0; candidates * columns],
            weight: vec![0.0; candidates * heads * k],
            intensity: vec![0.0; candidates * heads],
        };
        let (mut found, mut ends) = (Vec::with_capacity(TOGETHER * k), Vec::with_capacity(TOGETHER));
        let mut logits = vec![f32x4::ZERO; k.next_multiple_of(LANES)];
        let mut of_some = vec![0.0; TOGETHER * mixed];
        let mut projected = vec![0.0; TOGETHER * columns];
        for candidates in self.alike_together().chunks(TOGETHER) {
            found.clear();
            ends.clear();
            // Weights of all before anything is mixed: what the first cache holds is then of keys, and later of values.
            for &c in candidates {
                let first = found.len();
                self.find(c, &mut found);
                let found = &found[first..];
                let weight = &mut attended.weight[c * heads * k..(c + 1) * heads * k];
                let intensity = &mut attended.intensity[c * heads..(c + 1) * heads];
                for group in 0..heads.div_ceil(LANES) {
                    // Biases are read of all before what else there is, so that one need not wait for the other.
                    events.write_biases(found, group, heads.div_ceil(LANES), attention.bias(c, group), &mut logits);
                    attention.add_logits(c, group, found, &mut logits);
                    weigh(&logits, found.len(), group * LANES, weight, k, intensity);
                }
                ends.push(first + found.len());
            }
            let mut first = 0;
            for ((&c, &end), mixed) in candidates.iter().zip(&ends).zip(of_some.chunks_exact_mut(mixed)) {
                let weight = &attended.weight[c * heads * k..(c + 1) * heads * k];
                attention.mix(&found[first..end], weight, k, mixed);
                first = end;
            }
            let projected = &mut projected[..candidates.len() * columns];
            attention.project(&of_some[..candidates.len() * mixed], projected);
            for (&c, projected) in candidates.iter().zip(projected.chunks_exact(columns)) {
                if self.index[c * k] != NO_EVENT {
                    attended.output[c * columns..(c + 1) * columns].copy_from_slice(projected);
                }
            }
        }
        attended
    }

    /// Adds the places among the events that are encoded of those that a candidate attends to. A function of its own, so
    /// that its numbers have the registers to themselves.
    #[inline(never)]
    fn find(&self, candidate: usize, found: &mut Vec<usize>) {
        let slots = &self.index[candidate * self.k..][..self.k];
        // Events are found best first, so that empty slots come last.
        let count = slots.iter().position(|&row| row == NO_EVENT).unwrap_or(slots.len());
        found.extend(slots[..count].iter().map(|&row| self.position[row as usize]));
    }

    /// Candidates in an order in which those come together that attend to much the same events, which then are in a cache.
    fn alike_together(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.category.len()).collect();
        order.sort_unstable_by_key(|&c| (self.category[c], self.index[c * self.k]));
        order
    }
}

/// From the logits of a group of heads, the first of them given, to weights `[H, k]` and intensities `[H]`. A function of its
/// own, so that its numbers have the registers to themselves.
#[inline(never)]
fn weigh(logits: &[f32x4], found: usize, first: usize, weight: &mut [f32], k: usize, intensity: &mut [f32]) {
    let heads = first..intensity.len().min(first + LANES);
    for (logits, slot) in logits.as_chunks().0.iter().zip((0..found).step_by(LANES)) {
        let count = LANES.min(found - slot);
        for (logits, head) in f32x4::transpose(*logits).iter().zip(heads.clone()) {
            put_few(*logits, &mut weight[head * k + slot..][..count]);
        }
    }
    let weight = weight[heads.start * k..heads.end * k].chunks_exact_mut(k);
    softmax(weight.map(|weight| &mut weight[..found]), &mut intensity[heads]);
}
