//! Our operators as tract operators: `Attend` of the domain `ai.lookback`, the same with the projections around it, a linear
//! layer with what follows it, cross layers, and a product.

use std::hash::{Hash, Hasher};
use std::ops::Deref;

use tract_core::internal::*;

use crate::cross;
use crate::esu::{self, Attended, Table};
use crate::gsu::NO_EVENT;
use crate::numeric::{self, Activation};

/// Operators that are called as their types are.
macro_rules! named {
    ($($operator:ident),+) => {$(
        impl Op for $operator {
            fn name(&self) -> StaticName {
                stringify!($operator).into()
            }

            op_as_typed_op!();
        }
    )+};
}

named!(Attend, AbsorbProjections, AttendAbsorbed, Linear, CrossNetwork, Multiply);

/// `Attend(query [C,D], key [R,D], value [R,D], bias [R,H], index [C,K]) -> (output [C,D], weight [C,H,K], intensity [C,H])`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attend {
    pub heads: usize,
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
        ensure_within(index, rows)?;
        let (query, key) = (query.try_as_plain_ram()?, key.try_as_plain_ram()?);
        let (value, bias) = (value.try_as_plain_ram()?, bias.try_as_plain_ram()?);
        let table = Table { key: key.as_slice()?, value: value.as_slice()?, bias: bias.as_slice()? };
        attended(esu::attend(query.as_slice()?, table, index, width, self.heads, k), queries, width, self.heads, k)
    }
}

impl TypedOp for Attend {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 5, "Attend takes 5 inputs, got {}", inputs.len());
        ensure!(inputs.iter().all(|input| input.rank() == 2), "Attend takes inputs of rank 2");
        let (queries, k) = (inputs[4].shape[0].clone(), inputs[4].shape[1].clone());
        Ok(attended_facts(queries, inputs[0].shape[1].clone(), self.heads, k))
    }

    as_op!();
}

/// `AbsorbProjections(key [R,D], value [R,D]) -> (key [w,H·R], key_bias [H·R], value [H·R,o])`, see [`esu::Absorbed`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AbsorbProjections {
    projections: Same<esu::Projections>,
}

impl AbsorbProjections {
    /// The weight `[D,w]` and the bias of the queries' projection, and the weight `[o,D]` of the output's.
    pub fn new(query: &Tensor, query_bias: &Tensor, output: &Tensor, heads: usize) -> TractResult<AbsorbProjections> {
        let (&[width, from], &[to, columns]) = (query.shape(), output.shape()) else {
            bail!("projections have shapes {:?} and {:?}, expected rank 2", query.shape(), output.shape())
        };
        ensure!(heads > 0 && width > 0 && width % heads == 0, "width {width} is not a multiple of {heads} heads");
        ensure!(from > 0 && to > 0, "projections have shapes {:?} and {:?}", query.shape(), output.shape());
        let (query, bias, output) =
            (query.try_as_plain_ram()?, query_bias.try_as_plain_ram()?, output.try_as_plain_ram()?);
        let (query, bias, output) = (query.as_slice()?, bias.as_slice()?, output.as_slice()?);
        ensure!(
            columns == width && bias.len() == width,
            "projections of width {columns} and {width}, {} biases",
            bias.len()
        );
        Ok(AbsorbProjections { projections: Same::new(esu::Projections::new(query, bias, output, heads)) })
    }
}

impl EvalOp for AbsorbProjections {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [heads, width, from, to] = self.projections.sizes();
        let rows = inputs[0].shape()[0];
        ensure!(inputs.iter().all(|input| input.shape() == [rows, width]), "keys and values are {width} wide");
        let (key, value) = (inputs[0].try_as_plain_ram()?, inputs[1].try_as_plain_ram()?);
        let [key, key_bias, value] = self.projections.absorb(key.as_slice()?, value.as_slice()?);
        Ok(tvec!(
            Tensor::from_shape(&[from, heads * rows], &key)?.into_tvalue(),
            Tensor::from_shape(&[heads * rows], &key_bias)?.into_tvalue(),
            Tensor::from_shape(&[heads * rows, to], &value)?.into_tvalue(),
        ))
    }
}

