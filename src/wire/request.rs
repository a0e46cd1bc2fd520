//! A request, read and written as postcard has it. Nearly all of its bytes are events, of which numbers are read and
//! written eight bytes at a time.

use postcard::{Error, Result, take_from_bytes, to_extend};

use crate::event::Event;
use crate::request::{ExplainRequest, Request};

/// Bytes of the shortest event: one of each field.
const SHORTEST_EVENT: usize = 3;
/// The highest bit of each of eight bytes.
const HIGHEST: u64 = 0x8080_8080_8080_8080;
/// Bytes of the longest event.
const LONGEST_EVENT: usize = 21;
/// Bytes of a time from July 1970 to September 2039.
const USUAL_TIME: usize = 6;
/// The highest bit of each of its bytes but the last.
const HIGHEST_OF_USUAL_TIME: u64 = HIGHEST >> (8 * (size_of::<u64>() - USUAL_TIME + 1));
/// Events that are written together.
const TOGETHER: usize = 256;

pub(super) fn take_request(bytes: &[u8]) -> Result<(Request, &[u8])> {
    let ((now, attributes, surface), bytes) = take_from_bytes(bytes)?;
    let (history, bytes) = take_history(bytes)?;
    let ((candidates, items, gsu, weights), bytes) = take_from_bytes(bytes)?;
    Ok((Request { now, attributes, surface, history, candidates, items, gsu, weights }, bytes))
}

pub(super) fn take_explain_request(bytes: &[u8]) -> Result<(ExplainRequest, &[u8])> {
    let (request, bytes) = take_request(bytes)?;
    let ((top, parts), bytes) = take_from_bytes(bytes)?;
    Ok((ExplainRequest { request, top, parts }, bytes))
}

pub(super) fn append_request(request: &Request, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let Request { now, attributes, surface, history, candidates, items, gsu, weights } = request;
    let mut bytes = to_extend(&(now, attributes, surface, history.len()), bytes)?;
    append_history(history, &mut bytes);
    to_extend(&(candidates, items, gsu, weights), bytes)
}

pub(super) fn append_explain_request(request: &ExplainRequest, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let ExplainRequest { request, top, parts } = request;
    to_extend(&(top, parts), append_request(request, bytes)?)
}

fn take_history(bytes: &[u8]) -> Result<(Vec<Event>, &[u8])> {
    let (events, mut bytes): (usize, _) = take_from_bytes(bytes)?;
    if events > bytes.len() / SHORTEST_EVENT {
        return Err(Error::DeserializeUnexpectedEnd);
    }
    let mut history = Vec::with_capacity(events);
    for _ in 0..events {
        let (item, rest) = take_u64(bytes)?;
        let (&action, rest) = rest.split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        let (time, rest) = take_time(rest)?;
        history.push(Event { item, action, time: from_zigzag(time) });
        bytes = rest;
    }
    Ok((history, bytes))
}

/// Appends events, without their number.
fn append_history(history: &[Event], bytes: &mut Vec<u8>) {
    let mut some = [0; TOGETHER * LONGEST_EVENT];
    bytes.reserve(history.len() * LONGEST_EVENT);
    for events in history.chunks(TOGETHER) {
        let mut end = 0;
        for &Event { item, action, time } in events {
            end += put_u64(item, &mut some[end..]);
            some[end] = action;
            end += 1;
            end += put_time(to_zigzag(time), &mut some[end..]);
        }
        bytes.extend_from_slice(&some[..end]);
    }
}

/// A number of seven bits to a byte, the lowest first; the last byte lacks the highest bit.
#[inline(always)]
fn take_u64(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let Some((&eight, _)) = bytes.split_first_chunk() else { return take_from_bytes(bytes) };
    let eight = u64::from_le_bytes(eight);
    let last = !eight & HIGHEST;
    if last == 0 {
        return take_from_bytes(bytes);
    }
    let length = last.trailing_zeros() as usize / 8 + 1;
    // All bits up to the highest of the last byte.
    let number = joined(eight & (last ^ (last - 1)) & !HIGHEST);
    Ok((number, &bytes[length..]))
}

/// As [`take_u64`]. Where the next event begins is known before a time is read that is as long as those of our days are.
#[inline(always)]
fn take_time(bytes: &[u8]) -> Result<(u64, &[u8])> {
    if let Some((&eight, _)) = bytes.split_first_chunk() {
        let six = u64::from_le_bytes(eight) & ((1 << (8 * USUAL_TIME)) - 1);
        if six & HIGHEST == HIGHEST_OF_USUAL_TIME {
            return Ok((joined(six & !HIGHEST), &bytes[USUAL_TIME..]));
        }
    }
    take_u64(bytes)
}

