//! Candidate lists of the past, ranked by the model: what evaluation judges.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use lookback::request::{Gsu, Request, Weights};
use lookback_pipeline::examples::CandidateList;

use super::data::Data;
use super::model::Model;
use super::question::{attributes, surface};

/// One candidate of a list, as the model scored it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub item: u64,
    /// Calibrated probabilities of click and save.
    pub p: [f32; 2],
    /// `None` where popularity stood in for an item without an embedding.
    pub logits: Option<[f32; 2]>,
}

/// How many lists are ranked at once.
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Ranks every list; the candidates of each come back in its own order.
pub fn score(
    model: &Model,
    data: &Data,
    lists: &[CandidateList],
    gsu: Gsu,
    progress: &ProgressBar,
) -> Result<Vec<Vec<Scored>>> {
    let next = AtomicUsize::new(0);
    let scored: Vec<Mutex<Option<Result<Vec<Scored>>>>> = lists.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..workers().min(lists.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(list) = lists.get(at) else { break };
                    let result = one(model, data, list, gsu);
                    *scored[at].lock().expect("no worker panics while it holds this") = Some(result);
                    progress.inc(1);
                }
            });
        }
    });
    let all = scored.into_iter().zip(lists).map(|(result, list)| {
        result
            .into_inner()
            .ok()
            .flatten()
            .context("a worker stopped before its list was ranked")?
            .with_context(|| format!("list {} (user {})", list.list, data.user_key(list.user)))
    });
    all.collect()
}

fn one(model: &Model, data: &Data, list: &CandidateList, gsu: Gsu) -> Result<Vec<Scored>> {
    let request = request(model, data, list, gsu)?;
    let response = model.rank_or_fail(&request)?;
    let ranked: HashMap<u64, _> = response.ranked.iter().map(|ranked| (ranked.item, ranked)).collect();
    let candidates = list.candidates.iter().map(|candidate| {
        let ranked =
            ranked.get(&candidate.item).with_context(|| format!("candidate {} was not answered", candidate.item))?;
        Ok(Scored { item: ranked.item, p: [ranked.p_click, ranked.p_save], logits: ranked.logits })
    });
    candidates.collect()
}

/// The request that was made then.
fn request(model: &Model, data: &Data, list: &CandidateList, gsu: Gsu) -> Result<Request> {
    let log = &data.set.log;
    let history = list.history.clone();
    let sound =
        history.end <= log.len() && history.clone().all(|row| log.user[row] == list.user && log.time[row] < list.time);
    if !sound {
        bail!(
            "its history is not the person's events before it: examples and events do not belong together; run `lookback examples` again"
        );
    }
    Ok(Request {
        now: list.time,
        attributes: attributes(data, model.manifest(), list.user),
        surface: surface(log, list.user, history.end, list.time),
        history: history.map(|row| log.event(row)).collect(),
        candidates: list.candidates.iter().map(|candidate| candidate.item).collect(),
        items: Vec::new(),
        gsu: Some(gsu),
        weights: Weights::default(),
    })
}
