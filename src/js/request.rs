//! Requests as plain objects.

use std::collections::BTreeSet;

use js_sys::{Array, BigUint64Array, Float32Array, Float64Array, JsString, Number, Object, Reflect, Uint8Array};
use serde::{Deserialize, Serialize, Serializer};
use serde_wasm_bindgen::preserve;
use wasm_bindgen::prelude::*;

use super::error::Failure;
use super::value::{
    array, expected, from_item, is_absent, item, items, number, numbers, object, text, time, view, whole, word, wrong,
};
use crate::abi::Status;
use crate::event::{Action, Event, EventColumns};
use crate::ranker::RankError;
use crate::request::{
    Attribute, ExplainRequest, InlineItem, MAX_CANDIDATES, MAX_EVENTS, Request, RequestError, Weights,
};

/// The code that the core reads as an unknown action.
const UNKNOWN_ACTION: u8 = u8::MAX;

#[derive(Deserialize)]
#[serde(rename = "Request")]
struct RequestFields {
    #[serde(with = "preserve")]
    now: JsValue,
    #[serde(default, with = "preserve")]
    attributes: JsValue,
    #[serde(default, with = "preserve")]
    surface: JsValue,
    #[serde(default, with = "preserve")]
    history: JsValue,
    #[serde(with = "preserve")]
    candidates: JsValue,
    #[serde(default, with = "preserve")]
    items: JsValue,
    #[serde(default, with = "preserve")]
    gsu: JsValue,
    #[serde(default, with = "preserve")]
    weights: JsValue,
}

#[derive(Deserialize)]
struct ExplainFields {
    #[serde(with = "preserve")]
    request: JsValue,
    #[serde(default, with = "preserve")]
    top: JsValue,
    #[serde(default, with = "preserve")]
    parts: JsValue,
}

/// Of one event, or of many as columns.
#[derive(Serialize, Deserialize)]
struct EventFields {
    #[serde(with = "preserve")]
    item: JsValue,
    #[serde(with = "preserve")]
    action: JsValue,
    #[serde(with = "preserve")]
    time: JsValue,
}

#[derive(Serialize, Deserialize)]
struct InlineItemFields {
    #[serde(with = "preserve")]
    item: JsValue,
    #[serde(with = "preserve")]
    category: JsValue,
    #[serde(with = "preserve")]
    embedding: JsValue,
    #[serde(with = "preserve")]
    features: JsValue,
}

#[derive(Deserialize)]
struct WeightsFields {
    #[serde(with = "preserve")]
    click: JsValue,
    #[serde(with = "preserve")]
    save: JsValue,
}

pub fn read_request(value: &JsValue) -> Result<Request, Failure> {
    let fields: RequestFields = object(value, "the request")?;
    let optional = |value: &JsValue| (!is_absent(value)).then(|| value.clone());
    // Before anything is copied: what is refused may be larger than the module's memory.
    if length(&fields.candidates) > MAX_CANDIDATES {
        return Err(RankError::from(RequestError::TooManyCandidates(length(&fields.candidates))).into());
    }
    Ok(Request {
        now: time(&fields.now, "now")?,
        attributes: optional(&fields.attributes).map_or(Ok(Vec::new()), |value| attributes(&value))?,
        surface: optional(&fields.surface).map(|value| text(&value, "surface")).transpose()?,
        history: optional(&fields.history).map_or(Ok(EventColumns::default()), |value| history(&value))?,
        candidates: items(&fields.candidates, "candidates")?,
        items: optional(&fields.items).map_or(Ok(Vec::new()), |value| inline_items(&value))?,
        gsu: optional(&fields.gsu).map(|value| word(&value, "gsu")).transpose()?,
        weights: optional(&fields.weights).map_or(Ok(Weights::default()), |value| weights(&value))?,
    })
}

pub fn read_explain_request(value: &JsValue) -> Result<ExplainRequest, Failure> {
    let fields: ExplainFields = object(value, "the explain request")?;
    let parts = match is_absent(&fields.parts) {
        true => Vec::new(),
        false => {
            let parts = array(&fields.parts, "parts", "an array")?.iter().enumerate();
            parts.map(|(index, part)| word(&part, format_args!("parts[{index}]"))).collect::<Result<_, _>>()?
        }
    };
    Ok(ExplainRequest {
        request: read_request(&fields.request)?,
        top: if is_absent(&fields.top) { 1 } else { whole(&fields.top, "top")? },
        parts,
    })
}

fn attributes(value: &JsValue) -> Result<Vec<Attribute>, Failure> {
    if !value.is_object() || value.is_function() || Array::is_array(value) {
        return Err(expected("attributes", "an object of strings", value));
    }
    let keys = Object::keys(value.unchecked_ref::<Object>());
    let attribute = |key: JsValue| {
        let held = Reflect::get(value, &key).map_err(|_| wrong("attributes", "a field cannot be read"))?;
        let field = String::from(key.unchecked_into::<JsString>());
        Ok(Attribute { value: text(&held, format_args!("attributes.{field}"))?, field })
    };
    keys.iter().map(attribute).collect()
}

/// Of an array or typed array.
fn length(value: &JsValue) -> usize {
    let typed = || view(value, "BigUint64Array", BigUint64Array::new).map_or(0, |items| items.length());
    value.dyn_ref::<Array>().map_or_else(typed, |array| array.length()) as usize
}

fn check_events(events: usize) -> Result<(), Failure> {
    match events > MAX_EVENTS {
        true => Err(RankError::from(RequestError::TooManyEvents(events)).into()),
        false => Ok(()),
    }
}

