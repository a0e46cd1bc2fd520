//! Which candidates a person has met before.

/// The candidates that an event is about.
pub(crate) struct InHistory {
    /// In order; few others among them.
    items: Vec<u64>,
}

impl InHistory {
    /// Of the candidates those that are among the items of events. A function of its own, so that what it holds has the
    /// registers to itself.
    #[inline(never)]
    pub fn of(candidates: &[u64], items: &[u64]) -> InHistory {
        let candidates = Candidates::of(candidates);
        let mut items: Vec<u64> = items.iter().copied().filter(|&item| candidates.may_hold(item)).collect();
        items.sort_unstable();
        items.dedup();
        InHistory { items }
    }

    /// Whether an event is about this candidate.
    pub fn holds(&self, candidate: u64) -> bool {
        self.items.binary_search(&candidate).is_ok()
    }
}

/// The candidates, made to be asked about every event: a bit for each hash that one of them has, by which most other items are
/// told apart.
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
