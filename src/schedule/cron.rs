//! Cron expressions as they are written: five fields, or six with seconds before them.
//!
//! The language is that of `crontab(5)`: minute, hour, day of the month, month, day of the week; lists, ranges and steps;
//! names for months and weekdays; Sunday is 0 and 7; `@hourly` and its siblings. When day and weekday are both restricted,
//! either is enough (POSIX). `H` is a value that a name chooses, so that a thousand schedules do not meet. There are no
//! years, and Quartz's `?`, `L`, `W` and `#` are refused by name. [`Timetable`] says which moments an expression means.
//!
//! ```
//! use landwaiter::schedule::{Cron, Zone};
//! let weekdays = Cron::parse("*/15 9-17 * * mon-fri").unwrap().timetable("web", Zone::default());
//! assert_eq!(weekdays.next(1_767_225_600), Some(1_767_258_000)); // Thursday 2026-01-01, 09:00
//! assert!(Cron::parse("* * * *").is_err());
//! ```

use super::field::{Field, KINDS};
use super::timetable::Timetable;
use super::zone::Zone;
use std::ops::Range;

/// An expression that names at least one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// Seconds, minutes, hours, days, months, weekdays.
    fields: [Field; 6],
}

impl Default for Cron {
    /// `H/10 * * * *`: every ten minutes.
    fn default() -> Cron {
        let [_, minute, hour, day, month, weekday] = &KINDS;
        Cron { fields: [Field::zero(), minute.every(10), hour.any(), day.any(), month.any(), weekday.any()] }
    }
}

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    pub message: String,
    /// The bytes of the expression the message speaks of.
    pub span: Range<usize>,
    /// What is allowed; empty when there is nothing to say.
    pub hint: String,
}

const SHORTHANDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The most days a month ever has.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    /// Reads an expression. The error points at the part of `text` that is wrong.
    pub fn parse(text: &str) -> Result<Cron, CronError> {
        if text.trim_start().starts_with('@') {
            return shorthand(text);
        }
        let parts = words(text);
        let mut fields: [Field; 6] = Default::default();
        let skipped = match parts.len() {
            6 => 0,
            5 => 1,
            found => return Err(wrong_count(text, found)),
        };
        fields[0] = Field::zero();
        for ((field, kind), span) in fields[skipped..].iter_mut().zip(&KINDS[skipped..]).zip(&parts) {
            *field = kind.field(text, span.clone())?;
        }
        let cron = Cron { fields };
        cron.happens(&parts[parts.len() - 5..])?;
        Ok(cron)
    }

    /// The moments that the expression means on the clocks of `zone`, with `H` as `name` chooses: always the same for the same
    /// name, on every machine.
    pub fn timetable(&self, name: &str, zone: Zone) -> Timetable {
        let hash = |field: usize| stable_hash(name, field as u64);
        let bits: Vec<u64> = (0..).zip(&self.fields).map(|(at, field)| field.bits(hash(at))).collect();
        let [_, minutes, hours, days, _, weekdays] = &self.fields;
        Timetable {
            seconds: bits[0],
            minutes: bits[1],
            hours: bits[2],
            days: bits[3],
            months: bits[4],
            weekdays: bits[5],
            both_days: days.starred || weekdays.starred,
            by_elapsed_time: minutes.starred || hours.starred,
            zone,
        }
    }

    /// Refuses dates that no year has, such as the 31st of February.
    fn happens(&self, parts: &[Range<usize>]) -> Result<(), CronError> {
        let [_, _, _, days, months, weekdays] = &self.fields;
        let exists = |month: u32, longest: u32| {
            (months.has(month) || months.is_spread()) && (1..=longest).any(|day| days.has(day) || days.is_spread())
        };
        let some_date = (1..).zip(LONGEST).any(|(month, longest)| exists(month, longest));
        if some_date || !weekdays.starred {
            return Ok(());
        }
        Err(CronError {
            message: "no year has such a date".to_owned(),
            span: parts[2].start..parts[3].end,
            hint: "these months have no such day".to_owned(),
        })
    }
}

