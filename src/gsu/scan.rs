//! One pass of candidates over items: what soft and consistent search share.

use std::cmp::Ordering;
use std::ops::Range;

use bytemuck::Pod;
use wide::{f32x4, i32x4};

use crate::numeric::codes::{BLOCK, Left, Products, Right, TOGETHER};
use crate::numeric::{LANES, repeated, repeated_long};

/// Groups of candidates that pass over the items together, so that what is read of the items is read once for them.
const GROUPS: usize = 4;
/// Bytes of items that stay near while candidates pass over them.
const TILE: usize = 64 << 10;
/// Blocks of which the largest scores are kept, lane by lane.
const FOLDED: usize = 4;

/// Times k scores that tell the k-th best nearly.
const ENOUGH: usize = 4;
/// One in so many more than k are not many more.
const NOT_MANY: usize = 8;

/// Multiplies all candidates with all items, one batch of candidates after another; `each` is given a candidate and its
/// products with the items, which beyond the last are zero.
#[inline(always)]
pub(super) fn scan(left: &Left, candidates: usize, right: &Right, mut each: impl FnMut(usize, &mut [Products])) {
    let blocks = right.len();
    if blocks == 0 {
        return (0..candidates).for_each(|candidate| each(candidate, &mut []));
    }
    let tile = (TILE / right.bytes_of_block()).max(1);
    let mut of_batch = vec![Products::default(); GROUPS * TOGETHER * blocks];
    for first_group in (0..left.len()).step_by(GROUPS) {
        let groups = first_group..left.len().min(first_group + GROUPS);
        for first in (0..blocks).step_by(tile) {
            let tile = first..blocks.min(first + tile);
            for (group, rows) in left.groups(groups.clone()).zip(of_batch.chunks_exact_mut(TOGETHER * blocks)) {
                for (block, at) in right.blocks(tile.clone()).zip(first..) {
                    group.multiply(block, rows, blocks, at);
                }
            }
        }
        let batch = groups.start * TOGETHER..candidates.min(groups.end * TOGETHER);
        batch.zip(of_batch.chunks_exact_mut(blocks)).for_each(|(candidate, row)| each(candidate, row));
    }
}

/// Scores of four items.
pub(super) trait Scores: Pod {
    /// The score of one.
    type Score: Pod + PartialOrd;
    /// A score that none is below.
    const LEAST: Self::Score;
    /// A score that none is above.
    const MOST: Self::Score;

    fn splat(score: Self::Score) -> Self;
    fn largest(self, other: Self) -> Self;
    fn smallest(self, other: Self) -> Self;
    /// A bit for each that is `least` or more.
    fn reaching(self, least: Self) -> u32;
    /// −1 for each that is `least` or more, and 0 for the others.
    fn minus_reaching(self, least: Self) -> i32x4;
    /// [`Scores::MOST`] in place of [`Scores::LEAST`].
    fn most_for_least(self) -> Self;
    fn order(a: &Self::Score, b: &Self::Score) -> Ordering;
    /// A score halfway.
    fn between(a: Self::Score, b: Self::Score) -> Self::Score;
}

/// Vectors of numbers, their least and their most, and what their library calls the larger and the smaller of each two and an
/// order of all, and what is halfway.
macro_rules! scores {
    ($scores:ty, $score:ty, $least:expr, $most:expr, $larger:ident, $smaller:ident, $order:ident, $between:expr) => {
        impl Scores for $scores {
            type Score = $score;
            const LEAST: $score = $least;
            const MOST: $score = $most;

            #[inline(always)]
            fn splat(score: $score) -> $scores {
                <$scores>::splat(score)
            }

            #[inline(always)]
            fn largest(self, other: $scores) -> $scores {
                self.$larger(other)
            }

            #[inline(always)]
            fn smallest(self, other: $scores) -> $scores {
                self.$smaller(other)
            }

            #[inline(always)]
            fn reaching(self, least: $scores) -> u32 {
                self.simd_ge(least).to_bitmask()
            }

            #[inline(always)]
            fn minus_reaching(self, least: $scores) -> i32x4 {
                bytemuck::cast(self.simd_ge(least))
            }

            #[inline(always)]
            fn most_for_least(self) -> $scores {
                self.simd_eq(<$scores>::splat($least)).select(<$scores>::splat($most), self)
            }

            fn order(a: &$score, b: &$score) -> Ordering {
                a.$order(b)
            }

            #[inline(always)]
            fn between(a: $score, b: $score) -> $score {
                ($between)(a, b)
            }
        }
    };
}

