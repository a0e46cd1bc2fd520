//! A simulated platform, for what public data lacks: impressions with positions, skips, saves, histories of 54,000 events,
//! and the true probabilities.
//!
//! The generative story, in the order in which it happens. A **pin** has a topic, a creator, a quality and a vector near
//! its topic's; it is born, becomes known and, unless evergreen, fades. A **person** has interests: topics, each with a
//! taste within it. Interests sleep for months and wake again. A **session** has a theme, most often an interest that is
//! awake; some interests are unwelcome in it, and what is unwelcome is often hidden. The **logging policy** fills slates
//! from the theme, from a few other interests that it serves for the session (sleeping ones too), from what trends and
//! from anywhere, and sorts them mostly by popularity, a little by whether an interest is awake, with an error in it:
//! what stands on top is not what is liked best. P(click) grows with affinity, theme, quality, a followed creator and the
//! season, and falls with dislike and with what is unwelcome; popularity itself moves nobody. P(save) grows with affinity
//! and a usefulness that clicks do not see. A click is **seen** less often the lower the pin stands. Every number of it
//! is in [`Parameters`].
//!
//! So a pin whose interest has slept for months is recognised only by those who look back months; the theme, by those who
//! look at the last events; and what is unwelcome, by those who read the skips.

mod parameters;
mod person;
mod session;
mod vector;
mod world;
mod write;

pub use parameters::{DIMENSION, ParameterError, Parameters};

use std::path::Path;

use lookback::event::Action;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal, Poisson};
use serde::{Deserialize, Serialize};

use crate::log::{Log, LogRow};
use crate::tables::{TableError, User};
use person::Person;
use session::{Slate, session};
use world::World;

/// Sessions from which the heavy person's yield is estimated.
const TRIAL_SESSIONS: usize = 400;
/// The estimate errs; so much more is aimed at.
const HEAVY_MARGIN: f64 = 1.05;
/// Hours by which sessions stray from a person's usual hour.
const HOUR_SPREAD: f64 = 2.5;

/// What was simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulationReport {
    /// Says of itself what it is.
    pub simulated: bool,
    /// The story's numbers.
    pub parameters: Parameters,
    /// Pins shown, those whose skip has since expired included.
    pub impressions: u64,
    /// Events in the log.
    pub events: u64,
    /// Clicks and saves among the impressions.
    pub clicks: u64,
    /// Saves among the impressions.
    pub saves: u64,
    /// Engaged events of the person with most.
    pub longest_history: u64,
    /// Engaged events of the person in the middle.
    pub median_history: u64,
    /// First moment of the simulation: Unix milliseconds, UTC.
    pub from: i64,
    /// First moment after it.
    pub until: i64,
    /// Moment from which embeddings come from the second model.
    pub replaced: i64,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Parameters that describe no platform.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A folder or report cannot be written.
    #[error("cannot write {path}: {error}; choose another --output")]
    Io {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// The true probabilities of a logged impression, without position.
pub(crate) struct Truth {
    pub user: u64,
    pub item: u64,
    pub time: i64,
    pub p_click: f32,
    pub p_save: f32,
}

/// Simulates a platform into a data directory; `progress` is told how many people of all are done.
///
/// Writes `events.parquet`, `items.parquet` and `users.parquet` as an import would, `truth.parquet` with the true
/// probabilities of every logged impression (for evaluation only), `embeddings/day=…/` with each day's snapshot, and
/// `simulation.json`.
pub fn simulate(
    parameters: &Parameters,
    directory: &Path,
    mut progress: impl FnMut(usize, usize),
) -> Result<SimulationReport, SimulationError> {
    parameters.check()?;
    let world = World::new(parameters, &mut stream(parameters, 0));
    let mut run = Run::new(parameters, &world);
    for number in 1..=parameters.people {
        run.person(number as u64);
        progress(number, parameters.people);
    }
    let report = run.report();
    write::all(directory, &world, &run.log, &run.truth, &run.users, &report)?;
    Ok(report)
}

/// Every person has a stream of their own, so that one more person changes nobody.
fn stream(parameters: &Parameters, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(parameters.seed);
    random.set_stream(number);
    random
}

struct Run<'a> {
    parameters: &'a Parameters,
    world: &'a World,
    log: Log,
    truth: Vec<Truth>,
    users: Vec<User>,
    histories: Vec<u64>,
    impressions: u64,
    clicks: u64,
    saves: u64,
}

