//! The distribution protocol and the client that speaks it (OCI distribution specification 1.1, read side).
//!
//! Requests are built and answers are read by pure functions; one file sends. In the order of a conversation:
//!
//! | file | holds |
//! |---|---|
//! | `request` | what is asked: a page of tags, a manifest, a token |
//! | `response`, `refusal` | what an answer means: page, digest, token, or the reason why not |
//! | `metadata` | what a manifest and a configuration say about an image |
//! | `referrers`, `attached` | what refers to a manifest, and content by its digest: read, and asked for |
//! | `challenge`, `link` | the two headers with a grammar of their own |
//! | `mirrors`, `paging` | where a repository is asked for instead; pages as registries really give them |
//! | `listing` | the pages of one list put together; loops and endless lists end here |
//! | `credentials`, `scope`, `docker_config` | which login goes to which repository |
//! | `helper`, [`cloud`] | logins that a program or a cloud gives |
//! | `keyring` | who we are in the end: the entry for a repository, asked for, kept and read anew |
//! | `kept` | what is good for a while and fetched once |
//! | `known` | what images said about themselves, by digest |
//! | `host`, `token` | what is remembered: address and authentication of a host, tokens until they expire |
//! | `passes` | what goes with a request: nothing, a login, a token |
//! | `conversation` | one question, until there is a whole answer or a reason |
//! | `client` | the port's adapter |
//! | [`check`] | the same steps one by one, for a person who wonders which of them fails |
//! | `embedded` | a small registry in this process, for the demo and for tests |
//!
//! Rules: a list is whole or it is an error. Nothing a registry says is believed without a limit. A token or password goes
//! to the registry's origin and the token service it named, over HTTPS unless both are on one plain host, nowhere else.
//! An image whose registry wants nothing costs one request per page; one that wants tokens, one more per repository, and
//! each host one refusal (401) per client.
//!
//! It decides nothing about tags and keeps nothing on disk itself. Files and the environment are read by whoever gives it
//! [`Machine`]; the only programs it starts are credential helpers.

mod attached;
mod challenge;
pub mod check;
mod client;
pub mod cloud;
mod conversation;
mod credentials;
mod docker_config;
pub mod embedded;
mod helper;
mod host;
mod kept;
mod keyring;
mod known;
mod link;
mod listing;
mod metadata;
mod mirrors;
mod paging;
mod passes;
mod referrers;
mod refusal;
mod request;
mod response;
mod scope;
mod token;

pub use client::{Client, DEFAULT_PATIENCE, HostOptions, Options};
pub use credentials::{Credentials, Helpers};
pub use docker_config::InvalidDockerConfig;
pub use helper::{HELPER_TIMEOUT, HelperName, InvalidHelperName, MAX_HELPER_ANSWER};
pub use keyring::{LOOK_AGAIN, Machine, Reread};
pub use listing::{MAX_LIST_BYTES, MAX_PAGES, MAX_TAGS};
pub use metadata::{MAX_CONFIG_BYTES, MAX_LABEL_BYTES};
pub use mirrors::Mirrors;
pub use paging::{MAX_GOOGLE_PAGE_BYTES, MAX_PAGE_BYTES, PAGE_SIZE};
pub use referrers::{MAX_REFERRERS, MAX_REFERRERS_BYTES};
pub use request::{MAX_MANIFEST_BYTES, MAX_TOKEN_BYTES};
