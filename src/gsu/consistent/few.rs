//! Search of few events, of each of which the logit is found: to ask first which can matter would cost more.

use wide::{f32x4, i32x4};

use super::Contenders;
use super::events::{Candidate, Events};
use crate::gsu::scan::{around, fold, reached, reaching};
use crate::numeric::codes::BLOCK;
use crate::numeric::{LANES, repeated};

/// So many events are few.
const FEW: usize = 2048;
/// A run of as few events as this is worth the places that stay empty.
const LEAST_RUN: usize = 3;
/// One in so many of a margin is little of it.
const LITTLE: f32 = 4.0;
/// Second pairs of marks, if there are so many at most, are numbered in a byte.
const SECOND_PAIRS: usize = 256;

/// The events, runs before the others, those with one first pair of marks side by side; and room for what is worked out on the
/// way.
pub(super) struct Few {
    runs: Vec<[Run; 2]>,
    fours: Vec<[Four; 2]>,
    /// Of each place in the blocks its event's number, or [`NONE`].
    numbers: Vec<u32>,
    second: Box<[f32; SECOND_PAIRS]>,
    logits: Vec<[f32x4; 2]>,
    largest: Vec<f32x4>,
    near: Vec<f32x4>,
    scratch: Vec<f32x4>,
    reaching: Vec<u32>,
    found: Contenders,
}

/// The number of no event.
const NONE: u32 = u32::MAX;

/// What the logits of four events are made of that have all marks in common and are on items one after another.
struct Run {
    first: u32,
    second: u8,
    item: u32,
    scale: f32x4,
    /// −∞ in places that no event stands in.
    bias: f32x4,
}

/// What the logits of four events are made of that have their first pair of marks in common.
struct Four {
    first: u32,
    item: [u32; LANES],
    second: [u8; LANES],
    scale: f32x4,
    /// −∞ in places that no event stands in.
    bias: f32x4,
}

impl Few {
    /// Of these events, if they are few.
    pub fn of(events: &Events) -> Option<Few> {
        if events.len() > FEW || events.second_pairs() > SECOND_PAIRS {
            return None;
        }
        let mut sorted: Vec<u32> = (0..events.len() as u32).collect();
        sorted.sort_by_key(|&number| (events.event(number).first, events.event(number).second));
        let (mut runs, mut fours) = (Vec::new(), Vec::new());
        let (mut of_runs, mut of_fours) = (Vec::new(), Vec::new());
        let mut others = Vec::new();
        for alike in sorted.chunk_by(|&a, &b| events.event(a).first == events.event(b).first) {
            for alike in alike.chunk_by(|&a, &b| events.event(a).second == events.event(b).second) {
                for run in alike.chunk_by(|&a, &b| events.item(a) + 1 == events.item(b)) {
                    for run in run.chunks(LANES) {
                        if run.len() >= LEAST_RUN && events.item(run[0]) as usize + LANES <= events.items() {
                            runs.push(Run::of(run, events));
                            of_runs.extend(places(run));
                        } else {
                            others.extend_from_slice(run);
                        }
                    }
                }
            }
            for four in others.chunks(LANES) {
                fours.push(Four::of(four, events));
                of_fours.extend(places(four));
            }
            others.clear();
        }
        let (runs, fours) = (in_blocks(runs, Run::empty), in_blocks(fours, Four::empty));
        let blocks = runs.len() + fours.len();
        let mut numbers = of_runs;
        numbers.resize(runs.len() * BLOCK, NONE);
        numbers.extend(of_fours);
        numbers.resize(blocks * BLOCK, NONE);
        Some(Few {
            runs,
            fours,
            numbers,
            logits: vec![[f32x4::ZERO; 2]; blocks],
            second: Box::new([0.0; SECOND_PAIRS]),
            largest: Vec::new(),
            near: Vec::new(),
            scratch: Vec::new(),
            reaching: Vec::new(),
            found: Contenders::default(),
        })
    }

    /// The events that can be among a candidate's k best, given how far logits of codes can be apart that others are not.
    #[inline(always)]
    pub fn find(&mut self, candidate: &Candidate, k: usize, margin: f32) -> &Contenders {
        self.second[..candidate.sums.second.len()].copy_from_slice(&candidate.sums.second);
        let (of_runs, of_fours) = self.logits.split_at_mut(self.runs.len());
        write_of_runs(&self.runs, candidate, &self.second, of_runs);
        write_of_fours(&self.fours, candidate, &self.second, of_fours);
        fold(&self.logits, &mut self.largest);
        let Few { logits, largest, numbers, near, scratch, reaching: places, found, .. } = self;
        let least = reached(largest, k, scratch) - margin;
        let places = reaching(logits, largest, numbers.len(), least, None, places);
        // The largest of every few tell the k-th best nearly; those that reach it tell it better.
        let logits: &[f32] = bytemuck::cast_slice(logits);
        near.clear();
        near.extend(places.chunks(LANES).map(|places| {
            f32x4::new([0, 1, 2, 3].map(|lane| places.get(lane).map_or(f32::NEG_INFINITY, |&at| logits[at as usize])))
        }));
        // Without k events, all are among the best.
        let from = around(near, k, margin / LITTLE)
            .map_or([f32::NEG_INFINITY; 2], |[low, high]| [low - margin, high + margin]);
        divide(places, bytemuck::cast_slice(near), from, numbers, found);
        found
    }
}

