//! The face of JavaScript in a browser. `cargo xtask test --only js` runs these in Debian's Chromium.

#![cfg(target_arch = "wasm32")]

use std::rc::Rc;

use js_sys::{Array, BigUint64Array, Error, Float32Array, Function, JSON, Object, Reflect, Symbol, Uint8Array};
use lookback::js::{
    Ranker, decode_capture, decode_request, decode_response, encode_capture, encode_request, memory_bytes,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const BUNDLE: &[u8] = include_bytes!("../../tests/models/made-up/bundle.lbb");
const SHARD: &[u8] = include_bytes!("../../tests/models/made-up/shard.lbs");

macro_rules! vectors {
    ($($name:literal)*) => {
        [$((
            $name,
            include_bytes!(concat!("../../tests/vectors/", $name, ".request")).as_slice(),
            include_bytes!(concat!("../../tests/vectors/", $name, ".response")).as_slice(),
        )),*]
    };
}

fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// A value from a literal of JSON.
fn json(text: &str) -> JsValue {
    JSON::parse(text).unwrap()
}

fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &name.into()).unwrap()
}

fn text(value: &JsValue) -> String {
    JSON::stringify(value).map(String::from).unwrap()
}

fn loaded() -> Ranker {
    let ranker = Ranker::new();
    ranker.load_bundle(&bytes(BUNDLE)).unwrap();
    ranker.push_shard(&bytes(SHARD)).unwrap();
    ranker
}

/// The code and message of what was thrown, which must be an error.
#[track_caller]
fn thrown<T>(result: Result<T, JsValue>) -> (String, String) {
    let error = result.err().expect("a failure");
    let error: Error = error.dyn_into().expect("an Error of JavaScript");
    assert_eq!(String::from(error.name()), "LookbackError");
    (field(&error, "code").as_string().expect("a code"), error.message().into())
}

#[wasm_bindgen_test]
fn the_conformance_vectors_are_answered_to_the_byte() {
    let ranker = loaded();
    for (name, request, response) in vectors!(
        "consistent" "default-gsu" "everything-odd" "hard" "long-history" "no-history" "no-history-known-group"
        "only-saves" "short-history" "soft"
    ) {
        assert!(ranker.explain_bytes(&bytes(request)).unwrap() == response, "{name}: other bytes");
    }
}

#[wasm_bindgen_test]
fn objects_are_answered_as_their_bytes_are() {
    let ranker = loaded();
    let request = json(
        r#"{"now": 1700000000000, "attributes": {"age": "25-34", "gender": "F"}, "surface": "home",
            "history": [{"item": 30, "action": "save", "time": 1699000000000},
                        {"item": 33, "action": "zoom", "time": 1699000001000},
                        {"item": 36, "action": "skip", "time": 1699000002000}],
            "candidates": [3, 6, 9, 1, 3],
            "items": [{"item": 1, "category": 2, "embedding": [1, 0, 0.5, 0, 0, 0, 0, -1], "features": [0.25, 0]}],
            "gsu": "consistent", "weights": {"click": 1, "save": 2.5}}"#,
    );
    let encoded = encode_request(&request).unwrap();
    let from_object = ranker.rank(&request).unwrap();
    let from_bytes = decode_response(&bytes(&ranker.rank_bytes(&bytes(&encoded)).unwrap())).unwrap();
    assert_eq!(text(&from_object), text(&from_bytes));
    assert_eq!(text(&field(&from_object, "gsu")), "\"consistent\"");
    assert_eq!(field(&field(&from_object, "notes"), "unknown_action_events"), 1);
    assert_eq!(field(&field(&from_object, "notes"), "duplicate_candidates"), 1);

    // Columns say the same as objects.
    let decoded = decode_request(&bytes(&encoded)).unwrap();
    assert!(field(&field(&decoded, "history"), "item").is_instance_of::<BigUint64Array>());
    assert!(encode_request(&decoded).unwrap() == encoded);

    let capture = Object::new();
    Reflect::set(&capture, &"request".into(), &request).unwrap();
    Reflect::set(&capture, &"response".into(), &from_object).unwrap();
    let encoded = encode_capture(&capture).unwrap();
    let decoded = decode_capture(&bytes(&encoded)).unwrap();
    assert!(encode_capture(&decoded).unwrap() == encoded);
    assert_eq!(text(&field(&decoded, "response")), text(&from_object));
}

