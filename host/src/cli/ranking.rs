//! A ranking as people and programs read it: the candidates in order, with the events of the past that decided it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lookback::capture::Capture;
use lookback::event::Action;
use lookback::request::{ExplainRequest, Request, Weights};
use lookback::response::{Attention, Explanation, Notes, Response};
use serde::Serialize;

use super::data::Names;
use super::model::Model;
use super::question::Question;
use super::words;

/// What `lookback rank --json` prints.
#[derive(Serialize)]
pub struct Ranking {
    /// The person's key; null for a request from a file.
    pub user: Option<String>,
    /// The moment, Unix milliseconds.
    pub now: i64,
    /// Events before it.
    pub events: usize,
    /// Candidates that were ranked.
    pub candidates: usize,
    /// Of them, known to have been met from the moment on.
    pub met: usize,
    /// model, demographic_popularity or global_trending.
    pub answered_by: lookback::response::AnsweredBy,
    /// Why popularity answered in the module's place; null when it did not.
    pub degraded: Option<String>,
    /// module (in wasmtime) or native.
    pub runtime: &'static str,
    /// Name of the bundle.
    pub model: String,
    /// BLAKE3 of the bundle's payload.
    pub bundle_hash: String,
    /// BLAKE3 of the shard.
    pub shard_hash: String,
    pub gsu: lookback::request::Gsu,
    pub weights: Weights,
    /// Time taken by the whole call, encoding and decoding included.
    pub milliseconds: f64,
    /// What was odd in the request.
    pub notes: Notes,
    /// The best candidates, best first.
    pub ranked: Vec<Candidate>,
}

#[derive(Serialize)]
pub struct Candidate {
    /// 1 for the best.
    pub rank: usize,
    pub item: u64,
    pub key: String,
    pub title: String,
    pub p_click: f32,
    pub p_save: f32,
    pub score: f32,
    /// Uncalibrated, click then save; null from popularity.
    pub logits: Option<[f32; 2]>,
    /// model or popularity.
    pub source: lookback::response::Source,
    pub in_history: bool,
    /// What the person did with it from the moment on; null when nothing is known.
    pub then: Option<&'static str>,
    /// Null beyond `--explain` candidates, and where popularity answered.
    pub attention: Option<AttentionTo>,
}

/// Most attention first.
#[derive(Serialize)]
pub struct AttentionTo {
    /// The events that GSU picked.
    pub long: Vec<Attended>,
    /// The last events.
    pub recent: Vec<Attended>,
    /// The last skips.
    pub skips: Vec<Attended>,
}

#[derive(Serialize)]
pub struct Attended {
    pub item: u64,
    pub title: String,
    pub action: &'static str,
    /// Unix milliseconds.
    pub time: i64,
    /// Milliseconds before the request.
    pub age: i64,
    /// Mean over the heads, 0 to 1.
    pub weight: f32,
    /// Of each head; each head's weights over all its events sum to 1.
    pub heads: Vec<f32>,
}

/// How much of the answer is wanted.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Candidates shown.
    pub top: usize,
    /// Candidates of which attention is shown.
    pub explain: usize,
}

/// A request with its answer.
pub struct Answered {
    pub request: Request,
    pub response: Response,
    degraded: Option<String>,
    explanations: Vec<Explanation>,
    then: HashMap<u64, Action>,
    took: Duration,
}

impl Answered {
    /// The request with its response, which must be the module's own: another's bits are not what a replay gives.
    pub fn capture(&self, model: &Model) -> Result<Capture> {
        if let Some(reason) = &self.degraded {
            bail!(
                "nothing was captured: {reason}, so popularity answered in the module's place; allow it more time with --deadline-ms"
            );
        }
        if !model.is_module() {
            bail!("nothing was captured: the native core answered, whose bits may differ; leave --native out");
        }
        Ok(Capture { request: self.request.clone(), response: self.response.clone() })
    }
}

/// Asks the model.
pub fn ask(model: &Model, question: Question, extent: Extent) -> Result<Answered> {
    let Question { request, then } = question;
    let explain = extent.explain.min(extent.top) as u32;
    let asked = ExplainRequest { request, top: explain, parts: Vec::new() };
    let started = Instant::now();
    let (response, degraded, explanations) = if explain == 0 {
        let answer = model.rank(&asked.request)?;
        (answer.response, answer.degraded, Vec::new())
    } else {
        let answer = model.explain(&asked)?;
        (answer.response.response, answer.degraded, answer.response.explanations)
    };
    let took = started.elapsed();
    let degraded = degraded.map(|reason| reason.to_string());
    Ok(Answered { request: asked.request, response, degraded, explanations, then, took })
}

/// What is shown of an answer.
pub fn ranking(model: &Model, user: Option<String>, answered: Answered, names: &Names, extent: Extent) -> Ranking {
    let Answered { request, response, degraded, explanations, then, took } = answered;
    let mut explanations: HashMap<u64, Explanation> =
        explanations.into_iter().map(|explanation| (explanation.item, explanation)).collect();
    let candidates = response.ranked.len();
    let met = response.ranked.iter().filter(|ranked| then.contains_key(&ranked.item)).count();
    let shown = response.ranked.into_iter().take(extent.top).enumerate();
    let ranked = shown
        .map(|(index, ranked)| Candidate {
            rank: index + 1,
            item: ranked.item,
            key: names.key(ranked.item),
            title: names.title(ranked.item),
            p_click: ranked.p_click,
            p_save: ranked.p_save,
            score: ranked.score,
            logits: ranked.logits,
            source: ranked.source,
            in_history: ranked.in_history,
            then: then.get(&ranked.item).map(|action| action.name()),
            attention: explanations
                .remove(&ranked.item)
                .map(|explanation| AttentionTo::new(explanation, &request, names)),
        })
        .collect();
    Ranking {
        user,
        now: request.now,
        events: request.history.iter().filter(|event| event.time < request.now).count(),
        candidates,
        met,
        answered_by: response.answered_by,
        degraded,
        runtime: model.runtime(),
        model: response.model,
        bundle_hash: words::hex(&response.bundle_hash),
        shard_hash: words::hex(&response.shard_hash),
        gsu: response.gsu,
        weights: request.weights,
        milliseconds: milliseconds(took),
        notes: response.notes,
        ranked,
    }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl AttentionTo {
    fn new(explanation: Explanation, request: &Request, names: &Names) -> AttentionTo {
        let named = |attention: Vec<Attention>| {
            attention.into_iter().map(|attention| Attended::new(attention, request, names)).collect()
        };
        AttentionTo {
            long: named(explanation.long),
            recent: named(explanation.recent),
            skips: named(explanation.skips),
        }
    }
}

impl Attended {
    fn new(attention: Attention, request: &Request, names: &Names) -> Attended {
        let event = request.history.get(attention.event as usize).expect("attention is paid to events of the request");
        Attended {
            item: event.item,
            title: names.title(event.item),
            action: Action::from_code(event.action).unwrap_or_default().name(),
            time: event.time,
            age: request.now.saturating_sub(event.time),
            weight: attention.weight(),
            heads: attention.heads,
        }
    }
}
