//! The events that are attended to, encoded.

use wide::f32x4;

use super::{History, LongAttention};
use crate::encoder::Marks;
use crate::gsu::ByItem;
use crate::numeric::{LANES, WIDE, repeated};

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
    pub encoded: Encoded,
    /// `[rows, H / LANES]`, zeros beyond H.
    pub bias: Vec<[f32; LANES]>,
}

/// As they are attended to.
pub(super) enum Encoded {
    /// `[rows, stride]`, zeros beyond w.
    Whole(Vec<f32>),
    InParts(InParts),
}

/// Events by what they are sums of: what is linear in an event is found once for each item, and scaled.
pub(super) struct InParts {
    /// The part of their events that items share, `[M, w]`.
    pub items: Vec<f32>,
    pub events: Vec<EventParts>,
}

/// An event is (its item's part + what each of its pairs of marks adds) · scale, times the norm's weight.
pub(super) struct EventParts {
    pub item: usize,
    pub pairs: [usize; 2],
    pub scale: f32,
}

impl Events {
    /// Writes the biases of events for a group of heads, of so many groups, with what is added to each. A function of its
    /// own, so that its numbers have the registers to themselves.
    #[inline(never)]
    pub fn write_biases(&self, events: &[usize], group: usize, groups: usize, and: f32x4, biases: &mut [f32x4]) {
        repeated!(biases.iter_mut().zip(events), |(bias, event)| {
            *bias = and + f32x4::new(self.bias[event * groups + group]);
        });
    }
}

impl LongAttention {
    /// Events of the rows given, which ascend, as it takes less for so many candidates to attend to them.
    pub(super) fn encode(&self, rows: Vec<u32>, items: Items, history: &impl History, candidates: usize) -> Events {
        let width = self.encoder.width();
        let (items, places) = match items {
            Items::Unread => {
                let by_item = ByItem::of(rows.iter().map(|&row| history.item(row as usize)));
                (self.parts(&self.embeddings(&by_item.item, history), &by_item.item, history), by_item.places())
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
        let marks: Vec<Marks> = rows.iter().map(|&row| history.marks(row as usize)).collect();
        let projected = self.projected.multiplications(candidates, items.len() / width, rows.len(), self.k);
        let encoded = if projected < self.absorbed.multiplications(candidates, self.k) {
            Encoded::InParts(self.in_parts(items, &places, &marks))
        } else {
            Encoded::Whole(self.whole(&items, &places, &marks))
        };
        Events { rows, encoded, bias: self.biases(&marks) }
    }

    fn in_parts(&self, items: Vec<f32>, places: &[u32], marks: &[Marks]) -> InParts {
        let width = self.encoder.width();
        let of = |(&place, &marks): (&u32, &Marks)| {
            let (item, pairs) = (place as usize, self.encoder.pairs_of(marks));
            EventParts { item, pairs, scale: self.encoder.scale(&items[item * width..][..width], pairs) }
        };
        let events = places.iter().zip(marks).map(of).collect();
        InParts { items, events }
    }

    fn whole(&self, items: &[f32], places: &[u32], marks: &[Marks]) -> Vec<f32> {
        let width = self.encoder.width();
        let stride = width.next_multiple_of(WIDE);
        let mut x = vec![0.0; places.len() * stride];
        for ((&place, &marks), x) in places.iter().zip(marks).zip(x.chunks_exact_mut(stride)) {
            self.encoder.event(&items[place as usize * width..][..width], marks, &mut x[..width]);
        }
        x
    }

    /// What attention adds for actions and ages, `[rows, H / LANES]`.
    fn biases(&self, marks: &[Marks]) -> Vec<[f32; LANES]> {
        let groups = self.heads.div_ceil(LANES);
        let mut biases = vec![[0.0; LANES]; marks.len() * groups];
        let of = |table: &[f32], row: usize, head: usize| table[row * self.heads + head];
        for (bias, marks) in biases.chunks_exact_mut(groups).zip(marks) {
            for (head, bias) in bias.as_flattened_mut().iter_mut().enumerate().take(self.heads) {
                *bias = of(&self.age_bias, marks.age, head) + of(&self.action_bias, marks.action, head);
            }
        }
        biases
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