#[wasm_bindgen_test]
fn items_are_numbers_while_they_can_be_and_bigints_beyond() {
    let ranker = loaded();
    let request = json(r#"{"now": 1700000000000}"#);
    let last_safe = 9_007_199_254_740_991_u64;
    let candidates = BigUint64Array::from([3, last_safe, last_safe + 1, u64::MAX].as_slice());
    Reflect::set(&request, &"candidates".into(), &candidates).unwrap();
    let ranked: Array = field(&ranker.rank(&request).unwrap(), "ranked").unchecked_into();
    let items: Vec<JsValue> = ranked.iter().map(|ranked| field(&ranked, "item")).collect();
    let has = |item: JsValue| items.contains(&item);
    assert!(has(3.into()) && has(JsValue::from_f64(last_safe as f64)));
    assert!(has(JsValue::from(last_safe + 1)) && has(JsValue::from(u64::MAX)));
}

#[wasm_bindgen_test]
fn whatever_is_no_request_throws_an_error_that_names_it() {
    let ranker = loaded();
    let holed = Array::new_with_length(3);
    for (value, named) in [
        (JsValue::UNDEFINED, "undefined"),
        (JsValue::NULL, "null"),
        (JsValue::TRUE, "true"),
        (5.into(), "the number 5"),
        ("rank".into(), "\"rank\""),
        (JsValue::from(7_u64), "7n"),
        (Symbol::iterator().into(), "a symbol"),
        (Function::new_no_args("").into(), "a function"),
        (Array::new().into(), "an array"),
        (json("{}"), "`now`"),
        (json(r#"{"now": 1}"#), "`candidates`"),
        (json(r#"{"now": 1, "candidates": [], "histroy": []}"#), "`histroy`"),
        (json(r#"{"now": 1.5, "candidates": []}"#), "now"),
        (json(r#"{"now": "today", "candidates": []}"#), "now"),
        (json(r#"{"now": 1, "candidates": 3}"#), "candidates"),
        (json(r#"{"now": 1, "candidates": [3, -3]}"#), "candidates[1]"),
        (json(r#"{"now": 1, "candidates": [9007199254740992]}"#), "candidates[0]"),
        (json(r#"{"now": 1, "candidates": [], "history": [{"item": 3, "action": "save"}]}"#), "history[0]"),
        (
            json(r#"{"now": 1, "candidates": [], "history": [{"item": 3, "action": 2, "time": 0}]}"#),
            "history[0].action",
        ),
        (json(r#"{"now": 1, "candidates": [], "history": [null]}"#), "history[0]"),
        (json(r#"{"now": 1, "candidates": [], "history": {"item": []}}"#), "history"),
        (json(r#"{"now": 1, "candidates": [], "gsu": "fuzzy"}"#), "fuzzy"),
        (json(r#"{"now": 1, "candidates": [], "weights": {"click": 1}}"#), "`save`"),
        (json(r#"{"now": 1, "candidates": [], "weights": {"click": -1, "save": 1}}"#), "click = -1"),
        (json(r#"{"now": 1, "candidates": [], "attributes": {"age": 30}}"#), "attributes.age"),
        (json(r#"{"now": 1, "candidates": [], "attributes": ["age"]}"#), "attributes"),
        (json(r#"{"now": 1, "candidates": [], "surface": 1}"#), "surface"),
        (
            json(
                r#"{"now": 1, "candidates": [], "items": [{"item": 1, "category": 1.5, "embedding": [], "features": []}]}"#,
            ),
            "items[0].category",
        ),
        (
            json(
                r#"{"now": 1, "candidates": [], "items": [{"item": 1, "category": 1, "embedding": [1], "features": []}]}"#,
            ),
            "embedding",
        ),
    ] {
        let (code, message) = thrown(ranker.rank(&value));
        assert!(code == "BadRequest" && message.contains(named), "{code}: {message}, expected {named}");
    }
    let request = json(r#"{"now": 1}"#);
    Reflect::set(&request, &"candidates".into(), &holed).unwrap();
    assert!(thrown(ranker.rank(&request)).1.contains("candidates[0]"));
    Reflect::set(&request, &"candidates".into(), &Array::of1(&f64::NAN.into())).unwrap();
    assert!(thrown(ranker.rank(&request)).1.contains("NaN"));

    let (code, message) =
        thrown(ranker.explain(&json(r#"{"request": {"now": 1, "candidates": []}, "parts": ["all"]}"#)));
    assert!(code == "BadRequest" && message.contains("parts[0]") && message.contains("`all`"), "{message}");
    ranker.rank(&json(r#"{"now": 1, "candidates": [3]}"#)).expect("still in order");
}

#[wasm_bindgen_test]
fn whatever_are_no_bytes_throws_with_the_calls_code() {
    let ranker = loaded();
    for value in [JsValue::UNDEFINED, JsValue::NULL, "abc".into(), Array::new().into(), json("{}"), 5.into()] {
        assert_eq!(thrown(ranker.load_bundle(&value)).0, "BadBundle");
        assert_eq!(thrown(ranker.push_shard(&value)).0, "BadShard");
        assert_eq!(thrown(ranker.apply_delta(&value)).0, "BadDelta");
        assert_eq!(thrown(ranker.rank_bytes(&value)).0, "BadMessage");
        assert_eq!(thrown(ranker.explain_bytes(&value)).0, "BadMessage");
        assert_eq!(thrown(decode_request(&value)).0, "BadMessage");
    }
    assert_eq!(thrown(ranker.load_bundle(&bytes(SHARD))).0, "BadBundle");
    assert_eq!(thrown(ranker.push_shard(&bytes(&SHARD[..99]))).0, "BadShard");
    assert_eq!(thrown(ranker.apply_delta(&bytes(SHARD))).0, "BadDelta");
    assert_eq!(thrown(ranker.rank_bytes(&bytes(b"LBRQ"))).0, "BadMessage");
    assert_eq!(thrown(Ranker::new().rank(&json(r#"{"now": 1, "candidates": []}"#))).0, "NotLoaded");
    assert_eq!(thrown(Ranker::new().items(&Array::new())).0, "NotLoaded");
    assert_eq!(thrown(Ranker::new().apply_delta(&bytes(SHARD))).0, "NotLoaded");
}

#[wasm_bindgen_test]
fn a_shard_arrives_in_chunks() {
    let ranker = Ranker::new();
    ranker.load_bundle(&bytes(BUNDLE)).unwrap();
    let upload = ranker.begin_shard(&(SHARD.len() as u32).into()).unwrap();
    for chunk in SHARD.chunks(1000) {
        assert!(thrown(upload.finish()).1.contains("have arrived"));
        upload.write(&bytes(chunk)).unwrap();
    }
    assert!(thrown(upload.write(&bytes(&[0]))).1.contains("too many"));
    assert_eq!(field(&ranker.versions().unwrap(), "items"), 0, "not before it is whole");
    upload.finish().unwrap();
    assert_eq!(field(&ranker.versions().unwrap(), "items"), 300);
    assert!(thrown(upload.finish()).1.contains("before"));
    assert!(thrown(upload.write(&bytes(&[0]))).1.contains("before"));

    let wrong = ranker.begin_shard(&4.into()).unwrap();
    wrong.write(&bytes(&[1, 2, 3, 4])).unwrap();
    assert_eq!(thrown(wrong.finish()).0, "BadShard");
    assert_eq!(field(&ranker.versions().unwrap(), "items"), 300, "the old one stays");
    for length in [JsValue::from(-1), 1.5.into(), "7".into(), JsValue::UNDEFINED, f64::NAN.into()] {
        thrown(ranker.begin_shard(&length));
    }
    assert_eq!(thrown(ranker.begin_shard(&u32::MAX.into())).0, "OutOfMemory");
}

#[wasm_bindgen_test]
fn arrays_outlive_the_growth_of_memory() {
    let ranker = loaded();
    let columns = ranker.items(&Array::of2(&3.into(), &4.into())).unwrap();
    let embedding: Float32Array = field(&columns, "embedding").unchecked_into();
    let before = embedding.to_vec();
    assert!(before[..8].iter().any(|value| *value != 0.0) && before[8..].iter().all(|value| *value == 0.0));
    assert_eq!(field(&columns, "known").unchecked_into::<Uint8Array>().to_vec(), [1, 0]);
    let size = memory_bytes();
    let upload = ranker.begin_shard(&(64 << 20).into()).unwrap();
    assert!(memory_bytes() > size);
    assert_eq!(embedding.to_vec(), before);
    drop(upload);
}

#[wasm_bindgen_test]
fn what_is_loaded_says_what_it_is() {
    let empty = Ranker::new();
    assert!(empty.manifest().unwrap().is_undefined() && empty.attention_bias().unwrap().is_undefined());
    assert!(empty.card().unwrap().is_none() && field(&empty.versions().unwrap(), "bundle_hash").is_null());

    let ranker = loaded();
    let manifest = ranker.manifest().unwrap();
    assert_eq!(field(&manifest, "name"), "made-up");
    assert_eq!(field(&manifest, "embedding_dim"), 8);
    let hash = field(&ranker.versions().unwrap(), "shard_hash").as_string().unwrap();
    assert!(hash.len() == 64 && hash.chars().all(|digit| digit.is_ascii_hexdigit()));
    let bias = ranker.attention_bias().unwrap();
    assert_eq!(field(&bias, "action").unchecked_into::<Array>().length(), 6);
    JSON::parse(&ranker.card().unwrap().unwrap()).expect("the card is JSON");
}

#[wasm_bindgen_test]
fn code_of_the_caller_that_throws_leaves_the_ranker_whole() {
    let ranker = Rc::new(loaded());
    let getter = "return { now: 1, candidates: [3], get surface() { throw new Error('mine') } }";
    let request = Function::new_no_args(getter).call0(&JsValue::NULL).unwrap();
    let rank = Closure::<dyn Fn()>::new({
        let ranker = ranker.clone();
        // What the getter throws goes straight through, so that this never returns.
        move || drop(ranker.rank(&request))
    });
    let attempt = Function::new_with_args("rank", "try { rank() } catch (error) { return error.message }");
    assert_eq!(attempt.call1(&JsValue::NULL, rank.as_ref()).unwrap(), "mine");
    ranker.load_bundle(&bytes(BUNDLE)).expect("still in order");
    ranker.rank(&json(r#"{"now": 1, "candidates": [3]}"#)).expect("still in order");
    rank.forget();
}

#[wasm_bindgen_test]
fn a_panic_is_thrown_as_an_error() {
    let _sets_the_hook = Ranker::new();
    let panics = Closure::<dyn Fn()>::new(|| panic!("of a test"));
    let caught = "try { call() } catch (error) { return `${error.name} ${error.code} ${error.message}` }";
    let caught = Function::new_with_args("call", caught).call1(&JsValue::NULL, panics.as_ref()).unwrap();
    let caught = caught.as_string().unwrap();
    assert!(caught.starts_with("LookbackError Internal ") && caught.contains("of a test"), "{caught}");
    panics.forget();
}
