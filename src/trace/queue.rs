//! What waits to be sent: spans as text, in order, bounded by number and by bytes. A trace is taken in whole or not at all.

use std::collections::VecDeque;

/// So many spans wait at most. More than one run can make: ten attempts with a hundred hosts each.
pub const MAX_WAITING: usize = 2_048;
/// So many bytes of spans wait at most.
pub const MAX_WAITING_BYTES: usize = 4 << 20;
/// So many spans are sent at once, at most.
pub const MAX_BATCH: usize = 512;
/// So many bytes of spans are sent at once, at most, but for a single span.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

/// Spans that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    spans: VecDeque<String>,
    bytes: usize,
}

impl Queue {
    /// Takes in the spans of one trace; false: there is no room for all of them, and none was taken.
    pub(super) fn put(&mut self, trace: Vec<String>) -> bool {
        let bytes = trace.iter().map(String::len).sum::<usize>();
        if self.spans.len() + trace.len() > MAX_WAITING || self.bytes + bytes > MAX_WAITING_BYTES {
            return false;
        }
        self.bytes += bytes;
        self.spans.extend(trace);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether another batch would be full.
    pub(super) fn is_full_batch(&self) -> bool {
        self.spans.len() >= MAX_BATCH || self.bytes >= MAX_BATCH_BYTES
    }

    /// Takes out what is sent next, the oldest first; empty only when nothing waits.
    pub(super) fn batch(&mut self) -> Vec<String> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(span) = self.spans.front() {
            if batch.len() == MAX_BATCH || (!batch.is_empty() && bytes + span.len() > MAX_BATCH_BYTES) {
                break;
            }
            bytes += span.len();
            batch.extend(self.spans.pop_front());
        }
        self.bytes -= bytes;
        batch
    }

    /// Drops everything, and says how much that was.
    pub(super) fn clear(&mut self) -> usize {
        let count = self.spans.len();
        *self = Queue::default();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(count: usize, bytes: usize) -> Vec<String> {
        vec!["x".repeat(bytes); count]
    }

    #[test]
    fn a_trace_is_taken_whole_or_not_at_all() {
        let mut queue = Queue::default();
        assert!(queue.put(spans(MAX_WAITING - 1, 1)));
        assert!(!queue.put(spans(2, 1)) && queue.len() == MAX_WAITING - 1);
        assert!(queue.put(spans(1, 1)) && !queue.put(spans(1, 1)));
        assert_eq!((queue.clear(), queue.len(), queue.bytes), (MAX_WAITING, 0, 0));

        assert!(queue.put(spans(4, MAX_WAITING_BYTES / 4)));
        assert!(!queue.put(spans(1, 1)), "bytes are bounded too");
    }

    #[test]
    fn batches_are_bounded_by_number_and_by_bytes_and_lose_nothing() {
        let mut queue = Queue::default();
        queue.put(spans(MAX_BATCH, 10));
        assert!(queue.is_full_batch());
        queue.put(spans(1, 10));
        assert_eq!((queue.batch().len(), queue.batch().len(), queue.batch().len()), (MAX_BATCH, 1, 0));
        assert_eq!(queue.bytes, 0);

        queue.put(spans(2, MAX_BATCH_BYTES / 2));
        assert!(queue.is_full_batch());
        queue.put(spans(1, 1));
        assert_eq!((queue.batch().len(), queue.batch().len()), (2, 1));
        queue.put(spans(1, MAX_BATCH_BYTES + 1));
        queue.put(spans(1, 1));
        assert_eq!(queue.batch().len(), 1, "one that is too large goes alone");
        assert!(!queue.is_full_batch());
    }
}
