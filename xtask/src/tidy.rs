//! The repository's own rules, checked over every file git knows or would take.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{command, output};

const MODEL_BYTES: u64 = 10_000_000;
const SOURCE_BYTES: u64 = 40_000;
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub struct File {
    /// From the repository's root, with forward slashes.
    pub path: String,
    pub size: u64,
    /// None where the bytes are no UTF-8.
    pub text: Option<String>,
}

/// A rule's name, and what breaks it among the files.
pub type Rule = (&'static str, fn(&[File]) -> Vec<String>);

pub const RULES: [Rule; 7] = [
    ("no file names a path of somebody's machine", machine_paths),
    ("lock and requirements files name no other index", index_addresses),
    ("every Python requirement is pinned and hashed", unhashed_requirements),
    ("every npm package is pinned", unpinned_packages),
    ("no unfinished or debugging macros", unfinished),
    ("each model is under 10 MB", large_models),
    ("source files are under 40 kB, and nothing under data/ is committed", misplaced),
];

/// What git tracks, and what it would take with the next `git add`.
pub fn files(root: &Path) -> Result<Vec<File>> {
    let list =
        output(command("git").current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))
            .context("the repository's rules need git, and a clone")?;
    let mut files = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let place = root.join(path);
        // Removed, yet not committed as removed.
        if !place.is_file() {
            continue;
        }
        let bytes = fs::read(&place).with_context(|| format!("cannot read {path}"))?;
        files.push(File { path: path.to_owned(), size: bytes.len() as u64, text: String::from_utf8(bytes).ok() });
    }
    Ok(files)
}

fn machine_paths(files: &[File]) -> Vec<String> {
    // Put together, so that this file keeps its own rule.
    let paths = [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];
    hits(
        files,
        |_| true,
        |line| {
            paths.into_iter().find(|path| {
                line.match_indices(path).any(|(at, _)| {
                    !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.}$".contains(before))
                })
            })
        },
    )
}

fn index_addresses(files: &[File]) -> Vec<String> {
    let is_list = |path: &str| path.ends_with(".lock") || path.ends_with("package-lock.json") || is_requirements(path);
    hits(files, is_list, |line| {
        if line.replace(CRATES_IO, "").contains("://") {
            return Some("an address");
        }
        ["--index-url", "--extra-index-url", "--find-links"].into_iter().find(|flag| line.contains(flag))
    })
}

fn unhashed_requirements(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts(files, is_requirements) {
        let joined = text.replace("\\\n", " ");
        for line in joined.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if !line.contains("==") || !line.contains("--hash=sha256:") {
                found.push(format!("{path}: `{line}`"));
            }
        }
    }
    found
}

fn unpinned_packages(files: &[File]) -> Vec<String> {
    let numbers = |version: &str| version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    let is_exact = |version: &str| numbers(version) == 3 && !version.contains([' ', '|']);
    let mut found = Vec::new();
    for (path, text) in texts(files, |path| path == "package.json" || path.ends_with("/package.json")) {
        let Ok(package) = serde_json::from_str::<Value>(text) else {
            found.push(format!("{path}: no JSON"));
            continue;
        };
        for list in ["dependencies", "devDependencies", "optionalDependencies"] {
            for (name, version) in package[list].as_object().into_iter().flatten() {
                if !version.as_str().is_some_and(is_exact) {
                    found.push(format!("{path}: {name} {version}"));
                }
            }
        }
    }
    found
}

fn unfinished(files: &[File]) -> Vec<String> {
    let macros = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
    hits(files, |path| path.ends_with(".rs"), |line| macros.into_iter().find(|name| line.contains(name)))
}

fn large_models(files: &[File]) -> Vec<String> {
    let mut sizes = BTreeMap::<&str, u64>::new();
    for file in files {
        if let Some((name, _)) = file.path.strip_prefix("models/").and_then(|rest| rest.split_once('/')) {
            *sizes.entry(name).or_default() += file.size;
        }
    }
    sizes
        .into_iter()
        .filter(|(_, size)| *size >= MODEL_BYTES)
        .map(|(name, size)| format!("models/{name}: {size} bytes"))
        .collect()
}

