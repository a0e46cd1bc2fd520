//! `lookback inspect`: what a bundle, shard or delta file says of itself.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use lookback::bundle::{self, Bundle};
use lookback::popularity::Popularity;
use lookback::shard::{self, Shard};
use serde_json::{Value, json};

use super::output::{print, print_json};
use super::words;

#[derive(Args)]
pub struct Options {
    /// A bundle (.lbb), a shard (.lbs), or a model directory with both
    path: PathBuf,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let files = match options.path.is_dir() {
        true => ["bundle.lbb", "shard.lbs"].map(|file| options.path.join(file)).to_vec(),
        false => vec![options.path.clone()],
    };
    let mut documents = Vec::new();
    for path in files {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let document = describe(&bytes).with_context(|| path.display().to_string())?;
        documents.push((path, document));
    }
    if options.json {
        let documents: Vec<Value> =
            documents.into_iter().map(|(path, document)| json!({"path": path, "file": document})).collect();
        return print_json(&documents);
    }
    for (path, document) in documents {
        print(&format!("{}\n{}", path.display(), lines(&document, 2)))?;
    }
    Ok(())
}

fn describe(bytes: &[u8]) -> Result<Value> {
    if bytes.starts_with(b"LBBUNDLE") {
        let bundle = Bundle::decode(bytes)?;
        // A card that is not JSON is shown as it is.
        let card = serde_json::from_str(bundle.card()).unwrap_or_else(|_| Value::String(bundle.card().to_owned()));
        return Ok(json!({
            "kind": "bundle",
            "format_version": bundle::FORMAT_VERSION,
            "hash": words::hex(&bundle.hash()),
            "size": words::bytes(bytes.len()),
            "manifest": bundle.manifest(),
            "popularity": popularity(bundle.popularity()),
            "card": card,
        }));
    }
    if bytes.starts_with(b"LBSHARD") {
        let shard = Shard::decode(bytes.to_vec())?;
        shard.verify()?;
        let header = shard.header();
        return Ok(json!({
            "kind": "shard",
            "format_version": shard::FORMAT_VERSION,
            "hash": words::hex(&shard.hash()),
            "size": words::bytes(bytes.len()),
            "embedding_version": header.embedding_version,
            "items": shard.len(),
            "embedding_dim": header.dimension,
            "element": header.element.name(),
            "item_features": header.feature_count,
        }));
    }
    bail!(
        "expected a file that starts with LBBUNDLE or LBSHARD, got {} that do not",
        words::plural(bytes.len() as u64, "byte")
    )
}

fn popularity(popularity: &Popularity) -> Value {
    json!({
        "items": popularity.global.items.len(),
        "group_fields": popularity.group_fields,
        "groups": popularity.groups.iter().map(|group| group.values.join(", ")).collect::<Vec<_>>(),
    })
}

/// A document as indented lines; a list of plain values stays on one.
fn lines(document: &Value, indent: usize) -> String {
    let Value::Object(fields) = document else {
        return format!("{:indent$}{}\n", "", plain(document));
    };
    let mut text = String::new();
    for (name, value) in fields {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                text += &format!("{:indent$}{name}\n{}", "", lines(value, indent + 2));
            }
            Value::Array(rows) if rows.iter().any(Value::is_object) => {
                text += &format!("{:indent$}{name}\n", "");
                for row in rows {
                    text += &format!("{:indent$}  {row}\n", "");
                }
            }
            value => text += &format!("{:indent$}{name}: {}\n", "", plain(value)),
        }
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(rows) => rows.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
