//! What Lookback answers: the candidates in order, where the answer came from, and what it had to leave out.

use serde::{Deserialize, Serialize};

use crate::request::{Gsu, Part};

/// Who produced the probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The model.
    Model,
    /// No usable event, but a known demographic group: that group's popularity.
    DemographicPopularity,
    /// Nothing known of the person: popularity among everyone.
    GlobalTrending,
}

/// Where one candidate's probabilities came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model, from the item's embedding.
    Model,
    /// The popularity table: the whole response was answered so, or neither shard nor request has this item's embedding.
    Popularity,
}

/// One ranked candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The item.
    pub item: u64,
    /// Calibrated P(click), 0 to 1.
    pub p_click: f32,
    /// Calibrated P(save), 0 to 1.
    pub p_save: f32,
    /// weights.click · p_click + weights.save · p_save.
    pub score: f32,
    /// The model's uncalibrated logits, click then save; `None` from popularity.
    pub logits: Option<[f32; 2]>,
    /// Where the probabilities came from.
    pub source: Source,
    /// Whether the person has an earlier event with this item.
    pub in_history: bool,
}

/// What was odd in the request, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Events at or after the moment of the request, left out.
    pub future_events: u32,
    /// Events whose item has no embedding, left out.
    pub unknown_item_events: u32,
    /// Events with an action code this version does not know, read as `other`.
    pub unknown_action_events: u32,
    /// Events that came after a later one; the history was sorted by time.
    pub out_of_order_events: u32,
    /// Candidates that repeat an earlier one, ranked once.
    pub duplicate_candidates: u32,
    /// Candidates without an embedding, scored by popularity.
    pub unknown_candidates: u32,
    /// Attributes whose field or value the model does not know.
    pub unknown_attributes: u32,
    /// The request's surface is not one the model knows.
    pub unknown_surface: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Who produced the probabilities.
    pub answered_by: AnsweredBy,
    /// Name of the bundle.
    pub model: String,
    /// BLAKE3 of the bundle's payload, the model's version.
    pub bundle_hash: [u8; 32],
    /// BLAKE3 of the shard.
    pub shard_hash: [u8; 32],
    /// The search that was used.
    pub gsu: Gsu,
    /// Every distinct candidate, best first; ties in the order of the request.
    pub ranked: Vec<Ranked>,
    /// What was odd in the request.
    pub notes: Notes,
}

/// Attention that one candidate paid to one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Index of the event in the request's `history`, as the request gave it.
    pub event: u32,
    /// Weight per head; each head's weights over all its events sum to 1.
    pub heads: Vec<f32>,
}

impl Attention {
    /// Mean weight over the heads.
    pub fn weight(&self) -> f32 {
        self.heads.iter().sum::<f32>() / self.heads.len().max(1) as f32
    }
}

/// What the model says of a candidate when it does not read one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Without {
    /// The part that was taken away.
    pub part: Part,
    /// Calibrated P(click), 0 to 1.
    pub p_click: f32,
    /// Calibrated P(save), 0 to 1.
    pub p_save: f32,
    /// Uncalibrated logits, click then save.
    pub logits: [f32; 2],
}

/// What attention looked at for one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The candidate.
    pub item: u64,
    /// ESU over the K events that GSU picked, most attention first.
    pub long: Vec<Attention>,
    /// Target attention over the recent events, most attention first.
    pub recent: Vec<Attention>,
    /// Attention over the skips, most attention first.
    pub skips: Vec<Attention>,
    /// The candidate without each part that was asked for, in that order.
    pub without: Vec<Without>,
}

/// The answer to an explain request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainResponse {
    /// Exactly what `rank` answers.
    pub response: Response,
    /// One for each of the best candidates that the model scored, best first; empty when popularity answered.
    pub explanations: Vec<Explanation>,
}
