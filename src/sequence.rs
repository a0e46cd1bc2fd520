//! From the events of a request to the sequences that the model reads.

use std::collections::BTreeSet;

use crate::event::Action;
use crate::request::Request;
use crate::response::Notes;

/// Number of age buckets; [`age_bucket`] is below it.
pub const AGE_BUCKETS: i64 = 26;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// Log-spaced bucket of an event's age in milliseconds: the bit length of its whole minutes, at most 25 (32 years).
pub fn age_bucket(age: i64) -> i64 {
    let minutes = (age / MINUTE).max(0);
    i64::from(i64::BITS - minutes.leading_zeros()).min(AGE_BUCKETS - 1)
}

/// Hour of the day, 0 to 23, UTC.
pub fn hour(time: i64) -> i64 {
    time.div_euclid(HOUR).rem_euclid(24)
}

/// Day of the week, 0 to 6 from Sunday, UTC.
pub fn weekday(time: i64) -> i64 {
    // 1 January 1970 was a Thursday.
    (time.div_euclid(DAY) + 4).rem_euclid(7)
}

/// One event of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// Index in the request's history.
    pub index: u32,
    pub item: u64,
    pub action: Action,
    pub time: i64,
}

/// The events strictly before the moment of the request, newest first; of equal times the later given first.
pub(crate) struct Timeline {
    pub events: Vec<Past>,
    items: BTreeSet<u64>,
}

impl Timeline {
    /// Orders a request's events and notes what was odd about them.
    pub fn of(request: &Request, notes: &mut Notes) -> Timeline {
        let mut latest = i64::MIN;
        let mut events = Vec::with_capacity(request.history.len());
        for (index, event) in request.history.iter().enumerate() {
            notes.out_of_order_events += u32::from(event.time < latest);
            latest = latest.max(event.time);
            if event.time >= request.now {
                notes.future_events += 1;
                continue;
            }
            let action = Action::from_code(event.action).unwrap_or_else(|| {
                notes.unknown_action_events += 1;
                Action::Other
            });
            events.push(Past { index: index as u32, item: event.item, action, time: event.time });
        }
        events.sort_by_key(|event| event.time);
        events.reverse();
        let items = events.iter().map(|event| event.item).collect();
        Timeline { events, items }
    }

    /// Whether an event with this item lies in the past.
    pub fn holds(&self, item: u64) -> bool {
        self.items.contains(&item)
    }
}
