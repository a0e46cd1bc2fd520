//! The inner loops of encoding, search and attention, in 128-bit lanes.

/// Does a step for each item of an iterator, a few of them to a turn of the loop, with a way out after each.
///
/// A sandbox looks at its deadline at each turn, and around that the sums leave their registers. And a compiler that sees
/// several steps without a branch between them first loads what all of them read, more than there are registers.
macro_rules! repeated {
    ($items:expr, |$item:pat_param| $step:expr) => {
        let mut items = $items;
        loop {
            $crate::numeric::four_steps!(items, $item, $step);
        }
    };
}

/// As [`repeated!`], with so many steps to a turn that what a turn costs no longer shows: for what most time is spent in.
macro_rules! repeated_long {
    ($items:expr, |$item:pat_param| $step:expr) => {
        let mut items = $items;
        loop {
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
            $crate::numeric::four_steps!(items, $item, $step);
        }
    };
}

/// As [`repeated_long`], for two slices of one length side by side: where each item lies from where a turn begins is known
/// beforehand, so that next to nothing is computed but the step.
macro_rules! repeated_pairs {
    ($a:expr, $b:expr, |$x:pat_param, $y:pat_param| $step:expr) => {
        let (mut a, mut b) = ($a, $b);
        assert!(a.len() == b.len());
        loop {
            $crate::numeric::eight_pairs!(a, b, $x, $y, $step);
            $crate::numeric::eight_pairs!(a, b, $x, $y, $step);
            $crate::numeric::eight_pairs!(a, b, $x, $y, $step);
            $crate::numeric::eight_pairs!(a, b, $x, $y, $step);
        }
    };
}

/// Of a loop: eight steps, each with a way out where no items are left.
macro_rules! eight_pairs {
    ($a:ident, $b:ident, $x:pat_param, $y:pat_param, $step:expr) => {
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
        $crate::numeric::one_pair!($a, $b, $x, $y, $step);
    };
}

macro_rules! one_pair {
    ($a:ident, $b:ident, $x:pat_param, $y:pat_param, $step:expr) => {
        let ([$x, a_rest @ ..], [$y, b_rest @ ..]) = ($a, $b) else { break };
        $step;
        ($a, $b) = (a_rest, b_rest);
    };
}

/// Of a loop: four steps, each with a way out where no item is left.
macro_rules! four_steps {
    ($items:ident, $item:pat_param, $step:expr) => {
        let Some($item) = $items.next() else { break };
        $step;
        let Some($item) = $items.next() else { break };
        $step;
        let Some($item) = $items.next() else { break };
        $step;
        let Some($item) = $items.next() else { break };
        $step;
    };
}

pub(crate) mod codes;
mod exp;
mod linear;
mod matrix;
mod softmax;

pub(crate) use {eight_pairs, four_steps, one_pair, repeated, repeated_long};

pub(crate) use linear::{Activation, Linear, sigmoid_each, tanh_each};
pub(crate) use matrix::{Matrix, dots};
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
    let (a, a_last) = a.as_chunks::<SUMS>();
    let (b, b_last) = b.as_chunks::<SUMS>();
    let mut sums = [f32x4::ZERO; SUMS];
    repeated!(a.iter().zip(b), |(a, b)| {
        sums[0] += f32x4::new(a[0]) * f32x4::new(b[0]);
        sums[1] += f32x4::new(a[1]) * f32x4::new(b[1]);
        sums[2] += f32x4::new(a[2]) * f32x4::new(b[2]);
        sums[3] += f32x4::new(a[3]) * f32x4::new(b[3]);
    });
    for ((sum, a), b) in sums.iter_mut().zip(a_last).zip(b_last) {
        *sum += f32x4::new(*a) * f32x4::new(*b);
    }
    let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_add();
    sum + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// As many numbers as there are of up to four, and others in their place beyond. One by one: to copy a number of bytes that
/// is not known beforehand is a call out of the module.
#[inline(always)]
pub(crate) fn few(values: &[f32], beyond: f32) -> f32x4 {
    f32x4::new([0, 1, 2, 3].map(|lane| values.get(lane).copied().unwrap_or(beyond)))
}

