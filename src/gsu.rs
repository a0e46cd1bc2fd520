//! General search unit: picks the K events of the history that matter most to each candidate.
//!
//! SIM, "Search-based User Interest Modeling with Lifelong Sequential Behavior Data" (Pi et al., CIKM 2020), section 3.2.

use std::collections::BTreeMap;

use crate::numeric::dot;
use crate::request::Gsu;

/// Marks a slot for which there was no event.
pub const NO_EVENT: i64 = -1;

/// The C candidates of a search.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    /// `[C, d]`.
    pub embedding: &'a [f32],
    /// `[C]`; 0 is unknown and matches nothing.
    pub category: &'a [i64],
}

/// The N event rows of a search, newest first.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// `[N, d]`.
    pub embedding: &'a [f32],
    /// `[N]`.
    pub category: &'a [i64],
    /// `[N]`; a row of 0 is padding and never picked.
    pub valid: &'a [f32],
}

/// The event rows for each candidate, `[C, k]`: best first, the lower row (the newer event) first among equals,
/// [`NO_EVENT`] in the slots that remain.
pub fn search(gsu: Gsu, candidates: Candidates, events: Events, dimension: usize, k: usize) -> Vec<i64> {
    let mut index = vec![NO_EVENT; candidates.category.len() * k];
    if k == 0 {
        return index;
    }
    let slots = index.chunks_exact_mut(k);
    match gsu {
        Gsu::Hard => {
            let newest = newest_by_category(events, k);
            for (category, slots) in candidates.category.iter().zip(slots) {
                if let Some(rows) = newest.get(category) {
                    slots[..rows.len()].copy_from_slice(rows);
                }
            }
        }
        Gsu::Soft => {
            let mut best = Best::new(k);
            for (embedding, slots) in candidates.embedding.chunks_exact(dimension).zip(slots) {
                best.clear();
                for (row, event) in events.embedding.chunks_exact(dimension).enumerate() {
                    if events.valid[row] != 0.0 {
                        best.offer(dot(embedding, event), row as i64);
                    }
                }
                for (slot, (_, row)) in slots.iter_mut().zip(&best.found) {
                    *slot = *row;
                }
            }
        }
    }
    index
}

/// The inverted index: for each known category its first `k` rows, which are its newest.
fn newest_by_category(events: Events, k: usize) -> BTreeMap<i64, Vec<i64>> {
    let mut newest: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (row, (&category, &valid)) in events.category.iter().zip(events.valid).enumerate() {
        if category > 0 && valid != 0.0 {
            let rows = newest.entry(category).or_default();
            if rows.len() < k {
                rows.push(row as i64);
            }
        }
    }
    newest
}

/// The k best scores so far, best first. Rows are offered in ascending order, so that an equal score never displaces.
struct Best {
    k: usize,
    found: Vec<(f32, i64)>,
}

impl Best {
    fn new(k: usize) -> Best {
        Best { k, found: Vec::with_capacity(k + 1) }
    }

    fn clear(&mut self) {
        self.found.clear();
    }

    fn offer(&mut self, score: f32, row: i64) {
        if self.found.len() == self.k {
            if score <= self.found[self.k - 1].0 {
                return;
            }
            self.found.pop();
        }
        let at = self.found.partition_point(|&(other, _)| other >= score);
        self.found.insert(at, (score, row));
    }
}
