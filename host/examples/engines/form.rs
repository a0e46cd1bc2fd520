//! Requests and responses as the JSON that JavaScript's objects become: items that are no safe integers are strings.

use std::collections::BTreeMap;

use lookback::event::Action;
use lookback::request::Request;
use lookback::response::Response;
use serde_json::{Map, Value, json};

/// Up to here every integer is a number of JavaScript's own: 2^53 - 1.
const SAFE: u64 = (1 << 53) - 1;

pub fn request(request: &Request) -> Value {
    let attributes: BTreeMap<_, _> =
        request.attributes.iter().map(|attribute| (&attribute.field, &attribute.value)).collect();
    let history = request.history.iter().map(|event| {
        let action = Action::from_code(event.action).map_or("a word of no meaning", Action::name);
        json!({ "item": item(event.item), "action": action, "time": event.time })
    });
    let items = request.items.iter().map(|row| {
        let (embedding, features) = (floats(&row.embedding), floats(&row.features));
        json!({ "item": item(row.item), "category": row.category, "embedding": embedding, "features": features })
    });
    let mut form = Map::from_iter([
        ("now".to_owned(), json!(request.now)),
        ("attributes".to_owned(), json!(attributes)),
        ("history".to_owned(), history.collect()),
        ("candidates".to_owned(), request.candidates.iter().map(|&candidate| item(candidate)).collect()),
        ("items".to_owned(), items.collect()),
        ("weights".to_owned(), json!({ "click": request.weights.click, "save": request.weights.save })),
    ]);
    form.extend(request.surface.iter().map(|surface| ("surface".to_owned(), json!(surface))));
    form.extend(request.gsu.iter().map(|gsu| ("gsu".to_owned(), json!(gsu.name()))));
    Value::Object(form)
}

pub fn response(response: &Response) -> Value {
    let ranked = response.ranked.iter().map(|ranked| {
        json!({
            "item": item(ranked.item),
            "p_click": f64::from(ranked.p_click),
            "p_save": f64::from(ranked.p_save),
            "score": f64::from(ranked.score),
            "logits": ranked.logits.map(|logits| floats(&logits)),
            "source": ranked.source,
            "in_history": ranked.in_history,
        })
    });
    json!({
        "answered_by": response.answered_by,
        "model": response.model,
        "bundle_hash": hex(&response.bundle_hash),
        "shard_hash": hex(&response.shard_hash),
        "gsu": response.gsu,
        "ranked": ranked.collect::<Value>(),
        "notes": response.notes,
    })
}

pub fn item(item: u64) -> Value {
    if item <= SAFE { json!(item) } else { json!(item.to_string()) }
}

/// As JavaScript prints them: every f32 is a double.
fn floats(floats: &[f32]) -> Value {
    floats.iter().map(|&float| json!(f64::from(float))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
