//! Cross layers: low-rank mixtures of experts, one after another.
//!
//! DCN-v2, "Deep & Cross Network V2" (Wang et al., WWW 2021), section 3.3: x_{l+1} = x0 ⊙ Σ gate·(U·tanh(C·tanh(Vᵀ·x_l)) + b) + x_l
//! with gate = sigmoid(g·x_l + a). What all experts read is one product with a matrix, and what they sum to another: a gate
//! that multiplies what is projected may as well multiply what is to be.

use std::ops::Range;

use crate::numeric::{Activation, Linear, Matrix, add, add_product, dot, multiply, scale, sigmoid_each, tanh_each};

/// Rows that go through all layers together: what is computed of so many stays in the first caches.
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

/// What is read off the last layer beside other columns h: W·[x_L; h] + b.
#[derive(Clone, Debug, PartialEq)]
pub struct Logit {
    /// W, `[o, n + m]`.
    pub weight: Vec<f32>,
    /// b, `[o]`.
    pub bias: Vec<f32>,
}

/// Cross layers over x0 = [shared; own], whose first columns are the same in all rows: what these alone decide is computed
/// once. E is the number of experts.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossNetwork {
    /// Of the first layer, of each expert Vᵀ, then the gates: `[u, E·r + E]` and `[i, E·r + E]`.
    down_shared: Matrix,
    down_own: Matrix,
    first: Experts,
    /// Of the layers from one to the next: up `[E·r + E, n]`, of each expert U, then the biases; and down `[n, E·r + E]`.
    between: Vec<(Matrix, Matrix, Experts)>,
    /// Of the last layer: `[u, E·r + E]` and `[E·r + E, i]`.
    up_shared: Matrix,
    up_own: Matrix,
    /// `[n, o]`, and of its shared columns `[o, u]`.
    logit: Matrix,
    logit_shared: Vec<f32>,
    /// `[m, o]` and b.
    beside: Linear,
}

/// What a layer does between down and up.
#[derive(Clone, Debug, PartialEq)]
struct Experts {
    /// Of each expert `[r, r]`.
    inner: Vec<Matrix>,
    /// `[E]`.
    gate_bias: Vec<f32>,
    rank: usize,
}

impl CrossNetwork {
    /// A network of at least one layer of at least one expert, all of one width n, rank and number, none of them 0, with
    /// `shared` columns of n; the caller has checked it.
    pub fn new(layers: &[Vec<Expert>], shared: usize, logit: &Logit) -> CrossNetwork {
        let total = layers[0][0].up_bias.len();
        let outputs = logit.bias.len();
        let columns = logit.weight.len() / outputs;
        let of_logit = |range: Range<usize>| -> Vec<f32> {
            logit.weight.chunks_exact(columns).flat_map(|row| &row[range.clone()]).copied().collect()
        };
        let (first, last) = (&layers[0], &layers[layers.len() - 1]);
        let joined = joined(last);
        let up_last = up(last);
        let (up_shared, up_own) = up_last.split_at(shared * joined);
        CrossNetwork {
            down_shared: down(first, 0..shared),
            down_own: down(first, shared..total),
            first: Experts::of(first),
            between: layers
                .windows(2)
                .map(|pair| {
                    let up = Matrix::transposed(&up(&pair[0]), total, self::joined(&pair[0]));
                    (up, down(&pair[1], 0..total), Experts::of(&pair[1]))
                })
                .collect(),
            up_shared: Matrix::new(up_shared, shared, joined),
            up_own: Matrix::transposed(up_own, total - shared, joined),
            logit: Matrix::transposed(&of_logit(0..total), outputs, total),
            logit_shared: of_logit(0..shared),
            beside: Linear::new(
                Matrix::transposed(&of_logit(total..columns), outputs, columns - total),
                Some(logit.bias.clone()),
                Activation::Identity,
            ),
        }
    }

    /// u, i, m and o.
    pub fn sizes(&self) -> [usize; 4] {
        [self.down_shared.inner(), self.down_own.inner(), self.beside.inner(), self.logit.columns()]
    }

