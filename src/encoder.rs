//! From an item, or an event on it, to a vector of the model's width.
//!
//! event = norm(W·e + category + action + age bucket + hour + weekday); candidate = norm(W·e + category), where norm is
//! the root-mean-square norm of Zhang and Sennrich (NeurIPS 2019).

use crate::gsu::{ByItem, MARKS};
use crate::numeric::{Matrix, add, dot, multiply_scaled, sum_of_squares, sum_up};

/// The weights, as training names them; w is the width, d the embedding dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `[w, d]`.
    pub item: Vec<f32>,
    /// `[categories + 1, w]`.
    pub category: Vec<f32>,
    /// `[actions, w]`.
    pub action: Vec<f32>,
    /// `[age buckets, w]`.
    pub age: Vec<f32>,
    /// `[24, w]`.
    pub hour: Vec<f32>,
    /// `[7, w]`.
    pub weekday: Vec<f32>,
    /// `[w]`.
    pub norm: Vec<f32>,
    /// `[w]`.
    pub candidate_norm: Vec<f32>,
    /// Added to the mean of squares.
    pub epsilon: f32,
}

/// What there is to encode of an event besides its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The action's code.
    pub action: usize,
    /// Age bucket.
    pub age: usize,
    /// Hour of the day.
    pub hour: usize,
    /// Day of the week.
    pub weekday: usize,
}

/// The encoder of events and candidates.
#[derive(Clone, Debug)]
pub struct Encoder {
    weights: Weights,
    item: Matrix,
    /// What an action and an age add together, `[actions, age buckets, w]`: few pairs are told apart by many events.
    action_age: Vec<f32>,
    /// What an hour and a weekday add together, `[24, 7, w]`.
    hour_weekday: Vec<f32>,
    width: usize,
}

impl Encoder {
    /// An encoder of these weights, whose shapes the caller has checked.
    pub fn new(weights: Weights) -> Encoder {
        let width = weights.norm.len();
        let item = Matrix::transposed(&weights.item, width, weights.item.len() / width);
        let action_age = pairs(&weights.action, &weights.age, width);
        let hour_weekday = pairs(&weights.hour, &weights.weekday, width);
        Encoder { weights, item, action_age, hour_weekday, width }
    }

    /// w.
    pub fn width(&self) -> usize {
        self.width
    }

    /// d.
    pub fn dimension(&self) -> usize {
        self.weights.item.len() / self.width
    }

    /// Embeddings `[C, d]` and categories `[C]` of candidates, encoded `[C, w]`.
    pub fn candidates(&self, embedding: &[f32], category: &[i64]) -> Vec<f32> {
        let mut x = self.item.product(embedding);
        for (x, &category) in x.chunks_exact_mut(self.width).zip(category) {
            add(x, row(&self.weights.category, category as usize, self.width));
            self.norm(x, &self.weights.candidate_norm);
        }
        x
    }

    /// Embeddings `[M, d]` and categories of M items: the part of their events that they share, `[M, w]`.
    pub fn items(&self, embedding: &[f32], category: impl Iterator<Item = usize>) -> Vec<f32> {
        let mut x = self.item.product(embedding);
        for (x, category) in x.chunks_exact_mut(self.width).zip(category) {
            add(x, row(&self.weights.category, category, self.width));
        }
        x
    }

    /// What a mark adds to an event's sum of parts, `[marks, w]` for all marks there are; see [`Encoder::mark_rows`].
    pub fn mark_table(&self) -> Vec<f32> {
        let Weights { action, age, hour, weekday, .. } = &self.weights;
        [action, age, hour, weekday].into_iter().flatten().copied().collect()
    }

    /// Where an event's marks stand in the [`Encoder::mark_table`].
    pub fn mark_rows(&self, marks: Marks) -> [u16; MARKS] {
        let [actions, ages] = [&self.weights.action, &self.weights.age].map(|table| table.len() / self.width);
        let rows =
            [marks.action, actions + marks.age, actions + ages + marks.hour, actions + ages + 24 + marks.weekday];
        rows.map(|row| row as u16)
    }

    /// What each event's sum of parts is multiplied with before the norm's weight, given the events of each item `[M]` and
    /// the items' parts `[M, w]`.
    pub fn scales(&self, items: &[f32], events: &ByItem, marks: &[Marks]) -> Vec<f32> {
        let mut scales = vec![0.0; marks.len()];
        for (i, item) in items.chunks_exact(self.width).enumerate() {
            for &event in events.events(i) {
                scales[event as usize] = self.scale(item, self.pairs_of(marks[event as usize]));
            }
        }
        scales
    }

    /// What an event's sum of parts is multiplied with before the norm's weight, given its item's part `[w]` and its pairs of
    /// marks.
    pub fn scale(&self, item: &[f32], pairs: [usize; 2]) -> f32 {
        let [first, second] = self.pair_rows(pairs);
        self.norm_scale(sum_of_squares(item, first, second))
    }

    /// The norm's weight `[w]`.
    pub fn norm_weight(&self) -> &[f32] {
        &self.weights.norm
    }

    /// Writes an event to `x` `[w]`: its item's part as [`Encoder::items`] gives it, `[w]`, and its marks.
    pub fn event(&self, item: &[f32], marks: Marks, x: &mut [f32]) {
        let [first, second] = self.pair_rows(self.pairs_of(marks));
        sum_up(x, [item, first, second]);
        self.norm(x, &self.weights.norm);
    }

    /// What each pair of marks adds to an event's sum of parts: of an action and an age, and of an hour and a weekday,
    /// `[pairs, w]` each.
    pub fn pair_tables(&self) -> [&[f32]; 2] {
        [&self.action_age, &self.hour_weekday]
    }

    /// Where an event's marks stand in the [`Encoder::pair_tables`].
    pub fn pairs_of(&self, marks: Marks) -> [usize; 2] {
        let (ages, weekdays) = (self.weights.age.len() / self.width, self.weights.weekday.len() / self.width);
        [marks.action * ages + marks.age, marks.hour * weekdays + marks.weekday]
    }

    fn pair_rows(&self, pairs: [usize; 2]) -> [&[f32]; 2] {
        let [first, second] = self.pair_tables();
        [row(first, pairs[0], self.width), row(second, pairs[1], self.width)]
    }

    fn norm_scale(&self, sum_of_squares: f32) -> f32 {
        1.0 / (sum_of_squares / self.width as f32 + self.weights.epsilon).sqrt()
    }

    fn norm(&self, x: &mut [f32], weight: &[f32]) {
        let scale = self.norm_scale(dot(x, x));
        multiply_scaled(x, weight, scale);
    }
}

/// The sum of each row of one table with each of another.
fn pairs(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let mut sums = Vec::with_capacity(a.len() / width * b.len());
    for a in a.chunks_exact(width) {
        let start = sums.len();
        sums.extend_from_slice(b);
        sums[start..].chunks_exact_mut(width).for_each(|sum| add(sum, a));
    }
    sums
}

fn row(table: &[f32], row: usize, width: usize) -> &[f32] {
    &table[row * width..(row + 1) * width]
}
