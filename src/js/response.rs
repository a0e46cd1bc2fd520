//! What a ranker answers and says of itself, as plain objects.

use js_sys::{Array, Float32Array, Uint8Array, Uint32Array};
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::{Serializer, preserve};
use wasm_bindgen::prelude::*;

use super::error::Failure;
use super::request::{RequestObject, read_request};
use super::value::{array, from_item, item, object, text, word, wrong, zeroed};
use crate::abi::Status;
use crate::bundle::{Bundle, UserField};
use crate::capture::Capture;
use crate::long_attention::AttentionBias;
use crate::request::Gsu;
use crate::response::{AnsweredBy, Attention, ExplainResponse, Notes, Ranked, Response, Source, Without};
use crate::shard::{Shard, ShardError};

/// A value as JavaScript has it: plain objects and arrays, `null` for what is missing.
pub fn to_value(value: &impl Serialize) -> Result<JsValue, Failure> {
    let serializer = Serializer::new().serialize_missing_as_null(true).serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| Failure::new(Status::Internal, error))
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Response")]
pub struct ResponseObject {
    #[serde(with = "preserve")]
    answered_by: JsValue,
    #[serde(with = "preserve")]
    model: JsValue,
    #[serde(with = "preserve")]
    bundle_hash: JsValue,
    #[serde(with = "preserve")]
    shard_hash: JsValue,
    #[serde(with = "preserve")]
    gsu: JsValue,
    #[serde(with = "preserve")]
    ranked: JsValue,
    #[serde(with = "preserve")]
    notes: JsValue,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Ranked")]
struct RankedObject {
    #[serde(with = "preserve")]
    item: JsValue,
    p_click: f32,
    p_save: f32,
    score: f32,
    logits: Option<[f32; 2]>,
    source: Source,
    in_history: bool,
}

impl ResponseObject {
    pub fn of(response: &Response) -> Result<ResponseObject, Failure> {
        let ranked = |ranked: &Ranked| {
            to_value(&RankedObject {
                item: from_item(ranked.item),
                p_click: ranked.p_click,
                p_save: ranked.p_save,
                score: ranked.score,
                logits: ranked.logits,
                source: ranked.source,
                in_history: ranked.in_history,
            })
        };
        Ok(ResponseObject {
            answered_by: to_value(&response.answered_by)?,
            model: response.model.as_str().into(),
            bundle_hash: hex(&response.bundle_hash).into(),
            shard_hash: hex(&response.shard_hash).into(),
            gsu: response.gsu.name().into(),
            ranked: response.ranked.iter().map(ranked).collect::<Result<Array, _>>()?.into(),
            notes: to_value(&response.notes)?,
        })
    }
}

fn read_response(value: &JsValue) -> Result<Response, Failure> {
    let fields: ResponseObject = object(value, "response")?;
    let ranked = |(index, value): (usize, JsValue)| {
        let ranked: RankedObject = object(&value, format_args!("response.ranked[{index}]"))?;
        Ok(Ranked {
            item: item(&ranked.item, format_args!("response.ranked[{index}].item"))?,
            p_click: ranked.p_click,
            p_save: ranked.p_save,
            score: ranked.score,
            logits: ranked.logits,
            source: ranked.source,
            in_history: ranked.in_history,
        })
    };
    Ok(Response {
        answered_by: word::<AnsweredBy>(&fields.answered_by, "response.answered_by")?,
        model: text(&fields.model, "response.model")?,
        bundle_hash: read_hash(&fields.bundle_hash, "response.bundle_hash")?,
        shard_hash: read_hash(&fields.shard_hash, "response.shard_hash")?,
        gsu: word::<Gsu>(&fields.gsu, "response.gsu")?,
        ranked: array(&fields.ranked, "response.ranked", "an array")?
            .iter()
            .enumerate()
            .map(ranked)
            .collect::<Result<_, Failure>>()?,
        notes: object::<Notes>(&fields.notes, "response.notes")?,
    })
}

#[derive(Serialize)]
struct ExplanationObject<'a> {
    #[serde(with = "preserve")]
    item: JsValue,
    long: &'a [Attention],
    recent: &'a [Attention],
    skips: &'a [Attention],
    without: &'a [Without],
}

#[derive(Serialize)]
pub struct ExplainResponseObject<'a> {
    response: ResponseObject,
    explanations: Vec<ExplanationObject<'a>>,
}

impl<'a> ExplainResponseObject<'a> {
    pub fn of(answer: &'a ExplainResponse) -> Result<ExplainResponseObject<'a>, Failure> {
        let explanations = answer.explanations.iter().map(|explained| ExplanationObject {
            item: from_item(explained.item),
            long: &explained.long,
            recent: &explained.recent,
            skips: &explained.skips,
            without: &explained.without,
        });
        Ok(ExplainResponseObject {
            response: ResponseObject::of(&answer.response)?,
            explanations: explanations.collect(),
        })
    }
}

#[derive(Serialize)]
pub struct CaptureObject<'a> {
    request: RequestObject<'a>,
    response: ResponseObject,
}

