//! A prepared graph's operators wired into tract models.

use std::slice;

use tract_core::internal::*;
use tract_core::ops::array::{Gather, MultiBroadcastTo, Slice, TypedConcat};
use tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_core::ops::cast::Cast;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_core::ops::logic::Iff;
use tract_core::ops::nn::{Reduce, Reducer, RmsNorm};
use tract_core::ops::{math, nn};

use super::ops::{AbsorbProjections, Attend, AttendAbsorbed, CrossNetwork, Linear, Multiply};
use super::prepared::{Constant, Dim, Kind, Long, Node, Operator, PreparedGraph, ReducerKind};
use crate::encoder;
use crate::event::Action;
use crate::long_attention::{self, LongAttention};
use crate::sequence::AGE_BUCKETS;

/// The graph as two tract models: what is computed once for a request, and what is computed for each candidate.
pub(super) struct Parts {
    pub request: TypedModel,
    pub candidates: TypedModel,
    /// Names of the inputs of `candidates` that are the outputs of `request`, in their order.
    pub handed_over: Vec<String>,
}

impl PreparedGraph {
    /// Wires the operators into tract models.
    ///
    /// An operator belongs to the candidates where it depends on an input for which `varies` holds, or on their number,
    /// the only one that a graph leaves open.
    pub(super) fn wire(&self, varies: impl Fn(&str) -> bool) -> TractResult<Parts> {
        let mut of_candidates: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let is_varying_input = matches!(node.operator, Operator::Input { .. }) && varies(&node.name);
            let reads_varying = node.reads.iter().any(|&(read, _)| of_candidates.get(read as usize) == Some(&true));
            of_candidates.push(is_varying_input || reads_varying || node.operator.has_symbols());
        }
        let is_constant = |node: usize| matches!(self.nodes[node].operator, Operator::Constant(_));
        let mut parts =
            Parts { request: TypedModel::default(), candidates: TypedModel::default(), handed_over: Vec::new() };
        let mut wired = Wired { request: HashMap::new(), candidates: HashMap::new() };
        let mut handed_over: TVec<OutletId> = tvec!();
        for (at, node) in self.nodes.iter().enumerate() {
            let place = |slot: usize| (at as u32, slot as u32);
            let context = || format!("wiring {}", node.name);
            if !of_candidates[at] {
                let reads = wired.of(&wired.request, node)?;
                let outlets = wire(&mut parts.request, node, &reads).with_context(context)?;
                wired.request.extend(outlets.into_iter().enumerate().map(|(slot, outlet)| (place(slot), outlet)));
                continue;
            }
            for &read in &node.reads {
                let Some(&outlet) = wired.request.get(&read).filter(|_| !wired.candidates.contains_key(&read)) else {
                    continue;
                };
                let here = if is_constant(read.0 as usize) {
                    wire(&mut parts.candidates, &self.nodes[read.0 as usize], &[]).with_context(context)?[0]
                } else {
                    let fact = parts.request.outlet_fact(outlet)?.without_value();
                    let name = format!("request.{}", handed_over.len());
                    handed_over.push(outlet);
                    parts.handed_over.push(name.clone());
                    parts.candidates.add_source(name, fact)?
                };
                wired.candidates.insert(read, here);
            }
            let reads = wired.of(&wired.candidates, node)?;
            let outlets = wire(&mut parts.candidates, node, &reads).with_context(context)?;
            wired.candidates.extend(outlets.into_iter().enumerate().map(|(slot, outlet)| (place(slot), outlet)));
        }
        let outputs = self.outputs.iter().map(|output| {
            wired.candidates.get(output).copied().with_context(|| format!("output {output:?} depends on no candidate"))
        });
        let outputs = outputs.collect::<TractResult<TVec<_>>>()?;
        parts.candidates.select_output_outlets(&outputs)?;
        parts.request.select_output_outlets(&handed_over)?;
        Ok(parts)
    }
}

/// Where results stand in each of the two models.
struct Wired {
    request: HashMap<(u32, u32), OutletId>,
    candidates: HashMap<(u32, u32), OutletId>,
}

