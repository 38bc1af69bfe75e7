//! The program as a user meets it: the real binary, a registry in this process, real repositories.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod commits;
mod contract;
#[path = "../support/faulty.rs"]
#[expect(dead_code, reason = "these tests need little of what it can do")]
mod faulty;
mod first_steps;
#[path = "../support/installed.rs"]
mod installed;
mod kill;
mod registry_check;
mod scenarios;
mod strangers;
mod world;
