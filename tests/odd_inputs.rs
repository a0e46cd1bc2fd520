//! Every odd input has one documented answer, the same natively and in the module.

mod support;

use lookback::abi::Status;
use lookback::bundle::Bundle;
use lookback::event::{Action, Event, EventColumns};
use lookback::request::{Attribute, ExplainRequest, Gsu, InlineItem, MAX_CANDIDATES, MAX_EVENTS, Request, Weights};
use lookback::response::{AnsweredBy, Notes, Response, Source};
use lookback::shard::{Delta, ElementType, Row, Shard, ShardError, ShardHeader};
use support::{
    DAY, DIMENSION, FEATURES, NOW, Refused, assert_agree, change, empty_faces, faces, item, made_up, request,
};

/// The answer of both faces, which must agree.
fn rank(request: &Request) -> Response {
    let responses: Vec<Response> = faces().iter_mut().map(|face| face.rank(request).unwrap()).collect();
    assert_agree(&responses[0], &responses[1], 1e-5);
    for ranked in &responses[1].ranked {
        assert!((0.0..=1.0).contains(&ranked.p_click) && (0.0..=1.0).contains(&ranked.p_save), "{ranked:?}");
    }
    let scores: Vec<f32> = responses[1].ranked.iter().map(|ranked| ranked.score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "best first");
    responses.into_iter().nth(1).unwrap()
}

/// The refusal of both faces, which must be one.
fn refusal(request: &Request) -> Refused {
    let refusals: Vec<Refused> = faces().iter_mut().map(|face| face.rank(request).unwrap_err()).collect();
    assert_eq!(refusals[0], refusals[1]);
    refusals.into_iter().next().unwrap()
}

fn attribute(field: &str, value: &str) -> Attribute {
    Attribute { field: field.into(), value: value.into() }
}

fn inline(item: u64) -> InlineItem {
    InlineItem { item, category: 2, embedding: vec![0.5; DIMENSION], features: vec![0.1; FEATURES] }
}

#[test]
fn an_ordinary_request_is_answered_by_the_model_without_notes() {
    let response = rank(&request(200, 100));
    assert_eq!(response.answered_by, AnsweredBy::Model);
    assert_eq!(response.notes, Notes::default());
    assert_eq!(response.ranked.len(), 100);
    assert!(response.ranked.iter().all(|ranked| ranked.source == Source::Model && ranked.logits.is_some()));
}

#[test]
fn without_history_popularity_answers() {
    let global = rank(&request(0, 20));
    assert_eq!(global.answered_by, AnsweredBy::GlobalTrending);
    assert!(global.ranked.iter().all(|ranked| ranked.source == Source::Popularity && ranked.logits.is_none()));

    let mut known = request(0, 20);
    known.attributes = vec![attribute("gender", "F"), attribute("age", "25-34")];
    let group = rank(&known);
    assert_eq!(group.answered_by, AnsweredBy::DemographicPopularity);
    assert_ne!(group.ranked, global.ranked);

    known.attributes = vec![attribute("gender", "M"), attribute("age", "25-34")];
    assert_eq!(rank(&known).answered_by, AnsweredBy::GlobalTrending, "a group too small to have a table");
}

#[test]
fn an_unknown_user_is_a_user_of_whom_only_the_events_are_known() {
    let mut stranger = request(50, 20);
    stranger.attributes = vec![attribute("gender", "martian"), attribute("shoe size", "42")];
    stranger.surface = Some("billboard".into());
    let response = rank(&stranger);
    assert_eq!(response.answered_by, AnsweredBy::Model);
    assert_eq!((response.notes.unknown_attributes, response.notes.unknown_surface), (2, true));
    stranger.attributes.clear();
    stranger.surface = None;
    assert_eq!(rank(&stranger).ranked, response.ranked);
}