    /// shared `[u]`, own `[C, i]` and beside `[C, m]` to `out` `[C, o]`.
    pub fn apply(&self, shared: &[f32], own: &[f32], beside: &[f32], out: &mut [f32]) {
        let [of_shared, of_own, _, outputs] = self.sizes();
        let (total, joined) = (of_shared + of_own, self.up_own.inner());
        self.beside.apply(beside, None, out);
        let down_shared = self.down_shared.product(shared);
        // What the last layer adds to shared columns is read off its experts, without being computed.
        let mut read_shared = self.logit_shared.clone();
        read_shared.chunks_exact_mut(of_shared).for_each(|row| multiply(row, shared));
        let read_shared = self.up_shared.product(&read_shared);

        let mut x = vec![0.0; TOGETHER * total];
        let mut sum = vec![0.0; TOGETHER * total];
        let mut lowered = vec![0.0; TOGETHER * joined];
        let mut hidden = vec![0.0; TOGETHER * joined];
        let mut read = vec![0.0; TOGETHER * outputs];
        for (own, out) in own.chunks(TOGETHER * of_own).zip(out.chunks_mut(TOGETHER * outputs)) {
            let rows = out.len() / outputs;
            let (x, sum, read) = (&mut x[..rows * total], &mut sum[..rows * total], &mut read[..rows * outputs]);
            let (lowered, hidden) = (&mut lowered[..rows * joined], &mut hidden[..rows * joined]);
            for (x, own) in x.chunks_exact_mut(total).zip(own.chunks_exact(of_own)) {
                x[..of_shared].copy_from_slice(shared);
                x[of_shared..].copy_from_slice(own);
            }
            self.down_own.multiply(own, of_own, lowered, joined);
            lowered.chunks_exact_mut(joined).for_each(|row| add(row, &down_shared));
            self.first.apply(lowered, hidden);
            for (up, down, experts) in &self.between {
                up.multiply(hidden, joined, sum, total);
                for ((x, sum), own) in
                    x.chunks_exact_mut(total).zip(sum.chunks_exact(total)).zip(own.chunks_exact(of_own))
                {
                    add_product(&mut x[..of_shared], shared, &sum[..of_shared]);
                    add_product(&mut x[of_shared..], own, &sum[of_shared..]);
                }
                down.multiply(x, total, lowered, joined);
                experts.apply(lowered, hidden);
            }
            let sum = &mut sum[..rows * of_own];
            self.up_own.multiply(hidden, joined, sum, of_own);
            for ((x, sum), own) in x.chunks_exact_mut(total).zip(sum.chunks_exact(of_own)).zip(own.chunks_exact(of_own))
            {
                add_product(&mut x[of_shared..], own, sum);
            }
            self.logit.multiply(x, total, read, outputs);
            add(out, read);
            for (out, hidden) in out.chunks_exact_mut(outputs).zip(hidden.chunks_exact(joined)) {
                for (out, read) in out.iter_mut().zip(read_shared.chunks_exact(joined)) {
                    *out += dot(hidden, read);
                }
            }
        }
    }
}

impl Experts {
    fn of(experts: &[Expert]) -> Experts {
        let rank = rank(experts);
        Experts {
            inner: experts.iter().map(|expert| Matrix::transposed(&expert.inner, rank, rank)).collect(),
            gate_bias: experts.iter().map(|expert| expert.gate_bias).collect(),
            rank,
        }
    }

    /// From Vᵀ·x of each expert and all g·x, `[n, E·r + E]`, to what U and the biases are multiplied with.
    fn apply(&self, lowered: &mut [f32], hidden: &mut [f32]) {
        let gates = self.inner.len() * self.rank;
        let joined = gates + self.inner.len();
        for row in lowered.chunks_exact_mut(joined) {
            let (lowered, gate) = row.split_at_mut(gates);
            tanh_each(lowered);
            add(gate, &self.gate_bias);
            sigmoid_each(gate);
        }
        for (expert, inner) in self.inner.iter().enumerate() {
            inner.multiply(&lowered[expert * self.rank..], joined, &mut hidden[expert * self.rank..], joined);
        }
        for (row, lowered) in hidden.chunks_exact_mut(joined).zip(lowered.chunks_exact(joined)) {
            let (hidden, gate) = row.split_at_mut(gates);
            tanh_each(hidden);
            for ((hidden, to), gate) in hidden.chunks_exact_mut(self.rank).zip(gate).zip(&lowered[gates..]) {
                scale(hidden, *gate);
                *to = *gate;
            }
        }
    }
}

fn rank(experts: &[Expert]) -> usize {
    experts[0].down.len() / experts[0].up_bias.len()
}

/// E·r + E.
fn joined(experts: &[Expert]) -> usize {
    experts.len() * (rank(experts) + 1)
}

/// `[columns, E·r + E]` for some of n columns: of each expert Vᵀ, then the gates.
fn down(experts: &[Expert], columns: Range<usize>) -> Matrix {
    let total = experts[0].up_bias.len();
    let rows = experts.iter().map(|expert| &expert.down).chain(experts.iter().map(|expert| &expert.gate));
    let rows = rows.flat_map(|rows| rows.chunks_exact(total));
    let down: Vec<f32> = rows.flat_map(|row| &row[columns.clone()]).copied().collect();
    Matrix::transposed(&down, joined(experts), columns.len())
}

/// `[n, E·r + E]`: of each expert U, then the biases.
fn up(experts: &[Expert]) -> Vec<f32> {
    let rank = rank(experts);
    let mut up = Vec::with_capacity(experts[0].up_bias.len() * joined(experts));
    for row in 0..experts[0].up_bias.len() {
        up.extend(experts.iter().flat_map(|expert| &expert.up[row * rank..(row + 1) * rank]));
        up.extend(experts.iter().map(|expert| expert.up_bias[row]));
    }
    up
}
