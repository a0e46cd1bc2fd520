//! Prepares an ONNX file: parses and cleans it up with tract-onnx, then writes down what remains.

use tract_core::ops::array::{Gather, MultiBroadcastTo, Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cast::Cast;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::identity::Identity;
use tract_core::ops::konst::Const;
use tract_core::ops::logic::Iff;
use tract_core::ops::nn::{Reduce, Reducer, RmsNorm};
use tract_core::ops::source::TypedSource;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::optim::Optimizer;
use tract_onnx::tract_hir::internal::{
    Expansion, InferenceOp, InferenceResult, Solver, TensorProxy, check_input_arity, check_output_arity, expand,
};

use super::fuse::fuse;
use super::ops::Attend;
use super::prepared::{Constant, Dim, Kind, Long, Node, Operator, PreparedGraph, ReducerKind};
use super::wiring::WEIGHTS;
use super::{Graph, GraphError};

/// Prepares the graph of an ONNX file.
pub fn prepare(onnx: &[u8]) -> Result<PreparedGraph, GraphError> {
    let prepared = || -> TractResult<PreparedGraph> {
        let mut framework = tract_onnx::onnx();
        framework.op_register.insert("LongAttention", long_attention);
        framework.op_register.insert("Attend", attend);
        let mut model = framework.model_for_read(&mut &*onnx)?.into_typed()?;
        clean_up().optimize(&mut model)?;
        write_down(&model)
    };
    let prepared = prepared().map_err(|error| GraphError::Prepare(format!("{error:#}")))?;
    // What does not load is better refused here than where it is pushed.
    Graph::load(&prepared)?;
    Ok(prepared)
}

/// tract's clean-up, but for the pass that makes of one product with a concatenation as many as were concatenated: a
/// product of a few columns costs as much as one of eight, and each of the sums is written and read again.
fn clean_up() -> Optimizer {
    let mut optimizer = Optimizer::declutter();
    optimizer.passes.retain(|pass| !format!("{pass:?}").starts_with("ConcatThenEinsum"));
    optimizer
}

fn write_down(model: &TypedModel) -> TractResult<PreparedGraph> {
    let order = model.eval_order()?;
    let is_long = |&&id: &&usize| model.node(id).op_is::<LongAttention>();
    let long = order.iter().find(is_long).context("the graph has no LongAttention; export the model again")?;
    ensure!(order.iter().filter(is_long).count() == 1, "the graph has more than one LongAttention");
    let long = model.node(*long);
    let mut position: HashMap<OutletId, (u32, u32)> = HashMap::new();
    let mut nodes: Vec<Node> = Vec::new();
    let mut shapes = Vec::new();
    // Inputs first, those that anything but long attention reads; its results are read as inputs.
    let needed = |id: &&usize| {
        let mut readers = model.node(**id).outputs.iter().flat_map(|output| &output.successors);
        readers.any(|reader| reader.node != long.id)
            || model.output_outlets().is_ok_and(|all| all.iter().any(|o| o.node == **id))
    };
    for (slot, name) in [(OUTPUT, "long_output"), (INTENSITY, "long_intensity")] {
        let shape = dims(&long.outputs[slot].fact.shape);
        shapes.push(shape.clone());
        position.insert(OutletId::new(long.id, slot), (nodes.len() as u32, 0));
        nodes.push(Node { name: name.into(), operator: Operator::Input { kind: Kind::F32, shape }, reads: vec![] });
    }
    let is_source = |id: &&usize| model.node(**id).op_is::<TypedSource>();
    let rest = order.iter().filter(|id| !is_source(id) && **id != long.id);
    for &id in order.iter().filter(is_source).chain(rest).filter(needed) {
        let node = model.node(id);
        if node.op_is::<Identity>() {
            let source = position[&node.inputs[0]];
            position.insert(OutletId::new(id, 0), source);
            continue;
        }
        let operator =
            operator(model, node).with_context(|| format!("operator {} ({})", node.name, node.op().name()))?;
        let read = |input| position.get(input).copied().with_context(|| format!("{} reads {input:?}", node.name));
        let reads = node.inputs.iter().map(read).collect::<TractResult<_>>()?;
        for slot in 0..node.outputs.len() {
            position.insert(OutletId::new(id, slot), (nodes.len() as u32, slot as u32));
        }
        shapes.push(dims(&node.outputs[0].fact.shape));
        nodes.push(Node { name: node.name.clone(), operator, reads });
    }
    let outputs = model.output_outlets()?;
    ensure!(outputs.len() == 5, "the graph has {} outputs, expected 5", outputs.len());
    let results = (outputs[1], outputs[2]);
    ensure!(
        results == (OutletId::new(long.id, INDEX), OutletId::new(long.id, WEIGHT)),
        "the second and third output must be the index and the weight of LongAttention"
    );
    let outputs = [outputs[0], outputs[3], outputs[4]].into_iter();
    let outputs = outputs.map(|outlet| position.get(&outlet).copied().context("an output is an unread input"));
    let long = written_long(model, long)?;
    let (nodes, outputs) = fuse(nodes, shapes, outputs.collect::<TractResult<_>>()?, &long);
    Ok(PreparedGraph { long, nodes, outputs })
}

const OUTPUT: usize = 0;
const WEIGHT: usize = 1;
const INTENSITY: usize = 2;
const INDEX: usize = 3;

/// The inputs of the graph that `LongAttention` reads, first.
const LONG_INPUTS: [&str; 8] = [
    "candidate_embedding",
    "candidate_category",
    "event_embedding",
    "event_category",
    "event_action",
    "event_time",
    "event_valid",
    "gsu_mode",
];

fn written_long(model: &TypedModel, node: &TypedNode) -> TractResult<Long> {
    let op = node.op().downcast_ref::<LongAttention>().context("not LongAttention")?;
    for (input, expected) in node.inputs.iter().zip(LONG_INPUTS) {
        let source = model.node(input.node);
        ensure!(
            source.op_is::<TypedSource>() && source.name == expected,
            "LongAttention reads {} where it should read the graph's input {expected}",
            source.name
        );
    }
    let weights = node.inputs[LONG_INPUTS.len()..].iter().zip(WEIGHTS);
    let weights = weights.map(|(input, name)| {
        let value = &model.outlet_fact(*input)?.konst;
        constant(value.as_ref().with_context(|| format!("the weight {name} of LongAttention is not constant"))?)
    });
    let (k, heads) = (op.k as u32, op.heads as u32);
    Ok(Long { k, heads, epsilon: f32::from_bits(op.epsilon), weights: weights.collect::<TractResult<_>>()? })
}

fn dims(shape: &[TDim]) -> Vec<Dim> {
    shape.iter().map(|dim| dim.to_string()).collect()
}

fn operator(model: &TypedModel, node: &TypedNode) -> TractResult<Operator> {
    let op = node.op();
    if let Some(op) = op.downcast_ref::<TypedSource>() {
        return Ok(Operator::Input { kind: kind(op.fact.datum_type)?, shape: dims(&op.fact.shape) });
    }
    if let Some(op) = op.downcast_ref::<Const>() {
        return Ok(Operator::Constant(constant(op.val())?));
    }
    if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
        return Ok(Operator::Unary(op.0.name()));
    }
    if let Some(op) = op.downcast_ref::<TypedBinOp>() {
        return Ok(Operator::Binary(op.0.name().to_string()));
    }
    if op.is::<Iff>() {
        return Ok(Operator::Select);
    }
    if let Some(op) = op.downcast_ref::<EinSum>() {
        ensure!(
            op.q_params.is_none() && op.operating_dt == f32::datum_type(),
            "only f32 products are in the runtime's set"
        );
        return Ok(Operator::EinSum { axes: op.axes.to_string() });
    }
    if let Some(op) = op.downcast_ref::<Reduce>() {
        let reducer = match op.reducer {
            Reducer::Sum => ReducerKind::Sum,
            Reducer::Max => ReducerKind::Max,
            Reducer::Min => ReducerKind::Min,
            Reducer::MeanOfSquares => ReducerKind::MeanOfSquares,
            other => bail!("reduction {other:?} is not in the runtime's set"),
        };
        return Ok(Operator::Reduce { axes: op.axes.iter().map(|&axis| axis as u32).collect(), reducer });
    }
    if let Some(op) = op.downcast_ref::<RmsNorm>() {
        let epsilon = *op.eps.cast_to::<f32>()?.try_as_plain_ram()?.to_scalar::<f32>()?;
        return Ok(Operator::RmsNorm { axis: op.axis as u32, epsilon });
    }
    if let Some(op) = op.downcast_ref::<Cast>() {
        return Ok(Operator::Cast { to: kind(op.to)? });
    }
    if let Some(op) = op.downcast_ref::<Gather>() {
        return Ok(Operator::Gather { axis: op.axis as u32 });
    }
    if let Some(op) = op.downcast_ref::<TypedConcat>() {
        return Ok(Operator::Concat { axis: op.axis as u32 });
    }
    if let Some(op) = op.downcast_ref::<Slice>() {
        return Ok(Operator::Slice { axis: op.axis as u32, start: op.start.to_string(), end: op.end.to_string() });
    }
    if let Some(op) = op.downcast_ref::<MultiBroadcastTo>() {
        return Ok(Operator::Broadcast { shape: dims(&op.shape) });
    }
    if let Some(op) = op.downcast_ref::<AxisOp>() {
        return Ok(match op {
            AxisOp::Add(axis) => Operator::AddAxis(*axis as u32),
            AxisOp::Rm(axis) => Operator::RemoveAxis(*axis as u32),
            AxisOp::Move(from, to) => Operator::MoveAxis(*from as u32, *to as u32),
            AxisOp::Reshape(at, from, to) => Operator::Reshape { at: *at as u32, from: dims(from), to: dims(to) },
        });
    }
    if let Some(op) = op.downcast_ref::<Attend>() {
        return Ok(Operator::Attend { heads: op.heads as u32 });
    }
    let inputs = model.node_input_facts(node.id)?;
    bail!(
        "not in the runtime's set of operators; it reads {inputs:?}. Export the model with other operators, or add this one to the prepared graph"
    )
}

