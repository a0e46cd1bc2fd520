//! The command line, from a log of events to a ranking, as a person or a program uses it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lookback::capture::Capture;
use lookback::wire::decode;
use serde_json::Value;

const DAY: i64 = 86_400_000;
const START: i64 = 1_600_000_000_000;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn model() -> String {
    repository().join("tests/models/made-up").display().to_string()
}

fn run(arguments: &[&str]) -> Output {
    let module = repository().join("target/lookback/lookback.wasm");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
    if std::env::var_os("LOOKBACK_MODULE").is_none() {
        command.env("LOOKBACK_MODULE", module);
    }
    command.args(arguments).output().expect("the program starts")
}

fn ok(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&ok(arguments)).expect("nothing but one document")
}

fn error(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "an error leaves standard output alone");
    String::from_utf8(output.stderr).expect("output is UTF-8")
}

/// Forty people on the made-up model's items, imported and split.
struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    fn new() -> Data {
        let folder = tempfile::tempdir().unwrap();
        let actions = ["save", "click", "skip", "closeup"];
        let mut events = String::from("user,item,action,time\n");
        for user in 0..40i64 {
            for event in 0..60 {
                let (item, time) = ((user * 7 + event * 11) % 300 * 3 + 3, START + event * DAY + user);
                writeln!(events, "u{user},{item},{},{time}", actions[(user + event) as usize % 4]).unwrap();
            }
        }
        let items: String = (1..=300).map(|n| format!("{},Item number {n}\n", n * 3)).collect();
        let users: String = (0..40).map(|n| format!("u{n},25-34,F\n")).collect();
        for (name, text) in [
            ("events.csv", events),
            ("items.csv", format!("item,title\n{items}")),
            ("users.csv", format!("user,age,gender\n{users}")),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let data = Data { folder };
        let path = |name: &str| data.folder.path().join(name).display().to_string();
        let (events, items, users) = (path("events.csv"), path("items.csv"), path("users.csv"));
        let out = data.path();
        let summary = ok(&[
            "import",
            "events",
            "--input",
            &events,
            "--items",
            &items,
            "--users",
            &users,
            "--time-unit",
            "ms",
            "--output",
            &out,
        ]);
        assert!(summary.contains("2400") || summary.contains("2,400"), "{summary}");
        ok(&["examples", "--data", &out]);
        data
    }

    fn path(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }
}

#[test]
fn a_ranking_is_a_table_for_people_and_a_document_for_programs() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    let common = ["--data", &folder, "--model", &model, "--user", "u3", "--top", "4", "--candidates", "80"];
    for runtime in [&[][..], &["--native"]] {
        let table = ok(&[&["rank"], &common[..], runtime].concat());
        for expected in
            ["user u3", "80 candidates", "p_click", "Item number", "answered by the model (soft search)", "%"]
        {
            assert!(table.contains(expected), "no {expected:?} in\n{table}");
        }
        let document = json(&[&["rank", "--json", "--explain", "2", "--gsu", "hard"], &common[..], runtime].concat());
        assert_eq!(
            (&document["user"], &document["gsu"], &document["answered_by"]),
            (&"u3".into(), &"hard".into(), &"model".into())
        );
        assert_eq!(document["degraded"], Value::Null);
        let ranked = document["ranked"].as_array().unwrap();
        assert_eq!(ranked.len(), 4);
        assert!(ranked[0]["score"].as_f64() >= ranked[1]["score"].as_f64());
        assert!(ranked[1]["attention"]["long"].is_array() && ranked[2]["attention"].is_null());
        // The past is strictly before the moment.
        let recent = ranked[0]["attention"]["recent"].as_array().unwrap();
        assert!(!recent.is_empty() && recent.iter().all(|event| event["age"].as_i64().unwrap() > 0));
    }
}

#[test]
fn a_capture_holds_what_was_asked_and_what_was_answered() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    let file = data.folder.path().join("u3.lbc");
    let capture = file.display().to_string();
    let common = ["rank", "--json", "--data", &folder, "--model", &model, "--user", "u3", "--capture", &capture];
    let document = json(&[&common[..], &["--top", "500"]].concat());
    let captured: Capture = decode(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(captured.request.now, document["now"].as_i64().unwrap());
    let ranked = document["ranked"].as_array().unwrap();
    assert_eq!(captured.response.ranked.len(), ranked.len());
    for (captured, shown) in captured.response.ranked.iter().zip(ranked) {
        assert_eq!(Some(captured.item), shown["item"].as_u64());
        assert_eq!(Some(captured.score), shown["score"].as_f64().map(|score| score as f32));
    }

    std::fs::remove_file(&file).unwrap();
    let message = error(&[&common[..], &["--native"]].concat());
    assert!(message.contains("leave --native out"), "{message}");
    assert!(!file.exists());
}

#[test]
fn titles_are_printed_by_item_id() {
    let data = Data::new();
    let titles = json(&["titles", "--data", &data.path()]);
    assert_eq!(titles["30"], "Item number 10");
    assert_eq!(titles.as_object().unwrap().len(), 300);
}

