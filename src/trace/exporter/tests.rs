//! Pauses, bounds, and what is told of trouble. Time stands still but for what is waited for.

use super::*;
use crate::http::{Client, Options, Retry};
use crate::port::Clock;
use crate::telemetry::LogFormat;
use crate::trace::{Headers, MAX_WAITING};
use std::io::Write;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_763_640_000
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Desk {
    exporter: Exporter,
    metrics: Arc<Metrics>,
    paper: Paper,
}

impl Desk {
    fn new() -> Desk {
        let (metrics, paper) = (Arc::new(Metrics::default()), Paper::default());
        let log = Log::new(LogFormat::Text, Arc::new(Noon), paper.clone());
        Desk { exporter: Exporter::new(log, Arc::clone(&metrics)), metrics, paper }
    }

    fn lines(&self, event: &str) -> usize {
        String::from_utf8(self.paper.0.lock().unwrap().clone()).unwrap().matches(event).count()
    }

    fn dropped(&self) -> usize {
        let text = self.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix("landwaiter_spans_total{result=\"dropped\"} "));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// Nobody listens there.
fn nowhere() -> Destination {
    let mut options = Options::new("test");
    options.retry = Retry { attempts: 1, ..Retry::default() };
    let client = Client::new(options).unwrap();
    let url = "http://127.0.0.1:1/v1/traces".parse().unwrap();
    Destination::new(client, url, Arc::new(|| Ok(Headers::new())), "test".to_owned(), 1.0)
}

fn trace(spans: usize) -> Vec<String> {
    vec!["{}".to_owned(); spans]
}

#[test]
fn pauses_double_up_to_their_bound_and_what_is_asked_for_outranks_them() {
    let whole = |failures| pause(failures, None, 1.0).as_secs();
    assert_eq!([1, 2, 3, 6, 7, 8, 40].map(whole), [1, 2, 4, 32, 60, 60, 60]);
    assert_eq!(pause(3, None, 0.0), Duration::from_secs(2), "at least half of it");
    assert_eq!(pause(1, Some(Duration::from_secs(90)), 0.5), Duration::from_secs(90));
    assert!((0..100).all(|attempt| (0.0..=1.0).contains(&chance(attempt))));
}

#[test]
fn what_finds_no_room_is_counted_and_told_once() {
    let desk = Desk::new();
    desk.exporter.settle(Some(nowhere()));
    desk.exporter.post(trace(MAX_WAITING));
    assert_eq!((desk.dropped(), desk.lines("traces-dropped")), (0, 0));
    desk.exporter.post(trace(7));
    desk.exporter.post(trace(3));
    assert_eq!((desk.dropped(), desk.lines("traces-dropped")), (10, 1));
    // New settings may have put it right, so that it is told again.
    desk.exporter.settle(Some(nowhere()));
    desk.exporter.post(trace(1));
    assert_eq!((desk.dropped(), desk.lines("traces-dropped")), (11, 2));
    desk.exporter.settle(None);
    assert_eq!(desk.dropped(), 11 + MAX_WAITING, "nobody wants them any more");
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_after_its_time_and_the_service_goes_on() {
    let desk = Desk::new();
    desk.exporter.settle(Some(nowhere()));
    let (begun, work) = (Instant::now(), desk.exporter.work());
    let mut work = std::pin::pin!(work);
    desk.exporter.post(trace(5));
    let wait = |limit: Duration| tokio::time::sleep(limit);
    tokio::select! {
        () = &mut work => panic!("it was not told to stop"),
        () = wait(GIVE_UP_AFTER / 2) => {}
    }
    assert_eq!((desk.dropped(), desk.lines("traces-failing")), (0, 1), "it is tried again, and told once");
    while desk.dropped() == 0 {
        tokio::select! {
            () = &mut work => panic!("it was not told to stop"),
            () = wait(Duration::from_secs(1)) => {}
        }
        assert!(begun.elapsed() < 2 * GIVE_UP_AFTER);
    }
    assert_eq!((desk.dropped(), desk.lines("traces-dropped"), desk.lines("traces-failing")), (5, 1, 1));
    // The last words are one attempt.
    desk.exporter.post(trace(2));
    desk.exporter.stop();
    let stopped = Instant::now();
    work.await;
    assert!(stopped.elapsed() < BATCH_AFTER, "{:?}", stopped.elapsed());
    desk.exporter.abandon();
    assert_eq!((desk.dropped(), desk.lines("traces-dropped")), (7, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_when_the_patience_ends_is_counted() {
    let desk = Desk::new();
    desk.exporter.settle(Some(nowhere()));
    desk.exporter.post(trace(4));
    {
        let work = std::pin::pin!(desk.exporter.work());
        // Into the first pause.
        drop(tokio::time::timeout(BATCH_AFTER + Duration::from_millis(400), work).await);
    }
    desk.exporter.post(trace(3));
    desk.exporter.abandon();
    assert_eq!((desk.dropped(), desk.lines("before they were sent")), (7, 1));
}
