//! What the service tells of itself: one line in the log for each thing that happens, and numbers for Prometheus. Both are
//! folds over facts; nothing in the core writes a log.
//!
//! | file | says |
//! |---|---|
//! | `log` | lines, as text for people or JSON for programs |
//! | `run` | the events of one run, each with the run's id |
//! | `metrics` | what is counted |
//! | `exposition` | Prometheus' text format |

mod exposition;
mod log;
mod metrics;
mod run;

pub use log::{Level, Log, LogFormat, Value};
pub use metrics::{FAMILIES, Family, Kind, Metrics, Place, Result as RunResult};
pub use run::RunLog;
