//! Importing: every form gives the same log, nothing is lost, and bad rows are told with their place and reason.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lookback::event::Action;
use lookback_pipeline::dataset::Dataset;
use lookback_pipeline::import::{
    GenericImport, ImportError, ImportReport, MAX_BAD, MovieLensImport, TimeUnit, import_events, import_movielens,
};
use proptest::prelude::*;
use tempfile::TempDir;

fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn generic(events: PathBuf, output: &Path) -> GenericImport {
    GenericImport {
        events,
        items: None,
        users: None,
        output: output.to_path_buf(),
        format: None,
        time_unit: TimeUnit::Seconds,
        map_action: HashMap::new(),
        max_bad: MAX_BAD,
    }
}

fn run(import: &GenericImport) -> Result<ImportReport, ImportError> {
    import_events(import, &mut |_| {})
}

fn movielens(files: &[(&str, &[u8])]) -> Result<(ImportReport, Dataset), ImportError> {
    let (input, output) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for (name, bytes) in files {
        write(input.path(), name, bytes);
    }
    let import =
        MovieLensImport { input: input.path().to_path_buf(), output: output.path().to_path_buf(), max_bad: MAX_BAD };
    let report = import_movielens(&import, &mut |_| {})?;
    Ok((report, Dataset::open(output.path()).unwrap()))
}

