//! The moments that a cron expression means on the clocks of one time zone.
//!
//! Twice a year clocks are set. What happens then follows Debian's cron:
//!
//! | the expression | an hour that is skipped | an hour that is shown twice |
//! |---|---|---|
//! | names minute and hour (`30 2 * * *`) | one moment for all that was skipped, as soon as the clocks go on | the first time only |
//! | has `*` or `*/n` for minute or hour | goes by the time that passes: nothing is made up for | goes by the time that passes: both times |

use super::zone::Zone;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// How far ahead is looked, in seconds: fifty years. The rarest expressions, a 29th of February that must be a certain weekday,
/// come within forty.
const HORIZON: i64 = 50 * 366 * 86_400;

/// The moments of one expression, for one name, in one time zone. One bit for each value that a field allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) days: u64,
    pub(super) months: u64,
    /// Sunday is 0.
    pub(super) weekdays: u64,
    /// A date needs the right day and the right weekday; otherwise either will do.
    pub(super) both_days: bool,
    /// Minute or hour begin with `*`.
    pub(super) by_elapsed_time: bool,
    pub(super) zone: Zone,
}

impl Timetable {
    /// The first moment after `after`, both in seconds since 1970; `None` when there is none within fifty years, or within the
    /// calendar.
    pub fn next(&self, after: i64) -> Option<i64> {
        let end = Timestamp::from_second(after.checked_add(HORIZON)?).ok()?;
        let mut at = Timestamp::from_second(after.checked_add(1)?).ok()?;
        // Between two changes of the clocks the calendar is plain arithmetic.
        loop {
            let offset = self.zone.offset(at);
            let change = self.zone.changes(at).next().filter(|change| *change < end);
            let until = offset.to_datetime(change.unwrap_or(end));
            let from = match self.shown_before(at) {
                Some(shown) => offset.to_datetime(at).max(shown),
                None => offset.to_datetime(at),
            };
            if let Some(found) = self.within(from, until) {
                return offset.to_timestamp(found).ok().map(|moment| moment.as_second());
            }
            at = change?;
            let resumed = self.zone.offset(at).to_datetime(at);
            if !self.by_elapsed_time && self.within(until, resumed).is_some() {
                return Some(at.as_second());
            }
        }
    }

    /// What the clocks had shown already when they were last set back before `at`, if that counts.
    fn shown_before(&self, at: Timestamp) -> Option<DateTime> {
        if self.by_elapsed_time {
            return None;
        }
        let change = self.zone.last_change(at)?;
        let before = self.zone.offset(Timestamp::from_second(change.as_second() - 1).ok()?);
        Some(before.to_datetime(change))
    }

    /// The first reading of the clocks from `from` on and before `until`.
    fn within(&self, from: DateTime, until: DateTime) -> Option<DateTime> {
        let (mut date, time) = (from.date(), from.time());
        let mut start = (time.hour() as u32, time.minute() as u32, time.second() as u32);
        while date.at(0, 0, 0, 0) < until {
            if !has(self.months, date.month() as u32) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if let Some((hour, minute, second)) = self.is_on(date).then(|| self.time(start)).flatten() {
                let found = date.at(hour as i8, minute as i8, second as i8, 0);
                return (found < until).then_some(found);
            } else {
                date = date.tomorrow().ok()?;
            }
            start = (0, 0, 0);
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let on_day = has(self.days, date.day() as u32);
        let on_weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset() as u32);
        has(self.months, date.month() as u32)
            && if self.both_days { on_day && on_weekday } else { on_day || on_weekday }
    }

    /// The first time of day from `start` on.
    fn time(&self, start: (u32, u32, u32)) -> Option<(u32, u32, u32)> {
        let hour = first(self.hours, start.0)?;
        let (minute, second) = if hour == start.0 { (start.1, start.2) } else { (0, 0) };
        if let Some(found) = first(self.minutes, minute) {
            let second = if found == minute { second } else { 0 };
            if let Some(second) = first(self.seconds, second) {
                return Some((hour, found, second));
            }
            if let Some(found) = first(self.minutes, found + 1) {
                return Some((hour, found, first(self.seconds, 0)?));
            }
        }
        let hour = first(self.hours, hour + 1)?;
        Some((hour, first(self.minutes, 0)?, first(self.seconds, 0)?))
    }
}

