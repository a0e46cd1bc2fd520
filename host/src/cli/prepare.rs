//! `lookback prepare`: from model.onnx, manifest.json and popularity.json to bundle.lbb.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

#[derive(Args)]
pub struct Options {
    /// Model directory: model.onnx, manifest.json, popularity.json; bundle.lbb is written there
    folder: PathBuf,
}

#[cfg(not(feature = "prepare"))]
pub fn run(options: &Options) -> Result<()> {
    anyhow::bail!(
        "this `lookback` was built without the ONNX reader; prepare {folder} with `cargo run --release -p lookback-host --features prepare -- prepare {folder}`",
        folder = options.folder.display()
    )
}

#[cfg(feature = "prepare")]
pub fn run(options: &Options) -> Result<()> {
    with_onnx::prepare(&options.folder)
}

#[cfg(feature = "prepare")]
mod with_onnx {
    use std::fs;
    use std::path::Path;

    use anyhow::{Context, Result, bail};
    use lookback::Ranker;
    use lookback::bundle::{Bundle, Manifest};
    use lookback::popularity::Popularity;
    use serde::Deserialize;
    use serde_json::Value;

    use crate::cli::output::print;
    use crate::cli::words;

    const FORMAT_VERSION: u64 = 4;

    /// manifest.json: the bundle's manifest, and what only this command reads.
    #[derive(Deserialize)]
    struct File {
        format_version: u64,
        onnx_blake3: String,
        card: serde_json::Map<String, Value>,
        #[serde(flatten)]
        manifest: serde_json::Map<String, Value>,
    }

    pub fn prepare(folder: &Path) -> Result<()> {
        let file: File = parse(folder, "manifest.json")?;
        if file.format_version != FORMAT_VERSION {
            bail!(
                "manifest.json has format_version {}, expected {FORMAT_VERSION}; export the model with the training package of this release",
                file.format_version
            );
        }
        let manifest: Manifest = serde_json::from_value(Value::Object(file.manifest))
            .with_context(|| format!("{}/manifest.json", folder.display()))?;
        let popularity: Popularity = parse(folder, "popularity.json")?;
        let onnx = read(folder, "model.onnx")?;
        let got = blake3::hash(&onnx).to_hex().to_string();
        if got != file.onnx_blake3 {
            bail!(
                "model.onnx has BLAKE3 {got}, manifest.json says {}; they come from different exports, export both again",
                file.onnx_blake3
            );
        }
        let graph = lookback::graph::prepare(&onnx).with_context(|| format!("{}/model.onnx", folder.display()))?;
        let card = serde_json::to_string(&file.card)?;
        let bundle = Bundle::new(manifest, popularity, graph, card)?;
        let bytes = bundle.encode();
        check(folder, &bytes)?;

        let path = folder.join("bundle.lbb");
        // A reader sees the old bundle or the new one, never half of it.
        let fresh = folder.join(format!("bundle.lbb.{}", std::process::id()));
        fs::write(&fresh, &bytes)
            .and_then(|()| fs::rename(&fresh, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        print(&format!(
            "{}: {}, {} {}\n",
            path.display(),
            words::bytes(bytes.len()),
            bundle.manifest().name,
            &words::hex(&bundle.hash())[..12]
        ))
    }

    /// A bundle that does not load, or not with its shard, is not written.
    fn check(folder: &Path, bundle: &[u8]) -> Result<()> {
        let mut ranker = Ranker::new();
        ranker.load_bundle(bundle)?;
        let shard = folder.join("shard.lbs");
        if shard.is_file() {
            ranker
                .push_shard(read(folder, "shard.lbs")?)
                .with_context(|| format!("{} does not go with the model", shard.display()))?;
        }
        Ok(())
    }

    fn read(folder: &Path, file: &str) -> Result<Vec<u8>> {
        let path = folder.join(file);
        fs::read(&path).with_context(|| format!("cannot read {}; `cargo xtask train` writes it", path.display()))
    }

    fn parse<T: for<'a> Deserialize<'a>>(folder: &Path, file: &str) -> Result<T> {
        serde_json::from_slice(&read(folder, file)?)
            .with_context(|| format!("{} is not as the training package writes it", folder.join(file).display()))
    }
}
