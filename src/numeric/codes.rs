//! Vectors as whole numbers of 16 bits, and inner products of many of them with many.

use std::ops::Range;

use wide::{f32x4, i16x8, i32x4};

use super::{LANES, few, larger};

/// Vectors on the left that pass over the right together.
pub(crate) const TOGETHER: usize = 4;
/// Vectors on the right in a block.
pub(crate) const BLOCK: usize = 2 * LANES;
/// Two codes of each of four vectors.
type Pairs = [i16; 2 * LANES];

/// Inner products of a vector on the left with a block of vectors on the right.
pub(crate) type Products = [i32x4; 2];

/// Stands in for the largest value where all are zero.
const LEAST: f32 = 1e-30;

/// What vectors of `width` numbers are multiplied with to become codes, such that no inner product of codes overflows.
///
/// Sums of floats depend on their order, and a tie that rounding breaks picks another event; sums of whole numbers are
/// the same in every runtime.
pub(crate) fn scale(vectors: &[&[f32]], width: usize) -> f32 {
    limit(width) / vectors.iter().map(|values| largest(values)).fold(LEAST, larger)
}

fn limit(width: usize) -> f32 {
    (f64::from(i32::MAX) / width as f64).sqrt().floor().min(f64::from(i16::MAX)) as f32
}

/// The largest size of a number.
pub(crate) fn largest(values: &[f32]) -> f32 {
    let (lanes, rest) = values.as_chunks::<LANES>();
    let mut sizes = f32x4::ZERO;
    repeated!(lanes.iter(), |values| sizes = f32x4::new(*values).abs().fast_max(sizes));
    sizes.to_array().into_iter().chain(rest.iter().map(|value| value.abs())).fold(0.0, larger)
}

/// The codes of a vector's numbers two by two, 0 where there is no second.
fn pairs_of_codes(values: &[f32], scale: f32) -> impl Iterator<Item = [i16; 2]> {
    // Added, it leaves no room for what is not whole, and the code in the lowest bits.
    let shift = f32x4::splat(1.5 * (1 << 23) as f32);
    let scale = f32x4::splat(scale);
    values.chunks(LANES).flat_map(move |values| {
        let shifted: [i32; LANES] = bytemuck::cast(few(values, 0.0) * scale + shift);
        let [a, b, c, d] = shifted.map(|bits| bits as i16);
        [[a, b], [c, d]].into_iter().take(values.len().div_ceil(2))
    })
}

/// The vectors on the left, `[n, width]`.
pub(crate) struct Left {
    /// `[n / TOGETHER, width / 2, TOGETHER]`: two codes each, in every lane: to spread them at each use would keep the
    /// unit busy that adds. Zeros beyond the last.
    pairs: Vec<[i32x4; TOGETHER]>,
    steps: usize,
}

/// The vectors on the right, `[n, width]`.
pub(crate) struct Right {
    /// `[n / BLOCK, width / 2, 2]`: two codes of each of four vectors, zeros beyond the last.
    pairs: Vec<[Pairs; 2]>,
    steps: usize,
}

impl Left {
    pub fn new(values: &[f32], width: usize, scale: f32) -> Left {
        let steps = width.div_ceil(2);
        let mut pairs = vec![[i32x4::ZERO; TOGETHER]; (values.len() / width).div_ceil(TOGETHER) * steps];
        for (vector, values) in values.chunks_exact(width).enumerate() {
            let pairs = &mut pairs[vector / TOGETHER * steps..][..steps];
            for (pairs, codes) in pairs.iter_mut().zip(pairs_of_codes(values, scale)) {
                pairs[vector % TOGETHER] = i32x4::splat(bytemuck::cast(codes));
            }
        }
        Left { pairs, steps }
    }

    /// The groups of [`TOGETHER`] vectors that are numbered so.
    pub fn groups(&self, groups: Range<usize>) -> impl Iterator<Item = Group<'_>> {
        self.pairs[groups.start * self.steps..groups.end * self.steps].chunks_exact(self.steps).map(Group)
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.pairs.len() / self.steps
    }
}

impl Right {
    pub fn new(values: &[f32], width: usize, scale: f32) -> Right {
        let steps = width.div_ceil(2);
        let mut pairs = vec![[[0; 2 * LANES]; 2]; (values.len() / width).div_ceil(BLOCK) * steps];
        for (vector, values) in values.chunks_exact(width).enumerate() {
            let pairs = &mut pairs[vector / BLOCK * steps..][..steps];
            let (half, lane) = (vector % BLOCK / LANES, vector % LANES);
            for (pairs, codes) in pairs.iter_mut().zip(pairs_of_codes(values, scale)) {
                pairs[half].as_chunks_mut().0[lane] = codes;
            }
        }
        Right { pairs, steps }
    }

    /// The blocks that are numbered so.
    pub fn blocks(&self, blocks: Range<usize>) -> impl Iterator<Item = Block<'_>> {
        self.pairs[blocks.start * self.steps..blocks.end * self.steps].chunks_exact(self.steps).map(Block)
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.pairs.len() / self.steps
    }

    pub fn bytes_of_block(&self) -> usize {
        self.steps * size_of::<[Pairs; 2]>()
    }
}

/// A few vectors on the left.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a>(&'a [[i32x4; TOGETHER]]);

/// A block of vectors on the right.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a>(&'a [[Pairs; 2]]);

impl Group<'_> {
    /// Writes the inner products of each with each to a place in the row of each. A function of its own, so that the sums
    /// have the registers to themselves.
    #[inline(never)]
    pub fn multiply(self, block: Block, rows: &mut [Products], row: usize, at: usize) {
        let mut sums = [Products::default(); TOGETHER];
        repeated_pairs!(self.0, block.0, |left, right| step(&mut sums, left, right));
        for (row, sums) in rows.chunks_exact_mut(row).zip(sums) {
            row[at] = sums;
        }
    }
}

#[inline(always)]
fn step(sums: &mut [Products; TOGETHER], left: &[i32x4; TOGETHER], right: &[Pairs; 2]) {
    let right: [i16x8; 2] = bytemuck::cast(*right);
    for (sums, left) in sums.iter_mut().zip(left) {
        let left: i16x8 = bytemuck::cast(*left);
        sums[0] += left.dot(right[0]);
        sums[1] += left.dot(right[1]);
    }
}
