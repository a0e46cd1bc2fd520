//! The events that are attended to, encoded.

use super::{History, LongAttention, embeddings};
use crate::gsu::ByItem;
use crate::numeric::{LANES, WIDE};

/// What search has read of the events' items.
pub(super) enum Items {
    Unread,
    /// Their embeddings, `[M, d]`.
    Embeddings(ByItem, Vec<f32>),
    /// The part of their events that they share, `[M, w]`.
    Parts(ByItem, Vec<f32>),
}

/// Encoded events.
pub(super) struct Events {
    /// Their rows in the history.
    pub rows: Vec<u32>,
    /// `[rows, stride]`, zeros beyond w.
    pub x: Vec<f32>,
    /// `[rows, H / LANES]`, zeros beyond H.
    pub bias: Vec<[f32; LANES]>,
}

impl LongAttention {
    /// Events of the rows given, which ascend.
    pub(super) fn encode(&self, rows: Vec<u32>, items: Items, history: &impl History) -> Events {
        let width = self.encoder.width();
        let (parts, places) = match items {
            Items::Unread => {
                let by_item = ByItem::of(rows.iter().map(|&row| history.item(row as usize)));
                (self.parts(&embeddings(&by_item.item, history), &by_item.item, history), by_item.places())
            }
            Items::Embeddings(by_item, embeddings) => {
                let dimension = self.encoder.dimension();
                let all = by_item.places();
                let (some, places) = distinct(rows.iter().map(|&row| all[row as usize]), by_item.item.len());
                let mut of_some = Vec::with_capacity(some.len() * dimension);
                for &place in &some {
                    of_some.extend_from_slice(&embeddings[place as usize * dimension..][..dimension]);
                }
                let items: Vec<u32> = some.iter().map(|&place| by_item.item[place as usize]).collect();
                (self.parts(&of_some, &items, history), places)
            }
            Items::Parts(by_item, parts) => {
                let all = by_item.places();
                (parts, rows.iter().map(|&row| all[row as usize]).collect())
            }
        };
        let stride = width.next_multiple_of(WIDE);
        let mut x = vec![0.0; rows.len() * stride];
        let mut bias = vec![[0.0; LANES]; rows.len() * self.heads.div_ceil(LANES)];
        let biases = bias.chunks_exact_mut(self.heads.div_ceil(LANES));
        for (((&row, place), x), bias) in rows.iter().zip(places).zip(x.chunks_exact_mut(stride)).zip(biases) {
            let marks = history.marks(row as usize);
            self.encoder.event(&parts[place as usize * width..][..width], marks, &mut x[..width]);
            let of = |table: &[f32], row: usize, head: usize| table[row * self.heads + head];
            for (head, bias) in bias.as_flattened_mut().iter_mut().enumerate().take(self.heads) {
                *bias = of(&self.age_bias, marks.age, head) + of(&self.action_bias, marks.action, head);
            }
        }
        Events { rows, x, bias }
    }
}

/// The distinct ones of numbers below `end`, and where each number stands among them.
fn distinct(numbers: impl Iterator<Item = u32> + Clone, end: usize) -> (Vec<u32>, Vec<u32>) {
    const NONE: u32 = u32::MAX;
    let mut places = vec![NONE; end];
    let mut distinct = Vec::new();
    let of_each = numbers.map(|number| {
        let place = &mut places[number as usize];
        if *place == NONE {
            *place = distinct.len() as u32;
            distinct.push(number);
        }
        *place
    });
    let of_each = of_each.collect();
    (distinct, of_each)
}
