//! One run from scan to publish.
