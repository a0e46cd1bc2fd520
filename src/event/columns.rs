//! Events by column.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::Bytes;

use super::Event;

/// Events, column by column: as a history is sent and read.
///
/// In a message they are three strings of bytes, each after its length as postcard writes it: the items of all events, eight
/// bytes each; the codes of their actions, one byte each; their times, eight bytes each, in two's complement. Of a number the
/// lowest byte comes first. In JSON they are a list of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventColumns {
    item: Vec<u64>,
    action: Vec<u8>,
    time: Vec<i64>,
}

impl EventColumns {
    /// From columns; `None` where they are not of one length.
    pub fn new(item: Vec<u64>, action: Vec<u8>, time: Vec<i64>) -> Option<EventColumns> {
        ([item.len(), time.len()] == [action.len(); 2]).then_some(EventColumns { item, action, time })
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.item.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.item.is_empty()
    }

    /// What each event is about.
    pub fn item(&self) -> &[u64] {
        &self.item
    }

    /// The code of what was done, see [`Event::action`].
    pub fn action(&self) -> &[u8] {
        &self.action
    }

    /// Unix milliseconds, UTC.
    pub fn time(&self) -> &[i64] {
        &self.time
    }

    /// An event; `None` beyond the last.
    pub fn get(&self, index: usize) -> Option<Event> {
        let (&item, &action, &time) = (self.item.get(index)?, self.action.get(index)?, self.time.get(index)?);
        Some(Event { item, action, time })
    }

    /// The events, one after the other.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Event> + ExactSizeIterator {
        let columns = self.item.iter().zip(&self.action).zip(&self.time);
        columns.map(|((&item, &action), &time)| Event { item, action, time })
    }
}

impl FromIterator<Event> for EventColumns {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> EventColumns {
        let mut columns = EventColumns::default();
        for Event { item, action, time } in events {
            columns.item.push(item);
            columns.action.push(action);
            columns.time.push(time);
        }
        columns
    }
}

impl Serialize for EventColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(self.iter());
        }
        let (item, time) = (bytes(&self.item), bytes(bytemuck::cast_slice(&self.time)));
        [&item, &self.action[..], &time].map(Bytes::new).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EventColumns, D::Error> {
        if deserializer.is_human_readable() {
            return Ok(Vec::<Event>::deserialize(deserializer)?.into_iter().collect());
        }
        let [item, action, time] = <[&[u8]; 3]>::deserialize(deserializer)?;
        let ((item, []), (time, [])) = (item.as_chunks(), time.as_chunks()) else {
            return Err(D::Error::custom("items and times take eight bytes each"));
        };
        let item = item.iter().map(|item| u64::from_le_bytes(*item)).collect();
        let time = time.iter().map(|time| i64::from_le_bytes(*time)).collect();
        EventColumns::new(item, action.to_vec(), time).ok_or_else(|| D::Error::custom("columns are of one length"))
    }
}

/// The bytes of numbers, the lowest of each first.
fn bytes(numbers: &[u64]) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(bytemuck::cast_slice(numbers)),
        false => Cow::Owned(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
    }
}
