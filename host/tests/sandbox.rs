//! Whatever a module does, a well-formed request gets an answer and the host goes on.

mod at_end;
mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use at_end::SetsAtEnd;
use common::{Behaviour, GROWS, WELL, builder, bundle, compile, host, request, response, row, shard, text};
use lookback::abi::{ABI_VERSION, Status};
use lookback::request::{ExplainRequest, Request, Weights};
use lookback::response::AnsweredBy;
use lookback::shard::{Delta, ShardError};
use lookback_host::{CompileCache, Degraded, Host, HostError, Module, ModuleError, RankError};

/// The reason for which popularity answered.
fn degraded(host: &Host) -> Degraded {
    let answer = host.rank(&request()).unwrap();
    assert_eq!(answer.response.answered_by, AnsweredBy::GlobalTrending);
    assert_eq!(answer.response.ranked.len(), 10);
    assert_eq!((answer.response.ranked[0].item, answer.response.ranked[0].p_click), (7, 0.5));
    assert_eq!(answer.response.shard_hash, shard().hash());
    answer.degraded.expect("the module did not answer")
}

#[test]
fn a_module_that_answers_is_believed() {
    let answer = host(WELL.rank).rank(&request()).unwrap();
    assert_eq!((answer.response, answer.degraded), (response(), None));
}

#[test]
fn an_import_is_refused_by_name() {
    let with_import = text(ABI_VERSION, &WELL).replacen("(module", r#"(module (import "env" "clock" (func))"#, 1);
    let error = compile(&with_import).unwrap_err();
    assert!(matches!(&error, ModuleError::Imports(name) if name == "env.clock"), "{error}");
}

#[test]
fn another_abi_version_is_refused_by_both_numbers() {
    let error = compile(&text(7, &WELL)).unwrap_err();
    assert!(matches!(error, ModuleError::AbiVersion { expected: ABI_VERSION, got: 7 }));
    let message = error.to_string();
    assert!(message.contains("version 7") && message.contains(&format!("version {ABI_VERSION}")), "{message}");
}

#[test]
fn a_missing_export_is_named() {
    let module = compile(&text(ABI_VERSION, &WELL).replace(r#""explain""#, r#""explian""#)).unwrap();
    let error = Host::builder(&module).bundle(bundle().encode()).shard(shard().into_bytes()).build().err().unwrap();
    assert!(matches!(error, HostError::Module(ModuleError::Export { name: "explain", .. })), "{error}");
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"not wasm at all"] {
        assert!(matches!(Module::compile(bytes, &CompileCache::Off), Err(ModuleError::Compile(_))));
    }
    let error = Module::load("there/is/none.wasm").unwrap_err().to_string();
    assert!(error.contains("none.wasm") && error.contains("cargo xtask wasm"), "{error}");
}

#[test]
fn a_trap_is_answered_from_popularity_and_loses_one_instance_only() {
    let host = host("unreachable");
    for _ in 0..3 {
        assert!(matches!(degraded(&host), Degraded::Trapped(_)));
    }
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    let endless = Behaviour { rank: "(loop $again (br $again)) (i32.const 0)", ..WELL };
    let limit = Duration::from_millis(300);
    let host = builder(&endless).deadline(limit).build().unwrap();
    assert_eq!(degraded(&host), Degraded::DeadlinePassed(limit));
    assert_eq!(degraded(&host), Degraded::DeadlinePassed(limit));
}

#[test]
fn an_endless_call_ends_at_its_own_deadline_whatever_calls_ended_in_time_before() {
    let long_is_endless =
        "(if (i32.gt_u (local.get 1) (i32.const 500)) (then (loop $again (br $again)))) (i32.const 0)";
    let limit = Duration::from_millis(200);
    let host = builder(&Behaviour { rank: long_is_endless, ..WELL }).deadline(limit).build().unwrap();
    let long = Request { candidates: (0..1000).collect(), ..request() };
    for pause in [0, 100, 300] {
        assert_eq!(host.rank(&request()).unwrap().degraded, None);
        std::thread::sleep(Duration::from_millis(pause));
        assert_eq!(host.rank(&long).unwrap().degraded, Some(Degraded::DeadlinePassed(limit)));
    }
}

#[test]
fn memory_beyond_the_limit_is_refused() {
    let grows = Behaviour { rank: GROWS, ..WELL };
    let limit = 8 << 20;
    let tight = builder(&grows).memory_limit(limit).build().unwrap();
    assert_eq!(degraded(&tight), Degraded::OutOfMemory { limit });
    let wide = builder(&grows).memory_limit(128 << 20).build().unwrap();
    assert_eq!(wide.rank(&request()).unwrap().degraded, None);
}

#[test]
fn a_module_that_does_not_fit_its_memory_does_not_start() {
    let error = builder(&WELL).memory_limit(1 << 16).build().err().unwrap();
    assert!(error.to_string().contains("memory limit of 65536 bytes"), "{error}");
}

#[test]
fn a_bad_request_is_an_error_with_the_modules_message() {
    let refusing = host("(call $fail) (i32.const 8)");
    assert_eq!(refusing.rank(&request()).unwrap_err(), RankError::BadRequest("no such thing".into()));
    let explain = ExplainRequest { request: request(), top: 1, parts: Vec::new() };
    assert!(matches!(refusing.explain(&explain), Err(RankError::BadRequest(_))));
}

#[test]
fn a_bad_request_is_an_error_where_popularity_answers_too() {
    let mut bad = request();
    bad.weights = Weights { click: 0.0, save: 0.0 };
    let error = host("unreachable").rank(&bad).unwrap_err();
    assert!(error.to_string().contains("weights"), "{error}");
}

#[test]
fn a_model_that_fails_is_answered_from_popularity_with_its_message() {
    assert_eq!(
        degraded(&host("(call $fail) (i32.const 9)")),
        Degraded::Failed { status: Status::Internal, message: "no such thing".into() }
    );
}

#[test]
fn an_answer_that_is_none_is_not_believed() {
    for rank in [
        // Text in place of a response.
        "(call $fail) (i32.const 0)",
        // Beyond the memory.
        "(global.set $out (i32.const -16)) (i32.const 0)",
        "(global.set $len (i32.const -1)) (i32.const 0)",
        // One byte short.
        "(global.set $len (i32.sub (global.get $len) (i32.const 1))) (i32.const 0)",
        // A status that nobody knows.
        "(i32.const 42)",
    ] {
        let reason = degraded(&host(rank));
        assert!(matches!(reason, Degraded::BadAnswer(_)), "{rank}: {reason}");
    }
}

#[test]
fn calls_from_many_threads_are_all_answered() {
    let host = builder(&WELL).instances(2).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(host.rank(&request()).unwrap().degraded, None);
                }
            });
        }
    });
}

