//! Search and attention against plain references, over odd sizes.

use lookback::esu::{Table, attend};
use lookback::gsu::{Candidates, Events, NO_EVENT, Projected, search};
use lookback::request::Gsu;
use proptest::collection::vec;
use proptest::prelude::*;

/// Small integers, so that sums are exact, equal scores are common, and ties are really tested.
fn whole(len: usize) -> impl Strategy<Value = Vec<f32>> {
    vec((-3i8..=3).prop_map(f32::from), len)
}

#[derive(Debug)]
struct SearchCase {
    dimension: usize,
    k: usize,
    candidates: (Vec<f32>, Vec<i64>),
    events: (Vec<f32>, Vec<i64>, Vec<f32>),
    /// Heads of width 4, whose logits are exact: their scale is 1/2.
    heads: usize,
    projected: (Vec<f32>, Vec<f32>, Vec<f32>),
}

fn search_case() -> impl Strategy<Value = SearchCase> {
    (1usize..40, 0usize..12, 0usize..5, 0usize..40, 1usize..5).prop_flat_map(|(dimension, k, c, n, heads)| {
        let candidates = (whole(c * dimension), vec(0i64..4, c));
        let events = (whole(n * dimension), vec(0i64..4, n), vec(prop_oneof![Just(0.0f32), Just(1.0)], n));
        let projected = (whole(c * heads * 4), whole(n * heads * 4), whole(n * heads));
        (candidates, events, projected).prop_map(move |(candidates, events, projected)| SearchCase {
            dimension,
            k,
            candidates,
            events,
            heads,
            projected,
        })
    })
}

impl SearchCase {
    /// The whole number that stands for an embedding's value in soft search.
    fn code(&self, value: f32) -> f64 {
        let limit = (f64::from(i32::MAX) / self.dimension as f64).sqrt().floor().min(32767.0) as f32;
        let values = self.candidates.0.iter().chain(&self.events.0);
        let largest = values.fold(1e-30f32, |largest, value| largest.max(value.abs()));
        f64::from((value * (limit / largest)).round_ties_even())
    }

    /// The logit that attention would give event `n` in `head`.
    fn logit(&self, c: usize, n: usize, head: usize) -> f32 {
        let (query, key, bias) = &self.projected;
        let row = |table: &[f32], row: usize| table[(row * self.heads + head) * 4..][..4].to_vec();
        let product: f32 = row(query, c).iter().zip(row(key, n)).map(|(a, b)| a * b).sum();
        product / 2.0 + bias[n * self.heads + head]
    }
}

/// Scores every event, sorts, takes k: what the definition says, and nothing else.
fn plain_search(gsu: Gsu, case: &SearchCase) -> Vec<i64> {
    let mut index = Vec::new();
    for (c, &category) in case.candidates.1.iter().enumerate() {
        let candidate = &case.candidates.0[c * case.dimension..(c + 1) * case.dimension];
        let mut scored: Vec<(f64, i64)> = Vec::new();
        for (n, &event_category) in case.events.1.iter().enumerate() {
            let event = &case.events.0[n * case.dimension..(n + 1) * case.dimension];
            let score = match gsu {
                Gsu::Soft => candidate.iter().zip(event).map(|(&a, &b)| case.code(a) * case.code(b)).sum(),
                Gsu::Hard => -(n as f64),
                Gsu::Consistent => (0..case.heads).map(|head| f64::from(case.logit(c, n, head))).sum(),
            };
            let allowed = gsu != Gsu::Hard || (category > 0 && category == event_category);
            if allowed && case.events.2[n] == 1.0 {
                scored.push((score, n as i64));
            }
        }
        scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)));
        let rows = scored.into_iter().map(|(_, row)| row).chain(std::iter::repeat(NO_EVENT));
        index.extend(rows.take(case.k));
    }
    index
}

proptest! {
    #[test]
    fn search_picks_what_its_definition_says(case in search_case()) {
        let candidates = Candidates { embedding: &case.candidates.0, category: &case.candidates.1 };
        let events = Events { embedding: &case.events.0, category: &case.events.1, valid: &case.events.2 };
        let (query, key, bias) = &case.projected;
        let projected = Projected { query, key, bias, width: case.heads * 4, heads: case.heads };
        for gsu in [Gsu::Hard, Gsu::Soft, Gsu::Consistent] {
            let found = search(gsu, candidates, events, projected, case.dimension, case.k);
            prop_assert_eq!(found, plain_search(gsu, &case), "{:?}", gsu);
        }
    }

    #[test]
    fn attention_agrees_with_its_definition_in_double_precision(case in attend_case()) {
        let table = Table { key: &case.key, value: &case.value, bias: &case.bias };
        let attended = attend(&case.query, table, &case.index, case.width(), case.heads, case.k);
        let (output, weight, intensity) = plain_attend(&case);
        prop_assert_eq!(attended.intensity.len(), intensity.len());
        for (got, expected) in attended.intensity.iter().zip(&intensity) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "intensity {} for {}", got, expected);
        }
        prop_assert_eq!(attended.weight.len(), weight.len());
        for (got, expected) in attended.weight.iter().zip(&weight) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-5, "weight {} for {}", got, expected);
        }
        for (got, expected) in attended.output.iter().zip(&output) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "output {} for {}", got, expected);
        }
    }
}

#[derive(Debug)]
struct AttendCase {
    heads: usize,
    head_width: usize,
    k: usize,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    bias: Vec<f32>,
    index: Vec<i64>,
}

impl AttendCase {
    fn width(&self) -> usize {
        self.heads * self.head_width
    }
}

fn attend_case() -> impl Strategy<Value = AttendCase> {
    (1usize..5, 1usize..20, 1usize..9, 0usize..4, 1usize..12).prop_flat_map(|(heads, head_width, k, c, rows)| {
        let width = heads * head_width;
        let floats = |len| vec(-2.0f32..2.0, len);
        (
            (Just(heads), Just(head_width), Just(k)),
            floats(c * width),
            floats(rows * width),
            floats(rows * width),
            floats(rows * heads),
            vec(-1..rows as i64, c * k),
        )
            .prop_map(|((heads, head_width, k), query, key, value, bias, index)| AttendCase {
                heads,
                head_width,
                k,
                query,
                key,
                value,
                bias,
                index,
            })
    })
}

fn plain_attend(case: &AttendCase) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (width, k) = (case.width(), case.k);
    let queries = case.query.len() / width;
    let (mut output, mut weights, mut intensities) = (vec![0.0; queries * width], Vec::new(), Vec::new());
    for c in 0..queries {
        for head in 0..case.heads {
            let columns = head * case.head_width..(head + 1) * case.head_width;
            let logits: Vec<f64> = case.index[c * k..(c + 1) * k]
                .iter()
                .map(|&row| {
                    if row == NO_EVENT {
                        return f64::NEG_INFINITY;
                    }
                    let product: f64 = columns
                        .clone()
                        .map(|i| f64::from(case.query[c * width + i]) * f64::from(case.key[row as usize * width + i]))
                        .sum();
                    product / (case.head_width as f64).sqrt() + f64::from(case.bias[row as usize * case.heads + head])
                })
                .collect();
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            intensities.push((1.0 + sum).ln());
            for (slot, logit) in logits.iter().enumerate() {
                let weight = if sum == 0.0 { 0.0 } else { logit.exp() / sum };
                weights.push(weight);
                let row = case.index[c * k + slot];
                if row != NO_EVENT {
                    for i in columns.clone() {
                        output[c * width + i] += weight * f64::from(case.value[row as usize * width + i]);
                    }
                }
            }
        }
    }
    (output, weights, intensities)
}
