//! One model, four runtimes: PyTorch, onnxruntime, the native core, the module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{command, stream};
use crate::python::Python;
use crate::root::{shown, state};

/// The core's ways to run, and the flag that picks each.
const CORES: [(&str, Option<&str>); 2] = [("module", None), ("native", Some("--native"))];
const SEARCHES: [&str; 3] = ["consistent", "soft", "hard"];

/// What scores what.
pub struct Parity<'a> {
    pub python: &'a Python,
    pub lookback: &'a Path,
    pub module: &'a Path,
    pub data: PathBuf,
    pub model: PathBuf,
    /// The first so many test lists; all without.
    pub limit: Option<usize>,
}

impl Parity<'_> {
    /// Scores the test lists in the core's both ways, and has Python compare scores and metrics of each with its own two.
    pub fn run(&self) -> Result<()> {
        let name = self.data.file_name().context("the data directory has no name")?;
        let folder = state().join("parity").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", shown(&folder)))?;
        let (mut files, mut documents) = (Vec::new(), Vec::new());
        for gsu in SEARCHES {
            for (core, flag) in CORES {
                println!("\nscoring {}: the {core}, {gsu} search", shown(&self.data));
                let file = folder.join(format!("{core}-{gsu}.parquet"));
                let metrics = folder.join(format!("{core}-{gsu}.json"));
                stream(
                    command(self.lookback)
                        .arg("evaluate")
                        .args(self.inputs())
                        .args(["--gsu", gsu, "--scores"])
                        .arg(shown(&file))
                        .arg("--metrics")
                        .arg(shown(&metrics))
                        .arg("--module")
                        .arg(shown(self.module))
                        .args(flag),
                )?;
                files.push(shown(&file));
                documents.push(shown(&metrics));
            }
        }
        println!("\ncomparing with PyTorch and onnxruntime: {}", shown(&self.data));
        stream(
            self.python
                .command()
                .args(["-m", "lookback_training", "parity"])
                .args(self.inputs())
                .arg("--scores")
                .args(files)
                .arg("--metrics")
                .args(documents),
        )
    }

    fn inputs(&self) -> Vec<String> {
        let mut inputs = vec!["--data".to_owned(), shown(&self.data), "--model".to_owned(), shown(&self.model)];
        if let Some(limit) = self.limit {
            inputs.extend(["--limit".to_owned(), limit.to_string()]);
        }
        inputs
    }
}
