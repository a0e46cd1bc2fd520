//! Exact search unit: multi-head attention of each query over its own few rows of a table, gathered as it goes.
//!
//! SIM (Pi et al., CIKM 2020), section 3.3; the per-head bias carries the age of the event.

use crate::gsu::NO_EVENT;
use crate::numeric::{add_scaled, dot, softmax};

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
    /// `[C, H, K]`; over the slots of one head they sum to 1, or are all 0 where no slot holds a row.
    pub weight: Vec<f32>,
    /// `[C, H]`: log(1 + sum of exp(logit) over the slots), how much there is to attend to, which weights that sum to 1
    /// hide; 0 where no slot holds a row. DIN (Zhou et al., KDD 2018), section 4.3, keeps it by doing without softmax.
    pub intensity: Vec<f32>,
}

/// Attends each of C queries `[C, D]` to the rows in its K slots, `index` `[C, K]`; a slot of [`NO_EVENT`] is empty.
///
/// Every row in `index` must be below R.
pub fn attend(query: &[f32], table: Table, index: &[i64], width: usize, heads: usize, k: usize) -> Attended {
    let queries = query.len() / width;
    let head_width = width / heads;
    let scale = 1.0 / (head_width as f32).sqrt();
    let mut attended = Attended {
        output: vec![0.0; queries * width],
        weight: vec![0.0; queries * heads * k],
        intensity: vec![0.0; queries * heads],
    };
    for c in 0..queries {
        let query = &query[c * width..(c + 1) * width];
        let slots = &index[c * k..(c + 1) * k];
        let output = &mut attended.output[c * width..(c + 1) * width];
        let weight = &mut attended.weight[c * heads * k..(c + 1) * heads * k];
        for (slot, &row) in slots.iter().enumerate().filter(|&(_, &row)| row != NO_EVENT) {
            let row = row as usize;
            let key = &table.key[row * width..(row + 1) * width];
            for head in 0..heads {
                let columns = head * head_width..(head + 1) * head_width;
                weight[head * k + slot] =
                    dot(&query[columns.clone()], &key[columns]) * scale + table.bias[row * heads + head];
            }
        }
        for head in 0..heads {
            let of_head = &mut weight[head * k..(head + 1) * k];
            empty(of_head, slots, f32::NEG_INFINITY);
            attended.intensity[c * heads + head] = softmax(of_head);
            empty(of_head, slots, 0.0);
        }
        for (slot, &row) in slots.iter().enumerate().filter(|&(_, &row)| row != NO_EVENT) {
            let row = row as usize;
            let value = &table.value[row * width..(row + 1) * width];
            for head in 0..heads {
                let columns = head * head_width..(head + 1) * head_width;
                add_scaled(&mut output[columns.clone()], &value[columns], weight[head * k + slot]);
            }
        }
    }
    attended
}

/// Puts `value` into the slots that hold no row.
fn empty(weight: &mut [f32], slots: &[i64], value: f32) {
    for (weight, _) in weight.iter_mut().zip(slots).filter(|&(_, &row)| row == NO_EVENT) {
        *weight = value;
    }
}
