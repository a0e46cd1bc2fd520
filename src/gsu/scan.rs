//! One pass of candidates over items: what soft and consistent search share.

use std::ops::Range;

use wide::i32x4;

use crate::numeric::LANES;
use crate::numeric::codes::{BLOCK, Left, Products, Right, TOGETHER};

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

/// A score that at least k items of a row have or exceed, near that of the k-th best; the least of all where there are not
/// so many. `scratch` is for its own use.
pub(super) fn reached(row: &[BlockScores], k: usize, scratch: &mut Vec<i32x4>) -> i32 {
    scratch.clear();
    for blocks in row.chunks(FOLDED) {
        scratch.push(blocks.iter().fold(i32x4::MIN, |largest, block| largest.max(block[0].max(block[1]))));
    }
    let lanes: &mut [i32] = bytemuck::cast_slice_mut(scratch);
    if lanes.len() < k {
        return i32::MIN;
    }
    *lanes.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)).1
}

/// Visits the items of a row, first to last, whose score is `least` or more; a visit gives what is the least from then on.
#[inline(always)]
pub(super) fn visit(row: &[BlockScores], items: usize, mut least: i32, mut visit: impl FnMut(usize, i32) -> i32) {
    let mut above = i32x4::splat(least);
    for (block, first) in row.iter().zip((0..).step_by(BLOCK)) {
        if above.simd_gt(block[0].max(block[1])).all() {
            continue;
        }
        for (half, first) in block.iter().zip((first..).step_by(LANES)) {
            for (item, score) in (first..items).zip(half.to_array()) {
                if score >= least {
                    least = visit(item, score);
                }
            }
        }
        above = i32x4::splat(least);
    }
}

/// The numbers of the items of a block, of so many.
pub(super) fn items_of(block: usize, items: usize) -> Range<usize> {
    block * BLOCK..items.min((block + 1) * BLOCK)
}
