//! Consistent search: the largest attention logits.

use std::collections::BTreeMap;

use wide::{f32x4, i32x4};

use super::scan::{BlockScores, close, items_of, reached, scan, visit};
use super::{ByItem, NO_EVENT, fill};
use crate::numeric::codes::{self, BLOCK, Left, Right};
use crate::numeric::{dot, larger};
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
    let scales = [logits.query, logits.item].map(|vectors| codes::scale(&[vectors], width));
    let (left, right) = (Left::new(logits.query, width, scales[0]), Right::new(logits.item, width, scales[1]));
    let unit = 1.0 / (scales[0] * scales[1]);
    let events = Events::new(logits);
    let bounds = events.bounds();
    let error = Error::of(logits, width, scales);
    let marks = logits.mark.len() / candidates;
    let items = events.scales.len();
    let mut pairs = Vec::with_capacity(events.pairs.len());
    let mut reaches = vec![[i32x4::ZERO; 2]; right.len()];
    let mut scratch = Vec::new();
    let mut top = Top::new(k);
    let mut slots = index.chunks_exact_mut(k);
    scan(&left, candidates, &right, |c, products| {
        let query = &logits.query[c * width..][..width];
        let mark = &logits.mark[c * marks..][..marks];
        pairs.clear();
        pairs.extend(events.pairs.iter().map(|&[a, b]| mark[usize::from(a)] + mark[usize::from(b)]));
        let candidate = Candidate { query, pairs: &pairs, error: error.of_candidate(query, mark) };
        let most = candidate.error + events.largest(&pairs);
        for ((reach, products), bound) in reaches.iter_mut().zip(&*products).zip(&bounds) {
            *reach = bound.reach(products, unit, most);
        }
        close(&mut reaches, items);
        let offer = |item: usize, top: &mut Top| {
            let lanes: &[i32; BLOCK] = bytemuck::cast_ref(&products[item / BLOCK]);
            let vector = &logits.item[item * width..][..width];
            events.offer(item, vector, lanes[item % BLOCK] as f32 * unit, most, &candidate, top);
        };
        top.clear();
        let promising = reached(&reaches, k, &mut scratch);
        visit(&reaches, items, promising, |item, _| {
            offer(item, &mut top);
            promising
        });
        top.shrink();
        visit(&reaches, items, as_signed(top.least()), |item, reach| {
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

struct Candidate<'a> {
    /// `[w]`.
    query: &'a [f32],
    /// What each pair of marks adds.
    pairs: &'a [f32],
    /// The most that codes and rounding can take from an inner product.
    error: f32,
}

/// An event as its item is met.
struct Event {
    bias: f32,
    scale: f32,
    /// Its pairs of marks.
    pairs: [u16; MARKS / 2],
    row: u32,
}

/// The events of each item, those with the largest bias first.
struct Events<'a> {
    by_item: &'a ByItem,
    events: Vec<Event>,
    /// Of each item the least and the largest scale of its events.
    scales: Vec<[f32; 2]>,
    /// Pairs of marks that events have: first those of the first two marks, then those of the last two.
    pairs: Vec<[u16; 2]>,
    /// How many pairs are of the first two marks.
    first_pairs: usize,
}

impl<'a> Events<'a> {
    fn new(logits: &Logits<'a>) -> Events<'a> {
        let by_item = logits.events;
        let (mut pairs, mut pair_of) = (Vec::new(), Vec::new());
        let mut firsts = 0;
        for half in [0, 2] {
            let mut known: BTreeMap<[u16; 2], u16> = BTreeMap::new();
            pair_of.push(Vec::with_capacity(logits.marks.len()));
            for marks in logits.marks {
                let pair = [marks[half], marks[half + 1]];
                let at = *known.entry(pair).or_insert_with(|| {
                    pairs.push(pair);
                    (pairs.len() - 1) as u16
                });
                pair_of[half / 2].push(at);
            }
            if half == 0 {
                firsts = pairs.len();
            }
        }
        let mut events = Vec::with_capacity(by_item.row.len());
        let mut scales = Vec::with_capacity(by_item.item.len());
        for item in 0..by_item.item.len() {
            let first = events.len();
            let mut extremes = [f32::INFINITY, 0.0];
            for &row in by_item.events(item) {
                let at = row as usize;
                let (bias, scale) = (logits.bias[at], logits.scale[at]);
                extremes = [if scale < extremes[0] { scale } else { extremes[0] }, larger(extremes[1], scale)];
                events.push(Event { bias, scale, pairs: [pair_of[0][at], pair_of[1][at]], row });
            }
            events[first..].sort_unstable_by(|a, b| b.bias.total_cmp(&a.bias));
            scales.push(extremes);
        }
        Events { by_item, events, scales, pairs, first_pairs: firsts }
    }

    fn of(&self, item: usize) -> &[Event] {
        let start = &self.by_item.start;
        &self.events[start[item] as usize..start[item + 1] as usize]
    }

    /// The most that an event's two pairs add.
    fn largest(&self, pairs: &[f32]) -> f32 {
        let largest = |pairs: &[f32]| pairs.iter().copied().fold(f32::NEG_INFINITY, larger);
        largest(&pairs[..self.first_pairs]) + largest(&pairs[self.first_pairs..])
    }

    /// Offers the logits of an item's events that can be among the k, given query · item as its codes have it, and the
    /// most that can be added to it.
    fn offer(&self, item: usize, vector: &[f32], coded: f32, most: f32, candidate: &Candidate, top: &mut Top) {
        let [least_scale, largest_scale] = self.scales[item];
        let reach = larger((coded + most) * least_scale, (coded + most) * largest_scale);
        let coded = coded + candidate.error;
        let mut product = None;
        for event in self.of(item) {
            if top::ordered_f32(reach + event.bias) < top.least() {
                return;
            }
            let [first, second] = event.pairs.map(|pair| candidate.pairs[usize::from(pair)]);
            if top::ordered_f32((coded + first + second) * event.scale + event.bias) < top.least() {
                continue;
            }
            let product = *product.get_or_insert_with(|| dot(candidate.query, vector));
            top.offer(top::ordered_f32((product + first + second) * event.scale + event.bias), event.row);
        }
    }

    /// Of each block of items.
    fn bounds(&self) -> Vec<Bound> {
        let items = self.scales.len();
        let of = |block: usize, part: fn([f32; 2], f32) -> f32| {
            let mut lanes = [0.0; BLOCK];
            for (lane, item) in lanes.iter_mut().zip(items_of(block, items)) {
                *lane = part(self.scales[item], self.of(item)[0].bias);
            }
            bytemuck::cast(lanes)
        };
        let bound = |block: usize| Bound {
            least_scale: of(block, |scale, _| scale[0]),
            largest_scale: of(block, |scale, _| scale[1]),
            bias: of(block, |_, bias| bias),
        };
        (0..items.div_ceil(BLOCK)).map(bound).collect()
    }
}

/// What codes and the rounding of floats can take from inner products.
struct Error {
    /// The largest sum of the sizes of an item's numbers.
    largest_item: f32,
    scales: [f32; 2],
}

impl Error {
    fn of(logits: &Logits, width: usize, scales: [f32; 2]) -> Error {
        let largest_item = logits.item.chunks_exact(width).map(size).fold(0.0, larger);
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

/// The least and largest scale and the largest bias of a block's items.
struct Bound {
    least_scale: [f32x4; 2],
    largest_scale: [f32x4; 2],
    bias: [f32x4; 2],
}

impl Bound {
    /// What no logit of each item's events is above, as whole numbers that order as they do.
    #[inline(always)]
    fn reach(&self, products: &[i32x4; 2], unit: f32, most: f32) -> BlockScores {
        [0, 1].map(|half| {
            let sum = f32x4::from_i32x4(products[half]) * f32x4::splat(unit) + f32x4::splat(most);
            let scaled = (sum * self.least_scale[half]).fast_max(sum * self.largest_scale[half]);
            ordered(scaled + self.bias[half])
        })
    }
}

/// Orders as the numbers do; both zeros are one.
#[inline(always)]
fn ordered(numbers: f32x4) -> i32x4 {
    let bits: i32x4 = bytemuck::cast(numbers + f32x4::ZERO);
    bits ^ ((bits >> 31) & i32x4::splat(i32::MAX))
}
