//! Lines of JSON between the driver and a worker: one order, one answer.

use std::path::PathBuf;

use lookback::request::Gsu;
use serde::{Deserialize, Serialize};

/// Extension of the file of events found.
pub const FOUND: &str = "found";

/// What a worker is to do with a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Read the fixture, choose the best way to run it, and run it until it is warm.
    Prepare,
    /// Run one whole request.
    Run,
    /// Write the logits `[C, 2]` of the run before, f32 in little endian, in the order of the candidates; and beside
    /// them, from a variant that can tell, the events that the search found `[C, K]`, i32.
    Score,
}

/// One line to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub task: Task,
    /// A fixture's JSON file.
    pub fixture: PathBuf,
    /// The search.
    pub search: Gsu,
    /// Where scores go.
    #[serde(default)]
    pub to: Option<PathBuf>,
}

/// One line from a worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// How long the request took, or one of them, measured in the worker.
    #[serde(default)]
    pub nanoseconds: u64,
    /// Candidates that are run at once, where a worker has found out that fewer than all are best.
    #[serde(default)]
    pub chunk: Option<usize>,
    /// Why it was not done.
    #[serde(default)]
    pub error: Option<String>,
}

/// What a stage of a request took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// As [`lookback::stage::Stage::name`] has it.
    pub stage: String,
    /// The median over requests.
    pub milliseconds: f64,
}
