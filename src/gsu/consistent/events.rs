//! The events that are searched, by their items.

use std::ops::Range;

use super::marks::{MarkSums, Marks, OfFirst};
use super::near::Near;
use super::{Contenders, Logits};
use crate::gsu::fill;
use crate::numeric::{LANES, dots, larger, repeated};
use crate::top;

/// The events of each item, those with the largest bias first; items are in the order of their first events.
pub(super) struct Events {
    /// `[M, w]`.
    vectors: Vec<f32>,
    /// `[M]`.
    items: Vec<Item>,
    /// `[N]`.
    events: Vec<Event>,
    /// Of each event its item, above its row, `[N]`.
    places: Vec<u64>,
    marks: Marks,
    /// The least and the largest scale of all.
    extreme_scales: [f32; 2],
}

struct Item {
    /// Its first event; it has those up to the next item's.
    start: usize,
    /// The least and the largest scale of its events.
    scales: [f32; 2],
}

/// An event as its item is met.
pub(super) struct Event {
    pub scale: f32,
    /// Its first and its second pair of marks, by their numbers.
    pub first: u32,
    pub second: u32,
}

/// What logits of a candidate are made of.
pub(super) struct Candidate<'a> {
    pub query: &'a [f32],
    /// query · item of all items, in codes.
    pub products: &'a [i32],
    /// What a product of codes is multiplied with.
    pub unit: f32,
    pub sums: &'a MarkSums,
}

impl Events {
    pub fn new(logits: &Logits, width: usize) -> Events {
        let by_item = logits.events;
        let (marks, [first_of, second_of]) = Marks::of(logits.marks, logits.bias);
        let marks_of = |row: u32| (first_of[row as usize], second_of[row as usize]);
        // Those with the same marks are side by side.
        let best = |item: usize| by_item.events(item).iter().map(|&row| marks_of(row)).min();
        let mut order: Vec<(Option<(u32, u32)>, usize)> =
            (0..by_item.item.len()).map(|item| (best(item), item)).collect();
        order.sort_unstable();

        let mut sorted = Events {
            vectors: Vec::with_capacity(logits.item.len()),
            items: Vec::with_capacity(order.len()),
            events: Vec::with_capacity(by_item.row.len()),
            places: Vec::with_capacity(by_item.row.len()),
            marks,
            extreme_scales: NO_SCALES,
        };
        let mut on_item: Vec<((u32, u32), u32)> = Vec::new();
        for ((_, item), at) in order.into_iter().zip(0..) {
            sorted.vectors.extend_from_slice(&logits.item[item * width..][..width]);
            on_item.clear();
            on_item.extend(by_item.events(item).iter().map(|&row| (marks_of(row), row)));
            on_item.sort_unstable();
            let start = sorted.events.len();
            let mut scales = NO_SCALES;
            for &((first, second), row) in &on_item {
                let scale = logits.scale[row as usize];
                scales = wider(scales, [scale, scale]);
                sorted.events.push(Event { scale, first, second });
                sorted.places.push(at << 32 | u64::from(row));
            }
            sorted.items.push(Item { start, scales });
            sorted.extreme_scales = wider(sorted.extreme_scales, scales);
        }
        sorted
    }

    /// N.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// The event of a number.
    pub fn event(&self, number: u32) -> &Event {
        &self.events[number as usize]
    }

    /// Its item.
    pub fn item(&self, number: u32) -> u32 {
        (self.places[number as usize] >> 32) as u32
    }

    /// The bias of a first pair of marks.
    pub fn first_bias(&self, first: u32) -> f32 {
        self.marks.first_bias(first)
    }

    /// How many second pairs of marks there are.
    pub fn second_pairs(&self) -> usize {
        self.marks.second_pairs()
    }

    /// M.
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// Those of the items, `[M, w]`.
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// The least and the largest scale of an item's events.
    pub fn scales(&self, item: usize) -> [f32; 2] {
        self.items[item].scales
    }

    /// The least and the largest scale of all events.
    pub fn extreme_scales(&self) -> [f32; 2] {
        self.extreme_scales
    }

    /// The first pair of marks of an item's first event.
    pub fn first(&self, item: usize) -> usize {
        self.events[self.items[item].start].first as usize
    }

    /// Adds up what a candidate's marks add.
    pub fn sum_up(&self, mark: &[f32], sums: &mut MarkSums) {
        self.marks.sum_up(mark, sums);
    }