impl<'a> CaptureObject<'a> {
    pub fn of(capture: &'a Capture) -> Result<CaptureObject<'a>, Failure> {
        Ok(CaptureObject {
            request: RequestObject::of(&capture.request)?,
            response: ResponseObject::of(&capture.response)?,
        })
    }
}

#[derive(Deserialize)]
struct CaptureFields {
    #[serde(with = "preserve")]
    request: JsValue,
    #[serde(with = "preserve")]
    response: JsValue,
}

pub fn read_capture(value: &JsValue) -> Result<Capture, Failure> {
    let fields: CaptureFields = object(value, "the capture")?;
    Ok(Capture { request: read_request(&fields.request)?, response: read_response(&fields.response)? })
}

#[derive(Serialize)]
pub struct ManifestObject<'a> {
    name: &'a str,
    embedding_version: &'a str,
    embedding_dim: u32,
    item_features: &'a [String],
    categories: &'a [String],
    surfaces: &'a [String],
    user_fields: &'a [UserField],
    k: u32,
    recent: u32,
    skips: u32,
    heads: u32,
    default_gsu: Gsu,
}

impl<'a> ManifestObject<'a> {
    pub fn of(bundle: &'a Bundle) -> ManifestObject<'a> {
        let manifest = bundle.manifest();
        ManifestObject {
            name: &manifest.name,
            embedding_version: &manifest.embedding_version,
            embedding_dim: manifest.embedding_dim,
            item_features: &manifest.item_features,
            categories: &manifest.categories,
            surfaces: &manifest.surfaces,
            user_fields: &manifest.user_fields,
            k: manifest.k,
            recent: manifest.recent,
            skips: manifest.skips,
            heads: manifest.heads,
            default_gsu: manifest.default_gsu,
        }
    }
}

#[derive(Serialize)]
pub struct VersionsObject {
    bundle_hash: Option<String>,
    shard_hash: Option<String>,
    embedding_version: Option<String>,
    items: u32,
}

impl VersionsObject {
    pub fn of(bundle: Option<&Bundle>, shard: Option<&Shard>) -> VersionsObject {
        let of_bundle = bundle.map(|bundle| &bundle.manifest().embedding_version);
        let of_shard = shard.map(|shard| &shard.header().embedding_version);
        VersionsObject {
            bundle_hash: bundle.map(|bundle| hex(&bundle.hash())),
            shard_hash: shard.map(|shard| hex(&shard.hash())),
            embedding_version: of_bundle.or(of_shard).cloned(),
            items: shard.map_or(0, |shard| shard.len() as u32),
        }
    }
}

#[derive(Serialize)]
pub struct ItemColumnsObject {
    #[serde(with = "preserve")]
    known: Uint8Array,
    #[serde(with = "preserve")]
    category: Uint32Array,
    #[serde(with = "preserve")]
    embedding: Float32Array,
    #[serde(with = "preserve")]
    features: Float32Array,
}

impl ItemColumnsObject {
    pub fn of(shard: &Shard, items: &[u64]) -> Result<ItemColumnsObject, Failure> {
        let (d, f) = (shard.header().dimension, shard.header().feature_count);
        let mut known: Vec<u8> = zeroed(items.len())?;
        let mut category: Vec<u32> = zeroed(items.len())?;
        let mut embedding: Vec<f32> = zeroed(items.len().saturating_mul(d))?;
        let mut features: Vec<f32> = zeroed(items.len().saturating_mul(f))?;
        let damaged = |error: ShardError| Failure::new(Status::BadShard, error);
        let mut row_features = Vec::with_capacity(f);
        for (index, row) in shard.rows(items).into_iter().enumerate() {
            let Some(row) = row else { continue };
            known[index] = 1;
            category[index] = shard.category(row as usize).map_err(damaged)?;
            shard.gather(&[row], &mut embedding[d * index..d * (index + 1)]).map_err(damaged)?;
            row_features.clear();
            shard.append_features(row as usize, &mut row_features).map_err(damaged)?;
            features[f * index..f * (index + 1)].copy_from_slice(&row_features);
        }
        Ok(ItemColumnsObject {
            known: Uint8Array::from(&known[..]),
            category: Uint32Array::from(&category[..]),
            embedding: Float32Array::from(&embedding[..]),
            features: Float32Array::from(&features[..]),
        })
    }
}

#[derive(Serialize)]
pub struct AttentionBiasObject<'a> {
    age: Vec<&'a [f32]>,
    action: Vec<&'a [f32]>,
}

impl<'a> AttentionBiasObject<'a> {
    pub fn of(bias: AttentionBias<'a>) -> AttentionBiasObject<'a> {
        let rows = |all: &'a [f32]| all.chunks_exact(bias.heads).collect();
        AttentionBiasObject { age: rows(bias.age), action: rows(bias.action) }
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_hash(value: &JsValue, place: &str) -> Result<[u8; 32], Failure> {
    let digits = text(value, place)?;
    let mut hash = [0; 32];
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if digits.len() != 64 {
        return Err(wrong(place, format_args!("expected 64 hexadecimal digits, got {} characters", digits.len())));
    }
    for (to, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *to = byte(pair).ok_or_else(|| wrong(place, "expected 64 hexadecimal digits"))?;
    }
    Ok(hash)
}
