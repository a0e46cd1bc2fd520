//! Long attention: the whole history searched for each candidate, and exact attention to what was found.
//!
//! The operator `LongAttention` of the domain `ai.lookback`, done with less than its definition: only events that are
//! attended to are encoded (all, where search itself reads them), an item that was met often is encoded once and projected
//! once, and events that are many are not projected at all.

mod absorbed;
mod attend;
mod encoded;
mod projected;

use self::absorbed::Absorbed;
use self::attend::Slots;
use self::encoded::Items;
use self::projected::Projected;
use crate::encoder::{self, Encoder, Marks};
use crate::esu::Attended;
use crate::gsu::{self, ByItem, Logits, NO_EVENT};
use crate::numeric::{Linear, Matrix, repeated};
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
    /// The candidates as they ask, encoded, `[C, w]`.
    pub candidate: Vec<f32>,
    /// Over the k slots of `index`.
    pub attended: Attended,
    /// Event rows, [`NO_EVENT`] in empty slots.
    pub index: Vec<i64>,
}

/// The operator, with its weights.
#[derive(Clone, Debug)]
pub struct LongAttention {
    encoder: Encoder,
    projected: Projected,
    absorbed: Absorbed,
    /// From a candidate to what consistent search multiplies the sum of an event's parts with.
    all_heads: Linear,
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
        LongAttention {
            projected: Projected::new(&weights, &encoder, heads),
            absorbed: Absorbed::new(&weights, width, heads),
            all_heads: absorbed::of_all_heads(&weights, width, heads, encoder.norm_weight()),
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

    /// Embeddings `[C, d]` and categories `[C]` of candidates, and the history; attention's weights are kept where they are
    /// asked for.
    pub fn run(
        &self,
        gsu: Gsu,
        embedding: &[f32],
        category: &[i64],
        history: &impl History,
        keep_weights: bool,
    ) -> Found {
        stage::begin(Stage::Query);
        let candidate = self.encoder.candidates(embedding, category);
        stage::begin(Stage::Index);
        let (index, items) = match gsu {
            Gsu::Hard => {
                let categories = (0..history.events()).map(|row| history.category(history.item(row)));
                stage::begin(Stage::Search);
                (gsu::hard(category, categories, self.k), Items::Unread)
            }
            Gsu::Soft => {
                let by_item = ByItem::of((0..history.events()).map(|row| history.item(row)));
                let embeddings = self.embeddings(&by_item.item, history);
                stage::begin(Stage::Search);
                let index = gsu::soft(embedding, &embeddings, &by_item, self.encoder.dimension(), self.k);
                (index, Items::Embeddings(by_item, embeddings))
            }
            Gsu::Consistent => self.search(&candidate, history),
        };
        stage::begin(Stage::Encode);
        let events = self.encode(picked(&index, history.events()), items, history, category.len());
        stage::begin(Stage::Attend);
        let slots = Slots::of(category, &index, &events, history.events());
        let attended = self.attend(&candidate, &events, &slots, keep_weights);
        Found { candidate, attended, index }
    }

    /// Consistent search. A sum over heads of (Σ parts · scale ∘ norm) · key is (Σ parts · (norm ∘ Σ key)) · scale, so that
    /// the events on an item share a product, and those with a mark another.
    fn search(&self, candidate: &[f32], history: &impl History) -> (Vec<i64>, Items) {
        let width = self.encoder.width();
        let events = ByItem::of((0..history.events()).map(|row| history.item(row)));
        let item = self.parts(&self.embeddings(&events.item, history), &events.item, history);
        let query = self.all_heads.of(candidate);
        let mark_table = self.encoder.mark_table();
        let mark = Matrix::transposed(&mark_table, mark_table.len() / width, width).product(&query);
        let [age_bias, action_bias] = [&self.age_bias, &self.action_bias]
            .map(|bias| bias.chunks_exact(self.heads).map(|heads| heads.iter().sum()).collect::<Vec<f32>>());
        let of_event: Vec<Marks> = (0..history.events()).map(|row| history.marks(row)).collect();
        let marks: Vec<[u16; gsu::MARKS]> = of_event.iter().map(|&marks| self.encoder.mark_rows(marks)).collect();
        let bias: Vec<f32> = of_event.iter().map(|of| age_bias[of.age] + action_bias[of.action]).collect();
        let scale = self.encoder.scales(&item, &events, &of_event);
        let logits = Logits {
            query: &query,
            item: &item,
            events: &events,
            mark: &mark,
            marks: &marks,
            scale: &scale,
            bias: &bias,
        };
        stage::begin(Stage::Search);
        let index = gsu::consistent(&logits, width, self.k);
        (index, Items::Parts(events, item))
    }

    /// Those of items, `[M, d]`.
    fn embeddings(&self, items: &[u32], history: &impl History) -> Vec<f32> {
        let mut embeddings = Vec::with_capacity(items.len() * self.encoder.dimension());
        items.iter().for_each(|&item| history.append_embedding(item, &mut embeddings));
        embeddings
    }

    /// The part of their events that items share, `[M, w]`, of their embeddings `[M, d]`.
    fn parts(&self, embeddings: &[f32], items: &[u32], history: &impl History) -> Vec<f32> {
        self.encoder.items(embeddings, items.iter().map(|&item| history.category(item)))
    }
}

/// The rows that stand in any slot, ascending. A function of its own, so that its numbers have the registers to themselves.
#[inline(never)]
fn picked(index: &[i64], events: usize) -> Vec<u32> {
    const AT_ONCE: usize = size_of::<u64>();
    let mut is_picked = vec![0u8; events.next_multiple_of(AT_ONCE)];
    repeated!(index.iter(), |&row| {
        if row != NO_EVENT {
            is_picked[row as usize] = 1;
        }
    });
    let mut rows = Vec::new();
    for (picked, first) in is_picked.as_chunks().0.iter().zip((0..).step_by(AT_ONCE)) {
        let mut picked = u64::from_le_bytes(*picked);
        while picked != 0 {
            rows.push(first + picked.trailing_zeros() / u8::BITS);
            picked &= picked - 1;
        }
    }
    rows
}