#[test]
fn an_unknown_candidate_is_scored_by_popularity_and_says_so() {
    let mut odd = request(50, 10);
    odd.candidates.push(1);
    let response = rank(&odd);
    assert_eq!(response.notes.unknown_candidates, 1);
    let unknown = response.ranked.iter().find(|ranked| ranked.item == 1).unwrap();
    assert_eq!((unknown.source, unknown.logits), (Source::Popularity, None));
    assert_eq!((unknown.p_click, unknown.p_save), (0.03, 0.01), "the table's rates of an unlisted item");

    odd.candidates = vec![1, 2];
    let response = rank(&odd);
    assert_eq!((response.answered_by, response.notes.unknown_candidates), (AnsweredBy::Model, 2));
}

#[test]
fn an_event_with_an_unknown_item_is_left_out_and_counted() {
    let mut odd = request(50, 10);
    let plain = rank(&odd);
    change(&mut odd.history, |events| events.insert(10, Event::new(1, Action::Save, events[10].time)));
    let response = rank(&odd);
    assert_eq!(response.notes.unknown_item_events, 1);
    assert_eq!(response.ranked, plain.ranked);

    odd.history = EventColumns::from_iter([Event::new(1, Action::Save, NOW - DAY)]);
    assert_eq!(rank(&odd).answered_by, AnsweredBy::GlobalTrending, "no event is usable");
}

#[test]
fn hard_search_finds_nothing_for_an_item_of_unknown_category() {
    let mut odd = request(80, 1);
    odd.candidates = vec![2];
    odd.items = vec![InlineItem { category: 0, ..inline(2) }];
    for (gsu, found) in [(Gsu::Consistent, 50), (Gsu::Soft, 50), (Gsu::Hard, 0)] {
        odd.gsu = Some(gsu);
        for face in &mut faces() {
            let answer = face.explain(&ExplainRequest { request: odd.clone(), top: 1, parts: Vec::new() }).unwrap();
            assert_eq!(answer.explanations[0].long.len(), found, "{} {gsu:?}", face.name());
        }
    }
    odd.items[0].category = 99;
    let refused = refusal(&odd);
    assert_eq!(refused.status, Status::BadRequest);
    assert!(refused.message.contains("category 99, expected 0 (unknown) to 5"), "{}", refused.message);
}

#[test]
fn an_unknown_action_counts_as_other() {
    let mut odd = request(50, 10);
    change(&mut odd.history, |events| events[3].action = 77);
    let response = rank(&odd);
    assert_eq!(response.notes.unknown_action_events, 1);
    change(&mut odd.history, |events| events[3].action = Action::Other.code());
    let other = rank(&odd);
    assert_eq!((other.ranked, other.notes), (response.ranked, Notes::default()));
}

#[test]
fn no_candidates_give_an_empty_list() {
    for events in [0, 50] {
        let response = rank(&request(events, 0));
        assert!(response.ranked.is_empty());
    }
    for face in &mut faces() {
        let answer = face.explain(&ExplainRequest { request: request(50, 0), top: 5, parts: Vec::new() }).unwrap();
        assert!(answer.explanations.is_empty());
    }
}

#[test]
fn one_candidate_scores_as_it_does_among_many() {
    let many = rank(&request(120, 40));
    let mut one = request(120, 40);
    one.candidates.truncate(1);
    let alone = rank(&one).ranked.remove(0);
    let among = many.ranked.iter().find(|ranked| ranked.item == alone.item).unwrap();
    for (a, b) in alone.logits.unwrap().iter().zip(among.logits.unwrap()) {
        assert!((a - b).abs() < 1e-4, "{alone:?} {among:?}");
    }
}

#[test]
fn five_thousand_candidates_are_ranked_and_too_many_are_refused() {
    let mut many = request(100, 0);
    many.items = (0..5000).map(|i| InlineItem { item: 1_000_000 + i, ..inline(0) }).collect();
    for (number, item) in many.items.iter_mut().enumerate() {
        item.embedding[number % DIMENSION] += number as f32 / 5000.0;
    }
    many.candidates = many.items.iter().map(|row| row.item).collect();
    assert_eq!(rank(&many).ranked.len(), 5000);

    many.candidates = (0..=MAX_CANDIDATES as u64).collect();
    assert!(refusal(&many).message.contains("10001 candidates, at most 10000"));
    let mut long = request(1, 1);
    change(&mut long.history, |events| *events = vec![events[0]; MAX_EVENTS + 1]);
    assert!(refusal(&long).message.contains("at most 262144 are read"));
}

