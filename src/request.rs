//! What a host asks: one person's past, the moment, and the candidates to put in order.

use serde::{Deserialize, Serialize};

use crate::event::EventColumns;

/// At most this many candidates in one request.
pub const MAX_CANDIDATES: usize = 10_000;
/// At most this many events in one request.
pub const MAX_EVENTS: usize = 262_144;
/// At most this many parts in one explain request: each runs the model once more.
pub const MAX_PARTS: usize = 16;

/// Which general search unit picks the K events for each candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gsu {
    /// Same category as the candidate, most recent first (SIM hard search; Pi et al., CIKM 2020, section 3.2).
    Hard,
    /// Largest inner product with the candidate's embedding (SIM soft search).
    #[default]
    Soft,
    /// Largest attention logit under the exact search unit's own projections, summed over its heads (TWIN; Chang et al.,
    /// KDD 2023, section 4.2).
    Consistent,
}

impl Gsu {
    /// The name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Gsu::Hard => "hard",
            Gsu::Soft => "soft",
            Gsu::Consistent => "consistent",
        }
    }
}

/// score = click · p_click + save · p_save. Both finite and not negative, not both zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Weight of P(click).
    pub click: f32,
    /// Weight of P(save).
    pub save: f32,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights { click: 1.0, save: 1.0 }
    }
}

/// A demographic attribute, e.g. `gender` = `F`. Names and values the model was not trained with count as unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Name of the field.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// An item the request brings along because the shard does not have it yet (a fresh pin), or has it otherwise.
/// It takes the place of the shard's row for this request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InlineItem {
    /// The item.
    pub item: u64,
    /// Category: 1-based index into the manifest's categories, 0 for unknown.
    pub category: u32,
    /// Embedding in the bundle's embedding version, `[d]`, finite.
    pub embedding: Vec<f32>,
    /// Item features as the manifest lists them, standardised as in training, `[F]`, finite.
    pub features: Vec<f32>,
}

/// One ranking request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The moment of the request: Unix milliseconds, UTC. Only events strictly before it count.
    pub now: i64,
    /// What is known of the person; may be empty.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    /// Where the candidates will be shown; `None` or a surface the model does not know count as unknown.
    #[serde(default)]
    pub surface: Option<String>,
    /// All the person's events, oldest first. Other orders are sorted by time (stable) and reported.
    #[serde(default)]
    pub history: EventColumns,
    /// The items to rank. A repeated candidate is ranked once and reported.
    pub candidates: Vec<u64>,
    /// Items that the shard lacks.
    #[serde(default)]
    pub items: Vec<InlineItem>,
    /// The search; `None` takes the bundle's default.
    #[serde(default)]
    pub gsu: Option<Gsu>,
    /// Weights of the two probabilities in the score.
    #[serde(default)]
    pub weights: Weights,
}

/// A part of what the model reads, which can be taken away to measure what it contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// What search finds: long attention gets no event.
    Long,
    /// The recent sequence, left empty.
    Recent,
    /// The skips, left empty.
    Skips,
    /// The candidate's features, at their mean in training; its embedding and category stay, which search needs.
    Item,
    /// What is known of the person beside their events: every demographic field unknown.
    User,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 5] = [Part::Long, Part::Recent, Part::Skips, Part::Item, Part::User];
}

/// A request that also asks what attention looked at, for the best `top` candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The request, answered exactly as `rank` would.
    pub request: Request,
    /// How many candidates to explain, from the best down.
    pub top: u32,
    /// Parts to take away, one at a time, from each candidate that is explained.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// Why a request cannot be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// More candidates than a request may have.
    #[error("{0} candidates, at most {MAX_CANDIDATES} are ranked at once; retrieve fewer or split the request")]
    TooManyCandidates(usize),
    /// More events than a request may have.
    #[error("{0} events, at most {MAX_EVENTS} are read at once; send the most recent ones")]
    TooManyEvents(usize),
    /// More parts than an explain request may name.
    #[error("{0} parts to take away, at most {MAX_PARTS}; name each part once")]
    TooManyParts(usize),
    /// Weights that give no order.
    #[error(
        "weights click = {click}, save = {save}: expected finite numbers (their sum too), not negative, not both zero"
    )]
    Weights {
        /// Weight of P(click).
        click: f32,
        /// Weight of P(save).
        save: f32,
    },
    /// A row of the wrong width.
    #[error(
        "inline item {item}: {field} has {got} numbers, expected {expected}; the bundle's manifest gives the width"
    )]
    Width {
        /// The item.
        item: u64,
        /// embedding or features.
        field: &'static str,
        /// Width in the manifest.
        expected: usize,
        /// Width that came.
        got: usize,
    },
    /// NaN or infinity.
    #[error("inline item {item}: {field} holds {value}, expected finite numbers")]
    NotFinite {
        /// The item.
        item: u64,
        /// embedding or features.
        field: &'static str,
        /// What it holds.
        value: f32,
    },
    /// A category that the model does not have.
    #[error("inline item {item}: category {got}, expected 0 (unknown) to {expected}")]
    Category {
        /// The item.
        item: u64,
        /// Number of categories in the manifest.
        expected: usize,
        /// What came.
        got: u32,
    },
    /// The same inline item twice.
    #[error("inline item {0} is given twice; give each item once")]
    RepeatedItem(u64),
}

impl Request {
    /// Checks what can be checked without a bundle.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        if self.candidates.len() > MAX_CANDIDATES {
            return Err(RequestError::TooManyCandidates(self.candidates.len()));
        }
        if self.history.len() > MAX_EVENTS {
            return Err(RequestError::TooManyEvents(self.history.len()));
        }
        let Weights { click, save } = self.weights;
        let usable = |weight: f32| weight.is_finite() && weight >= 0.0;
        if !usable(click) || !usable(save) || (click == 0.0 && save == 0.0) || !(click + save).is_finite() {
            return Err(RequestError::Weights { click, save });
        }
        Ok(())
    }
}
