//! A fixture: one request as a module reads it, and the same as tensors for whoever reads those.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A fixture's JSON file; files are named relative to its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fixture {
    /// C.
    pub candidates: usize,
    /// N: the events that are searched.
    pub events: usize,
    /// The candidates, in the order of the request.
    pub items: Vec<u64>,
    /// The encoded request of each search, by its name.
    pub requests: BTreeMap<String, String>,
    /// Inputs of the ordinary graphs.
    pub tensors: Vec<TensorPlace>,
}

/// Where a tensor's values lie, in little endian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorPlace {
    /// The graph's name of it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The file.
    pub file: String,
    /// The first byte in it.
    pub offset: usize,
}

/// What a tensor's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// f32.
    Float32,
    /// i64.
    Int64,
}

impl TensorPlace {
    /// Its length in bytes.
    pub fn bytes(&self) -> usize {
        let width = match self.kind {
            Kind::Float32 => 4,
            Kind::Int64 => 8,
        };
        width * self.shape.iter().product::<usize>()
    }
}

impl Fixture {
    /// Reads a fixture's JSON file.
    pub fn read(path: &Path) -> Result<Fixture> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no fixture", path.display()))
    }

    /// The encoded request of a search.
    pub fn request(&self, path: &Path, search: &str) -> Result<Vec<u8>> {
        let file = self.requests.get(search).with_context(|| format!("no request for {search} search"))?;
        let place = beside(path, file);
        fs::read(&place).with_context(|| format!("cannot read {}", place.display()))
    }

    /// The bytes of every tensor.
    pub fn tensors(&self, path: &Path) -> Result<Vec<(TensorPlace, Vec<u8>)>> {
        let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        let mut tensors = Vec::new();
        for place in &self.tensors {
            if !files.contains_key(place.file.as_str()) {
                let file = beside(path, &place.file);
                let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                files.insert(&place.file, bytes);
            }
            let bytes = files[place.file.as_str()].get(place.offset..place.offset + place.bytes());
            let bytes = bytes.with_context(|| format!("{} ends within {}", place.file, place.name))?;
            tensors.push((place.clone(), bytes.to_vec()));
        }
        Ok(tensors)
    }
}

fn beside(path: &Path, file: &str) -> PathBuf {
    path.with_file_name(file)
}
