//! The distribution protocol and the client that speaks it.
