//! Search and attention against plain references, over odd sizes.

use lookback::cross::{CrossNetwork, Expert, Logit};
use lookback::encoder::{self, Marks};
use lookback::esu::{Absorbed, Projections, Table, attend};
use lookback::gsu::{self, ByItem, Logits, MARKS, NO_EVENT};
use lookback::long_attention::{self, History, LongAttention};
use lookback::request::Gsu;
use proptest::collection::vec;
use proptest::prelude::*;

/// Small integers, so that sums are exact, equal scores are common, and ties are really tested.
fn whole(len: usize) -> impl Strategy<Value = Vec<f32>> {
    vec((-3i8..=3).prop_map(f32::from), len)
}

/// Candidates, and a history of events on a few items, some of which come more than once.
#[derive(Debug)]
struct SearchCase {
    dimension: usize,
    k: usize,
    /// `[C, d]`.
    candidate: Vec<f32>,
    /// `[C]`.
    candidate_category: Vec<i64>,
    /// `[M, d]`.
    item: Vec<f32>,
    /// `[M]`.
    item_category: Vec<usize>,
    /// `[N]`: the item of each event.
    event: Vec<u32>,
    /// `[N]`.
    bias: Vec<f32>,
    /// `[C, 8]`: two marks of each kind.
    mark: Vec<f32>,
    /// `[N]`.
    marks: Vec<[u16; MARKS]>,
    /// `[N]`, powers of two, so that sums stay exact.
    scale: Vec<f32>,
}

fn search_case() -> impl Strategy<Value = SearchCase> {
    // Few events and many are searched in two ways.
    let events = prop_oneof![15 => 0usize..200, 1 => 2000usize..2200];
    (1usize..40, 0usize..12, 0usize..40, 1usize..60, events).prop_flat_map(|(dimension, k, c, m, n)| {
        let candidates = (whole(c * dimension), vec(0i64..4, c));
        let items = (whole(m * dimension), vec(0usize..4, m));
        let marks = (whole(c * 2 * MARKS), vec(prop::array::uniform4(0u16..2), n), vec(-2i32..3, n));
        (candidates, items, vec(0..m as u32, n), whole(n), marks).prop_map(
            move |((candidate, candidate_category), (item, item_category), event, bias, (mark, marks, scale))| {
                SearchCase {
                    mark,
                    marks: marks.into_iter().map(|[a, b, c, d]| [a, 2 + b, 4 + c, 6 + d]).collect(),
                    scale: scale.into_iter().map(|power| 2.0f32.powi(power)).collect(),
                    dimension,
                    k,
                    candidate,
                    candidate_category,
                    item,
                    item_category,
                    event,
                    bias,
                }
            },
        )
    })
}

impl SearchCase {
    fn item(&self, item: u32) -> &[f32] {
        &self.item[item as usize * self.dimension..][..self.dimension]
    }

    /// The embeddings of the items in the history, in the order in which they are grouped.
    fn of_history(&self, by_item: &ByItem) -> Vec<f32> {
        by_item.item.iter().flat_map(|&item| self.item(item).to_vec()).collect()
    }

    /// Scores every event, sorts, takes k: what the definition says, and nothing else.
    fn search(&self, mut score: impl FnMut(&[f32], i64, usize) -> Option<f64>) -> Vec<i64> {
        let mut index = Vec::new();
        for (candidate, &category) in self.candidate.chunks_exact(self.dimension).zip(&self.candidate_category) {
            let scores = (0..self.event.len()).filter_map(|n| Some((score(candidate, category, n)?, n as i64)));
            let mut scored: Vec<(f64, i64)> = scores.collect();
            scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)));
            let rows = scored.into_iter().map(|(_, row)| row).chain(std::iter::repeat(NO_EVENT));
            index.extend(rows.take(self.k));
        }
        index
    }
}

