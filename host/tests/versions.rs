//! New bundles, shards and deltas, while the real module answers.

mod at_end;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use at_end::SetsAtEnd;
use lookback::bundle::Bundle;
use lookback::event::{Action, Event};
use lookback::request::{Gsu, Request, Weights};
use lookback::response::{AnsweredBy, Response};
use lookback::shard::{Delta, ElementType, Row, Shard, ShardHeader};
use lookback_host::{Degraded, Host, HostBuilder, HostError, Module};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the host lies in the workspace")
}

fn made_up(name: &str) -> Vec<u8> {
    let path = root().join("tests/models/made-up").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = std::env::var_os("LOOKBACK_MODULE").map(PathBuf::from);
        Module::load(path.unwrap_or_else(|| root().join("target/lookback/lookback.wasm"))).unwrap()
    })
}

fn builder() -> HostBuilder {
    Host::builder(module())
        .bundle(made_up("bundle.lbb"))
        .shard(made_up("shard.lbs"))
        .instances(2)
        .deadline(Duration::from_secs(60))
}

/// The made-up bundle under another name.
fn renamed(name: &str) -> Vec<u8> {
    let bundle = Bundle::decode(&made_up("bundle.lbb")).unwrap();
    let mut manifest = bundle.manifest().clone();
    manifest.name = name.into();
    Bundle::new(manifest, bundle.popularity().clone(), bundle.graph().clone(), "{}".into()).unwrap().encode()
}

fn shard() -> Shard {
    Shard::decode(made_up("shard.lbs")).unwrap()
}

/// The made-up shard with one item more.
fn delta() -> Delta {
    let header = shard().header().clone();
    let row = Row {
        item: 1,
        category: 1,
        features: vec![0.0; header.feature_count],
        embedding: vec![0.25; header.dimension],
    };
    Delta::build(&shard(), vec![row], vec![]).unwrap()
}

fn request() -> Request {
    let now = 1_700_000_000_000;
    Request {
        now,
        attributes: vec![],
        surface: None,
        history: (1..=60).map(|index| Event::new(3 * index, Action::Save, now - 86_400_000 * index as i64)).collect(),
        candidates: (0..30).map(|index| 9 * index + 3).chain([1]).collect(),
        items: vec![],
        gsu: Some(Gsu::Consistent),
        weights: Weights::default(),
    }
}

fn rank(host: &Host) -> Response {
    let answer = host.rank(&request()).unwrap();
    assert_eq!(answer.degraded, None);
    assert_eq!(answer.response.answered_by, AnsweredBy::Model);
    answer.response
}

#[test]
fn every_instance_gives_the_same_answer_as_the_one_that_was_loaded() {
    let mut ranker = lookback::Ranker::new();
    ranker.load_bundle(&made_up("bundle.lbb")).unwrap();
    ranker.push_shard(made_up("shard.lbs")).unwrap();
    let natively = ranker.rank(&request()).unwrap();
    let host = builder().instances(3).build().unwrap();
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..12).map(|_| scope.spawn(|| rank(&host))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!((answers[0].shard_hash, answers[0].bundle_hash), (natively.shard_hash, natively.bundle_hash));
    for (module, native) in answers[0].ranked.iter().zip(&natively.ranked) {
        assert!((module.score - native.score).abs() < 1e-5, "{module:?} {native:?}");
    }
}

#[test]
fn requests_that_run_while_versions_change_see_one_or_the_other() {
    let (old, new) = (shard(), shard().apply(&delta()).unwrap());
    let versions = [("first", &old), ("second", &new)];
    let host = builder().bundle(renamed("first")).build().unwrap();
    let expected = versions.map(|(name, shard)| {
        host.push(renamed(name), shard.bytes().to_vec()).unwrap();
        let response = rank(&host);
        assert_eq!((response.model.as_str(), response.shard_hash), (name, shard.hash()));
        response
    });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = HashSet::new();
                    while !done.load(Ordering::Relaxed) {
                        let response = rank(&host);
                        let which = expected.iter().position(|expected| expected == &response);
                        seen.insert(which.expect("a mix of two versions"));
                    }
                    seen
                })
            })
            .collect();
        let pushing = SetsAtEnd(&done);
        for round in 0..6 {
            let (name, shard) = versions[round % 2];
            host.push(renamed(name), shard.bytes().to_vec()).unwrap();
            assert_eq!(rank(&host).model, name, "what follows a push is answered from what was pushed");
        }
        drop(pushing);
        for caller in callers {
            assert_eq!(caller.join().unwrap().len(), 2, "requests ran before and after");
        }
    });
}

