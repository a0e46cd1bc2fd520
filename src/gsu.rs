//! General search unit: picks the K events of the history that matter most to each candidate.
//!
//! Hard and soft search: SIM, "Search-based User Interest Modeling with Lifelong Sequential Behavior Data" (Pi et al.,
//! CIKM 2020), section 3.2. Consistent search: TWIN, "TWo-stage Interest Network for Lifelong User Behavior Modeling"
//! (Chang et al., KDD 2023), section 4.2.
//!
//! Every search gives event rows `[C, k]`: best first, the lower row (the newer event) first among equals, [`NO_EVENT`]
//! in the slots that remain.

use std::collections::BTreeMap;

use crate::numeric::{dot, dot_codes};
use crate::top::{self, Top};

/// Marks a slot for which there was no event.
pub const NO_EVENT: i64 = -1;

/// Candidates that pass over the events together, so that what is read of the events is read once for them.
const TOGETHER: usize = 16;
/// Bytes of events that stay in the first cache while candidates pass over them.
const TILE: usize = 16 << 10;

/// The events of a history by their item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByItem {
    /// The distinct items, `[M]`.
    pub item: Vec<u32>,
    /// `[M + 1]`: item i has the events `row[start[i]..start[i + 1]]`.
    pub start: Vec<u32>,
    /// Event rows `[N]`, ascending within an item.
    pub row: Vec<u32>,
}

impl ByItem {
    /// Groups events, given the item of each.
    pub fn of(items: impl Iterator<Item = u32>) -> ByItem {
        let mut events: Vec<u64> =
            items.zip(0u32..).map(|(item, row)| u64::from(item) << 32 | u64::from(row)).collect();
        events.sort_unstable();
        let mut by_item = ByItem { row: Vec::with_capacity(events.len()), ..ByItem::default() };
        for event in events {
            let item = (event >> 32) as u32;
            if by_item.item.last() != Some(&item) {
                by_item.item.push(item);
                by_item.start.push(by_item.row.len() as u32);
            }
            by_item.row.push(event as u32);
        }
        by_item.start.push(by_item.row.len() as u32);
        by_item
    }

    /// The events of the i-th item.
    pub fn events(&self, i: usize) -> &[u32] {
        &self.row[self.start[i] as usize..self.start[i + 1] as usize]
    }
}

/// Events of the candidate's category, newest first; category 0 is unknown and matches nothing.
pub fn hard(candidate: &[i64], event: impl Iterator<Item = usize>, k: usize) -> Vec<i64> {
    let mut newest: BTreeMap<i64, Vec<i64>> =
        candidate.iter().filter(|&&category| category > 0).map(|&category| (category, Vec::new())).collect();
    for (row, category) in event.enumerate() {
        if let Some(rows) = newest.get_mut(&(category as i64))
            && rows.len() < k
        {
            rows.push(row as i64);
        }
    }
    let mut index = vec![NO_EVENT; candidate.len() * k];
    if k > 0 {
        for (category, slots) in candidate.iter().zip(index.chunks_exact_mut(k)) {
            if let Some(rows) = newest.get(category) {
                slots[..rows.len()].copy_from_slice(rows);
            }
        }
    }
    index
}

/// Largest inner product, in codes, of the candidate's embedding `[C, d]` with that of the event's item `[M, d]`.
pub fn soft(candidate: &[f32], item: &[f32], events: &ByItem, dimension: usize, k: usize) -> Vec<i64> {
    let mut index = vec![NO_EVENT; candidate.len() / dimension * k];
    let scale = code_scale([candidate, item], dimension);
    let (left, right) = (codes(candidate, scale), codes(item, scale));
    // Of two equally good items the one with the newest event comes first, so no event outside the k best items can
    // be among the k best events.
    let newest: Vec<u32> = (0..events.item.len()).map(|i| events.events(i)[0]).collect();
    let item_of_newest: BTreeMap<u32, usize> = newest.iter().copied().zip(0..).collect();
    let score = |left: &[i16], right: &[i16], _: usize| top::ordered_i32(dot_codes(left, right));
    let mut keys: Vec<u64> = Vec::new();
    largest(&left, &right, dimension, &newest, score, k, |c, best| {
        keys.clear();
        for &best in best {
            let score = (best >> 32) as u32;
            if keys.len() >= k && keys.last().is_some_and(|&last| (last >> 32) as u32 > score) {
                break;
            }
            let rows = events.events(item_of_newest[&top::row(best)]);
            keys.extend(rows.iter().take(k).map(|&row| top::key(score, row)));
        }
        keys.sort_unstable_by(|a, b| b.cmp(a));
        fill(&mut index[c * k..(c + 1) * k], &keys);
    });
    index
}

/// Largest query `[C, w]` · event `[N, w]` + bias `[N]`.
pub fn consistent(query: &[f32], event: &[f32], bias: &[f32], width: usize, k: usize) -> Vec<i64> {
    let mut index = vec![NO_EVENT; query.len() / width * k];
    let rows: Vec<u32> = (0..bias.len() as u32).collect();
    let score = |left: &[f32], right: &[f32], row: usize| top::ordered_f32(dot(left, right) + bias[row]);
    largest(query, event, width, &rows, score, k, |c, best| fill(&mut index[c * k..(c + 1) * k], best));
    index
}

fn fill(slots: &mut [i64], best: &[u64]) {
    for (slot, &best) in slots.iter_mut().zip(best) {
        *slot = i64::from(top::row(best));
    }
}

/// For each row of `left` `[C, width]` the keys of the k rows of `right` `[N, width]` whose score is largest.
fn largest<T>(
    left: &[T],
    right: &[T],
    width: usize,
    rows: &[u32],
    score: impl Fn(&[T], &[T], usize) -> u32,
    k: usize,
    mut found: impl FnMut(usize, &[u64]),
) {
    if k == 0 {
        return;
    }
    let tile = (TILE / (width * size_of::<T>())).max(1);
    let mut tops: Vec<Top> = (0..TOGETHER).map(|_| Top::new(k)).collect();
    let mut scores = Vec::with_capacity(tile);
    for (together, lefts) in left.chunks(TOGETHER * width).enumerate() {
        tops.iter_mut().for_each(Top::clear);
        for ((tile_right, tile_rows), first) in
            right.chunks(tile * width).zip(rows.chunks(tile)).zip((0..).step_by(tile))
        {
            for (left, top) in lefts.chunks_exact(width).zip(&mut tops) {
                scores.clear();
                scores.extend(tile_right.chunks_exact(width).zip(first..).map(|(right, row)| score(left, right, row)));
                top.offer(&scores, tile_rows);
            }
        }
        for (c, top) in (0..lefts.len() / width).zip(&mut tops) {
            found(together * TOGETHER + c, top.finish());
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
