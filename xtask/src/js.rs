//! Tests of the npm package: its face of JavaScript in a browser, and the package itself in Node.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo::build;
use crate::counts::{self, Counts};
use crate::module::Builds;
use crate::npm::{self, Project};
use crate::process::command;
use crate::root::root;
use crate::setup::{Method, toolchain};
use crate::{bindgen, debian, pack};

/// The crate that becomes the package's module, and its tests.
const FOLDER: &str = "npm";
const BROWSER_TESTS: &str = "browser";
/// Debian's packages, and the program of each.
const BROWSER: [(&str, &str); 2] = [("chromium", "chromium"), ("chromium-driver", "chromedriver")];

/// Runs the tests of wasm-bindgen in Debian's Chromium.
pub fn in_browser(filter: Option<&str>) -> Result<Counts> {
    debian::programs(&BROWSER)?;
    let tests = compile_browser_tests()?;
    let mut run = command(bindgen::test_runner()?);
    // What the module imports by path is served from here.
    run.current_dir(root().join(FOLDER)).arg(tests).args(filter);
    run.env("CHROMEDRIVER", "chromedriver")
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", root().join("xtask/webdriver.json"));
    // Seconds, on a machine that is busy.
    run.env("WASM_BINDGEN_TEST_TIMEOUT", "180").env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    npm::count(&mut run, counts::cargo_test, filter)
}

/// Runs the tests that install the package from its tarball.
pub fn in_node(filter: Option<&str>) -> Result<Counts> {
    pack::make(Method::Auto)?;
    let project = Project::install(&root().join(FOLDER).join("test"))?;
    project.test(&["package.test.js", "api.test.js", "types.test.js"], filter)
}

/// As the package's module is built; only its last step, which takes longest, does less for speed.
fn compile_browser_tests() -> Result<PathBuf> {
    let module = Builds::read()?.package_module();
    let mut cargo = toolchain(Method::Auto, &module.target)?.cargo();
    cargo
        .args(["build", "-p", &module.package, "--example", BROWSER_TESTS])
        .args(["--target", &module.target, "--profile", &module.profile])
        .args(["--config", &format!("profile.{}.package.{}.opt-level=1", module.profile, module.package)])
        .env("CARGO_ENCODED_RUSTFLAGS", module.encoded_rustflags());
    build(&mut cargo)
        .context("the tests of the face of JavaScript")?
        .into_iter()
        .filter(|artifact| artifact.name == BROWSER_TESTS)
        .flat_map(|artifact| artifact.files)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .context("cargo built no tests of the face of JavaScript")
}
