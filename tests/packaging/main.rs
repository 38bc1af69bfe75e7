//! What is handed out: the static binary, the image made of it, and the files in `examples`.
//!
//! `tests/run` builds the binary (`cargo build --release --target x86_64-unknown-linux-musl`) and installs what builds images,
//! kustomizations and schemas' judgements. Without them these tests say so and are skipped, unless they must be there.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod binary;
mod config_repo;
#[path = "../support/exchange.rs"]
#[expect(dead_code, reason = "only the status of answers counts")]
mod exchange;
mod image;
mod listening;
mod manifests;
mod operations;
mod pipelines;
#[path = "../support/plain_yaml.rs"]
mod plain_yaml;
#[path = "../support/process.rs"]
mod process;
mod root;
#[path = "../support/servers.rs"]
#[expect(dead_code, reason = "only the Git server by HTTP is needed")]
mod servers;
#[path = "../program/world.rs"]
#[expect(dead_code, reason = "these tests need little of what it can do")]
mod world;

use std::path::PathBuf;

/// A file or folder of this repository.
fn ours(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
