//! The Python that `tests/run` installs with the packages of `tests/python/requirements.txt`.

use std::path::{Path, PathBuf};

/// Its interpreter, if it is there. With `LANDWAITER_REAL_SERVERS=1` a missing one fails the test.
#[expect(clippy::print_stdout, reason = "a skipped test says so where test output is read")]
pub(crate) fn interpreter() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    if place.exists() {
        return Some(place);
    }
    let demanded = std::env::var_os("LANDWAITER_REAL_SERVERS").is_some_and(|value| value == "1");
    assert!(!demanded, "{} is not there; `tests/run install` makes it", place.display());
    println!("skipped: {} is not there", place.display());
    None
}
