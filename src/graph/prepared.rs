//! A prepared graph: what remains of an ONNX file when parsing, shape inference and clean-up are done.
//!
//! A list of operators in the order they run, each naming the results it reads. The operators are tract's own, so
//! that loading is wiring; the set is closed, so that the module links no operator it cannot meet. The operator
//! `LongAttention` reads inputs of the graph alone, so it stands apart and runs before the rest, which takes its results
//! as inputs.

use serde::{Deserialize, Serialize};

pub(super) use crate::numeric::Activation;

/// A dimension as text: a number, a symbol, or an expression of them.
pub(super) type Dim = String;

/// One operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Operator {
    Input {
        kind: Kind,
        shape: Vec<Dim>,
    },
    Constant(Constant),
    Unary(String),
    Binary(String),
    Select,
    EinSum {
        axes: String,
    },
    Reduce {
        axes: Vec<u32>,
        reducer: ReducerKind,
    },
    RmsNorm {
        axis: u32,
        epsilon: f32,
    },
    Cast {
        to: Kind,
    },
    Gather {
        axis: u32,
    },
    Concat {
        axis: u32,
    },
    Slice {
        axis: u32,
        start: Dim,
        end: Dim,
    },
    Broadcast {
        shape: Vec<Dim>,
    },
    AddAxis(u32),
    RemoveAxis(u32),
    MoveAxis(u32, u32),
    Reshape {
        at: u32,
        from: Vec<Dim>,
        to: Vec<Dim>,
    },
    Attend {
        heads: u32,
    },
    /// Reads x, a weight, a bias where there is one, and a row to add where it is `shared`.
    Linear {
        activation: Activation,
        shared: bool,
    },
    /// Reads what all rows share of x0 and what is their own, what is beside, the weight and bias of what is read off both, and of
    /// each expert of each layer down, inner, up, the bias of up, gate and the bias of gate.
    CrossNetwork {
        layers: u32,
    },
    /// Reads keys, values, a weight and a bias that queries are projected with, and a weight that attention's output is
    /// projected with.
    AbsorbProjections {
        heads: u32,
    },
    /// Reads what queries are projected from, the three results of `AbsorbProjections`, the biases of its rows, an index, and
    /// the bias of the output's projection.
    AttendAbsorbed {
        heads: u32,
    },
}

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    F32,
    I64,
    Bool,
}

/// How a reduction combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReducerKind {
    Sum,
    Max,
    Min,
    MeanOfSquares,
}

/// A tensor of weights, little endian.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Constant {
    pub kind: Kind,
    pub shape: Vec<u32>,
    pub bytes: Vec<u8>,
}

/// An operator and the results it reads: (position in the list, which of its results).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub name: String,
    pub operator: Operator,
    pub reads: Vec<(u32, u32)>,
}

/// The operator `LongAttention`, with its weights in the order of [`WEIGHTS`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Long {
    pub k: u32,
    pub heads: u32,
    pub epsilon: f32,
    pub weights: Vec<Constant>,
}

/// A whole graph, ready to wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreparedGraph {
    pub(super) long: Long,
    pub(super) nodes: Vec<Node>,
    pub(super) outputs: Vec<(u32, u32)>,
}
