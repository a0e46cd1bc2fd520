//! `lookback latency`: how long a whole request takes, encoding and decoding included.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use lookback::request::{Gsu, Request, Weights};
use serde::Serialize;

use super::data::{Data, DataArgs};
use super::model::{Limits, Model, ModelArgs};
use super::output::{print, print_json};
use super::progress::bar;
use super::question::{self, Asked, Candidates};
use super::rank::GsuName;
use super::ranking::milliseconds;
use super::words::{plural, thousands};

/// Calls before the clock starts.
const WARM_UP: usize = 5;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// The person's key [default: the one with the longest history]
    #[arg(long, value_name = "KEY")]
    user: Option<String>,
    /// Candidates in the request
    #[arg(long, value_name = "N", default_value_t = 500)]
    candidates: usize,
    /// How often it is sent
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// How to search the history [default: the model's]
    #[arg(long, value_enum)]
    gsu: Option<GsuName>,
    /// One JSON document, and nothing else
    #[arg(long)]
    json: bool,
}

/// What `lookback latency --json` prints; times in milliseconds.
#[derive(Serialize)]
pub struct Latency {
    pub user: String,
    pub events: usize,
    pub candidates: usize,
    pub gsu: Gsu,
    pub runtime: &'static str,
    pub rounds: usize,
    pub p50: f64,
    pub p99: f64,
    pub least: f64,
    pub most: f64,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let model = Model::open(&options.model, &Limits::offline(1))?;
    let user = match &options.user {
        Some(key) => data.user(key)?,
        None => longest(&data),
    };
    let request = long_request(&model, &data, user, options.candidates, options.gsu);
    let latency = measure(&model, &data, user, &request, options.rounds as usize)?;
    match options.json {
        true => print_json(&latency),
        false => print(&show(&latency)),
    }
}

/// The person with the longest history.
pub fn longest(data: &Data) -> u64 {
    let users = data.set.log.users();
    let longest = users.iter().max_by_key(|(user, rows)| (rows.len(), std::cmp::Reverse(*user)));
    longest.map_or(0, |(user, _)| *user)
}

/// A request with all that a person ever did, and this many candidates whether or not they met them.
pub fn long_request(model: &Model, data: &Data, user: u64, candidates: usize, gsu: Option<GsuName>) -> Request {
    let now = data.set.log.time[data.set.log.user_range(user)].last();
    let asked = Asked { now: now.map(|last| last + 1), gsu: gsu.map(Gsu::from), weights: Weights::default() };
    let items = model.shard.items().take(candidates);
    let items = Candidates::Given(items.collect());
    question::put(data, model.manifest(), user, asked, &items, None).request
}

/// Sends the request again and again.
pub fn measure(model: &Model, data: &Data, user: u64, request: &Request, rounds: usize) -> Result<Latency> {
    let progress = bar((WARM_UP + rounds) as u64, "requests");
    let mut times = Vec::with_capacity(rounds);
    let mut gsu = model.manifest().default_gsu;
    for round in 0..WARM_UP + rounds {
        let started = Instant::now();
        let response = model.rank_or_fail(request)?;
        if round >= WARM_UP {
            times.push(milliseconds(started.elapsed()));
        }
        gsu = response.gsu;
        progress.inc(1);
    }
    progress.finish_and_clear();
    times.sort_by(f64::total_cmp);
    Ok(Latency {
        user: data.user_key(user),
        events: request.history.len(),
        candidates: request.candidates.len(),
        gsu,
        runtime: model.runtime(),
        rounds,
        p50: quantile(&times, 0.50),
        p99: quantile(&times, 0.99),
        least: quantile(&times, 0.0),
        most: quantile(&times, 1.0),
    })
}

/// The smallest time that at least this share of the rounds did not exceed; the times ascend.
fn quantile(times: &[f64], share: f64) -> f64 {
    let place = (times.len() as f64 * share).ceil() as usize;
    times[place.clamp(1, times.len()) - 1]
}

pub fn show(latency: &Latency) -> String {
    let Latency { user, p50, p99, least, most, .. } = latency;
    format!(
        "{} and a history of {} (user {user}), {} search, {}: P50 {p50:.1} ms, P99 {p99:.1} ms over {} ({least:.1} to {most:.1} ms)\n",
        plural(latency.candidates as u64, "candidate"),
        plural(latency.events as u64, "event"),
        latency.gsu.name(),
        match latency.runtime {
            "module" => "in wasmtime",
            _ => "native",
        },
        format_args!("{} requests", thousands(latency.rounds as u64)),
    )
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&times, 0.5), 50.0);
        assert_eq!(quantile(&times, 0.99), 99.0);
        assert_eq!((quantile(&times, 0.0), quantile(&times, 1.0)), (1.0, 100.0));
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
    }
}
