//! Landwaiter writes container-image updates back to Git.
//!
//! This page is the map. The data flow is the way through the house, and the modules are listed in that order: a reader who
//! takes them one after the other never has to turn back.
//!
//! ```text
//!  config ──┐
//!           ▼
//!  site ──references──▶ registry ──tags──▶ policy ──decision──▶ plan ──changes──▶ edit ──bytes──▶ git / forge ──▶ render
//!  (discover)           (scan)            (select)             (what + why)      (splice, prove)  (commit, PR)    (text, json)
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`text`] | byte spans, positions, diagnostics with a caret |
//! | [`template`] | texts with holes, bounded: what commits are to say |
//! | [`image`] | repository, tag, digest, image reference: parsed without loss |
//! | [`signature`] | whether an image is signed by whom it must be: keys, identities, proofs |
//! | [`schedule`] | cron expressions and what is run next, windows in which changes may be written |
//! | [`version`] | the range dialect, exact numbers, natural order, the history of a branch |
//! | [`policy`] | filter, order, guards: a decision that knows why each other tag was passed over |
//! | [`yaml`] | the one adapter round the YAML parser: nodes and comments with byte spans |
//! | [`site`] | finds references in files: markers and shapes |
//! | [`edit`] | splices new values into the bytes and proves that nothing else moved |
//! | [`plan`] | references and decisions become changes and holds; commit texts; what somebody took back; the ledger |
//! | [`config`] | policy files and settings: shapes, checks with carets, schemas, shipped policies |
//! | [`port`] | the narrow traits at the edges: registry, config repository, source history, store, clock |
//! | [`cycle`] | one run: scan, select, edit, write |
//! | [`render`] | plans, explanations and reports for people and machines |
//! | [`http`] | client, timeouts, retries, redaction |
//! | [`registry`] | the distribution protocol as pure functions, and the client that speaks it |
//! | [`git`] | config repositories: local, remote, checkout; commit and push by compare-and-swap; histories of sources |
//! | [`forge`] | pull requests on the forges: GitHub and the others |
//! | [`store`] | what is remembered between runs, and may be deleted at any time |
//! | [`telemetry`] | logs and metrics: folds over what happens |
//! | [`webhook`] | what registries and forges tell of pushes, read as little as possible; who may tell |
//! | [`service`] | triggers become runs; health, metrics, the end |
//! | [`notify`] | people are told: Slack, Teams, Discord, webhooks, CloudEvents |
//! | [`trace`] | one trace for each run, sent to a collector by OTLP |
//! | [`cli`] | commands, wiring, exit statuses |
//!
//! The order of the table is the layering: a module uses only modules above it. `tests/architecture.rs` holds the exact
//! table and fails when a `use` breaks it. Everything from `text` to `config` does no I/O, reads no clock and no
//! environment.

pub mod text;
pub mod template;
pub mod image;
pub mod signature;
pub mod schedule;
pub mod version;
pub mod policy;
pub mod yaml;
pub mod site;
pub mod edit;
pub mod plan;
pub mod config;
pub mod port;
pub mod cycle;
pub mod render;
pub mod http;
pub mod registry;
pub mod git;
pub mod forge;
pub mod store;
pub mod telemetry;
pub mod webhook;
pub mod service;
pub mod notify;
pub mod trace;
pub mod cli;
