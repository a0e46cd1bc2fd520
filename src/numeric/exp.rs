//! The exponential function and its kin, four at a time.

use wide::{f32x4, i32x4};

/// exp(x), 0 below -87, as large as floats are above 88: range reduction and polynomial of expf in the Cephes library
/// (Moshier, netlib.org/cephes), within two units of the last place. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp(x: f32x4) -> f32x4 {
    let lowest = f32x4::splat(-87.0);
    let within = x.fast_min(f32x4::splat(88.0)).fast_max(lowest);
    // Added, it leaves no room for what is not whole, and the whole power in the lowest bits.
    let shift = f32x4::splat(1.5 * (1 << 23) as f32);
    let shifted = within * f32x4::splat(std::f32::consts::LOG2_E) + shift;
    let power = shifted - shift;
    // ln 2 in two parts, the first of few enough bits that its product with a power is exact.
    let rest = within - power * f32x4::splat(0.693_359_4) - power * f32x4::splat(-2.121_944_4e-4);
    let coefficients = [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.0e-1];
    let polynomial =
        coefficients.into_iter().fold(f32x4::splat(1.987_569_1e-4), |sum, next| sum * rest + f32x4::splat(next));
    let mantissa = polynomial * rest * rest + rest + f32x4::ONE;
    let exponent = (bytemuck::cast::<f32x4, i32x4>(shifted) << 23) + bytemuck::cast::<f32x4, i32x4>(f32x4::ONE);
    let result = mantissa * bytemuck::cast::<i32x4, f32x4>(exponent);
    let result = x.simd_lt(lowest).select(f32x4::ZERO, result);
    x.simd_eq(x).select(result, x)
}

/// The natural logarithm of positive numbers that are not subnormal: range reduction and polynomial of logf in the Cephes
/// library, within two units of the last place, and near 1 to 1e-7.
#[inline(always)]
pub(crate) fn ln(x: f32x4) -> f32x4 {
    let bits: i32x4 = bytemuck::cast(x);
    let half: i32x4 = bytemuck::cast(f32x4::splat(0.5));
    // A mantissa from the square root of a half to that of 2, less 1.
    let mantissa: f32x4 = bytemuck::cast(bits & i32x4::splat(0x007f_ffff) | half);
    let small = mantissa.simd_lt(f32x4::splat(std::f32::consts::FRAC_1_SQRT_2));
    let power = f32x4::from_i32x4((bits >> 23) - i32x4::splat(126)) - small.select(f32x4::ONE, f32x4::ZERO);
    let rest = mantissa + small.select(mantissa, f32x4::ZERO) - f32x4::ONE;
    let coefficients = [
        -1.151_461e-1,
        1.167_699_87e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    let polynomial =
        coefficients.into_iter().fold(f32x4::splat(7.037_683_6e-2), |sum, next| sum * rest + f32x4::splat(next));
    let square = rest * rest;
    let beyond = polynomial * rest * square - power * f32x4::splat(2.121_944_4e-4) - square * f32x4::splat(0.5);
    rest + beyond + power * f32x4::splat(0.693_359_4)
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid(x: f32x4) -> f32x4 {
    f32x4::ONE / (f32x4::ONE + exp(-x))
}

/// The hyperbolic tangent, to 1e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32x4) -> f32x4 {
    let power = exp(f32x4::splat(-2.0) * x.abs());
    ((f32x4::ONE - power) / (f32x4::ONE + power)).flip_signs(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: fn(f32x4) -> f32x4, x: f32) -> f64 {
        f64::from(f(f32x4::splat(x)).to_array()[0])
    }

    #[test]
    fn they_are_what_doubles_say() {
        for step in -870_000..880_000 {
            let x = step as f32 * 1e-4;
            let wide = f64::from(x);
            assert!((of(exp, x) / wide.exp() - 1.0).abs() < 3e-7, "exp({x}) = {}", of(exp, x));
            assert!((of(sigmoid, x) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7, "sigmoid({x})");
            assert!((of(tanh, x) - wide.tanh()).abs() < 2e-7, "tanh({x})");
        }
    }

    #[test]
    fn logarithms_are_what_doubles_say() {
        for step in -870_000..880_000 {
            let x = (step as f32 * 1e-4).exp();
            let wide = f64::from(x).ln();
            assert!((of(ln, x) - wide).abs() < 1e-7 + 2e-7 * wide.abs(), "ln({x}) = {}", of(ln, x));
        }
        assert_eq!(of(ln, 1.0), 0.0);
    }

    #[test]
    fn what_is_far_away_or_no_number_stays_so() {
        assert_eq!(of(exp, f32::NEG_INFINITY), 0.0);
        assert_eq!(of(exp, -1e30), 0.0);
        assert!(of(exp, f32::INFINITY) > 1e38);
        assert!(of(exp, f32::NAN).is_nan() && of(tanh, f32::NAN).is_nan() && of(sigmoid, f32::NAN).is_nan());
        assert_eq!((of(tanh, 1e30), of(tanh, -1e30)), (1.0, -1.0));
        assert_eq!((of(sigmoid, 1e30), of(sigmoid, -1e30) < 1e-37), (1.0, true));
    }
}
