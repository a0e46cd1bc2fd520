//! What a publisher puts out one after the other — another model, deltas, a new shard — with the answers that a service
//! gives while each is the newest.

use std::fs;
use std::path::Path;

use lookback::bundle::{Bundle, Manifest};
use lookback::request::{ExplainRequest, Request};
use lookback::response::{ExplainResponse, Response};
use lookback::shard::{Delta, Row, Shard};
use lookback::wire;
use serde_json::{Value, json};

use crate::Model;
use crate::draw::Draw;
use crate::folder::Folder;
use crate::form;
use crate::module::Compiled;
use crate::questions::{drawn, names};
use crate::support::Result;

/// Lengths of the histories of the people who ask.
const PEOPLE: [usize; 4] = [3, 40, 1_000, 20_000];

/// A bundle, a shard, and deltas on it. Releases with the same base share its files.
struct Release<'a> {
    name: &'a str,
    base: &'a str,
    bundle: &'a [u8],
    shard: &'a [u8],
    deltas: &'a [Delta],
}

impl<'a> Release<'a> {
    fn whole(name: &'a str, bundle: &'a [u8], shard: &'a Shard) -> Release<'a> {
        Release { name, base: name, bundle, shard: shard.bytes(), deltas: &[] }
    }
}

pub fn write(
    folder: &Folder,
    compiled: &Compiled,
    [made_up, model, foreign]: [&Model; 3],
    large: &Shard,
    vectors: &Path,
    seed: u64,
) -> Result<Value> {
    let base = Shard::decode(model.shard.clone())?;
    let first = delta(&base, 0, seed)?;
    let second = delta(&base.apply(&first)?, 1, seed)?;
    let deltas = [first, second];
    let next = changed(&base, seed)?;
    let large_next = changed(large, seed)?;
    let foreign_shard = Shard::decode(foreign.shard.clone())?;

    let bundle = Bundle::decode(&model.bundle)?;
    let people = people(bundle.manifest(), &base, seed)?;
    let of_large = people_of(bundle.manifest(), large, seed)?;
    let of_foreign = people_of(Bundle::decode(&foreign.bundle)?.manifest(), &foreign_shard, seed)?;
    let with = |name, count| Release {
        name,
        base: "first",
        bundle: &model.bundle,
        shard: base.bytes(),
        deltas: &deltas[..count],
    };
    Ok(json!([
        recorded(folder, made_up, vectors)?,
        written(folder, compiled, &with("first", 0), &people)?,
        written(folder, compiled, &with("delta", 1), &people)?,
        written(folder, compiled, &with("second-delta", 2), &people)?,
        written(folder, compiled, &Release::whole("next", &model.bundle, &next), &people)?,
        written(folder, compiled, &Release::whole("foreign", &foreign.bundle, &foreign_shard), &of_foreign)?,
        written(folder, compiled, &Release::whole("large", &model.bundle, large), &of_large)?,
        written(folder, compiled, &Release::whole("large-next", &model.bundle, &large_next), &of_large)?,
    ]))
}

/// The same people ask each time, for items of the base and for those that deltas bring.
fn people(manifest: &Manifest, base: &Shard, seed: u64) -> Result<Vec<Request>> {
    let mut people = people_of(manifest, base, seed)?;
    for person in &mut people {
        person.candidates.extend([new_item(0), new_item(1)]);
    }
    Ok(people)
}

fn people_of(manifest: &Manifest, shard: &Shard, seed: u64) -> Result<Vec<Request>> {
    PEOPLE.iter().map(|&events| drawn(manifest, shard, events, &mut Draw::new(seed ^ events as u64))).collect()
}

fn new_item(number: u64) -> u64 {
    u64::MAX - 10 - number
}

/// A new item, a twentieth of the items elsewhere, and one item gone.
fn delta(shard: &Shard, number: u64, seed: u64) -> Result<Delta> {
    let mut draw = Draw::new(seed ^ 0xde17a ^ number);
    let mut rows = draw
        .distinct(shard.len() / 20, shard.len())
        .into_iter()
        .map(|row| moved(shard, row, &mut draw))
        .collect::<Result<Vec<Row>>>()?;
    rows.push(Row { item: new_item(number), ..moved(shard, 0, &mut draw)? });
    let gone = shard.item(draw.below(shard.len()));
    rows.retain(|row| row.item != gone);
    Ok(Delta::build(shard, rows, vec![gone])?)
}

/// The same items, all of them elsewhere.
fn changed(shard: &Shard, seed: u64) -> Result<Shard> {
    let mut draw = Draw::new(seed ^ 0x5ad);
    let rows = (0..shard.len()).map(|row| moved(shard, row, &mut draw)).collect::<Result<Vec<Row>>>()?;
    Ok(Shard::build(shard.header().clone(), rows)?)
}

fn moved(shard: &Shard, row: usize, draw: &mut Draw) -> Result<Row> {
    let (mut features, mut embedding) = (Vec::new(), Vec::new());
    shard.append_features(row, &mut features)?;
    shard.append_embedding(row, &mut embedding)?;
    for number in &mut embedding {
        *number += draw.float() / 2.0;
    }
    Ok(Row { item: shard.item(row), category: shard.category(row)?, features, embedding })
}

fn written(folder: &Folder, compiled: &Compiled, release: &Release, people: &[Request]) -> Result<Value> {
    let mut running = compiled.load(release.bundle, release.shard, release.deltas)?;
    let mut questions = Vec::new();
    for request in people {
        let response: Response = wire::decode(&running.call("rank", &wire::encode(request))?)?;
        questions.push(json!({ "request": form::request(request), "response": form::response(&response) }));
    }
    put(folder, release, questions)
}

/// The made-up model with the recorded questions and answers.
fn recorded(folder: &Folder, model: &Model, vectors: &Path) -> Result<Value> {
    let mut questions = Vec::new();
    for name in names(vectors)? {
        let question: ExplainRequest = wire::decode(&fs::read(vectors.join(format!("{name}.request")))?)?;
        let answer: ExplainResponse = wire::decode(&fs::read(vectors.join(format!("{name}.response")))?)?;
        let (request, response) = (form::request(&question.request), form::response(&answer.response));
        questions.push(json!({ "request": request, "response": response }));
    }
    let (bundle, shard) = (&model.bundle, &model.shard);
    put(folder, &Release { name: "recorded", base: "recorded", bundle, shard, deltas: &[] }, questions)
}

fn put(folder: &Folder, release: &Release, questions: Vec<Value>) -> Result<Value> {
    let Release { name, base, bundle, shard, deltas } = release;
    let mut names = Vec::new();
    for (number, delta) in deltas.iter().enumerate() {
        names.push(folder.bytes(format!("{base}-{number}.lbd"), delta.bytes())?);
    }
    let asked = format!("{name}.questions.json");
    folder.json(&asked, &questions.into())?;
    Ok(json!({
        "name": name,
        "bundle": folder.bytes(format!("{base}.lbb"), bundle)?,
        "shard": folder.bytes(format!("{base}.lbs"), shard)?,
        "deltas": names,
        "questions": asked,
    }))
}
