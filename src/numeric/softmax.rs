//! Softmax, with what it hides.

use wide::f32x4;

use super::LANES;
use super::exp::exp;

/// Softmax over logits; returns the intensity, log(1 + sum of exp(logit)), 0 where no logit is above minus infinity.
pub(crate) fn softmax(weight: &mut [f32]) -> f32 {
    let largest = weight.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest == f32::NEG_INFINITY {
        weight.fill(0.0);
        return 0.0;
    }
    let (lanes, rest) = weight.as_chunks_mut::<LANES>();
    let mut sums = f32x4::ZERO;
    for logits in lanes {
        let powers = exp(f32x4::new(*logits) - f32x4::splat(largest));
        sums += powers;
        *logits = powers.to_array();
    }
    let mut last = [f32::NEG_INFINITY; LANES];
    last[..rest.len()].copy_from_slice(rest);
    let powers = exp(f32x4::new(last) - f32x4::splat(largest));
    rest.copy_from_slice(&powers.to_array()[..rest.len()]);
    let sum = (sums + powers).reduce_add();
    let scale = 1.0 / sum;
    weight.iter_mut().for_each(|weight| *weight *= scale);
    let log_sum = largest + sum.ln();
    log_sum.max(0.0) + (-log_sum.abs()).exp().ln_1p()
}
