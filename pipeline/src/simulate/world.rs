//! What is shown: topics, pins, creators, how popular a pin is when, and the two embedding models.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};

use super::parameters::{DIMENSION, Parameters};
use super::vector::{Vector, dot, noise, towards};

/// Pull of a category's centre on its topics.
const TOPIC_SPREAD: f32 = 1.3;
/// How far pins stray from their topic.
const PIN_SPREAD: f32 = 0.7;
/// Days over which a new pin becomes known.
const RISE: f64 = 3.0;
/// Share of pins that never fade.
const EVERGREEN: f64 = 0.3;
/// Mean days over which the others fade.
const FADE: f64 = 70.0;
const TRENDING: usize = 300;
/// Share of pins that exist on the first day.
const EARLY: f64 = 0.5;

pub struct Topic {
    pub category: usize,
    pub centre: Vector,
}

pub struct Pin {
    pub topic: usize,
    pub creator: u32,
    pub quality: f32,
    pub usefulness: f32,
    /// Day from the start; negative before it.
    pub born: f64,
    fade: Option<f64>,
    pub latent: Vector,
    /// Embeddings by the first and by the second embedding model.
    pub embeddings: [Vector; 2],
}

impl Pin {
    /// How present the pin is on a day: 0 before it is born, at most 1.
    pub fn popularity(&self, day: f64) -> f64 {
        let age = day - self.born;
        if age <= 0.0 {
            return 0.0;
        }
        let fade = self.fade.map_or(1.0, |fade| (-age / fade).exp());
        (1.0 - (-age / RISE).exp()) * fade
    }
}

pub struct World {
    pub topics: Vec<Topic>,
    pub pins: Vec<Pin>,
    /// Pins of each topic, by birth.
    by_topic: Vec<Vec<u32>>,
    /// The most popular pins of each day.
    trending: Vec<Vec<u32>>,
    /// Day of the year on which each category is in season.
    pub season: Vec<f64>,
}

impl World {
    pub fn new(parameters: &Parameters, random: &mut impl Rng) -> World {
        let categories: Vec<Vector> = (0..parameters.categories).map(|_| noise(random)).collect();
        let season = (0..parameters.categories).map(|_| random.random_range(0.0..365.0)).collect();
        let topics: Vec<Topic> = (0..parameters.categories * parameters.topics_per_category)
            .map(|topic| {
                let category = topic / parameters.topics_per_category;
                Topic { category, centre: towards(&categories[category], TOPIC_SPREAD, &noise(random)) }
            })
            .collect();
        let second = Second::new(random);
        let homes: Vec<usize> = (0..parameters.creators).map(|_| random.random_range(0..topics.len())).collect();
        let pins: Vec<Pin> = (0..parameters.pins).map(|_| pin(parameters, &topics, &homes, &second, random)).collect();
        let mut by_topic = vec![Vec::new(); topics.len()];
        for (index, pin) in pins.iter().enumerate() {
            by_topic[pin.topic].push(index as u32);
        }
        for pins_of in &mut by_topic {
            pins_of.sort_by(|&a, &b| pins[a as usize].born.total_cmp(&pins[b as usize].born));
        }
        let trending = (0..parameters.days).map(|day| trending(&pins, f64::from(day))).collect();
        World { topics, pins, by_topic, trending, season }
    }

    /// A pin of a topic that exists on the day, the popular ones more often; none if the topic is still empty.
    pub fn of_topic(&self, topic: usize, day: f64, random: &mut impl Rng) -> Option<u32> {
        let pins = &self.by_topic[topic];
        let born = pins.partition_point(|&pin| self.pins[pin as usize].born < day);
        if born == 0 {
            return None;
        }
        let mut chosen = pins[random.random_range(0..born)];
        for _ in 0..4 {
            if random.random::<f64>() < 0.1 + self.pins[chosen as usize].popularity(day) {
                break;
            }
            chosen = pins[random.random_range(0..born)];
        }
        Some(chosen)
    }

    /// A pin that trends on the day.
    pub fn of_trending(&self, day: f64, random: &mut impl Rng) -> u32 {
        let trending = &self.trending[(day.max(0.0) as usize).min(self.trending.len() - 1)];
        trending[random.random_range(0..trending.len())]
    }
}

fn pin(parameters: &Parameters, topics: &[Topic], homes: &[usize], second: &Second, random: &mut impl Rng) -> Pin {
    let creator = random.random_range(0..homes.len());
    // A creator strays to any topic now and then.
    let topic = if random.random_bool(0.8) { homes[creator] } else { random.random_range(0..topics.len()) };
    let latent = towards(&topics[topic].centre, PIN_SPREAD, &noise(random));
    let error = parameters.embedding_error as f32;
    let days = f64::from(parameters.days);
    let born =
        if random.random_bool(EARLY) { -random.random_range(0.0..365.0) } else { random.random_range(0.0..days) };
    let fade: f64 = Exp1.sample(random);
    Pin {
        topic,
        creator: creator as u32,
        quality: StandardNormal.sample(random),
        usefulness: StandardNormal.sample(random),
        born,
        fade: (!random.random_bool(EVERGREEN)).then_some(5.0 + FADE * fade),
        embeddings: [towards(&latent, error, &noise(random)), towards(&second.of(&latent), error, &noise(random))],
        latent,
    }
}

fn trending(pins: &[Pin], day: f64) -> Vec<u32> {
    let mut alive: Vec<(f64, u32)> = (0u32..)
        .zip(pins)
        .filter(|(_, pin)| pin.born < day)
        .map(|(index, pin)| (pin.popularity(day) * f64::from(pin.quality).exp(), index))
        .collect();
    let most = TRENDING.min(alive.len());
    if most < alive.len() {
        alive.select_nth_unstable_by(most, |a, b| b.0.total_cmp(&a.0));
        alive.truncate(most);
    }
    alive.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    alive.into_iter().map(|(_, pin)| pin).collect()
}

/// What the second embedding model sees: the latent space turned, and bent a little, so that no linear map undoes it all.
struct Second {
    rows: Vec<Vector>,
}

impl Second {
    const BEND: f32 = 2.0;

    fn new(random: &mut impl Rng) -> Second {
        // Gram and Schmidt make the turn from noise.
        let mut rows: Vec<Vector> = Vec::with_capacity(DIMENSION);
        while rows.len() < DIMENSION {
            let mut row = noise(random);
            for other in &rows {
                let along = dot(&row, other);
                row = std::array::from_fn(|i| row[i] - along * other[i]);
            }
            let length = dot(&row, &row).sqrt();
            if length > 1e-3 {
                rows.push(row.map(|value| value / length));
            }
        }
        Second { rows }
    }

    fn of(&self, latent: &Vector) -> Vector {
        std::array::from_fn(|i| (Second::BEND * dot(&self.rows[i], latent)).tanh() / Second::BEND)
    }
}
