//! Several windows together: whether changes may be written now, and when they may be next.
//!
//! Writing is allowed when one of the `allow` windows is open, or there is none, and no `deny` window is open.
//!
//! ```
//! use landwaiter::schedule::{Days, Window, Windows, Zone};
//! let zone = Zone::parse("Europe/Berlin").unwrap();
//! let office = Window { days: Days::parse("mon-fri").unwrap(), from: 9 * 60, to: 16 * 60, zone, ..Window::default() };
//! let windows = Windows::new(vec![office]);
//! let saturday = 1_795_255_200; // 2026-11-21 10:00 in Berlin
//! let closed = windows.closed(saturday).unwrap();
//! assert_eq!(closed.opens.unwrap(), "2026-11-23 09:00 +01:00 (Europe/Berlin)");
//! ```

use super::window::{Effect, Window};
use super::zone::Zone;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use std::collections::BTreeMap;

/// The most windows of one policy.
pub const MAX_WINDOWS: usize = 16;
/// Days that are looked at from today, and from every day on which a window's dates begin or end: between those all weeks are
/// alike, but for the one in which the clocks are set.
const LOOKED_AT: i64 = 15;
/// How many settings of the clocks are looked at after such a day.
const CHANGES: usize = 2;

/// When changes may be written; without a window, always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

/// Nothing may be written now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What the `deny` window that is open says about itself; `None` when it is only that no other window is open.
    pub denied: Option<String>,
    /// When writing is allowed next, for people; `None` when never again.
    pub opens: Option<String>,
}

impl Windows {
    pub fn new(windows: Vec<Window>) -> Windows {
        Windows(windows)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing may be written at `now`, seconds since 1970.
    pub fn closed(&self, now: i64) -> Option<Closed> {
        let at = Timestamp::from_second(now).ok()?;
        if self.allows(at) {
            return None;
        }
        let denied = self.open(at, Effect::Deny).next().map(describe);
        Some(Closed { denied, opens: self.opens(at).map(|(opens, zone)| zone.describe(opens)) })
    }

    fn allows(&self, at: Timestamp) -> bool {
        let any = self.0.iter().any(|window| window.effect == Effect::Allow);
        (!any || self.open(at, Effect::Allow).next().is_some()) && self.open(at, Effect::Deny).next().is_none()
    }

    fn open(&self, at: Timestamp, effect: Effect) -> impl Iterator<Item = &Window> {
        self.0.iter().filter(move |window| window.effect == effect && window.shows(window.zone.clock(at)))
    }

    /// The first moment after `now` at which writing is allowed, and on whose clock it is told.
    fn opens(&self, now: Timestamp) -> Option<(Timestamp, &Zone)> {
        let mut moments: BTreeMap<Timestamp, &Zone> = BTreeMap::new();
        for window in &self.0 {
            let boundary = if window.effect == Effect::Allow { window.from } else { window.to };
            let over_midnight = window.effect == Effect::Deny && window.to < window.from;
            for day in self.days(window.zone.clock(now).date()) {
                let ends = if over_midnight { day.tomorrow().ok() } else { Some(day) };
                let moments_of_day = ends.into_iter().flat_map(|day| window.zone.moments(day, boundary));
                for moment in moments_of_day.filter(|moment| *moment > now) {
                    moments.entry(moment).or_insert(&window.zone);
                }
            }
            // An hour that the clocks skip begins nowhere: then the window opens with the setting of the clocks, if it does.
            for day in self.turning_days(window.zone.clock(now).date()) {
                let Some(start) = window.zone.moments(day, 0).next() else { continue };
                for change in window.zone.changes(start.max(now)).take(CHANGES) {
                    moments.entry(change).or_insert(&window.zone);
                }
            }
        }
        moments.into_iter().find(|(moment, _)| self.allows(*moment))
    }

    /// Today, and the days on which a window's dates begin or have just ended.
    fn turning_days(&self, today: Date) -> Vec<Date> {
        let dates = self.0.iter().flat_map(|window| [window.first, window.last.and_then(|last| last.tomorrow().ok())]);
        let mut days: Vec<Date> = dates.flatten().filter(|day| *day > today).chain([today]).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Every day that can be the next one.
    fn days(&self, today: Date) -> Vec<Date> {
        let near = |day: Date| (-1..=LOOKED_AT).filter_map(move |by| day.checked_add(Span::new().days(by)).ok());
        let mut days: Vec<Date> = self.turning_days(today).into_iter().flat_map(near).collect();
        days.sort_unstable();
        days.dedup();
        days
    }
}

fn describe(window: &Window) -> String {
    window.reason.clone().unwrap_or_else(|| "a `deny` window is open".to_owned())
}

#[cfg(test)]
mod tests;
