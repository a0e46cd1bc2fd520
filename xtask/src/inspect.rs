//! `cargo xtask inspect`: the inspector's page, built with people to look at, and served.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::counts::{self, Counts};
use crate::lock::Lock;
use crate::npm::{self, Project};
use crate::process::{Spinner, command, find, output, quietly, stream};
use crate::root::{root, shown, state};
use crate::setup::Method;
use crate::{cargo, data, debian, pack, simulated, wasm};

#[derive(Args)]
pub struct Options {
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Serve here
    #[arg(long, default_value_t = 4173)]
    port: u16,
    /// Build the page and its people to target/lookback/inspector, and serve nothing
    #[arg(long)]
    build_only: bool,
    /// Leave out the people: a page without them may be put anywhere
    #[arg(long)]
    without_people: bool,
}

/// People that come with the page, and what they come from.
struct Source {
    folder: &'static str,
    name: &'static str,
    about: &'static str,
    simulated: bool,
    /// One person with the longest history, and one near each of these lengths.
    lengths: &'static [usize],
}

const SOURCES: [Source; 2] = [
    Source {
        folder: "ml-100k",
        name: "MovieLens 100K",
        about: "Real people and the films that they rated, collected by GroupLens for research. Ratings are read as clicks and saves.",
        simulated: false,
        lengths: &[300, 100, 30],
    },
    Source {
        folder: "simulated",
        name: "Simulated platform",
        about: "Nobody here exists: “lookback simulate” makes up a platform with impressions, skips and histories of tens of thousands of events.",
        simulated: true,
        lengths: &[5_000, 1_000, 200],
    },
];

const CANDIDATES: usize = 500;
/// Of a person's events, at least this share must lie before the moment that is ranked at.
const PAST: f64 = 0.5;

/// What the page reads: `www/src/load/people.ts`.
#[derive(Serialize)]
struct Index {
    sets: Vec<Set>,
}

#[derive(Serialize)]
struct Set {
    name: &'static str,
    about: &'static str,
    simulated: bool,
    bundle: String,
    shard: String,
    titles: String,
    people: Vec<Person>,
}

#[derive(Serialize)]
struct Person {
    id: String,
    key: String,
    events: usize,
    candidates: usize,
    attributes: String,
    capture: String,
}

/// A row of `lookback users --json`.
#[derive(Deserialize)]
struct User {
    user: String,
    events: usize,
    attributes: String,
}

/// Of `lookback rank --json`.
#[derive(Deserialize)]
struct Ranking {
    events: usize,
    candidates: usize,
}

pub fn run(options: &Options) -> Result<()> {
    let people = !options.without_people;
    let page = build(if people { Some(cargo::lookback(false)?) } else { None }.as_deref())?;
    println!("{} is ready to be served", shown(&page));
    if options.build_only {
        println!("docs/inspector.md says how to put it on a web server, and which headers that needs");
        return Ok(());
    }
    println!("http://127.0.0.1:{} shows it; Ctrl+C ends it", options.port);
    let project = Project::install(&folder())?;
    let mut serve = project.command("vite");
    serve.args(["preview", "--host", "127.0.0.1", "--strictPort", "--port", &options.port.to_string()]);
    if !options.no_open {
        serve.arg("--open");
    }
    stream(&mut serve)
}

/// The page's sources.
pub fn folder() -> PathBuf {
    root().join("www")
}

/// Builds the package and the page, with people where there is a `lookback` to ask for them; returns the page's folder.
pub fn build(lookback: Option<&Path>) -> Result<PathBuf> {
    pack::make(Method::Auto)?;
    let project = Project::install(&folder())?;
    let page = state().join("inspector");
    quietly(project.command("vite").arg("build"), "the page")?;
    if let Some(lookback) = lookback {
        let people = make_people(lookback)?;
        copy(&people, &page.join("data"))?;
    }
    Ok(page)
}

/// What Debian, and others, call a browser that Playwright drives.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Checks types, and runs the tests of what needs no page, of the page in Chromium, and of the charts in it.
pub fn test(lookback: &Path, filter: Option<&str>) -> Result<Counts> {
    if BROWSERS.into_iter().all(|browser| find(browser).is_none()) {
        debian::programs(&[(BROWSERS[0], BROWSERS[0])]).context("the inspector's tests need Chromium")?;
    }
    let browser = BROWSERS.into_iter().find_map(find).context("Chromium was installed, yet is not on the PATH")?;
    build(Some(lookback))?;
    let project = Project::install(&folder())?;
    let mut counts = Counts::default();
    if filter.is_none() {
        quietly(project.command("npm").args(["run", "check"]), "types of the page")?;
        counts += Counts { passed: 1, failed: 0 };
    }
    let run = |script: &str, each: fn(&str) -> Option<Counts>, name: &str| {
        let mut test = project.command("npm");
        test.args(["run", script]).env("CHROMIUM", &browser);
        if let Some(filter) = filter {
            test.args(["--", name, filter]);
        }
        npm::count(&mut test, each, filter)
    };
    counts += run("unit", counts::vitest, "--testNamePattern")?;
    for script in ["browser", "times", "charts"] {
        counts += run(script, counts::playwright, "--grep")?;
    }
    Ok(counts)
}