/// Slots `[C, k]`, of each candidate those that are not empty, which come first, in the order of their rows.
fn by_row(mut index: Vec<i64>, k: usize) -> Vec<i64> {
    for slots in index.chunks_mut(k.max(1)) {
        let count = slots.iter().position(|&row| row == NO_EVENT).unwrap_or(k);
        slots[..count].sort_unstable();
    }
    index
}

/// The whole number that stands for an embedding's value in soft search, given all embeddings there are.
fn code(value: f32, all: &[&[f32]], dimension: usize) -> f64 {
    let limit = (f64::from(i32::MAX) / dimension as f64).sqrt().floor().min(32767.0) as f32;
    let largest = all.iter().copied().flatten().fold(1e-30f32, |largest, value| largest.max(value.abs()));
    f64::from((value * (limit / largest)).round_ties_even())
}

fn inner_product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

proptest! {
    #[test]
    fn hard_search_picks_the_newest_of_the_category(case in search_case()) {
        let categories = case.event.iter().map(|&item| case.item_category[item as usize]);
        let found = gsu::hard(&case.candidate_category, categories, case.k);
        let plain = case.search(|_, category, n| {
            let same = category == case.item_category[case.event[n] as usize] as i64;
            (category > 0 && same).then_some(-(n as f64))
        });
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn soft_search_picks_the_largest_inner_products(case in search_case()) {
        let by_item = ByItem::of(case.event.iter().copied());
        let items = case.of_history(&by_item);
        let found = gsu::soft(&case.candidate, &items, &by_item, case.dimension, case.k);
        let code = |value: f32| code(value, &[&case.candidate, &items], case.dimension);
        let plain = case.search(|candidate, _, n| {
            Some(candidate.iter().zip(case.item(case.event[n])).map(|(&a, &b)| code(a) * code(b)).sum())
        });
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn consistent_search_picks_the_largest_logits(case in search_case()) {
        let by_item = ByItem::of(case.event.iter().copied());
        let items = case.of_history(&by_item);
        let logits = Logits {
            query: &case.candidate,
            item: &items,
            events: &by_item,
            mark: &case.mark,
            marks: &case.marks,
            scale: &case.scale,
            bias: &case.bias,
        };
        let found = gsu::consistent(&logits, case.dimension, case.k);
        let mut marks = case.mark.chunks_exact(2 * MARKS).cycle();
        let mut mark = &case.mark[..];
        let plain = case.search(|candidate, _, n| {
            if n == 0 {
                mark = marks.next().unwrap();
            }
            let sum = case.marks[n].iter().map(|&at| f64::from(mark[at as usize])).sum::<f64>();
            let product = inner_product(candidate, case.item(case.event[n]));
            Some((product + sum) * f64::from(case.scale[n]) + f64::from(case.bias[n]))
        });
        prop_assert_eq!(by_row(found, case.k), by_row(plain, case.k));
    }

    #[test]
    fn consistent_search_ends_where_logits_are_not_finite(
        case in search_case(),
        size in prop_oneof![Just(1e19f32), Just(1e38), Just(-1e38), Just(f32::INFINITY), Just(f32::NAN)],
    ) {
        let by_item = ByItem::of(case.event.iter().copied());
        let large = |numbers: &[f32]| numbers.iter().map(|number| number * size).collect::<Vec<f32>>();
        let (query, item, mark) = (large(&case.candidate), large(&case.of_history(&by_item)), large(&case.mark));
        let (events, marks, bias) = (&by_item, &case.marks[..], &case.bias[..]);
        for (query, item, mark, scale) in [
            (&query, &item, &mark, &case.scale),
            (&case.candidate, &case.of_history(&by_item), &mark, &vec![1e30; case.scale.len()]),
        ] {
            let found = gsu::consistent(&Logits { query, item, events, mark, marks, scale, bias }, case.dimension, case.k);
            prop_assert_eq!(found.len(), case.candidate_category.len() * case.k);
            prop_assert!(found.iter().all(|&row| row == NO_EVENT || (0..case.event.len() as i64).contains(&row)));
        }
    }

    #[test]
    fn long_attention_is_encoding_search_and_attention(case in long_case()) {
        let operator = LongAttention::new(case.encoder.clone(), case.weights.clone(), case.heads, case.k);
        let (event, query) = (case.events(), case.queries());
        let plain = case.plain_logits(&event, &query);
        for gsu in [Gsu::Hard, Gsu::Soft, Gsu::Consistent] {
            let found = operator.run(gsu, &case.candidate, &case.candidate_category, &case, true);
            prop_assert_eq!(found.index.len(), case.candidate_category.len() * case.k);
            let without = operator.run(gsu, &case.candidate, &case.candidate_category, &case, false).attended;
            prop_assert!(without.weight.is_empty());
            prop_assert_eq!(&without.output, &found.attended.output);
            prop_assert_eq!(&without.intensity, &found.attended.intensity);
            for (c, plain) in plain.iter().enumerate() {
                let score = |n: usize| match gsu {
                    Gsu::Hard => f64::from(u8::from(case.same_category(c, n))) * (1.0 + (case.event.len() - n) as f64),
                    Gsu::Soft => case.soft_score(c, n),
                    Gsu::Consistent => plain.iter().map(|head| head[n]).sum(),
                };
                let allowed: Vec<usize> = (0..case.event.len())
                    .filter(|&n| gsu != Gsu::Hard || case.same_category(c, n))
                    .collect();
                let slots = &found.index[c * case.k..(c + 1) * case.k];
                let picked: Vec<usize> = slots.iter().filter(|&&row| row != NO_EVENT).map(|&row| row as usize).collect();
                prop_assert_eq!(picked.len(), case.k.min(allowed.len()), "{:?}", gsu);
                prop_assert!(picked.iter().all(|row| allowed.contains(row)), "{:?}: {:?}", gsu, picked);
                if gsu != Gsu::Consistent {
                    for (better, worse) in picked.iter().zip(picked.iter().skip(1)) {
                        prop_assert!(score(*better) > score(*worse) - 1e-4, "{:?}: {:?} is not in order", gsu, picked);
                    }
                }
                let worst = picked.iter().map(|&row| score(row)).fold(f64::INFINITY, f64::min);
                for other in allowed.iter().filter(|row| !picked.contains(row)) {
                    prop_assert!(score(*other) < worst + 1e-4, "{:?}: {} was passed over", gsu, other);
                }
                case.check_attention(plain, &event, c, slots, &found.attended)?;
            }
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

    #[test]
    fn attention_with_projections_absorbed_agrees_with_its_definition_in_double_precision(case in projected_case()) {
        let ProjectedCase { attend: case, x, query, query_bias, output, output_bias } = case;
        let (width, heads) = (case.width(), case.heads);
        let (from, to) = (query.len() / width, output_bias.len());
        let projections = Projections::new(&query, &query_bias, &output, heads);
        prop_assert_eq!(projections.sizes(), [heads, width, from, to]);
        let [key, key_bias, value] = projections.absorb(&case.key, &case.value);
        let table =
            Absorbed { key: &key, key_bias: &key_bias, value: &value, bias: &case.bias, output_bias: &output_bias };
        let attended = table.attend(&x, &case.index, heads, case.k);
        let (mixed, weight, intensity) = plain_attend(&case);
        for (got, expected) in attended.intensity.iter().zip(&intensity) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "intensity {} for {}", got, expected);
        }
        prop_assert_eq!(attended.weight.len(), weight.len());
        for (got, expected) in attended.weight.iter().zip(&weight) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "weight {} for {}", got, expected);
        }
        let outputs = mixed.chunks_exact(width).flat_map(|mixed| plain_layer(&output, &output_bias, mixed));
        prop_assert_eq!(attended.output.len(), mixed.len() / width * to);
        for (got, expected) in attended.output.iter().zip(outputs) {
            prop_assert!((f64::from(*got) - expected).abs() < 1e-3, "output {} for {}", got, expected);
        }
    }
}

