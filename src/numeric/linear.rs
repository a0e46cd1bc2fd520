//! A linear layer with what follows it.

use serde::{Deserialize, Serialize};
use wide::f32x4;

use super::exp::{sigmoid, tanh};
use super::{LANES, Matrix, few, put_few};

/// What is done to each number that a linear layer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Activation {
    Identity,
    Relu,
    Sigmoid,
    Tanh,
}

/// activation(x · weight + bias).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    weight: Matrix,
    bias: Option<Vec<f32>>,
    activation: Activation,
}

impl Linear {
    /// The bias, where there is one, has a number for each column of the weight.
    pub fn new(weight: Matrix, bias: Option<Vec<f32>>, activation: Activation) -> Linear {
        Linear { weight, bias, activation }
    }

    pub fn inner(&self) -> usize {
        self.weight.inner()
    }

    pub fn columns(&self) -> usize {
        self.weight.columns()
    }

    /// x `[n, inner]` to `[n, columns]`.
    pub fn of(&self, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len() / self.weight.inner() * self.columns()];
        self.apply(x, None, &mut out);
        out
    }

    /// x `[n, inner]` to `out` `[n, columns]`; what `shared` `[columns]` holds is added before the activation.
    pub fn apply(&self, x: &[f32], shared: Option<&[f32]>, out: &mut [f32]) {
        self.weight.multiply(x, self.weight.inner(), out, self.columns());
        for added in [self.bias.as_deref(), shared].into_iter().flatten() {
            out.chunks_exact_mut(added.len()).for_each(|row| super::add(row, added));
        }
        match self.activation {
            Activation::Identity => {}
            Activation::Relu => each(out, |x| x.fast_max(f32x4::ZERO)),
            Activation::Sigmoid => sigmoid_each(out),
            Activation::Tanh => tanh_each(out),
        }
    }
}

/// The hyperbolic tangent of each number.
pub(crate) fn tanh_each(values: &mut [f32]) {
    each(values, tanh);
}

/// 1 / (1 + exp(-x)) of each number.
pub(crate) fn sigmoid_each(values: &mut [f32]) {
    each(values, sigmoid);
}

fn each(values: &mut [f32], f: impl Fn(f32x4) -> f32x4) {
    let (lanes, rest) = values.as_chunks_mut::<LANES>();
    repeated!(lanes.iter_mut(), |values| *values = f(f32x4::new(*values)).to_array());
    if !rest.is_empty() {
        put_few(f(few(rest, 0.0)), rest);
    }
}
