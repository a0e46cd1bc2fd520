//! What fixed requests cost: wasmtime's fuel counts what the module executes, the same on every machine, however busy.
//!
//! A cost that grows by more than 3% over the recorded one fails. Where that is meant, or where a cost has fallen,
//! `LOOKBACK_RECORD=1 cargo test --release --test fuel` records the costs anew in tests/fuel.txt.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use lookback::request::{Gsu, Request};
use lookback::wire::encode;
use support::{Wasm, made_up, module_path, request, root};
use wasmtime::{Cache, Config, Engine, Module, Store};

/// Growth that passes.
const MOST: f64 = 1.03;

#[test]
fn no_request_costs_more_than_it_did() {
    let costs = costs();
    let path = root().join("tests/fuel.txt");
    if std::env::var_os("LOOKBACK_RECORD").is_some() {
        let lines: Vec<String> = costs.iter().map(|(name, fuel)| format!("{name} {fuel}\n")).collect();
        fs::write(&path, lines.concat()).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let recorded: BTreeMap<String, u64> = text
        .lines()
        .map(|line| {
            let (name, fuel) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), fuel.parse().unwrap())
        })
        .collect();
    assert_eq!(recorded.keys().collect::<Vec<_>>(), costs.keys().collect::<Vec<_>>());
    for (name, &fuel) in &costs {
        let ratio = fuel as f64 / recorded[name] as f64;
        println!("{name}: {fuel}, {ratio:.4} of what was recorded");
        assert!(ratio <= MOST, "{name} costs {ratio:.3} times what was recorded; if that is meant, record it anew");
    }
}

#[test]
fn the_same_request_costs_the_same() {
    assert_eq!(costs(), costs());
}

/// The module, compiled to count.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true).cache(Some(Cache::from_file(None).unwrap()));
        Module::from_file(&Engine::new(&config).unwrap(), module_path()).unwrap()
    })
}

/// Fuel of each request, by its name.
fn costs() -> BTreeMap<String, u64> {
    let mut store = Store::new(module().engine(), ());
    store.set_fuel(u64::MAX).unwrap();
    let mut wasm = Wasm::of(module(), store);
    wasm.call("load_bundle", &made_up("bundle.lbb")).unwrap();
    wasm.call("push_shard", &made_up("shard.lbs")).unwrap();
    let mut costs = BTreeMap::new();
    for events in [100, 1_000, 20_000] {
        for gsu in [Gsu::Hard, Gsu::Soft, Gsu::Consistent] {
            let bytes = encode(&Request { gsu: Some(gsu), ..request(events, 200) });
            // The first request grows the memory, which later ones do not.
            wasm.call("rank", &bytes).unwrap();
            let before = wasm.store.get_fuel().unwrap();
            wasm.call("rank", &bytes).unwrap();
            costs.insert(format!("{} search of {events} events", gsu.name()), before - wasm.store.get_fuel().unwrap());
        }
    }
    costs
}