fn misplaced(files: &[File]) -> Vec<String> {
    let is_source = |path: &str| [".rs", ".py", ".js", ".ts", ".svelte"].iter().any(|end| path.ends_with(end));
    files
        .iter()
        .filter(|file| file.path.starts_with("data/") || (is_source(&file.path) && file.size > SOURCE_BYTES))
        .map(|file| format!("{}: {} bytes", file.path, file.size))
        .collect()
}

fn is_requirements(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("requirements") && name.ends_with(".txt")
}

fn texts(files: &[File], wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, &str)> {
    files
        .iter()
        .filter(move |file| wanted(&file.path))
        .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
}

fn hits(files: &[File], wanted: impl Fn(&str) -> bool, find: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts(files, wanted) {
        for (number, line) in text.lines().enumerate() {
            if let Some(what) = find(line) {
                found.push(format!("{path}:{}: {what}", number + 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), size: text.len() as u64, text: Some(text.to_owned()) }
    }

    #[test]
    fn machine_paths_are_found_where_a_path_begins() {
        let path = concat!("/", "home/somebody/x");
        let bad = [file("a.md", &format!("fine\nsee {path}"))];
        assert_eq!(machine_paths(&bad), [format!("a.md:2: {}", concat!("/", "home/"))]);
        let fine = [file("a.md", &format!("https://example.org{path} and frame{path}"))];
        assert!(machine_paths(&fine).is_empty());
    }

    #[test]
    fn only_the_canonical_index_may_be_named() {
        let fine = [file("Cargo.lock", &format!("source = \"{CRATES_IO}\""))];
        assert!(index_addresses(&fine).is_empty());
        let bad = [
            file("Cargo.lock", "source = \"registry+https://mirror.example/index\""),
            file("training/requirements.txt", "--index-url x\na==1"),
        ];
        assert_eq!(index_addresses(&bad).len(), 2);
        assert!(index_addresses(&[file("README.md", "https://example.org")]).is_empty());
    }

    #[test]
    fn requirements_without_version_or_hash_are_found() {
        let text =
            "# made by uv\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2\nc>=1 --hash=sha256:22\n";
        let found = unhashed_requirements(&[file("training/requirements.txt", text)]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("b==2") && found[1].contains("c>=1"));
    }

    #[test]
    fn npm_packages_without_one_version_are_found() {
        let text = r#"{"dependencies": {"a": "1.2.3", "b": "^1.2.3"}, "devDependencies": {"c": "1.x", "d": ">=1.2.3 <2.0.0"}}"#;
        let found = unpinned_packages(&[file("www/package.json", text), file("package.json.md", "{")]);
        assert_eq!(
            found,
            ["www/package.json: b \"^1.2.3\"", "www/package.json: c \"1.x\"", "www/package.json: d \">=1.2.3 <2.0.0\""]
        );
        assert_eq!(unpinned_packages(&[file("package.json", "{")]).len(), 1);
    }

    #[test]
    fn unfinished_macros_are_found_in_rust_only() {
        let text = concat!("fn a() { todo", "!() }");
        assert_eq!(unfinished(&[file("a.rs", text)]).len(), 1);
        assert!(unfinished(&[file("a.md", text)]).is_empty());
    }

    #[test]
    fn models_are_weighed_whole() {
        let part = |name: &str| File { path: format!("models/a/{name}"), size: 6_000_000, text: None };
        assert!(large_models(&[part("x")]).is_empty());
        assert_eq!(large_models(&[part("x"), part("y")]), ["models/a: 12000000 bytes"]);
    }

    #[test]
    fn long_sources_and_committed_data_are_found() {
        let found = misplaced(&[
            file("src/a.rs", &"x".repeat(40_001)),
            file("docs/a.md", &"x".repeat(40_001)),
            file("data/ml-100k/events.parquet", "x"),
        ]);
        assert_eq!(found.len(), 2);
    }
}
