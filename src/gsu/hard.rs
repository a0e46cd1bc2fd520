//! Hard search: the candidate's category, newest first.

use std::collections::BTreeMap;

use super::NO_EVENT;

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
