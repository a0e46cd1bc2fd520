//! `cargo xtask evaluate`: the full model, its baselines and its ablations on several data sets, as a page with figures.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::process::stream;
use crate::root::{root, shown, state};
use crate::{cargo, data, python, simulated};

#[derive(Args)]
pub struct Options {
    /// Data directories [default: data/simulated and data/ml-100k, made if missing, and data/ml-latest-small if it is there]
    #[arg(long, value_name = "DIR", num_args = 1..)]
    data: Vec<PathBuf>,
    /// The page to write; its figures go into a folder of the same name beside it [default: docs/results.md; with
    /// --quick or --only target/lookback/results.md]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// One seed, few rows, little data: minutes
    #[arg(long)]
    quick: bool,
    /// Trainings per row [default: as in training/configs/bench.toml]
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,
    /// Only these rows
    #[arg(long, value_name = "VARIANT", num_args = 1..)]
    only: Vec<String>,
}

pub fn run(options: &Options) -> Result<()> {
    let python = python::setup()?;
    let sets = if options.data.is_empty() { usual()? } else { absolute(&options.data)? };
    let output = match &options.output {
        Some(output) => std::path::absolute(output).context("no such place")?,
        // What shows only a part must not stand where the whole is.
        None if options.quick || !options.only.is_empty() => state().join("results.md"),
        None => root().join("docs/results.md"),
    };
    let mut bench = python.command();
    bench.args(["-m", "lookback_training", "bench", "--output"]).arg(&output).arg("--data").args(&sets);
    if options.quick {
        bench.arg("--quick");
    }
    if let Some(seeds) = options.seeds {
        bench.args(["--seeds", &seeds.to_string()]);
    }
    if !options.only.is_empty() {
        bench.arg("--only").args(&options.only);
    }
    stream(&mut bench)?;
    println!("\nwritten to {}", shown(&output));
    Ok(())
}

/// A simulated platform, MovieLens 100K, and MovieLens' latest-small where somebody has imported it.
fn usual() -> Result<Vec<PathBuf>> {
    let lookback = cargo::lookback(false)?;
    data::ensure(&lookback)?;
    simulated::ensure(&lookback)?;
    let mut sets = vec![simulated::folder(), data::folder()];
    let small = root().join("data/ml-latest-small");
    match small.join("examples.parquet").is_file() {
        true => sets.push(small),
        false => println!(
            "{} is not there and left out: no package carries it; get ml-latest-small.zip from grouplens.org, then\n  \
             lookback import movielens --input ml-latest-small --output {}\n  lookback examples --data {}",
            shown(&small),
            shown(&small),
            shown(&small)
        ),
    }
    Ok(sets)
}

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    paths.iter().map(std::path::absolute).collect::<Result<_, _>>().context("no such place")
}
