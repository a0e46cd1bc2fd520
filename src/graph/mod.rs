//! The model's graph: a prepared graph wired into tract, with the tensors it takes and gives.

mod ops;
mod prepared;

#[cfg(feature = "onnx")]
mod onnx;

#[cfg(feature = "onnx")]
pub use onnx::prepare;
pub use prepared::PreparedGraph;

use std::sync::Arc;

use tract_core::internal::*;

use crate::esu::Attended;
use crate::long_attention::{Found, History, LongAttention};
use crate::request::Gsu;

/// Why a graph cannot be prepared, loaded or run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The ONNX file uses something that the runtime does not have.
    #[error("the ONNX file cannot be prepared: {0}")]
    Prepare(String),
    /// The prepared graph does not wire up.
    #[error("the bundle's graph cannot be loaded: {0}; prepare the bundle again with a tool of this release")]
    Load(String),
    /// An input or output of the graph is not what a ranker feeds or reads.
    #[error("the bundle's graph has {what} {got}, expected {expected}; export the model again")]
    Signature {
        /// inputs, outputs.
        what: &'static str,
        /// What a ranker feeds or reads.
        expected: String,
        /// What the graph has.
        got: String,
    },
    /// tract failed on a request that passed every check.
    #[error("the graph failed: {0}; keep the request and report it")]
    Run(String),
    /// NaN or infinity among the logits.
    #[error("the model gave candidate {0} a logit that is not finite; check the scale of its embedding and features")]
    NotFinite(usize),
}

/// The tensors of one request; shapes as in the names' comments, C candidates, S skip rows.
pub(crate) struct Inputs {
    /// `[1, max(1, fields)]`.
    pub user_field: Vec<i64>,
    /// `[1, 3]`: hour, weekday, surface.
    pub context: [i64; 3],
    /// `[C, d]`, `[C]`, `[C, F]`.
    pub candidate: Items,
    /// `[recent, …]`, newest first, padded.
    pub recent: EventRows,
    /// `[S, …]`, newest first, padded.
    pub skip: EventRows,
    /// Embedding dimension d.
    pub dimension: usize,
}

/// Columns of items.
#[derive(Default)]
pub(crate) struct Items {
    pub embedding: Vec<f32>,
    pub category: Vec<i64>,
    pub feature: Vec<f32>,
}

/// Columns of event rows.
#[derive(Default)]
pub(crate) struct EventRows {
    pub embedding: Vec<f32>,
    pub category: Vec<i64>,
    pub action: Vec<i64>,
    /// `[rows, 3]`: age bucket, hour, weekday.
    pub time: Vec<i64>,
    pub valid: Vec<f32>,
}

/// What the graph gives.
pub(crate) struct Outputs {
    /// `[C, 2]`.
    pub logit: Vec<f32>,
    /// `[C, K]`.
    pub long_index: Vec<i64>,
    /// `[C, heads, K]`.
    pub long_weight: Vec<f32>,
    /// `[C, heads, recent]`.
    pub recent_weight: Vec<f32>,
    /// `[C, heads, S]`.
    pub skip_weight: Vec<f32>,
}

const INPUTS: [&str; 17] = [
    "long_output",
    "long_intensity",
    "user_field",
    "context",
    "candidate_embedding",
    "candidate_category",
    "candidate_feature",
    "event_embedding",
    "event_category",
    "event_action",
    "event_time",
    "event_valid",
    "skip_embedding",
    "skip_category",
    "skip_action",
    "skip_time",
    "skip_valid",
];

/// Logits, weights of the recent events, weights of the skips.
const OUTPUTS: usize = 3;

/// A graph that is ready to run.
#[derive(Clone)]
pub(crate) struct Graph {
    long: LongAttention,
    /// Embedding dimension and number of categories that the long attention reads.
    reads: (usize, usize),
    plan: Arc<TypedSimplePlan>,
    /// For each of the plan's inputs, which of [`INPUTS`] it takes.
    order: Vec<usize>,
}

impl Graph {
    /// Wires and optimises a prepared graph.
    pub fn load(prepared: &PreparedGraph) -> Result<Graph, GraphError> {
        let load = |error: TractError| GraphError::Load(format!("{error:#}"));
        let long = prepared.long.operator().map_err(load)?;
        let model = prepared.wire().map_err(load)?;
        let order = check_signature(&model)?;
        let plan = model.into_optimized().and_then(|model| model.into_runnable()).map_err(load)?;
        Ok(Graph { long, reads: prepared.long.reads(), plan, order })
    }