impl TypedOp for AbsorbProjections {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2, "AbsorbProjections takes 2 inputs, got {}", inputs.len());
        ensure!(inputs.iter().all(|input| input.rank() == 2), "AbsorbProjections takes inputs of rank 2");
        let [heads, _, from, to] = self.projections.sizes();
        let of_rows = inputs[0].shape[0].clone() * heads;
        Ok(tvec!(
            f32::fact(&[from.to_dim(), of_rows.clone()]),
            f32::fact(std::slice::from_ref(&of_rows)),
            f32::fact(&[of_rows, to.to_dim()]),
        ))
    }

    as_op!();
}

/// `AttendAbsorbed(x [C,w], key [w,H·R], key_bias [H·R], value [H·R,o], bias [R,H], index [C,K])
/// -> (output [C,o], weight [C,H,K], intensity [C,H])`, see [`esu::Absorbed`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttendAbsorbed {
    heads: usize,
    output_bias: Same<Vec<f32>>,
}

impl AttendAbsorbed {
    /// The bias has a number for each column of the output.
    pub fn new(heads: usize, output_bias: &Tensor) -> TractResult<AttendAbsorbed> {
        let output_bias = output_bias.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        ensure!(!output_bias.is_empty(), "attention's output has no columns");
        Ok(AttendAbsorbed { heads, output_bias: Same::new(output_bias) })
    }
}

impl EvalOp for AttendAbsorbed {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shapes: TVec<&[usize]> = inputs.iter().map(|input| input.shape()).collect();
        let [&[queries, from], _, &[of_rows], _, &[rows, heads], &[_, k]] = shapes[..] else {
            bail!("AttendAbsorbed got shapes {shapes:?}")
        };
        let to = self.output_bias.len();
        let expected: [&[usize]; 6] =
            [&[queries, from], &[from, of_rows], &[of_rows], &[of_rows, to], &[rows, heads], &[queries, k]];
        ensure!(shapes[..] == expected, "AttendAbsorbed got shapes {shapes:?}, expected {expected:?}");
        ensure!(
            heads == self.heads && of_rows == heads * rows && of_rows > 0 && from > 0 && k > 0,
            "{of_rows} keys of {from} numbers for {rows} rows and {heads} heads, {k} slots"
        );
        let index = inputs[5].try_as_plain_ram()?;
        let index = index.as_slice::<i64>()?;
        ensure_within(index, rows)?;
        let [x, key, key_bias, value, bias] = [0, 1, 2, 3, 4].map(|input: usize| inputs[input].try_as_plain_ram());
        let (x, key, key_bias, value, bias) = (x?, key?, key_bias?, value?, bias?);
        let table = esu::Absorbed {
            key: key.as_slice()?,
            key_bias: key_bias.as_slice()?,
            value: value.as_slice()?,
            bias: bias.as_slice()?,
            output_bias: &self.output_bias,
        };
        attended(table.attend(x.as_slice()?, index, heads, k), queries, to, heads, k)
    }
}

impl TypedOp for AttendAbsorbed {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 6, "AttendAbsorbed takes 6 inputs, got {}", inputs.len());
        ensure!(inputs[5].rank() == 2, "AttendAbsorbed takes an index of rank 2");
        let (queries, k) = (inputs[5].shape[0].clone(), inputs[5].shape[1].clone());
        Ok(attended_facts(queries, self.output_bias.len().to_dim(), self.heads, k))
    }

    as_op!();
}

fn ensure_within(index: &[i64], rows: usize) -> TractResult<()> {
    ensure!(
        index.iter().all(|&row| row == NO_EVENT || (0..rows as i64).contains(&row)),
        "a slot points outside the table's {rows} rows"
    );
    Ok(())
}

/// The results of attention.
fn attended(attended: Attended, queries: usize, width: usize, heads: usize, k: usize) -> TractResult<TVec<TValue>> {
    Ok(tvec!(
        Tensor::from_shape(&[queries, width], &attended.output)?.into_tvalue(),
        Tensor::from_shape(&[queries, heads, k], &attended.weight)?.into_tvalue(),
        Tensor::from_shape(&[queries, heads], &attended.intensity)?.into_tvalue(),
    ))
}