/// The numbers of up to four events, by their places.
fn places(numbers: &[u32]) -> [u32; LANES] {
    [0, 1, 2, 3].map(|lane: usize| numbers.get(lane).copied().unwrap_or(NONE))
}

/// Two by two.
fn in_blocks<T>(all: Vec<T>, empty: impl Fn() -> T) -> Vec<[T; 2]> {
    let mut all = all.into_iter();
    let mut blocks = Vec::with_capacity(all.len().div_ceil(2));
    while let Some(one) = all.next() {
        blocks.push([one, all.next().unwrap_or_else(&empty)]);
    }
    blocks
}

/// The scales of up to four events, and their bias. Places that no event stands in have the last one's scale.
fn scale_and_bias(numbers: &[u32], events: &Events) -> [f32x4; 2] {
    let scale = [0, 1, 2, 3].map(|lane: usize| events.event(numbers[lane.min(numbers.len() - 1)]).scale);
    let bias = events.first_bias(events.event(numbers[0]).first);
    let bias = [0, 1, 2, 3].map(|lane| if lane < numbers.len() { bias } else { f32::NEG_INFINITY });
    [f32x4::new(scale), f32x4::new(bias)]
}

impl Run {
    /// Of one to four events.
    fn of(numbers: &[u32], events: &Events) -> Run {
        let event = events.event(numbers[0]);
        let [scale, bias] = scale_and_bias(numbers, events);
        Run { first: event.first, second: event.second as u8, item: events.item(numbers[0]), scale, bias }
    }

    /// Of no event.
    fn empty() -> Run {
        Run { first: 0, second: 0, item: 0, scale: f32x4::ZERO, bias: f32x4::splat(f32::NEG_INFINITY) }
    }
}

impl Four {
    /// Of one to four events.
    fn of(numbers: &[u32], events: &Events) -> Four {
        // Places that no event stands in repeat the last, but for their bias.
        let number = [0, 1, 2, 3].map(|lane: usize| numbers[lane.min(numbers.len() - 1)]);
        let [scale, bias] = scale_and_bias(numbers, events);
        Four {
            first: events.event(numbers[0]).first,
            item: number.map(|number| events.item(number)),
            second: number.map(|number| events.event(number).second as u8),
            scale,
            bias,
        }
    }

    /// Of no event.
    fn empty() -> Four {
        let bias = f32x4::splat(f32::NEG_INFINITY);
        Four { first: 0, item: [0; LANES], second: [0; LANES], scale: f32x4::ZERO, bias }
    }
}

/// Writes the logits of the events of runs, as codes tell. A function of its own, so that its numbers have the registers to
/// themselves.
#[inline(never)]
fn write_of_runs(blocks: &[[Run; 2]], candidate: &Candidate, second: &[f32; SECOND_PAIRS], logits: &mut [[f32x4; 2]]) {
    let (products, first) = (candidate.products, &candidate.sums.first[..]);
    let unit = f32x4::splat(candidate.unit);
    repeated!(logits.iter_mut().zip(blocks), |(logits, block)| {
        for (logits, run) in logits.iter_mut().zip(block) {
            let products = products[run.item as usize..].first_chunk().expect("a run's items have products");
            let marks = f32x4::splat(first[run.first as usize].sum + second[usize::from(run.second)]);
            *logits = (f32x4::from_i32x4(i32x4::new(*products)) * unit + marks) * run.scale + run.bias;
        }
    });
}

/// Writes those of the others. A function of its own, as [`write_of_runs`] is.
#[inline(never)]
fn write_of_fours(
    blocks: &[[Four; 2]],
    candidate: &Candidate,
    second: &[f32; SECOND_PAIRS],
    logits: &mut [[f32x4; 2]],
) {
    let (products, first) = (candidate.products, &candidate.sums.first[..]);
    let unit = f32x4::splat(candidate.unit);
    repeated!(logits.iter_mut().zip(blocks), |(logits, block)| {
        for (logits, four) in logits.iter_mut().zip(block) {
            let product = f32x4::from_i32x4(i32x4::new(four.item.map(|item| products[item as usize])));
            let first = f32x4::splat(first[four.first as usize].sum);
            let second = f32x4::new(four.second.map(|pair| second[usize::from(pair)]));
            *logits = (product * unit + first + second) * four.scale + four.bias;
        }
    });
}

/// Divides events, found in places with these logits, into those that are surely among the best, whose logit is the second
/// number or more, and those that can be, with the first or more. A function of its own, as [`write_of_runs`] is.
#[inline(never)]
fn divide(places: &[u32], logits: &[f32], [least, sure]: [f32; 2], numbers: &[u32], found: &mut Contenders) {
    let Contenders { certain, doubtful } = found;
    certain.resize(places.len(), 0);
    doubtful.resize(places.len(), 0);
    let (mut certain_ones, mut doubtful_ones) = (0, 0);
    // Written whether they belong there or not: a branch would be guessed wrong as often as not.
    for (&place, logit) in places.iter().zip(logits) {
        let number = numbers[place as usize];
        let (is_event, is_sure) = (number != NONE, *logit >= sure);
        certain[certain_ones] = number;
        certain_ones += usize::from(is_event & is_sure);
        doubtful[doubtful_ones] = number;
        doubtful_ones += usize::from(is_event & !is_sure & (*logit >= least));
    }
    certain.truncate(certain_ones);
    doubtful.truncate(doubtful_ones);
}
