//! Looking items up: one search, or many side by side.

/// Searches that go side by side. Each waits for memory at every step; together they wait once.
const SIDE_BY_SIDE: usize = 16;
/// Of more items a [`Table`] has no more places, which, at four bytes each, are to stay in a core's own cache.
const MANY_ITEMS: usize = 1 << 15;

/// Row of an item; `items` ascend, else it merely may not be found.
pub(super) fn row(items: &[[u8; 8]], item: u64) -> Option<usize> {
    items.binary_search_by(|bytes| u64::from_le_bytes(*bytes).cmp(&item)).ok()
}

/// Row of the first item that is not below `item`; the number of rows without one.
pub(super) fn lower_bound(items: &[[u8; 8]], item: u64) -> usize {
    items.partition_point(|bytes| u64::from_le_bytes(*bytes) < item)
}

/// Where items with the same leading bits begin, so that a search need not look at all of them: in ids that are spread
/// evenly, or numbered one after the other, few share a place.
#[derive(Clone, Debug)]
pub(super) struct Table {
    first: u64,
    shift: u32,
    /// `[places + 1]`, ascending: rows of the items of each place.
    start: Vec<u32>,
}

impl Table {
    /// A table of as many places as there are items, or up to twice as many, where there are not too many.
    pub fn of(items: &[[u8; 8]]) -> Table {
        let [first, last] =
            [items.first(), items.last()].map(|item| item.map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        // A shard whose items do not ascend may have any last one.
        let span = last.saturating_sub(first);
        let bits = items.len().clamp(1, MANY_ITEMS).ilog2();
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(bits + 1);
        let places = (span >> shift) + 1;
        let mut start = Vec::with_capacity(places as usize + 1);
        start.push(0);
        let mut reached = 0;
        for place in 1..places {
            reached += near_lower_bound(&items[reached..], first + (place << shift));
            start.push(reached as u32);
        }
        start.push(items.len() as u32);
        Table { first, shift, start }
    }

    /// Row of an item among those that the table was made of.
    pub fn row(&self, items: &[[u8; 8]], item: u64) -> Option<usize> {
        let (from, len) = self.rows_of_place(item);
        Some(from + row(&items[from..from + len], item)?)
    }

    /// Row of each wanted item among those that the table was made of.
    pub fn rows(&self, items: &[[u8; 8]], wanted: &[u64]) -> Vec<Option<u32>> {
        if items.is_empty() {
            return vec![None; wanted.len()];
        }
        let mut found = Vec::with_capacity(wanted.len());
        let (blocks, rest) = wanted.as_chunks::<SIDE_BY_SIDE>();
        for block in blocks {
            found.extend(self.side_by_side(items, block));
        }
        found.extend(rest.iter().map(|&item| self.row(items, item).map(|row| row as u32)));
        found
    }

    fn side_by_side<const N: usize>(&self, items: &[[u8; 8]], wanted: &[u64; N]) -> [Option<u32>; N] {
        let places = wanted.map(|item| self.rows_of_place(item));
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

    /// The first row that an item may have, and how many it may have; any for an item that is not there.
    fn rows_of_place(&self, item: u64) -> (usize, usize) {
        let place = (item.saturating_sub(self.first) >> self.shift).min(self.start.len() as u64 - 2) as usize;
        let (from, to) = (self.start[place] as usize, self.start[place + 1] as usize);
        (from, to - from)
    }
}

/// As [`lower_bound`], which is expected to be near: steps that double until they are beyond it.
fn near_lower_bound(items: &[[u8; 8]], item: u64) -> usize {
    let is_below = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) < item;
    let mut within = 1;
    while items.get(within - 1).is_some_and(is_below) {
        within *= 2;
    }
    let from = within / 2;
    from + lower_bound(&items[from..within.min(items.len())], item)
}
