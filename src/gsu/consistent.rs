//! Consistent search: the largest attention logits.

use std::collections::BTreeMap;

use wide::{f32x4, i32x4};

use super::scan::{BlockScores, close, fold, items_of, reached, scan, visit};
use super::{ByItem, NO_EVENT, fill};
use crate::numeric::codes::{self, BLOCK, Left, Right};
use crate::numeric::{dot, larger, repeated};
use crate::top::{self, Top};

/// What the logits of all heads add up to, in parts: (query · item + sum of the event's marks) · scale + bias.
pub struct Logits<'a> {
    /// `[C, w]`.
    pub query: &'a [f32],
    /// `[M, w]`, in the order of `events`.
    pub item: &'a [f32],
    /// Which events are on which item.
    pub events: &'a ByItem,
    /// What a mark adds, `[C, marks]`.
    pub mark: &'a [f32],
    /// Each event's marks, `[N]`.
    pub marks: &'a [[u16; MARKS]],
    /// What each event's sum is multiplied with, above 0, `[N]`.
    pub scale: &'a [f32],
    /// `[N]`.
    pub bias: &'a [f32],
}

/// Marks of an event: action, age, hour, weekday.
pub const MARKS: usize = 4;

/// Largest logit, see [`Logits`]; w is the width.
///
/// An item is passed over only where no event on it can be among the k: no sum of codes, marks and bias that is as
/// large as can be reaches the least logit found.
pub fn consistent(logits: &Logits, width: usize, k: usize) -> Vec<i64> {
    let candidates = logits.query.len() / width;
    let mut index = vec![NO_EVENT; candidates * k];
    if index.is_empty() || logits.scale.is_empty() {
        return index;
    }
    let events = Events::new(logits, width);
    let scales = [logits.query, &events.item].map(|vectors| codes::scale(&[vectors], width));
    let (left, right) = (Left::new(logits.query, width, scales[0]), Right::new(&events.item, width, scales[1]));
    let unit = 1.0 / (scales[0] * scales[1]);
    let bounds = events.bounds();
    let error = Error::of(&events.item, width, scales);
    let marks = logits.mark.len() / candidates;
    let items = events.scales.len();
    let mut of_marks = OfMarks::default();
    let mut reaches = vec![[i32x4::ZERO; 2]; right.len()];
    let (mut largest, mut scratch) = (Vec::new(), Vec::new());
    let mut top = Top::new(k);
    let mut slots = index.chunks_exact_mut(k);
    scan(&left, candidates, &right, |c, products| {
        let query = &logits.query[c * width..][..width];
        let mark = &logits.mark[c * marks..][..marks];
        events.add_up(mark, &mut of_marks);
        let error = error.of_candidate(query, mark);
        repeated!(reaches.iter_mut().zip(&*products).zip(&bounds), |((reach, products), bound)| {
            *reach = bound.reach(products, unit, error, of_marks.most[bound.rank]);
        });
        close(&mut reaches, items);
        let offer = |item: usize, top: &mut Top| {
            let lanes: &[i32; BLOCK] = bytemuck::cast_ref(&products[item / BLOCK]);
            events.offer(item, lanes[item % BLOCK] as f32 * unit, error, &of_marks, query, top);
        };
        top.clear();
        fold(&reaches, &mut largest);
        let promising = reached(&largest, k, &mut scratch);
        visit(&reaches, &largest, items, promising, |item, _| {
            offer(item, &mut top);
            promising
        });
        top.shrink();
        visit(&reaches, &largest, items, as_signed(top.least()), |item, reach| {
            if reach < promising {
                offer(item, &mut top);
            }
            as_signed(top.least())
        });
        if let Some(slots) = slots.next() {
            fill(slots, top.finish());
        }
    });
    index
}

/// What orders as a number without sign, as one with it.
fn as_signed(ordered: u32) -> i32 {
    top::i32_of(ordered)
}

/// An event as its item is met.
struct Event {
    scale: f32,
    /// Among [`Events::first`].
    first: u32,
    /// Among [`Events::second`].
    second: u32,
    row: u32,
}

/// Two marks that events have, and a bias that those events have that have both.
#[derive(Clone, Copy, PartialEq)]
struct First {
    marks: [u16; 2],
    bias: f32,
}

/// The events of each item, those with the largest bias first; items are in the order of their first events.
struct Events {
    /// `[M, w]`.
    item: Vec<f32>,
    /// `[M + 1]`: the i-th item has the events from `start[i]` to `start[i + 1]`.
    start: Vec<usize>,
    events: Vec<Event>,
    /// Of each item the least and the largest scale of its events.
    scales: Vec<[f32; 2]>,
    /// What events have of bias and first two marks, largest bias first.
    first: Vec<First>,
    /// What events have of last two marks.
    second: Vec<[u16; 2]>,
    /// The least and the largest scale of all.
    extremes: [f32; 2],
}

