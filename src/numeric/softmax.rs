//! Softmax, with what it hides.

use wide::f32x4;

use super::LANES;
use super::exp::exp;

/// Softmax over logits; returns the intensity, log(1 + sum of exp(logit)), 0 where no logit is above minus infinity.
pub(crate) fn softmax(weight: &mut [f32]) -> f32 {
    let mut largest = f32x4::splat(f32::NEG_INFINITY);
    let (lanes, rest) = weight.as_chunks::<LANES>();
    repeated!(lanes.iter(), |logits| largest = largest.fast_max(f32x4::new(*logits)));
    let largest = largest.to_array().iter().chain(rest).copied().fold(f32::NEG_INFINITY, super::larger);
    if largest == f32::NEG_INFINITY {
        weight.fill(0.0);
        return 0.0;
    }
    let (lanes, rest) = weight.as_chunks_mut::<LANES>();
    let mut sums = f32x4::ZERO;
    repeated!(lanes.iter_mut(), |logits| {
        let powers = exp(f32x4::new(*logits) - f32x4::splat(largest));
        sums += powers;
        *logits = powers.to_array();
    });
    if !rest.is_empty() {
        let powers = exp(super::few(rest, f32::NEG_INFINITY) - f32x4::splat(largest));
        sums += powers;
        super::put_few(powers, rest);
    }
    let sum = sums.reduce_add();
    super::scale(weight, 1.0 / sum);
    // log(exp(0) + sum of exp(logit)), with the largest of all these taken out, so that no power is too large.
    let most = super::larger(0.0, largest);
    let [one, others, ..] = exp(f32x4::new([-most, largest - most, 0.0, 0.0])).to_array();
    most + (one + others * sum).ln()
}
