//! One pass of candidates over items: what soft and consistent search share.

use std::ops::Range;

use crate::numeric::codes::{BLOCK, Left, Products, Right, TOGETHER};

/// Groups of candidates that pass over the items together, so that what is read of the items is read once for them.
pub(super) const GROUPS: usize = 4;
/// Bytes of items that stay near while candidates pass over them.
const TILE: usize = 64 << 10;

/// The groups of candidates, a few at a time.
pub(super) fn batches(left: &Left) -> impl Iterator<Item = Range<usize>> {
    let groups = left.len();
    (0..groups).step_by(GROUPS).map(move |first| first..groups.min(first + GROUPS))
}

/// Hands over the inner products of a batch of candidates with all items: the number of the first candidate in the
/// batch, the number of the first item, and the products of [`TOGETHER`] candidates with [`BLOCK`] items. Those beyond
/// the last are zero.
#[inline(always)]
pub(super) fn scan(left: &Left, groups: Range<usize>, right: &Right, mut each: impl FnMut(usize, usize, &Products)) {
    let tile = (TILE / right.bytes_of_block()).max(1);
    for first in (0..right.len()).step_by(tile) {
        let blocks = first..right.len().min(first + tile);
        for (group, candidate) in left.groups(groups.clone()).zip((0..).step_by(TOGETHER)) {
            for (block, first) in right.blocks(blocks.clone()).zip((first * BLOCK..).step_by(BLOCK)) {
                each(candidate, first, &group.products(block));
            }
        }
    }
}
