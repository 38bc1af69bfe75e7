//! Traces: one for each run, sent to a collector as OTLP/HTTP with JSON, by option.
//!
//! ```text
//!  Observer ──events of a run──▶ recording ──spans──▶ queue (bounded) ──batch──▶ destination ──▶ http
//!
//!  run                                   repository, branch, result, what it asked about
//!  ├── snapshot ├── policies ├── scan    the stages, one after the other; again after a lost race
//!  ├── plan
//!  │   └── list                          one for each registry host that was asked
//!  ├── publish
//!  └── pull-requests
//! ```
//!
//! Nothing here is waited for by a run: spans that find no room or no collector are dropped, counted and told once.
//! The format is <https://opentelemetry.io/docs/specs/otlp/>, 1.9; trace and span ids are those of W3C Trace Context.
//!
//! | file | says |
//! |---|---|
//! | `span` | ids and spans as plain data, and how OTLP/JSON spells them |
//! | `recording` | the events of one run become spans; pure |
//! | `queue` | what waits to be sent, within bounds; pure |
//! | `answer` | what a collector's answer means; pure |
//! | `headers` | headers by which a collector knows us, as a file and as a variable spell them; pure |
//! | `destination` | where spans go: one attempt |
//! | `exporter` | batches, pauses, the last words |
//! | `tracer` | the service's observer |

mod answer;
mod destination;
mod exporter;
mod headers;
mod queue;
mod recording;
mod span;
mod tracer;

pub use destination::{Destination, ReadHeaders};
pub use exporter::{BATCH_AFTER, Exporter, GIVE_UP_AFTER};
pub use headers::{Headers, MAX_HEADERS, of_lines, of_variable};
pub use queue::{MAX_BATCH, MAX_BATCH_BYTES, MAX_WAITING, MAX_WAITING_BYTES};
pub use recording::MAX_HOSTS;
pub use span::MAX_TEXT;
pub use tracer::Tracer;
