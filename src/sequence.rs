//! From the events of a request to the sequences that the model reads.

use std::cmp::Reverse;

use crate::event::{Action, Event};
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
    pub action: Action,
    pub time: i64,
}

/// The events strictly before the moment of the request, newest first; of equal times the later given first.
#[cfg_attr(not(feature = "rank"), expect(dead_code, reason = "the ranker reads the events, popularity does not"))]
pub(crate) struct Timeline {
    pub events: Vec<Past>,
    /// What each of them is about.
    pub items: Vec<u64>,
    /// In order, those of the request's candidates that an event is about, and few others.
    met: Vec<u64>,
}

impl Timeline {
    /// Orders a request's events and notes what was odd about them. A function of its own, so that what it holds has the
    /// registers to itself.
    #[inline(never)]
    pub fn of(request: &Request, notes: &mut Notes) -> Timeline {
        let history = &request.history;
        let (mut latest, mut out_of_order) = (i64::MIN, 0);
        for event in history {
            out_of_order += u32::from(event.time < latest);
            latest = latest.max(event.time);
        }
        notes.out_of_order_events = out_of_order;
        let mut newest_first: Vec<u32> = (0..history.len() as u32).rev().collect();
        if out_of_order > 0 {
            newest_first.sort_by_key(|&index| Reverse(history[index as usize].time));
        }

        let candidates = Candidates::of(&request.candidates);
        let (mut events, mut items) = (Vec::with_capacity(history.len()), Vec::with_capacity(history.len()));
        let mut met = Vec::new();
        for index in newest_first {
            let Event { item, action, time } = history[index as usize];
            if time >= request.now {
                notes.future_events += 1;
                continue;
            }
            let action = Action::from_code(action).unwrap_or_else(|| {
                notes.unknown_action_events += 1;
                Action::Other
            });
            if candidates.may_hold(item) {
                met.push(item);
            }
            events.push(Past { index, action, time });
            items.push(item);
        }
        met.sort_unstable();
        met.dedup();
        Timeline { events, items, met }
    }

    /// Whether an event with this candidate lies in the past.
    pub fn holds(&self, candidate: u64) -> bool {
        self.met.binary_search(&candidate).is_ok()
    }
}

/// The request's candidates, made to be asked about every event: a bit for each hash that one of them has, by which most
/// other items are told apart.
struct Candidates {
    hashes: Vec<u64>,
}

const HASH_BITS: u32 = 16;

impl Candidates {
    fn of(candidates: &[u64]) -> Candidates {
        let mut hashes = vec![0; 1 << (HASH_BITS - 6)];
        for &item in candidates {
            hashes[hash(item) / 64] |= 1 << (hash(item) % 64);
        }
        Candidates { hashes }
    }

    fn may_hold(&self, item: u64) -> bool {
        self.hashes[hash(item) / 64] >> (hash(item) % 64) & 1 == 1
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