/// Captures of people of each data set, with titles and models, in target/lookback/people.
fn make_people(lookback: &Path) -> Result<PathBuf> {
    let module = wasm::make(Method::Auto, None)?;
    data::ensure(lookback)?;
    simulated::ensure(lookback)?;
    let _lock = Lock::take(&state(), "people")?;
    let place = state().join("people");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", shown(&place)))?;
    }
    let spinner = Spinner::start("people to look at");
    let sets = SOURCES.iter().map(|source| set(source, lookback, &module, &place)).collect::<Result<_>>()?;
    fs::write(place.join("people.json"), serde_json::to_string_pretty(&Index { sets })?)?;
    spinner.done();
    Ok(place)
}

fn set(source: &Source, lookback: &Path, module: &Path, place: &Path) -> Result<Set> {
    let data = root().join("data").join(source.folder);
    let model = root().join("models").join(source.folder);
    let folder = place.join(source.folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", shown(&folder)))?;
    for file in ["bundle.lbb", "shard.lbs"] {
        fs::copy(model.join(file), folder.join(file))
            .with_context(|| format!("cannot copy {file} of {}", shown(&model)))?;
    }
    let titles = output(command(lookback).args(["titles", "--data"]).arg(&data))?;
    fs::write(folder.join("titles.json"), titles)?;

    let users = output(command(lookback).args(["users", "--json", "--most", "1000000", "--data"]).arg(&data))?;
    let users: Vec<User> = serde_json::from_str(&users).context("`lookback users --json` printed something else")?;
    let mut people: Vec<Person> = Vec::new();
    let longest = users.first().map(|user| user.events);
    for length in longest.into_iter().chain(source.lengths.iter().copied()) {
        let mut near: Vec<&User> =
            users.iter().filter(|user| people.iter().all(|person| person.key != user.user)).collect();
        near.sort_by_key(|user| user.events.abs_diff(length));
        people.push(person(source, &near, |user, capture| {
            let mut rank = command(lookback);
            rank.args(["rank", "--json", "--candidates", &CANDIDATES.to_string(), "--user", user, "--data"]);
            rank.arg(&data).arg("--model").arg(&model).arg("--module").arg(module);
            let answer = output(rank.arg("--capture").arg(folder.join(capture)))?;
            serde_json::from_str(&answer).context("`lookback rank --json` printed something else")
        })?);
    }
    let within = |file: &str| format!("{}/{file}", source.folder);
    Ok(Set {
        name: source.name,
        about: source.about,
        simulated: source.simulated,
        bundle: within("bundle.lbb"),
        shard: within("shard.lbs"),
        titles: within("titles.json"),
        people,
    })
}

/// The first of `near` most of whose events lie before the moment that is ranked at.
fn person(source: &Source, near: &[&User], rank: impl Fn(&str, &str) -> Result<Ranking>) -> Result<Person> {
    for user in near {
        let capture = format!("{}.lbc", user.user);
        let ranking = rank(&user.user, &capture)?;
        if ranking.events as f64 >= PAST * user.events as f64 {
            return Ok(Person {
                id: format!("{}/{}", source.folder, user.user),
                key: user.user.clone(),
                events: ranking.events,
                candidates: ranking.candidates,
                attributes: user.attributes.clone(),
                capture: format!("{}/{capture}", source.folder),
            });
        }
    }
    bail!("nobody in data/{} has most of their events before the moment that is ranked at", source.folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", shown(to)))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", shown(from)))? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), &place).with_context(|| format!("cannot copy {}", shown(&entry.path())))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(key: &str, events: usize) -> User {
        User { user: key.to_owned(), events, attributes: String::new() }
    }

    #[test]
    fn a_person_has_a_past_before_the_moment() {
        let (new, old) = (user("new", 10), user("old", 12));
        let rank = |user: &str, _: &str| Ok(Ranking { events: if user == "new" { 0 } else { 11 }, candidates: 500 });
        let found = person(&SOURCES[0], &[&new, &old], rank).unwrap();
        assert_eq!((found.id.as_str(), found.events, found.capture.as_str()), ("ml-100k/old", 11, "ml-100k/old.lbc"));
        let error = person(&SOURCES[0], &[&new], rank).err().unwrap();
        assert!(error.to_string().contains("data/ml-100k"), "{error}");
    }

    #[test]
    fn folders_are_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a")).unwrap();
        fs::write(from.join("a/b"), "c").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("a/b")).unwrap(), b"c");
    }
}
