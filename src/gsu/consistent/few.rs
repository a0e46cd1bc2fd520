//! Search of few events, of each of which the logit is found: to ask first which can matter would cost more.

use wide::{f32x4, i32x4};

use super::events::{Candidate, Events};
use crate::gsu::scan::{fold, reached, reaching};
use crate::numeric::codes::BLOCK;
use crate::numeric::{LANES, repeated};

/// So many events are few.
const FEW: usize = 2048;
/// Second pairs of marks, if there are so many at most, are numbered in a byte.
const SECOND_PAIRS: usize = 256;

/// The events, those with one first pair of marks side by side, and room for what is worked out on the way.
pub(super) struct Few {
    blocks: Vec<[Four; 2]>,
    /// Of each place in the blocks its event's number, or [`NONE`].
    numbers: Vec<u32>,
    second: Box<[f32; SECOND_PAIRS]>,
    logits: Vec<[f32x4; 2]>,
    largest: Vec<f32x4>,
    near: Vec<f32x4>,
    scratch: Vec<f32x4>,
    found: Vec<u32>,
}

/// The number of no event.
const NONE: u32 = u32::MAX;

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
        sorted.sort_by_key(|&number| events.event(number).first);
        let (mut fours, mut numbers) = (Vec::new(), Vec::new());
        let mut push = |of: &[u32]| {
            fours.push(Four::of(of, events));
            numbers.extend((0..LANES).map(|lane| of.get(lane).copied().unwrap_or(NONE)));
        };
        for alike in sorted.chunk_by(|&a, &b| events.event(a).first == events.event(b).first) {
            alike.chunks(LANES).for_each(&mut push);
        }
        let mut fours = fours.into_iter();
        let mut blocks = Vec::new();
        while let Some(four) = fours.next() {
            blocks.push([four, fours.next().unwrap_or_else(Four::empty)]);
        }
        numbers.resize(blocks.len() * BLOCK, NONE);
        Some(Few {
            logits: vec![[f32x4::ZERO; 2]; blocks.len()],
            blocks,
            numbers,
            second: Box::new([0.0; SECOND_PAIRS]),
            largest: Vec::new(),
            near: Vec::new(),
            scratch: Vec::new(),
            found: Vec::new(),
        })
    }

    /// The events that can be among a candidate's k best, given how far logits of codes can be apart that others are not.
    #[inline(always)]
    pub fn find(&mut self, candidate: &Candidate, k: usize, margin: f32) -> &[u32] {
        self.second[..candidate.sums.second.len()].copy_from_slice(&candidate.sums.second);
        logits(&self.blocks, candidate, &self.second, &mut self.logits);
        fold(&self.logits, &mut self.largest);
        let Few { logits, largest, numbers, found, near, scratch, .. } = self;
        let least = reached(largest, k, scratch) - margin;
        let found = reaching(logits, largest, numbers.len(), least, None, found);
        // The largest of every few tell the k-th best nearly; those that reach it tell it better.
        let logits: &[f32] = bytemuck::cast_slice(logits);
        near.clear();
        near.extend(found.chunks(LANES).map(|places| {
            f32x4::new([0, 1, 2, 3].map(|lane| places.get(lane).map_or(f32::NEG_INFINITY, |&at| logits[at as usize])))
        }));
        let least = reached(near, k, scratch) - margin;
        let count = keep(found, bytemuck::cast_slice(near), least, numbers);
        &found[..count]
    }
}

impl Four {
    /// Of one to four events.
    fn of(numbers: &[u32], events: &Events) -> Four {
        // Places that no event stands in repeat the last, but for their bias.
        let number = [0, 1, 2, 3].map(|lane: usize| numbers[lane.min(numbers.len() - 1)]);
        let first = events.event(numbers[0]).first;
        let bias = events.first_bias(first);
        let of_lane = [0, 1, 2, 3].map(|lane| if lane < numbers.len() { bias } else { f32::NEG_INFINITY });
        Four {
            first,
            item: number.map(|number| events.item(number)),
            second: number.map(|number| events.event(number).second as u8),
            scale: f32x4::new(number.map(|number| events.event(number).scale)),
            bias: f32x4::new(of_lane),
        }
    }

    /// Of no event.
    fn empty() -> Four {
        let bias = f32x4::splat(f32::NEG_INFINITY);
        Four { first: 0, item: [0; LANES], second: [0; LANES], scale: f32x4::ZERO, bias }
    }
}

/// Writes the logits of events, as codes tell. A function of its own, so that its numbers have the registers to themselves.
#[inline(never)]
fn logits(blocks: &[[Four; 2]], candidate: &Candidate, second: &[f32; SECOND_PAIRS], logits: &mut [[f32x4; 2]]) {
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

/// Puts the numbers of events in place of where they were found, of those alone whose logit is `least` or more; returns how
/// many. A function of its own, as [`logits`] is.
#[inline(never)]
fn keep(found: &mut [u32], logits: &[f32], least: f32, numbers: &[u32]) -> usize {
    let mut count = 0;
    for (at, logit) in (0..found.len()).zip(logits) {
        let number = numbers[found[at] as usize];
        found[count] = number;
        count += usize::from(number != NONE && *logit >= least);
    }
    count
}
