//! Policy files and settings: from their texts to checked values, or to every problem with its line and a caret.
//!
//! Two files, two authors. *Policies* come from the owners of the config repository and are untrusted: they name
//! repositories, rules and how to write. *Settings* come from the operator and hold everything that touches the machine:
//! credentials (by reference, never inline), certificates, transports, and who may touch what.
//!
//! | file | holds |
//! |---|---|
//! | `tree` | YAML as an untyped tree with byte spans, bounded |
//! | `problems`, `budget` | what is wrong, collected to the end of the file; what may be spent on it |
//! | `shape`, `declare` | values that read and describe themselves; how mappings are declared, once for reader and schema |
//! | `values`, `globs`, `pattern`, `extract` | the single values: names, ranges, globs, expressions, templates |
//! | `policy_file`, `require`, `signature`, `windows`, `locations`, `check`, `doubts`, [`policies`] | policies: keys, meaning, doubts, files |
//! | [`shipped`], [`effective`] | the policies that come along; one policy with where each of its fields came from |
//! | `places`, `routes` | the single values of the settings: hosts, URLs, files, variables, sizes; mirrors, proxies, rates |
//! | [`forges`], `pulls` | on which forge a repository is, and what pull requests are like |
//! | `sources` | where `select: commit` looks, and where it may |
//! | `settings_file`, `settings_check`, [`settings`], [`tenancy`], `wording` | settings: keys, the plain data, who may touch what, the words of a commit |
//! | `webhooks` | who may tell of pushes, and how each proves who it is |
//! | `ledger` | where the ledger is kept |
//! | `notifications` | who is told what the service does |
//! | `telemetry` | where traces are sent |
//! | [`schema`] | the JSON Schemas of both |
//!
//! Everything here is pure: texts in, values and diagnostics out. Files, variables and the clock belong to others.

pub mod effective;
pub mod forges;
pub mod policies;
pub mod schema;
pub mod settings;
pub mod shipped;
pub mod tenancy;

mod budget;
mod check;
mod declare;
mod doubts;
mod extract;
mod globs;
mod ledger;
mod locations;
mod notifications;
mod pace;
mod page;
mod pattern;
mod policy_file;
mod places;
mod routes;
mod problems;
mod pulls;
mod repositories;
mod require;
mod settings_check;
mod settings_file;
mod shape;
mod signature;
mod sources;
mod telemetry;
mod tree;
mod values;
mod webhooks;
mod windows;
mod wording;
