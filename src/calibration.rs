//! Calibration: from a task's logit to a probability.

use serde::{Deserialize, Serialize};

/// One calibration per task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// P(click).
    pub click: Calibrator,
    /// P(save).
    pub save: Calibrator,
}

/// How a logit becomes a probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calibrator {
    /// p = sigmoid(a·logit + b).
    Platt(Platt),
    /// A rising broken line.
    Isotonic(Isotonic),
}

/// Platt scaling, fitted on held-out data (Platt, "Probabilistic Outputs for Support Vector Machines", 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Slope; positive, so that calibration keeps the order.
    pub a: f32,
    /// Intercept.
    pub b: f32,
}

/// Isotonic regression on held-out data (Zadrozny and Elkan, KDD 2002, section 3), its blocks joined by straight lines.
///
/// Logits below the first or above the last knot get that knot's probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isotonic {
    /// Logit of each knot, strictly rising.
    pub logit: Vec<f32>,
    /// Probability of each knot, 0 to 1, strictly rising, so that calibration keeps the order between the end knots.
    pub probability: Vec<f32>,
}

/// Knots of an isotonic calibration at most.
pub const MAX_KNOTS: usize = 4096;

impl Calibrator {
    /// Probability of a logit.
    pub fn probability(&self, logit: f32) -> f32 {
        match self {
            Calibrator::Platt(Platt { a, b }) => sigmoid(a * logit + b),
            Calibrator::Isotonic(isotonic) => isotonic.probability(logit),
        }
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Calibrator::Platt(Platt { a, b }) if a.is_finite() && b.is_finite() && *a > 0.0 => Ok(()),
            Calibrator::Platt(Platt { a, b }) => Err(format!("a = {a}, b = {b}")),
            Calibrator::Isotonic(isotonic) => isotonic.check(),
        }
    }
}

impl Isotonic {
    fn probability(&self, logit: f32) -> f32 {
        let Isotonic { logit: knots, probability } = self;
        let above = knots.partition_point(|&knot| knot <= logit);
        if above == 0 {
            return probability[0];
        }
        let below = above - 1;
        if above == knots.len() {
            return probability[below];
        }
        let share = (logit - knots[below]) / (knots[above] - knots[below]);
        probability[below] + share * (probability[above] - probability[below])
    }

    fn check(&self) -> Result<(), String> {
        let Isotonic { logit, probability } = self;
        if logit.len() != probability.len() || logit.is_empty() || logit.len() > MAX_KNOTS {
            return Err(format!("{} logits and {} probabilities", logit.len(), probability.len()));
        }
        let rising = |values: &[f32]| values.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = logit.iter().all(|logit| logit.is_finite());
        let share = probability.iter().all(|probability| (0.0..=1.0).contains(probability));
        if !(finite && share && rising(logit) && rising(probability)) {
            return Err("knots that do not rise, or lie outside what is allowed".to_string());
        }
        Ok(())
    }
}

/// 1 / (1 + e^-x), without overflow at either end.
fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}
