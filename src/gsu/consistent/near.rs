//! The k largest of many numbers that are only nearly known.

use super::Contenders;
use crate::top;

/// Collects the events that can be among the k largest, where each one's number is off by so much at most.
pub(super) struct Near {
    k: usize,
    /// Keys of numbers and their events, of which `len` count.
    keys: Vec<u64>,
    len: usize,
    /// How far below the k-th largest a number can be that may still be larger.
    margin: f32,
    /// No smaller number can still be among the k largest.
    least: f32,
    expected: Vec<f32>,
    found: Contenders,
}

impl Near {
    pub fn new(k: usize) -> Near {
        let keys = vec![0; 4 * k];
        Near {
            k,
            keys,
            len: 0,
            margin: 0.0,
            least: f32::NEG_INFINITY,
            expected: Vec::new(),
            found: Contenders::default(),
        }
    }

    pub fn k(&self) -> usize {
        self.k
    }

    /// Forgets what was offered; the margin is twice what a number can be off.
    pub fn clear(&mut self, margin: f32) {
        self.len = 0;
        self.margin = margin;
        self.least = f32::NEG_INFINITY;
    }

    /// Lets count only what can be among the k largest given these numbers, of events that will be offered.
    pub fn expect(&mut self, numbers: impl Iterator<Item = f32>) {
        self.expected.clear();
        self.expected.extend(numbers);
        if self.expected.len() >= self.k {
            let (_, &mut last, _) = self.expected.select_nth_unstable_by(self.k - 1, |a, b| b.total_cmp(a));
            self.least = last - self.margin;
        }
    }

    /// Room for so many events; those of them that count are then to be taken.
    pub fn offer(&mut self, events: usize) -> Offered<'_> {
        if self.len + events > self.keys.len() {
            self.make_room(events);
        }
        Offered { keys: &mut self.keys[self.len..self.len + events], counting: 0, least: self.least }
    }

    #[cold]
    fn make_room(&mut self, events: usize) {
        self.shrink();
        // Half of it free, so that it is not full again at once.
        let needed = 2 * self.len + events;
        if needed > self.keys.len() {
            self.keys.resize(needed, 0);
        }
    }

    /// Takes those that were last offered and count.
    pub fn take(&mut self, counting: usize) {
        self.len += counting;
    }

    /// The least number that still counts.
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Drops what cannot be among the k largest.
    pub fn shrink(&mut self) {
        if self.len < self.k {
            return;
        }
        let keys = &mut self.keys[..self.len];
        let (_, &mut last, rest) = keys.select_nth_unstable_by(self.k - 1, |a, b| b.cmp(a));
        self.least = top::f32_of(top::score(last)) - self.margin;
        let least = top::ordered_f32(self.least);
        let mut counting = 0;
        for at in 0..rest.len() {
            rest[counting] = rest[at];
            counting += usize::from(top::score(rest[at]) >= least);
        }
        self.len = self.k + counting;
    }

    /// The events that can be among the k largest.
    pub fn finish(&mut self) -> &Contenders {
        self.shrink();
        let keys = &self.keys[..self.len];
        // Of those beyond the k largest none is above it; without any there is no doubt.
        let next = keys.iter().skip(self.k).map(|&key| top::score(key)).max();
        let sure = next.map_or(f32::NEG_INFINITY, |score| top::f32_of(score) + self.margin);
        let is_certain = |&&key: &&u64| top::f32_of(top::score(key)) >= sure;
        let Contenders { certain, doubtful } = &mut self.found;
        certain.clear();
        certain.extend(keys.iter().filter(is_certain).map(|&key| top::row(key)));
        doubtful.clear();
        doubtful.extend(keys.iter().filter(|key| !is_certain(key)).map(|&key| top::row(key)));
        &self.found
    }
}

/// Events that are offered.
pub(super) struct Offered<'a> {
    keys: &'a mut [u64],
    /// How many of them count.
    pub counting: usize,
    /// The least number that counts.
    pub least: f32,
}

impl Offered<'_> {
    #[inline(always)]
    pub fn push(&mut self, number: f32, event: u32) {
        // Written whether it counts or not: a branch would be guessed wrong as often as not.
        self.keys[self.counting] = top::key(top::ordered_f32(number), event);
        self.counting += usize::from(number >= self.least);
    }
}
