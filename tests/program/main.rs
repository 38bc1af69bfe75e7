//! The program as a user meets it: the real binary, a registry in this process, real repositories.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod bad_input;
mod commits;
mod contract;
mod first_steps;
#[path = "../support/installed.rs"]
mod installed;
mod kill;
mod scenarios;
mod strangers;
mod world;