/// The seven bits of each of eight bytes, side by side.
#[inline(always)]
fn joined(sevens: u64) -> u64 {
    let fourteens = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
    let twenty_eights = fourteens & 0x0000_3fff_0000_3fff | (fourteens & 0x3fff_0000_3fff_0000) >> 2;
    twenty_eights & 0x0fff_ffff | (twenty_eights & 0x0fff_ffff_0000_0000) >> 4
}

/// Writes a number as [`take_u64`] reads it; returns how many bytes it takes, beyond which others may be written too.
#[inline(always)]
fn put_u64(number: u64, to: &mut [u8]) -> usize {
    // What eight bytes of seven bits do not hold.
    let (number, beyond) = (number & 0x00ff_ffff_ffff_ffff, (number >> 56) as u8);
    let sevens = divided(number);
    let mut put = |eight: u64| to[..8].copy_from_slice(&eight.to_le_bytes());
    if beyond > 0 {
        put(sevens | HIGHEST);
        // Its highest bit, which seven bits do not hold, is a byte of its own.
        (to[8], to[9]) = (beyond, beyond >> 7);
        return 9 + usize::from(beyond >> 7);
    }
    let last = (u64::BITS - 1 - (sevens | 1).leading_zeros()) / 8;
    put(sevens | HIGHEST & !(u64::MAX << (8 * last)));
    last as usize + 1
}

/// As [`put_u64`]. Where the next event goes is known beforehand, see [`take_time`].
#[inline(always)]
fn put_time(number: u64, to: &mut [u8]) -> usize {
    if number >> (7 * (USUAL_TIME - 1)) == 0 || number >> (7 * USUAL_TIME) > 0 {
        return put_u64(number, to);
    }
    to[..8].copy_from_slice(&(divided(number) | HIGHEST_OF_USUAL_TIME).to_le_bytes());
    USUAL_TIME
}

/// A number of at most 56 bits, seven of them to a byte.
#[inline(always)]
fn divided(number: u64) -> u64 {
    let twenty_eights = number & 0x0fff_ffff | (number << 4) & 0x0fff_ffff_0000_0000;
    let fourteens = twenty_eights & 0x0000_3fff_0000_3fff | (twenty_eights << 2) & 0x3fff_0000_3fff_0000;
    fourteens & 0x007f_007f_007f_007f | (fourteens << 1) & 0x7f00_7f00_7f00_7f00
}

/// 0, -1, 1, -2 and so on of 0, 1, 2, 3.
fn from_zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// The number that [`from_zigzag`] makes this one of.
fn to_zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::request::Weights;

    /// Of any length.
    fn number() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..u64::BITS).prop_map(|(number, shift)| number >> shift)
    }

    fn request() -> impl Strategy<Value = Request> {
        let event = (number(), any::<u8>(), number().prop_map(from_zigzag));
        let history = vec(event.prop_map(|(item, action, time)| Event { item, action, time }), 0..20);
        (number().prop_map(from_zigzag), history, vec(number(), 0..4)).prop_map(|(now, history, candidates)| Request {
            now,
            attributes: vec![],
            surface: None,
            history,
            candidates,
            items: vec![],
            gsu: None,
            weights: Weights::default(),
        })
    }

    proptest! {
        #[test]
        fn requests_are_written_as_postcard_writes_them(request in request()) {
            prop_assert_eq!(append_request(&request, vec![]).unwrap(), postcard::to_allocvec(&request).unwrap());
        }

        #[test]
        fn requests_are_read_as_postcard_reads_them(
            request in request(),
            written in vec((any::<prop::sample::Index>(), prop_oneof![Just(0x80), Just(0xff), any::<u8>()]), 0..4),
            length in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = postcard::to_allocvec(&request).unwrap();
            for (at, byte) in written {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.map_or(bytes.len(), |length| length.index(bytes.len())));
            let plainly: Result<(Request, &[u8])> = take_from_bytes(&bytes);
            // As text, for no NaN equals itself.
            prop_assert_eq!(format!("{:?}", take_request(&bytes).ok()), format!("{:?}", plainly.ok()));
        }
    }
}
