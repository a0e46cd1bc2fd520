//! Fixtures: requests of the simulated platform's heavy person, as messages and as tensors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lookback::bundle::{Bundle, Manifest};
use lookback::event::Event;
use lookback::request::{Attribute, Gsu, Request, Weights};
use lookback::shard::Shard;
use lookback::wire;
use lookback_bench::fixture::Fixture;
use lookback_pipeline::dataset::Dataset;
use lookback_pipeline::simulate::{Parameters, simulate};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::tensors::Reader;

pub const SEARCHES: [Gsu; 3] = [Gsu::Hard, Gsu::Soft, Gsu::Consistent];
/// The person of the platform with a very long history.
const HEAVY: u64 = 1;
/// Which items of the shard are candidates.
const SEED: u64 = 4;

/// Where fixtures lie, and what they are made of.
pub struct Fixtures<'a> {
    pub folder: &'a Path,
    pub model: &'a Path,
}

impl Fixtures<'_> {
    /// The JSON file of a fixture.
    pub fn place(&self, candidates: usize, events: usize) -> PathBuf {
        self.folder.join(format!("{candidates}x{events}.json"))
    }

    /// Writes every fixture of these sizes anew.
    pub fn write(&self, candidates: &[usize], events: &[usize]) -> Result<()> {
        fs::create_dir_all(self.folder).with_context(|| format!("cannot create {}", self.folder.display()))?;
        let read = |file: &str| {
            let path = self.model.join(file);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let bundle = Bundle::decode(&read("bundle.lbb")?)?;
        let shard = Shard::decode(read("shard.lbs")?)?;
        let reader = Reader { manifest: bundle.manifest(), shard: &shard };
        let mut platforms: BTreeMap<usize, Person> = BTreeMap::new();
        for &events in events {
            let usual = Parameters::default().heavy_events;
            let heavy = if events <= usual { usual } else { events };
            let person = match platforms.entry(heavy) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.person(heavy, bundle.manifest())?),
            };
            let request = person.request(events, bundle.manifest().skips as usize)?;
            let person = reader.person(&format!("person-{events}.bin"), &request)?.write(self.folder)?;
            for &candidates in candidates {
                let items = drawn(&shard, candidates)?;
                let mut tensors =
                    reader.candidates(&format!("candidates-{candidates}.bin"), &items)?.write(self.folder)?;
                tensors.extend(person.iter().cloned());
                let mut requests = BTreeMap::new();
                for search in SEARCHES {
                    let file = format!("{candidates}x{events}-{}.request", search.name());
                    let asked = Request { candidates: items.clone(), gsu: Some(search), ..request.clone() };
                    fs::write(self.folder.join(&file), wire::encode(&asked))?;
                    requests.insert(search.name().to_owned(), file);
                }
                let fixture = Fixture { candidates, events, items, requests, tensors };
                fs::write(self.place(candidates, events), serde_json::to_string(&fixture)?)?;
            }
        }
        Ok(())
    }

    /// The heavy person of a platform where they have so many events, simulated alone: one more person changes nobody.
    fn person(&self, heavy_events: usize, manifest: &Manifest) -> Result<Person> {
        let folder = self.folder.join(format!("platform-{heavy_events}"));
        let parameters = Parameters { heavy_events, people: 1, snapshots: 0, ..Parameters::default() };
        simulate(&parameters, &folder, |_, _| {})?;
        let set = Dataset::open(&folder)?;
        let user = set.user(HEAVY).context("the platform has no heavy person")?;
        let known = |name: &String| manifest.user_fields.iter().any(|field| field.name == *name);
        let attributes = user.attributes.iter().filter(|(name, _)| known(name));
        let attributes =
            attributes.map(|(field, value)| Attribute { field: field.clone(), value: value.clone() }).collect();
        let rows = set.log.user_range(HEAVY);
        let surface = rows.clone().last().and_then(|row| set.log.surface.get(row)).map(str::to_owned);
        let history = rows.map(|row| (set.log.event(row), set.log.action[row].is_skip())).collect();
        Ok(Person { attributes, surface, history })
    }
}

struct Person {
    attributes: Vec<Attribute>,
    surface: Option<String>,
    /// Oldest first; whether it is a skip.
    history: Vec<(Event, bool)>,
}

impl Person {
    /// Their newest events, so many of them engaged, and the skips that the model reads, just after the last of them.
    fn request(&self, engaged: usize, skips: usize) -> Result<Request> {
        let (mut left, mut skips) = (engaged, skips);
        let mut history: Vec<Event> = Vec::new();
        for &(event, is_skip) in self.history.iter().rev() {
            let left = if is_skip { &mut skips } else { &mut left };
            if *left > 0 {
                *left -= 1;
                history.push(event);
            }
        }
        ensure!(left == 0, "the heavy person has {} engaged events, not {engaged}", engaged - left);
        let now = history.first().map_or(0, |newest| newest.time + 1);
        Ok(Request {
            now,
            attributes: self.attributes.clone(),
            surface: self.surface.clone(),
            history: history.into_iter().rev().collect(),
            candidates: Vec::new(),
            items: Vec::new(),
            gsu: None,
            weights: Weights::default(),
        })
    }
}

/// Items of the shard, met before or not.
fn drawn(shard: &Shard, count: usize) -> Result<Vec<u64>> {
    ensure!(count <= shard.len(), "the shard has {} items, {count} candidates are asked for", shard.len());
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    Ok(sample(&mut random, shard.len(), count).iter().map(|row| shard.item(row)).collect())
}

#[cfg(test)]
mod tests {
    use lookback::event::Action;

    use super::*;

    fn person() -> Person {
        let actions = [Action::Click, Action::Skip, Action::Save, Action::Hide, Action::Skip, Action::Click];
        let history = actions
            .iter()
            .zip(0..)
            .map(|(&action, at)| (Event::new(at as u64, action, at), action.is_skip()))
            .collect();
        Person { attributes: vec![], surface: None, history }
    }

    #[test]
    fn a_request_holds_the_newest_events_and_skips_oldest_first_and_comes_after_them() {
        let request = person().request(2, 1).unwrap();
        let items: Vec<u64> = request.history.iter().map(|event| event.item).collect();
        assert_eq!(items, [2, 4, 5]);
        assert_eq!(request.now, 6);
    }

    #[test]
    fn more_events_than_there_are_is_an_error_with_both_numbers() {
        let error = person().request(4, 1).unwrap_err().to_string();
        assert!(error.contains('3') && error.contains('4'), "{error}");
    }
}
