//! One window of time: on which weekdays, between which hours, on which dates, and on whose clock.
//!
//! ```yaml
//! - {days: [mon-fri], from: "09:00", to: "16:00", timeZone: Europe/Berlin}
//! - {kind: deny, dates: {first: 2026-12-18, last: 2027-01-03}, reason: end of the year}
//! ```
//!
//! The clock on the wall decides, as a person would read it: a moment lies in the window when the clocks of the time zone show a
//! time that does. So an hour that the clocks skip has no moment in it, and an hour that they show twice counts twice.
//! A window whose end is not after its beginning goes over midnight and belongs to the day on which it begins.

use super::zone::Zone;
use jiff::civil::{Date, DateTime, Weekday};

/// The end of a day, in minutes since midnight.
pub const MINUTES_A_DAY: u16 = 24 * 60;

/// What a window does to writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

/// A set of weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

const NAMES: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Days {
    pub const ALL: Days = Days(0b111_1111);
    pub const NONE: Days = Days(0);
    /// The names that [`Days::parse`] knows.
    pub const WORDS: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// One day, `sat`, or a range, `mon-fri`; a range may go over the end of the week, `fri-mon`.
    pub fn parse(text: &str) -> Option<Days> {
        let at = |name: &str| NAMES.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (at(first)?, at(last)?);
        let length = (last + 7 - first) % 7;
        Some((first..=first + length).fold(Days::NONE, |days, day| days.and(Days(1 << (day % 7)))))
    }

    /// The days of both.
    pub fn and(self, other: Days) -> Days {
        Days(self.0 | other.0)
    }

    fn has(self, day: Weekday) -> bool {
        let at = NAMES.iter().position(|(_, known)| *known == day);
        at.is_some_and(|at| self.0 & (1 << at) != 0)
    }
}

/// A window that comes again every week, as long as its dates let it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub effect: Effect,
    pub days: Days,
    /// Minutes since midnight, below [`MINUTES_A_DAY`].
    pub from: u16,
    /// Minutes since midnight, at most [`MINUTES_A_DAY`]; not equal to `from`.
    pub to: u16,
    /// The first and the last day on which it begins.
    pub first: Option<Date>,
    pub last: Option<Date>,
    pub zone: Zone,
    /// Why, for people.
    pub reason: Option<String>,
}

impl Default for Window {
    /// Always.
    fn default() -> Window {
        Window {
            effect: Effect::Allow,
            days: Days::ALL,
            from: 0,
            to: MINUTES_A_DAY,
            first: None,
            last: None,
            zone: Zone::default(),
            reason: None,
        }
    }
}

impl Window {
    /// Whether the window is open when its clocks show this.
    pub(super) fn shows(&self, clock: DateTime) -> bool {
        let minute = clock.hour() as u16 * 60 + clock.minute() as u16;
        let today = self.begins_on(clock.date());
        if self.from < self.to {
            return today && (self.from..self.to).contains(&minute);
        }
        let yesterday = || clock.date().yesterday().is_ok_and(|day| self.begins_on(day));
        (today && minute >= self.from) || (minute < self.to && yesterday())
    }

    /// Whether it never closes.
    pub fn is_always(&self) -> bool {
        let whole = self.from == 0 && self.to == MINUTES_A_DAY;
        whole && self.days == Days::ALL && self.first.is_none() && self.last.is_none()
    }

    fn begins_on(&self, day: Date) -> bool {
        self.days.has(day.weekday())
            && self.first.is_none_or(|first| first <= day)
            && self.last.is_none_or(|last| day <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_names_and_ranges() {
        let days = |text: &str| {
            let days = Days::parse(text)?;
            Some(NAMES.iter().filter(|(_, day)| days.has(*day)).map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(days("mon-fri").unwrap(), "mon tue wed thu fri");
        assert_eq!(days("Sat").unwrap(), "sat");
        assert_eq!(days("fri-mon").unwrap(), "mon fri sat sun");
        assert_eq!(days("sun-sun").unwrap(), "sun");
        for wrong in ["", "-", "mon-", "monday", "mon-fri-sun", "1"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let night = Window { days: Days::parse("fri").unwrap(), from: 22 * 60, to: 4 * 60, ..Window::default() };
        for (day, hour, open) in [
            (date(2026, 11, 20), 21, false),
            (date(2026, 11, 20), 22, true),
            (date(2026, 11, 21), 3, true),
            (date(2026, 11, 21), 4, false),
            (date(2026, 11, 20), 3, false),
            (date(2026, 11, 21), 22, false),
        ] {
            assert_eq!(night.shows(day.at(hour, 0, 0, 0)), open, "{day} {hour}:00");
        }
        let last = Window { last: Some(date(2026, 11, 20)), ..night.clone() };
        assert!(last.shows(date(2026, 11, 21).at(3, 59, 59, 0)), "the last one ends the day after");
        assert!(!last.shows(date(2026, 11, 27).at(23, 0, 0, 0)));
    }
}
