//! Joins operators: a product with a matrix of weights, what is added to it and its activation into one linear layer, the
//! linear layers of low-rank cross layers and of what is read off them into a network, and those around attention into it.

use super::prepared::{Activation, Constant, Dim, Kind, Long, Node, Operator};
use super::run::CANDIDATE;
use super::wiring::WEIGHTS;

/// Where a result comes from: (position in the list, which of its results).
type Read = (u32, u32);

/// The same graph with linear layers where there were products with constant matrices, and a network where there were the
/// linear layers of one. `shapes` are those of the nodes' first results.
pub(super) fn fuse(nodes: Vec<Node>, shapes: Vec<Vec<Dim>>, outputs: Vec<Read>, long: &Long) -> (Vec<Node>, Vec<Read>) {
    let mut graph = Fusing { nodes, shapes, outputs };
    for at in 0..graph.nodes.len() {
        graph.linear(at);
    }
    graph = graph.compact();
    for at in 0..graph.nodes.len() {
        graph.candidate(at, long);
        graph.attention(at);
        graph.cross(at);
    }
    let Fusing { nodes, outputs, .. } = graph.compact();
    (nodes, outputs)
}

struct Fusing {
    nodes: Vec<Node>,
    shapes: Vec<Vec<Dim>>,
    outputs: Vec<Read>,
}

