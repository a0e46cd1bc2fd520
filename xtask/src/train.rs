//! `cargo xtask train`: imported events to a bundle, and whether it agrees with an earlier one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{command, elapsed, stream};
use crate::root::{root, shown, state};
use crate::{cargo, compare, data, python};

#[derive(Args)]
pub struct Options {
    /// A data set that `lookback import` wrote [default: data/ml-100k, fetched if missing]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the model goes [default: models/<name of the data set>]
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    output: Option<PathBuf>,
    /// Training's configuration file [default: the one in training/]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides the configuration's seed
    #[arg(long)]
    seed: Option<u64>,
    /// Go on from the last checkpoint
    #[arg(long)]
    resume: bool,
    /// Fail unless the held-out metrics agree with those of the model that was in the output folder
    #[arg(long)]
    compare: bool,
    /// Train into target/lookback/train and fail unless the metrics agree with the committed model's
    #[arg(long)]
    check: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let data = absolute(options.data.as_deref())?.unwrap_or_else(data::folder);
    let name = data.file_name().context("--data names no folder")?;
    let committed = root().join("models").join(name);
    let output = match absolute(options.output.as_deref())? {
        Some(output) => output,
        None if options.check => state().join("train").join(name),
        None => committed.clone(),
    };
    let earlier = if options.check { &committed } else { &output };
    let before = match earlier.join("manifest.json").is_file() {
        true => Some(compare::read(earlier)?),
        false if options.check || options.compare => {
            bail!("there is no model in {} to compare with", shown(earlier))
        }
        false => None,
    };

    let python = python::setup()?;
    println!("building `lookback` with the ONNX reader (the first time takes many minutes)");
    let lookback = cargo::lookback(true)?;
    events(&lookback, &data)?;

    let started = Instant::now();
    let mut train = python.command();
    train.args(["-m", "lookback_training", "train", "--data"]).arg(&data).arg("--output").arg(&output);
    if let Some(config) = absolute(options.config.as_deref())? {
        train.arg("--config").arg(config);
    }
    if let Some(seed) = options.seed {
        train.args(["--seed", &seed.to_string()]);
    }
    if options.resume {
        train.arg("--resume");
    }
    stream(&mut train)?;
    stream(command(&lookback).arg("prepare").arg(&output))?;
    println!("\n{} is trained: {}", shown(&output), elapsed(started));

    if let Some(before) = before {
        println!("\nagainst the model that {} held before:", shown(earlier));
        let apart = compare::compare(&before, &compare::read(&output)?)?;
        if !apart.is_empty() && (options.check || options.compare) {
            bail!("the held-out metrics do not agree: {}", apart.join(", "));
        }
    }
    next(&lookback, &data, &output);
    Ok(())
}

/// Sees to it that the data set is imported and has examples.
fn events(lookback: &Path, data: &Path) -> Result<()> {
    if data == data::folder() {
        return data::ensure(lookback);
    }
    if !data.join("events.parquet").is_file() {
        bail!(
            "{} holds no events.parquet; `{} import --help` says how to import your events",
            shown(data),
            shown(lookback)
        );
    }
    if !data.join("examples.parquet").is_file() {
        stream(command(lookback).args(["examples", "--data"]).arg(data))?;
    }
    Ok(())
}

fn next(lookback: &Path, data: &Path, output: &Path) {
    println!("\nNext:");
    if output == root().join("models/ml-100k") {
        println!("  cargo xtask demo");
    }
    println!("  {} rank --data {} --model {} --user <one of yours>", shown(lookback), shown(data), shown(output));
}

/// What a person typed is relative to where they typed it; commands start in the root.
fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>> {
    path.map(std::path::absolute).transpose().context("no such place")
}
