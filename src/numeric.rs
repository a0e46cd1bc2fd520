//! The inner loops of encoding, search and attention, written so that the compiler makes 128-bit SIMD of them.

const LANES: usize = 16;
const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// Inner product of two slices of one length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    a_rest.iter().zip(b_rest).fold(sums[0], |sum, (a, b)| sum + a * b)
}

/// to += scale · from, for slices of one length.
pub(crate) fn add_scaled(to: &mut [f32], from: &[f32], scale: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}

/// to += from, for slices of one length.
pub(crate) fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Inner product of codes; the caller sees to it that it fits.
pub(crate) fn dot_codes(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// A matrix that others are multiplied with, laid out for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    /// Blocks of [`COLUMNS`] columns, `[blocks, inner, COLUMNS]`, zeros beyond the last column.
    blocks: Vec<[f32; COLUMNS]>,
    inner: usize,
    columns: usize,
}

impl Matrix {
    /// From `[inner, columns]`.
    pub fn new(values: &[f32], inner: usize, columns: usize) -> Matrix {
        let mut blocks = Vec::with_capacity(columns.div_ceil(COLUMNS) * inner);
        for first in (0..columns).step_by(COLUMNS) {
            for row in values.chunks_exact(columns) {
                let part = &row[first..columns.min(first + COLUMNS)];
                let mut block = [0.0; COLUMNS];
                block[..part.len()].copy_from_slice(part);
                blocks.push(block);
            }
        }
        Matrix { blocks, inner, columns }
    }

    /// From its transpose `[columns, inner]`, as PyTorch keeps a linear layer's weight.
    pub fn transposed(values: &[f32], columns: usize, inner: usize) -> Matrix {
        let straight: Vec<f32> =
            (0..inner).flat_map(|row| (0..columns).map(move |column| values[column * inner + row])).collect();
        Matrix::new(&straight, inner, columns)
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
        let lefts = left.chunks(ROWS * left_stride);
        for (left, out) in lefts.zip(out.chunks_mut(ROWS * out_stride)) {
            let rows = out.len().div_ceil(out_stride);
            let row = |row: usize| &left[row.min(rows - 1) * left_stride..][..self.inner];
            let lefts: [&[f32]; ROWS] = [row(0), row(1), row(2), row(3)];
            for (block, first) in self.blocks.chunks_exact(self.inner).zip((0..).step_by(COLUMNS)) {
                let sums = block_product(lefts, block);
                let columns = COLUMNS.min(self.columns - first);
                for (sums, out) in sums.iter().zip(out.chunks_mut(out_stride)) {
                    out[first..first + columns].copy_from_slice(&sums[..columns]);
                }
            }
        }
    }
}

fn block_product(left: [&[f32]; ROWS], block: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0f32; COLUMNS]; ROWS];
    let [a, b, c, d] = left;
    for ((((block, a), b), c), d) in block.iter().zip(a).zip(b).zip(c).zip(d) {
        for (sums, left) in sums.iter_mut().zip([a, b, c, d]) {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += left * value;
            }
        }
    }
    sums
}
