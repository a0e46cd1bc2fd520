//! Looking items up: one binary search, or many side by side.

/// Searches that go side by side. Each waits for memory at every step; together they wait once.
const SIDE_BY_SIDE: usize = 16;

/// Row of an item; `items` ascend, else it merely may not be found.
pub(super) fn row(items: &[[u8; 8]], item: u64) -> Option<usize> {
    items.binary_search_by(|bytes| u64::from_le_bytes(*bytes).cmp(&item)).ok()
}

/// Row of the first item that is not below `item`; the number of rows without one.
pub(super) fn lower_bound(items: &[[u8; 8]], item: u64) -> usize {
    items.partition_point(|bytes| u64::from_le_bytes(*bytes) < item)
}

/// Row of each wanted item.
pub(super) fn rows(items: &[[u8; 8]], wanted: &[u64]) -> Vec<Option<u32>> {
    let mut found = Vec::with_capacity(wanted.len());
    let (blocks, rest) = wanted.as_chunks::<SIDE_BY_SIDE>();
    for block in blocks {
        found.extend(side_by_side(items, block));
    }
    found.extend(rest.iter().map(|&item| row(items, item).map(|row| row as u32)));
    found
}

fn side_by_side<const N: usize>(items: &[[u8; 8]], wanted: &[u64; N]) -> [Option<u32>; N] {
    let mut at = [0usize; N];
    let mut len = items.len();
    if len == 0 {
        return [None; N];
    }
    // The last row that is not above the wanted item lies in at..at + len, if anywhere.
    while len > 1 {
        let half = len / 2;
        for (at, &item) in at.iter_mut().zip(wanted) {
            let probe = *at + half;
            let not_above = u64::from_le_bytes(items[probe]) <= item;
            *at = std::hint::select_unpredictable(not_above, probe, *at);
        }
        len -= half;
    }
    std::array::from_fn(|index| {
        let row = at[index];
        (u64::from_le_bytes(items[row]) == wanted[index]).then_some(row as u32)
    })
}
