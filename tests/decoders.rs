//! Every decoder: what was encoded comes back, and damaged, foreign or newer bytes are refused with a reason.

use lookback::Ranker;
use lookback::bundle::{Bundle, BundleError};
use lookback::capture::Capture;
use lookback::event::{Event, EventColumns};
use lookback::request::{Attribute, ExplainRequest, Gsu, InlineItem, Part, Request, Weights};
use lookback::response::{
    AnsweredBy, Attention, ExplainResponse, Explanation, Notes, Ranked, Response, Source, Without,
};
use lookback::shard::{Delta, ElementType, FORMAT_VERSION, Row, Shard, ShardError, ShardHeader};
use lookback::wire::{Message, WIRE_VERSION, WireError, decode, encode};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

const WIDTH: usize = 3;
const FEATURES: usize = 2;

fn number() -> impl Strategy<Value = f32> {
    // Multiples of 1/8 are exact in half precision too.
    (-800i16..800).prop_map(|eighths| f32::from(eighths) / 8.0)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    btree_map(any::<u64>(), (0u32..9, vec(number(), FEATURES), vec(number(), WIDTH)), 0..12).prop_map(|rows| {
        let row = |(item, (category, features, embedding))| Row { item, category, features, embedding };
        rows.into_iter().map(row).collect()
    })
}

fn header(element: ElementType) -> ShardHeader {
    ShardHeader { embedding_version: "space-1".into(), element, dimension: WIDTH, feature_count: FEATURES }
}

fn element() -> impl Strategy<Value = ElementType> {
    prop_oneof![Just(ElementType::F32), Just(ElementType::F16), Just(ElementType::I8)]
}

fn row_of(shard: &Shard, row: usize) -> Row {
    let (mut features, mut embedding) = (Vec::new(), Vec::new());
    shard.append_features(row, &mut features).unwrap();
    shard.append_embedding(row, &mut embedding).unwrap();
    Row { item: shard.item(row), category: shard.category(row).unwrap(), features, embedding }
}

fn all_rows(shard: &Shard) -> Vec<Row> {
    (0..shard.len()).map(|row| row_of(shard, row)).collect()
}

fn request() -> impl Strategy<Value = Request> {
    let text = "[a-zA-Z0-9äß]{0,8}";
    let attribute = (text, text).prop_map(|(field, value)| Attribute { field, value });
    let event = (any::<u64>(), any::<u8>(), any::<i64>()).prop_map(|(item, action, time)| Event { item, action, time });
    let inline = (any::<u64>(), 0u32..9, vec(number(), WIDTH), vec(number(), FEATURES))
        .prop_map(|(item, category, embedding, features)| InlineItem { item, category, embedding, features });
    (
        any::<i64>(),
        vec(attribute, 0..3),
        proptest::option::of(text),
        vec(event, 0..20).prop_map(EventColumns::from_iter),
        vec(any::<u64>(), 0..20),
        vec(inline, 0..3),
        proptest::option::of(prop_oneof![Just(Gsu::Hard), Just(Gsu::Soft), Just(Gsu::Consistent)]),
        (number(), number()),
    )
        .prop_map(|(now, attributes, surface, history, candidates, items, gsu, (click, save))| Request {
            now,
            attributes,
            surface,
            history,
            candidates,
            items,
            gsu,
            weights: Weights { click, save },
        })
}

fn explain_response() -> ExplainResponse {
    let attention = Attention { event: 7, heads: vec![0.25, 0.75] };
    ExplainResponse {
        response: Response {
            answered_by: AnsweredBy::Model,
            model: "made-up".into(),
            bundle_hash: [1; 32],
            shard_hash: [2; 32],
            gsu: Gsu::Hard,
            ranked: vec![Ranked {
                item: 5,
                p_click: 0.5,
                p_save: 0.25,
                score: 0.75,
                logits: Some([0.0, -1.0]),
                source: Source::Model,
                in_history: true,
            }],
            notes: Notes { future_events: 3, ..Notes::default() },
        },
        explanations: vec![Explanation {
            item: 5,
            long: vec![attention.clone()],
            recent: vec![],
            skips: vec![attention],
            without: vec![Without { part: Part::Long, p_click: 0.25, p_save: 0.5, logits: [-1.0, 0.0] }],
        }],
    }
}

