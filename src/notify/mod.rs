//! Notifications: people are told what the service did, what it cannot do without them, and what keeps failing.
//!
//! ```text
//!  Observer ──run──▶ gather ──news──▶ told ──what is new──▶ message ──▶ desk (bounded, kept) ──▶ slack, teams, ... ──▶ http
//! ```
//!
//! A run becomes at most one message for each receiver. What lasts (a hold, a failure) is told once, until it changes, is over, or
//! the reminder is due. What was told and what waits to be sent are notes in the store, so that a restart neither repeats nor
//! loses them. Nothing here is waited for by a run.
//!
//! | file | says |
//! |---|---|
//! | `gather` | what a run's end means for people |
//! | `person` | which holds only a person can lift |
//! | `pulls` | which pull requests people have merged or closed |
//! | `told` | what is told now, given what was told before |
//! | `message` | news of one run together, bounded |
//! | `text` | lines for people, cut at the bounds of a medium |
//! | `slack`, `teams`, `discord`, `webhook`, `cloud_events` | a message as each medium wants it |
//! | `sender` | one message to one receiver, and what its answer means |
//! | `desk` | what waits for one receiver: order, rate, pauses, bounds |
//! | `office` | all desks: takes in, sends, remembers, drains |
//! | `reporter` | the service's observer |

mod cloud_events;
mod desk;
mod discord;
mod gather;
mod message;
mod office;
mod person;
mod pulls;
mod reporter;
mod sender;
mod slack;
mod teams;
mod text;
mod told;
mod webhook;

pub use desk::MAX_WAITING;
pub use message::{MAX_NEWS, Message};
pub use office::Office;
pub use person::{Telling, needs_person};
pub use sender::{GIVE_UP_AFTER, Outcome, ReadSecret, Sender};
pub use webhook::{SigningSecret, signature};