/// Puts as many of four numbers as there is room for.
#[inline(always)]
pub(crate) fn put_few(values: f32x4, to: &mut [f32]) {
    let values = values.to_array();
    if let Some(to) = to.first_chunk_mut() {
        *to = values;
        return;
    }
    for (lane, value) in values.into_iter().enumerate() {
        if let Some(to) = to.get_mut(lane) {
            *to = value;
        }
    }
}

/// Puts zeros.
pub(crate) fn clear(values: &mut [f32]) {
    let (lanes, rest) = values.as_chunks_mut::<LANES>();
    repeated!(lanes.iter_mut(), |values| *values = [0.0; LANES]);
    put_few(f32x4::ZERO, rest);
}

/// The larger of two numbers; of no number and another, the first. The library's is a call in a module.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// to += from, for slices of one length.
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    combine(to, [from], |to, [from]| to + from, |to, [from]| to + from);
}

/// to = a + b + c, for slices of one length.
pub(crate) fn sum_up(to: &mut [f32], summands: [&[f32]; 3]) {
    combine(to, summands, |_, [a, b, c]| a + b + c, |_, [a, b, c]| a + b + c);
}

/// to = (a + b + c) · scale + bias, for slices of one length. A function of its own, so that what it reads has the registers to
/// itself.
#[inline(never)]
pub(crate) fn scaled_sum(to: &mut [f32], [a, b, c]: [&[f32]; 3], scale: f32, bias: &[f32]) {
    let lanes = f32x4::splat(scale);
    let from = [a, b, c, bias];
    combine(to, from, |_, [a, b, c, bias]| (a + b + c) * lanes + bias, |_, [a, b, c, bias]| (a + b + c) * scale + bias);
}

/// to *= by, for slices of one length.
pub(crate) fn multiply(to: &mut [f32], by: &[f32]) {
    combine(to, [by], |to, [by]| to * by, |to, [by]| to * by);
}

/// to *= scale · by, for slices of one length.
pub(crate) fn multiply_scaled(to: &mut [f32], by: &[f32], scale: f32) {
    let lanes = f32x4::splat(scale);
    combine(to, [by], |to, [by]| to * (by * lanes), |to, [by]| to * (by * scale));
}

/// The sum of the squares of a + b + c, for slices of one length.
pub(crate) fn sum_of_squares(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let (c, c_rest) = c.as_chunks::<LANES>();
    let mut sums = [f32x4::ZERO; 2];
    repeated!(a.iter().zip(b).zip(c), |((a, b), c)| {
        let sum = f32x4::new(*a) + f32x4::new(*b) + f32x4::new(*c);
        // Turn by turn, so that an addition need not wait for the one before.
        sums = [sums[1], sums[0] + sum * sum];
    });
    let rest = a_rest.iter().zip(b_rest).zip(c_rest).map(|((a, b), c)| (a + b + c) * (a + b + c));
    (sums[0] + sums[1]).reduce_add() + rest.sum::<f32>()
}

/// values · by, in place.
pub(crate) fn scale(values: &mut [f32], by: f32) {
    let lanes = f32x4::splat(by);
    combine(values, [], |value, []| value * lanes, |value, []| value * by);
}

/// to += a · b, for slices of one length.
pub(crate) fn add_product(to: &mut [f32], a: &[f32], b: &[f32]) {
    combine(to, [a, b], |to, [a, b]| to + a * b, |to, [a, b]| to + a * b);
}

/// Puts in place of each number what a function makes of it and of those that stand in the same place of others.
#[inline(always)]
fn combine<const N: usize>(
    to: &mut [f32],
    from: [&[f32]; N],
    lanes: impl Fn(f32x4, [f32x4; N]) -> f32x4,
    one: impl Fn(f32, [f32; N]) -> f32,
) {
    let (to, to_rest) = to.as_chunks_mut::<LANES>();
    let from = from.map(<[f32]>::as_chunks::<LANES>);
    let chunks = from.map(|(chunks, _)| &chunks[..to.len()]);
    repeated!(to.iter_mut().enumerate(), |(at, to)| {
        *to = lanes(f32x4::new(*to), chunks.map(|chunks| f32x4::new(chunks[at]))).to_array();
    });
    for (at, to) in to_rest.iter_mut().enumerate() {
        *to = one(*to, from.map(|(_, rest)| rest[at]));
    }
}