#[test]
fn bundle_shard_and_delta_change_alone() {
    let host = builder().build().unwrap();
    let before = rank(&host);
    assert_eq!(before.notes.unknown_candidates, 1);

    host.push_bundle(renamed("another")).unwrap();
    let response = rank(&host);
    assert_eq!((response.model.as_str(), response.shard_hash), ("another", before.shard_hash));
    assert_eq!(response.ranked, before.ranked);
    assert_eq!(host.bundle().manifest().name, "another");

    host.apply_delta(delta().bytes()).unwrap();
    let response = rank(&host);
    assert_eq!((response.model.as_str(), response.notes.unknown_candidates), ("another", 0));
    assert_eq!(response.shard_hash, shard().apply(&delta()).unwrap().hash());
    assert!(matches!(host.apply_delta(delta().bytes()), Err(HostError::Shard(_))), "a delta applies to its base only");

    host.push_shard(shard().into_bytes()).unwrap();
    assert_eq!(rank(&host).ranked, before.ranked);
}

#[test]
fn every_element_type_is_ranked_from() {
    let host = builder().build().unwrap();
    let before = rank(&host);
    for element in ElementType::ALL {
        host.push_shard(shard().stored_as(element).unwrap().into_bytes()).unwrap();
        let response = rank(&host);
        assert_eq!(response.ranked.len(), before.ranked.len());
        for ranked in &response.ranked {
            let as_half = before.ranked.iter().find(|other| other.item == ranked.item).unwrap();
            let most = if element == ElementType::I8 { 0.05 } else { 1e-6 };
            assert!((ranked.p_click - as_half.p_click).abs() <= most, "{}: {ranked:?} {as_half:?}", element.name());
        }
    }
}

#[test]
fn a_shard_without_items_is_taken() {
    let host = builder().build().unwrap();
    host.push_shard(Shard::build(shard().header().clone(), vec![]).unwrap().into_bytes()).unwrap();
    let answer = host.rank(&request()).unwrap();
    assert_eq!((answer.degraded, answer.response.answered_by), (None, AnsweredBy::GlobalTrending));
    assert_eq!(answer.response.notes.unknown_candidates, 31);
}

#[test]
fn what_is_refused_is_never_published() {
    let host = builder().build().unwrap();
    let before = rank(&host);
    let other = ShardHeader { embedding_version: "another-space".into(), ..shard().header().clone() };
    let other = Shard::build(other, vec![]).unwrap().into_bytes();
    let error = host.push_shard(other).unwrap_err();
    assert!(matches!(&error, HostError::Refused { call: "push_shard", .. }), "{error}");
    assert!(error.to_string().contains("another-space"), "{error}");

    // A shard with a right hash and a NaN: refused before the module sees it.
    let mut bytes = shard().stored_as(ElementType::F32).unwrap().into_bytes();
    let len = bytes.len();
    bytes[len - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..96]).update(&bytes[128..]);
    let hash = *hasher.finalize().as_bytes();
    bytes[96..128].copy_from_slice(&hash);
    assert!(matches!(host.push_shard(bytes), Err(HostError::Shard(_))));
    assert_eq!(rank(&host), before);
}

#[test]
fn an_instance_that_is_lost_comes_back_from_the_image() {
    let before = rank(&builder().build().unwrap());
    let mut large = request();
    large.history = (0..200_000).map(|index| Event::new(3 + 3 * (index % 300), Action::Save, index as i64)).collect();
    large.candidates = (1..5_000).collect();

    let host = builder().instances(1).deadline(Duration::from_millis(1)).build().unwrap();
    for _ in 0..3 {
        let reason = host.rank(&large).unwrap().degraded.expect("a millisecond is not enough");
        assert!(matches!(reason, Degraded::DeadlinePassed(_)), "{reason}");
    }
    // Enough for a small request and too little for a large one.
    let host = builder().instances(1).memory_limit(24 << 20).build().unwrap();
    for _ in 0..2 {
        let reason = host.rank(&large).unwrap().degraded.expect("more than fits");
        assert!(matches!(reason, Degraded::OutOfMemory { .. }), "{reason}");
        assert_eq!(rank(&host), before, "the one in its place has bundle and shard");
    }
}