    /// The logit of an item's first event, as codes tell.
    pub fn first_logit(&self, item: usize, candidate: &Candidate) -> f32 {
        let event = &self.events[self.items[item].start];
        event.logit(candidate.product(item), event.of_first(candidate.sums), candidate.sums)
    }

    /// Offers the logits of items' events, as codes tell, by their numbers. A function of its own, so that its numbers have
    /// the registers to themselves.
    #[inline(never)]
    pub fn offer(&self, items: &[u32], candidate: &Candidate, near: &mut Near) {
        for &item in items {
            let item = item as usize;
            let product = candidate.product(item);
            let [least_scale, largest_scale] = self.scales(item);
            let scaled = larger(product * least_scale, product * largest_scale);
            let events = self.of(item);
            let mut offered = near.offer(events.len());
            repeated!(self.events[events.clone()].iter().zip(events.start as u32..), |(event, number)| {
                let first = event.of_first(candidate.sums);
                if scaled + first.most < offered.least {
                    break;
                }
                offered.push(event.logit(product, first, candidate.sums), number);
            });
            let counting = offered.counting;
            near.take(counting);
        }
    }

    /// Puts the rows of the best of the events found into slots.
    pub fn best(
        &self,
        Contenders { certain, doubtful }: &Contenders,
        candidate: &Candidate,
        keys: &mut Vec<u64>,
        slots: &mut [i64],
    ) {
        // Of logits that are not finite more can seem certain than there are slots.
        let (of_certain, open) = slots.split_at_mut(certain.len().min(slots.len()));
        self.put(certain, of_certain);
        if doubtful.len() <= open.len() {
            return self.put(doubtful, open);
        }
        if !open.is_empty() {
            self.write_keys(doubtful, candidate, keys);
            top::largest(keys, open.len());
            fill(open, keys);
        }
    }

    /// Puts events' rows into slots.
    fn put(&self, events: &[u32], slots: &mut [i64]) {
        for (slot, &event) in slots.iter_mut().zip(events) {
            *slot = i64::from(self.places[event as usize] as u32);
        }
    }

    /// Writes the keys of events' logits, with their rows. A function of its own, as [`Events::offer`] is.
    #[inline(never)]
    fn write_keys(&self, events: &[u32], candidate: &Candidate, keys: &mut Vec<u64>) {
        let query = candidate.query;
        keys.clear();
        // Where they are is read of all before what is there, so that one need not wait for the other.
        keys.extend(events.iter().map(|&event| self.places[event as usize]));
        for (keys, events) in keys.chunks_mut(LANES).zip(events.chunks(LANES)) {
            // Beyond the last, the work of the last is done again.
            let vectors = [0, 1, 2, 3].map(|lane: usize| {
                let item = (keys[lane.min(keys.len() - 1)] >> 32) as usize;
                &self.vectors[item * query.len()..][..query.len()]
            });
            for ((key, &event), product) in keys.iter_mut().zip(events).zip(dots(vectors, query)) {
                let event = &self.events[event as usize];
                let logit = event.logit(product, event.of_first(candidate.sums), candidate.sums);
                *key = top::key(top::ordered_f32(logit), *key as u32);
            }
        }
    }

    /// The numbers of an item's events.
    fn of(&self, item: usize) -> Range<usize> {
        self.items[item].start..self.items.get(item + 1).map_or(self.events.len(), |next| next.start)
    }
}

impl Event {
    #[inline(always)]
    fn of_first<'a>(&self, sums: &'a MarkSums) -> &'a OfFirst {
        &sums.first[self.first as usize]
    }

    /// Given query · item.
    #[inline(always)]
    fn logit(&self, product: f32, first: &OfFirst, sums: &MarkSums) -> f32 {
        (product + first.sum + sums.second[self.second as usize]) * self.scale + first.bias
    }
}

impl Candidate<'_> {
    /// query · item, as codes tell.
    #[inline(always)]
    fn product(&self, item: usize) -> f32 {
        self.products[item] as f32 * self.unit
    }
}

/// Scales of no event.
const NO_SCALES: [f32; 2] = [f32::INFINITY, 0.0];

/// The least and the largest of both.
fn wider(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [if b[0] < a[0] { b[0] } else { a[0] }, larger(a[1], b[1])]
}
