//! The one way out over HTTP: timeouts, retries with jitter and `Retry-After`, bounded bodies, redacted errors.
//!
//! Rules:
//! - every wait, size and count has a documented limit; nothing is read that nobody asked for;
//! - a redirect to another origin is followed only over HTTPS and without credentials;
//! - one host gets a bounded number of requests in flight and a second, fewer when it says that little is left, none while
//!   it has asked to be left alone or is down; what a host did is told once;
//! - no error text contains user information, a query or a header that was sent.
//!
//! It knows no registry and no forge: it sends what may be repeated, and gives back what came.
//!
//! ```no_run
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use landwaiter::http::{Client, Options, Request};
//! let client = Client::new(Options::new("landwaiter/0.1"))?;
//! let answer = client.send(Request::get("https://registry.example.com/v2/".parse()?)).await?;
//! println!("{}", answer.status);
//! # Ok(()) }
//! ```

mod allowance;
mod budget;
mod circuit;
mod client;
mod exchange;
mod host;
mod options;
mod redact;
mod retry;
mod silence;
mod tls;

pub use allowance::PULLS_LEFT_ALONE;
pub use budget::{DEFAULT_RATE, Rate};
pub use circuit::{DOWN_AFTER, DOWN_FOR};
pub use client::{Client, MAX_REDIRECTS};
pub use exchange::{Answer, Body, Error, ErrorKind, Method, Request};
pub use host::{DEFAULT_CONCURRENCY, authority, is_loopback};
pub use options::{HostOptions, Options, Timeouts, Watcher, WayOut};
pub use redact::{MAX_DETAIL, clean, display_url};
pub use retry::{Retry, retry_after};
pub use silence::LONGEST_SILENCE;
pub use tls::{InvalidCertificate, install_crypto_provider};
