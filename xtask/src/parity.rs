//! One model, four runtimes: PyTorch, onnxruntime, the native core, the module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::counts::Counts;
use crate::process::{command, stream};
use crate::python::Python;
use crate::root::{shown, state};

/// The core's ways to run, and the flag that picks each.
const CORES: [(&str, Option<&str>); 2] = [("module", None), ("native", Some("--native"))];
const SEARCHES: [&str; 2] = ["soft", "hard"];

/// What scores what.
pub struct Parity {
    pub python: Python,
    pub lookback: PathBuf,
    pub module: PathBuf,
    pub data: PathBuf,
    pub model: PathBuf,
}

impl Parity {
    /// Scores real examples in the core's both ways, and has Python compare each with its own two.
    pub fn run(&self) -> Result<Counts> {
        let folder = state().join("parity");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", shown(&folder)))?;
        let mut counts = Counts::default();
        for gsu in SEARCHES {
            for (core, flag) in CORES {
                println!("\nparity: the {core}, {gsu} search");
                let scores = folder.join(format!("{core}-{gsu}.parquet"));
                match self.compare(&scores, gsu, flag) {
                    Ok(()) => counts.passed += 1,
                    Err(error) => {
                        eprintln!("{error:#}");
                        counts.failed += 1;
                    }
                }
            }
        }
        Ok(counts)
    }

    fn compare(&self, scores: &Path, gsu: &str, flag: Option<&str>) -> Result<()> {
        let common = [
            "--data".to_owned(),
            shown(&self.data),
            "--model".to_owned(),
            shown(&self.model),
            "--scores".to_owned(),
            shown(scores),
            "--gsu".to_owned(),
            gsu.to_owned(),
        ];
        stream(
            command(&self.lookback)
                .arg("evaluate")
                .args(&common)
                .arg("--module")
                .arg(shown(&self.module))
                .args(flag),
        )?;
        stream(
            self.python
                .command()
                .args(["-m", "lookback_training", "parity"])
                .args(&common),
        )
    }
}
