//! Config repositories.
