//! What a run found out, as it is written down.

use std::collections::BTreeMap;

use lookback::request::Gsu;
use lookback_bench::protocol::StageTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::quiet::Quietness;
use crate::statistics::Times;

/// One run of the benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub quick: bool,
    pub machine: Machine,
    pub cells: Vec<Cell>,
    pub throughput: Vec<Throughput>,
    pub growth: Growth,
    /// None where there was no profiling build.
    pub stages: Vec<Stages>,
    pub module: ModuleSize,
    /// Peaks of the core, as the worker names them.
    pub peaks: BTreeMap<String, f64>,
    /// What the host's example `start` printed; none where it was not given.
    pub start: Option<Value>,
    pub quietness: Quietness,
}

/// What it ran on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gb: f64,
    pub system: String,
    /// Instruction sets that matter here.
    pub features: Vec<String>,
    /// Processes that ran or waited to run, averaged over the minute before the start and before the end.
    pub load: [f64; 2],
}

/// One size and search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub candidates: usize,
    pub events: usize,
    pub search: Gsu,
    /// Candidates for which the search is a draw.
    pub draws: usize,
    /// Candidates for which the module found other events than exact search does.
    pub found_otherwise: usize,
    /// Share of the events of exact search that the module found, averaged over candidates.
    pub recall: f64,
    /// Distinct items in the history.
    pub items: usize,
    /// Distinct events that the module found for any candidate.
    pub attended: usize,
    /// Bytes of the encoded request.
    pub request_bytes: usize,
    pub variants: BTreeMap<String, Measured>,
    /// Why a variant is not there.
    pub left_out: BTreeMap<String, String>,
}

/// One variant in a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub times: Times,
    /// Of the rounds that began and ended on a quiet core, where that was asked and there were any.
    pub quiet_times: Option<Times>,
    /// Its median, as a multiple of that of the module in wasmtime.
    pub ratio: Option<f64>,
    /// Candidates at once, where fewer than all were fastest.
    pub chunk: Option<usize>,
    pub agreement: Agreement,
}

/// How its logits compare with those of the module in wasmtime. A peer searches exactly: where the module found other
/// events, or the search is a draw, it may answer otherwise; another build of the module may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Candidates with a logit further off than the tolerance.
    pub differing: usize,
    /// Those of them for which both had the same events to attend to.
    pub wrong: usize,
    /// The largest difference among candidates for which both had the same events.
    pub worst: f32,
}

/// What each stage of the module took in wasmtime, in the order they run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    pub candidates: usize,
    pub events: usize,
    pub search: Gsu,
    pub stages: Vec<StageTime>,
}

/// Requests a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    pub candidates: usize,
    pub events: usize,
    pub search: Gsu,
    pub one_thread: f64,
    pub two_threads: f64,
    pub ratio: f64,
}

/// What a request costs with a short history and with a long one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    pub candidates: usize,
    pub events: [usize; 2],
    pub search: Gsu,
    pub milliseconds: [f64; 2],
    /// The long against the short.
    pub ratio: f64,
}

/// The file that ships, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleSize {
    pub raw: usize,
    pub gzip: usize,
}
