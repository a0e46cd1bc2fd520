//! Exact search unit: multi-head attention of each query over its own rows of a short table.
//!
//! SIM (Pi et al., CIKM 2020), section 3.3; the per-head bias carries the age of the event.

mod absorbed;

use std::iter;
use std::slice;

pub use absorbed::{Absorbed, Projections};

use crate::gsu::NO_EVENT;
use crate::numeric::{Matrix, add, clear, scale, softmax};

/// A table of R rows that queries attend to.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// `[R, D]`; head h owns columns h·D/H to (h+1)·D/H.
    pub key: &'a [f32],
    /// `[R, D]`.
    pub value: &'a [f32],
    /// `[R, H]`, added to the attention logits.
    pub bias: &'a [f32],
}

/// What attention found.
pub struct Attended {
    /// `[C, D]`.
    pub output: Vec<f32>,
    /// `[C, H, K]`; over the slots of one head they sum to 1, or are all 0 where no slot holds a row. Empty where they were
    /// not to be kept.
    pub weight: Vec<f32>,
    /// `[C, H]`: log(1 + sum of exp(logit) over the slots), how much there is to attend to, which weights that sum to 1
    /// hide; 0 where no slot holds a row. DIN (Zhou et al., KDD 2018), section 4.3, keeps it by doing without softmax.
    pub intensity: Vec<f32>,
}

/// Attends each of C queries `[C, D]` to the rows in its K slots, `index` `[C, K]`; a slot of [`NO_EVENT`] is empty.
///
/// Every row in `index` must be below R. Each query is multiplied with each row of the table: R is to be near K.
pub fn attend(query: &[f32], table: Table, index: &[i64], width: usize, heads: usize, k: usize) -> Attended {
    let (queries, rows) = (query.len() / width, table.key.len() / width);
    let head_width = width / heads;
    let mut output = vec![0.0; queries * width];
    if queries == 0 || rows == 0 || k == 0 {
        return Attended { output, weight: vec![0.0; queries * heads * k], intensity: vec![0.0; queries * heads] };
    }
    let mut of_row = vec![0.0; queries * heads * rows];
    for head in 0..heads {
        let key = Matrix::transposed(&columns(table.key, width, head, head_width), rows, head_width);
        key.multiply(&query[head * head_width..], width, &mut of_row[head * rows..], heads * rows);
    }
    scale(&mut of_row, 1.0 / (head_width as f32).sqrt());
    let (weight, intensity) = weigh(&mut of_row, table.bias, index, heads, k);
    for head in 0..heads {
        let value = Matrix::new(&columns(table.value, width, head, head_width), rows, head_width);
        value.multiply(&of_row[head * rows..], heads * rows, &mut output[head * head_width..], width);
    }
    Attended { output, weight: weight.unwrap_or(of_row), intensity }
}

/// Puts weights in the place of logits that lack their bias, `[C, H, R]`; gives weights by slot, `[C, H, K]`, where those by row
/// are not the same, and intensities.
fn weigh(of_row: &mut [f32], bias: &[f32], index: &[i64], heads: usize, k: usize) -> (Option<Vec<f32>>, Vec<f32>) {
    let own_row = |(&row, slot): (&i64, i64)| row == slot || row == NO_EVENT;
    if bias.len() == heads * k && index.chunks_exact(k).all(|slots| slots.iter().zip(0..).all(own_row)) {
        return (None, weigh_in_place(of_row, bias, index, heads, k));
    }
    let (rows, queries) = (bias.len() / heads, index.len() / k);
    let (mut weight, mut intensity) = (vec![0.0; queries * heads * k], vec![0.0; queries * heads]);
    let of_heads = of_row.chunks_exact_mut(rows).zip(weight.chunks_exact_mut(k)).zip(&mut intensity);
    for (at, ((of_row, weight), intensity)) in of_heads.enumerate() {
        let (c, head) = (at / heads, at % heads);
        let slots = &index[c * k..(c + 1) * k];
        for (weight, &row) in weight.iter_mut().zip(slots) {
            *weight = match row {
                NO_EVENT => f32::NEG_INFINITY,
                row => of_row[row as usize] + bias[row as usize * heads + head],
            };
        }
        softmax(iter::once(&mut *weight), slice::from_mut(intensity));
        clear(of_row);
        for (weight, &row) in weight.iter().zip(slots).filter(|&(_, &row)| row != NO_EVENT) {
            of_row[row as usize] += weight;
        }
    }
    (Some(weight), intensity)
}

/// As [`weigh`] where each slot that is not empty holds the row of its own number: weights by row are those by slot.
fn weigh_in_place(of_row: &mut [f32], bias: &[f32], index: &[i64], heads: usize, k: usize) -> Vec<f32> {
    let mut intensity = vec![0.0; index.len() / k * heads];
    // `[H, K]`, minus infinity where a slot is empty.
    let mut of_slots = Vec::new();
    let mut before: &[i64] = &[];
    let of_queries = of_row.chunks_exact_mut(heads * k).zip(intensity.chunks_exact_mut(heads));
    for (slots, (of_row, intensity)) in index.chunks_exact(k).zip(of_queries) {
        // Not as slices: a module compares those byte by byte.
        if !slots.iter().eq(before) {
            before = slots;
            let of_head = |head: usize| bias.iter().skip(head).step_by(heads).zip(slots);
            let masked = (0..heads).flat_map(of_head);
            of_slots = masked.map(|(&bias, &row)| if row == NO_EVENT { f32::NEG_INFINITY } else { bias }).collect();
        }
        add(of_row, &of_slots);
        softmax(of_row.chunks_exact_mut(k), intensity);
    }
    intensity
}

/// A head's columns of a table `[R, D]`: `[R, D/H]`.
fn columns(table: &[f32], width: usize, head: usize, head_width: usize) -> Vec<f32> {
    table.chunks_exact(width).flat_map(|row| &row[head * head_width..(head + 1) * head_width]).copied().collect()
}
