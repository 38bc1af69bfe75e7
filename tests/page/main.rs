//! The status page as people meet it: the real binary, a registry in this process, a real browser (Debian's chromium, driven by
//! the WebDriver protocol, which is JSON over HTTP). Screenshots stay in `target/page` to be looked at.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

mod access;
mod browser;
#[path = "../support/exchange.rs"]
mod exchange;
#[path = "../support/process.rs"]
mod process;
mod sight;
mod world;
