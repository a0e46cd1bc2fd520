//! The two operators of the domain `ai.lookback` as tract operators, run by the kernels of `gsu` and `esu`.

use tract_core::internal::*;

use crate::esu::{self, Table};
use crate::gsu::{self, Candidates, Events, NO_EVENT, Projected};
use crate::request::Gsu;

/// `Search(candidate [C,d], event [N,d], candidate_category [C], event_category [N], event_valid [N], mode [],
/// query [C,D], key [N,D], bias [N,H]) -> [C,k]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Search {
    pub k: usize,
    pub heads: usize,
}

impl Op for Search {
    fn name(&self) -> StaticName {
        "Search".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Search {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (candidate, event, candidate_category, event_category, event_valid, mode) =
            (&inputs[0], &inputs[1], &inputs[2], &inputs[3], &inputs[4], &inputs[5]);
        let dimension = candidate.shape()[1];
        ensure!(event.shape()[1] == dimension, "candidates are {dimension} wide, events {}", event.shape()[1]);
        ensure!(candidate.shape()[0] == candidate_category.len(), "one category per candidate");
        ensure!(
            event.shape()[0] == event_category.len() && event.shape()[0] == event_valid.len(),
            "one category and one validity per event"
        );
        let (query, key, bias) = (&inputs[6], &inputs[7], &inputs[8]);
        let (rows, width) = (event.shape()[0], query.shape()[1]);
        ensure!(self.heads > 0 && width % self.heads == 0, "width {width} is not a multiple of {} heads", self.heads);
        ensure!(query.shape()[0] == candidate.shape()[0], "one query per candidate");
        ensure!(key.shape() == [rows, width], "one key per event, as wide as queries");
        ensure!(bias.shape() == [rows, self.heads], "one bias per event and head");
        let gsu = match mode.try_as_plain_ram()?.as_slice::<i64>()? {
            [0] => Gsu::Hard,
            [1] => Gsu::Soft,
            [2] => Gsu::Consistent,
            other => bail!("search mode is {other:?}, expected 0 (hard), 1 (soft) or 2 (consistent)"),
        };
        let (candidate, event) = (candidate.try_as_plain_ram()?, event.try_as_plain_ram()?);
        let (candidate_category, event_category) =
            (candidate_category.try_as_plain_ram()?, event_category.try_as_plain_ram()?);
        let event_valid = event_valid.try_as_plain_ram()?;
        let candidates = Candidates { embedding: candidate.as_slice()?, category: candidate_category.as_slice()? };
        let events = Events {
            embedding: event.as_slice()?,
            category: event_category.as_slice()?,
            valid: event_valid.as_slice()?,
        };
        let (query, key, bias) = (query.try_as_plain_ram()?, key.try_as_plain_ram()?, bias.try_as_plain_ram()?);
        let projected = Projected {
            query: query.as_slice()?,
            key: key.as_slice()?,
            bias: bias.as_slice()?,
            width,
            heads: self.heads,
        };
        let count = candidates.category.len();
        let index = gsu::search(gsu, candidates, events, projected, dimension, self.k);
        Ok(tvec!(Tensor::from_shape(&[count, self.k], &index)?.into_tvalue()))
    }
}

impl TypedOp for Search {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 9, "Search takes 9 inputs, got {}", inputs.len());
        ensure!(inputs[0].rank() == 2 && inputs[1].rank() == 2, "Search takes candidates and events of rank 2");
        Ok(tvec!(i64::fact(&[inputs[0].shape[0].clone(), self.k.to_dim()])))
    }

    as_op!();
}

/// `Attend(query [C,D], key [R,D], value [R,D], bias [R,H], index [C,K]) -> (output [C,D], weight [C,H,K], intensity [C,H])`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attend {
    pub heads: usize,
}

impl Op for Attend {
    fn name(&self) -> StaticName {
        "Attend".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Attend {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (query, key, value, bias, index) = (&inputs[0], &inputs[1], &inputs[2], &inputs[3], &inputs[4]);
        let (queries, width, rows, k) = (query.shape()[0], query.shape()[1], key.shape()[0], index.shape()[1]);
        ensure!(self.heads > 0 && width % self.heads == 0, "width {width} is not a multiple of {} heads", self.heads);
        ensure!(
            key.shape() == [rows, width] && value.shape() == [rows, width],
            "keys and values are as wide as queries"
        );
        ensure!(bias.shape() == [rows, self.heads], "one bias per row and head");
        ensure!(index.shape()[0] == queries, "one row of slots per query");
        let index_ram = index.try_as_plain_ram()?;
        let index = index_ram.as_slice::<i64>()?;
        ensure!(
            index.iter().all(|&row| row == NO_EVENT || (0..rows as i64).contains(&row)),
            "a slot points outside the table's {rows} rows"
        );
        let (query, key) = (query.try_as_plain_ram()?, key.try_as_plain_ram()?);
        let (value, bias) = (value.try_as_plain_ram()?, bias.try_as_plain_ram()?);
        let table = Table { key: key.as_slice()?, value: value.as_slice()?, bias: bias.as_slice()? };
        let attended = esu::attend(query.as_slice()?, table, index, width, self.heads, k);
        Ok(tvec!(
            Tensor::from_shape(&[queries, width], &attended.output)?.into_tvalue(),
            Tensor::from_shape(&[queries, self.heads, k], &attended.weight)?.into_tvalue(),
            Tensor::from_shape(&[queries, self.heads], &attended.intensity)?.into_tvalue(),
        ))
    }
}

impl TypedOp for Attend {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 5, "Attend takes 5 inputs, got {}", inputs.len());
        ensure!(inputs.iter().all(|input| input.rank() == 2), "Attend takes inputs of rank 2");
        let (queries, k) = (inputs[4].shape[0].clone(), inputs[4].shape[1].clone());
        Ok(tvec!(
            f32::fact(&[queries.clone(), inputs[0].shape[1].clone()]),
            f32::fact(&[queries.clone(), self.heads.to_dim(), k]),
            f32::fact(&[queries, self.heads.to_dim()]),
        ))
    }

    as_op!();
}
