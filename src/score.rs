//! From probabilities to the order of candidates.

use std::collections::BTreeSet;

use crate::request::Weights;
use crate::response::{Notes, Ranked, Source};

/// One candidate's probabilities, before they are weighed.
pub(crate) struct Scored {
    pub p_click: f32,
    pub p_save: f32,
    pub logits: Option<[f32; 2]>,
    pub source: Source,
}

impl Scored {
    pub fn ranked(self, item: u64, weights: Weights, in_history: bool) -> Ranked {
        let Scored { p_click, p_save, logits, source } = self;
        let score = weights.click * p_click + weights.save * p_save;
        Ranked { item, p_click, p_save, score, logits, source, in_history }
    }
}

/// The candidates without repetitions, in the order of the request.
pub(crate) fn distinct(candidates: &[u64], notes: &mut Notes) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let distinct: Vec<u64> = candidates.iter().copied().filter(|&item| seen.insert(item)).collect();
    notes.duplicate_candidates = (candidates.len() - distinct.len()) as u32;
    distinct
}

/// Sorts best first; equal scores keep their order.
pub(crate) fn best_first(ranked: &mut [Ranked]) {
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
}
