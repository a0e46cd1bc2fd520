//! The conformance vectors: recorded requests with the answers that every face must reproduce.
//!
//! The module must give the very bytes; natively, where the compiler may use other instructions, probabilities may
//! differ by 1e-5 and logits by 1e-4. `LOOKBACK_RECORD=1 cargo test --release --test conformance` records them anew.

mod support;

use lookback::event::{Action, Event, EventColumns};
use lookback::request::{Attribute, ExplainRequest, Gsu, InlineItem, Part, Request, Weights};
use lookback::response::ExplainResponse;
use lookback::wire::{decode, encode};
use support::{DAY, DIMENSION, FEATURES, NOW, Wasm, assert_agree, faces, item, made_up, request, root};

/// What is recorded; the names are the files' names.
fn questions() -> Vec<(&'static str, ExplainRequest)> {
    let attribute = |field: &str, value: &str| Attribute { field: field.into(), value: value.into() };
    let with = |request: Request| ExplainRequest { request, top: 3, parts: Vec::new() };
    let plain = request(300, 100);
    vec![
        ("soft", with(plain.clone())),
        ("hard", with(Request { gsu: Some(Gsu::Hard), ..plain.clone() })),
        ("consistent", with(Request { gsu: Some(Gsu::Consistent), ..plain.clone() })),
        ("default-gsu", with(Request { gsu: None, ..plain.clone() })),
        ("short-history", with(request(7, 30))),
        ("long-history", with(request(5000, 50))),
        ("no-history", with(request(0, 30))),
        (
            "no-history-known-group",
            with(Request { attributes: vec![attribute("age", "25-34"), attribute("gender", "F")], ..request(0, 30) }),
        ),
        ("without-each-part", ExplainRequest { request: plain.clone(), top: 5, parts: Part::ALL.to_vec() }),
        ("only-saves", with(Request { weights: Weights { click: 0.0, save: 1.0 }, ..plain.clone() })),
        (
            "everything-odd",
            with(Request {
                attributes: vec![attribute("age", "18-24"), attribute("planet", "mars")],
                surface: Some("nowhere".into()),
                history: EventColumns::from_iter([
                    Event::new(item(5), Action::Save, NOW - 3 * DAY),
                    Event::new(item(9), Action::Skip, NOW - 9 * DAY),
                    Event { item: item(11), action: 200, time: NOW - DAY },
                    Event::new(1, Action::Click, NOW - DAY),
                    Event::new(item(5), Action::Click, NOW + DAY),
                ]),
                candidates: vec![item(1), item(2), item(1), 1, 2, item(5)],
                items: vec![InlineItem {
                    item: 2,
                    category: 1,
                    embedding: (0..DIMENSION).map(|i| i as f32 / 4.0).collect(),
                    features: vec![-0.5; FEATURES],
                }],
                ..plain
            }),
        ),
    ]
}

#[test]
fn every_face_reproduces_the_recorded_answers() {
    let folder = root().join("tests/vectors");
    let record = std::env::var_os("LOOKBACK_RECORD").is_some();
    let mut wasm = Wasm::new();
    wasm.call("load_bundle", &made_up("bundle.lbb")).unwrap();
    wasm.call("push_shard", &made_up("shard.lbs")).unwrap();
    let mut faces = faces();
    for (name, question) in questions() {
        let (request_path, response_path) =
            (folder.join(format!("{name}.request")), folder.join(format!("{name}.response")));
        if record {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&request_path, encode(&question)).unwrap();
            std::fs::write(&response_path, wasm.call("explain", &encode(&question)).unwrap()).unwrap();
        }
        let request = std::fs::read(&request_path).unwrap();
        assert_eq!(request, encode(&question), "{name}: the encoding of requests has changed");
        let recorded = std::fs::read(&response_path).unwrap();
        assert!(wasm.call("explain", &request).unwrap() == recorded, "{name}: the module gives other bytes");

        let expected: ExplainResponse = decode(&recorded).unwrap();
        for face in &mut faces {
            assert_agree(&face.rank(&question.request).unwrap(), &expected.response, 1e-5);
            let answer = face.explain(&question).unwrap();
            assert_agree(&answer.response, &expected.response, 1e-5);
            assert_eq!(answer.explanations.len(), expected.explanations.len());
            for (got, expected) in answer.explanations.iter().zip(&expected.explanations) {
                assert_eq!(got.item, expected.item, "{name}");
                assert_eq!(got.without.len(), question.parts.len(), "{name}");
                for (got, expected) in got.without.iter().zip(&expected.without) {
                    assert_eq!(got.part, expected.part, "{name}");
                    let differ = [got.p_click - expected.p_click, got.p_save - expected.p_save];
                    assert!(differ.iter().all(|difference| difference.abs() < 1e-5), "{name}: {got:?} {expected:?}");
                }
                for (got, expected) in
                    [(&got.long, &expected.long), (&got.recent, &expected.recent), (&got.skips, &expected.skips)]
                {
                    assert_eq!(got.len(), expected.len(), "{name}");
                    for (got, expected) in got.iter().zip(expected) {
                        assert!((got.weight() - expected.weight()).abs() < 1e-5, "{name}: {got:?} {expected:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_same_request_gives_the_same_bytes_in_every_instance_and_order() {
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut wasm = Wasm::new();
        wasm.call("load_bundle", &made_up("bundle.lbb")).unwrap();
        wasm.call("push_shard", &made_up("shard.lbs")).unwrap();
        for events in [50, 1000, 50] {
            answers.push((events, wasm.call("rank", &encode(&request(events, 40))).unwrap()));
        }
    }
    for (events, bytes) in &answers {
        let first = answers.iter().find(|(other, _)| other == events).unwrap();
        assert!(bytes == &first.1, "{events} events");
    }
}