fn attended_facts(queries: TDim, width: TDim, heads: usize, k: TDim) -> TVec<TypedFact> {
    let heads = heads.to_dim();
    tvec!(
        f32::fact(&[queries.clone(), width]),
        f32::fact(&[queries.clone(), heads.clone(), k]),
        f32::fact(&[queries, heads]),
    )
}

/// activation(x · weight + bias + shared), `[n, inner], [1, columns] -> [n, columns]`, the second input where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Linear {
    layer: Same<numeric::Linear>,
    inner: usize,
}

impl Linear {
    /// A weight `[columns, inner]`, or `[inner]` for one column, as PyTorch keeps it; a bias of as many numbers as columns.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, activation: Activation) -> TractResult<Linear> {
        let (columns, inner) = match *weight.shape() {
            [inner] => (1, inner),
            [columns, inner] => (columns, inner),
            _ => bail!("a weight has shape {:?}, expected [columns, inner]", weight.shape()),
        };
        ensure!(columns > 0 && inner > 0, "a weight has shape {:?}, expected positive lengths", weight.shape());
        let bias = bias.map(values).transpose()?;
        let numbers = bias.as_ref().map_or(columns, Vec::len);
        ensure!(numbers == columns, "a bias has {numbers} numbers for {columns} columns");
        let weight = numeric::Matrix::transposed(&values(weight)?, columns, inner);
        Ok(Linear { layer: Same::new(numeric::Linear::new(weight, bias, activation)), inner })
    }
}

impl EvalOp for Linear {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let &[rows, inner] = inputs[0].shape() else { bail!("Linear takes rank 2, got {:?}", inputs[0].shape()) };
        ensure!(inner == self.inner, "Linear takes {} columns, got {inner}", self.inner);
        let x = inputs[0].try_as_plain_ram()?;
        let shared = inputs.get(1).map(|row| row.try_as_plain_ram()).transpose()?;
        let shared = shared.as_ref().map(|row| row.as_slice::<f32>()).transpose()?;
        let columns = self.layer.columns();
        ensure!(shared.is_none_or(|row| row.len() == columns), "Linear takes one row of {columns} to add");
        let mut out = Tensor::zero::<f32>(&[rows, columns])?;
        self.layer.apply(x.as_slice::<f32>()?, shared, out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Linear {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(matches!(inputs.len(), 1 | 2), "Linear takes one input, and a row to add, got {}", inputs.len());
        ensure!(inputs.iter().all(|input| input.rank() == 2), "Linear takes inputs of rank 2");
        Ok(tvec!(f32::fact(&[inputs[0].shape[0].clone(), self.layer.columns().to_dim()])))
    }

    as_op!();
}

/// W·[x_L; h] + b, `[1, u], [n, i], [n, m] -> [n, o]`: cross layers over x0 = [shared; own], see [`cross::CrossNetwork`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CrossNetwork {
    network: Same<cross::CrossNetwork>,
}

