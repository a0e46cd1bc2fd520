//! Consistent search: the largest attention logits.

use wide::{f32x4, i32x4};

use super::scan::{GROUPS, batches, scan};
use super::{ByItem, NO_EVENT, fill};
use crate::numeric::codes::{self, BLOCK, Left, Right, TOGETHER};
use crate::numeric::{LANES, dot};
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
    let mut index = vec![NO_EVENT; logits.query.len() / width * k];
    if index.is_empty() {
        return index;
    }
    let scales = [logits.query, logits.item].map(|vectors| codes::scale(&[vectors], width));
    let (left, right) = (Left::new(logits.query, width, scales[0]), Right::new(logits.item, width, scales[1]));
    let unit = 1.0 / (scales[0] * scales[1]);
    let bounds: Vec<Bound> = bounds(logits);
    let most = logits.most(width, scales);
    let marks = logits.mark.len() / most.len().max(1);
    let mut slots = index.chunks_exact_mut(k);
    let items = logits.events.item.len();
    let padded = items.next_multiple_of(BLOCK);
    let mut reaches = vec![f32x4::splat(f32::NEG_INFINITY); GROUPS * TOGETHER * padded / LANES];
    let mut promising: Vec<Top> = (0..GROUPS * TOGETHER).map(|_| Top::new(k)).collect();
    let mut top = Top::new(k);
    for groups in batches(&left) {
        let before = groups.start * TOGETHER;
        let candidates = (groups.len() * TOGETHER).min(most.len() - before);
        promising.iter_mut().for_each(Top::clear);
        let mut least = [f32x4::splat(f32::NEG_INFINITY); GROUPS * TOGETHER];
        scan(&left, groups, &right, |candidate, first, products| {
            let bound = &bounds[first / BLOCK];
            for (c, products) in (candidate..).zip(products).take(candidates - candidate) {
                let reach = bound.reach(products, unit, most[before + c]);
                reaches[(c * padded + first) / LANES..][..2].copy_from_slice(&reach);
                if (reach[0].simd_ge(least[c]) | reach[1].simd_ge(least[c])).any() {
                    let reach = reach.iter().flat_map(|half| half.to_array());
                    for (item, reach) in (first as u32..items as u32).zip(reach) {
                        if promising[c].offer(top::ordered_f32(reach), item) {
                            least[c] = f32x4::splat(top::f32_of(promising[c].least()));
                        }
                    }
                }
            }
        });
        for ((c, promising), slots) in (0..candidates).zip(&mut promising).zip(slots.by_ref()) {
            let query = &logits.query[(before + c) * width..][..width];
            let mark = &logits.mark[(before + c) * marks..][..marks];
            let reaches = &mut reaches[c * padded / LANES..][..padded / LANES];
            let product = |item: usize| dot(query, &logits.item[item * width..][..width]);
            top.clear();
            for &item in promising.finish() {
                let item = top::row(item) as usize;
                logits.offer(item, product(item), mark, &mut top);
                let mut lanes = reaches[item / LANES].to_array();
                // No number reaches anything: the item is not offered again.
                lanes[item % LANES] = f32::NAN;
                reaches[item / LANES] = f32x4::new(lanes);
            }
            top.shrink();
            let mut least = top::f32_of(top.least());
            for (reach, first) in reaches.iter().zip((0..).step_by(LANES)) {
                if reach.simd_ge(f32x4::splat(least)).any() {
                    for (item, reach) in (first..items).zip(reach.to_array()) {
                        if reach >= least {
                            logits.offer(item, product(item), mark, &mut top);
                            least = top::f32_of(top.least());
                        }
                    }
                }
            }
            fill(slots, top.finish());
        }
    }
    index
}

impl Logits<'_> {
    /// The logits of an item's events, given query · item.
    fn offer(&self, item: usize, product: f32, mark: &[f32], top: &mut Top) {
        for &row in self.events.events(item) {
            let event = row as usize;
            let sum = self.marks[event].iter().fold(product, |sum, &at| sum + mark[usize::from(at)]);
            top.offer(top::ordered_f32(sum * self.scale[event] + self.bias[event]), row);
        }
    }

    /// The most that marks, and the error of codes and of rounding, can add to each candidate's inner products.
    fn most(&self, width: usize, scales: [f32; 2]) -> Vec<f32> {
        let marks = self.mark.len() / (self.query.len() / width).max(1);
        let mut kind = vec![None; marks];
        for marks in self.marks {
            marks.iter().enumerate().for_each(|(at, &mark)| kind[usize::from(mark)] = Some(at));
        }
        let size = |vector: &[f32]| vector.iter().map(|value| value.abs()).sum::<f32>();
        let largest_item = self.item.chunks_exact(width).map(size).fold(0.0, f32::max);
        let mut most = Vec::with_capacity(self.query.len() / width);
        for (query, mark) in self.query.chunks_exact(width).zip(self.mark.chunks_exact(marks)) {
            let mut largest = [f32::NEG_INFINITY; MARKS];
            let mut size_of_marks = 0.0f32;
            for (&mark, kind) in mark.iter().zip(&kind) {
                if let Some(kind) = *kind {
                    largest[kind] = largest[kind].max(mark);
                    size_of_marks = size_of_marks.max(mark.abs());
                }
            }
            // A code is half a unit off at most.
            let of_codes = 0.5 * size(query) / scales[1]
                + 0.5 * largest_item / scales[0]
                + 0.25 * width as f32 / (scales[0] * scales[1]);
            let of_rounding = ROUNDING * (size(query) * largest_item + MARKS as f32 * size_of_marks);
            most.push(largest.iter().sum::<f32>() + of_codes + of_rounding);
        }
        most
    }
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
    /// What no logit of each item's events is above.
    #[inline(always)]
    fn reach(&self, products: &[i32x4; 2], unit: f32, most: f32) -> [f32x4; 2] {
        [0, 1].map(|half| {
            let sum = f32x4::from_i32x4(products[half]) * f32x4::splat(unit) + f32x4::splat(most);
            (sum * self.least_scale[half]).fast_max(sum * self.largest_scale[half]) + self.bias[half]
        })
    }
}

fn bounds(logits: &Logits) -> Vec<Bound> {
    let items = logits.events.item.len();
    let extremes = |item: usize| {
        let mut extremes = (f32::INFINITY, 0.0f32, f32::NEG_INFINITY);
        for &row in logits.events.events(item) {
            let (scale, bias) = (logits.scale[row as usize], logits.bias[row as usize]);
            extremes = (extremes.0.min(scale), extremes.1.max(scale), extremes.2.max(bias));
        }
        extremes
    };
    let block = |first: usize| {
        let of =
            |lane: usize| if first + lane < items { extremes(first + lane) } else { (0.0, 0.0, f32::NEG_INFINITY) };
        let half = |part: fn((f32, f32, f32)) -> f32, at: usize| {
            f32x4::new([part(of(at)), part(of(at + 1)), part(of(at + 2)), part(of(at + 3))])
        };
        let both = |part| [half(part, 0), half(part, BLOCK / 2)];
        Bound { least_scale: both(|of| of.0), largest_scale: both(|of| of.1), bias: both(|of| of.2) }
    };
    (0..items).step_by(BLOCK).map(block).collect()
}
