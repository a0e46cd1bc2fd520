//! Exact attention of each candidate to the events that were found for it.

use wide::f32x4;

use super::LongAttention;
use super::encoded::{Encoded, Events};
use crate::esu::Attended;
use crate::gsu::NO_EVENT;
use crate::numeric::{LANES, Linear, put_few, softmax};

/// Candidates of which what is mixed is projected together: it stays in the first cache.
const TOGETHER: usize = 16;

/// How candidates attend to events: what their logits are made of, and what is mixed by their weights.
pub(super) trait Attention {
    /// Numbers that the events found for a candidate are mixed to.
    fn mixed(&self) -> usize;

    /// D.
    fn columns(&self) -> usize;

    /// Makes the queries of candidates, which are then known by their place among these.
    fn ask(&mut self, candidates: &[usize]);

    /// What is added to the logits of a group of [`LANES`] heads, whatever the event.
    fn bias(&self, asking: usize, group: usize) -> f32x4;

    /// Adds to the logits of a group's heads what one that asks makes of each event.
    fn add_logits(&self, asking: usize, group: usize, found: &[usize], logits: &mut [f32x4]);

    /// Mixes the events found by weights `[H, k]`.
    fn mix(&mut self, found: &[usize], weight: &[f32], k: usize, mixed: &mut [f32]);

    /// What candidates mixed, `[n, mixed]`, to their outputs `[n, D]`.
    fn project(&self, mixed: &[f32], output: &mut [f32]);
}

/// The queries of those that ask together: made when they ask, they stay in the first cache.
pub(super) struct Queries<'a> {
    layer: &'a Linear,
    /// Encoded, `[C, w]`.
    candidates: &'a [f32],
    /// Those that ask, `[n, w]`.
    asking: Vec<f32>,
    /// `[n, columns]`.
    queries: Vec<f32>,
}

impl<'a> Queries<'a> {
    pub fn new(layer: &'a Linear, candidates: &'a [f32]) -> Queries<'a> {
        let room = |width: usize| Vec::with_capacity(TOGETHER * width);
        Queries { layer, candidates, asking: room(layer.inner()), queries: room(layer.columns()) }
    }

    pub fn ask(&mut self, candidates: &[usize]) {
        let width = self.layer.inner();
        self.asking.clear();
        for c in candidates {
            self.asking.extend_from_slice(&self.candidates[c * width..][..width]);
        }
        self.queries.resize(candidates.len() * self.layer.columns(), 0.0);
        self.layer.apply(&self.asking, None, &mut self.queries);
    }

    /// `[n, columns]`.
    pub fn all(&self) -> &[f32] {
        &self.queries
    }
}

impl LongAttention {
    /// Attends each candidate, encoded `[C, w]`, to the events in its slots; keeps the weights or not.
    pub(super) fn attend(&self, candidate: &[f32], events: &Events, slots: &Slots, keep_weights: bool) -> Attended {
        match &events.encoded {
            Encoded::InParts(parts) => {
                self.attend_by(self.projected.attention(candidate, parts), events, slots, keep_weights)
            }
            Encoded::Whole(x) => self.attend_by(self.absorbed.attention(candidate, x), events, slots, keep_weights),
        }
    }

    fn attend_by(&self, mut attention: impl Attention, events: &Events, slots: &Slots, keep_weights: bool) -> Attended {
        let (heads, k) = (self.heads, self.k);
        let (candidates, columns, mixed) = (slots.category.len(), attention.columns(), attention.mixed());
        let of_weights = heads * k;
        let mut attended = Attended {
            output: vec![0.0; candidates * columns],
            weight: vec![0.0; if keep_weights { candidates * of_weights } else { 0 }],
            intensity: vec![0.0; candidates * heads],
        };
        let (mut found, mut ends) = (Vec::with_capacity(TOGETHER * k), Vec::with_capacity(TOGETHER));
        let mut logits = vec![f32x4::ZERO; k.next_multiple_of(LANES)];
        let mut weights = vec![0.0; TOGETHER * of_weights];
        let mut of_some = vec![0.0; TOGETHER * mixed];
        let mut projected = vec![0.0; TOGETHER * columns];
        for candidates in slots.alike_together(k).chunks(TOGETHER) {
            attention.ask(candidates);
            found.clear();
            ends.clear();
            // Weights of all before anything is mixed: what the first cache holds is then of keys, and later of values.
            for ((asking, &c), weight) in candidates.iter().enumerate().zip(weights.chunks_exact_mut(of_weights)) {
                let first = found.len();
                slots.find(c, k, &mut found);
                let found = &found[first..];
                let intensity = &mut attended.intensity[c * heads..(c + 1) * heads];
                for group in 0..heads.div_ceil(LANES) {
                    // Biases are read of all before what else there is, so that one need not wait for the other.
                    events.write_biases(
                        found,
                        group,
                        heads.div_ceil(LANES),
                        attention.bias(asking, group),
                        &mut logits,
                    );
                    attention.add_logits(asking, group, found, &mut logits);
                    weigh(&logits, found.len(), group * LANES, weight, k, intensity);
                }
                ends.push(first + found.len());
            }
            let mut first = 0;
            let weighed = candidates.iter().zip(weights.chunks_exact(of_weights));
            for (((&c, weight), &end), mixed) in weighed.zip(&ends).zip(of_some.chunks_exact_mut(mixed)) {
                attention.mix(&found[first..end], weight, k, mixed);
                if keep_weights {
                    let kept = attended.weight[c * of_weights..][..of_weights].chunks_exact_mut(k);
                    for (kept, weight) in kept.zip(weight.chunks_exact(k)) {
                        kept[..end - first].copy_from_slice(&weight[..end - first]);
                    }
                }
                first = end;
            }
            let projected = &mut projected[..candidates.len() * columns];
            attention.project(&of_some[..candidates.len() * mixed], projected);
            for (&c, projected) in candidates.iter().zip(projected.chunks_exact(columns)) {
                if slots.index[c * k] != NO_EVENT {
                    attended.output[c * columns..(c + 1) * columns].copy_from_slice(projected);
                }
            }
        }
        attended
    }
}

/// Which events candidates attend to.
pub(super) struct Slots<'a> {
    /// `[C]`.
    category: &'a [i64],
    /// Rows of the history `[C, k]`.
    index: &'a [i64],
    /// Of each row of the history its place among the events that are encoded.
    position: Vec<usize>,
}

impl<'a> Slots<'a> {
    /// Categories `[C]` and slots `[C, k]` of candidates, which hold rows of a history of `all` events.
    pub fn of(category: &'a [i64], index: &'a [i64], events: &Events, all: usize) -> Slots<'a> {
        let mut position = vec![0; all];
        events.rows.iter().zip(0..).for_each(|(&row, at)| position[row as usize] = at);
        Slots { category, index, position }
    }

    /// Adds the places among the events that are encoded of those that a candidate attends to. A function of its own, so
    /// that its numbers have the registers to themselves.
    #[inline(never)]
    fn find(&self, candidate: usize, k: usize, found: &mut Vec<usize>) {
        let slots = &self.index[candidate * k..][..k];
        // Empty slots come last.
        let count = slots.iter().position(|&row| row == NO_EVENT).unwrap_or(slots.len());
        found.extend(slots[..count].iter().map(|&row| self.position[row as usize]));
    }

    /// Candidates in an order in which those come together that attend to much the same events, which then are in a cache.
    fn alike_together(&self, k: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.category.len()).collect();
        order.sort_unstable_by_key(|&c| (self.category[c], self.index[c * k]));
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
