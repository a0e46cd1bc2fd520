//! Attention to a table that has taken upon itself the projection of queries before it, and that of its output after it.
//!
//! With query W·x + b, key·(W·x + b) = (Wᵀ·key)·x + b·key; and U of a sum of weighted values is the sum of weighted U·value.
//! Few rows that many queries attend to are projected once, instead of each query and of each output.

use super::{Attended, columns, weigh};
use crate::numeric::{Activation, Linear, Matrix, dot};

/// The projections around attention: of queries, W `[D, w]` and b `[D]`, and of its output, U `[o, D]`; H heads.
#[derive(Clone, Debug, PartialEq)]
pub struct Projections {
    /// Of each head its part of W over the square root of D/H, `[D/H, w]`.
    query: Vec<Matrix>,
    /// b over the same.
    query_bias: Vec<f32>,
    /// Of each head its part of U, as `[D/H, o]`.
    output: Vec<Matrix>,
}

/// A table of R rows for attention between projections.
#[derive(Clone, Debug, PartialEq)]
pub struct Absorbed<'a> {
    /// `[w, H·R]`.
    pub key: &'a [f32],
    /// `[H·R]`, added to what keys give.
    pub key_bias: &'a [f32],
    /// `[H·R, o]`.
    pub value: &'a [f32],
    /// `[R, H]`, added to the attention logits.
    pub bias: &'a [f32],
    /// `[o]`, added to the output.
    pub output_bias: &'a [f32],
}

impl Projections {
    /// W, b and U, as PyTorch keeps them; the caller has checked that H divides D, which is not 0.
    pub fn new(query: &[f32], query_bias: &[f32], output: &[f32], heads: usize) -> Projections {
        let width = query_bias.len();
        let head_width = width / heads;
        let (from, to) = (query.len() / width, output.len() / width);
        let by = 1.0 / (head_width as f32).sqrt();
        let scaled = |values: &[f32]| values.iter().map(|value| value * by).collect::<Vec<f32>>();
        let query = query.chunks_exact(head_width * from).map(|part| Matrix::new(&scaled(part), head_width, from));
        let output = (0..heads).map(|head| columns(output, width, head, head_width));
        Projections {
            query: query.collect(),
            query_bias: scaled(query_bias),
            output: output.map(|part| Matrix::transposed(&part, to, head_width)).collect(),
        }
    }

    /// H, D, w and o.
    pub fn sizes(&self) -> [usize; 4] {
        [self.query.len(), self.query_bias.len(), self.query[0].columns(), self.output[0].columns()]
    }

    /// Keys and values `[R, D]`, absorbed: see [`Absorbed`] for key, key_bias and value.
    pub fn absorb(&self, key: &[f32], value: &[f32]) -> [Vec<f32>; 3] {
        let [heads, width, from, _] = self.sizes();
        let head_width = width / heads;
        let (mut keys, mut key_bias, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (head, bias) in self.query_bias.chunks_exact(head_width).enumerate() {
            let key = columns(key, width, head, head_width);
            keys.extend(self.query[head].product(&key));
            key_bias.extend(key.chunks_exact(head_width).map(|key| dot(key, bias)));
            values.extend(self.output[head].product(&columns(value, width, head, head_width)));
        }
        let straight = (0..from).flat_map(|column| keys.iter().skip(column).step_by(from)).copied().collect();
        [straight, key_bias, values]
    }
}

impl Absorbed<'_> {
    /// As [`super::attend`] of queries projected from x `[C, w]`, its output projected, `[C, o]`.
    pub fn attend(&self, x: &[f32], index: &[i64], heads: usize, k: usize) -> Attended {
        let (of_rows, to) = (self.key_bias.len(), self.output_bias.len());
        let (from, queries) = (self.key.len() / of_rows, index.len() / k);
        let layer = |weight, bias: &[f32]| Linear::new(weight, Some(bias.to_vec()), Activation::Identity);
        let mut of_row = vec![0.0; queries * of_rows];
        layer(Matrix::new(self.key, from, of_rows), self.key_bias).apply(x, None, &mut of_row);
        let (weight, intensity) = weigh(&mut of_row, self.bias, index, heads, k);
        let mut output = vec![0.0; queries * to];
        layer(Matrix::new(self.value, of_rows, to), self.output_bias).apply(&of_row, None, &mut output);
        Attended { output, weight: weight.unwrap_or(of_row), intensity }
    }
}
