//! From an item, or an event on it, to a vector of the model's width.
//!
//! event = norm(W·e + category + action + age bucket + hour + weekday); candidate = norm(W·e + category), where norm is
//! the root-mean-square norm of Zhang and Sennrich (NeurIPS 2019).

use crate::numeric::{Matrix, add};

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
    width: usize,
}

impl Encoder {
    /// An encoder of these weights, whose shapes the caller has checked.
    pub fn new(weights: Weights) -> Encoder {
        let width = weights.norm.len();
        let item = Matrix::transposed(&weights.item, width, weights.item.len() / width);
        Encoder { weights, item, width }
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

    /// Appends an event `[w]`: its item's part as [`Encoder::items`] gives it, `[w]`, and its marks.
    pub fn append_event(&self, item: &[f32], marks: Marks, out: &mut Vec<f32>) {
        let start = out.len();
        out.extend_from_slice(item);
        let x = &mut out[start..];
        let weights = &self.weights;
        add(x, row(&weights.action, marks.action, self.width));
        add(x, row(&weights.age, marks.age, self.width));
        add(x, row(&weights.hour, marks.hour, self.width));
        add(x, row(&weights.weekday, marks.weekday, self.width));
        self.norm(x, &weights.norm);
    }

    fn norm(&self, x: &mut [f32], weight: &[f32]) {
        let mean = crate::numeric::dot(x, x) / self.width as f32;
        let scale = 1.0 / (mean + self.weights.epsilon).sqrt();
        for (x, weight) in x.iter_mut().zip(weight) {
            *x *= scale * weight;
        }
    }
}

fn row(table: &[f32], row: usize, width: usize) -> &[f32] {
    &table[row * width..(row + 1) * width]
}
