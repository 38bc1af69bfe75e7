//! The whole program where it hurts: real processes, a real Git server, a forge; killed, contended and refused. Skipped where
//! the servers are missing, unless LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start programs and may panic")]

#[path = "../forges/dialect.rs"]
#[expect(dead_code, reason = "these tests start the program, which connects by itself")]
mod dialect;
#[path = "../forges/gitea.rs"]
mod gitea;
#[path = "../forges/hub.rs"]
#[expect(dead_code, reason = "these tests need one forge's half of it")]
mod hub;
#[path = "../support/repos.rs"]
#[expect(dead_code, reason = "these tests need the half that runs git")]
mod repos;
#[path = "../support/servers.rs"]
#[expect(dead_code, reason = "these tests need the server of HTTP")]
mod servers;
#[path = "../forges/wire.rs"]
mod wire;

mod crowd;
mod gate;
mod kill;
mod place;
mod secrets;
