//! One variant in a process of its own: reads orders from standard input, one a line, and answers each.

mod kernels;
#[cfg(feature = "wasmtime")]
mod module;
mod native;
mod serve;
#[cfg(feature = "wasmtime")]
mod stages;
#[cfg(feature = "tract")]
mod tract;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "lookback-worker native MODEL | module MODEL MODULE | throughput MODEL MODULE FIXTURE SEARCH \
                     TURNS SECONDS | stages MODEL MODULE RUNS [FIXTURE SEARCH]... | tract GRAPHS | peaks";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["native", model] => serve::serve(native::Native::open(Path::new(model))?),
        #[cfg(feature = "wasmtime")]
        ["module", model, module] => serve::serve(module::InModule::open(Path::new(model), Path::new(module))?),
        #[cfg(feature = "wasmtime")]
        ["throughput", model, module, fixture, search, turns, seconds] => {
            let asked =
                module::Load { fixture: Path::new(fixture), search, turns: number(turns)?, seconds: number(seconds)? };
            let rates = module::throughput(Path::new(model), Path::new(module), &asked)?;
            println!("{}", serde_json::to_string(&rates)?);
            Ok(())
        }
        #[cfg(feature = "wasmtime")]
        ["stages", model, module, runs, ref requests @ ..] => {
            let (pairs, rest) = requests.as_chunks::<2>();
            if !rest.is_empty() {
                bail!("{} has no search; usage: {USAGE}", rest[0]);
            }
            let requests: Vec<(&Path, &str)> = pairs.iter().map(|&[file, search]| (Path::new(file), search)).collect();
            let times = stages::times(Path::new(model), Path::new(module), number(runs)?, &requests)?;
            println!("{}", serde_json::to_string(&times)?);
            Ok(())
        }
        #[cfg(feature = "tract")]
        ["tract", graphs] => serve::serve(tract::InTract::open(Path::new(graphs))),
        ["peaks"] => {
            println!("{}", serde_json::to_string(&kernels::peaks()?)?);
            Ok(())
        }
        _ => bail!("usage: {USAGE}; variants that this worker was built without are refused too"),
    }
}

#[cfg(feature = "wasmtime")]
fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| anyhow::anyhow!("{text:?} is no number; usage: {USAGE}"))
}
