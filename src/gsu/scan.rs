//! One pass of candidates over items: what soft and consistent search share.

use std::ops::Range;

use wide::i32x4;

use crate::numeric::codes::{BLOCK, Left, Products, Right, TOGETHER};
use crate::numeric::{LANES, repeated};

/// Groups of candidates that pass over the items together, so that what is read of the items is read once for them.
const GROUPS: usize = 4;
/// Bytes of items that stay near while candidates pass over them.
const TILE: usize = 64 << 10;
/// Blocks of which the largest scores are kept, lane by lane.
const FOLDED: usize = 4;

/// A number for each item of a block; larger is better.
pub(super) type BlockScores = [i32x4; 2];

/// Multiplies all candidates with all items, one batch of candidates after another; `each` is given a candidate and its
/// products with the items, which beyond the last are zero.
#[inline(always)]
pub(super) fn scan(left: &Left, candidates: usize, right: &Right, mut each: impl FnMut(usize, &mut [BlockScores])) {
    let blocks = right.len();
    if blocks == 0 {
        return (0..candidates).for_each(|candidate| each(candidate, &mut []));
    }
    let tile = (TILE / right.bytes_of_block()).max(1);
    let mut of_batch = vec![[i32x4::ZERO; 2]; GROUPS * TOGETHER * blocks];
    for first_group in (0..left.len()).step_by(GROUPS) {
        let groups = first_group..left.len().min(first_group + GROUPS);
        for first in (0..blocks).step_by(tile) {
            let tile = first..blocks.min(first + tile);
            for (group, rows) in left.groups(groups.clone()).zip(of_batch.chunks_exact_mut(TOGETHER * blocks)) {
                for (block, at) in right.blocks(tile.clone()).zip(first..) {
                    let products: Products = group.products(block);
                    for (row, products) in rows.chunks_exact_mut(blocks).zip(&products) {
                        row[at] = *products;
                    }
                }
            }
        }
        let batch = groups.start * TOGETHER..candidates.min(groups.end * TOGETHER);
        batch.zip(of_batch.chunks_exact_mut(blocks)).for_each(|(candidate, row)| each(candidate, row));
    }
}

/// Gives the places in the last block that no item stands in the least of all scores.
pub(super) fn close(row: &mut [BlockScores], items: usize) {
    if let Some(last) = row.last_mut() {
        let mut lanes: [i32; BLOCK] = bytemuck::cast(*last);
        lanes[items - (items - 1) / BLOCK * BLOCK..].fill(i32::MIN);
        *last = bytemuck::cast(lanes);
    }
}

/// The largest scores, lane by lane, of each [`FOLDED`] blocks of a row.
pub(super) fn fold(row: &[BlockScores], largest: &mut Vec<i32x4>) {
    largest.clear();
    let of_block = |block: &BlockScores| block[0].max(block[1]);
    let (chunks, rest) = row.as_chunks::<FOLDED>();
    largest.resize(chunks.len(), i32x4::MIN);
    repeated!(largest.iter_mut().zip(chunks), |(largest, [a, b, c, d])| {
        *largest = of_block(a).max(of_block(b)).max(of_block(c).max(of_block(d)));
    });
    largest.extend(rest.iter().map(of_block).reduce(i32x4::max));
}

/// A score that at least k items of a row have or exceed, near that of the k-th best, given its largest scores; the least of
/// all where there are not so many. `scratch` is for its own use.
pub(super) fn reached(largest: &[i32x4], k: usize, scratch: &mut Vec<i32>) -> i32 {
    scratch.clear();
    scratch.extend_from_slice(bytemuck::cast_slice(largest));
    if scratch.len() < k {
        return i32::MIN;
    }
    *scratch.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)).1
}

/// Visits the items of a row, first to last, whose score is `least` or more, given the row's largest scores; a visit gives
/// what is the least from then on.
#[inline(always)]
pub(super) fn visit(
    row: &[BlockScores],
    largest: &[i32x4],
    items: usize,
    mut least: i32,
    mut visit: impl FnMut(usize, i32) -> i32,
) {
    let scores: &[i32] = bytemuck::cast_slice(row);
    let mut above = i32x4::splat(least);
    for ((blocks, largest), first) in row.chunks(FOLDED).zip(largest).zip((0..).step_by(FOLDED * BLOCK)) {
        if above.simd_gt(*largest).all() {
            continue;
        }
        // A bit for each item of the blocks: asked one by one, most would be told no.
        let halves = blocks.iter().flatten().rev();
        let mut reaching = halves.fold(0, |all, half| all << LANES | half.simd_ge(above).to_bitmask());
        while reaching != 0 {
            let item = first + reaching.trailing_zeros() as usize;
            reaching &= reaching - 1;
            if item < items && scores[item] >= least {
                least = visit(item, scores[item]);
            }
        }
        above = i32x4::splat(least);
    }
}

/// The numbers of the items of a block, of so many.
pub(super) fn items_of(block: usize, items: usize) -> Range<usize> {
    block * BLOCK..items.min((block + 1) * BLOCK)
}
