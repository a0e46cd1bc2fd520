//! Products with a matrix of weights.

use wide::f32x4;

use super::{LANES, dot_each};

/// Rows of the left side that pass over a block together.
const ROWS: usize = 4;
/// Columns of a block: two vectors, so that eight sums stay in registers, of which WebAssembly on x86-64 has sixteen.
const COLUMNS: usize = 2 * LANES;
/// So many columns beyond the last block make no block of their own: most of it would be zeros.
const FEW: usize = 2;
/// A number of each row, in every lane: to spread it at each use would keep the unit busy that adds.
type Spread = [f32x4; ROWS];

/// A matrix that others are multiplied with, laid out for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    /// Blocks of [`COLUMNS`] columns, `[blocks, inner, COLUMNS]`, zeros beyond the last column.
    blocks: Vec<[f32; COLUMNS]>,
    /// The last columns where they are few, `[0 to FEW, inner]`.
    last: Vec<f32>,
    inner: usize,
    columns: usize,
}

impl Matrix {
    /// From `[inner, columns]`.
    pub fn new(values: &[f32], inner: usize, columns: usize) -> Matrix {
        let few = if columns % COLUMNS <= FEW { columns % COLUMNS } else { 0 };
        let in_blocks = columns - few;
        let mut blocks = Vec::with_capacity(in_blocks.div_ceil(COLUMNS) * inner);
        for first in (0..in_blocks).step_by(COLUMNS) {
            for row in values.chunks_exact(columns) {
                let part = &row[first..in_blocks.min(first + COLUMNS)];
                blocks.push(part.first_chunk().copied().unwrap_or_else(|| {
                    let mut block = [0.0; COLUMNS];
                    block[..part.len()].copy_from_slice(part);
                    block
                }));
            }
        }
        let last =
            (in_blocks..columns).flat_map(|column| values.iter().skip(column).step_by(columns)).copied().collect();
        Matrix { blocks, last, inner, columns }
    }

    /// From its transpose `[columns, inner]`, as PyTorch keeps a linear layer's weight.
    pub fn transposed(values: &[f32], columns: usize, inner: usize) -> Matrix {
        let straight: Vec<f32> =
            (0..inner).flat_map(|row| (0..columns).map(move |column| values[column * inner + row])).collect();
        Matrix::new(&straight, inner, columns)
    }

    pub fn inner(&self) -> usize {
        self.inner
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// left `[n, inner]` · self = `[n, columns]`.
    pub fn product(&self, left: &[f32]) -> Vec<f32> {
        let n = left.len() / self.inner;
        let mut out = vec![0.0; n * self.columns];
        self.multiply(left, self.inner, &mut out, self.columns);
        out
    }

    /// Writes left · self for rows of `left` that lie `left_stride` apart, to rows of `out` that lie `out_stride` apart.
    pub fn multiply(&self, left: &[f32], left_stride: usize, out: &mut [f32], out_stride: usize) {
        let mut packed: Vec<Spread> = vec![[f32x4::ZERO; ROWS]; if self.blocks.is_empty() { 0 } else { self.inner }];
        let lefts = left.chunks(ROWS * left_stride);
        for (left, out) in lefts.zip(out.chunks_mut(ROWS * out_stride)) {
            let rows = out.len().div_ceil(out_stride);
            // Rows beyond the last do its work again.
            let left = [0, 1, 2, 3].map(|row: usize| &left[row.min(rows - 1) * left_stride..][..self.inner]);
            if !self.blocks.is_empty() {
                pack(left, &mut packed);
            }
            for (block, first) in self.blocks.chunks_exact(self.inner).zip((0..).step_by(COLUMNS)) {
                let sums = block_product(&packed, block);
                let columns = COLUMNS.min(self.columns - first);
                for (sums, out) in sums.iter().zip(out.chunks_mut(out_stride)) {
                    if columns == COLUMNS {
                        out[first..first + COLUMNS].copy_from_slice(sums);
                    } else {
                        out[first..first + columns].copy_from_slice(&sums[..columns]);
                    }
                }
            }
            let first = self.columns - self.last.len() / self.inner;
            for (column, at) in self.last.chunks_exact(self.inner).zip(first..) {
                for (sum, out) in dots(left, column).into_iter().zip(out.chunks_mut(out_stride)) {
                    out[at] = sum;
                }
            }
        }
    }
}

/// Inner products of rows with a column. A function of its own, so that its sums have the registers to themselves.
#[inline(never)]
pub(crate) fn dots(rows: [&[f32]; ROWS], column: &[f32]) -> [f32; ROWS] {
    let whole = column.len() - column.len() % LANES;
    let mut sums = dot_each(rows.map(|row| &row[..whole]), &column[..whole]).to_array();
    for (sum, row) in sums.iter_mut().zip(rows) {
        *sum += row[whole..].iter().zip(&column[whole..]).map(|(row, column)| row * column).sum::<f32>();
    }
    sums
}

/// Puts rows beside each other, each number spread over a vector.
fn pack(rows: [&[f32]; ROWS], packed: &mut [Spread]) {
    let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = rows.map(<[f32]>::as_chunks::<LANES>);
    let (packed, packed_rest) = packed.as_chunks_mut::<LANES>();
    repeated!(packed.iter_mut().zip(a).zip(b).zip(c).zip(d), |((((packed, a), b), c), d)| {
        for (row, numbers) in [a, b, c, d].into_iter().enumerate() {
            // As a vector first, so that its numbers are spread from a register.
            for (packed, number) in packed.iter_mut().zip(f32x4::new(*numbers).to_array()) {
                packed[row] = f32x4::splat(number);
            }
        }
    });
    for ((((packed, a), b), c), d) in packed_rest.iter_mut().zip(a_rest).zip(b_rest).zip(c_rest).zip(d_rest) {
        *packed = [*a, *b, *c, *d].map(f32x4::splat);
    }
}

/// Packed rows times a block.
fn block_product(left: &[Spread], block: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[f32x4::ZERO; 2]; ROWS];
    repeated_pairs!(left, block, |left, block| step(&mut sums, left, block));
    sums.map(bytemuck::cast)
}

#[inline(always)]
fn step(sums: &mut [[f32x4; 2]; ROWS], left: &Spread, block: &[f32; COLUMNS]) {
    let block: [f32x4; 2] = bytemuck::cast(*block);
    for (sums, left) in sums.iter_mut().zip(left) {
        sums[0] += *left * block[0];
        sums[1] += *left * block[1];
    }
}
