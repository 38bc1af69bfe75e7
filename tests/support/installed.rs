//! What this machine has of the programs that tests are run against.

use std::path::PathBuf;

/// Where the program is, if this machine has it. With `LANDWAITER_REAL_SERVERS=1` a missing one fails the test: that is how
/// a complete run makes sure that nothing was skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so where test output is read")]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        let demanded = std::env::var_os("LANDWAITER_REAL_SERVERS").is_some_and(|value| value == "1");
        assert!(!demanded, "{name} is not installed; tests/run says what a complete run needs");
        println!("skipped: {name} is not installed");
    }
    found
}
