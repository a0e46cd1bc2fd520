//! Hard search: the candidate's category, newest first.

use super::NO_EVENT;

/// Events of the candidate's category, newest first; category 0 is unknown and matches nothing. Categories of events are
/// asked for until each candidate's has k events.
pub fn hard(candidate: &[i64], event: impl Iterator<Item = usize>, k: usize) -> Vec<i64> {
    let mut index = vec![NO_EVENT; candidate.len() * k];
    let largest = candidate.iter().copied().max().unwrap_or(0);
    if index.is_empty() || largest <= 0 {
        return index;
    }
    // Of each category that a candidate has, its newest events.
    let mut newest: Vec<Option<Vec<i64>>> = vec![None; largest as usize + 1];
    let mut open = 0;
    for &category in candidate.iter().filter(|&&category| category > 0) {
        let rows = &mut newest[category as usize];
        if rows.is_none() {
            *rows = Some(Vec::with_capacity(k));
            open += 1;
        }
    }
    for (category, row) in event.zip(0..) {
        if let Some(Some(rows)) = newest.get_mut(category)
            && rows.len() < k
        {
            rows.push(row);
            if rows.len() == k {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
        }
    }
    for (&category, slots) in candidate.iter().zip(index.chunks_exact_mut(k)) {
        if let Some(Some(rows)) = usize::try_from(category).ok().and_then(|category| newest.get(category)) {
            slots[..rows.len()].copy_from_slice(rows);
        }
    }
    index
}
