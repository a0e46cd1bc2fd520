//! `lookback examples`: from events to training examples and held-out candidate lists.

use anyhow::Result;
use clap::Args;
use lookback_pipeline::examples::{ExampleOptions, ExampleReport, Examples, Periods, Source};

use super::data::{Data, DataArgs};
use super::output::print;
use super::words::{plural, thousands, time};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    /// Sampled unseen items for each engaged event of the training period
    #[arg(long, value_name = "N", default_value_t = ExampleOptions::default().negatives)]
    negatives: usize,
    /// Share of the events, by time, that is the training period
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, conflicts_with = "logged")]
    train_share: f64,
    /// Share of the events that is the validation period; the test period is the rest
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, conflicts_with = "logged")]
    valid_share: f64,
    /// What was really shown, request by request, makes examples and lists; nothing is sampled. For logs with request ids
    #[arg(long)]
    logged: bool,
    /// Days of the training period, with --logged
    #[arg(long, value_name = "N", default_value_t = 7, requires = "logged")]
    train_days: u32,
    /// Days of the validation period that follows, with --logged
    #[arg(long, value_name = "N", default_value_t = 1, requires = "logged")]
    valid_days: u32,
    /// Days of the test period, which ends with the log, with --logged
    #[arg(long, value_name = "N", default_value_t = 2, requires = "logged")]
    test_days: u32,
    /// Sampled unseen items in each candidate list
    #[arg(long, value_name = "N", default_value_t = ExampleOptions::default().list_sampled)]
    sampled: usize,
    /// Seed of the sampling
    #[arg(long, default_value_t = ExampleOptions::default().seed)]
    seed: u64,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let made = Examples::make(
        &data.set,
        ExampleOptions {
            negatives: options.negatives,
            periods: match options.logged {
                true => Periods::Days { train: options.train_days, valid: options.valid_days, test: options.test_days },
                false => Periods::Shares { train: options.train_share, valid: options.valid_share },
            },
            source: if options.logged { Source::Logged } else { Source::Sampled },
            list_sampled: options.sampled,
            seed: options.seed,
            ..ExampleOptions::default()
        },
    )?;
    made.write(&data.folder)?;
    let folder = data.folder.display();
    print(&format!("{}written to {folder}/examples.parquet\n", summary(&made.report)))
}

fn summary(report: &ExampleReport) -> String {
    let mut text = format!(
        "{}, {} of them sampled, before {}\n{}, before {}\n{}, from then on\n",
        plural(report.train_examples, "training example"),
        thousands(report.train_sampled),
        time(report.valid_from),
        plural(report.valid_lists, "validation list"),
        time(report.test_from),
        plural(report.test_lists, "test list"),
    );
    for (count, noun, why) in [
        (report.lists_with_short_history, "list", "whose history is short"),
        (report.lists_without_click, "list", "without a click"),
        (report.events_without_request, "event", "without a request id"),
    ] {
        if count > 0 {
            text += &format!("left out: {} {why}\n", plural(count, noun));
        }
    }
    if report.sampled_missing > 0 {
        text += &format!(
            "{} could not be drawn: the person has met nearly everything\n",
            plural(report.sampled_missing, "sampled item")
        );
    }
    text
}
