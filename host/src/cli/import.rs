//! `lookback import`: logs of any of several formats to one data directory.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use lookback::event::Action;
use lookback_pipeline::import::{
    Format, GenericImport, ImportReport, MAX_BAD, MovieLensImport, Progress, TimeUnit, import_events, import_movielens,
};

use super::output::print;
use super::progress;
use super::words::time;

#[derive(Subcommand)]
pub enum Source {
    /// Your own logs: JSON Lines, CSV or Parquet in the documented schema
    #[command(after_long_help = EVENTS)]
    Events(Events),
    /// A MovieLens folder: 100K, 1M, 10M, 25M, 32M, latest, or RecBole's 100K
    #[command(after_long_help = MOVIELENS)]
    Movielens(MovieLens),
}

const EVENTS: &str = r#"Columns of the events: user, item, action, time; where known also surface, position, request.
Of the items (--items): item; where known title, categories, created, embedding. Of the users (--users): user, and any
further column as a demographic attribute. Users and items are named by strings or numbers. Actions are other, click,
save, closeup, skip, hide. In CSV, a list (categories, embedding) has | between its values.

Examples:
  lookback import events --input events.jsonl --output data/mine
  lookback import events --input log.csv --items pins.csv --users people.csv --output data/mine \
    --time-unit s --map-action repin=save --map-action view=closeup"#;

const MOVIELENS: &str = "Ratings become actions: 4 and up save, 3 and 3.5 click, below 3 skip.

Example:
  lookback import movielens --input ml-latest-small --output data/ml-latest-small";

#[derive(Args)]
pub struct Events {
    /// File of events
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Data directory to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// File of items
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// File of users
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Format of all files [default: by each file's name]
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Unit of times that are numbers; times that are strings are RFC 3339
    #[arg(long, value_enum, default_value = "s")]
    time_unit: Unit,
    /// Reads an action of yours as one of the schema's; may be repeated
    #[arg(long, value_name = "YOURS=OURS", value_parser = parse_mapping)]
    map_action: Vec<(String, Action)>,
    /// Share of bad rows above which the import stops
    #[arg(long, value_name = "SHARE", default_value_t = MAX_BAD, value_parser = parse_share)]
    max_bad: f64,
}

#[derive(Args)]
pub struct MovieLens {
    /// Folder with the files as they were published
    #[arg(long, value_name = "DIR")]
    input: PathBuf,
    /// Data directory to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Share of bad rows above which the import stops
    #[arg(long, value_name = "SHARE", default_value_t = MAX_BAD, value_parser = parse_share)]
    max_bad: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    Jsonl,
    Csv,
    Parquet,
}

#[derive(Clone, Copy, ValueEnum)]
enum Unit {
    /// Seconds
    S,
    /// Milliseconds
    Ms,
    /// Microseconds
    Us,
}

pub fn run(source: &Source) -> Result<()> {
    let bar = progress::bytes(0, "read");
    let mut on_progress = |progress: Progress| {
        bar.set_length(progress.size);
        bar.set_position(progress.read);
    };
    let (report, output) = match source {
        Source::Events(options) => {
            let import = GenericImport {
                events: options.input.clone(),
                items: options.items.clone(),
                users: options.users.clone(),
                output: options.output.clone(),
                format: options.format.map(|format| match format {
                    FormatName::Jsonl => Format::JsonLines,
                    FormatName::Csv => Format::Csv,
                    FormatName::Parquet => Format::Parquet,
                }),
                time_unit: match options.time_unit {
                    Unit::S => TimeUnit::Seconds,
                    Unit::Ms => TimeUnit::Milliseconds,
                    Unit::Us => TimeUnit::Microseconds,
                },
                map_action: options.map_action.iter().cloned().collect::<HashMap<_, _>>(),
                max_bad: options.max_bad,
            };
            (import_events(&import, &mut on_progress), &options.output)
        }
        Source::Movielens(options) => {
            let import = MovieLensImport {
                input: options.input.clone(),
                output: options.output.clone(),
                max_bad: options.max_bad,
            };
            (import_movielens(&import, &mut on_progress), &options.output)
        }
    };
    bar.finish_and_clear();
    let report = report?;
    print(&summary(&report, &output.display().to_string()))
}

fn summary(report: &ImportReport, output: &str) -> String {
    let mut text = format!("{report}");
    text += &format!("  from {} to {}\n", time(report.first_time), time(report.last_time));
    if report.rejected > 0 {
        text += &format!("  bad rows are in {output}/rejects.jsonl, each with its reason\n");
    }
    if let Some(licence) = &report.licence {
        text += &format!("  licence: {licence}\n");
    }
    text + &format!("written to {output}; next: `lookback examples --data {output}`\n")
}

fn parse_mapping(text: &str) -> Result<(String, Action)> {
    let names = Action::ALL.map(Action::name).join(", ");
    let Some((yours, ours)) = text.split_once('=') else {
        bail!("{text:?} is no mapping; expected YOURS=OURS, where OURS is one of {names}");
    };
    match Action::from_name(ours) {
        Some(action) => Ok((yours.to_owned(), action)),
        None => bail!("{ours:?} is no action of the schema; expected one of {names}"),
    }
}

fn parse_share(text: &str) -> Result<f64> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => bail!("{text:?} is no share; expected a number from 0 to 1, such as 0.01 for one row in a hundred"),
    }
}
