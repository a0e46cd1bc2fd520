//! Joins a product with a matrix of weights, its bias and its activation into one linear layer.

use super::prepared::{Activation, Constant, Kind, Node, Operator};

/// Where a result comes from: (position in the list, which of its results).
type Read = (u32, u32);

/// The same graph with linear layers where there were products with constant matrices.
pub(super) fn fuse(nodes: Vec<Node>, outputs: Vec<Read>) -> (Vec<Node>, Vec<Read>) {
    let mut graph = Fusing { nodes, outputs };
    for at in 0..graph.nodes.len() {
        graph.linear(at);
    }
    graph.compact()
}

struct Fusing {
    nodes: Vec<Node>,
    outputs: Vec<Read>,
}

impl Fusing {
    /// Where the operator is a product with constant weights, makes a linear layer of it and of what follows it.
    fn linear(&mut self, at: usize) {
        let Operator::EinSum { axes } = &self.nodes[at].operator else { return };
        let by_row = matches!(axes.as_str(), "mk,nk->mn" | "mk,k->mn");
        let &[x, weight] = self.nodes[at].reads.as_slice() else { return };
        if !by_row || self.constant(weight).is_none_or(|weight| weight.kind != Kind::F32) {
            return;
        }
        let columns =
            self.constant(weight).map_or(0, |weight| if weight.shape.len() == 2 { weight.shape[0] } else { 1 });
        let (mut last, mut reads, mut activation) = (at, vec![x, weight], Activation::Identity);
        if let Some((next, bias)) = self.added(last, columns) {
            (last, reads) = (next, vec![x, weight, bias]);
        }
        if let Some((next, followed_by)) = self.activated(last) {
            (last, activation) = (next, followed_by);
        }
        // The layer stands where the last of them stood: what it reads stands before that.
        self.nodes[last].operator = Operator::Linear { activation };
        self.nodes[last].reads = reads;
    }

    fn constant(&self, (node, _): Read) -> Option<&Constant> {
        match &self.nodes[node as usize].operator {
            Operator::Constant(constant) => Some(constant),
            _ => None,
        }
    }

    /// The one operator that reads a result, where there is one and the result is no output.
    fn reader(&self, at: usize) -> Option<usize> {
        let read = (at as u32, 0);
        let mut readers = (at..self.nodes.len()).filter(|&reader| self.nodes[reader].reads.contains(&read));
        let reader = readers.next()?;
        (readers.next().is_none() && !self.outputs.contains(&read)).then_some(reader)
    }

    /// The addition of a constant with a number for each column that follows, and that constant.
    fn added(&self, at: usize, columns: u32) -> Option<(usize, Read)> {
        let next = self.reader(at)?;
        let Operator::Binary(name) = &self.nodes[next].operator else { return None };
        let other = *self.nodes[next].reads.iter().find(|read| read.0 as usize != at)?;
        let bias = self.constant(other)?;
        let fits = bias.kind == Kind::F32
            && bias.shape.last() == Some(&columns)
            && bias.shape.iter().product::<u32>() == columns;
        (name == "Add" && fits).then_some((next, other))
    }

    /// The activation that follows.
    fn activated(&self, at: usize) -> Option<(usize, Activation)> {
        let next = self.reader(at)?;
        let activation = match &self.nodes[next].operator {
            Operator::Unary(name) if name == "Sigmoid" => Activation::Sigmoid,
            Operator::Unary(name) if name == "Tanh" => Activation::Tanh,
            Operator::Binary(name) if name == "Max" => {
                let other = *self.nodes[next].reads.iter().find(|read| read.0 as usize != at)?;
                let zero = self.constant(other)?;
                (zero.kind == Kind::F32 && zero.bytes == 0.0f32.to_le_bytes()).then_some(Activation::Relu)?
            }
            _ => return None,
        };
        Some((next, activation))
    }

    /// Drops what nobody reads any more.
    fn compact(self) -> (Vec<Node>, Vec<Read>) {
        let is_input = |node: &Node| matches!(node.operator, Operator::Input { .. });
        let mut needed: Vec<bool> = self.nodes.iter().map(is_input).collect();
        self.outputs.iter().for_each(|&(node, _)| needed[node as usize] = true);
        for at in (0..self.nodes.len()).rev() {
            if needed[at] {
                self.nodes[at].reads.iter().for_each(|&(node, _)| needed[node as usize] = true);
            }
        }
        let mut place = vec![0; self.nodes.len()];
        let mut kept = Vec::new();
        for (at, mut node) in self.nodes.into_iter().enumerate().filter(|&(at, _)| needed[at]) {
            node.reads.iter_mut().for_each(|read| read.0 = place[read.0 as usize]);
            place[at] = kept.len() as u32;
            kept.push(node);
        }
        let outputs = self.outputs.into_iter().map(|(node, slot)| (place[node as usize], slot)).collect();
        (kept, outputs)
    }
}