#[test]
fn a_busy_host_says_so_at_the_deadline() {
    let endless = Behaviour { rank: "(loop $again (br $again)) (i32.const 0)", ..WELL };
    let host = builder(&endless).deadline(Duration::from_millis(200)).build().unwrap();
    let reasons: Vec<Degraded> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| degraded(&host))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    for reason in reasons {
        assert!(matches!(reason, Degraded::DeadlinePassed(_) | Degraded::Busy(_)), "{reason}");
    }
}

#[test]
fn a_delta_moves_every_instance_to_the_new_shard() {
    let host = builder(&Behaviour { rank: "unreachable", ..WELL }).instances(2).build().unwrap();
    let delta = Delta::build(&shard(), vec![row(9)], vec![3]).unwrap();
    host.apply_delta(delta.bytes()).unwrap();
    let after = shard().apply(&delta).unwrap().hash();
    assert_eq!(host.rank(&request()).unwrap().response.shard_hash, after);
    let error = host.apply_delta(delta.bytes()).unwrap_err();
    assert!(matches!(error, HostError::Shard(_)), "{error}");
    assert_eq!(host.rank(&request()).unwrap().response.shard_hash, after);
}

/// Takes the first shard, and refuses one of more rows than two.
const PICKY: Behaviour<'static> = Behaviour {
    rank: "unreachable",
    warm_up: "(i32.const 0)",
    push_shard: "(if (result i32) (i32.gt_u (i32.load offset=24 (local.get 0)) (i32.const 2)) \
                 (then (call $fail) (i32.const 4)) (else (i32.const 0)))",
};

#[test]
fn what_the_module_refuses_changes_nothing() {
    let host = builder(&PICKY).build().unwrap();
    let delta = Delta::build(&shard(), vec![row(9)], vec![]).unwrap();
    let larger = shard().apply(&delta).unwrap();
    let refusals = [
        host.apply_delta(delta.bytes()).unwrap_err(),
        host.push_shard(larger.clone().into_bytes()).unwrap_err(),
        host.push(bundle().encode(), larger.into_bytes()).unwrap_err(),
    ];
    for error in refusals {
        assert!(matches!(error, HostError::Refused { call: "push_shard", status: Status::BadShard, .. }), "{error}");
    }
    assert_eq!(host.rank(&request()).unwrap().response.shard_hash, shard().hash());
}

