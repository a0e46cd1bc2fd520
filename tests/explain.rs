//! What the model says without one part is what it says of a request that never had it.

mod support;

use lookback::abi::Status;
use lookback::event::{Action, EventColumns};
use lookback::request::{Attribute, ExplainRequest, Gsu, InlineItem, MAX_PARTS, Part, Request};
use lookback::response::{ExplainResponse, Explanation};
use lookback::shard::Shard;
use support::{Face, NOW, change, faces, made_up, request};

const CANDIDATES: u64 = 30;
const TOP: u32 = 7;

fn known() -> Request {
    let attribute = |field: &str, value: &str| Attribute { field: field.into(), value: value.into() };
    Request { attributes: vec![attribute("age", "25-34"), attribute("gender", "F")], ..request(200, CANDIDATES) }
}

fn explained(face: &mut dyn Face, request: &Request, parts: &[Part]) -> ExplainResponse {
    face.explain(&ExplainRequest { request: request.clone(), top: TOP, parts: parts.to_vec() }).unwrap()
}

/// Each explained candidate without the part scores as it does in the other request.
fn assert_same(explanations: &[Explanation], part: Part, other: &Request, face: &mut dyn Face) {
    let other = face.rank(other).unwrap();
    for explained in explanations {
        let without = explained.without.iter().find(|without| without.part == part).unwrap();
        let ranked = other.ranked.iter().find(|ranked| ranked.item == explained.item).unwrap();
        let name = face.name();
        assert_eq!(Some(without.logits), ranked.logits, "{part:?} {name}");
        assert_eq!((without.p_click, without.p_save), (ranked.p_click, ranked.p_save), "{part:?} {name}");
    }
}

#[test]
fn parts_that_a_request_can_leave_out_are_taken_away_as_if_it_had() {
    for gsu in [Gsu::Hard, Gsu::Soft, Gsu::Consistent] {
        let asked = Request { gsu: Some(gsu), ..known() };
        for face in &mut faces() {
            let answer = explained(face.as_mut(), &asked, &[Part::User, Part::Skips]);
            assert_eq!(answer.explanations.len(), TOP as usize);
            assert_same(
                &answer.explanations,
                Part::User,
                &Request { attributes: vec![], ..asked.clone() },
                face.as_mut(),
            );
            let mut engaged = asked.clone();
            change(&mut engaged.history, |events| {
                events.retain(|event| !Action::from_code(event.action).unwrap().is_skip());
            });
            assert_same(&answer.explanations, Part::Skips, &engaged, face.as_mut());
        }
    }
}

#[test]
fn an_item_without_its_features_keeps_its_embedding_and_category() {
    let asked = known();
    let shard = Shard::decode(made_up("shard.lbs")).unwrap();
    let items = asked.candidates.iter().map(|&item| {
        let row = shard.row(item).unwrap();
        let mut embedding = Vec::new();
        shard.append_embedding(row, &mut embedding).unwrap();
        InlineItem { item, category: shard.category(row).unwrap(), embedding, features: vec![0.0; support::FEATURES] }
    });
    let plain = Request { items: items.collect(), ..asked.clone() };
    for face in &mut faces() {
        let answer = explained(face.as_mut(), &asked, &[Part::Item]);
        assert_same(&answer.explanations, Part::Item, &plain, face.as_mut());
    }
}

#[test]
fn recent_and_long_divide_what_the_history_does() {
    for face in &mut faces() {
        let asked = known();
        let answer = explained(face.as_mut(), &asked, &Part::ALL);
        let mut nothing_engaged = asked.clone();
        change(&mut nothing_engaged.history, |events| {
            events.retain(|event| Action::from_code(event.action).unwrap().is_skip());
        });
        let gone = explained(face.as_mut(), &nothing_engaged, &[Part::Long, Part::Recent]);
        for explained in &gone.explanations {
            let ranked = gone.response.ranked.iter().find(|ranked| ranked.item == explained.item).unwrap();
            for without in &explained.without {
                assert_eq!(Some(without.logits), ranked.logits, "there was no {:?} to take", without.part);
            }
        }
        for explained in &answer.explanations {
            assert_eq!(explained.without.iter().map(|without| without.part).collect::<Vec<_>>(), Part::ALL);
            let ranked = answer.response.ranked.iter().find(|ranked| ranked.item == explained.item).unwrap();
            for part in [Part::Long, Part::Recent] {
                let without = explained.without.iter().find(|without| without.part == part).unwrap();
                assert_ne!(Some(without.logits), ranked.logits, "{part:?}");
            }
        }
    }
}

#[test]
fn the_response_is_the_one_that_rank_gives() {
    for face in &mut faces() {
        let answer = explained(face.as_mut(), &known(), &Part::ALL);
        assert_eq!(answer.response, face.rank(&known()).unwrap());
    }
}

#[test]
fn too_many_parts_are_refused_and_none_are_explained_without_a_model() {
    for face in &mut faces() {
        let many = ExplainRequest { request: known(), top: 1, parts: vec![Part::Long; MAX_PARTS + 1] };
        let refused = face.explain(&many).unwrap_err();
        assert_eq!(refused.status, Status::BadRequest);
        assert!(refused.message.contains("at most 16"), "{}", refused.message);

        let nobody = Request { now: NOW, history: EventColumns::default(), ..known() };
        assert!(explained(face.as_mut(), &nobody, &Part::ALL).explanations.is_empty());
        let nothing = ExplainRequest { request: known(), top: 0, parts: Part::ALL.to_vec() };
        assert!(face.explain(&nothing).unwrap().explanations.is_empty());
    }
}
