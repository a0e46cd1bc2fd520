//! Long attention: the whole history searched for each candidate, and exact attention to what was found.
//!
//! The operator `LongAttention` of the domain `ai.lookback`, done with less than its definition: only events that are
//! attended to are encoded (all, where search itself reads them), an item that was met often is encoded once, and no
//! event is projected. With keys K·x, q·(K·x) = (Kᵀ·q)·x, so that the candidate takes the key's projection upon itself;
//! and the sum of weighted values is the value of the weighted sum.

use wide::f32x4;

use crate::encoder::{self, Encoder, Marks};
use crate::esu::Attended;
use crate::gsu::{self, ByItem, Logits, NO_EVENT};
use crate::numeric::{Activation, LANES, Linear, Matrix, WIDE, add, dot, dot_each, scale, softmax, weighted_sums};
use crate::request::Gsu;
use crate::stage::{self, Stage};

/// The events that are searched, newest first.
pub trait History {
    /// N.
    fn events(&self) -> usize;
    /// The item of an event; the same number for the same item.
    fn item(&self, row: usize) -> u32;
    /// What else there is to encode of it.
    fn marks(&self, row: usize) -> Marks;
    /// The category of an item.
    fn category(&self, item: u32) -> usize;
    /// Appends the embedding of an item, `[d]`.
    fn append_embedding(&self, item: u32, out: &mut Vec<f32>);
}

/// The attention's weights, as training names them; D is the attention's width, w the encoder's, H the heads.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `[D, w]` and `[D]`.
    pub query: (Vec<f32>, Vec<f32>),
    /// `[D, w]` and `[D]`.
    pub key: (Vec<f32>, Vec<f32>),
    /// `[D, w]` and `[D]`.
    pub value: (Vec<f32>, Vec<f32>),
    /// `[age buckets, H]`.
    pub age_bias: Vec<f32>,
    /// `[actions, H]`.
    pub action_bias: Vec<f32>,
}

/// What attention adds to each head's logit for when an event was and what was done; row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionBias<'a> {
    /// `[age buckets, H]`; bucket b holds ages of 2^(b-1) to 2^b minutes, bucket 0 less than one.
    pub age: &'a [f32],
    /// `[actions, H]`, by code.
    pub action: &'a [f32],
    /// H.
    pub heads: usize,
}

/// What long attention finds: what attention answers, and which events `[C, k]` it was given.
pub struct Found {
    /// Over the k slots of `index`.
    pub attended: Attended,
    /// Event rows, [`NO_EVENT`] in empty slots.
    pub index: Vec<i64>,
}

/// The operator, with its weights.
#[derive(Clone, Debug)]
pub struct LongAttention {
    encoder: Encoder,
    query: Linear,
    /// Of each head: from its part of the query to the width of the encoder.
    key: Vec<Matrix>,
    key_bias: Vec<f32>,
    /// Of each head: from the width of the encoder to its part of the output.
    value: Vec<Matrix>,
    value_bias: Vec<f32>,
    age_bias: Vec<f32>,
    action_bias: Vec<f32>,
    heads: usize,
    k: usize,
}

impl LongAttention {
    /// An operator of these weights, whose shapes the caller has checked.
    pub fn new(encoder: encoder::Weights, weights: Weights, heads: usize, k: usize) -> LongAttention {
        let encoder = Encoder::new(encoder);
        let width = encoder.width();
        let columns = weights.query.1.len();
        let head_width = columns / heads;
        let parts = |weight: &[f32]| weight.chunks_exact(head_width * width).map(<[f32]>::to_vec).collect::<Vec<_>>();
        LongAttention {
            query: Linear::new(
                Matrix::transposed(&weights.query.0, columns, width),
                Some(weights.query.1),
                Activation::Identity,
            ),
            key: parts(&weights.key.0).iter().map(|part| Matrix::new(part, head_width, width)).collect(),
            key_bias: weights.key.1,
            value: parts(&weights.value.0).iter().map(|part| Matrix::transposed(part, head_width, width)).collect(),
            value_bias: weights.value.1,
            age_bias: weights.age_bias,
            action_bias: weights.action_bias,
            encoder,
            heads,
            k,
        }
    }

