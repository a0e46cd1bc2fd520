//! Imports MovieLens in each form that GroupLens, or RecBole after it, has published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookback::event::Action;

use super::cells::{self, Kind};
use super::error::ImportError;
use super::report::ImportReport;
use super::sink::{KeyedEvent, Sink};
use super::{Format, OnProgress, each_mebibyte};
use crate::tables::Item;

const LICENCE: &str = "MovieLens data belongs to GroupLens, University of Minnesota: for research, not to be redistributed \
     without permission. Cite Harper and Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015, doi 10.1145/2827872.";

/// What to import.
#[derive(Clone, Debug)]
pub struct MovieLensImport {
    /// The folder with the files.
    pub input: PathBuf,
    /// Where to.
    pub output: PathBuf,
    /// Share of bad rows above which the import stops.
    pub max_bad: f64,
}

/// A rating of 4 and up saves, 3 and 3.5 clicks, below skips; `None` outside 0.5 to 5.
pub fn action_of_rating(rating: f64) -> Option<Action> {
    match rating {
        rating if !(0.5..=5.0).contains(&rating) => None,
        rating if rating >= 4.0 => Some(Action::Save),
        rating if rating >= 3.0 => Some(Action::Click),
        _ => Some(Action::Skip),
    }
}

/// Reads a row's cells into its key and what it says; the error is why the row is bad.
type ReadCells<T> = fn(&[&str]) -> Result<(String, T), String>;

/// A published form: the files it has and how their columns are laid out.
struct Family {
    name: &'static str,
    separator: Separator,
    ratings: &'static str,
    items: &'static str,
    users: Option<&'static str>,
    item: ReadCells<Item>,
    user: ReadCells<BTreeMap<String, String>>,
    /// Whether the first line of each file is a header.
    header: bool,
}

