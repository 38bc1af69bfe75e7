//! What tests that speak to registries share: a client that does not dawdle, and names.

use landwaiter::image::Repository;
use landwaiter::registry::Options;
use std::time::Duration;

/// Real limits, but waits and timeouts that a test can sit through.
pub(crate) fn quick() -> Options {
    let mut options = Options::new("landwaiter-test");
    options.timeouts.connect = Duration::from_secs(2);
    options.timeouts.attempt = Duration::from_secs(20);
    options.retry.attempts = 3;
    options.retry.first_wait = Duration::from_millis(5);
    options.retry.jitter = false;
    options
}

pub(crate) fn repository(host: &str, path: &str) -> Repository {
    Repository::parse(&format!("{host}/{path}")).unwrap()
}