/// The message survives; every truncation, a byte too many, another kind and a newer version are refused.
fn check_message<M: Message + PartialEq + std::fmt::Debug>(message: &M) {
    let bytes = encode(message);
    assert_eq!(&decode::<M>(&bytes).unwrap(), message);
    for len in 0..bytes.len() {
        assert!(decode::<M>(&bytes[..len]).is_err(), "a {} cut to {len} of {} bytes was read", M::NAME, bytes.len());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(decode::<M>(&longer), Err(WireError::Damaged { .. })));
    let mut newer = bytes.clone();
    newer[4] += 1;
    assert_eq!(decode::<M>(&newer), Err(WireError::Version { name: M::NAME, got: WIRE_VERSION + 1 }));
    let mut foreign = bytes;
    foreign[0] ^= 1;
    assert!(matches!(decode::<M>(&foreign), Err(WireError::NotThisMessage { .. })));
}

#[test]
fn responses_survive_the_border_and_damage_is_refused() {
    let message = explain_response();
    check_message(&message.response);
    check_message(&message);
}

fn of_history(history: EventColumns) -> Request {
    Request {
        now: 1,
        attributes: vec![],
        surface: None,
        history,
        candidates: vec![1],
        items: vec![],
        gsu: None,
        weights: Weights::default(),
    }
}

#[test]
fn the_columns_of_a_history_are_of_one_length() {
    let event = Event { item: 0x0807_0605_0403_0201, action: 2, time: -2 };
    let bytes = encode(&of_history(EventColumns::from_iter([event])));
    let (item, time) = ([1, 2, 3, 4, 5, 6, 7, 8], [254, 255, 255, 255, 255, 255, 255, 255]);
    let column = |numbers: &[u8]| [&[numbers.len() as u8], numbers].concat();
    let written = [column(&item), column(&[2]), column(&time)].concat();
    let at = bytes.windows(written.len()).position(|some| some == written).unwrap();
    let with = |columns: [&[u8]; 3]| {
        let columns = columns.map(column).concat();
        decode::<Request>(&[&bytes[..at], &columns, &bytes[at + written.len()..]].concat())
    };
    assert_eq!(with([&item, &[2], &time]).unwrap().history.get(0), Some(event));
    assert_eq!(with([&[], &[], &[]]).unwrap().history, EventColumns::default());
    for columns in [[&[], &[2][..], &time[..]], [&item, &[], &time], [&item, &[2], &[]], [&item[..7], &[2], &time[..7]]]
    {
        assert!(matches!(with(columns), Err(WireError::Damaged { .. })), "{columns:?}");
    }
    assert_eq!(EventColumns::new(vec![1], vec![2, 2], vec![3]), None);
}

