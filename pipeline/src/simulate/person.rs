//! Who looks: interests that sleep and wake, dislikes, habits.

use std::collections::{HashMap, HashSet};

use rand::seq::index::sample;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, LogNormal, Normal, Poisson, StandardNormal};

use super::parameters::Parameters;
use super::vector::{Vector, dot, noise, towards};
use super::world::{Pin, World};

/// How far a person's taste within a topic strays from its centre.
const TASTE_SPREAD: f32 = 0.6;
/// Cosine at which affinity begins.
const AFFINITY_FROM: f32 = 0.3;
const FEWEST_INTERESTS: usize = 3;
/// Creators that a person follows.
const FOLLOWED: usize = 25;
/// People join until this share of the simulation has passed.
const LATEST_JOIN: f64 = 0.75;
const AGES: [&str; 5] = ["18-24", "25-34", "35-44", "45-54", "55+"];
const GENDERS: [&str; 3] = ["female", "male", "other"];
/// Weight of a topic that a person's age and gender favour, beside 1 for the others.
const FAVOURED: f64 = 4.0;

pub struct Interest {
    pub topic: usize,
    pub strength: f32,
    taste: Vector,
    /// Days on which it wakes and falls asleep, in turns, from the first waking.
    turns: Vec<f64>,
    awake_at_first: bool,
}

impl Interest {
    pub fn awake(&self, day: f64) -> bool {
        let turns = self.turns.partition_point(|&turn| turn <= day);
        (turns % 2 == 0) == self.awake_at_first
    }

    /// 0 for a pin that has nothing of it, about 1 for one to the person's very taste.
    fn match_of(&self, pin: &Pin) -> f32 {
        ((dot(&self.taste, &pin.latent) - AFFINITY_FROM) / (1.0 - AFFINITY_FROM)).max(0.0)
    }
}

pub struct Person {
    pub age: &'static str,
    pub gender: &'static str,
    pub joined: f64,
    pub sessions_a_day: f64,
    /// Hour of the day around which sessions start.
    pub hour: f64,
    /// How readily the person clicks at all, in logits.
    pub readiness: f32,
    pub interests: Vec<Interest>,
    by_category: HashMap<usize, Vec<usize>>,
    disliked: HashSet<usize>,
    followed: HashSet<u32>,
}

/// What speaks for a pin on the person's side.
pub struct Affinity {
    /// 0 to about 2.
    pub value: f32,
    /// The interest it comes from.
    pub interest: Option<usize>,
}

impl Person {
    pub fn new(parameters: &Parameters, world: &World, heavy: bool, random: &mut impl Rng) -> Person {
        let days = f64::from(parameters.days);
        let (age, gender) = (random.random_range(0..AGES.len()), random.random_range(0..GENDERS.len()));
        let rate: f64 = StandardNormal.sample(random);
        let wanted: f64 = Poisson::new(parameters.interests).map_or(0.0, |mean| mean.sample(random));
        let wanted = (wanted as usize).max(FEWEST_INTERESTS) * if heavy { 3 } else { 1 };
        let topics = favoured(world, age * GENDERS.len() + gender, wanted, random);
        let interests: Vec<Interest> =
            topics.into_iter().map(|topic| interest(parameters, world, topic, random)).collect();
        let mut by_category: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, interest) in interests.iter().enumerate() {
            by_category.entry(world.topics[interest.topic].category).or_default().push(index);
        }
        let liked: HashSet<usize> = interests.iter().map(|interest| interest.topic).collect();
        let disliked = sample(random, world.topics.len(), parameters.dislikes.min(world.topics.len()));
        Person {
            age: AGES[age],
            gender: GENDERS[gender],
            joined: if heavy { 0.0 } else { random.random_range(0.0..days * LATEST_JOIN) },
            sessions_a_day: parameters.sessions_a_day * (parameters.sessions_spread * rate).exp(),
            hour: random.random_range(7.0..23.0),
            readiness: Normal::new(0.0, 0.4).map_or(0.0, |spread| spread.sample(random)),
            interests,
            by_category,
            disliked: disliked.into_iter().filter(|topic| !liked.contains(topic)).collect(),
            followed: (0..FOLLOWED).map(|_| random.random_range(0..parameters.creators as u32)).collect(),
        }
    }

    /// The strongest pull of any interest in the pin's category, the sleeping ones weakened.
    pub fn affinity(&self, parameters: &Parameters, world: &World, pin: &Pin, day: f64) -> Affinity {
        let mut best = Affinity { value: 0.0, interest: None };
        for &index in self.by_category.get(&world.topics[pin.topic].category).into_iter().flatten() {
            let interest = &self.interests[index];
            let pull = if interest.awake(day) { 1.0 } else { parameters.asleep_pull as f32 };
            let value = interest.strength * pull * interest.match_of(pin);
            if value > best.value {
                best = Affinity { value, interest: Some(index) };
            }
        }
        best
    }

    pub fn dislikes(&self, topic: usize) -> bool {
        self.disliked.contains(&topic)
    }

    pub fn follows(&self, creator: u32) -> bool {
        self.followed.contains(&creator)
    }

    pub fn attributes(&self) -> [(&'static str, &'static str); 2] {
        [("age", self.age), ("gender", self.gender)]
    }
}

/// Distinct topics; a third of them are favoured by the demographic group, a different third for each.
fn favoured(world: &World, group: usize, count: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count.min(world.topics.len()) {
        let topic = random.random_range(0..world.topics.len());
        let weight = if (topic * 7 + group * 5).is_multiple_of(3) { 1.0 } else { 1.0 / FAVOURED };
        if !chosen.contains(&topic) && random.random_bool(weight) {
            chosen.push(topic);
        }
    }
    chosen
}

fn interest(parameters: &Parameters, world: &World, topic: usize, random: &mut impl Rng) -> Interest {
    let awake_share = parameters.awake / (parameters.awake + parameters.asleep);
    let awake_at_first = random.random_bool(awake_share);
    let mut awake = awake_at_first;
    let (mut day, mut turns) = (0.0, Vec::new());
    while day < f64::from(parameters.days) {
        let length: f64 = Exp1.sample(random);
        day += length * if awake { parameters.awake } else { parameters.asleep };
        turns.push(day);
        awake = !awake;
    }
    let strength: f64 = LogNormal::new(0.0, 0.3).map_or(1.0, |spread| spread.sample(random));
    Interest {
        topic,
        strength: strength.clamp(0.4, 2.0) as f32,
        taste: towards(&world.topics[topic].centre, TASTE_SPREAD, &noise(random)),
        turns,
        awake_at_first,
    }
}
