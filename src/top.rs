//! The k largest of many scores.

/// Collects the k largest keys offered. A key is a score, above the one's complement of a row, so that of equal scores
/// the lower row is larger.
pub(crate) struct Top {
    k: usize,
    keys: Vec<u64>,
    /// No smaller score can still be among the k largest.
    least: u32,
}

impl Top {
    pub fn new(k: usize) -> Top {
        Top { k, keys: Vec::with_capacity(2 * k), least: 0 }
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.least = 0;
    }

    /// Offers a score for a row; returns whether the least score that still counts has changed.
    pub fn offer(&mut self, score: u32, row: u32) -> bool {
        if score < self.least {
            return false;
        }
        self.keys.push(key(score, row));
        if self.keys.len() < 2 * self.k {
            return false;
        }
        self.shrink();
        true
    }

    /// The least score that still counts.
    pub fn least(&self) -> u32 {
        self.least
    }

    /// Drops what is not among the k largest.
    pub fn shrink(&mut self) {
        if self.keys.len() >= self.k {
            self.keys.select_nth_unstable_by(self.k - 1, |a, b| b.cmp(a));
            self.keys.truncate(self.k);
            self.least = (self.keys[self.k - 1] >> 32) as u32;
        }
    }

    /// The keys, largest first.
    pub fn finish(&mut self) -> &[u64] {
        self.shrink();
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        &self.keys
    }
}

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

/// The number that [`ordered_i32`] orders so.
pub(crate) fn i32_of(ordered: u32) -> i32 {
    (ordered ^ SIGN) as i32
}

/// Orders as the number does, among finite ones; both zeros are one.
pub(crate) fn ordered_f32(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    bits ^ (((bits as i32) >> 31) as u32 | SIGN)
}

/// The number that [`ordered_f32`] orders so; below every number where it is 0.
pub(crate) fn f32_of(ordered: u32) -> f32 {
    match ordered {
        0 => f32::NEG_INFINITY,
        _ if ordered & SIGN == 0 => f32::from_bits(!ordered),
        _ => f32::from_bits(ordered ^ SIGN),
    }
}
