//! When things happen: cron expressions, what is to be done next, and the windows of time in which changes may be written.
//!
//! Pure: the time is an argument, and the time zones are the IANA ones that are compiled in, never the machine's.
//!
//! | file | says |
//! |---|---|
//! | `cron` | expressions of five fields, and six with seconds, as they are written |
//! | `field` | one field of an expression, and what a name chooses for `H` |
//! | `timetable` | the moments that an expression means on the clocks of one time zone |
//! | `queue` | which run is next: bursts, missed ticks, one in flight, waits after failures |
//! | `window` | one window: weekdays, hours, dates, on the clock of one time zone |
//! | `windows` | several windows together: whether writing is allowed now, and when it will be |
//! | `freeze` | one time in which nothing is written at all, by the operator's word |
//! | `zone` | time zones by name |

mod cron;
mod field;
mod freeze;
mod queue;
mod timetable;
mod window;
mod windows;
mod zone;

pub use cron::{Cron, CronError};
pub use freeze::Freeze;
pub use queue::{Queue, Rules, back_off};
pub use timetable::Timetable;
pub use window::{Days, Effect, MINUTES_A_DAY, Window};
pub use windows::{Closed, MAX_WINDOWS, Windows};
pub use zone::Zone;

/// The day of a moment (seconds since 1970) in UTC, `YYYY-MM-DD`; empty for a moment outside the calendar.
pub fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
}