/// Attention whose queries are projected from x `[C, w]`, and whose output is projected.
#[derive(Debug)]
struct ProjectedCase {
    attend: AttendCase,
    x: Vec<f32>,
    /// `[D, w]` and `[D]`.
    query: Vec<f32>,
    query_bias: Vec<f32>,
    /// `[o, D]` and `[o]`.
    output: Vec<f32>,
    output_bias: Vec<f32>,
}

fn projected_case() -> impl Strategy<Value = ProjectedCase> {
    (attend_case(), 1usize..14, 1usize..14).prop_flat_map(|(attend, from, to)| {
        let (width, floats) = (attend.width(), |len| vec(-0.5f32..0.5, len));
        let queries = attend.query.len() / width;
        let weights = (floats(width * from), floats(width), floats(to * width), floats(to));
        (Just(attend), floats(queries * from), weights).prop_map(|(attend, x, weights)| {
            let (query, query_bias, output, output_bias) = weights;
            let from = query.len() / query_bias.len();
            let projected = x
                .chunks_exact(from)
                .flat_map(|x| plain_layer(&query, &query_bias, &x.iter().copied().map(f64::from).collect::<Vec<_>>()));
            let attend = AttendCase { query: projected.map(|value| value as f32).collect(), ..attend };
            ProjectedCase { attend, x, query, query_bias, output, output_bias }
        })
    })
}

