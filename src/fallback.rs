//! Answers from the popularity tables, when nothing usable is known of a person or the model cannot run.

use crate::bundle::Bundle;
use crate::in_history::InHistory;
use crate::request::{Request, RequestError};
use crate::response::{AnsweredBy, Notes, Ranked, Response, Source};
use crate::score::{self, Scored};
use crate::sequence::Timeline;

/// Ranks by popularity within the person's demographic group, or among everyone.
///
/// The host calls this itself when the module fails or its deadline passes; `shard_hash` names the shard that would
/// have been used. Nothing is looked up in the shard, so events and candidates it lacks are not counted in the notes.
pub fn answer(bundle: &Bundle, shard_hash: [u8; 32], request: &Request) -> Result<Response, RequestError> {
    request.check()?;
    let mut notes = Notes::default();
    let timeline = Timeline::of(request, &mut notes);
    let candidates = score::distinct(&request.candidates, &mut notes);
    let in_history = InHistory::of(&candidates, timeline.items());
    Ok(from_popularity(bundle, shard_hash, request, &in_history, &candidates, notes))
}

pub(crate) fn from_popularity(
    bundle: &Bundle,
    shard_hash: [u8; 32],
    request: &Request,
    in_history: &InHistory,
    candidates: &[u64],
    notes: Notes,
) -> Response {
    let popularity = bundle.popularity();
    let (answered_by, table) = match popularity.group(&request.attributes) {
        Some(table) => (AnsweredBy::DemographicPopularity, table),
        None => (AnsweredBy::GlobalTrending, &popularity.global),
    };
    let ranked = candidates.iter().map(|&item| {
        let (p_click, p_save) = table.rates(item);
        let scored = Scored { p_click, p_save, logits: None, source: Source::Popularity };
        scored.ranked(item, request.weights, in_history.holds(item))
    });
    let mut ranked: Vec<Ranked> = ranked.collect();
    score::best_first(&mut ranked);
    Response {
        answered_by,
        model: bundle.manifest().name.clone(),
        bundle_hash: bundle.hash(),
        shard_hash,
        gsu: request.gsu.unwrap_or(bundle.manifest().default_gsu),
        ranked,
        notes,
    }
}