impl Wired {
    fn of(&self, part: &HashMap<(u32, u32), OutletId>, node: &Node) -> TractResult<TVec<OutletId>> {
        let outlet = |read: &(u32, u32)| {
            let found = part.get(read).copied();
            found.with_context(|| {
                format!("{}: result {} of operator {} is read before it exists", node.name, read.1, read.0)
            })
        };
        node.reads.iter().map(outlet).collect()
    }
}

/// The weights of `LongAttention`.
pub(super) const WEIGHTS: [&str; 16] = [
    "item",
    "category",
    "action",
    "age",
    "hour",
    "weekday",
    "norm",
    "candidate_norm",
    "query_weight",
    "query_bias",
    "key_weight",
    "key_bias",
    "value_weight",
    "value_bias",
    "age_bias",
    "action_bias",
];

impl Long {
    /// The operator for embeddings `[d]` and `categories` categories; says which weight is not what it should be.
    pub(super) fn operator(&self) -> TractResult<LongAttention> {
        let (k, heads) = (self.k as usize, self.heads as usize);
        ensure!(self.weights.len() == WEIGHTS.len(), "LongAttention has {} weights", self.weights.len());
        let shape = |weight: usize| self.weights[weight].shape.as_slice();
        let &[width, dimension] = shape(0) else { bail!("the weight item has shape {:?}, expected [w, d]", shape(0)) };
        let &[columns, _] = shape(8) else { bail!("the weight query_weight has shape {:?}", shape(8)) };
        ensure!(
            k > 0 && width > 0 && dimension > 0,
            "k, w and d are {k}, {width}, {dimension}, expected positive numbers"
        );
        ensure!(
            heads > 0 && columns > 0 && (columns as usize).is_multiple_of(heads),
            "{columns} columns are not {heads} equal heads"
        );
        let (actions, ages) = (Action::ALL.len() as u32, AGE_BUCKETS as u32);
        let categories = shape(1).first().copied().unwrap_or(0);
        let expected: [&[u32]; WEIGHTS.len()] = [
            &[width, dimension],
            &[categories, width],
            &[actions, width],
            &[ages, width],
            &[24, width],
            &[7, width],
            &[width],
            &[width],
            &[columns, width],
            &[columns],
            &[columns, width],
            &[columns],
            &[columns, width],
            &[columns],
            &[ages, self.heads],
            &[actions, self.heads],
        ];
        let mut weights = Vec::with_capacity(WEIGHTS.len());
        for ((weight, name), expected) in self.weights.iter().zip(WEIGHTS).zip(expected) {
            ensure!(weight.shape == expected, "the weight {name} has shape {:?}, expected {expected:?}", weight.shape);
            let values = weight.tensor().with_context(|| format!("the weight {name}"))?;
            let values = values.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
            ensure!(
                values.iter().all(|value| value.is_finite()),
                "the weight {name} holds a number that is not finite"
            );
            weights.push(values);
        }
        let Ok(weights) = <[Vec<f32>; WEIGHTS.len()]>::try_from(weights) else { bail!("not all weights were read") };
        let [item, category, action, age, hour, weekday, norm, candidate_norm, rest @ ..] = weights;
        let [query, query_bias, key, key_bias, value, value_bias, age_bias, action_bias] = rest;
        let encoder = encoder::Weights {
            item,
            category,
            action,
            age,
            hour,
            weekday,
            norm,
            candidate_norm,
            epsilon: self.epsilon,
        };
        let attention = long_attention::Weights {
            query: (query, query_bias),
            key: (key, key_bias),
            value: (value, value_bias),
            age_bias,
            action_bias,
        };
        Ok(LongAttention::new(encoder, attention, heads, k))
    }

    /// Embedding dimension d and number of categories, the unknown one among them.
    pub(super) fn reads(&self) -> (usize, usize) {
        (self.weights[0].shape[1] as usize, self.weights[1].shape[0] as usize)
    }
}

impl Operator {
    /// Whether what it does, whatever it reads, depends on a dimension that is no number.
    fn has_symbols(&self) -> bool {
        let dims: &[&[Dim]] = match self {
            Operator::Broadcast { shape } => &[shape],
            Operator::Slice { start, end, .. } => &[slice::from_ref(start), slice::from_ref(end)],
            Operator::Reshape { from, to, .. } => &[from, to],
            _ => &[],
        };
        dims.iter().copied().flatten().any(|dim| dim.parse::<i64>().is_err())
    }
}