fn rejects(directory: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(directory.join("rejects.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const CSV: &str = "user,item,action,time,surface,position,request\n\
    ann,lamp,save,1700000100,home,3,r1\n\
    ann,vase,click,1700000000,,,\n\
    7,lamp,skip,2023-11-14T22:13:20Z,home,0,r2\n";

#[test]
fn csv_json_lines_and_parquet_give_the_same_log() {
    let directory = TempDir::new().unwrap();
    let jsonl = r#"{"user":"ann","item":"lamp","action":"save","time":1700000100,"surface":"home","position":3,"request":"r1"}
{"user":"ann","item":"vase","action":"click","time":1700000000}

{"user":7,"item":"lamp","action":"skip","time":"2023-11-14T22:13:20Z","surface":"home","position":0,"request":"r2"}
"#;
    let outputs = [directory.path().join("a"), directory.path().join("b"), directory.path().join("c")];
    let csv = write(directory.path(), "events.csv", format!("\u{feff}{}", CSV.replace('\n', "\r\n")));
    let report = run(&generic(csv, &outputs[0])).unwrap();
    assert_eq!((report.rows, report.events, report.rejected, report.out_of_order), (3, 3, 0, 1));
    run(&generic(write(directory.path(), "events.jsonl", jsonl), &outputs[1])).unwrap();
    // What an import wrote is in the schema itself, so that it can be imported again.
    let again =
        GenericImport { time_unit: TimeUnit::Milliseconds, ..generic(outputs[0].join("events.parquet"), &outputs[2]) };
    run(&again).unwrap();

    let [a, b, c] = outputs.map(|output| Dataset::open(&output).unwrap());
    assert_eq!(a.log.time, [1_700_000_000_000, 1_700_000_000_000, 1_700_000_100_000]);
    for other in [&b, &c] {
        assert_eq!((&a.log.user, &a.log.item, &a.log.action), (&other.log.user, &other.log.item, &other.log.action));
        assert_eq!((&a.log.time, &a.log.position), (&other.log.time, &other.log.position));
        for row in 0..3 {
            assert_eq!(
                (a.log.surface.get(row), a.log.request.get(row)),
                (other.log.surface.get(row), other.log.request.get(row))
            );
        }
    }
    assert_eq!(a.log.user[0], 7, "a decimal key is its own id");
    assert_eq!(a.users.iter().map(|user| user.key.as_str()).collect::<Vec<_>>(), ["7", "ann"]);
}

#[test]
fn items_and_users_come_along() {
    let directory = TempDir::new().unwrap();
    let items = "item,title,categories,created,embedding\nlamp,A lamp,home|light,2020-01-01T00:00:00Z,\"[1, 2.5]\"\nvase,\"A \"\"vase\"\"\nin two lines\",home,,\"[0, -1]\"\n";
    let users = "user,country,plan\nann,IS,\n7,FO,paid\n";
    let output = directory.path().join("out");
    let import = GenericImport {
        items: Some(write(directory.path(), "items.csv", items)),
        users: Some(write(directory.path(), "users.csv", users)),
        ..generic(write(directory.path(), "events.csv", CSV), &output)
    };
    let report = run(&import).unwrap();
    assert_eq!((report.rows, report.items, report.items_without_row), (7, 2, 0));
    let data = Dataset::open(&output).unwrap();
    let lamp = data.items.iter().find(|item| item.key == "lamp").unwrap();
    assert_eq!(lamp.category.as_deref(), Some("light"), "the category that fewest items carry");
    assert_eq!((lamp.created, lamp.embedding.as_deref()), (Some(1_577_836_800_000), Some(&[1.0, 2.5][..])));
    let vase = data.items.iter().find(|item| item.key == "vase").unwrap();
    assert_eq!(vase.title.as_deref(), Some("A \"vase\"\nin two lines"));
    let seven = data.user(7).unwrap();
    assert_eq!(
        seven.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(),
        [("country", "FO"), ("plan", "paid")]
    );
}

#[test]
fn bad_rows_are_told_with_file_line_and_reason_and_the_rest_is_imported() {
    let directory = TempDir::new().unwrap();
    let bad = [
        ("u,i,like,1", "--map-action like=ACTION"),
        ("u,,save,1", "item"),
        ("u,i,save,soon", "RFC 3339"),
        ("u,i,save,99999999999999999999", "64 bits"),
        ("u,i,save,999999999999999", "--time-unit"),
        ("u,i,save", "3 cells"),
    ];
    let mut csv = String::from("user,item,action,time\n");
    for (row, _) in bad {
        csv += &format!("{row}\n");
    }
    let mut bytes = csv.into_bytes();
    bytes.extend_from_slice(b"\xff,i,save,1\nu,i,save,-5\n");
    let output = directory.path().join("out");
    let import = generic(write(directory.path(), "events.csv", bytes), &output);

    let error = run(&import).unwrap_err();
    assert!(matches!(error, ImportError::TooManyBadRows { bad: 7, rows: 8, .. }), "{error}");
    assert!(error.to_string().contains("--max-bad 0.88") && error.to_string().contains("events.csv line 2"), "{error}");
    assert!(!output.join("events.parquet").exists(), "nothing half imported stays behind");

    let report = run(&GenericImport { max_bad: 0.9, ..import }).unwrap();
    assert_eq!((report.rows, report.rejected, report.events), (8, 7, 1));
    let rejects = rejects(&output);
    assert_eq!(rejects.len(), 7);
    for ((reject, (row, reason)), line) in rejects.iter().zip(bad).zip(2..) {
        assert_eq!((reject["file"].as_str(), reject["line"].as_u64()), (Some("events.csv"), Some(line)));
        assert_eq!(reject["row"].as_str(), Some(row));
        assert!(reject["reason"].as_str().unwrap().contains(reason), "{reject}");
    }
    assert!(rejects[6]["reason"].as_str().unwrap().contains("UTF-8"));
    assert_eq!(Dataset::open(&output).unwrap().log.time, [-5000], "a time before 1970 is a time");
}

#[test]
fn foreign_actions_are_mapped_and_duplicates_are_counted() {
    let directory = TempDir::new().unwrap();
    let rows = "user,item,action,time,colour\nu,i,like,1,red\nu,i,save,1,blue\nu,i,save,2,red\nu,j,save,1,red\n";
    let output = directory.path().join("out");
    let import = GenericImport {
        map_action: HashMap::from([("like".into(), Action::Save)]),
        ..generic(write(directory.path(), "e.csv", rows), &output)
    };
    let report = run(&import).unwrap();
    assert_eq!((report.events, report.duplicates, report.out_of_order), (3, 1, 1));
    assert_eq!(report.unused_columns, ["events.colour"]);
}

#[test]
fn files_that_cannot_be_imported_are_told_apart() {
    let directory = TempDir::new().unwrap();
    let import = |name: &str, bytes: &[u8]| {
        let output = directory.path().join("out");
        run(&generic(write(directory.path(), name, bytes), &output)).unwrap_err().to_string()
    };
    assert!(import("a.csv", b"").contains("no column \"user\""));
    assert!(import("a.csv", b"user,item,time\nu,i,1\n").contains("no column \"action\"; it has user, item, time"));
    assert!(import("a.csv", b"user,item,action,time\n").contains("no event at all"));
    assert!(import("a.jsonl", b"").contains("no event at all"));
    assert!(import("a.jsonl", b"[1]\n").contains("expected a JSON object, got a list"));
    assert!(import("a.parquet", b"PAR1").contains("not readable as Parquet"));
    assert!(import("a.txt", b"x").contains("--format"));
    let missing = run(&generic(directory.path().join("none.csv"), directory.path())).unwrap_err();
    assert!(matches!(missing, ImportError::Io { .. }) && missing.to_string().contains("none.csv"));
}

#[test]
fn two_keys_on_one_id_stop_the_import() {
    let hashed = lookback_pipeline::id::id_of("lamp");
    let directory = TempDir::new().unwrap();
    let rows = format!("user,item,action,time\nu,lamp,save,1\nu,{hashed},save,2\n");
    let error = run(&generic(write(directory.path(), "e.csv", rows), &directory.path().join("out"))).unwrap_err();
    assert!(matches!(error, ImportError::Collision(_)) && error.to_string().contains("\"lamp\""), "{error}");
    assert_ne!(lookback_pipeline::id::id_of("007"), 7, "only a canonical decimal is its own id");
}

#[test]
fn every_published_form_of_movielens_is_read() {
    let flags =
        |set: &[usize]| (0..19).map(|at| if set.contains(&at) { "1" } else { "0" }).collect::<Vec<_>>().join("|");
    let item = format!(
        "5|Caf\u{e9} Noir (1950)|01-Jan-1950||http://x|{}\n6|Other (1960)|||x|{}\n",
        flags(&[1, 10]),
        flags(&[1])
    );
    let latin1: Vec<u8> = item.chars().map(|c| c as u8).collect();
    let forms: [Vec<(&str, &[u8])>; 4] = [
        vec![
            ("ratings.csv", b"userId,movieId,rating,timestamp\n1,5,4.0,100\n1,6,3.5,50\n2,5,2.5,70\n"),
            ("movies.csv", "movieId,title,genres\n5,\"Café Noir (1950)\",Action|Film-Noir\n6,Other (1960),Action\n".as_bytes()),
        ],
        vec![
            ("ratings.dat", b"1::5::4::100\n1::6::3::50\n2::5::2::70\n"),
            ("movies.dat", b"5::Caf\xe9 Noir (1950)::Action|Film-Noir\n6::Other (1960)::Action\n"),
            ("users.dat", b"1::F::25::12::12345\n2::M::56::0::12345\n"),
        ],
        vec![
            ("u.data", b"1\t5\t4\t100\n1\t6\t3\t50\n2\t5\t2\t70\n"),
            ("u.item", &latin1),
            ("u.user", b"1|30|F|programmer|12345\n2|60|M|other|12345\n"),
        ],
        vec![
            ("ml-100k.inter", b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t5\t4\t100\n1\t6\t3\t50\n2\t5\t2\t70\n"),
            ("ml-100k.item", "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n5\tCafé Noir\t1950\tAction Film-Noir\n6\tOther\t1960\tAction\n".as_bytes()),
            ("ml-100k.user", b"user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t30\tF\tprogrammer\t12345\n2\t60\tM\tother\t12345\n"),
        ],
    ];
    for (form, files) in forms.iter().enumerate() {
        let (report, data) = movielens(files).unwrap();
        assert_eq!((report.events, report.rejected), (3, 0), "{}", report.format);
        assert!(report.licence.unwrap().contains("not to be redistributed"));
        assert_eq!(data.log.user, [1, 1, 2]);
        assert_eq!(data.log.action, [Action::Click, Action::Save, Action::Skip]);
        assert_eq!(data.log.time, [50_000, 100_000, 70_000]);
        let five = data.item(5).unwrap();
        assert_eq!(five.title.as_deref(), Some("Café Noir (1950)"));
        assert_eq!((five.category.as_deref(), five.created), (Some("Film-Noir"), Some(-631_152_000_000)));
        if form > 0 {
            let attributes = &data.user(1).unwrap().attributes;
            assert_eq!((attributes["age"].as_str(), attributes["gender"].as_str()), ("25-34", "F"));
            assert_eq!(attributes["occupation"], "programmer");
            assert!(!attributes.values().any(|value| value == "12345"), "the zip code is left out");
        }
    }
    let error = movielens(&[("u.item", b"")]).unwrap_err();
    assert!(error.to_string().contains("expected ratings.csv"), "{error}");
    let error = movielens(&[("u.data", b"1\t5\t6\t100\n")]).unwrap_err();
    assert!(error.to_string().contains("expected 0.5 to 5"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_an_event_a_duplicate_or_a_reject(
        rows in proptest::collection::vec(("[a-c]?", "[x-z]?", "(save|skip|like)", "([0-3]|soon)"), 1..60),
        json in any::<bool>(),
    ) {
        let directory = TempDir::new().unwrap();
        let mut text = String::new();
        if !json {
            text += "user,item,action,time\n";
        }
        for (user, item, action, time) in &rows {
            text += &match json {
                true => serde_json::json!({"user": user, "item": item, "action": action, "time": time}).to_string(),
                false => format!("{user},{item},{action},{time}"),
            };
            text += "\n";
        }
        let path = write(directory.path(), if json { "e.jsonl" } else { "e.csv" }, text);
        let output = directory.path().join("out");
        match run(&GenericImport { max_bad: 1.0, ..generic(path, &output) }) {
            Ok(report) => {
                prop_assert_eq!(report.rows, rows.len() as u64);
                prop_assert_eq!(report.rows, report.events + report.duplicates + report.rejected);
                prop_assert_eq!(rejects(&output).len() as u64, report.rejected);
                let log = Dataset::open(&output).unwrap().log;
                prop_assert_eq!(log.len() as u64, report.events);
                for row in 1..log.len() {
                    prop_assert!((log.user[row - 1], log.time[row - 1]) <= (log.user[row], log.time[row]));
                }
            }
            Err(error) => prop_assert!(matches!(error, ImportError::NoEvents { .. }), "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_imported_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), form in 0usize..7) {
        let directory = TempDir::new().unwrap();
        let header = ["user,item,action,time\n", "", "", "", "", "", ""][form];
        let name = ["e.csv", "e.jsonl", "e.parquet", "u.data", "ratings.dat", "ml-100k.inter", "ratings.csv"][form];
        let path = write(directory.path(), name, [header.as_bytes(), &bytes].concat());
        let output = directory.path().join("out");
        if form < 3 {
            let _ = run(&GenericImport { max_bad: 1.0, ..generic(path, &output) });
        } else {
            let import = MovieLensImport { input: directory.path().to_path_buf(), output, max_bad: 1.0 };
            let _ = import_movielens(&import, &mut |_| {});
        }
    }
}
