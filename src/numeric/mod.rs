//! The inner loops of encoding, search and attention, in 128-bit lanes.

pub(crate) mod codes;
mod exp;
mod linear;
mod matrix;
mod softmax;

pub(crate) use linear::{Activation, Linear};
pub(crate) use matrix::Matrix;
pub(crate) use softmax::softmax;

use wide::f32x4;

/// Numbers in one vector.
pub(crate) const LANES: usize = 4;

/// Sums that run side by side, so that no addition waits for the one before.
const SUMS: usize = 4;

/// Inner product of two slices of one length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [f32x4::ZERO; SUMS];
    for (a, b) in a.chunks(SUMS).zip(b.chunks(SUMS)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f32x4::new(*a) * f32x4::new(*b);
        }
    }
    let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_add();
    sum + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// to += scale · from, for slices of one length.
pub(crate) fn add_scaled(to: &mut [f32], from: &[f32], scale: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}

/// to += from, for slices of one length.
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Inner products of four vectors with one, all of a length that is a multiple of [`LANES`].
pub(crate) fn dot_each(four: [&[f32]; LANES], one: &[f32]) -> f32x4 {
    let [a, b, c, d] = four.map(|vector| vector.as_chunks::<LANES>().0);
    let mut sums = [f32x4::ZERO; LANES];
    for ((((one, a), b), c), d) in one.as_chunks::<LANES>().0.iter().zip(a).zip(b).zip(c).zip(d) {
        let one = f32x4::new(*one);
        for (sum, vector) in sums.iter_mut().zip([a, b, c, d]) {
            *sum += one * f32x4::new(*vector);
        }
    }
    let [a, b, c, d] = f32x4::transpose(sums);
    (a + b) + (c + d)
}

/// Four weighted sums of the rows of a table `[n, width]`, to `out` `[4, width]`; the width is a multiple of two times
/// [`LANES`]. There is one weight for each row and sum.
pub(crate) fn weighted_sums(weight: &[[f32; LANES]], table: &[f32], width: usize, out: &mut [f32]) {
    for first in (0..width).step_by(2 * LANES) {
        let mut sums = [[f32x4::ZERO; 2]; LANES];
        for (weight, row) in weight.iter().zip(table.chunks_exact(width)) {
            let (row, _) = row[first..first + 2 * LANES].as_chunks::<LANES>();
            let row = [f32x4::new(row[0]), f32x4::new(row[1])];
            for (sums, &weight) in sums.iter_mut().zip(weight) {
                let weight = f32x4::splat(weight);
                sums[0] += weight * row[0];
                sums[1] += weight * row[1];
            }
        }
        for (sums, out) in sums.iter().zip(out.chunks_exact_mut(width)) {
            out[first..first + LANES].copy_from_slice(sums[0].as_array());
            out[first + LANES..first + 2 * LANES].copy_from_slice(sums[1].as_array());
        }
    }
}
