//! The events of a history by their item.

/// The events of a history by their item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByItem {
    /// The distinct items, `[M]`.
    pub item: Vec<u32>,
    /// `[M + 1]`: item i has the events `row[start[i]..start[i + 1]]`.
    pub start: Vec<u32>,
    /// Event rows `[N]`, ascending within an item.
    pub row: Vec<u32>,
}

impl ByItem {
    /// Groups events, given the item of each.
    pub fn of(items: impl Iterator<Item = u32>) -> ByItem {
        let mut events: Vec<(u32, u32)> = items.zip(0..).collect();
        // Stable, so that rows stay in order.
        radsort::sort_by_key(&mut events, |&(item, _)| item);
        let mut by_item = ByItem { row: Vec::with_capacity(events.len()), ..ByItem::default() };
        for (item, row) in events {
            if by_item.item.last() != Some(&item) {
                by_item.item.push(item);
                by_item.start.push(by_item.row.len() as u32);
            }
            by_item.row.push(row);
        }
        by_item.start.push(by_item.row.len() as u32);
        by_item
    }

    /// Of each event the place of its item among the distinct ones, `[N]`.
    pub fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.row.len()];
        for (i, place) in (0..self.item.len()).zip(0..) {
            self.events(i).iter().for_each(|&row| places[row as usize] = place);
        }
        places
    }

    /// The events of the i-th item.
    pub fn events(&self, i: usize) -> &[u32] {
        &self.row[self.start[i] as usize..self.start[i + 1] as usize]
    }
}
