//! Bodies of requests, read within bounds: of each, of all together, and of time.

use super::outcome::Outcome;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use futures::StreamExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The most bytes of one body.
pub(super) const MAX_BODY: usize = 4 << 20;
/// The most bytes of all bodies that are read at once.
const MAX_BODIES: usize = 16 << 20;
/// How long a body may take.
pub(super) const BODY_TIME: Duration = Duration::from_secs(10);

/// How many bytes are held.
#[derive(Debug, Default)]
pub(super) struct Bodies(AtomicUsize);

/// A body that was read, and its share of the bound of all.
#[derive(Debug)]
pub(super) struct Held<'a> {
    of: &'a Bodies,
    pub(super) bytes: Vec<u8>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Bodies {
    /// Reads all of it, or says why not.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held<'_>, Outcome> {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > MAX_BODY as u64) {
            return Err(Outcome::TooLarge);
        }
        let reading = self.all(body);
        tokio::time::timeout(BODY_TIME, reading).await.unwrap_or(Err(Outcome::Slow))
    }

    async fn all(&self, body: Body) -> Result<Held<'_>, Outcome> {
        let mut held = Held { of: self, bytes: Vec::new() };
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Outcome::Broken)?;
            if held.bytes.len() + chunk.len() > MAX_BODY {
                return Err(Outcome::TooLarge);
            }
            let others = self.0.fetch_add(chunk.len(), Ordering::Relaxed);
            held.bytes.extend_from_slice(&chunk);
            if others + chunk.len() > MAX_BODIES {
                return Err(Outcome::Busy);
            }
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcome(bodies: &Bodies, size: usize) -> Option<Outcome> {
        bodies.read(&HeaderMap::new(), Body::from(vec![b' '; size])).await.err()
    }

    #[tokio::test]
    async fn a_body_is_bounded_at_its_edge() {
        let bodies = Bodies::default();
        assert_eq!(outcome(&bodies, MAX_BODY).await, None);
        assert_eq!(outcome(&bodies, MAX_BODY + 1).await, Some(Outcome::TooLarge));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (MAX_BODY + 1).into());
        assert_eq!(bodies.read(&headers, Body::empty()).await.err(), Some(Outcome::TooLarge), "before a byte is read");
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded_at_their_edge() {
        let bodies = Bodies::default();
        let none = HeaderMap::new();
        let full = || bodies.read(&none, Body::from(vec![b' '; MAX_BODY]));
        let held = [full().await.unwrap(), full().await.unwrap(), full().await.unwrap(), full().await.unwrap()];
        assert_eq!(outcome(&bodies, 1).await, Some(Outcome::Busy));
        drop(held);
        assert_eq!(bodies.0.load(Ordering::Relaxed), 0, "nothing is held when all is read");
        assert_eq!(outcome(&bodies, MAX_BODY).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let bodies = Bodies::default();
        let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let begun = tokio::time::Instant::now();
        assert_eq!(bodies.read(&HeaderMap::new(), never).await.err(), Some(Outcome::Slow));
        assert_eq!(begun.elapsed(), BODY_TIME);
    }
}
