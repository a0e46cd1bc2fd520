//! What this core can do at most: 128-bit arithmetic, natively and in wasmtime, and memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

/// The best of all tries counts: a peak is what is reached when nothing disturbs, and a short try is less often disturbed.
const TIME: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 200_000;
/// Sums, lanes and operations of a round: a multiplication and an addition each.
const F32_OPERATIONS: f64 = 8.0 * 4.0 * 2.0;
const I16_OPERATIONS: f64 = 8.0 * 8.0 * 2.0;
/// Far beyond any cache.
const BYTES: usize = 256 << 20;

/// Peaks; operations are multiplications and additions, both counted.
#[derive(Serialize)]
pub struct Peaks {
    #[serde(flatten)]
    native: Option<Native>,
    #[serde(flatten)]
    module: Option<Module>,
    read_gb_per_second: f64,
    triad_gb_per_second: f64,
}

#[derive(Serialize)]
struct Native {
    native_f32_multiply_add_gflops: f64,
    native_i16_dot_gops: f64,
}

#[derive(Serialize)]
struct Module {
    wasmtime_f32_multiply_add_gflops: f64,
    wasmtime_i16_dot_gops: f64,
}

/// Measures them all.
pub fn peaks() -> Result<Peaks> {
    Ok(Peaks { native: native(), module: module()?, read_gb_per_second: read(), triad_gb_per_second: triad() })
}

/// Billions of whatever is counted a second, in the best try.
fn best(count: f64, mut work: impl FnMut()) -> f64 {
    let (begun, mut least) = (Instant::now(), f64::INFINITY);
    while begun.elapsed() < TIME {
        let started = Instant::now();
        work();
        least = least.min(started.elapsed().as_secs_f64());
    }
    count / least / 1e9
}

#[cfg(target_arch = "x86_64")]
fn native() -> Option<Native> {
    use std::arch::x86_64::{
        _mm_add_epi16, _mm_add_epi32, _mm_add_ps, _mm_madd_epi16, _mm_mul_ps, _mm_set1_epi16, _mm_set1_ps,
    };

    #[target_feature(enable = "sse2")]
    fn f32_multiply_add() {
        // Nobody knows that they begin alike, or one sum would do for eight.
        let (mut sums, by) = black_box(([_mm_set1_ps(0.0); 8], [_mm_set1_ps(0.5); 4]));
        let (mut x, step) = black_box(([_mm_set1_ps(1.0); 2], _mm_set1_ps(1e-3)));
        for _ in 0..ROUNDS {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = _mm_add_ps(*sum, _mm_mul_ps(x[i % 2], by[i / 2]));
            }
            x.iter_mut().for_each(|x| *x = _mm_add_ps(*x, step));
        }
        black_box(sums);
    }

    #[target_feature(enable = "sse2")]
    fn i16_dot() {
        let (mut sums, by) = black_box(([_mm_set1_epi16(0); 8], [_mm_set1_epi16(3); 4]));
        let (mut x, step) = black_box(([_mm_set1_epi16(1); 2], _mm_set1_epi16(1)));
        for _ in 0..ROUNDS {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = _mm_add_epi32(*sum, _mm_madd_epi16(x[i % 2], by[i / 2]));
            }
            x.iter_mut().for_each(|x| *x = _mm_add_epi16(*x, step));
        }
        black_box(sums);
    }

    let rounds = f64::from(ROUNDS);
    Some(Native {
        // SAFETY: every x86-64 CPU has SSE2.
        native_f32_multiply_add_gflops: best(rounds * F32_OPERATIONS, || unsafe { f32_multiply_add() }),
        // SAFETY: as above.
        native_i16_dot_gops: best(rounds * I16_OPERATIONS, || unsafe { i16_dot() }),
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn native() -> Option<Native> {
    None
}

#[cfg(feature = "wasmtime")]
fn module() -> Result<Option<Module>> {
    let bytes = wat::parse_str(include_str!("kernels.wat"))?;
    in_wasmtime(&bytes).map(Some).map_err(|error| anyhow::anyhow!("the kernels do not run in wasmtime: {error:#}"))
}

#[cfg(feature = "wasmtime")]
fn in_wasmtime(bytes: &[u8]) -> wasmtime::Result<Module> {
    let engine = wasmtime::Engine::default();
    let module = wasmtime::Module::new(&engine, bytes)?;
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
    let multiply_add = instance.get_typed_func::<(i32, f32), f32>(&mut store, "f32_multiply_add")?;
    let dot = instance.get_typed_func::<(i32, i32), i32>(&mut store, "i16_dot")?;
    // Once for the errors: the kernels do the same each time.
    multiply_add.call(&mut store, (1, 0.5))?;
    dot.call(&mut store, (1, 1))?;
    let rounds = f64::from(ROUNDS);
    Ok(Module {
        wasmtime_f32_multiply_add_gflops: best(rounds * F32_OPERATIONS, || {
            let _ = black_box(multiply_add.call(&mut store, (ROUNDS as i32, black_box(0.999))));
        }),
        wasmtime_i16_dot_gops: best(rounds * I16_OPERATIONS, || {
            let _ = black_box(dot.call(&mut store, (ROUNDS as i32, black_box(3))));
        }),
    })
}

#[cfg(not(feature = "wasmtime"))]
fn module() -> Result<Option<Module>> {
    Ok(None)
}

/// Gigabytes a second that one core reads and adds up.
fn read() -> f64 {
    let values = vec![black_box(1u64); BYTES / 8];
    best(BYTES as f64, || {
        let mut sums = [0u64; 16];
        for values in values.as_chunks::<16>().0 {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(*value));
        }
        black_box(sums);
    })
}

/// Gigabytes a second of a = b + s·c: two read and one written (McCalpin's STREAM).
fn triad() -> f64 {
    let (b, c) = (vec![black_box(1.0f32); BYTES / 4], vec![black_box(2.0f32); BYTES / 4]);
    let mut a = vec![0.0f32; BYTES / 4];
    let by = black_box(3.0);
    best(3.0 * BYTES as f64, || {
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + by * c;
        }
        black_box(&a);
    })
}
