//! The module's border: no imports, these exports, and never a trap, whatever the bytes.

mod support;

use lookback::abi::{ABI_VERSION, Status};
use lookback::request::ExplainRequest;
use lookback::wire::encode;
use support::{Wasm, made_up, module, request};

const CALLS: [&str; 5] = ["load_bundle", "push_shard", "apply_delta", "rank", "explain"];

#[test]
fn the_module_imports_nothing() {
    let imports: Vec<String> = module().imports().map(|i| format!("{}.{}", i.module(), i.name())).collect();
    assert_eq!(imports, [] as [String; 0]);
}

#[test]
fn the_module_exports_its_interface_and_nothing_else() {
    let mut exports: Vec<&str> = module().exports().map(|export| export.name()).collect();
    exports.sort();
    // The linker adds two globals that say where its data ends and its heap begins.
    exports.retain(|name| !matches!(*name, "__data_end" | "__heap_base"));
    let mut expected = ["init", "abi_version", "alloc", "free", "output_ptr", "output_len", "memory"].to_vec();
    expected.extend(CALLS);
    expected.sort();
    assert_eq!(exports, expected);
    assert_eq!(Wasm::new().read("abi_version"), ABI_VERSION);
}

fn loaded() -> Wasm {
    let mut wasm = Wasm::new();
    wasm.call("load_bundle", &made_up("bundle.lbb")).unwrap();
    wasm.call("push_shard", &made_up("shard.lbs")).unwrap();
    wasm
}

/// Bytes that each call takes.
fn good() -> [(&'static str, Vec<u8>); 4] {
    [
        ("load_bundle", made_up("bundle.lbb")),
        ("push_shard", made_up("shard.lbs")),
        ("rank", encode(&request(60, 20))),
        ("explain", encode(&ExplainRequest { request: request(60, 20), top: 3, parts: Vec::new() })),
    ]
}

#[test]
fn empty_truncated_and_oversized_bytes_are_refused_at_every_export() {
    let mut wasm = loaded();
    let before = wasm.call("rank", &encode(&request(60, 20))).unwrap();
    for call in CALLS {
        let refused = wasm.call(call, &[]).unwrap_err();
        assert!(!refused.message.is_empty());
    }
    for (call, bytes) in good() {
        let step = (bytes.len() / 40).max(1);
        for len in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let refused = wasm.call(call, &bytes[..len]).expect_err("a part is not the whole");
            assert_ne!(refused.status, Status::Internal, "{}", refused.message);
        }
        wasm.call(call, &[&bytes[..], &[0; 9]].concat()).expect_err("more than the whole is not it either");
        wasm.call(call, &vec![0xff; 4 << 20]).expect_err("nor is anything else");
    }
    assert_eq!(wasm.call("rank", &encode(&request(60, 20))).unwrap(), before, "nothing that was refused left a trace");
}

#[test]
fn flipped_bits_are_refused_or_are_another_request() {
    let mut wasm = loaded();
    for (call, bytes) in good() {
        let step = (bytes.len() / 150).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let result = wasm.call(call, &flipped);
            if matches!(call, "load_bundle" | "push_shard") {
                let refused = result.expect_err("the hash covers every byte");
                assert!(matches!(refused.status, Status::BadBundle | Status::BadShard), "{}", refused.message);
            }
        }
    }
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let mut wasm = loaded();
    // A request that claims 2^60 candidates and brings none.
    let mut bytes = encode(&request(0, 0));
    let head = bytes[..8].to_vec();
    bytes = [&head[..], &[0, 0, 0, 0], &[0xff; 8], &[0x0f]].concat();
    assert_eq!(wasm.call("rank", &bytes).unwrap_err().status, Status::BadMessage);
}

#[test]
fn pointers_that_alloc_did_not_give_are_refused() {
    let mut wasm = loaded();
    let pointer = wasm.alloc(&[1, 2, 3]);
    for call in CALLS {
        for (pointer, len) in
            [(0, 0), (0, u32::MAX), (pointer + 1, 1), (pointer, 4), (pointer, u32::MAX), (u32::MAX, 1)]
        {
            let refused = wasm.call_raw(call, pointer, len).unwrap_err();
            assert_eq!(refused.status, Status::BadPointer, "{call}({pointer}, {len})");
        }
    }
    assert_eq!(wasm.call_one("free", pointer), Status::Ok as u32);
    assert_eq!(wasm.call_one("free", pointer), Status::BadPointer as u32);
    assert_eq!(wasm.call_one("free", 12), Status::BadPointer as u32);
    assert_eq!(wasm.call_one("alloc", u32::MAX), 0, "more than a memory can hold");
    wasm.call("rank", &encode(&request(60, 20))).expect("still in order");
}
