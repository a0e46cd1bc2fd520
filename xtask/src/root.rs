//! Where things are: the repository's root, and the folder for what xtask makes.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    // Cargo sets it at run time too, which still holds after the repository has been moved.
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
});

/// The repository's root.
pub fn root() -> &'static Path {
    &ROOT
}

/// `target/lookback`: the module, private toolchains, the Python environment, scratch.
pub fn state() -> PathBuf {
    root().join("target/lookback")
}

/// A path as a person would type it from the repository's root.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
