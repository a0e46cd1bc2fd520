//! How many tests passed and failed, read from what the test runners print.

use std::ops::AddAssign;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// "test result: ok. 5 passed; 0 failed; 1 ignored; …"
pub fn cargo_test(line: &str) -> Option<Counts> {
    let line = plain(line);
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word| counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some(Counts { passed: number("passed")?, failed: number("failed")? })
}

/// "=== 1 failed, 10 passed, 2 warnings, 1 error in 3.21s ===", or the same without the rules.
pub fn pytest(line: &str) -> Option<Counts> {
    let line = plain(line);
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    if !time.split_whitespace().next()?.ends_with('s') {
        return None;
    }
    if counts == "no tests ran" {
        return Some(Counts::default());
    }
    let mut found = Counts::default();
    for part in counts.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        match word {
            "passed" => found.passed += number,
            "failed" | "error" | "errors" => found.failed += number,
            "skipped" | "deselected" | "xfailed" | "xpassed" | "warning" | "warnings" | "rerun" => {}
            _ => return None,
        }
    }
    Some(found)
}

/// Of node:test, by either of its reporters: "ℹ pass 12" or "# fail 1", a line for each count.
pub fn node_test(line: &str) -> Option<Counts> {
    let line = plain(line);
    let line = line.trim();
    let (word, number) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?.split_once(' ')?;
    let number = number.parse().ok()?;
    match word {
        "pass" => Some(Counts { passed: number, failed: 0 }),
        "fail" | "cancelled" => Some(Counts { passed: 0, failed: number }),
        _ => None,
    }
}

/// Of Vitest: "      Tests  1 failed | 17 passed (18)".
pub fn vitest(line: &str) -> Option<Counts> {
    let line = plain(line);
    let (counts, _) = line.trim().strip_prefix("Tests ")?.rsplit_once(" (")?;
    let mut found = Counts::default();
    for part in counts.split('|') {
        let (number, word) = part.trim().split_once(' ')?;
        found += of_playwright(number, word)?;
    }
    Some(found)
}

/// Of Playwright, a line for each count: "  5 passed (1.2m)" or "  1 failed".
pub fn playwright(line: &str) -> Option<Counts> {
    let line = plain(line);
    let (number, rest) = line.trim().split_once(' ')?;
    of_playwright(number, rest.split(" (").next()?)
}

fn of_playwright(number: &str, word: &str) -> Option<Counts> {
    let number = number.parse().ok()?;
    match word {
        "passed" => Some(Counts { passed: number, failed: 0 }),
        "failed" | "interrupted" | "did not run" => Some(Counts { passed: 0, failed: number }),
        "skipped" | "todo" => Some(Counts::default()),
        _ => None,
    }
}

/// The line without the escape sequences that colour it.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            characters.by_ref().find(|character| character.is_ascii_alphabetic());
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_test_lines() {
        let ok = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s";
        assert_eq!(cargo_test(ok), Some(Counts { passed: 5, failed: 0 }));
        let failed = "test result: FAILED. 3 passed; 12 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(cargo_test(failed), Some(Counts { passed: 3, failed: 12 }));
        let coloured = "test result: \x1b[32mok\x1b[m. 1 passed; 0 failed; 0 ignored";
        assert_eq!(cargo_test(coloured), Some(Counts { passed: 1, failed: 0 }));
        assert_eq!(cargo_test("test counts::tests::cargo_test_lines ... ok"), None);
    }

    #[test]
    fn pytest_lines() {
        let whole = "==== 1 failed, 10 passed, 3 skipped, 2 warnings, 2 errors in 3.21s ====";
        assert_eq!(pytest(whole), Some(Counts { passed: 10, failed: 3 }));
        assert_eq!(pytest("12 passed in 0.52s"), Some(Counts { passed: 12, failed: 0 }));
        let long = "= 12 passed in 92.10s (0:01:32) =";
        assert_eq!(pytest(long), Some(Counts { passed: 12, failed: 0 }));
        let coloured = "\x1b[32m\x1b[1m2 passed\x1b[0m\x1b[32m in 1.00s\x1b[0m";
        assert_eq!(pytest(coloured), Some(Counts { passed: 2, failed: 0 }));
        assert_eq!(pytest("no tests ran in 0.01s"), Some(Counts::default()));
    }

    #[test]
    fn node_test_lines() {
        let (mut spec, mut tap) = (Counts::default(), Counts::default());
        for (count, number) in
            [("tests", 16), ("suites", 2), ("pass", 12), ("fail", 1), ("cancelled", 2), ("skipped", 1), ("todo", 0)]
        {
            spec += node_test(&format!("\x1b[34mℹ {count} {number}\x1b[39m")).unwrap_or_default();
            tap += node_test(&format!("# {count} {number}")).unwrap_or_default();
        }
        assert_eq!(spec, Counts { passed: 12, failed: 3 });
        assert_eq!(tap, spec);
        for line in ["ℹ duration_ms 71.2", "# pass the salt", "✔ pass 3 (1.2ms)", "pass 3"] {
            assert_eq!(node_test(line), None, "{line}");
        }
    }

    #[test]
    fn vitest_and_playwright_lines() {
        let mixed = "\x1b[2m      Tests \x1b[22m \x1b[31m1 failed\x1b[39m | 17 passed | 2 skipped (20)";
        assert_eq!(vitest(mixed), Some(Counts { passed: 17, failed: 1 }));
        assert_eq!(vitest("      Tests  18 passed (18)"), Some(Counts { passed: 18, failed: 0 }));
        assert_eq!(vitest(" Test Files  4 passed (4)"), None);
        assert_eq!(playwright("  5 passed (1.2m)"), Some(Counts { passed: 5, failed: 0 }));
        assert_eq!(playwright("  1 failed"), Some(Counts { passed: 0, failed: 1 }));
        assert_eq!(playwright("  2 did not run"), Some(Counts { passed: 0, failed: 2 }));
        assert_eq!(playwright("  ✓  1 tests/a.spec.ts:7:1 › 3 passed (8.7s)"), None);
        assert_eq!(playwright("Running 5 tests using 1 worker"), None);
    }

    #[test]
    fn other_lines_are_not_summaries() {
        for line in ["", "tests/a.py ..F", "3 events in 2 lists", "passed in 3s", "trained in 4.1s"] {
            assert_eq!(pytest(line), None, "{line}");
        }
    }
}
