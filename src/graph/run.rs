//! A graph that is ready to run: tract's plans of its two halves, with the tensors that they take and give.

use std::sync::Arc;

use tract_core::internal::*;

use super::PreparedGraph;
use crate::esu::Attended;
use crate::long_attention::{AttentionBias, Found, History, LongAttention};
use crate::request::Gsu;
use crate::stage::{self, Stage};

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
    /// `[C, heads, K]`; these weights and those below are empty where they were not to be kept.
    pub long_weight: Vec<f32>,
    /// `[C, heads, recent]`.
    pub recent_weight: Vec<f32>,
    /// `[C, heads, S]`.
    pub skip_weight: Vec<f32>,
}

/// The inputs of which each candidate has a row.
const OF_CANDIDATES: [&str; 6] =
    ["candidate_embedding", "candidate_category", "candidate_feature", "long_output", "long_intensity", CANDIDATE];

/// The input of candidates as long attention encodes them.
pub(super) const CANDIDATE: &str = "candidate";

/// The inputs that all candidates share.
const OF_REQUEST: [&str; 12] = [
    "user_field",
    "context",
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

/// Logits; weights of the recent events, weights of the skips.
const OUTPUTS: usize = 3;

/// Candidates that go through the graph together: what is computed of so many stays in the second cache.
const TOGETHER: usize = 128;

/// A graph that is ready to run.
#[derive(Clone)]
pub(crate) struct Graph {
    long: LongAttention,
    /// Embedding dimension and number of categories that the long attention reads.
    reads: (usize, usize),
    request: Part,
    candidates: Part,
}

/// One of the two halves of a graph.
#[derive(Clone)]
struct Part {
    plan: Arc<TypedSimplePlan>,
    /// For each of the plan's inputs, which of those offered it takes.
    order: Vec<usize>,
}

impl Graph {
    /// Wires and optimises a prepared graph.
    pub fn load(prepared: &PreparedGraph) -> Result<Graph, GraphError> {
        let load = |error: TractError| GraphError::Load(format!("{error:#}"));
        let long = prepared.long.operator().map_err(load)?;
        let parts = prepared.wire(|input| OF_CANDIDATES.contains(&input)).map_err(load)?;
        let outputs = parts.candidates.output_outlets().map_err(load)?.len();
        if outputs != OUTPUTS {
            let (expected, got) = (OUTPUTS.to_string(), outputs.to_string());
            return Err(GraphError::Signature { what: "this many outputs:", expected, got });
        }
        let handed_over = parts.handed_over.iter().map(String::as_str);
        let candidates =
            Part::new(parts.candidates, &OF_CANDIDATES.into_iter().chain(handed_over).collect::<Vec<_>>())?;
        let request = Part::new(parts.request, &OF_REQUEST)?;
        Ok(Graph { long, reads: prepared.long.reads(), request, candidates })
    }

    /// Embedding dimension d, and number of categories, the unknown one among them.
    pub fn reads(&self) -> (usize, usize) {
        self.reads
    }

    /// What long attention adds to its logits for an event's age and action.
    pub fn attention_bias(&self) -> AttentionBias<'_> {
        self.long.bias()
    }

    /// Runs one request over a history; attention's weights are kept where they are asked for.
    pub fn run(
        &self,
        inputs: Inputs,
        gsu: Gsu,
        history: &impl History,
        keep_weights: bool,
    ) -> Result<Outputs, GraphError> {
        let Items { embedding, category, .. } = &inputs.candidate;
        let long = self.long.run(gsu, embedding, category, history, keep_weights);
        let candidates = inputs.candidate.category.len();
        let outputs =
            self.evaluate(inputs, long, keep_weights).map_err(|error| GraphError::Run(format!("{error:#}")))?;
        if let Some(bad) = outputs.logit.iter().position(|logit| !logit.is_finite()) {
            return Err(GraphError::NotFinite(bad * candidates / outputs.logit.len()));
        }
        Ok(outputs)
    }

    fn evaluate(&self, inputs: Inputs, long: Found, keep_weights: bool) -> TractResult<Outputs> {
        stage::begin(Stage::Request);
        let Inputs { user_field, context, candidate, recent, skip, dimension } = inputs;
        let mut of_request = vec![
            Tensor::from_shape(&[1, user_field.len()], &user_field)?.into_tvalue(),
            Tensor::from_shape(&[1, 3], &context)?.into_tvalue(),
        ];
        for rows in [recent, skip] {
            of_request.extend(rows.tensors(dimension)?.map(Tensor::into_tvalue));
        }
        let shared = self.request.run(&of_request)?;

        stage::begin(Stage::Head);
        let Found { candidate: encoded, attended, index } = long;
        let Attended { output, weight, intensity } = attended;
        let candidates = candidate.category.len();
        let mut outputs = [Vec::new(), Vec::new(), Vec::new()];
        let kept = if keep_weights { OUTPUTS } else { 1 };
        for first in (0..candidates).step_by(TOGETHER) {
            let some = first..candidates.min(first + TOGETHER);
            let rows = |values: &[f32]| {
                let width = values.len() / candidates;
                let part = &values[some.start * width..some.end * width];
                Ok::<_, TractError>(Tensor::from_shape(&[some.len(), width], part)?.into_tvalue())
            };
            let mut of_candidates = vec![
                rows(&candidate.embedding)?,
                Tensor::from_shape(&[some.len()], &candidate.category[some.clone()])?.into_tvalue(),
                rows(&candidate.feature)?,
                rows(&output)?,
                rows(&intensity)?,
                rows(&encoded)?,
            ];
            of_candidates.extend(shared.iter().cloned());
            for (all, some) in outputs[..kept].iter_mut().zip(self.candidates.run(&of_candidates)?) {
                all.extend_from_slice(some.try_as_plain_ram()?.as_slice::<f32>()?);
            }
        }
        let [logit, recent_weight, skip_weight] = outputs;
        Ok(Outputs { logit, long_index: index, long_weight: weight, recent_weight, skip_weight })
    }
}

impl Part {
    /// A plan of a model whose inputs are among those offered.
    fn new(model: TypedModel, offered: &[&str]) -> Result<Part, GraphError> {
        let load = |error: TractError| GraphError::Load(format!("{error:#}"));
        let outlets = model.input_outlets().map_err(load)?;
        let names: Vec<&str> = outlets.iter().map(|outlet| model.node(outlet.node).name.as_str()).collect();
        let order: Option<Vec<usize>> =
            names.iter().map(|name| offered.iter().position(|offered| offered == name)).collect();
        let order = order.ok_or_else(|| GraphError::Signature {
            what: "inputs",
            expected: offered.join(", "),
            got: names.join(", "),
        })?;
        let plan = model.into_optimized().and_then(|model| model.into_runnable()).map_err(load)?;
        Ok(Part { plan, order })
    }

    fn run(&self, offered: &[TValue]) -> TractResult<TVec<TValue>> {
        self.plan.run(self.order.iter().map(|&input| offered[input].clone()).collect())
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
