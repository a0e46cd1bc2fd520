//! Metrics against values worked out by hand.

use lookback_pipeline::metrics::{auc, gauc, log_loss, ndcg};

fn close(got: Option<f64>, expected: f64) {
    assert!((got.unwrap() - expected).abs() < 1e-12, "{got:?} for {expected}");
}

#[test]
fn auc_counts_pairs_and_halves_ties() {
    // Pairs of a positive and a negative: (0.9, 0.5) won, (0.9, 0.1) won, (0.5, 0.5) tied, (0.5, 0.1) won.
    close(auc(&[(0.9, true), (0.5, true), (0.5, false), (0.1, false)]), 3.5 / 4.0);
    close(auc(&[(0.1, true), (0.2, false)]), 0.0);
    assert_eq!(auc(&[(0.1, true)]), None);
}

#[test]
fn gauc_weighs_lists_by_their_candidates() {
    let good = [(2.0, true), (1.0, false)];
    let bad = [(1.0, true), (2.0, false), (3.0, false), (4.0, false)];
    let one_label = [(1.0, true); 100];
    close(gauc([&good[..], &bad, &one_label]), (2.0 * 1.0 + 4.0 * 0.0) / 6.0);
    assert_eq!(gauc([&one_label[..]]), None);
}

#[test]
fn ndcg_discounts_by_log2_of_rank() {
    // Ranked 0, 2, 1 of an ideal 2, 1, 0.
    let dcg = 2.0 / 3f64.log2() + 1.0 / 2.0;
    let ideal = 2.0 + 1.0 / 3f64.log2();
    close(ndcg(&[(3.0, 0.0), (2.0, 2.0), (1.0, 1.0)], 10), dcg / ideal);
    close(ndcg(&[(3.0, 0.0), (2.0, 2.0), (1.0, 1.0)], 1), 0.0);
    assert_eq!(ndcg(&[(1.0, 0.0)], 10), None);
}

#[test]
fn log_loss_is_in_nats() {
    close(log_loss(&[(0.5, true), (0.25, false)]), (2f64.ln() + (4f64 / 3.0).ln()) / 2.0);
    assert!(log_loss(&[(0.0, true)]).unwrap().is_finite());
}