fn history(value: &JsValue) -> Result<EventColumns, Failure> {
    if !Array::is_array(value) {
        return columns(value);
    }
    check_events(length(value))?;
    let event = |(index, value): (usize, JsValue)| {
        let place = |field: &'static str| Place { index, field };
        let fields: EventFields = object(&value, place(""))?;
        let action = text(&fields.action, place(".action"))?;
        Ok(Event {
            item: item(&fields.item, place(".item"))?,
            action: Action::from_name(&action).map_or(UNKNOWN_ACTION, Action::code),
            time: time(&fields.time, place(".time"))?,
        })
    };
    value.unchecked_ref::<Array>().iter().enumerate().map(event).collect()
}

/// Where an event's field is; written out only where something is wrong with it.
struct Place {
    index: usize,
    field: &'static str,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "history[{}]{}", self.index, self.field)
    }
}

fn columns(value: &JsValue) -> Result<EventColumns, Failure> {
    let columns: EventFields = object(value, "history")?;
    let item = view(&columns.item, "BigUint64Array", BigUint64Array::new);
    let item = item.ok_or_else(|| expected("history.item", "a BigUint64Array", &columns.item))?;
    let action = view(&columns.action, "Uint8Array", Uint8Array::new);
    let action = action.ok_or_else(|| expected("history.action", "a Uint8Array", &columns.action))?;
    let time = view(&columns.time, "Float64Array", Float64Array::new);
    let time = time.ok_or_else(|| expected("history.time", "a Float64Array", &columns.time))?;
    let lengths = [item.length(), action.length(), time.length()];
    lengths.into_iter().try_for_each(|length| check_events(length as usize))?;
    let milliseconds =
        |(index, time): (usize, f64)| self::time(&JsValue::from_f64(time), format_args!("history.time[{index}]"));
    let time = time.to_vec().into_iter().enumerate().map(milliseconds).collect::<Result<_, _>>()?;
    EventColumns::new(item.to_vec(), action.to_vec(), time).ok_or_else(|| {
        let [items, actions, times] = lengths;
        let got = format_args!("got {items} items, {actions} actions, {times} times");
        wrong("history", format_args!("expected columns of one length, {got}"))
    })
}

fn inline_items(value: &JsValue) -> Result<Vec<InlineItem>, Failure> {
    let read = |(index, value): (usize, JsValue)| {
        let fields: InlineItemFields = object(&value, format_args!("items[{index}]"))?;
        Ok(InlineItem {
            item: item(&fields.item, format_args!("items[{index}].item"))?,
            category: whole(&fields.category, format_args!("items[{index}].category"))?,
            embedding: numbers(&fields.embedding, format_args!("items[{index}].embedding"))?,
            features: numbers(&fields.features, format_args!("items[{index}].features"))?,
        })
    };
    array(value, "items", "an array")?.iter().enumerate().map(read).collect()
}

fn weights(value: &JsValue) -> Result<Weights, Failure> {
    let fields: WeightsFields = object(value, "weights")?;
    Ok(Weights { click: number(&fields.click, "weights.click")?, save: number(&fields.save, "weights.save")? })
}

/// A request as an object; the history is in columns.
#[derive(Serialize)]
pub struct RequestObject<'a> {
    now: f64,
    attributes: AttributesObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surface: Option<&'a str>,
    history: EventFields,
    #[serde(with = "preserve")]
    candidates: Array,
    items: Vec<InlineItemFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gsu: Option<&'static str>,
    weights: Weights,
}

impl<'a> RequestObject<'a> {
    pub fn of(request: &'a Request) -> Result<RequestObject<'a>, Failure> {
        let mut fields = BTreeSet::new();
        if let Some(twice) = request.attributes.iter().find(|attribute| !fields.insert(&attribute.field)) {
            let why = format_args!("the attribute {:?} is given twice, which an object cannot hold", twice.field);
            return Err(Failure::new(Status::BadMessage, why));
        }
        let safe = Number::MAX_SAFE_INTEGER as i64;
        let history = &request.history;
        let mut times = history.time().iter().chain([&request.now]);
        if let Some(time) = times.find(|time| !(-safe..=safe).contains(*time)) {
            let why = format_args!("the time {time} is beyond the whole numbers that a number of JavaScript can hold");
            return Err(Failure::new(Status::BadMessage, why));
        }
        let time: Vec<f64> = history.time().iter().map(|&time| time as f64).collect();
        let inline = |row: &InlineItem| InlineItemFields {
            item: from_item(row.item),
            category: row.category.into(),
            embedding: Float32Array::from(&row.embedding[..]).into(),
            features: Float32Array::from(&row.features[..]).into(),
        };
        Ok(RequestObject {
            now: request.now as f64,
            attributes: AttributesObject(&request.attributes),
            surface: request.surface.as_deref(),
            history: EventFields {
                item: BigUint64Array::from(history.item()).into(),
                action: Uint8Array::from(history.action()).into(),
                time: Float64Array::from(&time[..]).into(),
            },
            candidates: request.candidates.iter().map(|&item| from_item(item)).collect(),
            items: request.items.iter().map(inline).collect(),
            gsu: request.gsu.map(|gsu| gsu.name()),
            weights: request.weights,
        })
    }
}

/// An object with a field for each attribute, in their order.
struct AttributesObject<'a>(&'a [Attribute]);

impl Serialize for AttributesObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|Attribute { field, value }| (field, value)))
    }
}
