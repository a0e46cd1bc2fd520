//! `lookback demo`: three people, the metrics, the latency, the size, and what to do next.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use lookback::request::{Gsu, Weights};
use lookback_pipeline::examples::Split;

use super::data::{Data, DataArgs, Names};
use super::evaluate;
use super::latency;
use super::model::{Limits, Model, ModelArgs};
use super::output::print;
use super::question::{self, Asked, Candidates};
use super::ranking::{Extent, ask, ranking};
use super::scoring::workers;
use super::table::show;
use super::words::bytes;

const CANDIDATES: usize = 500;
const ROUNDS: usize = 100;
const TOP: usize = 5;
/// Events in a history that is worth showing.
const SHORT: usize = 10;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let Some(test_from) = data.test_from()? else {
        bail!(
            "{folder} has no examples; `lookback examples --data {folder}` makes them",
            folder = data.folder.display()
        );
    };
    let lists = evaluate::lists(&data, Split::Test, None)?;
    let model = Model::open(&options.model, &Limits::offline(workers()))?;
    let gsu = model.manifest().default_gsu;

    for user in people(&data, test_from)? {
        person(&data, &model, user, test_from)?;
    }

    print("\nHow good the order is, on what people did after training ended\n")?;
    let (evaluation, _) = evaluate::evaluate(&model, &data, &options.model, Split::Test, &lists, &[gsu])?;
    print(&evaluate::show(&evaluation))?;

    print("\nHow long it takes\n")?;
    let user = latency::longest(&data);
    let request = latency::long_request(&model, &data, user, CANDIDATES, None);
    let measured = latency::measure(&model, &data, user, &request, ROUNDS)?;
    print(&latency::show(&measured))?;
    if let Some(size) = model.module_size() {
        print(&format!("The module is {}: {}\n", bytes(size), options.model.module.display()))?;
    }
    print(&next(options))
}

/// Three people with events in the test period: a short history before it, a middling one, the longest.
fn people(data: &Data, test_from: i64) -> Result<Vec<u64>> {
    let log = &data.set.log;
    let mut behind: Vec<(usize, u64)> = Vec::new();
    for (user, rows) in log.users() {
        let past = log.history_before(user, test_from).len();
        if past >= SHORT && past < rows.len() {
            behind.push((past, user));
        }
    }
    behind.sort_unstable();
    let (Some(&(_, short)), Some(&(_, long))) = (behind.first(), behind.last()) else {
        bail!(
            "{} has nobody with {SHORT} events before the test period and more within it; import a longer log",
            data.folder.display()
        );
    };
    let mut people = vec![short, behind[behind.len() / 2].1, long];
    people.dedup();
    Ok(people)
}

fn person(data: &Data, model: &Model, user: u64, test_from: i64) -> Result<()> {
    let asked = Asked { now: None, gsu: None::<Gsu>, weights: Weights::default() };
    let candidates = Candidates::Drawn { count: CANDIDATES, seed: 0 };
    let question = question::put(data, model.manifest(), user, asked, &candidates, Some(test_from));
    let extent = Extent { top: TOP, explain: TOP };
    let answered = ask(model, question, extent)?;
    let ranking = ranking(model, Some(data.user_key(user)), answered, &Names(Some(&data.set)), extent);
    print(&format!("\n{}", show(&ranking)))
}

/// How the person can call this program from where they are.
fn program() -> String {
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_else(|| "lookback".into()));
    let here = std::env::current_dir().unwrap_or_default();
    called.strip_prefix(&here).unwrap_or(&called).display().to_string()
}

fn next(options: &Options) -> String {
    let program = program();
    let (data, model) = (options.data.data.display(), options.model.model.display());
    format!(
        "
What next
  somebody else        {program} users --data {data}
                       {program} rank --data {data} --model {model} --user KEY
  your own events      {program} import events --input events.csv --output data/mine
  train on them        cargo xtask train --data data/mine
  rank with that       {program} rank --data data/mine --model models/mine --user KEY
  in your service      cargo run --release -p lookback-host --example rank
"
    )
}
