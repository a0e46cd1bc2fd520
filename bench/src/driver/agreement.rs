//! Whether two variants gave the same answer.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::results::Agreement;

/// Logits may be this far apart.
const TOLERANCE: f32 = 1e-4;

/// Compares logits `[C, 2]`; `free` `[C]` are the candidates for which the two may have attended to other events.
pub fn compare(expected: &[f32], got: &[f32], free: &[bool]) -> Result<Agreement> {
    ensure!(
        expected.len() == got.len() && got.len() == 2 * free.len(),
        "{} logits, {} expected, {} candidates",
        got.len(),
        expected.len(),
        free.len()
    );
    let mut agreement = Agreement::default();
    for (i, &free) in free.iter().enumerate() {
        let gap = |at: usize| {
            let gap = (expected[at] - got[at]).abs();
            if gap.is_nan() { f32::INFINITY } else { gap }
        };
        let gap = gap(2 * i).max(gap(2 * i + 1));
        agreement.differing += usize::from(gap > TOLERANCE);
        if !free {
            agreement.wrong += usize::from(gap > TOLERANCE);
            agreement.worst = agreement.worst.max(gap);
        }
    }
    Ok(agreement)
}

/// How the events that a search found `[C, K]` compare with those of exact search; -1 stands for none.
pub struct Search {
    /// Candidates with other events `[C]`.
    pub otherwise: Vec<bool>,
    /// Share of the exact events that were found, averaged over the candidates that have any.
    pub recall: f64,
    /// Distinct events that were found for any candidate.
    pub attended: usize,
}

/// Compares sets of events, whatever their order.
pub fn search(exact: &[i32], found: &[i32], k: usize) -> Result<Search> {
    ensure!(exact.len() == found.len() && k > 0, "{} events found, {} expected", found.len(), exact.len());
    let (mut otherwise, mut shares) = (Vec::new(), Vec::new());
    for (exact, found) in exact.chunks(k).zip(found.chunks(k)) {
        let set = |events: &[i32]| events.iter().copied().filter(|&event| event >= 0).collect::<BTreeSet<i32>>();
        let (exact, found) = (set(exact), set(found));
        if !exact.is_empty() {
            shares.push(exact.intersection(&found).count() as f64 / exact.len() as f64);
        }
        otherwise.push(exact != found);
    }
    let recall = if shares.is_empty() { 1.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 };
    let attended = found.iter().filter(|&&event| event >= 0).collect::<BTreeSet<_>>().len();
    Ok(Search { otherwise, recall, attended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_judged_by_the_events_it_found_not_by_their_order() {
        let exact = [3, 1, 2, 7, 8, -1, -1, -1, -1];
        let judged = search(&exact, &[1, 2, 3, 9, 8, -1, -1, -1, -1], 3).unwrap();
        assert_eq!(judged.otherwise, [false, true, false]);
        assert!((judged.recall - 0.75).abs() < 1e-9);
        assert_eq!(judged.attended, 5);
        assert!(search(&exact, &[1, 2], 3).is_err());
    }

    #[test]
    fn draws_are_counted_and_forgiven_and_others_are_not() {
        let expected = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0];
        let got = [0.0, 0.00005, 1.0, 1.5, 2.0, 2.0];
        let found = compare(&expected, &got, &[false, true, false]).unwrap();
        assert_eq!((found.differing, found.wrong), (1, 0));
        assert!((found.worst - 0.00005).abs() < 1e-9);
        let found = compare(&expected, &got, &[false; 3]).unwrap();
        assert_eq!((found.differing, found.wrong, found.worst), (1, 1, 0.5));
    }

    #[test]
    fn what_is_no_number_is_wrong_and_what_is_missing_is_refused() {
        let found = compare(&[0.0, 0.0], &[0.0, f32::NAN], &[false]).unwrap();
        assert_eq!((found.wrong, found.worst), (1, f32::INFINITY));
        assert!(compare(&[0.0, 0.0], &[0.0], &[false]).is_err());
    }
}