scores!(i32x4, i32, i32::MIN, i32::MAX, max, min, cmp, |a, b| ((i64::from(a) + i64::from(b)) >> 1) as i32);
scores!(f32x4, f32, f32::NEG_INFINITY, f32::INFINITY, fast_max, fast_min, total_cmp, |a, b| 0.5 * a + 0.5 * b);

/// Gives the places in the last block that no item stands in the least of all scores.
pub(super) fn close<S: Scores>(row: &mut [[S; 2]], items: usize) {
    bytemuck::cast_slice_mut::<_, S::Score>(row)[items..].fill(S::LEAST);
}

/// The largest scores, lane by lane, of each [`FOLDED`] blocks of a row. A function of its own, as [`reaching`] is, so that its
/// numbers have the registers to themselves.
#[inline(never)]
pub(super) fn fold<S: Scores>(row: &[[S; 2]], largest: &mut Vec<S>) {
    largest.clear();
    let of_block = |[a, b]: &[S; 2]| a.largest(*b);
    let (chunks, rest) = row.as_chunks::<FOLDED>();
    largest.resize(chunks.len(), S::splat(S::LEAST));
    repeated!(largest.iter_mut().zip(chunks), |(largest, [a, b, c, d])| {
        *largest = of_block(a).largest(of_block(b)).largest(of_block(c).largest(of_block(d)));
    });
    largest.extend(rest.iter().map(of_block).reduce(S::largest));
}

/// A score that at least k items of a row have or exceed, near that of the k-th best, given its largest scores; the least of
/// all where there are not so many. `scratch` is for its own use.
pub(super) fn reached<S: Scores>(largest: &[S], k: usize, scratch: &mut Vec<S>) -> S::Score {
    scratch.clear();
    scratch.extend_from_slice(largest);
    // Of many times k, the largest of each two tell nearly as much, and are found sooner.
    while scratch.len() * LANES >= 2 * ENOUGH * k {
        let half = scratch.len() / 2;
        let (to, from) = scratch.split_at_mut(half);
        repeated!(to.iter_mut().zip(&*from), |(to, from)| *to = to.largest(*from));
        scratch.truncate(half);
    }
    let not_many = |reaching: usize, _, _| reaching <= k + k / NOT_MANY;
    if let Some([score, _]) = halved(scratch, k, not_many) {
        return score;
    }
    let scores: &mut [S::Score] = bytemuck::cast_slice_mut(scratch);
    if scores.len() < k {
        return S::LEAST;
    }
    *scores.select_nth_unstable_by(k - 1, |a, b| S::order(b, a)).1
}

/// Two scores around that of the k-th best, not much further apart than `apart` if they need be: at least k have or exceed the
/// first, and at most k the second. Nothing where there are too few.
pub(super) fn around(scores: &[f32x4], k: usize, apart: f32) -> Option<[f32; 2]> {
    halved(scores, k, |reaching, low, high| reaching == k || high - low <= apart)
}

