//! Vectors of the latent space.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::parameters::DIMENSION;

pub type Vector = [f32; DIMENSION];

/// A vector of normal numbers whose expected length is 1.
pub fn noise(random: &mut impl Rng) -> Vector {
    let scale = 1.0 / (DIMENSION as f32).sqrt();
    std::array::from_fn(|_| {
        let value: f32 = StandardNormal.sample(random);
        value * scale
    })
}

pub fn dot(a: &Vector, b: &Vector) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The unit vector in direction a + weight · b.
pub fn towards(a: &Vector, weight: f32, b: &Vector) -> Vector {
    let sum: Vector = std::array::from_fn(|i| a[i] + weight * b[i]);
    let length = dot(&sum, &sum).sqrt();
    sum.map(|value| value / length)
}
