//! Sampling items by how often people engage with them.

use std::collections::{BTreeMap, HashSet};

use rand::Rng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;

/// Draws items with probability proportional to count^exponent.
#[derive(Clone, Debug)]
pub struct PopularitySampler {
    items: Vec<u64>,
    index: WeightedIndex<f64>,
}

impl PopularitySampler {
    /// A sampler over the items of some engagements; `None` without any.
    pub fn new(engaged: impl Iterator<Item = u64>, exponent: f64) -> Option<PopularitySampler> {
        let counts = count(engaged);
        let index = WeightedIndex::new(counts.values().map(|&count| (count as f64).powf(exponent))).ok()?;
        Some(PopularitySampler { items: counts.into_keys().collect(), index })
    }

    /// Up to `count` distinct items outside `met`; fewer when fewer exist.
    pub fn sample(&self, random: &mut impl Rng, count: usize, met: &HashSet<u64>) -> Vec<u64> {
        let mut sampled = Vec::with_capacity(count);
        let mut taken: HashSet<u64> = HashSet::with_capacity(count);
        // Rejection is quick while much is unseen; past that bound the rest is drawn from what is left.
        for _ in 0..count * 20 {
            if sampled.len() == count {
                return sampled;
            }
            let item = self.items[self.index.sample(random)];
            if !met.contains(&item) && taken.insert(item) {
                sampled.push(item);
            }
        }
        let left: Vec<usize> = (0..self.items.len())
            .filter(|&row| !met.contains(&self.items[row]) && !taken.contains(&self.items[row]))
            .collect();
        let missing = (count - sampled.len()).min(left.len());
        let weight = |at: usize| self.index.weight(left[at]).unwrap_or(0.0);
        if let Ok(drawn) = rand::seq::index::sample_weighted(random, left.len(), weight, missing) {
            sampled.extend(drawn.into_iter().map(|at| self.items[left[at]]));
        }
        sampled
    }
}

/// How often each item occurs.
pub fn count(items: impl Iterator<Item = u64>) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}
