//! Attention to few events, of each of which keys and values are projected once.
//!
//! With an event x = (item + marks) · scale ∘ norm, its key is (item · (norm ∘ K) + marks · (norm ∘ K)) · scale + b: what a
//! product is needed for is found once for each item, and once and for all for marks. Values likewise.

use wide::f32x4;

use super::Weights;
use super::attend::{Attention, Queries};
use super::encoded::{EventParts, InParts};
use crate::encoder::Encoder;
use crate::numeric::{
    Activation, LANES, Linear, Matrix, WIDE, dot_pairs, multiply, place_by_turns, repeated, scale, scaled_sum,
    weighted_sum,
};

/// The projections of attention, laid out for it.
#[derive(Clone, Debug)]
pub(super) struct Projected {
    /// To `[groups of heads, part, head, number]` with [`LANES`] heads to a group and as many numbers to a part, zeros beyond
    /// the last head and the last number; over the square root of D/H.
    query: Linear,
    /// To the same of events.
    key: OfEvents,
    /// To `[H, value_width]`, zeros beyond D/H.
    value: OfEvents,
    width: usize,
    heads: usize,
    head_width: usize,
    /// Numbers of a head's value, those that fill it up counted.
    value_width: usize,
}

/// To read and sum up what a number of an event is made of, and to write it, takes as long as so many multiplications.
const SUMMED_UP: u64 = 8;

/// A projection of events, by their parts.
#[derive(Clone, Debug)]
struct OfEvents {
    item: Matrix,
    /// Of what each pair of marks adds, `[pairs, columns]`.
    pairs: [Vec<f32>; 2],
    bias: Vec<f32>,
}

/// Where a number of a head's part of a row goes.
type Place<'a> = &'a dyn Fn(usize, usize) -> usize;

impl Projected {
    pub fn new(weights: &Weights, encoder: &Encoder, heads: usize) -> Projected {
        let width = encoder.width();
        let head_width = weights.query.1.len() / heads;
        let parts = head_width.div_ceil(LANES);
        let value_width = head_width.next_multiple_of(WIDE);
        let key_columns = heads.div_ceil(LANES) * parts * LANES * LANES;
        let key_place = |head: usize, at: usize| place_by_turns(head, at, parts);
        let value_place = |head: usize, at: usize| head * value_width + at;
        let placed = |(weight, bias): &(Vec<f32>, Vec<f32>), columns: usize, place: Place| {
            let (mut placed, mut placed_bias) = (vec![0.0; columns * width], vec![0.0; columns]);
            for (j, (row, bias)) in weight.chunks_exact(width).zip(bias).enumerate() {
                let to = place(j / head_width, j % head_width);
                placed[to * width..][..width].copy_from_slice(row);
                placed_bias[to] = *bias;
            }
            (placed, placed_bias)
        };
        let of_events = |(mut weight, bias): (Vec<f32>, Vec<f32>)| {
            weight.chunks_exact_mut(width).for_each(|row| multiply(row, encoder.norm_weight()));
            let item = Matrix::transposed(&weight, bias.len(), width);
            OfEvents { pairs: encoder.pair_tables().map(|table| item.product(table)), item, bias }
        };
        let (mut query, mut query_bias) = placed(&weights.query, key_columns, &key_place);
        let by = 1.0 / (head_width as f32).sqrt();
        scale(&mut query, by);
        scale(&mut query_bias, by);
        let query = Matrix::transposed(&query, key_columns, width);
        Projected {
            query: Linear::new(query, Some(query_bias), Activation::Identity),
            key: of_events(placed(&weights.key, key_columns, &key_place)),
            value: of_events(placed(&weights.value, heads * value_width, &value_place)),
            width,
            heads,
            head_width,
            value_width,
        }
    }

    /// How many it takes for candidates with k events each, of so many items and events, or what costs as much. In 64 bits,
    /// so that every build decides alike.
    pub fn multiplications(&self, candidates: usize, items: usize, events: usize, k: usize) -> u64 {
        let of_event = self.key.columns() + self.value.columns();
        let [candidates, items, events, k] = [candidates, items, events, k].map(|count| count as u64);
        let [width, query, of_event] = [self.width, self.query.columns(), of_event].map(|count| count as u64);
        candidates * (width * query + k * of_event) + (items * width + SUMMED_UP * events) * of_event
    }

