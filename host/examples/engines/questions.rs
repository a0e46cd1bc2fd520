//! Questions with the answers of wasmtime: those that are recorded, and those drawn for a model.

use std::fs;
use std::path::Path;

use lookback::bundle::{Bundle, Manifest};
use lookback::event::{Action, Event};
use lookback::request::{Attribute, ExplainRequest, Gsu, InlineItem, Part, Request, Weights};
use lookback::shard::Shard;
use lookback::wire;
use lookback_host::Host;
use serde_json::{Value, json};

use crate::Model;
use crate::draw::Draw;
use crate::folder::Folder;
use crate::module::Compiled;
use crate::support::Result;

const SEARCHES: [Gsu; 3] = [Gsu::Hard, Gsu::Soft, Gsu::Consistent];
const EVENTS: [usize; 3] = [40, 1_000, 54_000];
const CANDIDATES: usize = 500;
const YEARS: u64 = 3 * 365 * 86_400_000;

/// The vectors: the files are the very ones, and so wasmtime's answers are compared here.
pub fn recorded(folder: &Folder, model: &Model, vectors: &Path, compiled: &Compiled) -> Result<Value> {
    let mut running = compiled.load(&model.bundle, &model.shard, &[])?;
    let mut questions = Vec::new();
    for name in names(vectors)? {
        let read = |end: &str| fs::read(vectors.join(format!("{name}.{end}")));
        let (question, expected) = (read("request")?, read("response")?);
        if running.call("explain", &question)? != expected {
            return Err(format!("{name}: wasmtime does not give the recorded bytes").into());
        }
        questions.push(written(folder, "vectors", &name, "explain", &question, &expected)?);
    }
    case(folder, "vectors", model, questions)
}

/// Names of the vectors, in order.
pub fn names(vectors: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(vectors)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".request").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Each search over each length of history, ranked and explained, answered by the raw exports and by the host alike.
pub fn generated(folder: &Folder, model: &Model, seed: u64, compiled: &Compiled, host: &Host) -> Result<Value> {
    let mut running = compiled.load(&model.bundle, &model.shard, &[])?;
    let (bundle, shard) = (Bundle::decode(&model.bundle)?, Shard::decode(model.shard.clone())?);
    let mut questions = Vec::new();
    for (gsu, events) in SEARCHES.into_iter().flat_map(|gsu| EVENTS.map(|events| (gsu, events))) {
        let name = format!("{}-{events}", gsu.name());
        let mut draw = Draw::new(seed ^ (events as u64) << 8 ^ gsu as u64);
        let mut request = drawn(bundle.manifest(), &shard, events, &mut draw)?;
        request.gsu = Some(gsu);
        let question = wire::encode(&request);
        let expected = running.call("rank", &question)?;
        let answer = host.rank(&request)?;
        if let Some(reason) = answer.degraded {
            return Err(format!("{}, {name}: the host answered from popularity, {reason}", model.name).into());
        }
        if wire::encode(&answer.response) != expected {
            return Err(format!("{}, {name}: the host gives other bytes than the raw exports", model.name).into());
        }
        questions.push(written(folder, &model.name, &name, "rank", &question, &expected)?);
        let question = wire::encode(&ExplainRequest { request, top: 3, parts: Part::ALL.to_vec() });
        let expected = running.call("explain", &question)?;
        questions.push(written(folder, &model.name, &name, "explain", &question, &expected)?);
    }
    case(folder, &model.name, model, questions)
}

/// 500 candidates for a person of 1,000 events.
pub fn usual(manifest: &Manifest, shard: &Shard, seed: u64) -> Result<Request> {
    drawn(manifest, shard, 1_000, &mut Draw::new(seed))
}

/// A person of the model's own attributes and surfaces, with events of every kind on items of the shard, and on some
/// that it lacks.
pub fn drawn(manifest: &Manifest, shard: &Shard, events: usize, draw: &mut Draw) -> Result<Request> {
    let now = 1_700_000_000_000 + draw.below(1_000_000_000) as i64;
    let mut attributes = Vec::new();
    for field in &manifest.user_fields {
        let value = draw.one_of(&field.values).cloned();
        attributes.extend(value.map(|value| Attribute { field: field.name.clone(), value }));
    }
    attributes.push(Attribute { field: "planet".into(), value: "mars".into() });
    let mut times: Vec<i64> = (0..events).map(|_| now - 1 - (draw.number() % YEARS) as i64).collect();
    times.sort_unstable();
    let history = times.into_iter().map(|time| Event::new(met(shard, draw), action(draw), time)).collect();
    let mut candidates: Vec<u64> =
        draw.distinct(CANDIDATES - 2, shard.len()).into_iter().map(|row| shard.item(row)).collect();
    let (fresh, unknown) = (u64::MAX - 1, u64::MAX - 2);
    candidates.extend([fresh, unknown]);
    let row = InlineItem {
        item: fresh,
        category: draw.below(manifest.categories.len() + 1) as u32,
        embedding: (0..manifest.embedding_dim).map(|_| draw.float()).collect(),
        features: manifest.item_features.iter().map(|_| draw.float()).collect(),
    };
    Ok(Request {
        now,
        attributes,
        surface: draw.one_of(&manifest.surfaces).cloned(),
        history,
        candidates,
        items: vec![row],
        gsu: None,
        weights: Weights { click: 1.0 + draw.float(), save: 1.0 + draw.float() },
    })
}

/// An item of the shard, some far more often than others; one in a hundred is unknown.
fn met(shard: &Shard, draw: &mut Draw) -> u64 {
    if draw.below(100) == 0 {
        return u64::MAX - 3;
    }
    let end = 1 + draw.below(shard.len());
    shard.item(draw.below(end))
}

fn action(draw: &mut Draw) -> Action {
    match draw.below(100) {
        0..40 => Action::Click,
        40..60 => Action::Save,
        60..70 => Action::Closeup,
        70..95 => Action::Skip,
        95..98 => Action::Hide,
        _ => Action::Other,
    }
}

fn case(folder: &Folder, name: &str, model: &Model, questions: Vec<Value>) -> Result<Value> {
    Ok(json!({
        "model": name,
        "bundle": folder.bytes(format!("case-{name}.lbb"), &model.bundle)?,
        "shard": folder.bytes(format!("case-{name}.lbs"), &model.shard)?,
        "questions": questions,
    }))
}

fn written(folder: &Folder, model: &str, name: &str, call: &str, question: &[u8], answer: &[u8]) -> Result<Value> {
    let file = format!("case-{model}-{name}-{call}");
    Ok(json!({
        "name": name,
        "call": call,
        "request": folder.bytes(format!("{file}.request"), question)?,
        "response": folder.bytes(format!("{file}.response"), answer)?,
    }))
}
