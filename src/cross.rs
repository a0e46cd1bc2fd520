//! Cross layers: a low-rank mixture of experts.
//!
//! DCN-v2, "Deep & Cross Network V2" (Wang et al., WWW 2021), section 3.3: out = x0 ⊙ Σ gate·(U·tanh(C·tanh(Vᵀ·x)) + b) + x
//! with gate = sigmoid(g·x + a). What all experts read is one product with a matrix, and what they sum to another: a gate
//! that multiplies what is projected may as well multiply what is to be.

use crate::numeric::{Matrix, add, multiply_add, scale, sigmoid_each, tanh_each};

/// Rows that go through all steps together: what is computed of so many stays in the first cache.
const TOGETHER: usize = 32;

/// One expert's weights, as training names them; n is the layer's width, r the rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Expert {
    /// Vᵀ, `[r, n]`.
    pub down: Vec<f32>,
    /// C, `[r, r]`.
    pub inner: Vec<f32>,
    /// U, `[n, r]`.
    pub up: Vec<f32>,
    /// b, `[n]`.
    pub up_bias: Vec<f32>,
    /// g, `[n]`.
    pub gate: Vec<f32>,
    /// a.
    pub gate_bias: f32,
}

/// A layer with its experts; E is their number.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRankCross {
    /// `[n, E·r + E]`: of each expert Vᵀ, then the gates.
    down: Matrix,
    /// Of each expert `[r, r]`.
    inner: Vec<Matrix>,
    /// `[E·r + E, n]`: of each expert U, then the biases.
    up: Matrix,
    /// `[E]`.
    gate_bias: Vec<f32>,
    rank: usize,
}

impl LowRankCross {
    /// A layer of at least one expert, all of one width and rank, none of them 0; the caller has checked it.
    pub fn new(experts: &[Expert]) -> LowRankCross {
        let total = experts[0].up_bias.len();
        let rank = experts[0].down.len() / total;
        let joined = experts.len() * (rank + 1);
        let down: Vec<f32> = experts
            .iter()
            .map(|expert| &expert.down)
            .chain(experts.iter().map(|expert| &expert.gate))
            .flatten()
            .copied()
            .collect();
        let mut up = Vec::with_capacity(joined * total);
        for row in 0..total {
            up.extend(experts.iter().flat_map(|expert| &expert.up[row * rank..(row + 1) * rank]));
            up.extend(experts.iter().map(|expert| expert.up_bias[row]));
        }
        LowRankCross {
            down: Matrix::transposed(&down, joined, total),
            inner: experts.iter().map(|expert| Matrix::transposed(&expert.inner, rank, rank)).collect(),
            up: Matrix::transposed(&up, total, joined),
            gate_bias: experts.iter().map(|expert| expert.gate_bias).collect(),
            rank,
        }
    }

    /// n.
    pub fn width(&self) -> usize {
        self.up.columns()
    }

    /// x0 and x `[C, n]` to `out` `[C, n]`.
    pub fn apply(&self, x0: &[f32], x: &[f32], out: &mut [f32]) {
        let (total, joined, rank) = (self.width(), self.up.inner(), self.rank);
        let gates = joined - self.gate_bias.len();
        let mut first = vec![0.0; TOGETHER * joined];
        let mut second = vec![0.0; TOGETHER * joined];
        let rows = TOGETHER * total;
        for ((x0, x), out) in x0.chunks(rows).zip(x.chunks(rows)).zip(out.chunks_mut(rows)) {
            let count = out.len() / total;
            let (first, second) = (&mut first[..count * joined], &mut second[..count * joined]);
            self.down.multiply(x, total, first, joined);
            for row in first.chunks_exact_mut(joined) {
                let (hidden, gate) = row.split_at_mut(gates);
                tanh_each(hidden);
                add(gate, &self.gate_bias);
                sigmoid_each(gate);
            }
            for (expert, inner) in self.inner.iter().enumerate() {
                inner.multiply(&first[expert * rank..], joined, &mut second[expert * rank..], joined);
            }
            for (row, first) in second.chunks_exact_mut(joined).zip(first.chunks_exact(joined)) {
                let (hidden, gate) = row.split_at_mut(gates);
                tanh_each(hidden);
                for ((hidden, to), gate) in hidden.chunks_exact_mut(rank).zip(gate).zip(&first[gates..]) {
                    scale(hidden, *gate);
                    *to = *gate;
                }
            }
            self.up.multiply(second, joined, out, total);
            multiply_add(out, x0, x);
        }
    }
}