impl<'a> Run<'a> {
    fn new(parameters: &'a Parameters, world: &'a World) -> Run<'a> {
        Run {
            parameters,
            world,
            log: Log::default(),
            truth: Vec::new(),
            users: Vec::new(),
            histories: Vec::new(),
            impressions: 0,
            clicks: 0,
            saves: 0,
        }
    }

    /// The whole life of a person; the first is the heavy one.
    fn person(&mut self, user: u64) {
        let random = &mut stream(self.parameters, user);
        let heavy = user == 1;
        let mut person = Person::new(self.parameters, self.world, heavy, random);
        if heavy {
            person.sessions_a_day = self.heavy_sessions(&person, random);
        }
        let attributes = person.attributes().map(|(name, value)| (name.to_string(), value.to_string()));
        self.users.push(User { user, key: user.to_string(), attributes: attributes.into_iter().collect() });
        let (mut request, mut history) = (0, 0);
        for day in sessions(self.parameters, &person, random) {
            for slate in session(self.parameters, self.world, &person, day, random) {
                history += self.record(user, request, &slate);
                request += 1;
            }
        }
        self.histories.push(history);
    }

    /// Sessions a day with which a person comes to the heavy person's number of events.
    fn heavy_sessions(&self, person: &Person, random: &mut impl Rng) -> f64 {
        let days = f64::from(self.parameters.days);
        let engaged: usize = (0..TRIAL_SESSIONS)
            .flat_map(|_| session(self.parameters, self.world, person, random.random_range(0.0..days), random))
            .map(|slate| slate.impressions.iter().filter(|shown| !shown.action.is_skip()).count())
            .sum();
        let yielded = engaged.max(1) as f64 / TRIAL_SESSIONS as f64;
        HEAVY_MARGIN * self.parameters.heavy_events as f64 / (yielded * days)
    }

    /// Logs a slate, and returns its engaged events.
    fn record(&mut self, user: u64, request: u64, slate: &Slate) -> u64 {
        let time = Parameters::time(slate.day);
        let expired = slate.day < f64::from(self.parameters.days.saturating_sub(self.parameters.skip_retention));
        let request = format!("{user}-{request}");
        let mut engaged = 0;
        let mut doubles = Vec::new();
        for shown in &slate.impressions {
            self.impressions += 1;
            self.clicks += u64::from(matches!(shown.action, Action::Click | Action::Save));
            self.saves += u64::from(shown.action == Action::Save);
            engaged += u64::from(!shown.action.is_skip());
            if shown.action.is_skip() && expired {
                continue;
            }
            let item = u64::from(shown.pin) + 1;
            let (position, request) = (Some(shown.position), Some(request.as_str()));
            let row =
                LogRow { user, item, action: shown.action, time, surface: Some(slate.surface), position, request };
            self.log.push(row);
            self.truth.push(Truth { user, item, time, p_click: shown.p_click, p_save: shown.p_save });
            doubles.extend(shown.doubled.map(|after| LogRow { time: time + after, ..row }));
        }
        engaged += doubles.len() as u64;
        doubles.sort_by_key(|row| row.time);
        doubles.into_iter().for_each(|row| self.log.push(LogRow { request: Some(request.as_str()), ..row }));
        engaged
    }

    fn report(&mut self) -> SimulationReport {
        // Sessions of one person may overlap in time.
        self.log.sort();
        self.histories.sort_unstable();
        let parameters = self.parameters.clone();
        let day = |day: u32| Parameters::time(f64::from(day));
        SimulationReport {
            simulated: true,
            impressions: self.impressions,
            events: self.log.len() as u64,
            clicks: self.clicks,
            saves: self.saves,
            longest_history: self.histories.last().copied().unwrap_or(0),
            median_history: self.histories.get(self.histories.len() / 2).copied().unwrap_or(0),
            from: day(0),
            until: day(parameters.days),
            replaced: day(parameters.days.saturating_sub(parameters.replaced_before_end)),
            parameters,
        }
    }
}

/// Days on which a person's sessions start, ascending.
fn sessions(parameters: &Parameters, person: &Person, random: &mut impl Rng) -> Vec<f64> {
    let end = f64::from(parameters.days);
    let mut starts = Vec::new();
    for day in person.joined as u32..parameters.days {
        let count: f64 = Poisson::new(person.sessions_a_day).map_or(0.0, |mean| mean.sample(random));
        for _ in 0..count as usize {
            let hour: f64 = Normal::new(person.hour, HOUR_SPREAD).map_or(person.hour, |spread| spread.sample(random));
            starts.push(f64::from(day) + hour.rem_euclid(24.0) / 24.0);
        }
    }
    // A session that begins in the last minutes would run past the end.
    starts.retain(|&start| start >= person.joined && start < end - 0.05);
    starts.sort_by(f64::total_cmp);
    starts
}