#[test]
fn a_repeated_candidate_is_ranked_once() {
    let plain = rank(&request(50, 10));
    let mut odd = request(50, 10);
    odd.candidates.extend_from_within(..4);
    let response = rank(&odd);
    assert_eq!((response.notes.duplicate_candidates, &response.ranked), (4, &plain.ranked));
}

#[test]
fn a_candidate_of_the_history_is_ranked_and_marked() {
    let mut odd = request(50, 10);
    odd.candidates.push(odd.history.item()[20]);
    odd.candidates.dedup();
    let marked: Vec<u64> = rank(&odd).ranked.iter().filter(|r| r.in_history).map(|r| r.item).collect();
    assert!(marked.contains(&odd.history.item()[20]));
    assert!(marked.iter().all(|item| odd.history.item().contains(item)));
}

#[test]
fn events_out_of_order_are_sorted_and_counted() {
    let ordered = request(60, 15);
    let mut odd = ordered.clone();
    change(&mut odd.history, |events| events.swap(10, 40));
    let (plain, response) = (rank(&ordered), rank(&odd));
    assert!(response.notes.out_of_order_events > 0);
    assert_eq!(response.ranked, plain.ranked);
}

#[test]
fn of_events_at_one_time_the_later_given_is_the_newer() {
    let mut odd = request(30, 5);
    change(&mut odd.history, |events| events.iter_mut().for_each(|event| event.time = NOW - DAY));
    let response = rank(&odd);
    assert_eq!(response.notes, Notes::default());
    // Twenty are recent; the oldest given are not among them.
    for face in &mut faces() {
        let answer = face.explain(&ExplainRequest { request: odd.clone(), top: 1, parts: Vec::new() }).unwrap();
        let engaged: Vec<u32> = (0..30).filter(|i| !matches!(odd.history.action()[*i as usize], 4 | 5)).collect();
        let mut recent: Vec<u32> = answer.explanations[0].recent.iter().map(|attention| attention.event).collect();
        recent.sort();
        assert_eq!(recent, engaged[engaged.len() - 20..], "{}", face.name());
    }
}

#[test]
fn events_at_or_after_the_request_are_left_out_and_counted() {
    let plain = rank(&request(50, 10));
    let mut odd = request(50, 10);
    change(&mut odd.history, |events| {
        events.push(Event::new(item(1), Action::Save, NOW));
        events.push(Event::new(item(2), Action::Save, i64::MAX));
    });
    let response = rank(&odd);
    assert_eq!((response.notes.future_events, &response.ranked), (2, &plain.ranked));
}

#[test]
fn times_at_the_ends_of_the_range_are_times() {
    let mut odd = request(30, 5);
    change(&mut odd.history, |events| events[0].time = i64::MIN);
    rank(&odd);
    odd.now = i64::MAX;
    rank(&odd);
    odd.now = i64::MIN;
    let response = rank(&odd);
    assert_eq!((response.answered_by, response.notes.future_events), (AnsweredBy::GlobalTrending, 30));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut odd = request(10, 2);
        odd.items = vec![inline(5)];
        odd.items[0].embedding[3] = bad;
        assert!(refusal(&odd).message.starts_with("inline item 5: embedding holds"));
        odd.items = vec![inline(5)];
        odd.items[0].features[1] = bad;
        assert!(refusal(&odd).message.starts_with("inline item 5: features holds"));
    }
    for (click, save) in [(f32::NAN, 1.0), (1.0, f32::INFINITY), (-1.0, 1.0), (0.0, 0.0), (f32::MAX, f32::MAX)] {
        let mut odd = request(10, 2);
        odd.weights = Weights { click, save };
        assert_eq!(refusal(&odd).status, Status::BadRequest, "{click} {save}");
    }
    let mut huge = request(60, 2);
    huge.items = vec![InlineItem { embedding: vec![f32::MAX; DIMENSION], ..inline(5) }];
    huge.candidates = vec![5];
    let refused = refusal(&huge);
    assert_eq!(refused.status, Status::Internal, "finite, but beyond what the model can compute");
    assert!(refused.message.contains("not finite"), "{}", refused.message);
}

