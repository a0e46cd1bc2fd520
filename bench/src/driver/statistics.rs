//! Medians and the like of measured times.

use serde::{Deserialize, Serialize};

/// What is kept of a series of times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    pub median: f64,
    pub p99: f64,
    pub least: f64,
    pub rounds: usize,
}

impl Times {
    /// Of times in nanoseconds; `None` without any.
    pub fn of(nanoseconds: &[u64]) -> Option<Times> {
        let mut sorted: Vec<f64> = nanoseconds.iter().map(|&time| time as f64 / 1e6).collect();
        sorted.sort_by(f64::total_cmp);
        let least = *sorted.first()?;
        Some(Times { median: median(&sorted), p99: quantile(&sorted, 0.99), least, rounds: sorted.len() })
    }
}

/// The smallest value that at least this share of the ascending values does not exceed.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = (ascending.len() as f64 * share).ceil() as usize;
    ascending[place.clamp(1, ascending.len()) - 1]
}

/// The middle of the ascending values, or the mean of the two in the middle.
fn median(ascending: &[f64]) -> f64 {
    let middle = ascending.len() / 2;
    match ascending.len() % 2 {
        1 => ascending[middle],
        _ => (ascending[middle - 1] + ascending[middle]) / 2.0,
    }
}

/// The median of values in any order; `None` without any.
pub fn median_of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| median(&sorted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_in_milliseconds() {
        let times: Vec<u64> = (1..=200).rev().map(|time| time * 1_000_000).collect();
        let kept = Times::of(&times).unwrap();
        assert_eq!(kept, Times { median: 100.5, p99: 198.0, least: 1.0, rounds: 200 });
        assert_eq!(Times::of(&[7_000_000]).unwrap(), Times { median: 7.0, p99: 7.0, least: 7.0, rounds: 1 });
        assert!(Times::of(&[]).is_none());
    }

    #[test]
    fn a_median_needs_no_order() {
        assert_eq!(median_of(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median_of(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median_of(&[]), None);
    }
}