    /// The learned biases.
    pub fn bias(&self) -> AttentionBias<'_> {
        AttentionBias { age: &self.age_bias, action: &self.action_bias, heads: self.heads }
    }

    /// Embeddings `[C, d]` and categories `[C]` of candidates, and the history.
    pub fn run(&self, gsu: Gsu, embedding: &[f32], category: &[i64], history: &impl History) -> Found {
        stage::begin(Stage::Query);
        let columns = self.query.columns();
        let candidates = category.len();
        let mut query = vec![0.0; candidates * columns];
        self.query.apply(&self.encoder.candidates(embedding, category), None, &mut query);
        let query = self.absorbed(&query, candidates);
        stage::begin(Stage::Index);
        let index = match gsu {
            Gsu::Hard => {
                let categories = (0..history.events()).map(|row| history.category(history.item(row)));
                stage::begin(Stage::Search);
                gsu::hard(category, categories, self.k)
            }
            Gsu::Soft => {
                let by_item = ByItem::of((0..history.events()).map(|row| history.item(row)));
                let items = embeddings(&by_item, history);
                stage::begin(Stage::Search);
                gsu::soft(embedding, &items, &by_item, self.encoder.dimension(), self.k)
            }
            Gsu::Consistent => self.search(&query, history),
        };
        stage::begin(Stage::Encode);
        let events = self.encode(picked(&index, history.events()), history);
        stage::begin(Stage::Attend);
        let attended = self.attend(&query, &events, &index, history.events());
        Found { attended, index }
    }

    /// Consistent search. A sum over heads of (Σ parts · scale ∘ norm) · key is (Σ parts · (norm ∘ Σ key)) · scale, so that
    /// the events on an item share a product, and those with a mark another.
    fn search(&self, query: &Absorbed, history: &impl History) -> Vec<i64> {
        let width = self.encoder.width();
        let events = ByItem::of((0..history.events()).map(|row| history.item(row)));
        let item = embeddings(&events, history);
        let item = self.encoder.items(&item, events.item.iter().map(|&item| history.category(item)));
        let mut sums = Vec::with_capacity(query.key.len() / self.heads);
        for heads in query.key.chunks_exact(self.heads * query.stride) {
            let mut sum = vec![0.0; query.stride];
            heads.chunks_exact(query.stride).for_each(|key| add(&mut sum, key));
            sums.extend(sum.iter().zip(self.encoder.norm_weight()).map(|(sum, norm)| sum * norm));
        }
        let mark_table = self.encoder.mark_table();
        let mark = Matrix::transposed(&mark_table, mark_table.len() / width, width).product(&sums);
        let [age_bias, action_bias] = [&self.age_bias, &self.action_bias]
            .map(|bias| bias.chunks_exact(self.heads).map(|heads| heads.iter().sum()).collect::<Vec<f32>>());
        let of_event: Vec<Marks> = (0..history.events()).map(|row| history.marks(row)).collect();
        let marks: Vec<[u16; gsu::MARKS]> = of_event.iter().map(|&marks| self.encoder.mark_rows(marks)).collect();
        let bias: Vec<f32> = of_event.iter().map(|of| age_bias[of.age] + action_bias[of.action]).collect();
        let scale = self.encoder.scales(&item, &events, &of_event);
        let logits = Logits {
            query: &sums,
            item: &item,
            events: &events,
            mark: &mark,
            marks: &marks,
            scale: &scale,
            bias: &bias,
        };
        stage::begin(Stage::Search);
        gsu::consistent(&logits, width, self.k)
    }

    /// Queries `[C, D]` that have taken the keys' projection upon themselves.
    fn absorbed(&self, query: &[f32], candidates: usize) -> Absorbed {
        let (width, columns) = (self.encoder.width(), self.query.columns());
        let head_width = columns / self.heads;
        let by = 1.0 / (head_width as f32).sqrt();
        let stride = width.next_multiple_of(WIDE);
        let mut key = vec![0.0; candidates * self.heads * stride];
        for (head, projection) in self.key.iter().enumerate().filter(|_| candidates > 0) {
            projection.multiply(&query[head * head_width..], columns, &mut key[head * stride..], self.heads * stride);
        }
        scale(&mut key, by);
        let groups = self.heads.div_ceil(LANES);
        let mut bias = vec![[0.0; LANES]; candidates * groups];
        for (bias, query) in bias.chunks_exact_mut(groups).zip(query.chunks_exact(columns)) {
            let parts = query.chunks_exact(head_width).zip(self.key_bias.chunks_exact(head_width));
            for (bias, (query, key)) in bias.as_flattened_mut().iter_mut().zip(parts) {
                *bias = dot(query, key) * by;
            }
        }
        Absorbed { key, stride, bias }
    }

    /// Events of the rows given, which ascend.
    fn encode(&self, rows: Vec<u32>, history: &impl History) -> Events {
        let width = self.encoder.width();
        let by_item = ByItem::of(rows.iter().map(|&row| history.item(row as usize)));
        let items = embeddings(&by_item, history);
        let items = self.encoder.items(&items, by_item.item.iter().map(|&item| history.category(item)));
        let mut item = vec![0; rows.len()];
        for i in 0..by_item.item.len() {
            by_item.events(i).iter().for_each(|&at| item[at as usize] = i);
        }
        let stride = width.next_multiple_of(WIDE);
        let mut x = Vec::with_capacity(rows.len() * stride);
        let mut bias = vec![[0.0; LANES]; rows.len() * self.heads.div_ceil(LANES)];
        let biases = bias.chunks_exact_mut(self.heads.div_ceil(LANES));
        for (at, ((&row, item), bias)) in rows.iter().zip(item).zip(biases).enumerate() {
            let marks = history.marks(row as usize);
            self.encoder.append_event(&items[item * width..(item + 1) * width], marks, &mut x);
            x.resize((at + 1) * stride, 0.0);
            let of = |table: &[f32], row: usize, head: usize| table[row * self.heads + head];
            for (head, bias) in bias.as_flattened_mut().iter_mut().enumerate().take(self.heads) {
                *bias = of(&self.age_bias, marks.age, head) + of(&self.action_bias, marks.action, head);
            }
        }
        Events { rows, x, bias }
    }

    fn attend(&self, query: &Absorbed, events: &Events, index: &[i64], all: usize) -> Attended {
        let (columns, heads, k) = (self.query.columns(), self.heads, self.k);
        let groups = heads.div_ceil(LANES);
        let candidates = query.bias.len() / groups;
        let mut position = vec![0; all];
        events.rows.iter().zip(0..).for_each(|(&row, at)| position[row as usize] = at);
        let stride = query.stride;
        let table: &[[f32; WIDE]] = events.x.as_chunks().0;
        let mut weight = vec![0.0; candidates * heads * k];
        let mut intensity = vec![0.0; candidates * heads];
        let mut mixed = vec![0.0; candidates * heads * stride];
        let mut held: Vec<usize> = Vec::with_capacity(k);
        let mut places: Vec<usize> = Vec::with_capacity(k);
        let mut logits = vec![f32x4::ZERO; k.next_multiple_of(LANES)];
        let mut by_slot = vec![[f32x4::ZERO; LANES]; k];
        let mut sums = vec![0.0; LANES * stride];
        for c in 0..candidates {
            let slots = &index[c * k..(c + 1) * k];
            // Events are found best first, so that empty slots come last.
            held.clear();
            held.extend(slots.iter().take_while(|&&row| row != NO_EVENT).map(|&row| position[row as usize]));
            places.clear();
            places.extend(held.iter().map(|event| event * (stride / WIDE)));
            for group in 0..groups {
                let first = group * LANES;
                let lanes = LANES.min(heads - first);
                // Lanes beyond the last head do its work again.
                let head = [0, 1, 2, 3].map(|lane| c * heads + first + lane.min(lanes - 1));
                let keys = head.map(|head| &query.key[head * stride..(head + 1) * stride]);
                let of_query = f32x4::new(query.bias[c * groups + group]);
                for (logits, &event) in logits.iter_mut().zip(&held) {
                    let bias = of_query + f32x4::new(events.bias[event * groups + group]);
                    *logits = dot_each(keys, &events.x[event * stride..(event + 1) * stride]) + bias;
                }
                for (logits, first) in logits.as_chunks().0.iter().zip((0..held.len()).step_by(LANES)) {
                    let count = LANES.min(held.len() - first);
                    for (logits, head) in f32x4::transpose(*logits).iter().zip(head).take(lanes) {
                        weight[head * k + first..][..count].copy_from_slice(&logits.as_array()[..count]);
                    }
                }
                for (lane, &head) in head.iter().enumerate().take(lanes) {
                    let of_head = &mut weight[head * k..head * k + held.len()];
                    intensity[head] = softmax(of_head);
                    by_slot.iter_mut().zip(of_head).for_each(|(lanes, weight)| lanes[lane] = f32x4::splat(*weight));
                }
                weighted_sums(&places, &by_slot[..held.len()], table, stride, &mut sums);
                mixed[head[0] * stride..(head[0] + lanes) * stride].copy_from_slice(&sums[..lanes * stride]);
            }
        }
        let head_width = columns / heads;
        let mut output = vec![0.0; candidates * columns];
        for (head, projection) in self.value.iter().enumerate().filter(|_| candidates > 0) {
            projection.multiply(&mixed[head * stride..], heads * stride, &mut output[head * head_width..], columns);
        }
        for (output, slots) in output.chunks_exact_mut(columns).zip(index.chunks_exact(k)) {
            if slots[0] != NO_EVENT {
                add(output, &self.value_bias);
            }
        }
        Attended { output, weight, intensity }
    }
}

struct Absorbed {
    /// `[C, H, stride]`: what an event's vector is multiplied with to give its logit, zeros beyond w.
    key: Vec<f32>,
    stride: usize,
    /// `[C, H / LANES]`, added to it; zeros beyond H.
    bias: Vec<[f32; LANES]>,
}

/// Encoded events.
struct Events {
    /// Their rows in the history.
    rows: Vec<u32>,
    /// `[rows, stride]`, zeros beyond w.
    x: Vec<f32>,
    /// `[rows, H / LANES]`, zeros beyond H.
    bias: Vec<[f32; LANES]>,
}

fn embeddings(by_item: &ByItem, history: &impl History) -> Vec<f32> {
    let mut embedding = Vec::new();
    by_item.item.iter().for_each(|&item| history.append_embedding(item, &mut embedding));
    embedding
}

/// The rows that stand in any slot, ascending.
fn picked(index: &[i64], events: usize) -> Vec<u32> {
    let mut is_picked = vec![false; events];
    index.iter().filter(|&&row| row != NO_EVENT).for_each(|&row| is_picked[row as usize] = true);
    (0..).zip(is_picked).filter(|&(_, picked)| picked).map(|(row, _)| row).collect()
}
