//! Softmax, with what it hides.

use wide::f32x4;

use super::LANES;
use super::exp::{exp, ln};

/// Softmax over each row of logits, and for each its intensity, log(1 + sum of exp(logit)), 0 where no logit is above minus
/// infinity.
pub(crate) fn softmax<'a>(mut rows: impl Iterator<Item = &'a mut [f32]>, intensity: &mut [f32]) {
    for intensity in intensity.chunks_mut(LANES) {
        let (mut largest, mut sum) = ([f32::NEG_INFINITY; LANES], [0.0; LANES]);
        for ((largest, sum), row) in largest.iter_mut().zip(&mut sum).zip(rows.by_ref().take(intensity.len())) {
            (*largest, *sum) = softmax_of_row(row);
        }
        super::put_few(intensities(f32x4::new(largest), f32x4::new(sum)), intensity);
    }
}

/// The largest logit, and the sum of exp(logit) over that of the largest; of no logit above minus infinity, that and 0.
fn softmax_of_row(row: &mut [f32]) -> (f32, f32) {
    let mut largest = f32x4::splat(f32::NEG_INFINITY);
    let (lanes, rest) = row.as_chunks::<LANES>();
    repeated!(lanes.iter(), |logits| largest = largest.fast_max(f32x4::new(*logits)));
    if !rest.is_empty() {
        largest = largest.fast_max(super::few(rest, f32::NEG_INFINITY));
    }
    let every = in_every_lane(largest);
    let largest = every.to_array()[0];
    if largest == f32::NEG_INFINITY {
        row.fill(0.0);
        return (largest, 0.0);
    }
    let (lanes, rest) = row.as_chunks_mut::<LANES>();
    let mut sums = f32x4::ZERO;
    repeated!(lanes.iter_mut(), |logits| {
        let powers = exp(f32x4::new(*logits) - every);
        sums += powers;
        *logits = powers.to_array();
    });
    if !rest.is_empty() {
        let powers = exp(super::few(rest, f32::NEG_INFINITY) - every);
        sums += powers;
        super::put_few(powers, rest);
    }
    let sum = sums.reduce_add();
    super::scale(row, 1.0 / sum);
    (largest, sum)
}

/// The largest lane, in every lane. Without asking which: the answer is not known beforehand.
#[inline(always)]
fn in_every_lane(largest: f32x4) -> f32x4 {
    let [a, b, c, d] = largest.to_array();
    let largest = largest.fast_max(f32x4::new([c, d, a, b]));
    let [a, b, c, d] = largest.to_array();
    largest.fast_max(f32x4::new([b, a, d, c]))
}

/// log(exp(0) + sum of exp(logit)), with the largest of all these taken out, so that no power is too large.
fn intensities(largest: f32x4, sum: f32x4) -> f32x4 {
    let most = largest.fast_max(f32x4::ZERO);
    most + ln(exp(-most) + exp(largest - most) * sum)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_weighed_as_doubles_say(
            rows in vec(vec(prop_oneof![8 => -90.0f32..90.0, 1 => Just(f32::NEG_INFINITY)], 0..20), 0..10),
        ) {
            let (mut weight, mut intensity) = (rows.clone(), vec![f32::NAN; rows.len()]);
            softmax(weight.iter_mut().map(Vec::as_mut_slice), &mut intensity);
            for ((logits, weight), intensity) in rows.iter().zip(&weight).zip(&intensity) {
                let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
                prop_assert!((f64::from(*intensity) - sum.ln_1p()).abs() <= 1e-6 * (1.0 + sum.ln_1p()));
                for (&logit, &weight) in logits.iter().zip(weight) {
                    let expected = if sum == 0.0 { 0.0 } else { f64::from(logit).exp() / sum };
                    prop_assert!((f64::from(weight) - expected).abs() <= 2e-5 * expected + 1e-37);
                }
            }
        }
    }
}
