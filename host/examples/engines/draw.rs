//! Numbers that look random and are the same in every run of one seed.

use crate::support::mixed;

pub struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw { seed: mixed(seed), drawn: 0 }
    }

    pub fn number(&mut self) -> u64 {
        self.drawn += 1;
        mixed(self.seed ^ mixed(self.drawn))
    }

    /// From 0 up to, not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// From -0.5 up to 0.5.
    pub fn float(&mut self) -> f32 {
        (self.number() >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }

    /// So many different numbers below `end`, in no order; all of them where there are no more.
    pub fn distinct(&mut self, count: usize, end: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..end).collect();
        for at in 0..count.min(end) {
            let other = at + self.below(end - at);
            numbers.swap(at, other);
        }
        numbers.truncate(count);
        numbers
    }
}
