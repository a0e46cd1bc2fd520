//! Calibration: from a task's logit to a probability.

use serde::{Deserialize, Serialize};

/// Platt scaling, p = sigmoid(a·logit + b), fitted on held-out data (Platt, 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Slope; positive, so that calibration keeps the order.
    pub a: f32,
    /// Intercept.
    pub b: f32,
}

impl Platt {
    /// Probability of a logit.
    pub fn probability(&self, logit: f32) -> f32 {
        sigmoid(self.a * logit + self.b)
    }
}

/// One calibration per task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// P(click).
    pub click: Platt,
    /// P(save).
    pub save: Platt,
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
