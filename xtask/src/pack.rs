//! `cargo xtask pack`: the npm package, as wasm-pack.toml says, and its tarball.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::bindgen;
use crate::lock::{Lock, publish};
use crate::module::{Builds, Entry, Package};
use crate::npm;
use crate::process::{command, output, quietly};
use crate::root::{root, shown, state};
use crate::setup::{Method, Options};
use crate::wasm::{self, gzip_size, megabytes};

/// Where a file of glue begins to speak of its own loader, in the types of browsers: entries have loaders of their own.
const LOADER_TYPES: &str = "export type InitInput";

/// `Symbol.dispose`, which projects need not name for themselves.
const DISPOSABLE: &str = "/// <reference lib=\"esnext.disposable\" />";

/// The package and its tarball.
pub struct Packed {
    pub folder: PathBuf,
    pub tarball: PathBuf,
}

pub fn run(options: &Options) -> Result<()> {
    make(options.method).map(drop)
}

pub fn make(method: Method) -> Result<Packed> {
    npm::check_node()?;
    let builds = Builds::read()?;
    let package = &builds.package;
    let built = wasm::compile(&builds.package_module(), method, None, None)?;
    let bindgen = bindgen::command_line()?;

    let place = state().join("npm");
    let lock = Lock::take(&place, "pack")?;
    let folder = lock.scratch()?;
    let mut glue = command(bindgen);
    glue.arg(&built.file).arg("--out-dir").arg(&folder).args(["--out-name", &package.name, "--target", "web"]);
    glue.args(["--omit-default-module-path", "--remove-name-section", "--remove-producers-section"]);
    quietly(&mut glue, "wasm-bindgen")?;
    write_by_hand(package, &folder)?;
    trim_types(&folder, &package.name)?;

    let tarball = place.join(output(
        command("npm").args(["pack", "--silent", "--pack-destination"]).arg(&place).current_dir(&folder),
    )?);
    let module = fs::read(folder.join(wasm_name(package)))?;
    let packed = Packed { folder: place.join(&package.name), tarball };
    publish(&folder, &packed.folder)?;
    let sizes = Sizes::of(&module, &packed.folder.join(wasm_name(package)), &place.join("sizes.json"))?;
    println!(
        "{} and {}: the module is {}, {} gzip'd, {} by brotli",
        shown(&packed.folder),
        shown(&packed.tarball),
        megabytes(sizes.raw),
        megabytes(sizes.gzip),
        megabytes(sizes.brotli)
    );
    Ok(packed)
}

fn wasm_name(package: &Package) -> String {
    format!("{}_bg.wasm", package.name)
}

/// Copies what is written by hand, and completes package.json.
fn write_by_hand(package: &Package, folder: &Path) -> Result<()> {
    let source = root().join(&package.source);
    let of_entries =
        package.entries.iter().flat_map(|entry| [format!("{}.js", entry.name), format!("{}.d.ts", entry.name)]);
    let by_hand: Vec<String> = package.shared.iter().cloned().chain(of_entries).collect();
    let copy = |from: PathBuf, to: &str| {
        fs::copy(&from, folder.join(to)).map(drop).with_context(|| format!("cannot copy {}", shown(&from)))
    };
    for file in &by_hand {
        copy(source.join(file), file)?;
    }
    copy(source.join("README.md"), "README.md")?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(root().join(licence), licence)?;
    }

    let manifest = source.join("package.json");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", shown(&manifest)))?;
    let manifest: Map<String, Value> =
        serde_json::from_str(&text).with_context(|| format!("{} does not read", shown(&manifest)))?;
    let glue = [format!("{}.js", package.name), format!("{}.d.ts", package.name), wasm_name(package)];
    let manifest = Manifest {
        name: &package.name,
        version: env!("CARGO_PKG_VERSION"),
        by_hand: manifest,
        exports: exports(package),
        files: by_hand.iter().chain(&glue).collect(),
    };
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    fs::write(folder.join("package.json"), text).with_context(|| format!("cannot write in {}", shown(folder)))
}

/// package.json.
#[derive(Serialize)]
struct Manifest<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(flatten)]
    by_hand: Map<String, Value>,
    exports: InOrder<Export>,
    files: Vec<&'a String>,
}

/// What may be imported.
#[derive(Serialize)]
#[serde(untagged)]
enum Export {
    File(String),
    Entry(Target),
    /// The first condition that a runtime has decides.
    ByCondition(InOrder<Target>),
}

#[derive(Serialize)]
struct Target {
    types: String,
    default: String,
}

