//! A session: its theme, the slates that the logging policy shows, and what the person does with them.

use std::collections::HashSet;

use lookback::event::Action;
use rand::distr::weighted::WeightedIndex;
use rand::seq::index::sample;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Poisson, StandardNormal};

use super::parameters::Parameters;
use super::person::Person;
use super::world::{Pin, World};

/// Shares of slates by surface, and what the surface adds to the logit of a click.
const SURFACES: [(&str, f64, f64); 3] = [("home", 0.7, 0.0), ("related", 0.2, 0.15), ("search", 0.1, 0.4)];
/// Days between the slates of a session.
const BETWEEN_SLATES: std::ops::Range<f64> = 40.0 / 86_400.0..150.0 / 86_400.0;
/// Milliseconds between a click and its accidental double.
const DOUBLE_AFTER: std::ops::Range<i64> = 150..900;
/// Chance that a session has no theme.
const IDLE: f64 = 0.15;

/// One pin shown, and what came of it.
pub struct Impression {
    pub pin: u32,
    pub position: u32,
    pub action: Action,
    /// Milliseconds until an accidental second click.
    pub doubled: Option<i64>,
    /// The true probabilities, without position.
    pub p_click: f32,
    pub p_save: f32,
}

pub struct Slate {
    pub day: f64,
    pub surface: &'static str,
    pub impressions: Vec<Impression>,
}

/// Everything that happens from `day` on until the person leaves.
pub fn session(parameters: &Parameters, world: &World, person: &Person, day: f64, random: &mut impl Rng) -> Vec<Slate> {
    let more: f64 = Poisson::new(parameters.more_slates).map_or(0.0, |mean| mean.sample(random));
    let interests = person.interests.len();
    let mood = Mood {
        theme: theme(parameters, person, day, random),
        served: sample(random, interests, parameters.served.min(interests)).into_vec(),
        unwelcome: person.interests.iter().map(|_| random.random_bool(parameters.unwelcome)).collect(),
    };
    let mut moment = day;
    let mut slates = Vec::new();
    for _ in 0..=more as usize {
        slates.push(slate(parameters, world, person, &mood, moment, random));
        moment += random.random_range(BETWEEN_SLATES);
    }
    slates
}

/// What lasts for a session.
struct Mood {
    theme: Option<usize>,
    /// The interests that the policy serves beside it.
    served: Vec<usize>,
    /// Of each interest.
    unwelcome: Vec<bool>,
}

fn theme(parameters: &Parameters, person: &Person, day: f64, random: &mut impl Rng) -> Option<usize> {
    if random.random_bool(IDLE) {
        return None;
    }
    let weights = person.interests.iter().map(|interest| {
        let share = if interest.awake(day) { 1.0 } else { parameters.asleep_theme };
        f64::from(interest.strength) * share
    });
    WeightedIndex::new(weights).ok().map(|index| index.sample(random))
}

fn slate(
    parameters: &Parameters,
    world: &World,
    person: &Person,
    mood: &Mood,
    day: f64,
    random: &mut impl Rng,
) -> Slate {
    let drawn: f64 = random.random();
    let mut share = 0.0;
    let surface = SURFACES.iter().find(|(_, part, _)| {
        share += part;
        drawn < share
    });
    let &(surface, _, pull) = surface.unwrap_or(&SURFACES[0]);
    let mut shown: Vec<(f64, u32)> = retrieve(parameters, world, person, mood, day, random)
        .into_iter()
        .map(|index| {
            let pin = &world.pins[index as usize];
            // An older policy: what trends comes first, and of tastes within interests it knows nothing.
            let interest = person.affinity(parameters, world, pin, day).interest;
            let awake = interest.is_some_and(|interest| person.interests[interest].awake(day));
            let known = if awake { parameters.policy_interest } else { 0.0 };
            let error: f64 = StandardNormal.sample(random);
            (known + parameters.policy_error * error + parameters.policy_popularity * pin.popularity(day), index)
        })
        .collect();
    shown.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let judge = Judge { parameters, world, person, mood, day, surface: pull };
    let impressions =
        (0u32..).zip(shown).map(|(position, (_, index))| judge.impression(index, position, random)).collect();
    Slate { day, surface, impressions }
}

