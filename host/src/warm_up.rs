//! Made-up requests that a version answers before anybody asks it, as models are warmed up elsewhere.

use lookback::event::{Action, Event, EventColumns};
use lookback::request::{Request, Weights};
use lookback::shard::Shard;

/// The least that are retrieved for a person.
const CANDIDATES: usize = 500;
/// The least that such a person has.
const EVENTS: usize = 1_000;

const HOUR: i64 = 3_600_000;

/// A request without a person or a candidate.
pub(crate) fn smallest() -> Request {
    Request {
        now: 0,
        attributes: Vec::new(),
        surface: None,
        history: EventColumns::default(),
        candidates: Vec::new(),
        items: Vec::new(),
        gsu: None,
        weights: Weights::default(),
    }
}

/// A request of items from all over the shard, with one event an hour: what it makes an instance write to and read, most
/// requests do. As [`smallest`] where the shard has no item.
pub(crate) fn usual(shard: &Shard) -> Request {
    let rows = shard.len();
    if rows == 0 {
        return smallest();
    }
    let item = |part: usize, parts: usize| shard.item(part * rows / parts);
    let event = |index| Event::new(item(index, EVENTS), Action::Save, HOUR * (index as i64 - EVENTS as i64));
    let candidates = CANDIDATES.min(rows);
    Request {
        history: (0..EVENTS).map(event).collect(),
        candidates: (0..candidates).map(|index| item(index, candidates)).collect(),
        ..smallest()
    }
}
