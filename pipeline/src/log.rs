//! A log of events in memory, column by column, sorted by user and time.

use std::collections::HashMap;
use std::ops::Range;

use lookback::event::{Action, Event};

/// Strings that repeat, stored once; index 0 stands for none.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    texts: Vec<String>,
    index: HashMap<String, u32>,
    rows: Vec<u32>,
}

impl Texts {
    /// Appends a row.
    pub fn push(&mut self, text: Option<&str>) {
        let index = match text {
            None => 0,
            Some(text) => match self.index.get(text) {
                Some(&index) => index,
                None => {
                    self.texts.push(text.to_string());
                    let index = self.texts.len() as u32;
                    self.index.insert(text.to_string(), index);
                    index
                }
            },
        };
        self.rows.push(index);
    }

    /// Text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        match self.rows[row] {
            0 => None,
            index => Some(&self.texts[index as usize - 1]),
        }
    }

    fn reorder(&mut self, order: &[u32]) {
        self.rows = order.iter().map(|&row| self.rows[row as usize]).collect();
    }
}

/// Events in columns.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// User of each event.
    pub user: Vec<u64>,
    /// Item of each event.
    pub item: Vec<u64>,
    /// Action of each event.
    pub action: Vec<Action>,
    /// Unix milliseconds, UTC.
    pub time: Vec<i64>,
    /// Surface on which it happened, where known.
    pub surface: Texts,
    /// Position in the slate, where known.
    pub position: Vec<Option<u32>>,
    /// Request that showed the item, where known.
    pub request: Texts,
}

/// One row to append.
#[derive(Clone, Copy, Debug)]
pub struct LogRow<'a> {
    /// The person.
    pub user: u64,
    /// The item.
    pub item: u64,
    /// What was done.
    pub action: Action,
    /// Unix milliseconds, UTC.
    pub time: i64,
    /// Where.
    pub surface: Option<&'a str>,
    /// Position in the slate.
    pub position: Option<u32>,
    /// Request that showed the item.
    pub request: Option<&'a str>,
}

/// What sorting found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Rows that came after a later one of the same user.
    pub out_of_order: u64,
    /// Rows equal in user, item, action and time to one that was kept.
    pub duplicates: u64,
}

impl Log {
    /// Appends an event.
    pub fn push(&mut self, row: LogRow) {
        self.user.push(row.user);
        self.item.push(row.item);
        self.action.push(row.action);
        self.time.push(row.time);
        self.surface.push(row.surface);
        self.position.push(row.position);
        self.request.push(row.request);
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// The event of a row, as requests carry it.
    pub fn event(&self, row: usize) -> Event {
        Event::new(self.item[row], self.action[row], self.time[row])
    }

    /// Sorts by user, then time, then the order of arrival, and removes duplicates.
    pub fn sort(&mut self) -> Sorted {
        let mut latest: HashMap<u64, i64> = HashMap::new();
        let mut sorted = Sorted::default();
        for (&user, &time) in self.user.iter().zip(&self.time) {
            let latest = latest.entry(user).or_insert(time);
            sorted.out_of_order += u64::from(time < *latest);
            *latest = time.max(*latest);
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&row| (self.user[row as usize], self.time[row as usize]));
        let before = order.len();
        order = self.without_duplicates(order);
        sorted.duplicates = (before - order.len()) as u64;
        self.reorder(&order);
        sorted
    }

    fn without_duplicates(&self, order: Vec<u32>) -> Vec<u32> {
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        let moment = |row: u32| (self.user[row as usize], self.time[row as usize]);
        let what = |row: u32| (self.item[row as usize], self.action[row as usize]);
        let mut seen = std::collections::HashSet::new();
        let mut current = None;
        for row in order {
            if current != Some(moment(row)) {
                current = Some(moment(row));
                seen.clear();
            }
            if seen.insert(what(row)) {
                kept.push(row);
            }
        }
        kept
    }

    fn reorder(&mut self, order: &[u32]) {
        fn take<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
            *column = order.iter().map(|&row| column[row as usize]).collect();
        }
        take(&mut self.user, order);
        take(&mut self.item, order);
        take(&mut self.action, order);
        take(&mut self.time, order);
        take(&mut self.position, order);
        self.surface.reorder(order);
        self.request.reorder(order);
    }

    /// Rows of a user; empty for one without events. The log must be sorted.
    pub fn user_range(&self, user: u64) -> Range<usize> {
        let start = self.user.partition_point(|&other| other < user);
        start..start + self.user[start..].partition_point(|&other| other == user)
    }

    /// Rows of a user strictly before a time. The log must be sorted.
    pub fn history_before(&self, user: u64, time: i64) -> Range<usize> {
        let range = self.user_range(user);
        range.start..range.start + self.time[range].partition_point(|&other| other < time)
    }

    /// Every user with the rows of their events. The log must be sorted.
    pub fn users(&self) -> Vec<(u64, Range<usize>)> {
        let mut users: Vec<(u64, Range<usize>)> = Vec::new();
        for (row, &user) in self.user.iter().enumerate() {
            match users.last_mut() {
                Some((last, range)) if *last == user => range.end = row + 1,
                _ => users.push((user, row..row + 1)),
            }
        }
        users
    }
}
