//! The service under load for as long as one likes: nothing may be lost, and memory must not grow.
//!
//! `cargo bench --bench soak` runs `landwaiter serve` for a minute; `SOAK_SECONDS=3600` for an hour. Meanwhile
//!
//! - a config repository names 1,000 images, of which one gets a new tag every two seconds;
//! - 50 webhooks come in each second: for each new tag one, all others for images that have nothing new;
//! - one request in ten to the registry fails: refused, asked to wait, answered late, or cut off in the middle;
//! - the Git server cuts every connection and is gone for three seconds, every minute.
//!
//! Then nothing is pushed any more, and the branch must come to name the newest tag of every image. It prints resident memory, how long
//! pushes took to become commits, and what was answered. It needs nginx, fcgiwrap and git: `apt-get install nginx fcgiwrap git`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

mod book;
mod config;
mod outage;
mod registry;
mod sender;
#[path = "../whole_run/servers.rs"]
mod servers;
mod service;

use book::Book;
use outage::Outage;
use registry::Registry;
use sender::Sender;
use servers::Servers;
use service::Serving;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Image repositories.
pub(crate) const IMAGES: usize = 1_000;
/// Between two new tags.
const PUSH: Duration = Duration::from_secs(2);
/// Between two webhooks.
pub(crate) const EVENT: Duration = Duration::from_millis(20);
/// The Git server goes this often, for so long.
const OUTAGE: Duration = Duration::from_secs(60);
const GONE: Duration = Duration::from_secs(3);
/// After the last push everything must have been written within this: a tick of the usual schedule, and a failed run.
const REST: Duration = Duration::from_secs(900);
/// Goals: the whole process, and its growth from the tenth minute on.
const MOST_MEMORY: f64 = 96.0;
const GROWTH: f64 = 1.10;

fn main() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
    let duration = Duration::from_secs(seconds);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/soak");
    let _ = std::fs::remove_dir_all(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let git = Servers::start(&folder);
    let mut outages = Outage::new(&folder);
    let registry = Arc::new(runtime.block_on(Registry::start()));
    let bare = config::repository(&folder, &registry.host());
    let url = format!("http://{}/git/config.git", git.host());
    let serving = Serving::start(&folder, &url);
    let sender = Arc::new(Sender::new(serving.webhooks(), registry.host()));
    let noise = runtime.spawn(Arc::clone(&sender).noise());
    println!("{IMAGES} images, {seconds} s; resident memory in MiB");

    let mut book = Book::default();
    let (start, mut next_outage) = (Instant::now(), Instant::now() + OUTAGE);
    let mut tenth_minute = None;
    let mut pushes = 0;
    while start.elapsed() < duration {
        let (image, version) = registry.push_next();
        book.pushed(image, version);
        pushes += 1;
        runtime.block_on(sender.tell(image));
        if Instant::now() >= next_outage {
            outages.happens(GONE);
            next_outage += OUTAGE;
        }
        let due = start + PUSH * pushes;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let memory = serving.resident();
        book.remembers(memory);
        if start.elapsed() >= Duration::from_secs(600) && tenth_minute.is_none() {
            tenth_minute = Some(memory);
        }
        if pushes.is_multiple_of(150) {
            println!("{:>6} s {memory:>7.1}  {} pushes", start.elapsed().as_secs(), pushes);
        }
    }
    noise.abort();
    let end = serving.resident();
    let rest = Instant::now();
    while !config::is_newest(&bare, &registry) {
        assert!(rest.elapsed() < REST, "updates were lost:\n{}", config::behind(&bare, &registry).join("\n"));
        std::thread::sleep(Duration::from_secs(1));
    }
    println!("all newest tags are written {} s after the last push", rest.elapsed().as_secs());
    book.read(&bare, &registry.host());
    println!("{book}");
    println!("webhooks: {}", sender.answers());
    println!("registry: {}", registry.answers());
    println!("runs: {}", serving.runs());
    let most = serving.most();
    println!(
        "resident memory: {} MiB in the tenth minute, {end:.1} at the end, {most:.1} at most",
        tenth_minute.map_or("-".to_owned(), |memory| format!("{memory:.1}")),
    );
    serving.stop();
    assert!(most <= MOST_MEMORY, "more than {MOST_MEMORY} MiB");
    if let Some(tenth) = tenth_minute {
        assert!(end <= tenth * GROWTH, "memory grew from {tenth:.1} to {end:.1} MiB");
    }
}
