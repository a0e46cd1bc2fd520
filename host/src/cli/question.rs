//! A request about a person of the data set: their past, a moment, and what to rank at it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lookback::bundle::Manifest;
use lookback::event::Action;
use lookback::request::{Attribute, Gsu, Request, Weights};
use lookback_pipeline::id::id_of;
use lookback_pipeline::log::Log;
use lookback_pipeline::popularity::PopularitySampler;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::data::Data;

/// Candidates that the person really met, at most.
const MOST_MET: usize = 50;
/// Drawn with probability proportional to (engagements before the moment) to this power.
const EXPONENT: f64 = 0.75;

/// A request, and what really happened.
pub struct Question {
    pub request: Request,
    /// Candidates that the person really met from the moment on, with what they did.
    pub then: HashMap<u64, Action>,
}

/// What to ask of the request besides the person.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Unix milliseconds; none for the person's first event of the test period, or just after their last one.
    pub now: Option<i64>,
    pub gsu: Option<Gsu>,
    pub weights: Weights,
}

/// Where the candidates come from.
pub enum Candidates {
    /// What the person met next, filled up to so many with unseen items drawn by popularity.
    Drawn { count: usize, seed: u64 },
    /// These.
    Given(Vec<u64>),
}

impl Candidates {
    /// Reads a file with one item key a line.
    pub fn from_file(path: &Path) -> Result<Candidates> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; expected a file with one item key a line", path.display()))?;
        let keys = text.lines().map(str::trim).filter(|key| !key.is_empty());
        Ok(Candidates::Given(keys.map(id_of).collect()))
    }
}

/// Puts the question about `user`; `test_from` is where the test period starts, if the data set has one.
pub fn put(
    data: &Data,
    manifest: &Manifest,
    user: u64,
    asked: Asked,
    candidates: &Candidates,
    test_from: Option<i64>,
) -> Question {
    let log = &data.set.log;
    let now = asked.now.unwrap_or_else(|| moment(log, user, test_from));
    let (rows, past) = (log.user_range(user), log.history_before(user, now));
    let met = past.end..rows.end;
    let mut then: HashMap<u64, Action> = HashMap::new();
    for row in met.clone() {
        let strongest = then.entry(log.item[row]).or_insert(log.action[row]);
        if strength(log.action[row]) > strength(*strongest) {
            *strongest = log.action[row];
        }
    }
    let candidates = match candidates {
        Candidates::Given(items) => items.clone(),
        Candidates::Drawn { count, seed } => {
            let mut drawn = first_distinct(&log.item[met], MOST_MET.min(*count));
            let seen: HashSet<u64> = log.item[rows].iter().copied().collect();
            drawn.extend(unseen(data, &seen, now, count - drawn.len(), *seed));
            // Ties are answered in this order, which must not favour what was met.
            drawn.sort_unstable();
            drawn
        }
    };
    Question {
        request: Request {
            now,
            attributes: attributes(data, manifest, user),
            surface: surface(log, user, past.end, now),
            history: past.map(|row| log.event(row)).collect(),
            candidates,
            items: Vec::new(),
            gsu: asked.gsu,
            weights: asked.weights,
        },
        then,
    }
}

/// Those of the person's attributes that the model embeds.
pub fn attributes(data: &Data, manifest: &Manifest, user: u64) -> Vec<Attribute> {
    let known = data.set.user(user).map(|row| &row.attributes);
    let fields = manifest.user_fields.iter();
    fields
        .filter_map(|field| {
            let value = known?.get(&field.name)?.clone();
            Some(Attribute { field: field.name.clone(), value })
        })
        .collect()
}

/// Where the person was at the moment: the surface of the event that starts it, in row `next` of the log.
pub fn surface(log: &Log, user: u64, next: usize, now: i64) -> Option<String> {
    let starts = next < log.len() && log.user[next] == user && log.time[next] == now;
    starts.then(|| log.surface.get(next))?.map(str::to_owned)
}

/// The moment to rank at unless another is asked for.
fn moment(log: &Log, user: u64, test_from: Option<i64>) -> i64 {
    let times = &log.time[log.user_range(user)];
    let held_out = test_from.and_then(|from| times.iter().find(|&&time| time >= from));
    match (held_out, times.last()) {
        (Some(&time), _) => time,
        (None, Some(&last)) => last + 1,
        // Nothing is known of them: any moment after the log does.
        (None, None) => log.time.iter().max().map_or(0, |last| last + 1),
    }
}

/// Of several things done with an item, the one that says most.
fn strength(action: Action) -> u8 {
    match action {
        Action::Hide => 0,
        Action::Skip => 1,
        Action::Other => 2,
        Action::Closeup => 3,
        Action::Click => 4,
        Action::Save => 5,
    }
}

fn first_distinct(items: &[u64], most: usize) -> Vec<u64> {
    let mut seen = HashSet::new();
    let distinct = items.iter().copied().filter(|item| seen.insert(*item));
    distinct.take(most).collect()
}

/// Items the person never meets, drawn by how often anyone engaged with them before `now`; fewer where there are fewer.
fn unseen(data: &Data, seen: &HashSet<u64>, now: i64, count: usize, seed: u64) -> Vec<u64> {
    let log = &data.set.log;
    let engaged =
        (0..log.len()).filter(|&row| log.time[row] < now && !log.action[row].is_skip()).map(|row| log.item[row]);
    match PopularitySampler::new(engaged, EXPONENT) {
        Some(sampler) => sampler.sample(&mut ChaCha8Rng::seed_from_u64(seed), count, seen),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use lookback_pipeline::log::LogRow;

    use super::*;

    #[test]
    fn the_surface_is_that_of_the_persons_event_at_the_moment() {
        let mut log = Log::default();
        for (user, time, place) in [
            (1, 10, Some("home")),
            (1, 20, Some("search")),
            (1, 20, Some("home")),
            (1, 30, None),
            (2, 40, Some("home")),
        ] {
            log.push(LogRow {
                user,
                item: 7,
                action: Action::Click,
                time,
                surface: place,
                position: None,
                request: None,
            });
        }
        let at = |now| surface(&log, 1, log.history_before(1, now).end, now);
        assert_eq!(at(10).as_deref(), Some("home"));
        // The first of a moment's events.
        assert_eq!(at(20).as_deref(), Some("search"));
        // Unknown, between two events, after the last, another's.
        assert!([30, 25, 31, 40].into_iter().all(|now| at(now).is_none()));
    }
}