    /// For candidates `[C, w]`.
    pub fn attention<'a>(&'a self, candidates: &'a [f32], events: &InParts) -> impl Attention + 'a {
        Mixing {
            projected: self,
            queries: Queries::new(&self.query, candidates),
            key: self.key.of(events),
            value: self.value.of(events),
            places: Vec::new(),
            spread: Vec::new(),
        }
    }
}

impl OfEvents {
    fn columns(&self) -> usize {
        self.bias.len()
    }

    /// `[rows, columns]`.
    fn of(&self, InParts { items, events }: &InParts) -> Vec<f32> {
        let columns = self.columns();
        let items = self.item.product(items);
        let mut out = vec![0.0; events.len() * columns];
        for (out, &EventParts { item, pairs: [first, second], scale }) in out.chunks_exact_mut(columns).zip(events) {
            let parts = [(&items, item), (&self.pairs[0], first), (&self.pairs[1], second)];
            scaled_sum(out, parts.map(|(table, row)| &table[row * columns..][..columns]), scale, &self.bias);
        }
        out
    }
}

/// Mixes values, with room for what is worked out on the way.
struct Mixing<'a> {
    projected: &'a Projected,
    queries: Queries<'a>,
    key: Vec<f32>,
    value: Vec<f32>,
    /// The first places of the events found in the table of values.
    places: Vec<usize>,
    /// A head's weight of each of them, in every lane.
    spread: Vec<f32x4>,
}

impl Attention for Mixing<'_> {
    fn mixed(&self) -> usize {
        self.projected.value.columns()
    }

    fn columns(&self) -> usize {
        self.projected.heads * self.projected.head_width
    }

    fn ask(&mut self, candidates: &[usize]) {
        self.queries.ask(candidates);
    }

    fn bias(&self, _: usize, _: usize) -> f32x4 {
        f32x4::ZERO
    }

    // A function of its own, so that its sums have the registers to themselves.
    #[inline(never)]
    fn add_logits(&self, asking: usize, group: usize, found: &[usize], logits: &mut [f32x4]) {
        let parts = self.projected.head_width.div_ceil(LANES);
        let row = self.projected.key.columns() / (LANES * LANES);
        let [queries, key] = [self.queries.all(), &self.key].map(|values| values.as_chunks().0.as_chunks().0);
        let query = &queries[asking * row + group * parts..][..parts];
        for (logits, &event) in logits.iter_mut().zip(found) {
            *logits += dot_pairs(query, &key[event * row + group * parts..][..parts]);
        }
    }

    fn mix(&mut self, found: &[usize], weight: &[f32], k: usize, mixed: &mut [f32]) {
        // The more is summed at a time, the less often weights are read; sums of more than four vectors leave their registers.
        match self.projected.value_width {
            width if width.is_multiple_of(4 * LANES) => self.mix_parts::<4>(found, weight, k, mixed),
            _ => self.mix_parts::<2>(found, weight, k, mixed),
        }
    }

    fn project(&self, mixed: &[f32], output: &mut [f32]) {
        let Projected { head_width, value_width, .. } = *self.projected;
        if head_width == value_width {
            return output.copy_from_slice(mixed);
        }
        for (output, mixed) in output.chunks_exact_mut(head_width).zip(mixed.chunks_exact(value_width)) {
            output.copy_from_slice(&mixed[..head_width]);
        }
    }
}

impl Mixing<'_> {
    fn mix_parts<const N: usize>(&mut self, found: &[usize], weight: &[f32], k: usize, mixed: &mut [f32]) {
        let row = self.projected.value.columns() / (N * LANES);
        let parts = self.projected.value_width / (N * LANES);
        let table = self.value.as_chunks().0.as_chunks().0;
        self.places.clear();
        self.places.extend(found.iter().map(|event| event * row));
        self.spread.resize(found.len(), f32x4::ZERO);
        let mixed = mixed.chunks_exact_mut(N * LANES);
        for (part, mixed) in mixed.enumerate() {
            if part % parts == 0 {
                let weight = &weight[part / parts * k..][..k];
                repeated!(self.spread.iter_mut().zip(weight), |(lanes, weight)| *lanes = f32x4::splat(*weight));
            }
            let sums: [f32x4; N] = weighted_sum(&self.places, part, &self.spread, table);
            for (mixed, sum) in mixed.chunks_exact_mut(LANES).zip(sums) {
                mixed.copy_from_slice(&sum.to_array());
            }
        }
    }
}
