//! Soft search: the largest inner products of embeddings.

use wide::i32x4;

use super::scan::{batches, scan};
use super::{ByItem, NO_EVENT, fill};
use crate::numeric::codes::{self, BLOCK, Left, Right, TOGETHER};
use crate::top::{self, Top};

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
    let mut keys: Vec<u64> = Vec::new();
    let mut slots = index.chunks_exact_mut(k);
    for groups in batches(&left) {
        let before = groups.start * TOGETHER;
        let mut tops: Vec<Top> = (0..groups.len() * TOGETHER).map(|_| Top::new(k)).collect();
        let mut least = vec![i32x4::MIN; tops.len()];
        scan(&left, groups, &right, |candidate, first, products| {
            for (c, products) in (candidate..).zip(products).take(candidates - before - candidate) {
                if least[c].simd_gt(products[0].max(products[1])).all() {
                    continue;
                }
                let newest = &newest[first..newest.len().min(first + BLOCK)];
                for (score, &row) in products.iter().flat_map(|half| half.to_array()).zip(newest) {
                    if tops[c].offer(top::ordered_i32(score), row) {
                        least[c] = i32x4::splat(top::i32_of(tops[c].least()));
                    }
                }
            }
        });
        for (top, slots) in tops.iter_mut().zip(slots.by_ref()) {
            keys.clear();
            for &best in top.finish() {
                let score = top::score(best);
                if keys.len() >= k && keys.last().is_some_and(|&last| top::score(last) > score) {
                    break;
                }
                let rows = events.events(item_of[top::row(best) as usize]);
                keys.extend(rows.iter().take(k).map(|&row| top::key(score, row)));
            }
            keys.sort_unstable_by(|a, b| b.cmp(a));
            fill(slots, &keys);
        }
    }
    index
}
