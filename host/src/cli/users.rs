//! `lookback users`: people of the data set by the length of their history.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::data::{Data, DataArgs};
use super::output::{print, print_json};
use super::table::table;
use super::words::{thousands, time};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
    /// List this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    /// From the shortest history on, not the longest
    #[arg(long)]
    shortest: bool,
    /// One JSON array, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    user: String,
    events: usize,
    first: i64,
    last: i64,
    attributes: String,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let log = &data.set.log;
    let mut users = log.users();
    users.sort_by_key(|(user, rows)| (std::cmp::Reverse(rows.len()), *user));
    if options.shortest {
        users.reverse();
    }
    let rows: Vec<Row> = users
        .into_iter()
        .take(options.most)
        .map(|(user, rows)| Row {
            user: data.user_key(user),
            events: rows.len(),
            first: log.time[rows.start],
            last: log.time[rows.end - 1],
            attributes: attributes(&data, user),
        })
        .collect();
    if options.json {
        return print_json(&rows);
    }
    let mut table = table(&["user", "events", "first", "last", "attributes"], &[1]);
    for row in rows {
        table.add_row([row.user, thousands(row.events as u64), time(row.first), time(row.last), row.attributes]);
    }
    print(&format!("{table}\n"))
}

fn attributes(data: &Data, user: u64) -> String {
    let known = data.set.user(user).map(|row| &row.attributes);
    let pairs = known.into_iter().flatten();
    pairs.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
