//! Ranking and calibration metrics.
//!
//! Each takes rows of one list, or of all lists together, in any number: (score, label), (score, gain) or (probability,
//! label). Scores are of any scale and not NaN. What comes out has no unit and lies between 0 and 1, but for the log loss,
//! which is in nats. `lookback_training.evaluation.metrics` has the same in Python.

/// Bins of equal width in which predictions are compared with labels.
pub const CALIBRATION_BINS: usize = 15;

/// Area under the ROC curve of (score, label): the chance that a positive scores above a negative, ties counting one half
/// (Mann–Whitney U; Fawcett, 2006, section 7). `None` without both labels.
pub fn auc(scored: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|(_, label)| *label).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut won, mut below) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let above = tied.iter().filter(|(_, label)| *label).count() as f64;
        let beneath = tied.len() as f64 - above;
        won += above * (below + beneath / 2.0);
        below += beneath;
    }
    Some(won / (positives * negatives))
}

/// AUC within each list of (score, label) that has both labels, averaged with the list's number of candidates as weight
/// (GAUC; Zhou et al., KDD 2018, equation 5). `None` when no list has both labels.
pub fn gauc<'a>(lists: impl IntoIterator<Item = &'a [(f64, bool)]>) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for list in lists {
        if let Some(auc) = auc(list) {
            sum += auc * list.len() as f64;
            weight += list.len() as f64;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// Normalised discounted cumulative gain of the first `k`, linear gain, log2 discount (Järvelin and Kekäläinen, 2002).
/// `scored` holds (score, gain); equal scores keep their order. `None` when every gain is 0.
pub fn ndcg(scored: &[(f64, f64)], k: usize) -> Option<f64> {
    let by_score = best_first(scored);
    let mut ideal: Vec<f64> = scored.iter().map(|(_, gain)| *gain).collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let dcg = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(k).enumerate().map(|(rank, gain)| gain / (rank as f64 + 2.0).log2()).sum()
    };
    let best = dcg(&mut ideal.into_iter());
    (best > 0.0).then(|| dcg(&mut by_score.into_iter().map(|(_, gain)| gain)) / best)
}

/// Share of the positives of (score, label) among the first `k`; equal scores keep their order. `None` without a positive.
pub fn recall(scored: &[(f64, bool)], k: usize) -> Option<f64> {
    let by_score = best_first(scored);
    let positives = |rows: &[(f64, bool)]| rows.iter().filter(|(_, label)| *label).count() as f64;
    let all = positives(scored);
    (all > 0.0).then(|| positives(&by_score[..k.min(by_score.len())]) / all)
}

/// Expected calibration error of (probability, label) over 15 bins of equal width (Guo et al., ICML 2017, section 2).
/// `None` without rows.
pub fn ece(predicted: &[(f64, bool)]) -> Option<f64> {
    let mut gaps = [0.0; CALIBRATION_BINS];
    for &(p, label) in predicted {
        let bin = ((p * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
        gaps[bin] += p - f64::from(u8::from(label));
    }
    (!predicted.is_empty()).then(|| gaps.iter().map(|gap| gap.abs()).sum::<f64>() / predicted.len() as f64)
}

/// Mean negative log likelihood of (probability, label), in nats; probabilities are kept 1e-7 away from 0 and 1.
/// `None` without rows.
pub fn log_loss(predicted: &[(f64, bool)]) -> Option<f64> {
    let loss = |&(p, label): &(f64, bool)| {
        let p = p.clamp(1e-7, 1.0 - 1e-7);
        -if label { p.ln() } else { (1.0 - p).ln() }
    };
    (!predicted.is_empty()).then(|| predicted.iter().map(loss).sum::<f64>() / predicted.len() as f64)
}

/// By falling score; equal scores keep their order.
fn best_first<T: Copy>(scored: &[(f64, T)]) -> Vec<(f64, T)> {
    let mut sorted = scored.to_vec();
    // `total_cmp` puts 0 above -0, which are equal scores; adding 0 makes them one.
    sorted.sort_by(|a, b| (b.0 + 0.0).total_cmp(&(a.0 + 0.0)));
    sorted
}

/// Mean of some values. `None` without any.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
