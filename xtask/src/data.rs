//! `cargo xtask data`: MovieLens 100K, fetched, imported, made into examples.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::lookback;
use crate::lock::{Lock, publish};
use crate::process::{command, stream};
use crate::root::{root, shown};
use crate::wheel::{Wheel, unzip};

#[derive(Args)]
pub struct Options {
    /// Fetch, import and make examples again, whatever is there
    #[arg(long)]
    force: bool,
}

/// A recommender library whose wheel carries the data set.
const WHEEL: Wheel = Wheel {
    name: "recbole",
    version: "1.2.1",
    sha256: "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
};

const MEMBERS: [&str; 3] = [
    "recbole/dataset_example/ml-100k/ml-100k.inter",
    "recbole/dataset_example/ml-100k/ml-100k.item",
    "recbole/dataset_example/ml-100k/ml-100k.user",
];

const LICENCE: &str = "\
  MovieLens 100K, collected by GroupLens Research at the University of Minnesota.
  For research use; it may not be redistributed without their permission.
  Cite: F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and
  Context, ACM TiiS 5(4), 2015, doi 10.1145/2827872.";

pub fn run(options: &Options) -> Result<()> {
    if options.force || !is_ready() {
        make(&lookback(false)?, options.force)?;
    }
    println!("{} is ready", shown(&folder()));
    Ok(())
}

/// Where the imported data set lies.
pub fn folder() -> PathBuf {
    root().join("data/ml-100k")
}

/// Fetches, imports and makes examples of what is not there yet.
pub fn ensure(lookback: &Path) -> Result<()> {
    if is_ready() {
        return Ok(());
    }
    make(lookback, false)
}

/// Both steps write their report last.
pub fn is_ready() -> bool {
    ["import.json", "examples.json"].iter().all(|report| folder().join(report).is_file())
}

fn make(lookback: &Path, force: bool) -> Result<()> {
    let data = root().join("data");
    let lock = Lock::take(&data, "data")?;
    let source = data.join("source/ml-100k");
    let folder = folder();

    if force || !source.is_dir() {
        fetch(&lock, &source)?;
    }
    if force || !folder.join("import.json").is_file() {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", shown(&folder)))?;
        }
        stream(
            command(lookback)
                .args(["import", "movielens", "--input"])
                .arg(relative(&source))
                .arg("--output")
                .arg(relative(&folder)),
        )?;
    }
    if !folder.join("examples.json").is_file() {
        stream(command(lookback).args(["examples", "--data"]).arg(relative(&folder)))?;
    }
    Ok(())
}

fn fetch(lock: &Lock, source: &Path) -> Result<()> {
    println!("{LICENCE}");
    let scratch = lock.scratch()?;
    let wheel = WHEEL.download(&scratch)?;
    let unzipped = scratch.join("unzipped");
    unzip(fs::File::open(&wheel)?, &MEMBERS, &unzipped)?;
    if let Some(parent) = source.parent() {
        fs::create_dir_all(parent)?;
    }
    publish(&unzipped, source)?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// Commands start in the root, and reports name the paths they were given.
fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}
