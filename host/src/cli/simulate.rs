//! `lookback simulate`: a simulated platform as a data directory.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
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
    /// People, one of whom has a very long history
    #[arg(long, value_name = "N", default_value_t = Parameters::default().people)]
    people: usize,
    /// Pins
    #[arg(long, value_name = "N", default_value_t = Parameters::default().pins)]
    pins: usize,
    /// Days
    #[arg(long, value_name = "N", default_value_t = Parameters::default().days)]
    days: u32,
    /// Engaged events of the person with the long history, roughly
    #[arg(long, value_name = "N", default_value_t = Parameters::default().heavy_events)]
    heavy_events: usize,
    /// Seed of everything; the same seed and numbers give the same files
    #[arg(long, default_value_t = Parameters::default().seed)]
    seed: u64,
}

pub fn run(options: &Options) -> Result<()> {
    let Options { people, pins, days, heavy_events, seed, .. } = *options;
    let parameters = Parameters { people, pins, days, heavy_events, seed, ..Parameters::default() };
    let started = Instant::now();
    let progress = bar(people as u64, "people");
    let report = simulate(&parameters, &options.output, |done, _| progress.set_position(done as u64))?;
    progress.finish_and_clear();
    print(&summary(&report, started.elapsed().as_secs_f64()))?;
    let folder = options.output.display();
    print(&format!("written to {folder}; next: lookback examples --data {folder} --logged\n"))
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