#[test]
fn what_the_person_met_then_is_among_the_candidates() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    let document = json(&[
        "rank",
        "--native",
        "--json",
        "--data",
        &folder,
        "--model",
        &model,
        "--user",
        "u5",
        "--top",
        "500",
        "--candidates",
        "500",
    ]);
    let then: Vec<&str> =
        document["ranked"].as_array().unwrap().iter().filter_map(|row| row["then"].as_str()).collect();
    assert!((1..=50).contains(&then.len()), "{then:?}");
    assert!(then.contains(&"skip") || then.contains(&"save"), "{then:?}");
}

#[test]
fn a_request_file_needs_no_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("request.json");
    let text = r#"{"now": "2023-11-14T22:13:20Z", "history": [{"item": "30", "action": "save", "time": 1699000000000}],
                   "candidates": [3, "6", "nobody knows it"]}"#;
    std::fs::write(&request, text).unwrap();
    let (request, model) = (request.display().to_string(), model());
    let document =
        json(&["rank", "--native", "--json", "--request", &request, "--model", &model, "--data", "there/is/none"]);
    assert_eq!((&document["candidates"], &document["events"]), (&3.into(), &1.into()));
    assert_eq!(document["notes"]["unknown_candidates"], 1);

    std::fs::write(folder.path().join("request.json"), r#"{"candidates": []}"#).unwrap();
    let message = error(&["rank", "--native", "--request", &request, "--model", &model]);
    assert!(message.contains("now") && message.contains("lookback rank --help"), "{message}");
}

#[test]
fn every_list_is_scored_alike_in_the_module_and_natively() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    let common = ["evaluate", "--json", "--gsu", "all", "--limit", "8", "--data", &folder, "--model", &model];
    let (module, native) = (json(&common), json(&[&common[..], &["--native"]].concat()));
    assert_eq!(
        (&module["lists"], &module["runtime"], &native["runtime"]),
        (&8.into(), &"module".into(), &"native".into())
    );
    let names: Vec<&str> =
        module["results"].as_array().unwrap().iter().map(|result| result["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lookback, consistent search", "lookback, soft search", "lookback, hard search", "popularity"]);
    for task in ["click", "save"] {
        for metric in ["auc", "gauc", "ndcg_at_10", "recall_at_10", "recall_at_50", "log_loss", "ece"] {
            let of = |document: &Value| document["results"][0][task][metric].as_f64().unwrap();
            assert!((of(&module) - of(&native)).abs() < 1e-3, "{task} {metric}");
        }
    }
}

#[test]
fn scores_are_written_for_every_candidate() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    let scores = data.folder.path().join("scores.parquet");
    let path = scores.display().to_string();
    ok(&["evaluate", "--native", "--limit", "3", "--scores", &path, "--data", &folder, "--model", &model]);
    assert!(std::fs::read(&scores).unwrap().starts_with(b"PAR1"));
}

#[test]
fn people_are_listed_by_the_length_of_their_history() {
    let data = Data::new();
    let users = json(&["users", "--json", "--most", "3", "--data", &data.path()]);
    let users = users.as_array().unwrap();
    assert_eq!((users.len(), &users[0]["events"]), (3, &60.into()));
    assert!(users[0]["attributes"].as_str().unwrap().contains("gender F"));
}

#[test]
fn a_model_says_what_it_is() {
    let model = model();
    let text = ok(&["inspect", &model]);
    for expected in ["kind: bundle", "kind: shard", "embedding_version", "hash", "manifest"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    let documents = json(&["inspect", "--json", &model]);
    assert_eq!(documents[1]["file"]["items"], 300);
}

#[test]
fn a_latency_is_measured() {
    let data = Data::new();
    let latency = json(&[
        "latency",
        "--native",
        "--json",
        "--rounds",
        "3",
        "--candidates",
        "20",
        "--data",
        &data.path(),
        "--model",
        &model(),
    ]);
    assert_eq!((&latency["candidates"], &latency["events"]), (&20.into(), &60.into()));
}

#[test]
fn errors_say_what_to_do() {
    let data = Data::new();
    let (folder, model) = (data.path(), model());
    for (arguments, expected) in [
        (&["rank", "--native", "--data", &folder, "--model", &model, "--user", "nobody"][..], "lookback users --data"),
        (&["rank", "--data", &folder, "--model", &model, "--module", "no.wasm", "--user", "u1"], "cargo xtask wasm"),
        (&["rank", "--data", &folder, "--model", "no/model", "--user", "u1"], "cargo xtask train"),
        (&["rank", "--native", "--data", "no/data", "--model", &model, "--user", "u1"], "lookback import --help"),
        (&["rank", "--user", "u1", "--weights", "hide=3"], "click=NUMBER"),
        (&["rank", "--user", "u1", "--now", "yesterday"], "RFC 3339"),
        (&["inspect", "Cargo.toml"], "LBBUNDLE"),
        (&["import", "events", "--input", "a.csv", "--output", "b", "--map-action", "zoom=look"], "closeup"),
    ] {
        let message = error(arguments);
        assert!(message.contains(expected), "{arguments:?}: no {expected:?} in {message}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let data = Data::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lookback"))
        .args(["users", "--most", "40", "--data", &data.path()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    for command in ["examples", "prepare", "inspect", "users", "titles", "rank", "evaluate", "latency", "demo"] {
        let help = ok(&[command, "--help"]);
        assert!(help.contains(&format!("lookback {command}")), "{help}");
    }
    for source in ["events", "movielens"] {
        assert!(ok(&["import", source, "--help"]).contains(&format!("lookback import {source} --input")));
    }
}
