//! Commands, wiring, exit statuses.