/// What the marks of a candidate's events add up to.
#[derive(Default)]
struct OfMarks {
    /// Of each of [`Events::first`], and of each of [`Events::second`].
    first: Vec<f32>,
    second: Vec<f32>,
    /// What marks, scaled, and bias add to a logit at most, for events with that of [`Events::first`] or a later one.
    most: Vec<f32>,
}

impl Events {
    fn new(logits: &Logits, width: usize) -> Events {
        let by_item = logits.events;
        let firsts = logits.marks.iter().zip(logits.bias);
        let (first, first_of) =
            numbered(firsts.map(|(marks, &bias)| (!top::ordered_f32(bias), [marks[0], marks[1]])), |first| {
                place(first.1)
            });
        let (second, second_of) = numbered(logits.marks.iter().map(|marks| [marks[2], marks[3]]), place);
        let first = first.into_iter().map(|(bias, marks)| First { marks, bias: top::f32_of(!bias) }).collect();
        let best = |item: usize| by_item.events(item).iter().map(|&row| first_of[row as usize]).min();
        let mut order: Vec<(Option<u32>, usize)> = (0..by_item.item.len()).map(|item| (best(item), item)).collect();
        order.sort_unstable();

        let mut sorted = Events {
            item: Vec::with_capacity(logits.item.len()),
            start: vec![0],
            events: Vec::with_capacity(by_item.row.len()),
            scales: Vec::with_capacity(order.len()),
            first,
            second,
            extremes: NO_SCALES,
        };
        for (_, item) in order {
            let from = sorted.events.len();
            sorted.item.extend_from_slice(&logits.item[item * width..][..width]);
            let mut scales = NO_SCALES;
            for &row in by_item.events(item) {
                let (at, scale) = (row as usize, logits.scale[row as usize]);
                scales = wider(scales, [scale, scale]);
                sorted.events.push(Event { scale, first: first_of[at], second: second_of[at], row });
            }
            sorted.events[from..].sort_unstable_by_key(|event| event.first);
            sorted.start.push(sorted.events.len());
            sorted.scales.push(scales);
            sorted.extremes = wider(sorted.extremes, scales);
        }
        sorted
    }

    fn of(&self, item: usize) -> &[Event] {
        &self.events[self.start[item]..self.start[item + 1]]
    }

    /// Adds up a candidate's marks.
    fn add_up(&self, mark: &[f32], sums: &mut OfMarks) {
        let sum = |[a, b]: [u16; 2]| mark[usize::from(a)] + mark[usize::from(b)];
        let OfMarks { first, second, most } = sums;
        first.clear();
        first.extend(self.first.iter().map(|first| sum(first.marks)));
        second.clear();
        second.extend(self.second.iter().map(|&marks| sum(marks)));
        let [least_scale, largest_scale] = self.extremes;
        let scaled = |sum: f32| larger(sum * least_scale, sum * largest_scale);
        let of_second = second.iter().map(|&sum| scaled(sum)).fold(f32::NEG_INFINITY, larger);
        most.clear();
        let of_first =
            |(first, sum): (&First, &f32)| scaled(*sum) + first.bias + of_second + ROUNDING * first.bias.abs();
        most.extend(self.first.iter().zip(&*first).map(of_first));
        let mut largest = f32::NEG_INFINITY;
        for most in most.iter_mut().rev() {
            largest = larger(largest, *most);
            *most = largest;
        }
    }

    /// Offers the logits of an item's events that can be among the k, given query · item as its codes have it, and what
    /// it may be off.
    fn offer(&self, item: usize, coded: f32, error: f32, marks: &OfMarks, query: &[f32], top: &mut Top) {
        let [least_scale, largest_scale] = self.scales[item];
        let coded = coded + error;
        let scaled = larger(coded * least_scale, coded * largest_scale);
        let mut product = None;
        // No number where nothing is too little yet.
        let mut least = top::f32_of(top.least());
        for event in self.of(item) {
            let first = event.first as usize;
            if scaled + marks.most[first] < least {
                return;
            }
            let (of_first, of_second) = (marks.first[first], marks.second[event.second as usize]);
            let bias = self.first[first].bias;
            if (coded + of_first + of_second) * event.scale + bias < least {
                continue;
            }
            let product = *product.get_or_insert_with(|| dot(query, &self.item[item * query.len()..][..query.len()]));
            top.offer(top::ordered_f32((product + of_first + of_second) * event.scale + bias), event.row);
            least = top::f32_of(top.least());
        }
    }

