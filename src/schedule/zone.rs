//! Time zones by their IANA names, from the data that is compiled in: the same plan on every machine, whatever is installed
//! there.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use std::fmt;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    /// UTC.
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone called `name`, such as `Europe/Berlin` or `UTC`; case does not count.
    pub fn parse(name: &str) -> Option<Zone> {
        match name {
            "UTC" => Some(Zone::default()),
            name => TimeZoneDatabase::bundled().get(name).ok().map(Zone),
        }
    }

    /// Every name that [`Zone::parse`] knows.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// What the clocks of the zone show.
    pub(super) fn clock(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The moments at which the clocks show this minute of this day: one as a rule, two when they are set back over it,
    /// none when they are set forward over it. Minute 1440 is the next midnight.
    pub(super) fn moments(&self, day: Date, minute: u16) -> impl Iterator<Item = Timestamp> {
        let civil = match minute {
            1440 => day.tomorrow().ok().map(|next| next.at(0, 0, 0, 0)),
            minute => Some(day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0)),
        };
        civil.into_iter().flat_map(|civil| {
            let at = self.0.to_ambiguous_timestamp(civil);
            let (earlier, later) = (at.earlier().ok(), at.later().ok());
            let shows = |moment: &Timestamp| self.clock(*moment) == civil;
            let second = later.filter(|later| Some(*later) != earlier);
            [earlier, second].into_iter().flatten().filter(shows).collect::<Vec<_>>()
        })
    }

    /// How far the clocks are ahead of UTC.
    pub(super) fn offset(&self, at: Timestamp) -> Offset {
        self.0.to_offset(at)
    }

    /// When the clocks were last set, at `at` or before.
    pub(super) fn last_change(&self, at: Timestamp) -> Option<Timestamp> {
        let just_after = Timestamp::from_second(at.as_second() + 1).ok()?;
        self.0.preceding(just_after).next().map(|change| change.timestamp())
    }

    /// The next moments at which the clocks are set.
    pub(super) fn changes(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.0.following(after).map(|change| change.timestamp())
    }

    /// The moment as people write it: `2026-11-23 09:00 +01:00 (Europe/Berlin)`.
    pub(super) fn describe(&self, at: Timestamp) -> String {
        let shown = at.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string();
        format!("{shown} ({self})")
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn zones_have_names_and_come_along() {
        assert_eq!(Zone::parse("Europe/Berlin").unwrap().to_string(), "Europe/Berlin");
        assert_eq!(Zone::parse("europe/berlin").unwrap().to_string(), "Europe/Berlin");
        assert_eq!(Zone::parse("UTC").unwrap().to_string(), "UTC");
        assert_eq!(Zone::parse("Europe/Berlim"), None);
        assert!(Zone::names().len() > 400);
    }

    #[test]
    fn a_minute_is_shown_once_twice_or_never() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let moments = |day, minute| berlin.moments(day, minute).map(|at| at.to_string()).collect::<Vec<_>>();
        assert_eq!(moments(date(2026, 7, 1), 540), ["2026-07-01T07:00:00Z"]);
        assert_eq!(moments(date(2026, 3, 29), 150), [""; 0], "clocks go from 02:00 to 03:00");
        assert_eq!(moments(date(2026, 10, 25), 150), ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]);
        assert_eq!(moments(date(2026, 12, 31), 1440), ["2026-12-31T23:00:00Z"]);
    }
}
