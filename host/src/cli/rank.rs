//! `lookback rank`: one person's candidates in order, and the events of their past that decided it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use lookback::request::{Gsu, Weights};
use lookback::wire;

use super::data::{Data, DataArgs, Names};
use super::model::{Limits, Model, ModelArgs};
use super::output::{print, print_json};
use super::question::{self, Asked, Candidates, Question};
use super::ranking::{Answered, Extent, Ranking, ask, ranking};
use super::request_file;
use super::table::show;
use super::words::parse_time;

const EXAMPLES: &str = "Examples:
  lookback rank --user 405
  lookback rank --user 405 --gsu hard --top 20 --explain 3
  lookback rank --user 405 --items candidates.txt --weights click=1,save=2 --json
  lookback rank --request request.json
  lookback rank --user 405 --capture 405.lbc";

#[derive(Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", request_file::FORM))]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// The person's key, as `lookback users` lists them
    #[arg(long, value_name = "KEY", required_unless_present = "request")]
    user: Option<String>,
    /// A request as JSON in place of a person of the data set; see the end of this help
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "now", "candidates", "items", "seed", "gsu", "weights"])]
    request: Option<PathBuf>,
    /// The moment to rank at, RFC 3339 or Unix milliseconds [default: the person's first event of the test period, else just after their last event]
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    now: Option<i64>,
    /// How many candidates: up to 50 that the person really met from the moment on, the rest unseen items drawn by popularity
    #[arg(long, value_name = "N", default_value_t = 500, conflicts_with = "items")]
    candidates: usize,
    /// Seed of that draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Rank the items in this file, one key a line
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Show this many
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// How to search the history [default: the model's]
    #[arg(long, value_enum)]
    gsu: Option<GsuName>,
    /// score = click·p_click + save·p_save
    #[arg(long, value_parser = parse_weights, default_value = "click=1,save=1")]
    weights: Weights,
    /// Show the past events with most attention for this many [default: all that are shown]
    #[arg(long, value_name = "N")]
    explain: Option<usize>,
    /// How long the module may take, in milliseconds; past it, popularity answers
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    deadline_ms: u64,
    /// Keep the request and its response in this file, to be looked at or answered again
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// One JSON document with all of it, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum GsuName {
    /// Same category as the candidate, most recent first
    Hard,
    /// Largest inner product with the candidate's embedding
    Soft,
    /// Largest attention logit
    Consistent,
}

impl From<GsuName> for Gsu {
    fn from(name: GsuName) -> Gsu {
        match name {
            GsuName::Hard => Gsu::Hard,
            GsuName::Soft => Gsu::Soft,
            GsuName::Consistent => Gsu::Consistent,
        }
    }
}

pub fn run(options: &Options) -> Result<()> {
    let model =
        Model::open(&options.model, &Limits { deadline: Duration::from_millis(options.deadline_ms), instances: 1 })?;
    let extent = Extent { top: options.top, explain: options.explain.unwrap_or(options.top) };
    let ranking = match (&options.request, &options.user) {
        (Some(path), _) => {
            let question = Question { request: request_file::read(path)?, then: HashMap::new() };
            // Titles are a courtesy here; a request needs no data set.
            let data = match options.data.data.is_dir() {
                true => Some(Data::open(&options.data.data)?),
                false => None,
            };
            let names = Names(data.as_ref().map(|data| &data.set));
            answer(options, &model, None, question, &names, extent)?
        }
        (None, Some(key)) => of_person(options, &model, key, extent)?,
        (None, None) => bail!("name a person with --user, or a request file with --request"),
    };
    match options.json {
        true => print_json(&ranking),
        false => print(&show(&ranking)),
    }
}

fn of_person(options: &Options, model: &Model, key: &str, extent: Extent) -> Result<Ranking> {
    let data = Data::open(&options.data.data)?;
    let user = data.user(key)?;
    let candidates = match &options.items {
        Some(path) => Candidates::from_file(path)?,
        None => Candidates::Drawn { count: options.candidates, seed: options.seed },
    };
    let asked = Asked { now: options.now, gsu: options.gsu.map(Gsu::from), weights: options.weights };
    let test_from = data.test_from()?;
    let question = question::put(&data, model.manifest(), user, asked, &candidates, test_from);
    answer(options, model, Some(key.to_owned()), question, &Names(Some(&data.set)), extent)
}

fn answer(
    options: &Options,
    model: &Model,
    user: Option<String>,
    question: Question,
    names: &Names,
    extent: Extent,
) -> Result<Ranking> {
    let answered = ask(model, question, extent)?;
    if let Some(path) = &options.capture {
        write_capture(path, model, &answered)?;
    }
    Ok(ranking(model, user, answered, names, extent))
}

fn write_capture(path: &Path, model: &Model, answered: &Answered) -> Result<()> {
    let capture = wire::encode(&answered.capture(model)?);
    fs::write(path, capture).with_context(|| format!("cannot write the capture {}", path.display()))
}

fn parse_weights(text: &str) -> Result<Weights> {
    let mut weights = Weights { click: 0.0, save: 0.0 };
    for part in text.split(',') {
        let number = |value: &str| value.trim().parse::<f32>().ok();
        match part.split_once('=').map(|(name, value)| (name.trim(), number(value))) {
            Some(("click", Some(weight))) => weights.click = weight,
            Some(("save", Some(weight))) => weights.save = weight,
            _ => bail!("{part:?} is no weight; expected click=NUMBER, save=NUMBER or both with a comma between"),
        }
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_that_is_not_named_is_zero() {
        let weights = parse_weights("save=2.5").unwrap();
        assert_eq!((weights.click, weights.save), (0.0, 2.5));
        let weights = parse_weights("click=1, save=3").unwrap();
        assert_eq!((weights.click, weights.save), (1.0, 3.0));
        assert!(parse_weights("hide=1").unwrap_err().to_string().contains("hide=1"));
    }
}
