//! The ordinary graph in tract, compiled for this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lookback::request::Gsu;
use lookback_bench::fixture::{Fixture, Kind, TensorPlace};
use tract_onnx::prelude::*;

use crate::serve::Variant;

/// Candidates are run in chunks, so that their scores of all events are no larger than this.
const SCORE_BYTES: usize = 512 << 20;

type Named = (String, Arc<Tensor>);

/// A graph with the order of its inputs.
struct Part {
    plan: Arc<TypedSimplePlan>,
    inputs: Vec<String>,
    outputs: Vec<String>,
}

/// What is the same for all candidates, and what is not.
struct Graphs {
    search: Gsu,
    events: Part,
    candidates: Part,
}

/// tract, and the fixture it runs.
pub struct InTract {
    folder: PathBuf,
    graphs: Option<Graphs>,
    tensors: Vec<Named>,
    /// For each chunk, the candidates' tensors.
    chunks: Vec<Vec<Named>>,
    logits: Vec<f32>,
}

impl InTract {
    /// Reads graphs from a folder when they are asked for.
    pub fn open(folder: &Path) -> InTract {
        InTract { folder: folder.to_owned(), graphs: None, tensors: vec![], chunks: vec![], logits: vec![] }
    }
}

impl Variant for InTract {
    fn prepare(&mut self, fixture: &Path, search: Gsu) -> Result<Option<usize>> {
        if self.graphs.as_ref().is_none_or(|graphs| graphs.search != search) {
            let part = |kind: &str| load(&self.folder.join(format!("{}-{kind}.onnx", search.name())));
            self.graphs = Some(Graphs { search, events: part("events")?, candidates: part("candidates")? });
        }
        let read = Fixture::read(fixture)?;
        let chunk = (SCORE_BYTES / (4 * read.events.max(1))).clamp(1, read.candidates.max(1));
        (self.tensors, self.chunks) = (Vec::new(), Vec::new());
        for (place, bytes) in read.tensors(fixture)? {
            if !place.name.starts_with("candidate_") {
                self.tensors.push((place.name.clone(), tensor(&place, &place.shape, &bytes)?));
                continue;
            }
            let row = bytes.len() / place.shape[0].max(1);
            for (i, part) in bytes.chunks(row * chunk).enumerate() {
                let mut shape = place.shape.clone();
                shape[0] = part.len() / row;
                self.chunks.resize_with(self.chunks.len().max(i + 1), Vec::new);
                self.chunks[i].push((place.name.clone(), tensor(&place, &shape, part)?));
            }
        }
        Ok((chunk < read.candidates).then_some(chunk))
    }

    fn run(&mut self) -> Result<Duration> {
        let graphs = self.graphs.as_ref().context("no graph is loaded")?;
        let started = Instant::now();
        let mut logits = Vec::new();
        let shared = graphs.events.run(|name| find(&self.tensors, name))?;
        for chunk in &self.chunks {
            let found = |name: &str| {
                let computed = graphs.events.outputs.iter().position(|output| output == name);
                computed
                    .map(|at| shared[at].clone())
                    .or_else(|| find(chunk, name))
                    .or_else(|| find(&self.tensors, name))
            };
            let outputs = graphs.candidates.run(found)?;
            logits.extend_from_slice(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?);
        }
        let time = started.elapsed();
        self.logits = logits;
        Ok(time)
    }

    fn logits(&self) -> Result<Vec<f32>> {
        Ok(self.logits.clone())
    }
}

impl Part {
    fn run(&self, find: impl Fn(&str) -> Option<TValue>) -> Result<TVec<TValue>> {
        let inputs = self.inputs.iter().map(|name| find(name).with_context(|| format!("no input {name}")));
        self.plan.run(inputs.collect::<Result<_>>()?)
    }
}

fn find(tensors: &[Named], name: &str) -> Option<TValue> {
    tensors.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor.clone().into_tvalue())
}

fn load(path: &Path) -> Result<Part> {
    let reading = || format!("tract cannot load {}", path.display());
    let model = tract_onnx::onnx().model_for_path(path).with_context(reading)?;
    let name = |outlet: &OutletId| model.node(outlet.node).name.clone();
    let inputs = model.input_outlets()?.iter().map(name).collect();
    let outputs = model.output_outlets()?;
    let outputs = outputs.iter().map(|outlet| model.outlet_label(*outlet).map_or_else(|| name(outlet), str::to_owned));
    let outputs = outputs.collect();
    let plan = model.into_optimized().with_context(reading)?.into_runnable()?;
    Ok(Part { plan, inputs, outputs })
}

fn tensor(place: &TensorPlace, shape: &[usize], bytes: &[u8]) -> Result<Arc<Tensor>> {
    Ok(Arc::new(match place.kind {
        Kind::Float32 => {
            let values = bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value));
            Tensor::from_shape(shape, &values.collect::<Vec<f32>>())?
        }
        Kind::Int64 => {
            let values = bytes.as_chunks::<8>().0.iter().map(|value| i64::from_le_bytes(*value));
            Tensor::from_shape(shape, &values.collect::<Vec<i64>>())?
        }
    }))
}