/// weight `[columns, inner]` · x + bias.
fn plain_layer(weight: &[f32], bias: &[f32], x: &[f64]) -> Vec<f64> {
    let rows = weight.chunks_exact(x.len()).zip(bias);
    let sum = |row: &[f32]| row.iter().zip(x).map(|(weight, x)| f64::from(*weight) * x).sum::<f64>();
    rows.map(|(row, bias)| sum(row) + f64::from(*bias)).collect()
}

#[derive(Clone, Debug)]
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
    (1usize..5, 1usize..20, 1usize..9, 0usize..4, 1usize..12, any::<bool>()).prop_flat_map(
        |(heads, head_width, k, c, rows, each_slot_its_row)| {
            let width = heads * head_width;
            let floats = |len| vec(-2.0f32..2.0, len);
            let rows = if each_slot_its_row { k } else { rows };
            let own_rows = move |empty: Vec<bool>| {
                let slots = (0..k as i64).cycle().zip(empty);
                slots.map(|(slot, empty)| if empty { NO_EVENT } else { slot }).collect()
            };
            let index = if each_slot_its_row {
                vec(any::<bool>(), c * k).prop_map(own_rows).boxed()
            } else {
                vec(-1..rows as i64, c * k).boxed()
            };
            (
                (Just(heads), Just(head_width), Just(k)),
                floats(c * width),
                floats(rows * width),
                floats(rows * width),
                floats(rows * heads),
                index,
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
        },
    )
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

/// A history whose events have marks, and all the weights of the operator.
#[derive(Debug)]
struct LongCase {
    heads: usize,
    k: usize,
    dimension: usize,
    width: usize,
    candidate: Vec<f32>,
    candidate_category: Vec<i64>,
    item: Vec<f32>,
    item_category: Vec<usize>,
    event: Vec<u32>,
    mark: Vec<(usize, usize, usize, usize)>,
    encoder: encoder::Weights,
    weights: long_attention::Weights,
}

impl History for LongCase {
    fn events(&self) -> usize {
        self.event.len()
    }
    fn item(&self, row: usize) -> u32 {
        self.event[row]
    }
    fn marks(&self, row: usize) -> Marks {
        let (action, age, hour, weekday) = self.mark[row];
        Marks { action, age, hour, weekday }
    }
    fn category(&self, item: u32) -> usize {
        self.item_category[item as usize]
    }
    fn append_embedding(&self, item: u32, out: &mut Vec<f32>) {
        out.extend_from_slice(row(&self.item, item as usize, self.dimension));
    }
}

const CATEGORIES: usize = 3;
const ACTIONS: usize = 2;
const AGES: usize = 5;

fn long_case() -> impl Strategy<Value = LongCase> {
    let head_width = prop_oneof![1usize..6, 9usize..34];
    let sizes = (1usize..7, head_width, 1usize..6, 1usize..7, 1usize..19);
    (sizes, 0usize..6, 1usize..12, 0usize..40).prop_flat_map(|((heads, head_width, k, dimension, width), c, m, n)| {
        let floats = |len| vec(-1.0f32..1.0, len);
        let columns = heads * head_width;
        let encoder = (
            (floats(width * dimension), floats((CATEGORIES + 1) * width), floats(ACTIONS * width)),
            (floats(AGES * width), floats(24 * width), floats(7 * width), floats(width), floats(width)),
        );
        let linear = move || (floats(columns * width), floats(columns));
        let weights = (linear(), linear(), linear(), floats(AGES * heads), floats(ACTIONS * heads));
        let candidates = (floats(c * dimension), vec(0..=CATEGORIES as i64, c));
        let items = (floats(m * dimension), vec(0..=CATEGORIES, m));
        let events = (vec(0..m as u32, n), vec((0..ACTIONS, 0..AGES, 0usize..24, 0usize..7), n));
        (encoder, weights, candidates, items, events).prop_map(move |(encoder, weights, candidates, items, events)| {
            let ((item, category, action), (age, hour, weekday, norm, candidate_norm)) = encoder;
            let (query, key, value, age_bias, action_bias) = weights;
            LongCase {
                heads,
                k,
                dimension,
                width,
                candidate: candidates.0,
                candidate_category: candidates.1,
                item: items.0,
                item_category: items.1,
                event: events.0,
                mark: events.1,
                encoder: encoder::Weights {
                    item,
                    category,
                    action,
                    age,
                    hour,
                    weekday,
                    norm,
                    candidate_norm,
                    epsilon: 1e-2,
                },
                weights: long_attention::Weights { query, key, value, age_bias, action_bias },
            }
        })
    })
}

fn row(table: &[f32], row: usize, width: usize) -> &[f32] {
    &table[row * width..(row + 1) * width]
}

impl LongCase {
    fn same_category(&self, c: usize, n: usize) -> bool {
        let category = self.candidate_category[c];
        category > 0 && category == self.item_category[self.event[n] as usize] as i64
    }

    /// In units of the inner product, not of codes.
    fn soft_score(&self, c: usize, n: usize) -> f64 {
        inner_product(row(&self.candidate, c, self.dimension), row(&self.item, self.event[n] as usize, self.dimension))
    }

    /// weight `[out, in]` times x, plus bias.
    fn linear((weight, bias): &(Vec<f32>, Vec<f32>), x: &[f64]) -> Vec<f64> {
        let product = |row: &[f32]| row.iter().zip(x).map(|(a, b)| f64::from(*a) * b).sum::<f64>();
        weight.chunks_exact(x.len()).zip(bias).map(|(row, bias)| product(row) + f64::from(*bias)).collect()
    }

    fn encoded(&self, embedding: &[f32], rows: &[(&[f32], usize)], norm: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> =
            self.encoder.item.chunks_exact(self.dimension).map(|weight| inner_product(weight, embedding)).collect();
        for &(table, at) in rows {
            x.iter_mut().zip(row(table, at, self.width)).for_each(|(x, value)| *x += f64::from(*value));
        }
        let mean = x.iter().map(|x| x * x).sum::<f64>() / self.width as f64;
        let scale = (mean + f64::from(self.encoder.epsilon)).sqrt();
        x.iter().zip(norm).map(|(x, norm)| x / scale * f64::from(*norm)).collect()
    }

    /// `[N, w]`.
    fn events(&self) -> Vec<Vec<f64>> {
        let encoder = &self.encoder;
        let marks = self.mark.iter().zip(&self.event);
        marks
            .map(|(&(action, age, hour, weekday), &item)| {
                let rows: [(&[f32], usize); 5] = [
                    (&encoder.category, self.item_category[item as usize]),
                    (&encoder.action, action),
                    (&encoder.age, age),
                    (&encoder.hour, hour),
                    (&encoder.weekday, weekday),
                ];
                self.encoded(row(&self.item, item as usize, self.dimension), &rows, &encoder.norm)
            })
            .collect()
    }

    /// `[C, D]`.
    fn queries(&self) -> Vec<Vec<f64>> {
        let candidates = self.candidate.chunks_exact(self.dimension).zip(&self.candidate_category);
        candidates
            .map(|(embedding, &category)| {
                let rows = [(&self.encoder.category[..], category as usize)];
                Self::linear(&self.weights.query, &self.encoded(embedding, &rows, &self.encoder.candidate_norm))
            })
            .collect()
    }

    /// `[C, H, N]`.
    fn plain_logits(&self, events: &[Vec<f64>], queries: &[Vec<f64>]) -> Vec<Vec<Vec<f64>>> {
        let keys: Vec<Vec<f64>> = events.iter().map(|event| Self::linear(&self.weights.key, event)).collect();
        let head_width = self.weights.query.1.len() / self.heads;
        let logit = |query: &[f64], head: usize, n: usize| {
            let columns = head * head_width..(head + 1) * head_width;
            let product: f64 = query[columns.clone()].iter().zip(&keys[n][columns]).map(|(a, b)| a * b).sum();
            let (action, age, ..) = self.mark[n];
            let bias =
                self.weights.age_bias[age * self.heads + head] + self.weights.action_bias[action * self.heads + head];
            product / (head_width as f64).sqrt() + f64::from(bias)
        };
        let heads = |query: &Vec<f64>| {
            (0..self.heads).map(|head| (0..events.len()).map(|n| logit(query, head, n)).collect()).collect()
        };
        queries.iter().map(heads).collect()
    }

    fn check_attention(
        &self,
        logits: &[Vec<f64>],
        events: &[Vec<f64>],
        c: usize,
        slots: &[i64],
        attended: &lookback::esu::Attended,
    ) -> Result<(), TestCaseError> {
        let columns = self.weights.query.1.len();
        let head_width = columns / self.heads;
        for (head, logits) in logits.iter().enumerate() {
            let of_head = c * self.heads + head;
            let powers: Vec<f64> =
                slots.iter().map(|&row| if row == NO_EVENT { 0.0 } else { logits[row as usize].exp() }).collect();
            let sum: f64 = powers.iter().sum();
            let intensity = f64::from(attended.intensity[of_head]);
            prop_assert!((intensity - (1.0 + sum).ln()).abs() < 1e-4, "intensity {} of {}", intensity, sum);
            let mut output = vec![0.0; head_width];
            for (slot, (power, &event)) in powers.iter().zip(slots).enumerate() {
                let weight = if sum > 0.0 { power / sum } else { 0.0 };
                let got = f64::from(attended.weight[of_head * self.k + slot]);
                prop_assert!((got - weight).abs() < 1e-4, "weight {} for {}", got, weight);
                if event != NO_EVENT {
                    let value = Self::linear(&self.weights.value, &events[event as usize]);
                    let value = &value[head * head_width..(head + 1) * head_width];
                    output.iter_mut().zip(value).for_each(|(output, value)| *output += weight * value);
                }
            }
            let got = &attended.output[c * columns + head * head_width..][..head_width];
            for (got, output) in got.iter().zip(output) {
                prop_assert!((f64::from(*got) - output).abs() < 1e-4, "output {} for {}", got, output);
            }
        }
        Ok(())
    }
}

/// Cross layers and what is read off them; x0 is `shared` `[u]` and `own` `[C, i]`.
#[derive(Debug)]
struct CrossCase {
    layers: Vec<Vec<Expert>>,
    logit: Logit,
    shared: Vec<f32>,
    own: Vec<f32>,
    beside: Vec<f32>,
    rows: usize,
}

fn cross_case() -> impl Strategy<Value = CrossCase> {
    let columns = (1usize..20, 1usize..40, 1usize..6);
    let sizes = (columns, 1usize..10, 1usize..4, 1usize..4, 1usize..4, 0usize..70);
    sizes.prop_flat_map(|((shared, own, beside), rank, experts, layers, outputs, rows)| {
        let number = || -1.0f32..1.0;
        let width = shared + own;
        let expert = (
            vec(number(), rank * width),
            vec(number(), rank * rank),
            vec(number(), width * rank),
            vec(number(), width),
            vec(number(), width),
            number(),
        );
        let expert = expert.prop_map(|(down, inner, up, up_bias, gate, gate_bias)| Expert {
            down,
            inner,
            up,
            up_bias,
            gate,
            gate_bias,
        });
        let logit = (vec(number(), outputs * (width + beside)), vec(number(), outputs));
        let logit = logit.prop_map(|(weight, bias)| Logit { weight, bias });
        let columns = (vec(number(), shared), vec(number(), rows * own), vec(number(), rows * beside));
        (vec(vec(expert, experts), layers), logit, columns).prop_map(move |(layers, logit, (shared, own, beside))| {
            CrossCase { layers, logit, shared, own, beside, rows }
        })
    })
}

/// As the paper has it, in doubles.
fn plain_cross(experts: &[Expert], x0: &[f64], x: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; x.len()];
    for expert in experts {
        let lowered: Vec<f64> = times(&expert.down, x).into_iter().map(f64::tanh).collect();
        let hidden: Vec<f64> = times(&expert.inner, &lowered).into_iter().map(f64::tanh).collect();
        let gate = 1.0 / (1.0 + (-times(&expert.gate, x)[0] - f64::from(expert.gate_bias)).exp());
        for ((sum, up), bias) in sum.iter_mut().zip(times(&expert.up, &hidden)).zip(&expert.up_bias) {
            *sum += gate * (up + f64::from(*bias));
        }
    }
    x0.iter().zip(&sum).zip(x).map(|((x0, sum), x)| x0 * sum + x).collect()
}

