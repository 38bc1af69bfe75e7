//! The branches of pull requests over every way to a repository: in process, and through servers that people really run.
//! Skipped where the servers are missing, unless LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[path = "../support/repos.rs"]
#[expect(dead_code, reason = "these tests make publications of their own")]
mod repos;
#[path = "../support/servers.rs"]
#[expect(dead_code, reason = "these tests need the servers alone")]
mod servers;

mod breaking;
mod conversation;
mod proposals;
mod refusals;
mod ways;