/// A low-rank cross layer.
struct CrossLayer {
    x0: Read,
    x: Read,
    /// Of each expert down, inner, up, the bias of up, gate and the bias of gate.
    weights: Vec<Read>,
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
        let mut shared = false;
        if let Some((next, row)) = self.added_row(last, columns) {
            last = next;
            reads.push(row);
            shared = true;
        }
        if let Some((next, followed_by)) = self.activated(last) {
            (last, activation) = (next, followed_by);
        }
        // The layer stands where the last of them stood: what it reads stands before that.
        self.nodes[last].operator = Operator::Linear { activation, shared };
        self.nodes[last].reads = reads;
    }

    /// Where the operator ends the encoding of candidates that long attention does as well, takes its result.
    fn candidate(&mut self, at: usize, long: &Long) {
        let Some([a, b]) = self.binary(at, "Mul") else { return };
        for (normed, weight) in [(a, b), (b, a)] {
            if self.encodes_candidate(normed, weight, long).is_some() {
                let shape = self.shapes[at].clone();
                self.nodes[at] = Node {
                    name: CANDIDATE.into(),
                    operator: Operator::Input { kind: Kind::F32, shape },
                    reads: vec![],
                };
                return;
            }
        }
    }

    /// Something where norm(W·e + category), before its weight, is made of the inputs and the weights of long attention.
    fn encodes_candidate(&self, normed: Read, weight: Read, long: &Long) -> Option<()> {
        let same = |read: Read, name: &str| {
            let of_long = WEIGHTS.iter().position(|weight| *weight == name).map(|at| &long.weights[at]);
            self.constant(read).zip(of_long).is_some_and(|(a, b)| (a.kind, &a.bytes) == (b.kind, &b.bytes))
        };
        let is_input = |read: Read, name: &str| {
            let node = &self.nodes[read.0 as usize];
            matches!(node.operator, Operator::Input { .. }) && node.name == name
        };
        let Operator::RmsNorm { epsilon, .. } = self.nodes[normed.0 as usize].operator else { return None };
        let &[sum] = self.nodes[normed.0 as usize].reads.as_slice() else { return None };
        let [a, b] = self.binary(sum.0 as usize, "Add")?;
        let of = |linear: Read, gathered: Read| {
            let &[embedding, item] = self.layer_at(linear.0 as usize, Activation::Identity)? else { return None };
            let &[category, row] = self.nodes[gathered.0 as usize].reads.as_slice() else { return None };
            let gathers = matches!(self.nodes[gathered.0 as usize].operator, Operator::Gather { axis: 0 });
            let inputs = is_input(embedding, "candidate_embedding") && is_input(row, "candidate_category");
            (gathers && inputs && same(item, "item") && same(category, "category")).then_some(())
        };
        of(a, b).or_else(|| of(b, a))?;
        (epsilon == long.epsilon && same(weight, "candidate_norm")).then_some(())
    }

    /// Where candidates attend to few rows, lets these take the projections before and after upon themselves.
    fn attention(&mut self, at: usize) {
        let Operator::Attend { heads } = self.nodes[at].operator else { return };
        let &[query, key, value, bias, index] = self.nodes[at].reads.as_slice() else { return };
        let Some(&[x, query_weight, query_bias]) = self.layer(query, Activation::Identity) else { return };
        let Some(next) = self.reader(at) else { return };
        let Some(&[of, output_weight, output_bias]) = self.layer_at(next, Activation::Identity) else { return };
        let others_read_before = self.nodes[..next]
            .iter()
            .flat_map(|node| &node.reads)
            .any(|&(node, slot)| (node as usize, slot > 0) == (at, true));
        if of != (at as u32, 0)
            || others_read_before
            || !self.is_cheaper_absorbed(heads, x, key, query_weight, output_weight)
        {
            return;
        }
        let absorbed = [0, 1, 2].map(|slot| (at as u32, slot));
        self.nodes[at].operator = Operator::AbsorbProjections { heads };
        self.nodes[at].reads = vec![key, value, query_weight, query_bias, output_weight];
        // Weights and intensities come from where the output's projection stood.
        let moved = |read: &mut Read| {
            if read.0 as usize == at {
                read.0 = next as u32;
            }
        };
        self.nodes.iter_mut().flat_map(|node| &mut node.reads).chain(&mut self.outputs).for_each(moved);
        self.nodes[next].operator = Operator::AttendAbsorbed { heads };
        self.nodes[next].reads = [x].into_iter().chain(absorbed).chain([bias, index, output_bias]).collect();
    }

    /// Whether it takes fewer multiplications for candidates, however many, to attend to rows with projections absorbed.
    fn is_cheaper_absorbed(&self, heads: u32, x: Read, key: Read, query: Read, output: Read) -> bool {
        let numbers = |shape: &[Dim]| shape.iter().map(|dim| dim.parse().ok()).collect::<Option<Vec<u64>>>();
        let of_constant = |read| self.constant(read).map(|constant| constant.shape.clone()).unwrap_or_default();
        let (Some(rows), &[width, from], &[to, _]) =
            (numbers(&self.shapes[key.0 as usize]), &of_constant(query)[..], &of_constant(output)[..])
        else {
            return false;
        };
        let &[rows, _] = &rows[..] else { return false };
        let [width, ends, heads] = [width, from + to, heads].map(u64::from);
        numbers(&self.shapes[x.0 as usize]).is_none() && heads * rows * ends < width * (ends + 2 * rows)
    }

    /// Where the operator reads logits off cross layers and what is beside them, makes one of all that.
    fn cross(&mut self, at: usize) {
        let Some(&[joined, logit, logit_bias]) = self.layer_at(at, Activation::Identity) else { return };
        let Some([mut x, beside]) = self.concatenated(joined).filter(|_| self.reader(joined.0 as usize).is_some())
        else {
            return;
        };
        let mut layers = Vec::new();
        let mut x0 = None;
        while let Some(layer) = self.cross_layer(x).filter(|layer| x0.is_none_or(|x0| x0 == layer.x0)) {
            (x, x0) = (layer.x, Some(layer.x0));
            layers.push(layer.weights);
        }
        layers.reverse();
        let (Some(first), Some([shared, own])) = (layers.first(), self.concatenated(x)) else { return };
        let Some(row) = self.broadcast_row(shared) else { return };
        if x0 != Some(x) || layers.iter().any(|weights| weights.len() != first.len()) {
            return;
        }
        self.nodes[at].operator = Operator::CrossNetwork { layers: layers.len() as u32 };
        self.nodes[at].reads =
            [row, own, beside, logit, logit_bias].into_iter().chain(layers.into_iter().flatten()).collect();
    }

    /// The low-rank cross layer that an operator ends, x0 · sum of experts + x.
    fn cross_layer(&self, read: Read) -> Option<CrossLayer> {
        let [a, b] = self.binary(read.0 as usize, "Add")?;
        [(a, b), (b, a)].into_iter().find_map(|(product, x)| {
            let [c, d] = self.alone(product, "Mul")?;
            [(c, d), (d, c)].into_iter().find_map(|(x0, sum)| {
                let mut weights = Vec::new();
                self.experts(sum, x, &mut weights).then_some(CrossLayer { x0, x, weights })
            })
        })
    }

    /// The two results that stand beside each other in rows.
    fn concatenated(&self, read: Read) -> Option<[Read; 2]> {
        match self.nodes[read.0 as usize].operator {
            Operator::Concat { axis: 1 } => self.nodes[read.0 as usize].reads.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// The one row that is repeated.
    fn broadcast_row(&self, read: Read) -> Option<Read> {
        let Operator::Broadcast { .. } = self.nodes[read.0 as usize].operator else { return None };
        let &[row] = self.nodes[read.0 as usize].reads.as_slice() else { return None };
        (self.shapes[row.0 as usize].len() == 2 && self.shapes[row.0 as usize][0] == "1").then_some(row)
    }

    /// Finds the experts that are summed, first to last; says whether there is nothing else in the sum.
    fn experts(&self, sum: Read, x: Read, weights: &mut Vec<Read>) -> bool {
        if let Some([first, rest]) = self.alone(sum, "Add") {
            return self.experts(first, x, weights) && self.experts(rest, x, weights);
        }
        let Some([a, b]) = self.alone(sum, "Mul") else { return false };
        let found = self.expert(a, b, x).or_else(|| self.expert(b, a, x));
        found.map(|found| weights.extend(found)).is_some()
    }

    /// up(inner(down(x))) times gate(x).
    fn expert(&self, projected: Read, gate: Read, x: Read) -> Option<[Read; 6]> {
        let &[of, gate_weight, gate_bias] = self.layer(gate, Activation::Sigmoid)? else { return None };
        let &[hidden, up, up_bias] = self.layer(projected, Activation::Identity)? else { return None };
        let &[lowered, inner] = self.layer(hidden, Activation::Tanh)? else { return None };
        let &[also_of, down] = self.layer(lowered, Activation::Tanh)? else { return None };
        let width = |weight: Read, axis: usize| self.constant(weight)?.shape.get(axis).copied();
        let (rank, total) = (width(down, 0)?, width(down, 1)?);
        let fits = (of, also_of) == (x, x)
            && self.constant(inner)?.shape == [rank, rank]
            && self.constant(up)?.shape == [total, rank]
            && self.constant(gate_bias)?.shape.iter().product::<u32>() == 1;
        fits.then_some([down, inner, up, up_bias, gate_weight, gate_bias])
    }

    /// What a linear layer reads that nobody else than one operator reads the result of.
    fn layer(&self, read: Read, expected: Activation) -> Option<&[Read]> {
        self.reader(read.0 as usize).and_then(|_| self.layer_at(read.0 as usize, expected))
    }

    /// What a linear layer reads.
    fn layer_at(&self, at: usize, expected: Activation) -> Option<&[Read]> {
        match self.nodes[at].operator {
            Operator::Linear { activation, shared: false } if activation == expected => Some(&self.nodes[at].reads),
            _ => None,
        }
    }

    /// What a binary operator reads of which one other operator alone reads the result.
    fn alone(&self, read: Read, name: &str) -> Option<[Read; 2]> {
        self.reader(read.0 as usize).and_then(|_| self.binary(read.0 as usize, name))
    }

    fn binary(&self, at: usize, expected: &str) -> Option<[Read; 2]> {
        match &self.nodes[at].operator {
            Operator::Binary(name) if name == expected => self.nodes[at].reads.as_slice().try_into().ok(),
            _ => None,
        }
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
        let other = self.binary(next, "Add")?.into_iter().find(|read| read.0 as usize != at)?;
        let bias = self.constant(other)?;
        let fits = bias.kind == Kind::F32
            && bias.shape.last() == Some(&columns)
            && bias.shape.iter().product::<u32>() == columns;
        fits.then_some((next, other))
    }

    /// The addition that follows of a row that is no constant, and that row.
    fn added_row(&self, at: usize, columns: u32) -> Option<(usize, Read)> {
        let next = self.reader(at)?;
        let other = self.binary(next, "Add")?.into_iter().find(|read| read.0 as usize != at)?;
        let is_row = other.1 == 0 && self.shapes[other.0 as usize] == ["1".to_owned(), columns.to_string()];
        (is_row && self.constant(other).is_none()).then_some((next, other))
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

    /// Drops what nobody reads any more, and puts constants first, so that whatever is joined reads them from before.
    fn compact(self) -> Fusing {
        let is_input = |node: &Node| matches!(node.operator, Operator::Input { .. });
        let mut needed: Vec<bool> = self.nodes.iter().map(is_input).collect();
        self.outputs.iter().for_each(|&(node, _)| needed[node as usize] = true);
        for at in (0..self.nodes.len()).rev() {
            if needed[at] {
                self.nodes[at].reads.iter().for_each(|&(node, _)| needed[node as usize] = true);
            }
        }
        let is_constant = |&at: &usize| matches!(self.nodes[at].operator, Operator::Constant(_));
        let (constants, rest): (Vec<usize>, Vec<usize>) =
            (0..self.nodes.len()).filter(|&at| needed[at]).partition(is_constant);
        let mut place = vec![0; self.nodes.len()];
        let (mut nodes, mut shapes) = (Vec::new(), Vec::new());
        for at in constants.into_iter().chain(rest) {
            let mut node = self.nodes[at].clone();
            node.reads.iter_mut().for_each(|read| read.0 = place[read.0 as usize]);
            place[at] = nodes.len() as u32;
            nodes.push(node);
            shapes.push(self.shapes[at].clone());
        }
        let outputs = self.outputs.into_iter().map(|(node, slot)| (place[node as usize], slot)).collect();
        Fusing { nodes, shapes, outputs }
    }
}