/// FNV-1a over the name, stirred with the field's number so that hour and minute do not follow from each other. The result is
/// part of what the documentation promises: it must never change.
fn stable_hash(name: &str, field: u64) -> u64 {
    let fnv = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut mixed = fnv.wrapping_add(field.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

fn shorthand(text: &str) -> Result<Cron, CronError> {
    let written = text.trim();
    if let Some((_, meaning)) = SHORTHANDS.iter().find(|(name, _)| *name == written) {
        return Cron::parse(meaning);
    }
    let start = text.len() - text.trim_start().len();
    let names = SHORTHANDS.map(|(name, _)| name).join("`, `");
    Err(CronError {
        message: format!("`{written}` is no schedule"),
        span: start..start + written.len(),
        hint: format!("one of `{names}`, or five fields"),
    })
}

fn wrong_count(text: &str, found: usize) -> CronError {
    let hint = match found {
        7.. => "minute hour day month weekday, or seconds before them; there is no field for years",
        _ => "minute hour day month weekday, for example `*/5 * * * *`",
    };
    CronError { message: format!("expected five fields, found {found}"), span: 0..text.len(), hint: hint.to_owned() }
}

/// The places of the words between blanks.
fn words(text: &str) -> Vec<Range<usize>> {
    let place = |word: &str| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        start..start + word.len()
    };
    text.split_ascii_whitespace().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    /// The values of one field of `text` for the name `web`, in order.
    fn values(text: &str, field: usize) -> Vec<u32> {
        let bits = cron(text).fields[field].bits(stable_hash("web", field as u64));
        (0..64).filter(|value| bits & (1 << value) != 0).collect()
    }

    const SECONDS: usize = 0;
    const MINUTES: usize = 1;
    const HOURS: usize = 2;
    const DAYS: usize = 3;
    const MONTHS: usize = 4;
    const WEEKDAYS: usize = 5;

    #[test]
    fn fields_mean_what_crontab_says() {
        for (text, field, expected) in [
            ("*/20 * * * *", MINUTES, &[0, 20, 40][..]),
            ("5,1-3 * * * *", MINUTES, &[1, 2, 3, 5]),
            ("10-30/10 * * * *", MINUTES, &[10, 20, 30]),
            ("0 23 * * *", HOURS, &[23]),
            ("0 0 * Jan,dec *", MONTHS, &[1, 12]),
            ("0 0 * * 7", WEEKDAYS, &[0]),
            ("0 0 * * 5-7", WEEKDAYS, &[0, 5, 6]),
            ("0 0 * * fri-sun", WEEKDAYS, &[0, 5, 6]),
            ("0 0 * * sun-tue", WEEKDAYS, &[0, 1, 2]),
            ("0 0 * * */2", WEEKDAYS, &[0, 2, 4, 6]),
            ("0 0 * * *", WEEKDAYS, &[0, 1, 2, 3, 4, 5, 6]),
            ("0 0 * * *", SECONDS, &[0]),
            ("*/30 0 0 * * *", SECONDS, &[0, 30]),
            ("*/30 7 0 * * *", MINUTES, &[7]),
        ] {
            assert_eq!(values(text, field), expected, "{text}");
        }
        assert_eq!(cron("  @weekly "), cron("0 0 * * sun"));
        assert_eq!(cron("@hourly"), cron("0\t*  * * *"));
    }

    /// The values are a promise: a new version must not move anybody's schedule.
    #[test]
    fn a_name_chooses_and_always_the_same() {
        for (text, field, expected) in [
            ("H * * * *", MINUTES, &[49][..]),
            ("H/15 * * * *", MINUTES, &[4, 19, 34, 49]),
            ("H(10-19) * * * *", MINUTES, &[19]),
            ("H(0-29)/10,45 * * * *", MINUTES, &[9, 19, 29, 45]),
            ("0 H * * *", HOURS, &[0]),
            ("0 0 H * *", DAYS, &[26]),
            ("0 0 * * H", WEEKDAYS, &[5]),
        ] {
            assert_eq!(values(text, field), expected, "{text}");
        }
    }

    #[test]
    fn a_thousand_names_are_spread_over_the_hour() {
        let minutes = &cron("H * * * *").fields[MINUTES];
        let mut counts = [0; 60];
        for number in 0..1_000 {
            let bits = minutes.bits(stable_hash(&format!("team-{number}"), 1));
            counts[bits.trailing_zeros() as usize] += 1;
        }
        let most = counts.iter().max().unwrap();
        assert!(counts.iter().all(|count| *count > 0) && *most < 40, "{counts:?}");
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, part, message, hint) in [
            ("60 * * * *", "60", "`60` is no minute", "0 to 59"),
            ("60 * * * * *", "60", "`60` is no second", "0 to 59"),
            ("* 24 * * *", "24", "`24` is no hour", "0 to 23"),
            ("* * 0 * *", "0", "`0` is no day", "1 to 31"),
            ("* * * foo *", "foo", "`foo` is no month", "1 to 12, or jan to dec"),
            ("* * * * 8", "8", "`8` is no weekday", "0 to 7, or sun to sat"),
            ("*/0 * * * *", "0", "`0` is no step", "a whole number from 1 to 59"),
            ("5/10 * * * *", "5/10", "a step needs a range", "write `5-59/N`"),
            ("* 22-5 * * *", "22-5", "this range runs backwards", "write `22-23,0-5`"),
            ("1-5/2/3 * * * *", "1-5/2/3", "more than one step", ""),
            ("+5 * * * *", "+5", "`+5` is no minute", "0 to 59"),
            ("-5 * * * *", "-5", "`-5` is no minute", "0 to 59"),
            ("1,, * * * *", "", "`` is no minute", "0 to 59"),
            ("* * ? * *", "?", "`?` is no day", "write `*`"),
            ("* * L * *", "L", "`L` is no day", "`L`, `W` and `#` belong to Quartz; this is crontab's language"),
            ("h * * * *", "h", "`h` is no minute", "write `H`"),
            ("H5 * * * *", "H5", "`H5` is no minute", "write `H`, `H/15`, `H(0-29)` or `H(0-29)/10`"),
            ("H(5) * * * *", "5", "`H` chooses from a range", "write `H`, `H/15`, `H(0-29)` or `H(0-29)/10`"),
            ("H(0-60) * * * *", "60", "`60` is no minute", "0 to 59"),
            ("H(9-5) * * * *", "9-5", "this range runs backwards", ""),
            ("0 0 H(1-29) * *", "1-29", "`H` cannot choose this day", "up to 28"),
            ("H/2/3 * * * *", "H/2/3", "more than one step", ""),
            (
                "* * * *",
                "* * * *",
                "expected five fields, found 4",
                "minute hour day month weekday, for example `*/5 * * * *`",
            ),
            (
                "0 0 */5 * * * *",
                "0 0 */5 * * * *",
                "expected five fields, found 7",
                "minute hour day month weekday, or seconds before them; there is no field for years",
            ),
            ("0 0 30-31 2 *", "30-31 2", "no year has such a date", "these months have no such day"),
            ("0 0 0 30-31 2 *", "30-31 2", "no year has such a date", "these months have no such day"),
        ] {
            let error = Cron::parse(text).expect_err(text);
            let shown = (&text[error.span.clone()], error.message.as_str(), error.hint.as_str());
            assert_eq!(shown, (part, message, hint), "{text}");
        }
    }

    #[test]
    fn leap_days_and_weekdays_in_short_months_do_happen() {
        for text in ["0 0 29 2 *", "0 0 31 2 mon", "0 0 H(28-28) 2 *"] {
            assert!(Cron::parse(text).is_ok(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_schedule_or_an_error_that_lies_inside_it(text in "[-*/,0-9 a-zéH()@#?]{0,30}") {
            if let Err(error) = Cron::parse(&text) {
                proptest::prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