enum Separator {
    /// RFC 4180 commas.
    Csv,
    Text(&'static str),
}

const FAMILIES: [Family; 4] = [
    Family {
        name: "MovieLens .csv",
        separator: Separator::Csv,
        ratings: "ratings.csv",
        items: "movies.csv",
        users: None,
        item: titled_item,
        user: user_1m,
        header: true,
    },
    Family {
        name: "MovieLens ::",
        separator: Separator::Text("::"),
        ratings: "ratings.dat",
        items: "movies.dat",
        users: Some("users.dat"),
        item: titled_item,
        user: user_1m,
        header: false,
    },
    Family {
        name: "MovieLens 100K",
        separator: Separator::Text("\t"),
        ratings: "u.data",
        items: "u.item",
        users: Some("u.user"),
        item: item_100k,
        user: user_100k,
        header: false,
    },
    Family {
        name: "MovieLens 100K, RecBole",
        separator: Separator::Text("\t"),
        ratings: "ml-100k.inter",
        items: "ml-100k.item",
        users: Some("ml-100k.user"),
        item: item_recbole,
        user: user_100k,
        header: true,
    },
];

/// Imports a folder of MovieLens files; the form is told from their names.
pub fn import_movielens(import: &MovieLensImport, on_progress: OnProgress) -> Result<ImportReport, ImportError> {
    let family = FAMILIES.iter().find(|family| import.input.join(family.ratings).is_file());
    let family = family.ok_or_else(|| ImportError::NotMovieLens { path: import.input.clone() })?;
    let mut sink = Sink::new(&import.output, &import.input, family.name)?;
    sink.report.licence = Some(LICENCE.to_string());

    let items = import.input.join(family.items);
    if items.is_file() {
        each_row(&items, family, &mut sink, on_progress, &mut |cells, sink| match (family.item)(cells) {
            Ok((key, item)) => sink.item(&key, item),
            Err(reason) => Ok(Err(reason)),
        })?;
    }
    if let Some(users) = family.users.map(|name| import.input.join(name)).filter(|path| path.is_file()) {
        each_row(&users, family, &mut sink, on_progress, &mut |cells, sink| match (family.user)(cells) {
            Ok((key, attributes)) => sink.user(&key, attributes),
            Err(reason) => Ok(Err(reason)),
        })?;
    }
    let ratings = import.input.join(family.ratings);
    each_row(&ratings, family, &mut sink, on_progress, &mut |cells, sink| match rating(cells) {
        Ok((user, item, action, time)) => {
            sink.event(KeyedEvent { user, item, action, time, surface: None, position: None, request: None })?;
            Ok(Ok(()))
        }
        Err(reason) => Ok(Err(reason)),
    })?;
    sink.finish(import.max_bad)
}

type TakeRow<'a> = &'a mut dyn FnMut(&[&str], &mut Sink) -> Result<Result<(), String>, ImportError>;

fn each_row(
    path: &Path,
    family: &Family,
    sink: &mut Sink,
    on_progress: OnProgress,
    take: TakeRow,
) -> Result<(), ImportError> {
    let mut progress = each_mebibyte(path, on_progress)?;
    // 100K separates its items and users by |, everything else by the family's separator.
    let separator = match (&family.separator, path.extension().and_then(|extension| extension.to_str())) {
        (Separator::Csv, _) => None,
        (Separator::Text(_), Some("item" | "user")) if !family.header => Some("|"),
        (Separator::Text(text), _) => Some(*text),
    };
    let Some(separator) = separator else {
        let kind = Kind { name: "MovieLens files", required: &["movieId"] };
        return cells::for_each(path, Format::Csv, &kind, &mut progress, &mut |line, row, raw| {
            let result = match row {
                Ok(cells::Row::Csv { record, .. }) => take(&record.iter().collect::<Vec<_>>(), sink)?,
                Ok(cells::Row::Json(_)) => unreachable!("a CSV file gives CSV rows"),
                Err(reason) => Err(reason),
            };
            sink.row(path, line, result, raw)
        });
    };
    cells::for_each_line(path, &mut progress, &mut |line, bytes| {
        if line == 1 && family.header {
            return Ok(());
        }
        let text = decoded(bytes);
        let cells: Vec<&str> = text.split(separator).collect();
        let result = take(&cells, sink)?;
        sink.row(path, line, result, || text.clone())
    })
}

/// UTF-8, or else ISO 8859-1, in which the older files were written.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// A key that is an integer, as every MovieLens id is.
fn key<'a>(cells: &[&'a str], at: usize, name: &str) -> Result<&'a str, String> {
    let text = cells.get(at).map(|text| text.trim()).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| format!("{name}: it is missing"))?;
    text.parse::<u64>().map(|_| text).map_err(|_| format!("{name} {text:?}: expected an integer"))
}

/// user, item, rating, seconds.
fn rating<'a>(cells: &[&'a str]) -> Result<(&'a str, &'a str, Action, i64), String> {
    if cells.len() != 4 {
        return Err(format!("{} cells, expected user, item, rating and time", cells.len()));
    }
    let (user, item) = (key(cells, 0, "user")?, key(cells, 1, "item")?);
    let rating: f64 = cells[2].trim().parse().map_err(|_| format!("rating {:?}: expected a number", cells[2]))?;
    let action = action_of_rating(rating).ok_or_else(|| format!("rating {rating}: expected 0.5 to 5"))?;
    let time = super::time::milliseconds(cells::Cell::Text(cells[3]), super::TimeUnit::Seconds)?;
    Ok((user, item, action, time))
}

/// 1 January of the year that a title ends with in parentheses.
fn created(title: &str) -> Option<i64> {
    let year = title.trim_end().strip_suffix(')')?;
    year_start(&year[year.rfind('(')? + 1..])
}

fn year_start(year: &str) -> Option<i64> {
    let year: i16 = year.trim().parse().ok().filter(|year| (1800..2200).contains(year))?;
    let date = jiff::civil::Date::new(year, 1, 1).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(date.into()).ok()?.as_millisecond())
}

