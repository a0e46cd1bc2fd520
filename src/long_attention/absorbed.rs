//! Attention to many events, none of which is projected.
//!
//! With keys K·x + b, q·(K·x + b) = (Kᵀ·q)·x + b·q, so that the candidate takes the key's projection upon itself; and the sum
//! of weighted values is the value of the weighted sum.

use wide::f32x4;

use super::Weights;
use super::attend::{Attention, Queries};
use crate::numeric::{Activation, LANES, Linear, Matrix, WIDE, add, dot_four, place_by_turns, weighted_sums};

/// The projections of attention, those of keys and values absorbed.
#[derive(Clone, Debug)]
pub(super) struct Absorbed {
    /// From a candidate to what events are multiplied with, and what is added to that, to give their logits: to
    /// `[groups of heads, part, head, number]` with [`LANES`] heads to a group and as many numbers to a part, zeros beyond the
    /// last head and beyond w; and then to `[groups of heads, head]`.
    query: Linear,
    /// Of each head: from the width of the encoder to its part of the output.
    value: Vec<Matrix>,
    value_bias: Vec<f32>,
    width: usize,
    stride: usize,
    heads: usize,
}

impl Absorbed {
    pub fn new(weights: &Weights, width: usize, heads: usize) -> Absorbed {
        let columns = weights.query.1.len();
        let head_width = columns / heads;
        let by = 1.0 / (head_width as f32).sqrt();
        let stride = width.next_multiple_of(WIDE);
        let padded = heads.next_multiple_of(LANES);
        let row = padded * (stride + 1);
        let (mut weight, mut bias) = (vec![0.0; row * width], vec![0.0; row]);
        // What the query's column j is multiplied with goes to a row.
        let mut absorb = |row: usize, j: usize, factor: f32| {
            add_scaled(&mut weight[row * width..][..width], &weights.query.0[j * width..][..width], factor);
            bias[row] += factor * weights.query.1[j];
        };
        for j in 0..columns {
            let head = j / head_width;
            for (i, key) in weights.key.0[j * width..(j + 1) * width].iter().enumerate() {
                absorb(place_by_turns(head, i, stride / LANES), j, by * key);
            }
            absorb(padded * stride + head, j, by * weights.key.1[j]);
        }
        let value = weights.value.0.chunks_exact(head_width * width);
        Absorbed {
            query: Linear::new(Matrix::transposed(&weight, row, width), Some(bias), Activation::Identity),
            value: value.map(|part| Matrix::transposed(part, head_width, width)).collect(),
            value_bias: weights.value.1.clone(),
            width,
            stride,
            heads,
        }
    }

    /// How many it takes for candidates with k events each, of any number of events.
    pub fn multiplications(&self, candidates: usize, k: usize) -> u64 {
        let of_heads = self.heads.next_multiple_of(LANES) * self.stride;
        let of_layers = self.query.columns() + self.value_bias.len();
        let [candidates, k, width] = [candidates, k, self.width].map(|count| count as u64);
        candidates * (width * of_layers as u64 + 2 * k * of_heads as u64)
    }

    /// For candidates `[C, w]` and events `[rows, stride]`, zeros beyond w.
    pub fn attention<'a>(&'a self, candidates: &'a [f32], events: &'a [f32]) -> impl Attention + 'a {
        Mixing {
            absorbed: self,
            queries: Queries::new(&self.query, candidates),
            row: self.query.columns(),
            events,
            places: Vec::new(),
            by_slot: Vec::new(),
            sums: vec![0.0; LANES * self.stride],
        }
    }
}

/// From a candidate to what the logits of all heads together multiply events with, `[w, w]`, times a number for each column.
pub(super) fn of_all_heads(weights: &Weights, width: usize, heads: usize, scale: &[f32]) -> Linear {
    let columns = weights.query.1.len();
    let by = 1.0 / ((columns / heads) as f32).sqrt();
    let (mut weight, mut bias) = (vec![0.0; width * width], vec![0.0; width]);
    for j in 0..columns {
        let keys = weights.key.0[j * width..(j + 1) * width].iter().zip(scale);
        for (i, (key, scale)) in keys.enumerate() {
            let factor = by * key * scale;
            add_scaled(&mut weight[i * width..][..width], &weights.query.0[j * width..][..width], factor);
            bias[i] += factor * weights.query.1[j];
        }
    }
    Linear::new(Matrix::transposed(&weight, width, width), Some(bias), Activation::Identity)
}

fn add_scaled(to: &mut [f32], from: &[f32], by: f32) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += by * from);
}

/// Mixes events as they are, with room for what is worked out on the way.
struct Mixing<'a> {
    absorbed: &'a Absorbed,
    /// Of each `row` numbers.
    queries: Queries<'a>,
    row: usize,
    events: &'a [f32],
    /// The first places of the events found in the table of events.
    places: Vec<usize>,
    /// Of each of them, for the heads of a group, its weight in every lane.
    by_slot: Vec<[f32x4; LANES]>,
    sums: Vec<f32>,
}

impl Attention for Mixing<'_> {
    fn mixed(&self) -> usize {
        self.absorbed.heads * self.absorbed.stride
    }

    fn columns(&self) -> usize {
        self.absorbed.value_bias.len()
    }

    fn ask(&mut self, candidates: &[usize]) {
        self.queries.ask(candidates);
    }

    fn bias(&self, asking: usize, group: usize) -> f32x4 {
        let biases = self.absorbed.heads.next_multiple_of(LANES) * self.absorbed.stride;
        f32x4::from(&self.queries.all()[asking * self.row + biases + group * LANES..][..LANES])
    }

    fn add_logits(&self, asking: usize, group: usize, found: &[usize], logits: &mut [f32x4]) {
        let parts = self.absorbed.stride / LANES;
        let of_group = &self.queries.all()[asking * self.row + group * LANES * self.absorbed.stride..];
        let keys = &of_group.as_chunks().0.as_chunks().0[..parts];
        let x = self.events.as_chunks().0;
        for (logits, &event) in logits.iter_mut().zip(found) {
            *logits += dot_four(keys, &x[event * parts..][..parts]);
        }
    }

    fn mix(&mut self, found: &[usize], weight: &[f32], k: usize, mixed: &mut [f32]) {
        let stride = self.absorbed.stride;
        self.places.clear();
        self.places.extend(found.iter().map(|event| event * (stride / WIDE)));
        self.by_slot.resize(found.len(), [f32x4::ZERO; LANES]);
        for (weight, mixed) in weight.chunks(LANES * k).zip(mixed.chunks_mut(LANES * stride)) {
            for (lane, weight) in weight.chunks_exact(k).enumerate() {
                self.by_slot.iter_mut().zip(weight).for_each(|(lanes, weight)| lanes[lane] = f32x4::splat(*weight));
            }
            weighted_sums(&self.places, &self.by_slot, self.events.as_chunks().0, stride, &mut self.sums);
            mixed.copy_from_slice(&self.sums[..mixed.len()]);
        }
    }

    fn project(&self, mixed: &[f32], output: &mut [f32]) {
        let Absorbed { value, value_bias, stride, heads, .. } = self.absorbed;
        let columns = value_bias.len();
        let parts = value.iter().zip((0..).step_by(*stride)).zip((0..).step_by(columns / heads));
        for ((value, from), to) in parts {
            value.multiply(&mixed[from..], heads * stride, &mut output[to..], columns);
        }
        output.chunks_exact_mut(columns).for_each(|row| add(row, value_bias));
    }
}
