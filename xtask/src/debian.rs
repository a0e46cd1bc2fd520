//! The target from Debian's packages: their compiler, and a standard library built from their source.
//!
//! The result is a private sysroot, `target/lookback/sysroot-<target>`. It is built in a scratch
//! folder and renamed when whole, so an interrupted run leaves nothing that could be taken for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::lock::{Lock, publish};
use crate::process::{command, find, output, quietly, stream, succeeds};
use crate::root::shown;
use crate::setup::missing;

pub const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "/usr/bin/wasm-ld-22";
/// Cargo leaves bitcode out of libraries, and link-time optimisation of the module needs the standard library's.
const STD_FLAGS: &str = "-Cembed-bitcode=yes";
/// Written last, inside the scratch folder: which compiler and flags the libraries belong to.
const STAMP: &str = "compiler.txt";

/// Debian's cargo with the private sysroot.
pub fn cargo(sysroot: &Path, target: &str) -> Command {
    let mut cargo = plain_cargo();
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    cargo
        .env("RUSTC", sysroot.join("bin/rustc"))
        .env(linker, LINKER)
        // Cargo cannot tell one sysroot from another: what this one compiled goes when it goes.
        .env("CARGO_TARGET_DIR", sysroot.join("build"));
    cargo
}

/// The private sysroot, if it is whole and belongs to the compiler that is installed now.
pub fn finished(state: &Path, target: &str) -> Option<PathBuf> {
    let compiler = compiler()?;
    let sysroot = place(state, target);
    is_finished(&sysroot, target, &compiler).then_some(sysroot)
}

/// Installs the packages and builds the private sysroot.
pub fn build(lock: &Lock, state: &Path, target: &str) -> Result<PathBuf> {
    install(&PACKAGES)?;
    let compiler = compiler().with_context(|| {
        format!(
            "the packages are installed, yet {RUSTC} does not run; try `sudo apt-get install --reinstall rustc-web`"
        )
    })?;
    check_version(&compiler)?;

    let scratch = lock.scratch()?;
    let libraries = build_std(&scratch, target)?;
    let sysroot = scratch.join("sysroot");
    assemble(&sysroot, &libraries, target)?;
    fs::write(sysroot.join(STAMP), &compiler)?;
    if let Some(lack) = missing(&sysroot, target) {
        bail!("the standard library was built, yet lacks {lack}");
    }

    let place = place(state, target);
    publish(&sysroot, &place)?;
    fs::remove_dir_all(&scratch)?;
    Ok(place)
}

fn place(state: &Path, target: &str) -> PathBuf {
    state.join(format!("sysroot-{target}"))
}

fn is_finished(sysroot: &Path, target: &str, compiler: &str) -> bool {
    fs::read_to_string(sysroot.join(STAMP)).is_ok_and(|stamp| stamp == compiler) && missing(sysroot, target).is_none()
}

/// What identifies the compiler: libraries of another build of it are refused by rustc.
fn compiler() -> Option<String> {
    if PACKAGES.iter().any(|package| !is_installed(package)) {
        return None;
    }
    let version = output(clean(&mut command(RUSTC)).arg("-vV")).ok()?;
    let package = output(command("dpkg-query").args(["-W", "-f", "${Version}", "rustc-web"])).ok()?;
    Some(format!("{version}\npackage: {package}\nflags: {STD_FLAGS}\n"))
}