#[test]
fn bytes_that_are_no_bundle_or_shard_change_nothing() {
    let host = host("unreachable");
    let mut damaged = shard().into_bytes();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(host.push_shard(damaged), Err(HostError::Shard(ShardError::Hash { .. }))));
    assert!(matches!(host.push_bundle(b"LBBUNDLE".to_vec()), Err(HostError::Bundle(_))));
    assert!(matches!(host.apply_delta(b"LBDELTA"), Err(HostError::Shard(_))));
    degraded(&host);
}

#[test]
fn a_trap_while_a_version_loads_changes_nothing() {
    let traps = Behaviour {
        push_shard: "(if (i32.gt_u (i32.load offset=24 (local.get 0)) (i32.const 2)) (then unreachable)) (i32.const 0)",
        ..WELL
    };
    let host = builder(&traps).build().unwrap();
    let delta = Delta::build(&shard(), vec![row(9)], vec![]).unwrap();
    let error = host.apply_delta(delta.bytes()).unwrap_err();
    assert!(matches!(error, HostError::Failed { call: "push_shard", reason: Degraded::Trapped(_) }), "{error}");
    assert_eq!(host.rank(&request()).unwrap().degraded, None);
}

#[test]
fn a_version_that_answers_no_usual_request_changes_nothing() {
    let fails = Behaviour {
        push_shard: "(i32.store (i32.const 8192) (i32.load offset=24 (local.get 0))) (i32.const 0)",
        warm_up: "(if (i32.gt_u (i32.load (i32.const 8192)) (i32.const 2)) (then unreachable)) (i32.const 0)",
        ..WELL
    };
    let host = builder(&fails).instances(2).build().unwrap();
    let delta = Delta::build(&shard(), vec![row(9)], vec![]).unwrap();
    let error = host.apply_delta(delta.bytes()).unwrap_err();
    let reason = matches!(&error, HostError::WarmUp { candidates: 3, events: 1_000, reason: Degraded::Trapped(_) });
    assert!(reason, "{error}");
    assert_eq!(host.rank(&request()).unwrap().degraded, None);
}

/// A call that takes a while.
const SLOW: &str = "(i32.store (i32.const 8200) (i32.const 2000000))
    (loop $again
      (i32.store (i32.const 8200) (i32.sub (i32.load (i32.const 8200)) (i32.const 1)))
      (br_if $again (i32.load (i32.const 8200))))
    (i32.const 0)";

/// Does something while four threads call, none of whose calls is lost; it is given their number.
fn while_called<T>(host: &Host, act: impl FnOnce(&AtomicUsize) -> T) -> T {
    let (calls, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(host.rank(&request()).unwrap().degraded, None);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _acting = SetsAtEnd(&done);
        act(&calls)
    })
}

#[test]
fn every_instance_has_answered_a_usual_request_before() {
    // Traps unless it has. What is pushed while both instances are busy takes their place when they come back.
    let rank = format!("(if (i32.eqz (i32.load (i32.const 8192))) (then unreachable)) {SLOW}");
    let warm_up = "(i32.store (i32.const 8192) (i32.const 1)) (i32.const 0)";
    let host = builder(&Behaviour { rank: &rank, warm_up, ..WELL });
    let host = host.instances(2).deadline(Duration::from_secs(60)).build().unwrap();
    let pushed = while_called(&host, |calls| {
        let wait = |more| {
            let enough = calls.load(Ordering::Relaxed) + more;
            // A caller that panicked counts no more.
            let patience = Instant::now() + Duration::from_secs(10);
            while calls.load(Ordering::Relaxed) < enough && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        wait(20);
        let pushed = host.push_shard(shard().into_bytes());
        wait(20);
        pushed
    });
    pushed.unwrap();
}

#[test]
fn no_call_is_lost_while_versions_follow_each_other() {
    // Some calls outlast a version or two.
    let host = builder(&Behaviour { rank: SLOW, ..WELL }).instances(2).deadline(Duration::from_secs(60));
    let host = host.build().unwrap();
    let pushed: Result<Vec<Duration>, HostError> =
        while_called(&host, |_| (0..100).map(|_| host.push_shard(shard().into_bytes())).collect());
    pushed.unwrap();
}

#[test]
fn what_was_not_given_is_named() {
    let module = compile(&text(ABI_VERSION, &WELL)).unwrap();
    let error = Host::builder(&module).build().err().unwrap().to_string();
    assert!(error.contains("bundle"), "{error}");
    let error = Host::builder(&module).bundle(b"LBBUNDLE".to_vec()).shard(shard().into_bytes()).build();
    assert!(matches!(error.err().unwrap(), HostError::Bundle(_)));
    assert!(matches!(builder(&WELL).instances(0).build(), Err(HostError::Setting { .. })));
    assert!(matches!(builder(&WELL).deadline(Duration::ZERO).build(), Err(HostError::Setting { .. })));
}
