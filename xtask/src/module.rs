//! `wasm-pack.toml`: what is built from the core for WebAssembly, and how.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::root::shown;

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct File {
    module: Module,
}

/// The `[module]` table.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The file is `target/lookback/<name>.wasm`.
    pub name: String,
    /// The workspace package whose library is built.
    pub package: String,
    pub target: String,
    /// A profile of the root Cargo.toml.
    pub profile: String,
    #[serde(default)]
    pub features: Vec<String>,
    #[serde(default)]
    pub rustflags: Vec<String>,
}

impl Module {
    pub fn read(file: &Path) -> Result<Module> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", shown(file)))?;
        Module::parse(&text).with_context(|| format!("{} does not read", shown(file)))
    }

    fn parse(text: &str) -> Result<Module> {
        Ok(toml::from_str::<File>(text)?.module)
    }

    /// rustc's flags as cargo takes them when a flag may hold spaces or quotes.
    pub fn encoded_rustflags(&self) -> String {
        self.rustflags.join("\x1f")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [module]
        name = "m"
        package = "p"
        target = "wasm32-unknown-unknown"
        profile = "wasm"
        features = ["a"]
        rustflags = ["-Ca", '--cfg=b="c d"']
    "#;

    #[test]
    fn every_setting_is_read() {
        let module = Module::parse(WHOLE).unwrap();
        assert_eq!((module.name.as_str(), module.package.as_str()), ("m", "p"));
        assert_eq!(module.features, ["a"]);
        assert_eq!(module.encoded_rustflags(), "-Ca\x1f--cfg=b=\"c d\"");
    }

    #[test]
    fn a_setting_nobody_reads_is_refused_by_name() {
        let error = Module::parse(&format!("{WHOLE}\noptimise = 3")).unwrap_err();
        assert!(error.to_string().contains("optimise"), "{error}");
    }

    #[test]
    fn a_missing_setting_is_named() {
        let error = Module::parse("[module]\nname = \"m\"").unwrap_err();
        assert!(error.to_string().contains("package"), "{error}");
    }

    #[test]
    fn the_repositorys_own_file_reads() {
        let module = Module::read(&crate::root::root().join("wasm-pack.toml")).unwrap();
        assert_eq!(module.name, "lookback");
    }
}
