//! How an embedding's numbers are stored, and what becomes of them.

use half::f16;

/// How an embedding's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE 754 binary16).
    F16,
    /// Whole numbers of 8 bits, −127 to 127, times a 32-bit float that each row has of its own: max |x| / 127.
    I8,
}

impl ElementType {
    /// Every element type, in the order of their codes.
    pub const ALL: [ElementType; 3] = [ElementType::F32, ElementType::F16, ElementType::I8];

    /// Its name: f32, f16 or int8.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F32 => "f32",
            ElementType::F16 => "f16",
            ElementType::I8 => "int8",
        }
    }

    pub(super) fn code(self) -> u32 {
        match self {
            ElementType::F32 => 1,
            ElementType::F16 => 2,
            ElementType::I8 => 3,
        }
    }

    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            ElementType::F32 => 4,
            ElementType::F16 => 2,
            ElementType::I8 => 1,
        }
    }

    /// Whether each row has a scale.
    pub(super) fn is_scaled(self) -> bool {
        self == ElementType::I8
    }

    /// Appends a row's stored bytes; returns its scale, 1 for types without one.
    pub(super) fn store(self, row: &[f32], out: &mut Vec<u8>) -> f32 {
        match self {
            ElementType::F32 => out.extend(row.iter().flat_map(|value| value.to_le_bytes())),
            ElementType::F16 => out.extend(row.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes())),
            ElementType::I8 => {
                let scale = row.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0;
                // Dividing by a subnormal scale can overshoot; a NaN becomes 0, which is why callers check first.
                let whole = |value: f32| (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8;
                out.extend(row.iter().map(|&value| if scale > 0.0 { whole(value) } else { 0 } as u8));
                return scale;
            }
        }
        1.0
    }

    /// Reads a stored row of `out.len()` numbers; returns whether all of them are finite.
    pub(super) fn load(self, stored: &[u8], scale: f32, out: &mut [f32]) -> bool {
        match self {
            ElementType::F32 => {
                load_f32(stored, out);
                all_finite(out)
            }
            ElementType::F16 => load_f16(stored, out),
            ElementType::I8 => {
                for (to, &from) in out.iter_mut().zip(stored) {
                    *to = f32::from(from as i8) * scale;
                }
                all_finite(out)
            }
        }
    }

    /// The number for which `load` said no; of an int8 row its scale.
    pub(super) fn not_finite(self, stored: &[u8], scale: f32) -> f32 {
        let numbers: Vec<f32> = match self {
            ElementType::F32 => stored.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            ElementType::F16 => stored.as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
            ElementType::I8 => return scale,
        };
        numbers.into_iter().find(|number| !number.is_finite()).unwrap_or(f32::NAN)
    }
}

/// Reads stored f32; as many as `out` has room for.
pub(super) fn load_f32(stored: &[u8], out: &mut [f32]) {
    for (to, from) in out.iter_mut().zip(stored.as_chunks::<4>().0) {
        *to = f32::from_le_bytes(*from);
    }
}

/// Whether no number is NaN or infinite; without a branch, so that it is done many at a time.
pub(super) fn all_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    values.iter().fold(0, |bad, value| bad | u32::from(value.to_bits() & EXPONENT == EXPONENT)) == 0
}

/// Binary16 to f32 without a branch, and without a subnormal f32 on the way, which CPUs take long for.
fn load_f16(stored: &[u8], out: &mut [f32]) -> bool {
    const EXPONENT: u32 = 0x7c00;
    const REBIAS: u32 = (127 - 15) << 23;
    let mut carry = 0;
    for (to, from) in out.iter_mut().zip(stored.as_chunks::<2>().0) {
        let bits = u32::from(u16::from_le_bytes(*from));
        // One more than the largest exponent carries into the sign's place.
        carry |= (bits & EXPONENT) + 0x400;
        let normal = ((bits & 0x7fff) << 13) + REBIAS;
        // A subnormal's fraction counts from 2^-14: put it behind that number's leading one, and take the one away.
        let subnormal = f32::from_bits(normal + (1 << 23)) - f32::from_bits(REBIAS + (1 << 23));
        let size = if bits & EXPONENT == 0 { subnormal.to_bits() } else { normal };
        *to = f32::from_bits(size | ((bits & 0x8000) << 16));
    }
    carry & 0x8000 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_the_number_that_it_is() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            let mut out = [0.0];
            let finite = ElementType::F16.load(&half.to_le_bytes(), 1.0, &mut out);
            assert_eq!(finite, half.is_finite());
            assert!(!finite || out[0].to_bits() == half.to_f32().to_bits(), "{half}: {}", out[0]);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_seen() {
        assert!(all_finite(&[0.0, -1.0, f32::MAX, f32::MIN_POSITIVE]));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!all_finite(&[1.0, bad, 1.0]));
            let mut out = [0.0; 2];
            assert!(!ElementType::I8.load(&[1, 2], bad, &mut out));
        }
    }

    #[test]
    fn the_smallest_and_largest_rows_survive_as_int8() {
        for largest in [f32::MAX / 2.0, f32::MIN_POSITIVE / 4.0, 1.0, 0.0] {
            let mut stored = Vec::new();
            let scale = ElementType::I8.store(&[largest, -largest, 0.0], &mut stored);
            let mut out = [0.0; 3];
            assert!(ElementType::I8.load(&stored, scale, &mut out), "{largest}");
            assert_eq!(out[2], 0.0);
            assert!((out[0] - largest).abs() <= largest / 100.0, "{largest}: {}", out[0]);
            assert_eq!(out[1], -out[0]);
        }
    }
}
