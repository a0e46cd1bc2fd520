//! A request as a JSON file, in the words that people use: keys, names of actions, readable times.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lookback::event::{Action, Event};
use lookback::request::{Attribute, Gsu, InlineItem, Request, Weights};
use lookback_pipeline::id::id_of;
use serde::Deserialize;

use super::words::parse_time;

/// Shown by `lookback rank --help`.
pub const FORM: &str = r#"A request file holds one JSON object:
  {
    "now": "1998-04-22T21:10:38Z",
    "attributes": {"age": "25-34", "gender": "F"},
    "surface": "home",
    "history": [{"item": "50", "action": "save", "time": 893286000000}],
    "candidates": ["172", "181", 288],
    "items": [{"item": "new-pin", "category": 0, "embedding": [...], "features": [...]}],
    "gsu": "soft",
    "weights": {"click": 1, "save": 1}
  }
Only "now" and "candidates" must be there. Times are RFC 3339 or Unix milliseconds. Items are keys or numbers, as in
the events that the model was trained on. Actions are other, click, save, closeup, skip, hide; another word counts as
an unknown action. The history is oldest first. "items" are rows for items that the shard does not have."#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    now: Time,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    surface: Option<String>,
    #[serde(default)]
    history: Vec<Row>,
    candidates: Vec<Key>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    gsu: Option<Gsu>,
    #[serde(default)]
    weights: Weights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    item: Key,
    action: String,
    time: Time,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    item: Key,
    category: u32,
    embedding: Vec<f32>,
    features: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Milliseconds(i64),
    Text(String),
}

impl Key {
    fn id(&self) -> u64 {
        match self {
            Key::Number(id) => *id,
            Key::Text(key) => id_of(key),
        }
    }
}

impl Time {
    fn milliseconds(&self) -> Result<i64> {
        match self {
            Time::Milliseconds(time) => Ok(*time),
            Time::Text(text) => parse_time(text),
        }
    }
}

/// The code that the core reads as an unknown action.
const UNKNOWN: u8 = u8::MAX;

pub fn read(path: &Path) -> Result<Request> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the request {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a request; `lookback rank --help` shows one", path.display()))
}

fn parse(text: &str) -> Result<Request> {
    let file: File = serde_json::from_str(text)?;
    let history = file.history.iter().map(|row| {
        Ok(Event {
            item: row.item.id(),
            action: Action::from_name(&row.action).map_or(UNKNOWN, Action::code),
            time: row.time.milliseconds()?,
        })
    });
    let items = file.items.into_iter().map(|row| InlineItem {
        item: row.item.id(),
        category: row.category,
        embedding: row.embedding,
        features: row.features,
    });
    Ok(Request {
        now: file.now.milliseconds()?,
        attributes: file.attributes.into_iter().map(|(field, value)| Attribute { field, value }).collect(),
        surface: file.surface,
        history: history.collect::<Result<_>>()?,
        candidates: file.candidates.iter().map(Key::id).collect(),
        items: items.collect(),
        gsu: file.gsu,
        weights: file.weights,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_names_and_readable_times_become_a_request() {
        let request = parse(
            r#"{"now": "1998-04-22T21:10:38Z", "attributes": {"gender": "F"}, "candidates": ["172", 181, "pin-x"],
                "history": [{"item": "50", "action": "save", "time": 893286000000},
                            {"item": 7, "action": "zoom", "time": "1998-04-22T00:00:00Z"}]}"#,
        )
        .unwrap();
        assert_eq!(request.now, 893_279_438_000);
        assert_eq!(request.candidates[..2], [172, 181]);
        assert_eq!(request.candidates[2], id_of("pin-x"));
        assert_eq!(request.history.get(0).unwrap(), Event::new(50, Action::Save, 893_286_000_000));
        assert_eq!(Action::from_code(request.history.action()[1]), None);
        assert_eq!(request.attributes[0].value, "F");
        assert_eq!(request.weights, Weights::default());
    }

    #[test]
    fn a_field_nobody_reads_is_refused_by_name() {
        let error = parse(r#"{"now": 1, "candidates": [], "histroy": []}"#).unwrap_err();
        assert!(error.to_string().contains("histroy"), "{error}");
    }
}