impl CrossNetwork {
    /// W `[o, n + m]` and b `[o]`; of each expert of each layer down `[r, n]`, inner `[r, r]`, up `[n, r]`, its bias `[n]`, gate
    /// `[1, n]` or `[n]`, and its bias.
    pub fn new(
        weights: &[Arc<Tensor>],
        layers: usize,
        shared: usize,
        logit: [&Tensor; 2],
    ) -> TractResult<CrossNetwork> {
        const OF_EXPERT: usize = 6;
        let of_layer = weights.len().checked_div(layers).unwrap_or(0);
        ensure!(
            of_layer > 0 && of_layer * layers == weights.len() && of_layer.is_multiple_of(OF_EXPERT),
            "{layers} cross layers have {} weights",
            weights.len()
        );
        let &[rank, total] = weights[0].shape() else {
            bail!("a weight has shape {:?}, expected [rank, width]", weights[0].shape())
        };
        ensure!(
            rank > 0 && shared > 0 && total > shared,
            "rank and width are {rank} and {total}, {shared} columns are shared"
        );
        let &[outputs, columns] = logit[0].shape() else { bail!("logits are read with {:?}", logit[0].shape()) };
        let [weight, bias] = logit.map(values);
        let logit = cross::Logit { weight: weight?, bias: bias? };
        ensure!(
            columns > total && outputs > 0 && logit.bias.len() == outputs,
            "{outputs} logits are read off {columns} columns, {total} of them crossed, with {} biases",
            logit.bias.len()
        );
        let numbers = [rank * total, rank * rank, total * rank, total, total, 1];
        let mut network = Vec::with_capacity(layers);
        for weights in weights.chunks_exact(of_layer) {
            let mut experts = Vec::with_capacity(of_layer / OF_EXPERT);
            for weights in weights.chunks_exact(OF_EXPERT) {
                let weights = weights.iter().map(|weight| values(weight)).collect::<TractResult<Vec<_>>>()?;
                let lengths = weights.iter().map(Vec::len);
                ensure!(
                    lengths.clone().eq(numbers),
                    "weights have {:?} numbers, expected {numbers:?}",
                    Vec::from_iter(lengths)
                );
                let Ok([down, inner, up, up_bias, gate, gate_bias]) = <[Vec<f32>; OF_EXPERT]>::try_from(weights) else {
                    bail!("an expert lacks a weight")
                };
                experts.push(cross::Expert { down, inner, up, up_bias, gate, gate_bias: gate_bias[0] });
            }
            network.push(experts);
        }
        Ok(CrossNetwork { network: Same::new(cross::CrossNetwork::new(&network, shared, &logit)) })
    }
}

impl EvalOp for CrossNetwork {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [shared, own, beside, outputs] = self.network.sizes();
        let rows = inputs[1].shape()[0];
        let expected: [&[usize]; 3] = [&[1, shared], &[rows, own], &[rows, beside]];
        let shapes: TVec<&[usize]> = inputs.iter().map(|input| input.shape()).collect();
        ensure!(shapes[..] == expected, "CrossNetwork got shapes {shapes:?}, expected {expected:?}");
        let [shared, own, beside] = [0, 1, 2].map(|input: usize| inputs[input].try_as_plain_ram());
        let (shared, own, beside) = (shared?, own?, beside?);
        let mut out = Tensor::zero::<f32>(&[rows, outputs])?;
        let (shared, own, beside) = (shared.as_slice()?, own.as_slice()?, beside.as_slice()?);
        self.network.apply(shared, own, beside, out.try_as_plain_ram_mut()?.as_slice_mut()?);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for CrossNetwork {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 3, "CrossNetwork takes 3 inputs, got {}", inputs.len());
        ensure!(inputs.iter().all(|input| input.rank() == 2), "CrossNetwork takes inputs of rank 2");
        let [.., outputs] = self.network.sizes();
        Ok(tvec!(f32::fact(&[inputs[1].shape[0].clone(), outputs.to_dim()])))
    }

    as_op!();
}

fn values(weight: &Tensor) -> TractResult<Vec<f32>> {
    Ok(weight.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

/// a · b, number by number, of one shape; for each number tract's would call a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Multiply;

impl EvalOp for Multiply {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (Some(b), Some(a)) = (inputs.pop(), inputs.pop()) else { bail!("Multiply takes two inputs") };
        ensure!(a.shape() == b.shape(), "Multiply takes inputs of one shape, got {:?} and {:?}", a.shape(), b.shape());
        let mut out = a.into_tensor();
        numeric::multiply(out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?, b.try_as_plain_ram()?.as_slice::<f32>()?);
        Ok(tvec!(out.into_tvalue()))
    }
}

impl TypedOp for Multiply {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2, "Multiply takes 2 inputs, got {}", inputs.len());
        Ok(tvec!(f32::fact(inputs[0].shape.clone())))
    }

    as_op!();
}

/// Weights that are equal to themselves alone: tract compares operators, and comparing numbers would take longer than
/// anything that it could save.
#[derive(Debug)]
struct Same<T>(Arc<T>);

impl<T> Same<T> {
    fn new(value: T) -> Same<T> {
        Same(Arc::new(value))
    }
}

impl<T> Clone for Same<T> {
    fn clone(&self) -> Same<T> {
        Same(self.0.clone())
    }
}

impl<T> Deref for Same<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Same<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Same<T> {}

impl<T> Hash for Same<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}
