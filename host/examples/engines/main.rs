//! What every engine is compared with: questions, and the answers of the module in wasmtime. Prints nothing; writes a
//! folder of files and `engines.json`, which names them.
//!
//! ```sh
//! cargo run --release --no-default-features -p lookback-host --example engines -- \
//!     target/lookback/engines target/lookback/lookback.wasm 5 1 models/ml-100k models/simulated
//! ```
//!
//! The arguments are the folder, the module, how often wasmtime is timed, the seed of the questions, and models.

mod draw;
mod folder;
mod form;
mod module;
mod questions;
mod releases;
mod times;

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use folder::Folder;
use lookback::bundle::Bundle;
use lookback::shard::ElementType;
use lookback_host::{Host, Module};
use module::Compiled;
use serde_json::json;
use support::{Result, made_up};

/// Answers are compared here, not timed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows of the shard that engines load against the clock.
const TIMED_ROWS: usize = 100_000;

/// A model directory that was read.
struct Model {
    name: String,
    bundle: Vec<u8>,
    shard: Vec<u8>,
}

impl Model {
    fn read(directory: &Path) -> Result<Model> {
        let name = directory.file_name().ok_or("a model is a directory with a name")?.to_string_lossy().into_owned();
        let read = |file: &str| {
            let path = directory.join(file);
            fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        Ok(Model { bundle: read("bundle.lbb")?, shard: read("shard.lbs")?, name })
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, wasm, runs, seed, models @ ..] = arguments.as_slice() else {
        return Err("expected a folder, the module, a number of runs, a seed, and model directories".into());
    };
    let (runs, seed) = (runs.parse()?, seed.parse()?);
    let folder = Folder::make(folder)?;
    let wasm = fs::read(wasm)?;
    let module = Module::from_bytes(&wasm)?;
    let compiled = Compiled::cached(&wasm)?;

    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let made_up_model = Model::read(&tests.join("models/made-up"))?;
    let mut cases = vec![questions::recorded(&folder, &made_up_model, &tests.join("vectors"), &compiled)?];
    let mut named = BTreeSet::from(["vectors".to_owned()]);
    for directory in models {
        let model = Model::read(Path::new(directory))?;
        if !named.insert(model.name.clone()) {
            let why = "give it another, so that its answers can be told apart";
            return Err(format!("{directory} has the name of other questions; {why}").into());
        }
        let host = Host::builder(&module).bundle(model.bundle.clone()).shard(model.shard.clone()).deadline(PATIENCE);
        let host = host.build()?;
        cases.push(questions::generated(&folder, &model, seed, &compiled, &host)?);
    }

    let timed = Model::read(&tests.join("../models/simulated"))?;
    let bundle = Bundle::decode(&timed.bundle)?;
    let large = made_up(bundle.manifest(), TIMED_ROWS)?.stored_as(ElementType::F16)?;
    let question = questions::usual(bundle.manifest(), &large, seed)?;
    let times = times::of(&folder, &wasm, &timed.bundle, &large, &question, runs)?;
    let foreign = Model::read(&tests.join("../models/ml-100k"))?;
    let releases =
        releases::write(&folder, &compiled, [&made_up_model, &timed, &foreign], &large, &tests.join("vectors"), seed)?;
    folder.index(&json!({ "cases": cases, "timed": times, "releases": releases }))
}
