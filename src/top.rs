//! The k largest of many scores.

use wide::i32x4;

use crate::numeric::{LANES, repeated_long};

/// So many keys at most are compared each with each.
const COUNTED: usize = 128;

/// Keeps the k largest of keys that differ, largest first.
pub(crate) fn largest(keys: &mut Vec<u64>, k: usize) {
    if keys.len() <= COUNTED {
        return largest_by_counting(keys, k);
    }
    if keys.len() > k {
        keys.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
}

/// Puts each key after as many as have a larger score. Of few keys that takes less time than to sort them does: it asks next
/// to nothing of which the answer is not known beforehand.
fn largest_by_counting(keys: &mut Vec<u64>, k: usize) {
    let count = keys.len();
    let mut scores = [i32x4::MIN; COUNTED / LANES];
    for (scores, keys) in scores.iter_mut().zip(keys.chunks(LANES)) {
        let score = |lane| keys.get(lane).map_or(i32::MIN, |&key| (score(key) ^ SIGN) as i32);
        *scores = i32x4::new([0, 1, 2, 3].map(score));
    }
    let scores = &scores[..count.div_ceil(LANES)];
    keys.resize(2 * count, FREE);
    let (unordered, ordered) = keys.split_at_mut(count);
    for (keys, of_keys) in unordered.chunks(LANES).zip(scores) {
        let of_key = of_keys.to_array().map(i32x4::splat);
        let mut larger = [i32x4::ZERO; LANES];
        repeated_long!(scores.iter(), |scores| {
            for (larger, of_key) in larger.iter_mut().zip(of_key) {
                *larger -= scores.simd_gt(of_key);
            }
        });
        for (key, larger) in keys.iter().zip(larger) {
            put(ordered, larger.reduce_add() as usize, *key);
        }
    }
    keys.drain(..count);
    keys.truncate(k);
}

/// A place that no key stands in: no row is the last of all.
const FREE: u64 = 0;

/// Puts a key among those with an equal score, which stand from `first` on, the largest first.
#[inline(always)]
fn put(ordered: &mut [u64], first: usize, key: u64) {
    let mut at = first;
    while ordered[at] != FREE {
        at += 1;
    }
    while at > first && ordered[at - 1] < key {
        ordered[at] = ordered[at - 1];
        at -= 1;
    }
    ordered[at] = key;
}

/// A score, above the one's complement of a row, so that of equal scores the lower row is larger.
pub(crate) fn key(score: u32, row: u32) -> u64 {
    u64::from(score) << 32 | u64::from(!row)
}

pub(crate) fn score(key: u64) -> u32 {
    (key >> 32) as u32
}

pub(crate) fn row(key: u64) -> u32 {
    !(key as u32)
}

const SIGN: u32 = 0x8000_0000;

/// Orders as the number does.
pub(crate) fn ordered_i32(score: i32) -> u32 {
    score as u32 ^ SIGN
}

/// Orders as the number does, among finite ones; both zeros are one.
pub(crate) fn ordered_f32(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    bits ^ (((bits as i32) >> 31) as u32 | SIGN)
}

/// The number that [`ordered_f32`] orders so; none for 0.
pub(crate) fn f32_of(ordered: u32) -> f32 {
    f32::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_largest_are_those_that_sorting_finds(
            scores in vec(prop_oneof![any::<u32>(), 0u32..20, Just(u32::MAX), Just(0)], 0..2 * COUNTED),
            k in 1usize..300,
            order in any::<prop::sample::Index>(),
        ) {
            let mut keys: Vec<u64> = scores.into_iter().zip(0..).map(|(score, row)| key(score, row)).collect();
            // Rows come in any order.
            let turned = order.index(keys.len().max(1));
            keys.rotate_left(turned);
            keys.reverse();
            let mut sorted = keys.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            sorted.truncate(k);
            largest(&mut keys, k);
            prop_assert_eq!(keys, sorted);
        }
    }
}
