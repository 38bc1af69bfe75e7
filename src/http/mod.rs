//! HTTP client, timeouts, retries, redaction.
