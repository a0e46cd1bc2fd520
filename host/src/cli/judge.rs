//! Metrics over candidate lists.

use lookback_pipeline::examples::{Candidate, CandidateList};
use lookback_pipeline::metrics::{auc, ece, gauc, log_loss, mean, ndcg, recall};
use serde::Serialize;

const NDCG_AT: usize = 10;
const GAIN_SAVE: f64 = 2.0;
const GAIN_CLICK: f64 = 1.0;

/// Of one task. Null where the lists hold only one label, or where there are no probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TaskMetrics {
    pub auc: Option<f64>,
    /// AUC within each list, weighted by its candidates.
    pub gauc: Option<f64>,
    /// For click a save gains 2 and a click 1; for save a save gains 1.
    pub ndcg_at_10: Option<f64>,
    /// Share of a list's positives among its 10 best, averaged over lists.
    pub recall_at_10: Option<f64>,
    pub recall_at_50: Option<f64>,
    /// In nats.
    pub log_loss: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
}

impl TaskMetrics {
    /// In the order of the tables.
    pub fn named(&self) -> [(&'static str, Option<f64>); 7] {
        [
            ("AUC", self.auc),
            ("GAUC", self.gauc),
            ("NDCG@10", self.ndcg_at_10),
            ("R@10", self.recall_at_10),
            ("R@50", self.recall_at_50),
            ("log loss", self.log_loss),
            ("ECE", self.ece),
        ]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metrics {
    pub click: TaskMetrics,
    pub save: TaskMetrics,
}

/// Scores of click and save for each candidate of each list, in the list's order: `[lists][candidates][2]`.
pub type ListScores = Vec<Vec<[f64; 2]>>;

/// Judges the order by `scores`, and the probabilities beside them if there are any: as
/// `lookback_training.evaluation.report` does, so that both print the same numbers.
pub fn judge(lists: &[CandidateList], scores: &ListScores, probabilities: Option<&ListScores>) -> Metrics {
    Metrics { click: task(lists, scores, probabilities, 0), save: task(lists, scores, probabilities, 1) }
}

fn task(lists: &[CandidateList], scores: &ListScores, probabilities: Option<&ListScores>, task: usize) -> TaskMetrics {
    let mut labelled: Vec<Vec<(f64, bool)>> = Vec::with_capacity(lists.len());
    let mut gained: Vec<Vec<(f64, f64)>> = Vec::with_capacity(lists.len());
    for (list, scores) in lists.iter().zip(scores) {
        let mut rows: Vec<_> = list.candidates.iter().zip(scores).collect();
        // Equal scores are ranked by item, whatever order the list has.
        rows.sort_by_key(|(candidate, _)| candidate.item);
        labelled.push(rows.iter().map(|(candidate, score)| (score[task], label(candidate, task))).collect());
        gained.push(
            rows.iter()
                .map(|(candidate, score)| {
                    let gain = match (task, candidate.click, candidate.save) {
                        (0, _, true) => GAIN_SAVE,
                        (0, true, false) => GAIN_CLICK,
                        (1, _, true) => 1.0,
                        _ => 0.0,
                    };
                    (score[task], gain)
                })
                .collect(),
        );
    }
    let recall_at = |k: usize| mean(labelled.iter().filter_map(|list| recall(list, k)));
    let predicted: Option<Vec<(f64, bool)>> = probabilities.map(|probabilities| {
        let lists = lists.iter().zip(probabilities);
        let rows = lists.flat_map(|(list, p)| list.candidates.iter().zip(p));
        rows.map(|(candidate, p)| (p[task], label(candidate, task))).collect()
    });
    TaskMetrics {
        auc: auc(&labelled.concat()),
        gauc: gauc(labelled.iter().map(Vec::as_slice)),
        ndcg_at_10: mean(gained.iter().filter_map(|list| ndcg(list, NDCG_AT))),
        recall_at_10: recall_at(10),
        recall_at_50: recall_at(50),
        log_loss: predicted.as_deref().and_then(log_loss),
        ece: predicted.as_deref().and_then(ece),
    }
}

fn label(candidate: &Candidate, task: usize) -> bool {
    [candidate.click, candidate.save][task]
}

#[cfg(test)]
mod tests {
    use lookback_pipeline::examples::Origin;

    use super::*;

    fn list(labels: &[(bool, bool)]) -> CandidateList {
        of((0..).zip(labels.iter().copied()))
    }

    /// Items with their labels, in the list's order.
    fn of(rows: impl Iterator<Item = (u64, (bool, bool))>) -> CandidateList {
        let candidates = rows.map(|(item, (click, save))| Candidate { item, click, save, origin: Origin::Logged });
        CandidateList { list: 0, user: 1, time: 0, history: 0..0, candidates: candidates.collect() }
    }

    fn same(metrics: &TaskMetrics, expected: [Option<f64>; 7]) {
        for ((name, got), expected) in metrics.named().into_iter().zip(expected) {
            let close = got.zip(expected).is_some_and(|(got, expected)| (got - expected).abs() < 1e-12);
            assert!(close || got == expected, "{name}: {got:?} for {expected:?}");
        }
    }

    /// In the order of `named`.
    fn known(order: [f64; 5], [log_loss, ece]: [f64; 2]) -> [Option<f64>; 7] {
        let [auc, gauc, ndcg, at_10, at_50] = order;
        [auc, gauc, ndcg, at_10, at_50, log_loss, ece].map(Some)
    }

    #[test]
    fn two_lists_with_ties_and_one_without_a_positive() {
        // The same lists as in training/tests/test_metrics.py: each value by hand.
        let lists = [
            of([(3, (true, true)), (1, (false, false)), (2, (true, false))].into_iter()),
            of((0..12).rev().map(|item| (item, (item == 11 || item == 0, false)))),
            of([(20, (false, false)), (21, (false, false))].into_iter()),
        ];
        let scores = vec![vec![[0.5; 2], [0.5; 2], [0.1; 2]], vec![[0.5; 2]; 12], vec![[0.5; 2], [0.9; 2]]];
        let metrics = judge(&lists, &scores, Some(&scores));
        let third = 1.0 / 3f64.log2();
        let (half, tenth) = (2f64.ln(), 10f64.ln());
        // Of list one, item 1 comes before item 3; of list two, items 10 and 11 come last.
        let ndcg = f64::midpoint((2.0 * third + 0.5) / (2.0 + third), 1.0 / (1.0 + third));
        let click = [18.0 / 52.0, (3.0 * 0.25 + 12.0 * 0.5) / 15.0, ndcg, 0.75, 1.0];
        let of_p = [(15.0 * half + 2.0 * tenth) / 17.0, (4.5 + 0.9 + 0.9) / 17.0];
        same(&metrics.click, known(click, of_p));
        let save = [0.5, 0.75, third, 1.0, 1.0];
        // 0.5 fifteen times with one save, 0.1 and 0.9 without.
        let of_p = [(15.0 * half + (10.0f64 / 9.0).ln() + tenth) / 17.0, (6.5 + 0.1 + 0.9) / 17.0];
        same(&metrics.save, known(save, of_p));
    }

    #[test]
    fn lists_without_a_positive_have_only_their_probabilities_judged() {
        let lists = [list(&[(true, false), (false, false)])];
        let p = vec![vec![[0.5, 0.25], [0.5, 0.25]]];
        let save = judge(&lists, &p, Some(&p)).save;
        same(&save, [None, None, None, None, None, Some((4f64 / 3.0).ln()), Some(0.25)]);
    }

    #[test]
    fn a_perfect_order_has_perfect_metrics() {
        let lists = [list(&[(true, true), (true, false), (false, false)])];
        let p = vec![vec![[0.9, 0.8], [0.7, 0.1], [0.2, 0.05]]];
        let metrics = judge(&lists, &p, Some(&p));
        for task in [metrics.click, metrics.save] {
            for value in [task.auc, task.gauc, task.ndcg_at_10, task.recall_at_10, task.recall_at_50] {
                assert_eq!(value, Some(1.0));
            }
        }
        let expected = -(0.9f64.ln() + 0.7f64.ln() + 0.8f64.ln()) / 3.0;
        assert!((metrics.click.log_loss.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_save_below_a_click_costs_the_click_task_its_perfect_ndcg() {
        let lists = [list(&[(true, true), (true, false), (false, false)])];
        let metrics = judge(&lists, &vec![vec![[0.7, 0.8], [0.9, 0.1], [0.2, 0.05]]], None);
        assert_eq!(metrics.click.auc, Some(1.0));
        assert!(metrics.click.ndcg_at_10.unwrap() < 1.0);
        assert_eq!((metrics.click.log_loss, metrics.click.ece), (None, None));
    }
}