/// Whether these are two tensors of floats of one shape.
fn are_alike(model: &TypedModel, reads: &[OutletId]) -> TractResult<bool> {
    let &[a, b] = reads else { return Ok(false) };
    let (a, b) = (model.outlet_fact(a)?, model.outlet_fact(b)?);
    Ok([a, b].iter().all(|fact| fact.datum_type == f32::datum_type()) && a.shape == b.shape)
}

fn wire(model: &mut TypedModel, node: &Node, reads: &[OutletId]) -> TractResult<TVec<OutletId>> {
    let dim = |model: &TypedModel, dim: &Dim| model.symbols.parse_tdim(dim);
    let dims = |model: &TypedModel, dims: &[Dim]| dims.iter().map(|d| dim(model, d)).collect::<TractResult<TVec<_>>>();
    let name = node.name.as_str();
    let op: Box<dyn TypedOp> = match &node.operator {
        Operator::Input { kind, shape } => {
            let shape = dims(model, shape)?;
            return Ok(tvec!(model.add_source(name, kind.datum_type().fact(&*shape))?));
        }
        Operator::Constant(constant) => {
            return Ok(tvec!(model.add_const(name, constant.tensor()?)?));
        }
        Operator::Unary(operator) => ElementWiseOp(unary(operator)?, None).into(),
        Operator::Binary(operator) if operator == "Mul" && are_alike(model, reads)? => Multiply.into(),
        Operator::Binary(operator) => TypedBinOp(binary(operator)?, None).into(),
        Operator::Select => Iff.into(),
        Operator::EinSum { axes } => EinSum::new(axes.parse()?, f32::datum_type()).into(),
        Operator::Reduce { axes, reducer } => {
            Reduce::new(axes.iter().map(|&axis| axis as usize).collect(), reducer.reducer()).into()
        }
        Operator::RmsNorm { axis, epsilon } => {
            RmsNorm { axis: *axis as usize, eps: tensor0(*epsilon).into_arc_tensor() }.into()
        }
        Operator::Cast { to } => Cast::new(to.datum_type()).into(),
        Operator::Gather { axis } => Gather::new(*axis as usize).into(),
        Operator::Concat { axis } => TypedConcat::new(*axis as usize).into(),
        Operator::Slice { axis, start, end } => {
            Slice { axis: *axis as usize, start: dim(model, start)?, end: dim(model, end)? }.into()
        }
        Operator::Broadcast { shape } => MultiBroadcastTo { shape: dims(model, shape)?.into() }.into(),
        Operator::AddAxis(axis) => AxisOp::Add(*axis as usize).into(),
        Operator::RemoveAxis(axis) => AxisOp::Rm(*axis as usize).into(),
        Operator::MoveAxis(from, to) => AxisOp::Move(*from as usize, *to as usize).into(),
        Operator::Reshape { at, from, to } => {
            AxisOp::Reshape(*at as usize, dims(model, from)?, dims(model, to)?).into()
        }
        Operator::Attend { heads } => Attend { heads: *heads as usize }.into(),
        Operator::Linear { activation, shared } => {
            let (weights, inputs): (Vec<OutletId>, Vec<OutletId>) = match *reads {
                [x, weight] if !shared => (vec![weight], vec![x]),
                [x, weight, row] if *shared => (vec![weight], vec![x, row]),
                [x, weight, bias] => (vec![weight, bias], vec![x]),
                [x, weight, bias, row] if *shared => (vec![weight, bias], vec![x, row]),
                _ => bail!("a linear layer reads {} results", reads.len()),
            };
            let weight = constant(model, weights[0])?;
            let bias = weights.get(1).map(|bias| constant(model, *bias)).transpose()?;
            let op = Linear::new(&weight, bias.as_deref(), *activation)?;
            return model.wire_node(name, op, &inputs);
        }
        Operator::CrossNetwork { layers } => {
            let &[shared, own, beside, logit, logit_bias, ref weights @ ..] = reads else {
                bail!("cross layers read {} results", reads.len())
            };
            let weights = weights.iter().map(|&weight| constant(model, weight)).collect::<TractResult<Vec<_>>>()?;
            let logit = [constant(model, logit)?, constant(model, logit_bias)?];
            let columns = model.outlet_fact(shared)?.shape.as_concrete().and_then(|shape| shape.last().copied());
            let columns = columns.context("cross layers do not know how many columns are shared")?;
            let op = CrossNetwork::new(&weights, *layers as usize, columns, [&logit[0], &logit[1]])?;
            return model.wire_node(name, op, &[shared, own, beside]);
        }
        Operator::AbsorbProjections { heads } => {
            let &[key, value, query, query_bias, output] = reads else {
                bail!("projections are absorbed from {} results", reads.len())
            };
            let [query, query_bias, output] = [query, query_bias, output].map(|weight| constant(model, weight));
            let op = AbsorbProjections::new(&*query?, &*query_bias?, &*output?, *heads as usize)?;
            return model.wire_node(name, op, &[key, value]);
        }
        Operator::AttendAbsorbed { heads } => {
            let &[ref inputs @ .., output_bias] = reads else { bail!("absorbed attention reads nothing") };
            let op = AttendAbsorbed::new(*heads as usize, &*constant(model, output_bias)?)?;
            return model.wire_node(name, op, inputs);
        }
    };
    model.wire_node(name, op, reads)
}