fn kind(datum_type: DatumType) -> TractResult<Kind> {
    // tract-onnx reads 64-bit integers as dimensions in case they are symbolic; in a ranker's graph none is.
    if datum_type == TDim::datum_type() {
        return Ok(Kind::I64);
    }
    [Kind::F32, Kind::I64, Kind::Bool]
        .into_iter()
        .find(|kind| kind.datum_type() == datum_type)
        .with_context(|| format!("element type {datum_type:?} is not one of f32, i64, bool"))
}

fn constant(tensor: &Tensor) -> TractResult<Constant> {
    let kind = kind(tensor.datum_type())?;
    let tensor = tensor.cast_to_dt(kind.datum_type())?;
    let plain = tensor.try_as_plain_ram()?;
    let bytes = match kind {
        Kind::F32 => plain.as_slice::<f32>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Kind::I64 => plain.as_slice::<i64>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Kind::Bool => plain.as_slice::<bool>()?.iter().map(|&value| u8::from(value)).collect(),
    };
    Ok(Constant { kind, shape: tensor.shape().iter().map(|&len| len as u32).collect(), bytes })
}

fn long_attention(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let (k, epsilon): (i64, f32) = (node.get_attr("k")?, node.get_attr("epsilon")?);
    ensure!(k > 0, "LongAttention: k is {k}, expected a positive number");
    let op = LongAttention { k: k as usize, heads: heads(node)?, epsilon: epsilon.to_bits() };
    Ok((expand(LongAttentionExpansion(op)), vec![]))
}