fn times(matrix: &[f32], x: &[f64]) -> Vec<f64> {
    let row = |row: &[f32]| row.iter().zip(x).map(|(a, b)| f64::from(*a) * b).sum();
    matrix.chunks_exact(x.len()).map(row).collect()
}

proptest! {
    #[test]
    fn cross_layers_and_what_is_read_off_them_are_what_the_paper_says(case in cross_case()) {
        let CrossCase { layers, logit, shared, own, beside, rows } = case;
        let network = CrossNetwork::new(&layers, shared.len(), &logit);
        let [u, i, m, outputs] = network.sizes();
        prop_assert_eq!([u, i * rows, m * rows, outputs], [shared.len(), own.len(), beside.len(), logit.bias.len()]);
        let mut out = vec![0.0; rows * outputs];
        network.apply(&shared, &own, &beside, &mut out);
        let of_rows = own.chunks_exact(i).zip(beside.chunks_exact(m)).zip(out.chunks_exact(outputs));
        for ((own, beside), out) in of_rows {
            let x0: Vec<f64> = shared.iter().chain(own).map(|&x| f64::from(x)).collect();
            let mut x = layers.iter().fold(x0.clone(), |x, experts| plain_cross(experts, &x0, &x));
            x.extend(beside.iter().map(|&x| f64::from(x)));
            for ((got, read), bias) in out.iter().zip(times(&logit.weight, &x)).zip(&logit.bias) {
                let expected = read + f64::from(*bias);
                let near = 1e-5 * (1.0 + x.iter().map(|x| x.abs()).sum::<f64>());
                prop_assert!((f64::from(*got) - expected).abs() < near, "{} for {}", got, expected);
            }
        }
    }
}
