//! The k largest of many scores.

/// Collects the k largest keys offered. A key is a score, above the one's complement of a row, so that of equal scores
/// the lower row is larger.
pub(crate) struct Top {
    k: usize,
    keys: Vec<u64>,
    /// No smaller score can still be among the k largest.
    least: u32,
}

const CHUNK: usize = 8;

impl Top {
    pub fn new(k: usize) -> Top {
        Top { k, keys: Vec::with_capacity(4 * k + CHUNK), least: 0 }
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.least = 0;
    }

    /// Offers scores, the score at i for the row `rows[i]`.
    pub fn offer(&mut self, scores: &[u32], rows: &[u32]) {
        let (chunks, rest) = scores.as_chunks::<CHUNK>();
        let (row_chunks, row_rest) = rows.as_chunks::<CHUNK>();
        for (scores, rows) in chunks.iter().zip(row_chunks) {
            let largest = scores.iter().fold(0, |largest, &score| largest.max(score));
            if largest >= self.least {
                self.take(scores, rows);
            }
        }
        self.take(rest, row_rest);
    }

    fn take(&mut self, scores: &[u32], rows: &[u32]) {
        for (&score, &row) in scores.iter().zip(rows) {
            if score >= self.least {
                self.keys.push(key(score, row));
            }
        }
        if self.keys.len() >= 4 * self.k {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.keys.len() > self.k {
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

pub(crate) fn row(key: u64) -> u32 {
    !(key as u32)
}

/// Orders as the number does, among finite ones.
pub(crate) fn ordered_i32(score: i32) -> u32 {
    score as u32 ^ 0x8000_0000
}

/// Orders as the number does, among finite ones; both zeros are one.
pub(crate) fn ordered_f32(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    bits ^ (((bits as i32) >> 31) as u32 | 0x8000_0000)
}