/// Inner products of four vectors with one, all of a length that is a multiple of [`LANES`].
pub(crate) fn dot_each(four: [&[f32]; LANES], one: &[f32]) -> f32x4 {
    let [a, b, c, d] = four.map(|vector| vector.as_chunks::<LANES>().0);
    let mut sums = [f32x4::ZERO; LANES];
    repeated_long!(one.as_chunks::<LANES>().0.iter().zip(a).zip(b).zip(c).zip(d), |((((one, a), b), c), d)| {
        let one = f32x4::new(*one);
        sums[0] += one * f32x4::new(*a);
        sums[1] += one * f32x4::new(*b);
        sums[2] += one * f32x4::new(*c);
        sums[3] += one * f32x4::new(*d);
    });
    let [a, b, c, d] = f32x4::transpose(sums);
    (a + b) + (c + d)
}

/// Where a number of a vector of `parts` · [`LANES`] numbers goes where four vectors each lie by turns: [`LANES`] numbers of the
/// first, [`LANES`] of the second, and so on.
pub(crate) fn place_by_turns(vector: usize, at: usize, parts: usize) -> usize {
    ((vector / LANES * parts + at / LANES) * LANES + vector % LANES) * LANES + at % LANES
}

/// Inner products of four vectors with four others, of each four the numbers by turns, see [`place_by_turns`].
pub(crate) fn dot_pairs(a: &[[[f32; LANES]; LANES]], b: &[[[f32; LANES]; LANES]]) -> f32x4 {
    let mut sums = [f32x4::ZERO; LANES];
    repeated_pairs!(a, b, |a, b| {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f32x4::new(*a) * f32x4::new(*b);
        }
    });
    let [a, b, c, d] = f32x4::transpose(sums);
    (a + b) + (c + d)
}

/// Inner products of four vectors with one, of the four the numbers by turns, see [`place_by_turns`].
pub(crate) fn dot_four(four: &[[[f32; LANES]; LANES]], one: &[[f32; LANES]]) -> f32x4 {
    let mut sums = [f32x4::ZERO; LANES];
    repeated_pairs!(four, one, |four, one| {
        let one = f32x4::new(*one);
        for (sum, of_four) in sums.iter_mut().zip(four) {
            *sum += one * f32x4::new(*of_four);
        }
    });
    let [a, b, c, d] = f32x4::transpose(sums);
    (a + b) + (c + d)
}

/// Numbers of a row that are summed together: two vectors for each of four sums.
pub(crate) const WIDE: usize = 2 * LANES;

/// Four weighted sums of rows of a table `[rows, width / WIDE]`, to `out` `[4, width]`. Each row that is summed is given by its
/// first place in the table, with one weight for each sum, in every lane.
pub(crate) fn weighted_sums(
    rows: &[usize],
    weight: &[[f32x4; LANES]],
    table: &[[f32; WIDE]],
    width: usize,
    out: &mut [f32],
) {
    for part in 0..width / WIDE {
        let mut sums = [[f32x4::ZERO; 2]; LANES];
        repeated_pairs!(weight, rows, |weight, row| {
            let row: [f32x4; 2] = bytemuck::cast(table[*row + part]);
            for (sums, weight) in sums.iter_mut().zip(weight) {
                sums[0] += *weight * row[0];
                sums[1] += *weight * row[1];
            }
        });
        for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(width)) {
            out[part * WIDE..(part + 1) * WIDE].copy_from_slice(&bytemuck::cast::<_, [f32; WIDE]>(sums));
        }
    }
}

/// The weighted sum of parts of N vectors of a table, each given by its place, with a weight in every lane. A function of its
/// own, so that its sums have the registers to themselves.
#[inline(never)]
pub(crate) fn weighted_sum<const N: usize>(
    places: &[usize],
    part: usize,
    weight: &[f32x4],
    table: &[[[f32; LANES]; N]],
) -> [f32x4; N] {
    let mut sums = [f32x4::ZERO; N];
    repeated_pairs!(weight, places, |weight, place| {
        for (sum, vector) in sums.iter_mut().zip(&table[*place + part]) {
            *sum += *weight * f32x4::new(*vector);
        }
    });
    sums
}
