//! Whether two variants gave the same answer.

use anyhow::{Result, ensure};

use crate::results::Agreement;

/// Logits may be this far apart.
const TOLERANCE: f32 = 1e-4;

/// Compares logits `[C, 2]`; `draws` `[C]` are the candidates whose search two runtimes may settle otherwise.
pub fn compare(expected: &[f32], got: &[f32], draws: &[bool]) -> Result<Agreement> {
    ensure!(
        expected.len() == got.len() && got.len() == 2 * draws.len(),
        "{} logits, {} expected, {} candidates",
        got.len(),
        expected.len(),
        draws.len()
    );
    let mut agreement = Agreement::default();
    for (i, &draw) in draws.iter().enumerate() {
        let gap = |at: usize| {
            let gap = (expected[at] - got[at]).abs();
            if gap.is_nan() { f32::INFINITY } else { gap }
        };
        let gap = gap(2 * i).max(gap(2 * i + 1));
        agreement.differing += usize::from(gap > TOLERANCE);
        if !draw {
            agreement.wrong += usize::from(gap > TOLERANCE);
            agreement.worst = agreement.worst.max(gap);
        }
    }
    Ok(agreement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_counted_and_forgiven_and_others_are_not() {
        let expected = [0.0, 0.0, 1.0, 1.0, 2.0, 2.0];
        let got = [0.0, 0.00005, 1.0, 1.5, 2.0, 2.0];
        let found = compare(&expected, &got, &[false, true, false]).unwrap();
        assert_eq!((found.differing, found.wrong), (1, 0));
        assert!((found.worst - 0.00005).abs() < 1e-9);
        let found = compare(&expected, &got, &[false; 3]).unwrap();
        assert_eq!((found.differing, found.wrong, found.worst), (1, 1, 0.5));
    }

    #[test]
    fn what_is_no_number_is_wrong_and_what_is_missing_is_refused() {
        let found = compare(&[0.0, 0.0], &[0.0, f32::NAN], &[false]).unwrap();
        assert_eq!((found.wrong, found.worst), (1, f32::INFINITY));
        assert!(compare(&[0.0, 0.0], &[0.0], &[false]).is_err());
    }
}
