//! From the events of a request to the sequences that the model reads.

use std::borrow::Cow;

use crate::event::{Action, EventColumns};
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

/// The events strictly before the moment of the request, oldest first; of equal times the earlier given first.
pub(crate) struct Timeline<'a> {
    /// All events, in order.
    events: Cow<'a, EventColumns>,
    /// How many of them lie in the past.
    past: usize,
    /// Where each event stands in the request's history, where that is not in order.
    #[cfg_attr(not(feature = "rank"), expect(dead_code, reason = "the ranker alone explains"))]
    index: Option<Vec<u32>>,
    /// The moment of the request.
    #[cfg_attr(not(feature = "rank"), expect(dead_code, reason = "the ranker alone reads ages"))]
    now: i64,
}

impl<'a> Timeline<'a> {
    /// Orders a request's events and notes what was odd about them.
    pub fn of(request: &'a Request, notes: &mut Notes) -> Timeline<'a> {
        let history = &request.history;
        let (mut events, mut index) = (Cow::Borrowed(history), None);
        if !history.time().is_sorted() {
            notes.out_of_order_events = out_of_order(history.time());
            let mut oldest_first: Vec<u32> = (0..history.len() as u32).collect();
            oldest_first.sort_by_key(|&index| history.time()[index as usize]);
            events = Cow::Owned(oldest_first.iter().filter_map(|&index| history.get(index as usize)).collect());
            index = Some(oldest_first);
        }
        let past = events.time().partition_point(|&time| time < request.now);
        notes.future_events = (events.len() - past) as u32;
        let is_unknown = |code: &&u8| Action::from_code(**code).is_none();
        notes.unknown_action_events = events.action()[..past].iter().filter(is_unknown).count() as u32;
        Timeline { events, past, index, now: request.now }
    }

    /// What each event is about.
    pub fn items(&self) -> &[u64] {
        &self.events.item()[..self.past]
    }
}

#[cfg(feature = "rank")]
impl Timeline<'_> {
    /// What was done.
    pub fn action(&self, event: usize) -> Action {
        Action::from_code(self.events.action()[event]).unwrap_or_default()
    }

    /// When.
    pub fn time(&self, event: usize) -> i64 {
        self.events.time()[event]
    }

    /// How long before the request, in milliseconds.
    pub fn age(&self, event: usize) -> i64 {
        self.now.saturating_sub(self.time(event))
    }

    /// Where the event stands in the request's history.
    pub fn index(&self, event: usize) -> u32 {
        self.index.as_ref().map_or(event as u32, |index| index[event])
    }
}

/// How many times come after a later one.
fn out_of_order(times: &[i64]) -> u32 {
    let mut latest = i64::MIN;
    let is_late = |&&time: &&i64| {
        let is_late = time < latest;
        latest = latest.max(time);
        is_late
    };
    times.iter().filter(is_late).count() as u32
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
