//! Metrics against values worked out by hand.

use lookback_pipeline::metrics::{auc, ece, gauc, log_loss, ndcg, recall};

fn close(got: Option<f64>, expected: f64) {
    assert!((got.unwrap() - expected).abs() < 1e-12, "{got:?} for {expected}");
}

#[test]
fn auc_counts_pairs_and_halves_ties() {
    // Pairs of a positive and a negative: (0.9, 0.5) won, (0.9, 0.1) won, (0.5, 0.5) tied, (0.5, 0.1) won.
    close(auc(&[(0.9, true), (0.5, true), (0.5, false), (0.1, false)]), 3.5 / 4.0);
    close(auc(&[(0.1, true), (0.2, false)]), 0.0);
    close(auc(&[(0.0, true), (-0.0, false)]), 0.5);
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
    // Equal scores keep their order, and 0 equals -0.
    close(ndcg(&[(1.0, 1.0), (1.0, 2.0)], 1), 1.0 / 2.0);
    close(ndcg(&[(-0.0, 1.0), (0.0, 2.0)], 1), 1.0 / 2.0);
    assert_eq!(ndcg(&[(1.0, 0.0)], 10), None);
}

#[test]
fn log_loss_is_in_nats() {
    close(log_loss(&[(0.5, true), (0.25, false)]), (2f64.ln() + (4f64 / 3.0).ln()) / 2.0);
    assert!(log_loss(&[(0.0, true)]).unwrap().is_finite());
}

#[test]
fn recall_counts_positives_among_the_best() {
    let list = [(1.0, true), (3.0, true), (2.0, false), (1.0, true)];
    close(recall(&list, 1), 1.0 / 3.0);
    // Of two equal scores the first is taken.
    close(recall(&list, 3), 2.0 / 3.0);
    close(recall(&list, 50), 1.0);
    assert_eq!(recall(&[(1.0, false)], 10), None);
}

#[test]
fn ece_weighs_bins_by_their_predictions() {
    // One bin holds 0.01 and 0.05 with one positive, the last one 1.0 with one negative.
    close(ece(&[(0.01, false), (0.05, true), (1.0, false)]), ((0.06f64 - 1.0).abs() + 1.0) / 3.0);
    // Errors within a bin cancel, as in its definition.
    close(ece(&[(0.5, true), (0.5, false)]), 0.0);
    assert_eq!(ece(&[]), None);
}
