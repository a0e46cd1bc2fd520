//! Running other programs: streamed, behind a spinner, or for their output.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::root::root;

/// A command that starts in the repository's root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The program's place on the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs it with its output on screen.
pub fn stream(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status}); see above", line(command));
    }
    Ok(())
}

/// Runs it with its output on screen, handing each line of standard output to `each` as well.
/// Returns whether it succeeded.
pub fn tee(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    lines(command, |text| {
        println!("{text}");
        each(text);
    })
}

/// Runs it, handing each line of standard output to `each`; standard error goes to the screen.
pub fn lines(command: &mut Command, mut each: impl FnMut(&str)) -> Result<bool> {
    let shown = line(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let output = child.stdout.take().context("no standard output to read")?;
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        each(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
    Ok(child.wait()?.success())
}

/// Runs it behind a spinner; its output is shown only if it fails.
pub fn quietly(command: &mut Command, label: &str) -> Result<()> {
    let spinner = Spinner::start(label);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{}`", line(command)))?;
    if output.status.success() {
        spinner.done();
        return Ok(());
    }
    drop(spinner);
    eprint!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    bail!("`{}` failed ({}); see above", line(command), output.status);
}

/// Runs it and returns what it printed, trimmed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", line(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether it runs and succeeds, its output thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().replace(&format!("{}/", root().display()), ""))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A spinner with elapsed time; where there is no terminal, a line at start and at end.
pub struct Spinner {
    bar: ProgressBar,
    label: String,
    started: Instant,
}

impl Spinner {
    pub fn start(label: &str) -> Spinner {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        if bar.is_hidden() {
            eprintln!("  {label} …");
        }
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Spinner { bar, label: label.to_owned(), started: Instant::now() }
    }

    pub fn done(self) {
        self.bar.finish_and_clear();
        eprintln!("  {}: {}", self.label, elapsed(self.started));
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// "0.4 s", "12 s", "3 min 05 s".
pub fn elapsed(since: Instant) -> String {
    duration(since.elapsed())
}

pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(432)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(42)), "42 s");
        assert_eq!(duration(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_program_that_fails_is_named_with_its_arguments() {
        let error = output(command("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().contains("`sh -c exit 3` failed"));
        assert!(stream(&mut command("no-such-program-here")).is_err());
    }

    #[test]
    fn every_line_is_handed_over_and_the_status_with_it() {
        let mut seen = Vec::new();
        let ok = lines(command("sh").args(["-c", "echo a; echo b; exit 1"]), |line| {
            seen.push(line.to_owned());
        });
        assert!(!ok.unwrap());
        assert_eq!(seen, ["a", "b"]);
    }
}