fn has(bits: u64, value: u32) -> bool {
    bits & (1 << value) != 0
}

/// The smallest value from `from` on.
fn first(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Cron;

    fn timetable(cron: &str, zone: &str) -> Timetable {
        Cron::parse(cron).unwrap().timetable("web", Zone::parse(zone).unwrap())
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    /// The moments after `from`, as UTC shows them, without the year's first letters and the seconds.
    fn next(cron: &str, zone: &str, from: &str, count: usize) -> String {
        let table = timetable(cron, zone);
        let mut moment = at(from);
        let shown = (0..count).map(|_| {
            moment = table.next(moment).unwrap();
            Timestamp::from_second(moment).unwrap().strftime("%m-%dT%H:%M").to_string()
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_next_moment_is_after_and_on_the_calendar() {
        for (cron, from, expected) in [
            ("*/5 * * * *", "2026-11-20T10:00:00Z", "11-20T10:05 11-20T10:10"),
            ("*/5 * * * *", "2026-11-20T10:04:59Z", "11-20T10:05 11-20T10:10"),
            ("59 23 * * *", "2026-11-20T23:59:00Z", "11-21T23:59 11-22T23:59"),
            ("0 0 * * mon-fri", "2026-11-20T00:00:00Z", "11-23T00:00 11-24T00:00"),
            ("0 0 31 * *", "2026-11-20T00:00:00Z", "12-31T00:00 01-31T00:00"),
            ("0 0 29 2 *", "2026-11-20T00:00:00Z", "02-29T00:00 02-29T00:00"),
            ("0 12 1 1 *", "2026-11-20T00:00:00Z", "01-01T12:00 01-01T12:00"),
            ("30 8,20 * * *", "2026-11-20T09:00:00Z", "11-20T20:30 11-21T08:30"),
        ] {
            assert_eq!(next(cron, "UTC", from, 2), expected, "{cron}");
        }
        let seconds = timetable("*/20 59 * * * *", "UTC");
        assert_eq!(seconds.next(at("2026-11-20T10:59:39Z")), Some(at("2026-11-20T10:59:40Z")));
        assert_eq!(seconds.next(at("2026-11-20T10:59:40Z")), Some(at("2026-11-20T11:59:00Z")));
    }

    #[test]
    fn day_and_weekday_together_follow_posix() {
        // 2026-11-13 is a Friday.
        assert_eq!(next("0 0 13 * fri", "UTC", "2026-10-30T00:00:00Z", 3), "11-06T00:00 11-13T00:00 11-20T00:00");
        assert_eq!(next("0 0 1 * fri", "UTC", "2026-10-30T00:00:00Z", 2), "11-01T00:00 11-06T00:00");
        assert_eq!(next("0 0 * * fri", "UTC", "2026-10-30T00:00:00Z", 2), "11-06T00:00 11-13T00:00");
        assert_eq!(next("0 0 13 * *", "UTC", "2026-10-30T00:00:00Z", 2), "11-13T00:00 12-13T00:00");
        assert_eq!(next("0 0 13 * */5", "UTC", "2026-10-30T00:00:00Z", 1), "11-13T00:00", "both, as Debian's cron");
    }

    /// Berlin: 2026-03-29 02:00 becomes 03:00 at 01:00Z. New York: 2026-03-08 02:00 becomes 03:00 at 07:00Z.
    #[test]
    fn what_lies_in_the_skipped_hour_is_made_up_for_once() {
        for (cron, zone, from, expected) in [
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "03-28T01:30 03-29T01:00 03-30T00:30"),
            ("30 2 * * *", "America/New_York", "2026-03-07T00:00:00Z", "03-07T07:30 03-08T07:00 03-09T06:30"),
            ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29T01:00 03-30T00:00 03-30T00:30"),
            ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29T01:00 03-30T00:00 03-30T01:00"),
            ("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29T01:00 03-30T01:00 03-31T01:00"),
            ("59 1 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29T00:59 03-29T23:59 03-30T23:59"),
            ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", "03-29T00:30 03-29T01:00 03-29T01:30"),
            ("17 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", "03-29T00:17 03-29T01:17 03-29T02:17"),
            ("*/30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "03-09T06:00 03-09T06:30 03-10T06:00"),
            ("15 2 8 3 *", "America/New_York", "2026-03-01T00:00:00Z", "03-08T07:00 03-08T07:15 03-08T07:15"),
        ] {
            assert_eq!(next(cron, zone, from, 3), expected, "{cron} {zone}");
        }
    }

    /// Berlin: 2026-10-25 03:00 becomes 02:00 at 01:00Z. New York: 2026-11-01 02:00 becomes 01:00 at 06:00Z.
    #[test]
    fn what_lies_in_the_doubled_hour_happens_once_unless_it_goes_by_elapsed_time() {
        for (cron, zone, from, expected) in [
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "10-25T00:30 10-26T01:30 10-27T01:30"),
            ("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "11-01T05:30 11-02T06:30 11-03T06:30"),
            ("0,30 2,3 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "10-25T00:30 10-25T02:00 10-25T02:30"),
            ("0 2 * * *", "Europe/Berlin", "2026-10-25T00:59:59Z", "10-26T01:00 10-27T01:00 10-28T01:00"),
            ("0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "10-25T02:00 10-26T02:00 10-27T02:00"),
            ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "10-25T00:00 10-25T01:00 10-25T02:00"),
            ("*/30 1 * * *", "America/New_York", "2026-11-01T04:30:00Z", "11-01T05:00 11-01T05:30 11-01T06:00"),
        ] {
            assert_eq!(next(cron, zone, from, 3), expected, "{cron} {zone}");
        }
        let nightly = timetable("30 2 * * *", "Europe/Berlin");
        assert_eq!(nightly.next(at("2026-10-25T01:10:00Z")), Some(at("2026-10-26T01:30:00Z")), "in the second hour");
    }

    #[test]
    fn odd_clocks_are_no_exception() {
        // Lord Howe Island sets its clocks by half an hour; Apia had no 30th of December 2011.
        assert_eq!(next("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 2), "10-03T15:30 10-04T15:15");
        assert_eq!(next("0 5 * * *", "Pacific/Apia", "2011-12-29T16:00:00Z", 2), "12-30T10:00 12-30T15:00");
        let leap = timetable("0 0 29 2 */7", "UTC");
        assert_eq!(leap.next(at("2088-03-01T00:00:00Z")), Some(at("2128-02-29T00:00:00Z")), "40 years, over 2100");
    }

    #[test]
    fn the_ends_of_the_calendar_have_no_next() {
        let table = timetable("* * * * *", "Europe/Berlin");
        assert_eq!(table.next(i64::MAX), None);
        assert_eq!(table.next(i64::MIN), None);
        assert_eq!(table.next(Timestamp::MAX.as_second()), None);
    }

    proptest::proptest! {
        /// Against the plainest way to ask: minute by minute. Times that the clocks skip or double are in the tables above.
        #[test]
        fn nothing_is_passed_over(minute in 0u32..60, step in 1u32..24, from in 0i64..2_000_000_000) {
            let cron = format!("{minute} */{step} * * *");
            let table = timetable(&cron, "America/New_York");
            let found = table.next(from).unwrap();
            let zone = Zone::parse("America/New_York").unwrap();
            let shows = |moment: i64| {
                let clock = zone.clock(Timestamp::from_second(moment).unwrap());
                clock.minute() as u32 == minute && (clock.hour() as u32).is_multiple_of(step) && clock.second() == 0
            };
            proptest::prop_assert!(found > from && shows(found));
            let first = from - from.rem_euclid(60) + 60;
            let before = (first..found).step_by(60).find(|moment| shows(*moment));
            proptest::prop_assert_eq!(before, None);
        }
    }
}