/// Distinct pins from the theme, from other interests, from what trends, and from anywhere.
fn retrieve(
    parameters: &Parameters,
    world: &World,
    person: &Person,
    mood: &Mood,
    day: f64,
    random: &mut impl Rng,
) -> Vec<u32> {
    let [theme, others, trending] = parameters.slate_shares;
    let mut seen = HashSet::with_capacity(parameters.slate);
    let mut pins = Vec::with_capacity(parameters.slate);
    // A topic without enough pins must not keep the policy looking for ever.
    for _ in 0..parameters.slate * 20 {
        if pins.len() == parameters.slate {
            break;
        }
        let drawn: f64 = random.random();
        let pin = if drawn < theme + others {
            let index = mood.theme.filter(|_| drawn < theme);
            let index = index.unwrap_or_else(|| mood.served[random.random_range(0..mood.served.len())]);
            world.of_topic(person.interests[index].topic, day, random)
        } else if drawn < theme + others + trending {
            Some(world.of_trending(day, random))
        } else {
            world.of_topic(random.random_range(0..world.topics.len()), day, random)
        };
        pins.extend(pin.filter(|&pin| seen.insert(pin)));
    }
    pins
}

struct Judge<'a> {
    parameters: &'a Parameters,
    world: &'a World,
    person: &'a Person,
    mood: &'a Mood,
    day: f64,
    surface: f64,
}

impl Judge<'_> {
    fn impression(&self, index: u32, position: u32, random: &mut impl Rng) -> Impression {
        let parameters = self.parameters;
        let pin = &self.world.pins[index as usize];
        let (p_click, p_save, unwanted) = self.truth(pin);
        let seen = 1.0 / (1.0 + parameters.position_bias * f64::from(position));
        let clicked = random.random_bool(p_click * seen);
        let action = if clicked {
            if random.random_bool(p_save / p_click) { Action::Save } else { Action::Click }
        } else if unwanted && random.random_bool(parameters.hide) {
            Action::Hide
        } else if random.random_bool(parameters.closeup) {
            Action::Closeup
        } else {
            Action::Skip
        };
        let doubled = clicked && random.random_bool(parameters.double_click);
        Impression {
            pin: index,
            position,
            action,
            doubled: doubled.then(|| random.random_range(DOUBLE_AFTER)),
            p_click: p_click as f32,
            p_save: p_save as f32,
        }
    }

    /// P(click), P(save), and whether the person would rather not see the pin.
    fn truth(&self, pin: &Pin) -> (f64, f64, bool) {
        let (parameters, person) = (self.parameters, self.person);
        let affinity = person.affinity(parameters, self.world, pin, self.day);
        let strength = f64::from(affinity.value);
        let themed = affinity.interest.is_some() && affinity.interest == self.mood.theme;
        let unwelcome = affinity.interest.is_some_and(|interest| self.mood.unwelcome[interest]) && !themed;
        let disliked = person.dislikes(pin.topic);
        let category = self.world.topics[pin.topic].category;
        let year = std::f64::consts::TAU * (self.day - self.world.season[category]) / 365.0;
        // Day 0 is a Wednesday.
        let weekend = matches!((self.day as i64 + 2).rem_euclid(7), 5 | 6) && category.is_multiple_of(2);
        let when = |is: bool, pull: f64| if is { pull } else { 0.0 };
        let logit = logit_of(parameters.click_base)
            + f64::from(person.readiness)
            + self.surface
            + parameters.affinity * strength
            + when(themed, parameters.theme * strength.min(1.0))
            + parameters.quality * f64::from(pin.quality)
            + when(person.follows(pin.creator), parameters.creator)
            + when(disliked, parameters.dislike)
            + when(unwelcome, parameters.unwelcome_pull)
            + parameters.season * year.cos()
            + when(weekend, parameters.weekend);
        let save = logit_of(parameters.save_base)
            + parameters.save_affinity * (strength - 0.5)
            + parameters.save_usefulness * f64::from(pin.usefulness);
        let p_click = logistic(logit);
        (p_click, p_click * logistic(save), disliked || unwelcome)
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn logit_of(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
