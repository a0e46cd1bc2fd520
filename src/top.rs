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

    /// Offers a score for a row.
    pub fn offer(&mut self, score: u32, row: u32) {
        if score >= self.least {
            self.keys.push(key(score, row));
            if self.keys.len() >= 2 * self.k {
                self.shrink();
            }
        }
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
        largest(&mut self.keys, self.k);
        &self.keys
    }
}

/// Keeps the k largest keys, largest first.
pub(crate) fn largest(keys: &mut Vec<u64>, k: usize) {
    if keys.len() > k {
        keys.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        keys.truncate(k);
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
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

/// The number that [`ordered_f32`] orders so; none for 0.
pub(crate) fn f32_of(ordered: u32) -> f32 {
    f32::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN })
}
