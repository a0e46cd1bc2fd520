//! Every number of the generative story, with its default.

use serde::{Deserialize, Serialize};

/// Dimensions of the latent space and of the embeddings.
pub const DIMENSION: usize = 64;

/// What a simulated platform is made of. Times are in days, weights in logits, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Seed of everything.
    pub seed: u64,
    /// People, the heavy one among them.
    pub people: usize,
    /// Pins.
    pub pins: usize,
    /// Length of the simulation; its last day ends it.
    pub days: u32,
    /// Categories, each with its season.
    pub categories: usize,
    /// Topics of a category; a pin has one topic.
    pub topics_per_category: usize,
    /// Creators; each keeps to a topic or two.
    pub creators: usize,

    /// Median sessions a day (log-normal over people).
    pub sessions_a_day: f64,
    /// Standard deviation of the logarithm of sessions a day.
    pub sessions_spread: f64,
    /// Engaged events that the heavy person is given, roughly.
    pub heavy_events: usize,
    /// Mean interests of a person (Poisson, at least 3).
    pub interests: f64,
    /// Mean time for which an interest is awake.
    pub awake: f64,
    /// Mean time for which it sleeps.
    pub asleep: f64,
    /// Share of its pull that a sleeping interest keeps.
    pub asleep_pull: f64,
    /// Share of the weight with which a sleeping interest becomes a session's theme.
    pub asleep_theme: f64,
    /// Topics that a person dislikes.
    pub dislikes: usize,
    /// Chance that an interest is unwelcome for one session.
    pub unwelcome: f64,

    /// Pins in a slate.
    pub slate: usize,
    /// Interests that the policy serves in a session beside the theme; another session gets others.
    pub served: usize,
    /// Mean slates of a session beyond the first (Poisson).
    pub more_slates: f64,
    /// Shares of a slate drawn from the theme, from other interests, and from what trends; the rest is drawn from anywhere.
    pub slate_shares: [f64; 3],
    /// Standard deviation of the error in the policy's estimate, by which it sorts the slate.
    pub policy_error: f64,
    /// What a pin of an interest that is awake counts in that estimate; the policy forgets those that sleep.
    pub policy_interest: f64,
    /// Weight of a pin's popularity, 0 to 1, in it.
    pub policy_popularity: f64,
    /// A click at position p is seen through 1 / (1 + p · this).
    pub position_bias: f64,

    /// P(click) of a pin that nothing speaks for.
    pub click_base: f64,
    /// Pull of affinity, 0 to about 1.
    pub affinity: f64,
    /// Further pull where the affinity is the session's theme.
    pub theme: f64,
    /// Pull of a standard deviation of quality.
    pub quality: f64,
    /// Pull of a creator the person follows.
    pub creator: f64,
    /// Pull of a topic the person dislikes.
    pub dislike: f64,
    /// Pull of an interest unwelcome in the session.
    pub unwelcome_pull: f64,
    /// Pull of the category's season at its height; as much against it half a year later.
    pub season: f64,
    /// Pull of the weekend on the half of the categories that belong to it.
    pub weekend: f64,
    /// P(save | click) of a pin that nothing speaks for.
    pub save_base: f64,
    /// Pull of affinity on saving.
    pub save_affinity: f64,
    /// Pull of a standard deviation of usefulness, which only saving knows.
    pub save_usefulness: f64,

    /// Chance that a click is followed by an accidental second one.
    pub double_click: f64,
    /// Chance that what is not clicked is looked at closely.
    pub closeup: f64,
    /// Chance that what is disliked or unwelcome is hidden.
    pub hide: f64,
    /// Skips and hides older than this at the end are no longer in the log, as impression logs expire.
    pub skip_retention: u32,

    /// Standard deviation, per vector, of what the embedding model gets wrong.
    pub embedding_error: f64,
    /// Whole days before the end on which the embedding model is replaced: 1 is the last day.
    pub replaced_before_end: u32,
    /// Days before the end for which snapshots of the embeddings are written.
    pub snapshots: u32,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            seed: 0,
            people: 1_000,
            pins: 20_000,
            days: 540,
            categories: 32,
            topics_per_category: 12,
            creators: 2_000,
            sessions_a_day: 0.16,
            sessions_spread: 1.0,
            heavy_events: 54_000,
            interests: 30.0,
            awake: 25.0,
            asleep: 100.0,
            asleep_pull: 0.9,
            asleep_theme: 0.03,
            dislikes: 10,
            unwelcome: 0.25,
            slate: 20,
            served: 5,
            more_slates: 4.5,
            slate_shares: [0.15, 0.30, 0.20],
            policy_error: 0.15,
            policy_interest: 0.1,
            policy_popularity: 1.5,
            position_bias: 0.15,
            click_base: 0.015,
            affinity: 6.0,
            theme: 0.6,
            quality: 0.25,
            creator: 0.6,
            dislike: -1.2,
            unwelcome_pull: -3.0,
            season: 0.4,
            weekend: 0.4,
            save_base: 0.2,
            save_affinity: 1.5,
            save_usefulness: 0.6,
            double_click: 0.03,
            closeup: 0.02,
            hide: 0.8,
            skip_retention: 30,
            embedding_error: 0.35,
            replaced_before_end: 1,
            snapshots: 12,
        }
    }
}

/// Parameters that describe no platform.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{parameter} is {got}, expected {expected}")]
pub struct ParameterError {
    /// Which.
    pub parameter: &'static str,
    /// What is allowed.
    pub expected: &'static str,
    /// What came.
    pub got: String,
}

impl Parameters {
    /// First day of the simulation: 2025-01-01, in Unix milliseconds.
    pub const START: i64 = 1_735_689_600_000;

    /// Checks what the simulation relies on.
    pub fn check(&self) -> Result<(), ParameterError> {
        let at_least = [
            ("people", self.people, 1, "at least 1"),
            ("days", self.days as usize, 30, "at least 30"),
            ("categories", self.categories, 2, "at least 2"),
            ("topics_per_category", self.topics_per_category, 1, "at least 1"),
            ("pins", self.pins, 20 * self.slate.max(1), "at least 20 times the slate"),
            ("creators", self.creators, 1, "at least 1"),
            ("served", self.served, 1, "at least 1"),
            ("slate", self.slate, 1, "at least 1"),
        ];
        for (parameter, got, least, expected) in at_least {
            if got < least {
                return Err(ParameterError { parameter, expected, got: got.to_string() });
            }
        }
        let shares = [
            ("click_base", self.click_base),
            ("save_base", self.save_base),
            ("unwelcome", self.unwelcome),
            ("double_click", self.double_click),
            ("closeup", self.closeup),
            ("hide", self.hide),
            ("slate_shares", self.slate_shares.iter().sum()),
        ];
        for (parameter, got) in shares {
            if !(0.0..=1.0).contains(&got) {
                return Err(ParameterError { parameter, expected: "between 0 and 1", got: got.to_string() });
            }
        }
        let positive = [("sessions_a_day", self.sessions_a_day), ("awake", self.awake), ("asleep", self.asleep)];
        for (parameter, got) in positive {
            if !(got.is_finite() && got > 0.0) {
                return Err(ParameterError { parameter, expected: "a positive number", got: got.to_string() });
            }
        }
        Ok(())
    }

    /// Unix milliseconds of a moment in days from the start.
    pub fn time(day: f64) -> i64 {
        Parameters::START + (day * 86_400_000.0) as i64
    }
}