/// Two scores, of which at least k have or exceed the first and at most k the second, found by halving what lies between the
/// smallest and the largest until it is enough, given how many reach the lower end, and both ends: that takes less time than
/// to part them does, for it asks little of which the answer is not known beforehand. Nothing where there are too few.
fn halved<S: Scores>(
    scores: &[S],
    k: usize,
    is_enough: impl Fn(usize, S::Score, S::Score) -> bool,
) -> Option<[S::Score; 2]> {
    let (mut smallest, mut largest) = (S::splat(S::MOST), S::splat(S::LEAST));
    repeated!(scores.iter(), |scores| {
        smallest = smallest.smallest(scores.most_for_least());
        largest = largest.largest(*scores);
    });
    let lanes = |scores: S| bytemuck::cast::<S, [S::Score; LANES]>(scores).into_iter();
    let (mut low, mut high) = (lanes(smallest).min_by(S::order)?, lanes(largest).max_by(S::order)?);
    let mut reaching = count(scores, low);
    if reaching < k {
        return None;
    }
    let mut exceeded = S::MOST;
    while !is_enough(reaching, low, high) {
        let score = S::between(low, high);
        // So asked, a score that is no number lies nowhere.
        let lies_between = score > low && score < high;
        if !lies_between {
            break;
        }
        let found = count(scores, score);
        if found < k {
            (high, exceeded) = (score, score);
        } else {
            (low, reaching) = (score, found);
        }
    }
    Some([low, if reaching == k { low } else { exceeded }])
}

/// How many have or exceed a score.
fn count<S: Scores>(scores: &[S], least: S::Score) -> usize {
    let least = S::splat(least);
    let mut count = i32x4::ZERO;
    repeated_long!(scores.iter(), |scores| count -= scores.minus_reaching(least));
    count.reduce_add() as usize
}

/// The items of a row, first to last, whose score is `least` or more, but not `below` or more, given the row's largest
/// scores. `scratch` is for its own use.
#[inline(never)]
pub(super) fn reaching<'a, S: Scores>(
    row: &[[S; 2]],
    largest: &[S],
    items: usize,
    least: S::Score,
    below: Option<S::Score>,
    scratch: &'a mut Vec<u32>,
) -> &'a mut [u32] {
    scratch.resize(row.len() * BLOCK, 0);
    let least = S::splat(least);
    let found = match below {
        None => collect(row, largest, least, |scores| scores.reaching(least), scratch),
        Some(below) => {
            let below = S::splat(below);
            collect(row, largest, least, |scores| scores.reaching(least) & !scores.reaching(below), scratch)
        }
    };
    // Places that no item stands in are the last.
    let found = scratch[..found].partition_point(|&item| (item as usize) < items);
    &mut scratch[..found]
}

#[inline(always)]
fn collect<S: Scores>(row: &[[S; 2]], largest: &[S], least: S, bits: impl Fn(S) -> u32, found: &mut [u32]) -> usize {
    let (chunks, rest) = row.as_chunks::<FOLDED>();
    let mut count = 0;
    let mut note = |first: u32, mut reaching: u32| {
        while reaching != 0 {
            found[count] = first + reaching.trailing_zeros();
            count += 1;
            reaching &= reaching - 1;
        }
    };
    // A bit for each item of the blocks: asked one by one, most would be told no.
    let of_block = |[a, b]: [S; 2]| bits(a) | bits(b) << LANES;
    repeated!(chunks.iter().zip(largest).zip((0..).step_by(FOLDED * BLOCK)), |((&[a, b, c, d], largest), first)| {
        if largest.reaching(least) != 0 {
            let [a, b, c, d] = [a, b, c, d].map(of_block);
            note(first, a | b << BLOCK | c << (2 * BLOCK) | d << (3 * BLOCK));
        }
    });
    for (&block, at) in rest.iter().zip(chunks.len() * FOLDED..) {
        note((at * BLOCK) as u32, of_block(block));
    }
    count
}

/// The numbers of the items of a block, of so many.
pub(super) fn items_of(block: usize, items: usize) -> Range<usize> {
    block * BLOCK..items.min((block + 1) * BLOCK)
}
