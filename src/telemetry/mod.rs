//! What the service tells of itself: one line in the log for each thing that happens, and numbers for Prometheus. Both are
//! folds over facts; nothing in the core writes a log.
//!
//! | file | says |
//! |---|---|
//! | `log` | lines, as text for people or JSON for programs |
//! | `run` | the events of one run, each with the run's id |
//! | `families` | the names under which Prometheus sees what is counted |
//! | `metrics` | what is counted |
//! | `histogram` | times, counted by how long they were |
//! | `process` | what the machine says of this process |
//! | `exposition` | Prometheus' text format |

mod exposition;
mod families;
mod histogram;
mod log;
mod metrics;
mod process;
mod run;

pub use families::{FAMILIES, Family, Kind};
pub use log::{Level, Log, LogFormat, Value};
pub use metrics::{MAX_HOSTS, Metrics, OTHER_HOSTS, Peer, Place, Result as RunResult, Seen};
pub use process::{Process, Sample};
pub use run::RunLog;