    /// Of each block of items.
    fn bounds(&self) -> Vec<Bound> {
        let items = self.scales.len();
        let of = |block: usize, part: usize| {
            let mut lanes = [0.0; BLOCK];
            for (lane, item) in lanes.iter_mut().zip(items_of(block, items)) {
                *lane = self.scales[item][part];
            }
            bytemuck::cast(lanes)
        };
        let bound = |block: usize| Bound {
            least_scale: of(block, 0),
            largest_scale: of(block, 1),
            rank: self.of(block * BLOCK)[0].first as usize,
        };
        (0..items.div_ceil(BLOCK)).map(bound).collect()
    }
}

/// Scales of no event.
const NO_SCALES: [f32; 2] = [f32::INFINITY, 0.0];

/// The least and the largest of both.
fn wider(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [if b[0] < a[0] { b[0] } else { a[0] }, larger(a[1], b[1])]
}

/// The distinct ones in order, and the number of each among them. Few are told apart by many: the one that was met last in
/// each `place` (`[PLACES]`) is at hand.
fn numbered<T: Copy + Ord>(all: impl Iterator<Item = T> + Clone, place: impl Fn(T) -> usize) -> (Vec<T>, Vec<u32>) {
    let mut met: Vec<Option<(T, u32)>> = vec![None; PLACES];
    let mut of = BTreeMap::new();
    for one in all.clone() {
        let met = &mut met[place(one) % PLACES];
        if met.is_none_or(|(known, _)| known != one) {
            of.insert(one, 0);
            *met = Some((one, 0));
        }
    }
    of.values_mut().zip(0..).for_each(|(number, at)| *number = at);
    met.fill(None);
    let number = |one: T| {
        let met = &mut met[place(one) % PLACES];
        match *met {
            Some((known, number)) if known == one => number,
            _ => {
                let number = of[&one];
                *met = Some((one, number));
                number
            }
        }
    };
    let numbers = all.map(number).collect();
    (of.into_keys().collect(), numbers)
}

const PLACES: usize = 4096;

/// A place for two marks.
fn place([a, b]: [u16; 2]) -> usize {
    usize::from(a) * 64 + usize::from(b)
}

/// What codes and the rounding of floats can take from inner products.
struct Error {
    /// The largest sum of the sizes of an item's numbers.
    largest_item: f32,
    scales: [f32; 2],
}

impl Error {
    fn of(item: &[f32], width: usize, scales: [f32; 2]) -> Error {
        let largest_item = item.chunks_exact(width).map(size).fold(0.0, larger);
        Error { largest_item, scales }
    }

    /// A code is half a unit off at most.
    fn of_candidate(&self, query: &[f32], mark: &[f32]) -> f32 {
        let size_of_query = size(query);
        let size_of_marks = mark.iter().fold(0.0, |largest, mark| larger(largest, mark.abs()));
        let of_codes = 0.5 * size_of_query / self.scales[1]
            + 0.5 * self.largest_item / self.scales[0]
            + 0.25 * query.len() as f32 / (self.scales[0] * self.scales[1]);
        of_codes + ROUNDING * (size_of_query * self.largest_item + MARKS as f32 * size_of_marks)
    }
}

/// The sum of the sizes of numbers.
fn size(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value.abs()).sum()
}

/// Far more than the rounding of sums of some hundred floats, relative to the sum of their sizes.
const ROUNDING: f32 = 1e-5;

/// The least and largest scale of a block's items, and the first of what their events have of bias and first marks.
struct Bound {
    least_scale: [f32x4; 2],
    largest_scale: [f32x4; 2],
    rank: usize,
}

impl Bound {
    /// What no logit of each item's events is above, as whole numbers that order as they do.
    #[inline(always)]
    fn reach(&self, products: &[i32x4; 2], unit: f32, error: f32, most: f32) -> BlockScores {
        [0, 1].map(|half| {
            let product = f32x4::from_i32x4(products[half]) * f32x4::splat(unit) + f32x4::splat(error);
            let scaled = (product * self.least_scale[half]).fast_max(product * self.largest_scale[half]);
            ordered(scaled + f32x4::splat(most))
        })
    }
}

/// Orders as the numbers do; both zeros are one.
#[inline(always)]
fn ordered(numbers: f32x4) -> i32x4 {
    let bits: i32x4 = bytemuck::cast(numbers + f32x4::ZERO);
    bits ^ ((bits >> 31) & i32x4::splat(i32::MAX))
}
