//! What the marks of events add to logits.

use std::collections::BTreeMap;

use super::MARKS;
use crate::numeric::larger;
use crate::top;

/// The marks that events have, in two pairs: few pairs are told apart by many events.
pub(super) struct Marks {
    /// First two marks with a bias, largest bias first.
    first: Vec<First>,
    /// Last two marks.
    second: Vec<[u16; 2]>,
}

/// Two marks that events have, and a bias that those events have that have both.
struct First {
    marks: [u16; 2],
    bias: f32,
}

/// What the marks of a candidate's events add up to.
#[derive(Default)]
pub(super) struct MarkSums {
    /// Of each first pair.
    pub first: Vec<OfFirst>,
    /// Of each second pair.
    pub second: Vec<f32>,
}

pub(super) struct OfFirst {
    pub sum: f32,
    pub bias: f32,
    /// What marks, scaled, and bias add to a logit at most, for events with this first pair or a later one; nothing is known
    /// of it before sums are bounded.
    pub most: f32,
}

impl Marks {
    /// Of events with these marks and biases; also which first and which second pair each event has.
    pub fn of(marks: &[[u16; MARKS]], bias: &[f32]) -> (Marks, [Vec<u32>; 2]) {
        let firsts = marks.iter().zip(bias).map(|(&[a, b, ..], &bias)| (!top::ordered_f32(bias), [a, b]));
        let (first, first_of) = numbered(firsts, |first| place(first.1));
        let (second, second_of) = numbered(marks.iter().map(|&[.., c, d]| [c, d]), place);
        let first = first.into_iter().map(|(bias, marks)| First { marks, bias: top::f32_of(!bias) }).collect();
        (Marks { first, second }, [first_of, second_of])
    }

    /// The bias of a first pair.
    pub fn first_bias(&self, first: u32) -> f32 {
        self.first[first as usize].bias
    }

    /// How many second pairs there are.
    pub fn second_pairs(&self) -> usize {
        self.second.len()
    }

    /// Adds up what a candidate's marks add, not yet bounded. A function of its own, so that its numbers have the registers
    /// to themselves.
    #[inline(never)]
    pub fn sum_up(&self, mark: &[f32], sums: &mut MarkSums) {
        let sum = |[a, b]: [u16; 2]| mark[usize::from(a)] + mark[usize::from(b)];
        let MarkSums { first, second } = sums;
        second.clear();
        second.extend(self.second.iter().map(|&marks| sum(marks)));
        first.clear();
        first.extend(self.first.iter().map(|&First { marks, bias }| OfFirst {
            sum: sum(marks),
            bias,
            most: f32::INFINITY,
        }));
    }
}

impl MarkSums {
    /// Finds what marks and biases add at most, given the least and the largest scale of all events. A function of its own,
    /// so that its numbers have the registers to themselves.
    #[inline(never)]
    pub fn bound(&mut self, [least_scale, largest_scale]: [f32; 2]) {
        let scaled = |sum: f32| larger(sum * least_scale, sum * largest_scale);
        let of_second = scaled(self.second.iter().copied().fold(f32::NEG_INFINITY, larger));
        let mut largest = f32::NEG_INFINITY;
        for first in self.first.iter_mut().rev() {
            largest = larger(largest, scaled(first.sum) + first.bias + of_second);
            first.most = largest;
        }
    }
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