    /// Embedding dimension d, and number of categories, the unknown one among them.
    pub fn reads(&self) -> (usize, usize) {
        self.reads
    }

    /// Runs one request over a history.
    pub fn run(&self, inputs: Inputs, gsu: Gsu, history: &impl History) -> Result<Outputs, GraphError> {
        let candidates = inputs.candidate.category.len();
        let long = self.long.run(gsu, &inputs.candidate.embedding, &inputs.candidate.category, history);
        let outputs = self.evaluate(inputs, long).map_err(|error| GraphError::Run(format!("{error:#}")))?;
        if let Some(bad) = outputs.logit.iter().position(|logit| !logit.is_finite()) {
            return Err(GraphError::NotFinite(bad * candidates / outputs.logit.len()));
        }
        Ok(outputs)
    }

    fn evaluate(&self, inputs: Inputs, long: Found) -> TractResult<Outputs> {
        let mut tensors = inputs.tensors(&long.attended)?.map(Some);
        let ordered = self.order.iter().map(|&index| tensors[index].take().map(Tensor::into_tvalue));
        let ordered = ordered.collect::<Option<TVec<TValue>>>().context("an input is taken twice")?;
        let outputs = self.plan.run(ordered)?;
        let floats = |slot: usize| -> TractResult<Vec<f32>> {
            Ok(outputs[slot].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        };
        Ok(Outputs {
            logit: floats(0)?,
            long_index: long.index,
            long_weight: long.attended.weight,
            recent_weight: floats(1)?,
            skip_weight: floats(2)?,
        })
    }
}

fn check_signature(model: &TypedModel) -> Result<Vec<usize>, GraphError> {
    let load = |error: TractError| GraphError::Load(format!("{error:#}"));
    let outlets = model.input_outlets().map_err(load)?;
    let names: Vec<&str> = outlets.iter().map(|outlet| model.node(outlet.node).name.as_str()).collect();
    let order: Option<Vec<usize>> =
        names.iter().map(|name| INPUTS.iter().position(|expected| expected == name)).collect();
    let order = order.filter(|order| order.iter().enumerate().all(|(at, index)| !order[..at].contains(index)));
    let order = order.ok_or_else(|| GraphError::Signature {
        what: "inputs",
        expected: INPUTS.join(", "),
        got: names.join(", "),
    })?;
    let outputs = model.output_outlets().map_err(load)?.len();
    if outputs != OUTPUTS {
        let (expected, got) = (OUTPUTS.to_string(), outputs.to_string());
        return Err(GraphError::Signature { what: "this many outputs:", expected, got });
    }
    Ok(order)
}

impl Inputs {
    /// The tensors in the order of [`INPUTS`].
    fn tensors(self, long: &Attended) -> TractResult<[Tensor; 17]> {
        let candidates = self.candidate.category.len();
        let features = self.candidate.feature.len() / candidates.max(1);
        let [event_embedding, event_category, event_action, event_time, event_valid] =
            self.recent.tensors(self.dimension)?;
        let [skip_embedding, skip_category, skip_action, skip_time, skip_valid] = self.skip.tensors(self.dimension)?;
        Ok([
            Tensor::from_shape(&[candidates, long.output.len() / candidates], &long.output)?,
            Tensor::from_shape(&[candidates, long.intensity.len() / candidates], &long.intensity)?,
            Tensor::from_shape(&[1, self.user_field.len()], &self.user_field)?,
            Tensor::from_shape(&[1, 3], &self.context)?,
            Tensor::from_shape(&[candidates, self.dimension], &self.candidate.embedding)?,
            Tensor::from_shape(&[candidates], &self.candidate.category)?,
            Tensor::from_shape(&[candidates, features], &self.candidate.feature)?,
            event_embedding,
            event_category,
            event_action,
            event_time,
            event_valid,
            skip_embedding,
            skip_category,
            skip_action,
            skip_time,
            skip_valid,
        ])
    }
}

impl EventRows {
    fn tensors(self, dimension: usize) -> TractResult<[Tensor; 5]> {
        let rows = self.category.len();
        Ok([
            Tensor::from_shape(&[rows, dimension], &self.embedding)?,
            Tensor::from_shape(&[rows], &self.category)?,
            Tensor::from_shape(&[rows], &self.action)?,
            Tensor::from_shape(&[rows, 3], &self.time)?,
            Tensor::from_shape(&[rows], &self.valid)?,
        ])
    }
}
