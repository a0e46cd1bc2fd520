//! Looking items up: one binary search, or many side by side.

/// Searches that go side by side. Each waits for memory at every step; together they wait once.
const SIDE_BY_SIDE: usize = 16;
/// Searches that pay for one more place in a [`Table`].
const PER_PLACE: usize = 16;

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
    if let Some(table) = Table::of(items, blocks.len() * SIDE_BY_SIDE / PER_PLACE) {
        for block in blocks {
            found.extend(side_by_side(items, &table, block));
        }
    } else {
        found.resize(blocks.len() * SIDE_BY_SIDE, None);
    }
    found.extend(rest.iter().map(|&item| row(items, item).map(|row| row as u32)));
    found
}

/// Where items with the same leading bits begin, so that a search need not look at all of them: in ids that are spread
/// evenly, or numbered one after the other, few share a place.
struct Table {
    first: u64,
    shift: u32,
    /// `[places + 1]`: rows of the items of each place.
    start: Vec<u32>,
}

impl Table {
    /// A table of so many places or up to twice as many; none where there are no items.
    fn of(items: &[[u8; 8]], places: usize) -> Option<Table> {
        let (first, last) = (u64::from_le_bytes(*items.first()?), u64::from_le_bytes(*items.last()?));
        // A shard whose items do not ascend may have any last one.
        let span = last.saturating_sub(first);
        let bits = places.max(1).ilog2();
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(bits + 1);
        let places = (span >> shift) as usize + 1;
        let mut start = Vec::with_capacity(places + 1);
        start.push(0);
        start.extend((1..places as u64).map(|place| lower_bound(items, first + (place << shift)) as u32));
        start.push(items.len() as u32);
        Some(Table { first, shift, start })
    }

    /// The first row that an item may have, and how many it may have; any for an item that is not there.
    fn rows(&self, item: u64) -> (usize, usize) {
        let place = (item.saturating_sub(self.first) >> self.shift).min(self.start.len() as u64 - 2) as usize;
        let (from, to) = (self.start[place] as usize, self.start[place + 1] as usize);
        (from, to.saturating_sub(from))
    }
}

fn side_by_side<const N: usize>(items: &[[u8; 8]], table: &Table, wanted: &[u64; N]) -> [Option<u32>; N] {
    let places = wanted.map(|item| table.rows(item));
    let mut len = places.iter().fold(1, |most, &(_, len)| most.max(len));
    // All look at as many rows as the longest of them.
    let mut at = places.map(|(from, _)| from.min(items.len() - len));
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