fn genres<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known = |name: &&str| !name.is_empty() && *name != "(no genres listed)" && *name != "unknown";
    let mut genres: Vec<String> = names.map(str::trim).filter(known).map(str::to_string).collect();
    genres.sort();
    genres.dedup();
    genres
}

fn item(title: &str, created: Option<i64>, categories: Vec<String>) -> Item {
    let title = Some(title.trim().to_string()).filter(|title| !title.is_empty());
    Item { title, created, categories, ..Item::default() }
}

/// id, title with year, genres separated by |.
fn titled_item(cells: &[&str]) -> Result<(String, Item), String> {
    if cells.len() != 3 {
        return Err(format!("{} cells, expected item, title and genres", cells.len()));
    }
    Ok((key(cells, 0, "item")?.into(), item(cells[1], created(cells[1]), genres(cells[2].split('|')))))
}

/// Genres of 100K's flags, in their order.
const GENRES_100K: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// id, title with year, two dates, an address, 19 flags.
fn item_100k(cells: &[&str]) -> Result<(String, Item), String> {
    if cells.len() != 5 + GENRES_100K.len() {
        return Err(format!("{} cells, expected {}", cells.len(), 5 + GENRES_100K.len()));
    }
    let flagged = GENRES_100K.into_iter().zip(&cells[5..]).filter(|(_, flag)| **flag == "1").map(|(name, _)| name);
    Ok((key(cells, 0, "item")?.into(), item(cells[1], created(cells[1]), genres(flagged))))
}

/// id, title, year, genres separated by spaces.
fn item_recbole(cells: &[&str]) -> Result<(String, Item), String> {
    if cells.len() != 4 {
        return Err(format!("{} cells, expected item, title, year and genres", cells.len()));
    }
    let year = year_start(cells[2]);
    let title = if year.is_some() { format!("{} ({})", cells[1], cells[2]) } else { cells[1].to_string() };
    Ok((key(cells, 0, "item")?.into(), item(&title, year, genres(cells[3].split(' ')))))
}

/// The bands of MovieLens 1M, by their lowest age.
const AGES: [(u32, &str); 7] =
    [(56, "56+"), (50, "50-55"), (45, "45-49"), (35, "35-44"), (25, "25-34"), (18, "18-24"), (0, "1-17")];

fn age_band(text: &str) -> Result<&'static str, String> {
    let age: u32 = text.trim().parse().map_err(|_| format!("age {text:?}: expected an integer"))?;
    let band = AGES.iter().find(|(lowest, _)| age >= *lowest);
    band.map(|(_, name)| *name).ok_or_else(|| format!("age {age}: expected 0 or more"))
}

fn demographics(age: &str, gender: &str, occupation: &str) -> Result<BTreeMap<String, String>, String> {
    let attributes = [("age", age_band(age)?), ("gender", gender.trim()), ("occupation", occupation.trim())];
    let given = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(given.map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

/// id, age, gender, occupation, zip code. The zip code is left out: it is finer than a demographic group should be.
fn user_100k(cells: &[&str]) -> Result<(String, BTreeMap<String, String>), String> {
    if cells.len() != 5 {
        return Err(format!("{} cells, expected user, age, gender, occupation and zip code", cells.len()));
    }
    Ok((key(cells, 0, "user")?.into(), demographics(cells[1], cells[2], cells[3])?))
}

/// Occupations of 1M's codes.
const OCCUPATIONS_1M: [&str; 21] = [
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
];

/// id, gender, lowest age of the band, code of the occupation, zip code.
fn user_1m(cells: &[&str]) -> Result<(String, BTreeMap<String, String>), String> {
    if cells.len() != 5 {
        return Err(format!("{} cells, expected user, gender, age, occupation and zip code", cells.len()));
    }
    let code = cells[3].trim().parse::<usize>().ok();
    let occupation = code.and_then(|code| OCCUPATIONS_1M.get(code));
    let occupation = occupation.ok_or_else(|| format!("occupation {:?}: expected 0 to 20", cells[3]))?;
    Ok((key(cells, 0, "user")?.into(), demographics(cells[2], cells[1], occupation)?))
}
