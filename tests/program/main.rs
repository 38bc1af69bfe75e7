//! The program as a user meets it: the real binary, a registry in this process, real repositories.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod bad_input;
mod branches;
mod checking;
mod commits;
mod contract;
mod explaining;
#[path = "../support/faulty.rs"]
#[expect(dead_code, reason = "these tests need little of what it can do")]
mod faulty;
mod first_steps;
mod kill;
mod ledger;
mod memory;
mod notifications;
mod pace;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/python.rs"]
mod python;
mod receiver;
mod registry_check;
mod rollbacks;
mod scenarios;
mod service;
#[path = "../support/servers.rs"]
#[expect(dead_code, reason = "only a part of what the servers can do is needed")]
mod servers;
mod ship;
mod signatures;
mod sources;
mod strangers;
mod traces;
mod webhooks;
mod world;