/// An object of JSON in the order it was made in, which a map of serde_json loses.
struct InOrder<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for InOrder<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn exports(package: &Package) -> InOrder<Export> {
    let target =
        |entry: &Entry| Target { types: format!("./{}.d.ts", entry.name), default: format!("./{}.js", entry.name) };
    let by_condition = package
        .entries
        .iter()
        .flat_map(|entry| entry.conditions.iter().map(move |condition| (condition.clone(), target(entry))));
    let mut exports = vec![(".".to_owned(), Export::ByCondition(InOrder(by_condition.collect())))];
    exports.extend(package.entries.iter().map(|entry| (format!("./{}", entry.name), Export::Entry(target(entry)))));
    for file in [wasm_name(package), "package.json".to_owned()] {
        exports.push((format!("./{file}"), Export::File(format!("./{file}"))));
    }
    InOrder(exports)
}

/// Takes the loader's types out of the glue's, and the module's own, which nobody imports; names the library of types that
/// what is left needs.
fn trim_types(folder: &Path, name: &str) -> Result<()> {
    let file = folder.join(format!("{name}.d.ts"));
    let types = fs::read_to_string(&file).with_context(|| format!("cannot read {}", shown(&file)))?;
    let Some((api, _)) = types.split_once(LOADER_TYPES) else {
        bail!("wasm-bindgen wrote no `{LOADER_TYPES}` into {name}.d.ts; xtask/src/pack.rs must learn its new layout");
    };
    fs::write(&file, format!("{DISPOSABLE}\n{}\n", api.trim_end()))?;
    fs::remove_file(folder.join(format!("{name}_bg.wasm.d.ts")))?;
    Ok(())
}

/// Bytes of a module as it is and as it travels.
#[derive(Serialize, Deserialize)]
struct Sizes {
    sha256: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Sizes {
    /// Measures, unless `record` has the sizes of these very bytes: brotli takes its time.
    fn of(module: &[u8], file: &Path, record: &Path) -> Result<Sizes> {
        let sha256: String = Sha256::digest(module).iter().map(|byte| format!("{byte:02x}")).collect();
        if let Ok(text) = fs::read_to_string(record)
            && let Ok(sizes) = serde_json::from_str::<Sizes>(&text)
            && sizes.sha256 == sha256
        {
            return Ok(sizes);
        }
        let brotli = output(command("node").args(["-e", BROTLI]).arg(file))?;
        let brotli = brotli.parse().with_context(|| format!("node printed {brotli:?}, expected a number"))?;
        let sizes = Sizes { sha256, raw: module.len(), gzip: gzip_size(module)?, brotli };
        fs::write(record, serde_json::to_string(&sizes)?).with_context(|| format!("cannot write {}", shown(record)))?;
        Ok(sizes)
    }
}

/// Prints the length of a file by brotli, which Node brings along.
const BROTLI: &str = "const { brotliCompressSync } = require('node:zlib');\
    console.log(brotliCompressSync(require('node:fs').readFileSync(process.argv[1])).length);";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_condition_that_a_runtime_has_decides() {
        let entry = |name: &str, conditions: &[&str]| Entry {
            name: name.to_owned(),
            conditions: conditions.iter().map(|one| (*one).to_owned()).collect(),
        };
        let package = Package {
            name: "p".to_owned(),
            package: "q".to_owned(),
            features: vec![],
            source: "s".to_owned(),
            shared: vec![],
            entries: vec![entry("b", &["two", "one"]), entry("a", &["default"])],
        };
        let exports = serde_json::to_string(&exports(&package)).unwrap();
        let order = [
            "\"two\":{\"types\":\"./b.d.ts\",\"default\":\"./b.js\"}",
            "\"one\"",
            "\"default\":{",
            "\"./b\"",
            "\"./a\"",
        ];
        let places: Vec<Option<usize>> = order.iter().map(|part| exports.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {exports}");
    }

    #[test]
    fn glue_of_another_layout_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let types = folder.path().join("p.d.ts");
        fs::write(&types, "export class A {}\n").unwrap();
        assert!(trim_types(folder.path(), "p").unwrap_err().to_string().contains("InitInput"));
        fs::write(&types, "export class A {}\n\nexport type InitInput = URL;\nrest").unwrap();
        fs::write(folder.path().join("p_bg.wasm.d.ts"), "").unwrap();
        trim_types(folder.path(), "p").unwrap();
        assert_eq!(fs::read_to_string(&types).unwrap(), format!("{DISPOSABLE}\nexport class A {{}}\n"));
    }
}
