//! `lookback evaluate`: held-out candidate lists, ranked by the model and by two baselines.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use lookback::request::Gsu;
use lookback_pipeline::examples::{CandidateList, Examples, Split};
use serde::Serialize;

use super::baselines;
use super::data::{Data, DataArgs};
use super::judge::{ListScores, Metrics, TaskMetrics, judge};
use super::model::{Limits, Model, ModelArgs};
use super::output::{print, print_json};
use super::progress::bar;
use super::scores_file;
use super::scoring::{Scored, score, workers};
use super::table::table;
use super::words::{self, thousands};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// How to search the history [default: the model's own way]
    #[arg(long, value_enum)]
    gsu: Option<GsuChoice>,
    /// Which period's lists
    #[arg(long, value_enum, default_value = "test")]
    split: SplitName,
    /// Only the first so many lists
    #[arg(long, value_name = "LISTS")]
    limit: Option<usize>,
    /// Write each candidate's logits to a Parquet file: list UInt32, item UInt64, logit_click and logit_save Float32 (null where popularity stood in), gsu Utf8
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Write the metrics to a file too, as one JSON document
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// One JSON document, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GsuChoice {
    Hard,
    Soft,
    Consistent,
    All,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitName {
    Valid,
    Test,
}

/// What `lookback evaluate --json` prints.
#[derive(Serialize)]
pub struct Evaluation {
    pub split: &'static str,
    pub lists: usize,
    pub candidates: usize,
    pub runtime: &'static str,
    pub model: String,
    pub bundle_hash: String,
    pub seconds: f64,
    pub results: Vec<Judged>,
}

#[derive(Serialize)]
pub struct Judged {
    pub name: String,
    #[serde(flatten)]
    pub metrics: Metrics,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let model = Model::open(&options.model, &Limits::offline(workers()))?;
    let searches: &[Gsu] = match options.gsu {
        None => &[model.manifest().default_gsu],
        Some(GsuChoice::Hard) => &[Gsu::Hard],
        Some(GsuChoice::Soft) => &[Gsu::Soft],
        Some(GsuChoice::Consistent) => &[Gsu::Consistent],
        Some(GsuChoice::All) => &[Gsu::Consistent, Gsu::Soft, Gsu::Hard],
    };
    let split = match options.split {
        SplitName::Valid => Split::Valid,
        SplitName::Test => Split::Test,
    };
    let lists = lists(&data, split, options.limit)?;
    let (evaluation, scored) = evaluate(&model, &data, &options.model, split, &lists, searches)?;
    if let Some(path) = &options.scores {
        scores_file::write(path, &lists, &scored)?;
    }
    if let Some(path) = &options.metrics {
        let text = serde_json::to_string_pretty(&evaluation)?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    match options.json {
        true => print_json(&evaluation),
        false => print(&show(&evaluation)),
    }
}

/// The candidate lists of a period; the test fails where there is none.
pub fn lists(data: &Data, split: Split, limit: Option<usize>) -> Result<Vec<CandidateList>> {
    let examples = Examples::open(&data.folder)?;
    let mut lists = examples.candidate_lists(split);
    lists.truncate(limit.unwrap_or(usize::MAX));
    if lists.is_empty() {
        bail!(
            "{} has no {} lists to rank; import a longer log and run `lookback examples` again",
            data.folder.display(),
            split.name()
        );
    }
    Ok(lists)
}

/// The model's scores with each search.
pub type Searched = Vec<(Gsu, Vec<Vec<Scored>>)>;

/// Ranks the lists with each search, and judges them beside the baselines.
pub fn evaluate(
    model: &Model,
    data: &Data,
    args: &ModelArgs,
    split: Split,
    lists: &[CandidateList],
    searches: &[Gsu],
) -> Result<(Evaluation, Searched)> {
    let started = Instant::now();
    let progress: ProgressBar = bar((lists.len() * searches.len()) as u64, "lists");
    let mut scored = Vec::new();
    for &gsu in searches {
        scored.push((gsu, score(model, data, lists, gsu, &progress)?));
    }
    progress.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();

    let mut results: Vec<Judged> = scored
        .iter()
        .map(|(gsu, scored)| Judged {
            name: format!("lookback, {} search", gsu.name()),
            metrics: judge(lists, &logits(scored), Some(&probabilities(scored))),
        })
        .collect();
    results.extend(baselines::judge_all(model, data, args, lists)?);
    let evaluation = Evaluation {
        split: split.name(),
        lists: lists.len(),
        candidates: lists.iter().map(|list| list.candidates.len()).sum(),
        runtime: model.runtime(),
        model: model.manifest().name.clone(),
        bundle_hash: words::hex(&model.bundle.hash()),
        seconds,
        results,
    };
    Ok((evaluation, scored))
}

/// Calibration may tie what the model tells apart, so the order is that of the logits.
fn logits(scored: &[Vec<Scored>]) -> ListScores {
    let logit = |p: f32| f64::from(p).ln() - (-f64::from(p)).ln_1p();
    let both = |scored: &Scored| scored.logits.map_or_else(|| scored.p.map(logit), |logits| logits.map(f64::from));
    scored.iter().map(|list| list.iter().map(both).collect()).collect()
}

fn probabilities(scored: &[Vec<Scored>]) -> ListScores {
    let both = |scored: &Scored| scored.p.map(f64::from);
    scored.iter().map(|list| list.iter().map(both).collect()).collect()
}

/// The metrics as a table.
pub fn show(evaluation: &Evaluation) -> String {
    let names = TaskMetrics::default().named().map(|(name, _)| name);
    let mut table = table(&[&["", "task"], &names[..]].concat(), &[2, 3, 4, 5, 6, 7, 8]);
    for judged in &evaluation.results {
        for (task, metrics, name) in
            [("click", judged.metrics.click, judged.name.as_str()), ("save", judged.metrics.save, "")]
        {
            let mut cells = vec![name.to_owned(), task.to_owned()];
            cells.extend(metrics.named().map(|(_, value)| number(value)));
            table.add_row(cells);
        }
    }
    format!(
        "{table}\n{} held-out {} lists, {} candidates, ranked in {:.1} s by {} {} in {}\n",
        thousands(evaluation.lists as u64),
        evaluation.split,
        thousands(evaluation.candidates as u64),
        evaluation.seconds,
        evaluation.model,
        &evaluation.bundle_hash[..12],
        match evaluation.runtime {
            "module" => "the module in wasmtime",
            _ => "the native core",
        },
    )
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), |value| format!("{value:.4}"))
}
