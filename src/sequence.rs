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
    /// Orders a request's events and notes what was odd about them.
    pub fn of(request: &Request, notes: &mut Notes) -> Timeline {
        let history = &request.history;
        let last_first = (0..history.len() as u32).rev();
        if let Some(timeline) = Timeline::in_order(last_first.clone(), request, notes) {
            return timeline;
        }
        notes.out_of_order_events = out_of_order(history);
        let mut newest_first: Vec<u32> = last_first.collect();
        newest_first.sort_by_key(|&index| Reverse(history[index as usize].time));
        Timeline::in_order(newest_first.into_iter(), request, notes).expect("what was sorted is in order")
    }

    /// Of the events in the order given, if that is newest first. A function of its own, so that what it holds has the
    /// registers to itself.
    #[inline(never)]
    fn in_order(order: impl ExactSizeIterator<Item = u32>, request: &Request, notes: &mut Notes) -> Option<Timeline> {
        let candidates = Candidates::of(&request.candidates);
        let history = &request.history[..];
        let (mut events, mut items) = (Vec::with_capacity(order.len()), Vec::with_capacity(order.len()));
        let (mut met, mut earliest, mut future, mut unknown) = (Vec::new(), i64::MAX, 0, 0);
        for index in order {
            let Event { item, action, time } = history[index as usize];
            if time > earliest {
                return None;
            }
            earliest = time;
            if time >= request.now {
                future += 1;
                continue;
            }
            let action = Action::from_code(action).unwrap_or_else(|| {
                unknown += 1;
                Action::Other
            });
            if candidates.may_hold(item) {
                met.push(item);
            }
            events.push(Past { index, action, time });
            items.push(item);
        }
        (notes.future_events, notes.unknown_action_events) = (future, unknown);
        met.sort_unstable();
        met.dedup();
        Some(Timeline { events, items, met })
    }

    /// Whether an event with this candidate lies in the past.
    pub fn holds(&self, candidate: u64) -> bool {
        self.met.binary_search(&candidate).is_ok()
    }
}

/// How many events come after one that is newer.
fn out_of_order(history: &[Event]) -> u32 {
    let mut latest = i64::MIN;
    let is_late = |event: &&Event| {
        let is_late = event.time < latest;
        latest = latest.max(event.time);
        is_late
    };
    history.iter().filter(is_late).count() as u32
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