proptest! {
    #[test]
    fn requests_are_json_with_a_list_of_events(request in request()) {
        let json = serde_json::to_value(&request).unwrap();
        prop_assert_eq!(json["history"].as_array().unwrap().len(), request.history.len());
        prop_assert_eq!(serde_json::from_value::<Request>(json).unwrap(), request);
    }

    #[test]
    fn requests_survive_the_border_and_damage_is_refused(request in request(), top in any::<u32>()) {
        check_message(&request);
        check_message(&Capture { request: request.clone(), response: explain_response().response });
        check_message(&ExplainRequest { request, top, parts: Part::ALL.to_vec() });
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in vec(any::<u8>(), 0..200), letters in 0usize..5) {
        let letters =
            [Request::MAGIC, Response::MAGIC, ExplainRequest::MAGIC, ExplainResponse::MAGIC, Capture::MAGIC][letters];
        let framed = [&letters[..], &WIRE_VERSION.to_le_bytes(), &bytes].concat();
        for bytes in [&bytes[..], &framed] {
            let _ = decode::<Request>(bytes);
            let _ = decode::<Response>(bytes);
            let _ = decode::<ExplainRequest>(bytes);
            let _ = decode::<ExplainResponse>(bytes);
            let _ = decode::<Capture>(bytes);
        }
    }

    #[test]
    fn shards_survive_and_every_damaged_byte_is_refused(rows in rows(), element in element(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let shard = Shard::build(header(element), rows.clone()).unwrap();
        let bytes = shard.bytes().to_vec();
        let read = Shard::decode(bytes.clone()).unwrap();
        read.verify().unwrap();
        for (read, row) in all_rows(&read).iter().zip(&rows) {
            prop_assert_eq!((read.item, read.category, &read.features), (row.item, row.category, &row.features));
            // By definition at most half a step of int8 off; numbers in eighths are exact in both floats.
            let most = row.embedding.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            let step = if element == ElementType::I8 { most / 127.0 } else { 0.0 };
            for (read, value) in read.embedding.iter().zip(&row.embedding) {
                prop_assert!((read - value).abs() <= 0.5001 * step, "{} for {} at {}", read, value, step);
            }
        }
        prop_assert_eq!(read.len(), rows.len());
        prop_assert_eq!(read.largest_category(), rows.iter().map(|row| row.category).max());
        prop_assert_eq!(read.hash(), shard.hash());
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(Shard::decode(flipped).is_err(), "bit {} of byte {} flipped", bit, at);
        prop_assert!(Shard::decode(bytes[..at].to_vec()).is_err());
        prop_assert!(Shard::decode([&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn many_look_ups_find_what_one_by_one_finds(
        items in btree_set(prop_oneof![any::<u64>(), 0u64..300], 0..200),
        others in vec(prop_oneof![any::<u64>(), 0u64..300], 0..60),
        picks in vec(any::<prop::sample::Index>(), 0..60),
        element in element(),
    ) {
        let items: Vec<u64> = items.into_iter().collect();
        let row = |&item: &u64| Row { item, category: 0, features: vec![0.0; FEATURES], embedding: vec![(item % 999) as f32, 1.0, -0.3] };
        let shard = Shard::build(header(element), items.iter().map(row).collect()).unwrap();
        prop_assert!(shard.items().eq(items.iter().copied()));
        let mut wanted = others;
        wanted.extend(picks.iter().filter(|_| !items.is_empty()).map(|pick| items[pick.index(items.len())]));
        let plainly = |wanted: &u64| items.iter().position(|item| item == wanted);
        let found = shard.rows(&wanted);
        prop_assert_eq!(found.len(), wanted.len());
        for (item, found) in wanted.iter().zip(&found) {
            prop_assert_eq!(found.map(|row| row as usize), plainly(item));
            prop_assert_eq!(shard.row(*item), plainly(item));
        }
        let found: Vec<u32> = found.into_iter().flatten().collect();
        let (mut gathered, mut one_by_one) = (vec![f32::NAN; found.len() * WIDTH], Vec::new());
        shard.gather(&found, &mut gathered).unwrap();
        for &row in &found {
            shard.append_embedding(row as usize, &mut one_by_one).unwrap();
        }
        prop_assert_eq!(gathered, one_by_one);
    }

    #[test]
    fn each_element_type_stores_what_its_definition_says(
        embedding in vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, WIDTH),
        small in vec(-4.0f32..4.0, WIDTH),
    ) {
        for embedding in [embedding, small] {
            let most = embedding.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            let scale = most / 127.0;
            let int8 = |value: f32| if scale > 0.0 { (value / scale).round_ties_even().clamp(-127.0, 127.0) * scale } else { 0.0 };
            let half = |value: f32| half::f16::from_f32(value).to_f32();
            let row = Row { item: 7, category: 1, features: vec![0.5; FEATURES], embedding: embedding.clone() };
            let shard = Shard::build(header(ElementType::F32), vec![row]).unwrap();
            prop_assert_eq!(&row_of(&shard, 0).embedding, &embedding);
            let expected: Vec<f32> = embedding.iter().map(|&value| int8(value)).collect();
            prop_assert_eq!(row_of(&shard.stored_as(ElementType::I8).unwrap(), 0).embedding, expected);
            let expected: Vec<f32> = embedding.iter().map(|&value| half(value)).collect();
            match shard.stored_as(ElementType::F16) {
                Ok(halves) => prop_assert_eq!(row_of(&halves, 0).embedding, expected),
                Err(error) => {
                    prop_assert!(matches!(error, ShardError::NotFinite { item: 7, .. }), "{}", error);
                    prop_assert!(expected.iter().any(|value| value.is_infinite()));
                }
            }
        }
    }

    #[test]
    fn a_delta_gives_the_shard_that_building_it_anew_gives(
        old in rows(),
        new in rows(),
        replaced in vec(any::<prop::sample::Index>(), 0..4),
        deleted in vec(any::<prop::sample::Index>(), 0..4),
        element in element(),
    ) {
        let base = Shard::build(header(element), old.clone()).unwrap();
        let pick = |picks: &[prop::sample::Index]| -> Vec<u64> {
            let mut items: Vec<u64> =
                picks.iter().filter(|_| !old.is_empty()).map(|pick| old[pick.index(old.len())].item).collect();
            items.sort();
            items.dedup();
            items
        };
        let mut written = new;
        for item in pick(&replaced) {
            if written.iter().all(|row| row.item != item) {
                written.push(Row { item, category: 8, features: vec![1.0; FEATURES], embedding: vec![2.0; WIDTH] });
            }
        }
        let deleted = pick(&deleted);
        let mut expected: std::collections::BTreeMap<u64, Row> =
            old.into_iter().filter(|row| !deleted.contains(&row.item)).map(|row| (row.item, row)).collect();
        expected.extend(written.iter().map(|row| (row.item, row.clone())));

        let delta = Delta::build(&base, written, deleted).unwrap();
        let delta = Delta::decode(delta.bytes().to_vec()).unwrap();
        let after = base.apply(&delta).unwrap();
        let anew = Shard::build(header(element), expected.into_values().collect()).unwrap();
        prop_assert_eq!(after.bytes(), anew.bytes());
        if after.hash() != base.hash() {
            prop_assert!(matches!(after.apply(&delta), Err(ShardError::Base { .. })), "a delta applies to its base only");
        }
    }

    #[test]
    fn any_bytes_are_a_shard_a_delta_a_bundle_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        for magic in [&b""[..], b"LBSHARD\0", b"LBDELTA\0", b"LBBUNDLE"] {
            for version in [&b""[..], &[1, 0, 0, 0], &[2, 0, 0, 0]] {
                let framed = [magic, version, &bytes].concat();
                prop_assert!(Shard::decode(framed.clone()).is_err());
                prop_assert!(Delta::decode(framed.clone()).is_err());
                prop_assert!(Bundle::decode(&framed).is_err());
            }
        }
    }
}

#[test]
fn another_format_is_refused_by_name() {
    let shard = Shard::build(header(ElementType::F16), vec![]).unwrap();
    let newer = FORMAT_VERSION + 1;
    for version in [1, newer] {
        let mut bytes = shard.bytes().to_vec();
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let error = Shard::decode(bytes).unwrap_err();
        assert_eq!(error, ShardError::Version { kind: "shard", got: version });
        assert!(error.to_string().contains(&format!("format version {version}")), "{error}");
    }

    let mut bytes = Delta::build(&shard, vec![], vec![]).unwrap().bytes().to_vec();
    bytes[8..12].copy_from_slice(&newer.to_le_bytes());
    assert_eq!(Delta::decode(bytes).unwrap_err(), ShardError::Version { kind: "delta", got: newer });

    let newer = lookback::bundle::FORMAT_VERSION + 1;
    let error = Bundle::decode(&[&b"LBBUNDLE"[..], &newer.to_le_bytes()].concat()).unwrap_err();
    assert_eq!(error, BundleError::Version(newer));
    assert!(error.to_string().contains(&format!("format version {newer}")), "{error}");
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_their_item() {
    for (bad, field) in [(f32::NAN, "features"), (f32::INFINITY, "embedding")] {
        let mut row = Row { item: 42, category: 0, features: vec![0.0; FEATURES], embedding: vec![0.0; WIDTH] };
        if field == "features" {
            row.features[1] = bad
        } else {
            row.embedding[2] = bad
        }
        let error = Shard::build(header(ElementType::F32), vec![row]).unwrap_err();
        assert!(matches!(&error, ShardError::NotFinite { item: 42, field: found, .. } if *found == field), "{error}");
    }
}

#[test]
fn rows_of_another_width_and_repeated_items_are_refused() {
    let row = |item, width| Row { item, category: 0, features: vec![0.0; FEATURES], embedding: vec![0.0; width] };
    let error = Shard::build(header(ElementType::F32), vec![row(1, WIDTH + 1)]).unwrap_err();
    assert_eq!(error, ShardError::Width { item: 1, field: "embedding", expected: WIDTH, got: WIDTH + 1 });
    let error = Shard::build(header(ElementType::F32), vec![row(1, WIDTH), row(1, WIDTH)]).unwrap_err();
    assert_eq!(error, ShardError::Order { previous: 1, next: 1 });
}

#[test]
fn an_empty_ranker_says_what_is_missing() {
    let error = Ranker::new().rank(&of_history(EventColumns::default())).unwrap_err();
    assert!(error.to_string().contains("no bundle is loaded"), "{error}");
}