fn attend(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(AttendExpansion(Attend { heads: heads(node)? })), vec![]))
}

fn heads(node: &NodeProto) -> TractResult<usize> {
    let heads: i64 = node.get_attr("heads")?;
    ensure!(heads > 0, "{}: heads is {heads}, expected a positive number", node.op_type);
    Ok(heads as usize)
}

/// Stands in a tract model for the operator that is taken out of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LongAttention {
    k: usize,
    heads: usize,
    /// The bits of an f32.
    epsilon: u32,
}

impl Op for LongAttention {
    fn name(&self) -> StaticName {
        "LongAttention".into()
    }

    op_as_typed_op!();
}

impl EvalOp for LongAttention {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, _: TVec<TValue>) -> TractResult<TVec<TValue>> {
        bail!("LongAttention runs outside the graph")
    }
}

impl TypedOp for LongAttention {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let inputs_len = LONG_INPUTS.len() + WEIGHTS.len();
        ensure!(inputs.len() == inputs_len, "LongAttention takes {inputs_len} inputs, got {}", inputs.len());
        let query = inputs[LONG_INPUTS.len() + 8];
        ensure!(inputs[0].rank() == 2 && query.rank() == 2, "LongAttention takes candidates and queries of rank 2");
        let (candidates, heads, k) = (inputs[0].shape[0].clone(), self.heads.to_dim(), self.k.to_dim());
        Ok(tvec!(
            f32::fact(&[candidates.clone(), query.shape[0].clone()]),
            f32::fact(&[candidates.clone(), heads.clone(), k.clone()]),
            f32::fact(&[candidates.clone(), heads]),
            i64::fact(&[candidates, k]),
        ))
    }

    as_op!();
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LongAttentionExpansion(LongAttention);

