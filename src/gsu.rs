//! General search unit: picks the K events of the history that matter most to each candidate.
//!
//! Hard and soft search: SIM, "Search-based User Interest Modeling with Lifelong Sequential Behavior Data" (Pi et al.,
//! CIKM 2020), section 3.2. Consistent search: TWIN, "TWo-stage Interest Network for Lifelong User Behavior Modeling"
//! (Chang et al., KDD 2023), section 4.2.

use std::collections::BTreeMap;

use crate::numeric::{dot, dot_codes};
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

/// What the exact search unit projects candidates and events to; only consistent search reads it.
#[derive(Clone, Copy)]
pub struct Projected<'a> {
    /// `[C, D]`.
    pub query: &'a [f32],
    /// `[N, D]`.
    pub key: &'a [f32],
    /// `[N, H]`, added to the attention logits.
    pub bias: &'a [f32],
    /// D.
    pub width: usize,
    /// H.
    pub heads: usize,
}

/// The event rows for each candidate, `[C, k]`: best first, the lower row (the newer event) first among equals,
/// [`NO_EVENT`] in the slots that remain.
pub fn search(
    gsu: Gsu,
    candidates: Candidates,
    events: Events,
    projected: Projected,
    dimension: usize,
    k: usize,
) -> Vec<i64> {
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
            let scale = code_scale([candidates.embedding, events.embedding], dimension);
            let (left, right) = (codes(candidates.embedding, scale), codes(events.embedding, scale));
            largest(&left, &right, dimension, events.valid, |left, right, _| dot_codes(left, right), k, slots);
        }
        Gsu::Consistent => {
            let Projected { query, key, bias, width, heads } = projected;
            let scale = 1.0 / ((width / heads) as f32).sqrt();
            // The sum over heads of q·k is the product over the whole width.
            let age: Vec<f32> = bias.chunks_exact(heads).map(|heads| heads.iter().sum()).collect();
            let logit = |left: &[f32], right: &[f32], row: usize| dot(left, right) * scale + age[row];
            largest(query, key, width, events.valid, logit, k, slots);
        }
    }
    index
}

/// For each row of `left` `[C, width]` the k rows of `right` `[N, width]` whose score is largest.
fn largest<'a, T, S: PartialOrd + Copy>(
    left: &[T],
    right: &[T],
    width: usize,
    valid: &[f32],
    score: impl Fn(&[T], &[T], usize) -> S,
    k: usize,
    slots: impl Iterator<Item = &'a mut [i64]>,
) {
    let mut best = Best::new(k);
    for (left, slots) in left.chunks_exact(width).zip(slots) {
        best.clear();
        for (row, right) in right.chunks_exact(width).enumerate() {
            if valid[row] != 0.0 {
                best.offer(score(left, right, row), row as i64);
            }
        }
        for (slot, (_, row)) in slots.iter_mut().zip(&best.found) {
            *slot = *row;
        }
    }
}

/// Stands in for the largest value where all are zero.
const LEAST: f32 = 1e-30;

/// What embeddings of d dimensions are multiplied with to become codes, such that no inner product of codes overflows.
///
/// Sums of floats depend on their order, and a tie that rounding breaks picks another event; sums of whole numbers are
/// the same in every runtime.
fn code_scale(embeddings: [&[f32]; 2], dimension: usize) -> f32 {
    let largest = embeddings.into_iter().flatten().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let limit = (f64::from(i32::MAX) / dimension as f64).sqrt().floor().min(f64::from(i16::MAX));
    limit as f32 / largest.max(LEAST)
}

fn codes(embedding: &[f32], scale: f32) -> Vec<i16> {
    embedding.iter().map(|value| (value * scale).round_ties_even() as i16).collect()
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
struct Best<S> {
    k: usize,
    found: Vec<(S, i64)>,
}

impl<S: PartialOrd + Copy> Best<S> {
    fn new(k: usize) -> Best<S> {
        Best { k, found: Vec::with_capacity(k + 1) }
    }

    fn clear(&mut self) {
        self.found.clear();
    }

    fn offer(&mut self, score: S, row: i64) {
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
