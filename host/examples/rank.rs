//! Ranks three candidates for a person with one event: `cargo run --release -p lookback-host --example rank`.

use std::time::Duration;

use lookback::event::{Action, Event, EventColumns};
use lookback::request::{Request, Weights};
use lookback_host::{Host, Module};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let module = Module::load("target/lookback/lookback.wasm")?;
    let host = Host::builder(&module)
        .bundle(std::fs::read("models/ml-100k/bundle.lbb")?)
        .shard(std::fs::read("models/ml-100k/shard.lbs")?)
        .deadline(Duration::from_millis(100))
        .build()?;
    let answer = host.rank(&Request {
        now: 893_286_638_000,
        attributes: vec![],
        surface: None,
        history: EventColumns::from_iter([Event::new(50, Action::Save, 893_286_000_000)]),
        candidates: vec![172, 181, 288],
        items: vec![],
        gsu: None,
        weights: Weights::default(),
    })?;
    for ranked in &answer.response.ranked {
        println!("{} {:.3} {:.3}", ranked.item, ranked.p_click, ranked.p_save);
    }
    if let Some(reason) = answer.degraded {
        eprintln!("answered from popularity: {reason}");
    }
    Ok(())
}