#[test]
fn another_width_is_refused_with_both_widths() {
    let mut odd = request(10, 2);
    odd.items = vec![InlineItem { embedding: vec![0.0; DIMENSION + 1], ..inline(5) }];
    assert_eq!(
        refusal(&odd).message,
        "inline item 5: embedding has 9 numbers, expected 8; the bundle's manifest gives the width"
    );
    odd.items = vec![InlineItem { features: vec![], ..inline(5) }];
    assert!(refusal(&odd).message.contains("features has 0 numbers, expected 2"));
    odd.items = vec![inline(5), inline(5)];
    assert!(refusal(&odd).message.contains("given twice"));
}

#[test]
fn a_shard_that_the_bundle_cannot_read_is_refused_and_the_old_one_stays() {
    let bundle = Bundle::decode(&made_up("bundle.lbb")).unwrap();
    let right = ShardHeader {
        embedding_version: bundle.manifest().embedding_version.clone(),
        element: ElementType::F16,
        dimension: DIMENSION,
        feature_count: FEATURES,
    };
    let shard = |header: ShardHeader, category: u32| {
        let row = Row {
            item: 3,
            category,
            features: vec![0.0; header.feature_count],
            embedding: vec![0.0; header.dimension],
        };
        Shard::build(header, vec![row]).unwrap().into_bytes()
    };
    let wrong = [
        (
            shard(ShardHeader { embedding_version: "another-space".into(), ..right.clone() }, 0),
            Status::EmbeddingVersion,
        ),
        (shard(ShardHeader { dimension: 9, ..right.clone() }, 0), Status::BadShard),
        (shard(ShardHeader { feature_count: 3, ..right.clone() }, 0), Status::BadShard),
        (shard(right.clone(), 6), Status::BadShard),
    ];
    let expected = rank(&request(40, 10));
    for (bytes, status) in &wrong {
        let mut messages = Vec::new();
        for face in &mut faces() {
            let refused = face.push_shard(bytes).unwrap_err();
            assert_eq!(refused.status, *status, "{}: {}", face.name(), refused.message);
            messages.push(refused.message);
            assert_agree(&face.rank(&request(40, 10)).unwrap(), &expected, 1e-5);
        }
        assert_eq!(messages[0], messages[1]);
    }
    for face in &mut empty_faces() {
        face.push_shard(&wrong[0].0).unwrap();
        let refused = face.load_bundle(&made_up("bundle.lbb")).unwrap_err();
        assert_eq!(refused.status, Status::EmbeddingVersion);
        assert!(
            refused.message.contains("another-space") && refused.message.contains("made-up-"),
            "{}",
            refused.message
        );
    }
}

#[test]
fn a_delta_changes_what_is_ranked_and_a_foreign_one_is_refused() {
    let base = Shard::decode(made_up("shard.lbs")).unwrap();
    let row = Row { item: 1, category: 1, features: vec![0.0; FEATURES], embedding: vec![0.25; DIMENSION] };
    let delta = Delta::build(&base, vec![row], vec![item(0)]).unwrap().bytes().to_vec();
    let mut odd = request(40, 10);
    odd.candidates = vec![1, item(0), item(1)];
    let mut answers = Vec::new();
    for face in &mut faces() {
        assert_eq!(face.rank(&odd).unwrap().notes.unknown_candidates, 1);
        face.apply_delta(&delta).unwrap();
        let response = face.rank(&odd).unwrap();
        let by_popularity: Vec<u64> =
            response.ranked.iter().filter(|r| r.source == Source::Popularity).map(|r| r.item).collect();
        assert_eq!(by_popularity, [item(0)], "the new item is known, the deleted one no longer");
        let refused = face.apply_delta(&delta).unwrap_err();
        assert_eq!(refused.status, Status::BadDelta, "{}", refused.message);
        answers.push(response);
    }
    assert_agree(&answers[0], &answers[1], 1e-5);
    for face in &mut empty_faces() {
        assert_eq!(face.apply_delta(&delta).unwrap_err().status, Status::NotLoaded);
        assert_eq!(face.rank(&odd).unwrap_err().status, Status::NotLoaded);
    }
}

