//! `lookback simulate`: a simulated platform as a data directory.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use lookback_pipeline::simulate::{Parameters, SimulationReport, simulate};

use super::output::print;
use super::progress::bar;
use super::words::{thousands, time};

#[derive(Args)]
pub struct Options {
    /// The data directory to write
    #[arg(long, value_name = "DIR", default_value = "data/simulated")]
    output: PathBuf,
    /// A JSON file with numbers of the generative story that differ from the defaults, as in `parameters` of simulation.json
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// People, one of whom has a very long history [default: 1000]
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// Pins [default: 20000]
    #[arg(long, value_name = "N")]
    pins: Option<usize>,
    /// Days [default: 540]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Engaged events of the person with the long history, roughly [default: 54000]
    #[arg(long, value_name = "N")]
    heavy_events: Option<usize>,
    /// Seed of everything; the same seed and numbers give the same files [default: 0]
    #[arg(long)]
    seed: Option<u64>,
}

pub fn run(options: &Options) -> Result<()> {
    let parameters = parameters(options)?;
    let started = Instant::now();
    let progress = bar(parameters.people as u64, "people");
    let report = simulate(&parameters, &options.output, |done, _| progress.set_position(done as u64))?;
    progress.finish_and_clear();
    print(&summary(&report, started.elapsed().as_secs_f64()))?;
    let folder = options.output.display();
    print(&format!("written to {folder}; next: lookback examples --data {folder} --logged\n"))
}

/// The defaults, overlaid with the file, overlaid with the options.
fn parameters(options: &Options) -> Result<Parameters> {
    let read = match &options.parameters {
        None => Parameters::default(),
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} holds no parameters", path.display()))?
        }
    };
    Ok(Parameters {
        people: options.people.unwrap_or(read.people),
        pins: options.pins.unwrap_or(read.pins),
        days: options.days.unwrap_or(read.days),
        heavy_events: options.heavy_events.unwrap_or(read.heavy_events),
        seed: options.seed.unwrap_or(read.seed),
        ..read
    })
}

fn summary(report: &SimulationReport, seconds: f64) -> String {
    let shown = report.impressions as f64;
    format!(
        "a simulated platform, {} to {}: nothing in it happened\n\
         {} impressions, {:.1}% clicked, {:.1}% saved; {} events in the log\n\
         histories of {} events in the middle, {} at most\n\
         {:.1} s: {} events a second on one core, files included\n",
        time(report.from),
        time(report.until),
        thousands(report.impressions),
        100.0 * report.clicks as f64 / shown,
        100.0 * report.saves as f64 / shown,
        thousands(report.events),
        thousands(report.median_history),
        thousands(report.longest_history),
        seconds,
        thousands((report.events as f64 / seconds) as u64),
    )
}
