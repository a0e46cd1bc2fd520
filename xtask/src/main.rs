//! `cargo xtask …`: everything a contributor runs.

mod bench;
mod beside;
mod bindgen;
mod board;
mod cargo;
mod compare;
mod counts;
mod data;
mod debian;
mod demo;
mod evaluate;
mod inspect;
mod js;
mod lint;
mod lock;
mod module;
mod npm;
mod pack;
mod parity;
mod process;
mod python;
mod root;
mod runtimes;
mod setup;
mod simulated;
mod test;
mod tidy;
mod train;
mod wasm;
mod wheel;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Everything a contributor runs. New here? `cargo xtask demo` ranks for real people.",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Rank for three real people, from a fresh clone: sets up, builds, fetches the data
    Demo,
    /// Run every test there is: Rust, the module in wasmtime, Python, parity between them
    Test(test::Options),
    /// Check formatting, clippy and the repository's own rules
    Lint,
    /// Make the WebAssembly target usable: installed, by rustup, or from Debian's packages
    Setup(setup::SetupOptions),
    /// Build the WebAssembly module to target/lookback/lookback.wasm
    Wasm(setup::Options),
    /// Build the npm package to target/lookback/npm/lookback, and its tarball
    Pack(setup::Options),
    /// Fetch MovieLens 100K to data/ml-100k, import it and make its examples
    Data(data::Options),
    /// Train a model on imported events and bundle it (fetches PyTorch on its first run)
    Train(train::Options),
    /// Compare the full model with baselines and with itself less one idea, and write docs/results.md
    Evaluate(evaluate::Options),
    /// Measure what a request costs against other runtimes, and write docs/performance.md and docs/fleet.md
    Bench(bench::Options),
    /// Build the page that shows what attention looked at, with people to look at, and open it
    Inspect(inspect::Options),
    /// Compare the module's answers on every engine, time its start there, and write docs/engines.md
    Engines(runtimes::Options),
    /// Show the curves of past trainings in TensorBoard
    Board,
}

fn main() -> ExitCode {
    let Some(command) = Arguments::parse().command else {
        return match Arguments::command().print_help() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    };
    let done = match command {
        Command::Demo => demo::run(),
        Command::Test(options) => match test::run(&options) {
            Ok(true) => Ok(()),
            // The totals are the last thing on screen.
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Lint => lint::run(),
        Command::Setup(options) => setup::run(&options),
        Command::Wasm(options) => wasm::run(&options),
        Command::Pack(options) => pack::run(&options),
        Command::Data(options) => data::run(&options),
        Command::Train(options) => train::run(&options),
        Command::Evaluate(options) => evaluate::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Inspect(options) => inspect::run(&options),
        Command::Engines(options) => runtimes::run(&options),
        Command::Board => board::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