impl Expansion for LongAttentionExpansion {
    fn name(&self) -> StaticName {
        "LongAttention".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(4)
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, LONG_INPUTS.len() + WEIGHTS.len())?;
        check_output_arity(outputs, 4)?;
        for (output, rank) in [(OUTPUT, 2), (WEIGHT, 3), (INTENSITY, 2), (INDEX, 2)] {
            let kind = if output == INDEX { i64::datum_type() } else { f32::datum_type() };
            s.equals(&outputs[output].datum_type, kind)?;
            s.equals(&outputs[output].rank, rank)?;
            s.equals(&outputs[output].shape[0], &inputs[0].shape[0])?;
        }
        s.equals(&outputs[OUTPUT].shape[1], &inputs[LONG_INPUTS.len() + 8].shape[0])?;
        s.equals(&outputs[WEIGHT].shape[1], self.0.heads.to_dim())?;
        s.equals(&outputs[WEIGHT].shape[2], self.0.k.to_dim())?;
        s.equals(&outputs[INTENSITY].shape[1], self.0.heads.to_dim())?;
        s.equals(&outputs[INDEX].shape[1], self.0.k.to_dim())?;
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.0.clone(), inputs)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AttendExpansion(Attend);

impl Expansion for AttendExpansion {
    fn name(&self) -> StaticName {
        "Attend".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(3)
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 5)?;
        check_output_arity(outputs, 3)?;
        s.equals(&outputs[0].datum_type, f32::datum_type())?;
        s.equals(&outputs[1].datum_type, f32::datum_type())?;
        s.equals(&outputs[2].datum_type, f32::datum_type())?;
        s.equals(&outputs[0].rank, 2)?;
        s.equals(&outputs[1].rank, 3)?;
        s.equals(&outputs[2].rank, 2)?;
        s.equals(&outputs[0].shape, &inputs[0].shape)?;
        s.equals(&outputs[1].shape[0], &inputs[4].shape[0])?;
        s.equals(&outputs[1].shape[1], self.0.heads.to_dim())?;
        s.equals(&outputs[1].shape[2], &inputs[4].shape[1])?;
        s.equals(&outputs[2].shape[0], &inputs[4].shape[0])?;
        s.equals(&outputs[2].shape[1], self.0.heads.to_dim())?;
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.0.clone(), inputs)
    }
}
