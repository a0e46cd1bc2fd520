//! Queries that have taken the keys' projection upon themselves.

use wide::f32x4;

use super::Weights;
use crate::numeric::{Activation, LANES, Linear, Matrix, WIDE};

/// Of each candidate what events are multiplied with, and what is added to that, to give their logits: with key K·x + b,
/// q·(K·x + b) = (Kᵀ·q)·x + b·q, over the square root of the head's width.
pub(super) struct Queries {
    /// `[C, H · stride + H]`, where keys are zeros beyond w and heads are filled up to a multiple of [`LANES`].
    values: Vec<f32>,
    row: usize,
    /// Numbers of a key.
    pub stride: usize,
    heads: usize,
}

impl Queries {
    /// From candidates `[C, w]`, by their [`layer`].
    pub fn of(candidates: &[f32], layer: &Linear, width: usize, heads: usize) -> Queries {
        let row = layer.columns();
        let mut values = vec![0.0; candidates.len() / width * row];
        layer.apply(candidates, None, &mut values);
        Queries { values, row, stride: width.next_multiple_of(WIDE), heads }
    }

    /// C.
    pub fn candidates(&self) -> usize {
        self.values.len() / self.row
    }

    /// What a head multiplies events with.
    pub fn key(&self, candidate: usize, head: usize) -> &[f32] {
        &self.values[candidate * self.row + head * self.stride..][..self.stride]
    }

    /// What heads add, by groups of [`LANES`].
    pub fn bias(&self, candidate: usize, group: usize) -> f32x4 {
        f32x4::from(&self.values[candidate * self.row + self.heads * self.stride + group * LANES..][..LANES])
    }
}

/// From a candidate `[w]` to its row of [`Queries`].
pub(super) fn layer(weights: &Weights, width: usize, heads: usize) -> Linear {
    let columns = weights.query.1.len();
    let head_width = columns / heads;
    let by = 1.0 / (head_width as f32).sqrt();
    let stride = width.next_multiple_of(WIDE);
    let row = heads * stride + heads.next_multiple_of(LANES);
    let (mut weight, mut bias) = (vec![0.0; row * width], vec![0.0; row]);
    // What the query's column j is multiplied with goes to a row.
    let mut absorb = |row: usize, j: usize, factor: f32| {
        let (to, from) = (&mut weight[row * width..(row + 1) * width], &weights.query.0[j * width..(j + 1) * width]);
        to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
        bias[row] += factor * weights.query.1[j];
    };
    for j in 0..columns {
        let head = j / head_width;
        for (i, key) in weights.key.0[j * width..(j + 1) * width].iter().enumerate() {
            absorb(head * stride + i, j, by * key);
        }
        absorb(heads * stride + head, j, by * weights.key.1[j]);
    }
    Linear::new(Matrix::transposed(&weight, row, width), Some(bias), Activation::Identity)
}
