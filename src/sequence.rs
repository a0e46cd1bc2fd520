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
const WEEK: i64 = 7 * DAY;

/// Log-spaced bucket of an event's age in milliseconds: the bit length of its whole minutes, at most 25 (32 years).
pub fn age_bucket(age: i64) -> i64 {
    let minutes = (age / MINUTE).max(0);
    i64::from(i64::BITS - minutes.leading_zeros()).min(AGE_BUCKETS - 1)
}

/// Hour of the day, 0 to 23, UTC.
pub fn hour(time: i64) -> i64 {
    i64::from(in_week(time) % DAY as u32 / HOUR as u32)
}

/// Day of the week, 0 to 6 from Sunday, UTC.
pub fn weekday(time: i64) -> i64 {
    i64::from(in_week(time) / DAY as u32)
}

/// Milliseconds since the week began, with Sunday: few enough to be divided in 32 bits, which is several times faster.
fn in_week(time: i64) -> u32 {
    // 1 January 1970 was a Thursday.
    (time.rem_euclid(WEEK) + 4 * DAY) as u32 % WEEK as u32
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
    /// Those of the request's candidates that an event is about.
    met: BTreeSet<u64>,
}

impl Timeline {
    /// Orders a request's events and notes what was odd about them.
    pub fn of(request: &Request, notes: &mut Notes) -> Timeline {
        let candidates = Candidates::of(&request.candidates);
        let mut met = BTreeSet::new();
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
            if candidates.hold(event.item) {
                met.insert(event.item);
            }
            events.push(Past { index: index as u32, item: event.item, action, time: event.time });
        }
        if notes.out_of_order_events > 0 {
            events.sort_by_key(|event| event.time);
        }
        events.reverse();
        Timeline { events, met }
    }

    /// Whether an event with this candidate lies in the past.
    pub fn holds(&self, candidate: u64) -> bool {
        self.met.contains(&candidate)
    }
}

/// The request's candidates, made to be asked about every event.
struct Candidates {
    sorted: Vec<u64>,
    /// One bit for each hash that a candidate has: most other items are told apart by it alone.
    hashes: Vec<u64>,
}

const HASH_BITS: u32 = 16;

impl Candidates {
    fn of(candidates: &[u64]) -> Candidates {
        let mut sorted = candidates.to_vec();
        sorted.sort_unstable();
        let mut hashes = vec![0; 1 << (HASH_BITS - 6)];
        for &item in candidates {
            hashes[hash(item) / 64] |= 1 << (hash(item) % 64);
        }
        Candidates { sorted, hashes }
    }

    fn hold(&self, item: u64) -> bool {
        self.hashes[hash(item) / 64] >> (hash(item) % 64) & 1 == 1 && self.sorted.binary_search(&item).is_ok()
    }
}

/// Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
fn hash(item: u64) -> usize {
    (item.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hours_and_weekdays_are_those_of_any_time(time in prop_oneof![any::<i64>(), -3 * WEEK..3 * WEEK]) {
            prop_assert_eq!(hour(time), time.div_euclid(HOUR).rem_euclid(24));
            prop_assert_eq!(weekday(time), (time.div_euclid(DAY) + 4).rem_euclid(7));
        }
    }

    #[test]
    fn the_first_of_january_1970_began_as_a_thursday() {
        assert_eq!((hour(0), weekday(0)), (0, 4));
        assert_eq!((hour(-1), weekday(-1)), (23, 3));
    }
}