fn is_installed(package: &str) -> bool {
    output(command("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// Installs the packages of programs that are not on the PATH; pairs of package and program.
pub fn programs(wanted: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<(&str, &str)> = wanted.iter().copied().filter(|(_, program)| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (packages, programs): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    install(&packages).with_context(|| format!("{} is not on the PATH", programs.join(", ")))?;
    match programs.into_iter().find(|program| find(program).is_none()) {
        Some(program) => bail!("Debian's packages are installed, yet {program} is not on the PATH; add /usr/bin to it"),
        None => Ok(()),
    }
}

/// Installs packages that are not there yet; where it may not, the error says what to type.
pub fn install(packages: &[&str]) -> Result<()> {
    if packages.iter().all(|package| is_installed(package)) {
        return Ok(());
    }
    if find("apt-get").is_none() {
        bail!("apt-get is not on the PATH: this is no Debian");
    }
    let root = output(command("id").arg("-u"))? == "0";
    if !root && !succeeds(command("sudo").args(["-n", "true"])) {
        bail!(
            "installing packages needs root; type `sudo apt-get update && sudo apt-get install --no-install-recommends {}`, then run this again",
            packages.join(" ")
        );
    }
    let apt = || {
        let mut apt = command(if root { "apt-get" } else { "sudo" });
        if !root {
            apt.args(["-n", "apt-get"]);
        }
        apt
    };
    quietly(apt().arg("update"), "apt-get update")?;
    // Where another package would have to go, that is not for a build to decide.
    quietly(
        apt().args(["install", "-y", "--no-install-recommends", "--no-remove"]).args(packages),
        &format!("apt-get install {}", packages.join(" ")),
    )
}

fn check_version(compiler: &str) -> Result<()> {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let found = compiler
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .with_context(|| format!("`{RUSTC} -vV` names no release"))?;
    if numbers(found) < numbers(wanted) {
        bail!("Debian's rustc is {found}, and {wanted} or newer is needed; upgrade Debian, or install Rust by rustup");
    }
    Ok(())
}

fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

/// Builds the standard library from an empty crate; returns the folder with its libraries.
fn build_std(scratch: &Path, target: &str) -> Result<PathBuf> {
    let crate_folder = scratch.join("empty");
    fs::create_dir_all(crate_folder.join("src"))?;
    fs::write(
        crate_folder.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    fs::write(crate_folder.join("src/lib.rs"), "#![no_std]\n")?;

    println!("building the standard library for {target} (once; one to three minutes)");
    let output = scratch.join("build");
    stream(
        plain_cargo()
            .current_dir(&crate_folder)
            .env("RUSTC", RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", STD_FLAGS)
            .env("CARGO_TARGET_DIR", &output)
            .args(["build", "--release", "-Zbuild-std=std,panic_abort,test", "--target", target]),
    )?;
    Ok(output.join(target).join("release/deps"))
}

fn assemble(sysroot: &Path, libraries: &Path, target: &str) -> Result<()> {
    let rustlib = sysroot.join("lib/rustlib");
    let to = rustlib.join(target).join("lib");
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(libraries).with_context(|| format!("cannot read {}", shown(libraries)))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libempty-") {
            fs::copy(entry.path(), to.join(name))?;
        }
    }

    // Build scripts and procedural macros run here: they need the host's libraries too.
    let native = output(clean(&mut command(RUSTC)).args(["--print", "target-libdir"]))?;
    let native = Path::new(&native);
    let host = native.parent().and_then(Path::file_name).context("rustc named no library folder")?;
    let native_to = rustlib.join(host);
    fs::create_dir_all(&native_to)?;
    std::os::unix::fs::symlink(native, native_to.join("lib"))?;

    // A symlink would do as argv[0], but rustc finds its sysroot from the file it resolves to.
    let wrapper = sysroot.join("bin/rustc");
    fs::create_dir_all(sysroot.join("bin"))?;
    fs::write(&wrapper, format!("#!/bin/sh\nexec {RUSTC} --sysroot \"$(dirname \"$(dirname \"$0\")\")\" \"$@\"\n"))?;
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(&wrapper, mode)?;
    Ok(())
}

fn plain_cargo() -> Command {
    let mut cargo = command(CARGO);
    clean(&mut cargo);
    cargo
}

/// Takes away what the cargo that runs xtask set for its own toolchain.
fn clean(command: &mut Command) -> &mut Command {
    for name in ["LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::tests::{TARGET, WHOLE, fill};

    #[test]
    fn only_a_whole_sysroot_of_this_very_compiler_is_finished() {
        let state = tempfile::tempdir().unwrap();
        let sysroot = place(state.path(), TARGET);
        assert!(!is_finished(&sysroot, TARGET, "rustc 1"));

        fill(&sysroot, &WHOLE);
        assert!(!is_finished(&sysroot, TARGET, "rustc 1"), "no stamp: not finished");
        fs::write(sysroot.join(STAMP), "rustc 1").unwrap();
        assert!(is_finished(&sysroot, TARGET, "rustc 1"));
        assert!(!is_finished(&sysroot, TARGET, "rustc 2"), "another compiler's libraries");
    }

    #[test]
    fn a_stamp_without_libraries_is_not_finished() {
        let state = tempfile::tempdir().unwrap();
        let sysroot = place(state.path(), TARGET);
        fill(&sysroot, &["core"]);
        fs::write(sysroot.join(STAMP), "rustc 1").unwrap();
        assert!(!is_finished(&sysroot, TARGET, "rustc 1"));
    }

    #[test]
    fn a_build_that_was_interrupted_is_not_taken_for_a_sysroot() {
        let state = tempfile::tempdir().unwrap();
        let scratch = state.path().join(".unfinished-setup-7/sysroot");
        fill(&scratch, &WHOLE);
        fs::write(scratch.join(STAMP), "rustc 1").unwrap();
        assert!(!is_finished(&place(state.path(), TARGET), TARGET, "rustc 1"));
        let _lock = Lock::take(state.path(), "setup").unwrap();
        assert!(!scratch.exists());
    }

    #[test]
    fn nothing_is_installed_for_programs_that_are_there() {
        programs(&[("no-such-package", "sh")]).unwrap();
    }

    #[test]
    fn an_old_compiler_is_refused() {
        assert!(check_version("rustc\nrelease: 1.63.0\n").unwrap_err().to_string().contains("1.63.0"));
        check_version("release: 1.96.0\n").unwrap();
        check_version("release: 1.100.0-nightly\n").unwrap();
    }
}