fn constant(model: &TypedModel, outlet: OutletId) -> TractResult<Arc<Tensor>> {
    model.outlet_fact(outlet)?.konst.clone().context("a linear layer's weights are not constant")
}

impl Kind {
    pub(super) fn datum_type(self) -> DatumType {
        match self {
            Kind::F32 => f32::datum_type(),
            Kind::I64 => i64::datum_type(),
            Kind::Bool => bool::datum_type(),
        }
    }
}

impl ReducerKind {
    fn reducer(self) -> Reducer {
        match self {
            ReducerKind::Sum => Reducer::Sum,
            ReducerKind::Max => Reducer::Max,
            ReducerKind::Min => Reducer::Min,
            ReducerKind::MeanOfSquares => Reducer::MeanOfSquares,
        }
    }
}

impl Constant {
    fn tensor(&self) -> TractResult<Tensor> {
        let shape: TVec<usize> = self.shape.iter().map(|&len| len as usize).collect();
        // In u128, no product of u32 lengths that a Vec could hold overflows.
        let expected =
            self.shape.iter().map(|&len| u128::from(len)).product::<u128>() * self.kind.datum_type().size_of() as u128;
        ensure!(
            expected == self.bytes.len() as u128,
            "a tensor of shape {shape:?} takes {expected} bytes, got {}",
            self.bytes.len()
        );
        match self.kind {
            Kind::F32 => Tensor::from_shape(&shape, &values(&self.bytes, f32::from_le_bytes)),
            Kind::I64 => Tensor::from_shape(&shape, &values(&self.bytes, i64::from_le_bytes)),
            Kind::Bool => Tensor::from_shape(&shape, &values(&self.bytes, |[byte]: [u8; 1]| byte != 0)),
        }
    }
}

fn values<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|chunk| value(chunk.try_into().expect("N bytes"))).collect()
}

/// tract's element-wise operators that a graph may use, by tract's names.
fn unary(name: &str) -> TractResult<Box<dyn ElementWiseMiniOp>> {
    Ok(match name {
        "Abs" => Box::new(math::Abs {}),
        "Exp" => Box::new(math::Exp {}),
        "Ln" => Box::new(math::Ln {}),
        "Neg" => Box::new(math::Neg {}),
        "Recip" => Box::new(math::Recip {}),
        "Rsqrt" => Box::new(math::Rsqrt {}),
        "Sigmoid" => Box::new(nn::Sigmoid {}),
        "Sqrt" => Box::new(math::Sqrt {}),
        "Square" => Box::new(math::Square {}),
        "Tanh" => Box::new(math::Tanh {}),
        other => bail!("element-wise operator {other} is not in the runtime's set"),
    })
}

/// tract's binary operators that a graph may use, by tract's names.
fn binary(name: &str) -> TractResult<Box<dyn BinMiniOp>> {
    Ok(match name {
        "Add" => Box::new(math::Add),
        "Div" => Box::new(math::Div),
        "Max" => Box::new(math::Max),
        "Min" => Box::new(math::Min),
        "Mul" => Box::new(math::Mul),
        "Sub" => Box::new(math::Sub),
        other => bail!("binary operator {other} is not in the runtime's set"),
    })
}