/// The made-up shard with some of its bytes written over, and a hash that is right.
fn tampered(at: impl Fn(usize) -> usize, bytes: &[u8]) -> Vec<u8> {
    let mut shard = made_up("shard.lbs");
    let rows = Shard::decode(shard.clone()).unwrap().len();
    let at = at(rows);
    shard[at..at + bytes.len()].copy_from_slice(bytes);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&shard[..96]).update(&shard[128..]);
    let hash = *hasher.finalize().as_bytes();
    shard[96..128].copy_from_slice(&hash);
    shard
}

#[test]
fn a_row_that_nobody_verified_is_an_error_where_it_is_read() {
    // Columns of the made-up shard, each at a multiple of 16; row 1 is item 6.
    let column = |end: usize| end.next_multiple_of(16);
    let categories = |rows: usize| column(128 + 8 * rows);
    let features = move |rows: usize| column(categories(rows) + 4 * rows);
    let embeddings = move |rows: usize| column(features(rows) + 4 * FEATURES * rows);
    let nan = f32::NAN.to_le_bytes();
    let not_half = [0x00, 0x7c];
    let bad = [
        (tampered(move |rows| categories(rows) + 4, &[9, 0, 0, 0]), "category 9"),
        (tampered(move |rows| features(rows) + 4 * FEATURES, &nan), "features holds NaN"),
        (tampered(move |rows| embeddings(rows) + 2 * DIMENSION, &not_half), "embedding holds inf"),
    ];
    for (bytes, says) in &bad {
        let error = Shard::decode(bytes.clone()).unwrap().verify().unwrap_err().to_string();
        assert!(error.contains("item 6") && error.contains(says) || error.contains("largest category"), "{error}");
        for face in &mut faces() {
            face.push_shard(bytes).unwrap();
            let mut question = request(40, 10);
            question.candidates = vec![3, 6, 9];
            for gsu in [Gsu::Hard, Gsu::Soft, Gsu::Consistent] {
                question.gsu = Some(gsu);
                let refused = face.rank(&question).unwrap_err();
                assert_eq!(refused.status, Status::BadShard);
                assert!(refused.message.contains("item 6") && refused.message.contains(says), "{}", refused.message);
            }
            question.candidates = vec![3, 9];
            change(&mut question.history, |events| events.retain(|event| event.item != 6));
            assert_eq!(face.rank(&question).unwrap().ranked.len(), 2, "who does not need the row is answered");
        }
    }
}

#[test]
fn items_out_of_order_that_nobody_verified_are_merely_not_found() {
    let bytes = tampered(|_| 128, &u64::MAX.to_le_bytes());
    assert!(matches!(Shard::decode(bytes.clone()).unwrap().verify(), Err(ShardError::Order { .. })));
    for face in &mut faces() {
        face.push_shard(&bytes).unwrap();
        let mut question = request(40, 10);
        question.candidates = vec![3, 6, u64::MAX];
        let response = face.rank(&question).unwrap();
        assert!(response.notes.unknown_candidates >= 1);
        let base = Shard::decode(bytes.clone()).unwrap();
        face.apply_delta(Delta::build(&base, vec![], vec![6, u64::MAX]).unwrap().bytes()).unwrap();
        assert_eq!(face.rank(&question).unwrap().ranked.len(), 3);
    }
}
