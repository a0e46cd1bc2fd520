//! The k largest of many scores.

/// Keeps the k largest keys, largest first.
pub(crate) fn largest(keys: &mut Vec<u64>, k: usize) {
    if keys.len() > k {
        keys.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
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
