//! `wasm-pack.toml`: what is built from the core for WebAssembly, and how.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::root::{root, shown};

/// The file.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Builds {
    pub module: Module,
    pub package: Package,
}

/// The `[module]` table.
#[derive(Deserialize, Clone, Debug, PartialEq)]
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

/// The `[package]` table.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The folder is `target/lookback/npm/<name>`.
    pub name: String,
    /// The workspace package whose library is built.
    pub package: String,
    #[serde(default)]
    pub features: Vec<String>,
    /// The folder of what is written by hand.
    pub source: String,
    /// Files of it that every entry needs.
    pub shared: Vec<String>,
    pub entries: Vec<Entry>,
}

/// What `import "<package>/<name>"` loads.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    /// Where `import "<package>"` loads it too.
    pub conditions: Vec<String>,
}

impl Builds {
    /// The repository's own.
    pub fn read() -> Result<Builds> {
        let file = root().join("wasm-pack.toml");
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", shown(&file)))?;
        toml::from_str(&text).with_context(|| format!("{} does not read", shown(&file)))
    }

    /// The package's module: built as the raw one is.
    pub fn package_module(&self) -> Module {
        Module {
            name: self.package.name.clone(),
            package: self.package.package.clone(),
            features: self.package.features.clone(),
            ..self.module.clone()
        }
    }
}

impl Module {
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
        [package]
        name = "n"
        package = "q"
        source = "s"
        shared = ["t.js"]
        entries = [{ name = "e", conditions = ["default"] }]
    "#;

    fn parse(text: &str) -> Result<Builds, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_setting_is_read() {
        let builds = parse(WHOLE).unwrap();
        assert_eq!((builds.module.name.as_str(), builds.module.package.as_str()), ("m", "p"));
        assert_eq!(builds.module.features, ["a"]);
        assert_eq!(builds.module.encoded_rustflags(), "-Ca\x1f--cfg=b=\"c d\"");
        assert_eq!(builds.package.entries[0].conditions, ["default"]);
    }

    #[test]
    fn the_packages_module_is_built_as_the_raw_one_is() {
        let builds = parse(WHOLE).unwrap();
        let module = builds.package_module();
        assert_eq!((module.name.as_str(), module.package.as_str()), ("n", "q"));
        assert_eq!((&module.target, &module.profile), (&builds.module.target, &builds.module.profile));
        assert_eq!(module.rustflags, builds.module.rustflags);
        assert!(module.features.is_empty());
    }

    #[test]
    fn a_setting_nobody_reads_is_refused_by_name() {
        let error = parse(&format!("{WHOLE}\noptimise = 3")).unwrap_err();
        assert!(error.to_string().contains("optimise"), "{error}");
    }

    #[test]
    fn a_missing_setting_is_named() {
        let error = parse("[module]\nname = \"m\"").unwrap_err();
        assert!(error.to_string().contains("package"), "{error}");
    }

    #[test]
    fn the_repositorys_own_file_reads() {
        let builds = Builds::read().unwrap();
        assert_eq!(builds.module.name, "lookback");
        assert_eq!(builds.package.name, "lookback");
    }
}
