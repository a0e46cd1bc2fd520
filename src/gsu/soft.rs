//! Soft search: the largest inner products of embeddings.

use super::scan::{close, fold, reached, reaching, scan};
use super::{ByItem, NO_EVENT, fill};
use crate::numeric::codes::{self, Left, Right};
use crate::top;

/// Largest inner product, in codes, of the candidate's embedding `[C, d]` with that of the event's item `[M, d]`.
pub fn soft(candidate: &[f32], item: &[f32], events: &ByItem, dimension: usize, k: usize) -> Vec<i64> {
    let candidates = candidate.len() / dimension;
    let mut index = vec![NO_EVENT; candidates * k];
    if index.is_empty() {
        return index;
    }
    let scale = codes::scale(&[candidate, item], dimension);
    let (left, right) = (Left::new(candidate, dimension, scale), Right::new(item, dimension, scale));
    // Of two equally good items the one with the newest event comes first, so no event outside the k best items can
    // be among the k best events.
    let newest: Vec<u32> = (0..events.item.len()).map(|i| events.events(i)[0]).collect();
    let mut item_of = vec![0; events.row.len()];
    newest.iter().zip(0..).for_each(|(&row, item)| item_of[row as usize] = item);
    let items = events.item.len();
    let (mut best, mut keys): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    let (mut largest, mut scratch, mut reached_items) = (Vec::new(), Vec::new(), Vec::new());
    let mut slots = index.chunks_exact_mut(k);
    scan(&left, candidates, &right, |_, scores| {
        close(scores, items);
        fold(scores, &mut largest);
        let least = reached(&largest, k, &mut scratch);
        let found = reaching(scores, &largest, items, least, None, &mut reached_items);
        let scores: &[i32] = bytemuck::cast_slice(scores);
        best.clear();
        best.extend(found.iter().map(|&item| top::key(top::ordered_i32(scores[item as usize]), newest[item as usize])));
        top::largest(&mut best, k);
        keys.clear();
        for &best in &best {
            let score = top::score(best);
            if keys.len() >= k && keys.last().is_some_and(|&last| top::score(last) > score) {
                break;
            }
            let rows = events.events(item_of[top::row(best) as usize]);
            keys.extend(rows.iter().take(k).map(|&row| top::key(score, row)));
        }
        keys.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(slots) = slots.next() {
            fill(slots, &keys);
        }
    });
    index
}
