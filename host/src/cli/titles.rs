//! `lookback titles`: what items are called, for those who have only their ids.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;

use super::data::{Data, DataArgs};
use super::output::print_json;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    data: DataArgs,
}

pub fn run(options: &Options) -> Result<()> {
    let data = Data::open(&options.data.data)?;
    let titles: BTreeMap<u64, &str> =
        data.set.items.iter().filter_map(|row| Some((row.item, row.title.as_deref()?))).collect();
    print_json(&titles)
}
