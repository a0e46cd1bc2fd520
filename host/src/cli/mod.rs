//! The command line `lookback`.

mod baselines;
mod data;
mod demo;
mod evaluate;
mod examples;
mod import;
mod inspect;
mod judge;
mod latency;
mod model;
mod native;
mod output;
mod prepare;
mod progress;
mod question;
mod rank;
mod ranking;
mod request_file;
mod scores_file;
mod scoring;
mod simulate;
mod table;
mod titles;
mod users;
mod words;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Ranks candidates against a person's whole history, in a WebAssembly sandbox.
#[derive(Parser)]
#[command(name = "lookback", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read logs into a data directory
    #[command(subcommand)]
    Import(import::Source),
    /// Make up a platform with impressions, positions, skips, long histories and the truth beside them
    #[command(after_help = "Example:\n  lookback simulate --people 200 --output data/simulated-small")]
    Simulate(simulate::Options),
    /// Split a data directory's events by time into training examples and held-out lists
    #[command(after_help = "Example:\n  lookback examples --data data/mine")]
    Examples(examples::Options),
    /// Make a model directory's ONNX file into the bundle that the module loads
    #[command(after_help = "Example:\n  lookback prepare models/mine")]
    Prepare(prepare::Options),
    /// Show what a bundle or shard says of itself
    #[command(
        after_help = "Examples:\n  lookback inspect models/ml-100k\n  lookback inspect models/ml-100k/shard.lbs --json"
    )]
    Inspect(inspect::Options),
    /// List people of a data directory by the length of their history
    #[command(after_help = "Example:\n  lookback users --data data/mine --most 5")]
    Users(users::Options),
    /// Print the titles of a data directory's items, by item id, as one JSON object
    #[command(after_help = "Example:\n  lookback titles --data data/ml-100k > titles.json")]
    Titles(titles::Options),
    /// Rank candidates for one person, with the past events that decided it
    Rank(Box<rank::Options>),
    /// Rank held-out lists and print AUC, GAUC, NDCG@10, recall, log loss and calibration error beside two baselines
    #[command(
        after_help = "Examples:\n  lookback evaluate --gsu all\n  lookback evaluate --data data/mine --model models/mine --limit 100 --json"
    )]
    Evaluate(evaluate::Options),
    /// Measure how long a whole request takes
    #[command(after_help = "Examples:\n  lookback latency\n  lookback latency --candidates 1000 --rounds 500 --json")]
    Latency(latency::Options),
    /// Three people ranked, the metrics, the latency, and what to do next
    #[command(after_help = "Example:\n  lookback demo --data data/ml-100k --model models/ml-100k")]
    Demo(demo::Options),
}

pub fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Import(source) => import::run(source),
        Command::Simulate(options) => simulate::run(options),
        Command::Examples(options) => examples::run(options),
        Command::Prepare(options) => prepare::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Users(options) => users::run(options),
        Command::Titles(options) => titles::run(options),
        Command::Rank(options) => rank::run(options),
        Command::Evaluate(options) => evaluate::run(options),
        Command::Latency(options) => latency::run(options),
        Command::Demo(options) => demo::run(options),
    }
}
