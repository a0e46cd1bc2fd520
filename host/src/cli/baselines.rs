//! What a user would pick instead: popularity, and logistic regression on the mean of the last events.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use lookback::shard::Shard;
use lookback_pipeline::examples::CandidateList;
use serde::Deserialize;

use super::data::Data;
use super::evaluate::Judged;
use super::judge::{ListScores, judge};
use super::model::{Model, ModelArgs};

const MEAN_OF: usize = 50;

/// Judges each baseline on the lists.
pub fn judge_all(model: &Model, data: &Data, args: &ModelArgs, lists: &[CandidateList]) -> Result<Vec<Judged>> {
    let popularity = popularity(data, lists)?;
    let mut judged = vec![Judged { name: "popularity".to_owned(), metrics: judge(lists, &popularity, None) }];
    let path = args.model.join("baselines.json");
    match path.is_file() {
        true => {
            let logistic = Logistic::read(&path, &model.shard)?;
            let scores = logistic.scores(data, &model.shard, lists);
            judged.push(Judged {
                name: format!("logistic regression, mean of the last {MEAN_OF}"),
                metrics: judge(lists, &scores, None),
            });
        }
        false => eprintln!(
            "{} is not there, so logistic regression is left out; `cargo xtask train` writes it",
            path.display()
        ),
    }
    Ok(judged)
}

/// How often anyone engaged with the item in the training period.
fn popularity(data: &Data, lists: &[CandidateList]) -> Result<ListScores> {
    let valid_from = data.report()?.valid_from;
    let log = &data.set.log;
    let mut engaged: HashMap<u64, u64> = HashMap::new();
    for row in 0..log.len() {
        if log.time[row] < valid_from && !log.action[row].is_skip() {
            *engaged.entry(log.item[row]).or_default() += 1;
        }
    }
    let score = |item: u64| [engaged.get(&item).map_or(0.0, |&count| count as f64); 2];
    Ok(lists.iter().map(|list| list.candidates.iter().map(|row| score(row.item)).collect()).collect())
}

/// Over m ⊙ e, e and m · e, where e is the candidate's embedding and m the mean embedding of the last engaged events.
struct Logistic {
    /// `[2d + 1]`
    weights: Vec<f64>,
    bias: f64,
}

#[derive(Deserialize)]
struct File {
    logistic_mean50: Regression,
}

#[derive(Deserialize)]
struct Regression {
    weights: Vec<f64>,
    bias: f64,
}

impl Logistic {
    fn read(path: &Path, shard: &Shard) -> Result<Logistic> {
        let read = || -> Result<File> { Ok(serde_json::from_str(&fs::read_to_string(path)?)?) };
        let Regression { weights, bias } = read()
            .with_context(|| format!("{} is not as the training package writes it", path.display()))?
            .logistic_mean50;
        let expected = 2 * shard.header().dimension + 1;
        if weights.len() != expected {
            bail!(
                "{}: {} weights, expected {expected} for the shard's embeddings; export both from one training run",
                path.display(),
                weights.len()
            );
        }
        Ok(Logistic { weights, bias })
    }

    fn scores(&self, data: &Data, shard: &Shard, lists: &[CandidateList]) -> ListScores {
        lists
            .iter()
            .map(|list| {
                let mean = mean(data, shard, list);
                list.candidates.iter().map(|candidate| [self.score(&mean, shard, candidate.item); 2]).collect()
            })
            .collect()
    }

    fn score(&self, mean: &[f64], shard: &Shard, item: u64) -> f64 {
        let d = mean.len();
        let embedding = embedding(shard, item).unwrap_or_else(|| vec![0.0; d]);
        let mut score = self.bias;
        for (i, (m, e)) in mean.iter().zip(embedding).enumerate() {
            let e = f64::from(e);
            score += self.weights[i] * m * e + self.weights[d + i] * e + self.weights[2 * d] * m * e;
        }
        score
    }
}

/// Mean embedding of the last engaged events with an embedding; zeros without any.
fn mean(data: &Data, shard: &Shard, list: &CandidateList) -> Vec<f64> {
    let log = &data.set.log;
    let newest_first = list.history.clone().rev();
    let last: Vec<Vec<f32>> = newest_first
        .filter(|&row| !log.action[row].is_skip())
        .filter_map(|row| embedding(shard, log.item[row]))
        .take(MEAN_OF)
        .collect();
    let mut mean = vec![0.0; shard.header().dimension];
    for row in &last {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value) / last.len() as f64;
        }
    }
    mean
}

fn embedding(shard: &Shard, item: u64) -> Option<Vec<f32>> {
    let mut embedding = Vec::with_capacity(shard.header().dimension);
    shard.append_embedding(shard.row(item)?, &mut embedding).expect("the shard was verified when it was opened");
    Some(embedding)
}
