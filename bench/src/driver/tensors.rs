//! A request as the tensors that the ordinary graphs read, made apart from the core: a second opinion on its inputs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lookback::bundle::Manifest;
use lookback::event::{Action, Event, EventColumns};
use lookback::request::Request;
use lookback::sequence::{age_bucket, hour, weekday};
use lookback::shard::Shard;
use lookback_bench::fixture::{Kind, TensorPlace};

/// Tensors that lie in one file.
pub struct Tensors {
    file: String,
    bytes: Vec<u8>,
    places: Vec<TensorPlace>,
}

impl Tensors {
    fn new(file: &str) -> Tensors {
        Tensors { file: file.to_owned(), bytes: Vec::new(), places: Vec::new() }
    }

    fn push(&mut self, name: &str, kind: Kind, shape: &[usize], bytes: impl IntoIterator<Item = u8>) {
        let offset = self.bytes.len();
        self.bytes.extend(bytes);
        let place = TensorPlace { name: name.to_owned(), kind, shape: shape.to_vec(), file: self.file.clone(), offset };
        // Whatever is next begins where any number may.
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.places.push(place);
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.push(name, Kind::Float32, shape, values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) {
        self.push(name, Kind::Int64, shape, values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// Writes the file; returns where each tensor lies.
    pub fn write(self, folder: &Path) -> Result<Vec<TensorPlace>> {
        let path = folder.join(&self.file);
        fs::write(&path, self.bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(self.places)
    }
}

/// What a model reads items with.
pub struct Reader<'a> {
    pub manifest: &'a Manifest,
    pub shard: &'a Shard,
}

impl Reader<'_> {
    fn row(&self, item: u64) -> Result<usize> {
        self.shard.row(item).with_context(|| format!("the shard has no item {item}; is it of another platform?"))
    }

    /// `candidate_…`: embeddings, categories, features.
    pub fn candidates(&self, file: &str, items: &[u64]) -> Result<Tensors> {
        let (mut embedding, mut category, mut feature) = (Vec::new(), Vec::new(), Vec::new());
        for &item in items {
            let row = self.row(item)?;
            self.shard.append_embedding(row, &mut embedding)?;
            category.push(i64::from(self.shard.category(row)?));
            self.shard.append_features(row, &mut feature)?;
        }
        let count = items.len();
        let mut tensors = Tensors::new(file);
        tensors.floats("candidate_embedding", &[count, self.dimension()], &embedding);
        tensors.integers("candidate_category", &[count], &category);
        tensors.floats("candidate_feature", &[count, self.manifest.item_features.len()], &feature);
        Ok(tensors)
    }

    /// Everything that is the same for all candidates of a request.
    pub fn person(&self, file: &str, request: &Request) -> Result<Tensors> {
        let mut tensors = Tensors::new(file);
        let fields: Vec<i64> = self
            .manifest
            .user_fields
            .iter()
            .map(|field| {
                let value = request.attributes.iter().find(|attribute| attribute.field == field.name);
                value.map_or(0, |attribute| index(&field.values, &attribute.value))
            })
            .collect();
        tensors.integers("user_field", &[1, fields.len()], &fields);
        let surface = request.surface.as_ref().map_or(0, |surface| index(&self.manifest.surfaces, surface));
        tensors.integers("context", &[1, 3], &[hour(request.now), weekday(request.now), surface]);
        let (engaged, skips) = newest_first(&request.history);
        self.events(&mut tensors, "event", &engaged, request.now, engaged.len())?;
        let kept = self.manifest.skips as usize;
        let skips = &skips[..skips.len().min(kept)];
        self.events(&mut tensors, "skip", skips, request.now, kept)?;
        let mut valid = vec![1.0; skips.len()];
        valid.resize(kept, 0.0);
        tensors.floats("skip_valid", &[kept], &valid);
        Ok(tensors)
    }

    /// Columns of events, padded with zeros.
    fn events(&self, to: &mut Tensors, prefix: &str, events: &[Event], now: i64, padded: usize) -> Result<()> {
        let (mut embedding, mut category, mut action, mut time) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for event in events {
            let row = self.row(event.item)?;
            self.shard.append_embedding(row, &mut embedding)?;
            category.push(i64::from(self.shard.category(row)?));
            action.push(i64::from(event.action));
            time.extend([age_bucket(now - event.time), hour(event.time), weekday(event.time)]);
        }
        embedding.resize(padded * self.dimension(), 0.0);
        category.resize(padded, 0);
        action.resize(padded, 0);
        time.resize(padded * 3, 0);
        to.floats(&format!("{prefix}_embedding"), &[padded, self.dimension()], &embedding);
        to.integers(&format!("{prefix}_category"), &[padded], &category);
        to.integers(&format!("{prefix}_action"), &[padded], &action);
        to.integers(&format!("{prefix}_time"), &[padded, 3], &time);
        Ok(())
    }

    fn dimension(&self) -> usize {
        self.manifest.embedding_dim as usize
    }
}

/// Engaged events and skips.
fn newest_first(history: &EventColumns) -> (Vec<Event>, Vec<Event>) {
    let is_skip = |event: &Event| Action::from_code(event.action).is_some_and(Action::is_skip);
    history.iter().rev().partition(|event| !is_skip(event))
}

/// 1-based, 0 where it is not listed.
fn index(names: &[String], name: &str) -> i64 {
    names.iter().position(|known| known == name).map_or(0, |index| index as i64 + 1)
}
