//! Cron expressions: five fields, checked when a policy file is read; the service will run them.
//!
//! The language is that of `crontab(5)`: minute, hour, day of the month, month, day of the week; lists, ranges and steps;
//! names for months and weekdays; Sunday is 0 and 7; `@hourly` and its siblings. When day and weekday are both restricted,
//! either is enough (POSIX). There are no seconds and no years, and Quartz's `?`, `L`, `W` and `#` are refused by name.
//!
//! ```
//! use landwaiter::schedule::Cron;
//! let weekdays = Cron::parse("*/15 9-17 * * mon-fri").unwrap();
//! assert!(weekdays.matches(30, 9, 1, 1, 5));
//! assert!(Cron::parse("* * * *").is_err());
//! ```

use std::ops::Range;

/// An expression that names at least one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
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

/// The values one field allows, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Written as `*` or `*/n`: it does not restrict the other day field.
    starred: bool,
}

/// What a field may hold.
struct Kind {
    name: &'static str,
    low: u32,
    high: u32,
    /// Three-letter names, the first meaning `low`.
    names: &'static [&'static str],
}

const KINDS: [Kind; 5] = [
    Kind::new("minute", 0, 59, &[]),
    Kind::new("hour", 0, 23, &[]),
    Kind::new("day", 1, 31, &[]),
    Kind::new("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    Kind::new("weekday", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

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
        if parts.len() != KINDS.len() {
            return Err(wrong_count(text, parts.len()));
        }
        let mut fields = [Field { bits: 0, starred: false }; 5];
        for ((field, kind), span) in fields.iter_mut().zip(&KINDS).zip(&parts) {
            *field = kind.field(text, span.clone())?;
        }
        let [minutes, hours, days, months, weekdays] = fields;
        let cron = Cron { minutes, hours, days, months, weekdays };
        cron.happens(&parts)?;
        Ok(cron)
    }

    /// Whether the expression names this minute. Months and days start at 1, weekdays at 0 with Sunday.
    pub fn matches(&self, minute: u32, hour: u32, day: u32, month: u32, weekday: u32) -> bool {
        let (on_day, on_weekday) = (self.days.has(day), self.weekdays.has(weekday));
        let today =
            if self.days.starred || self.weekdays.starred { on_day && on_weekday } else { on_day || on_weekday };
        self.minutes.has(minute) && self.hours.has(hour) && self.months.has(month) && today
    }

    /// Refuses dates that no year has, such as the 31st of February.
    fn happens(&self, parts: &[Range<usize>]) -> Result<(), CronError> {
        let exists = |month: u32, longest: u32| self.months.has(month) && (1..=longest).any(|day| self.days.has(day));
        let some_date = (1..).zip(LONGEST).any(|(month, longest)| exists(month, longest));
        if some_date || !self.weekdays.starred {
            return Ok(());
        }
        Err(CronError {
            message: "no year has such a date".to_owned(),
            span: parts[2].start..parts[3].end,
            hint: "these months have no such day".to_owned(),
        })
    }
}

impl Field {
    fn has(self, value: u32) -> bool {
        value < u64::BITS && self.bits & (1 << value) != 0
    }
}

impl Kind {
    const fn new(name: &'static str, low: u32, high: u32, names: &'static [&'static str]) -> Kind {
        Kind { name, low, high, names }
    }

    fn field(&self, text: &str, span: Range<usize>) -> Result<Field, CronError> {
        let mut field = Field { bits: 0, starred: text[span.clone()].starts_with('*') };
        for item in split(text, span, ',') {
            field.bits |= self.item(text, item)?;
        }
        if self.high == 7 && field.has(7) {
            field.bits = (field.bits | 1) & !(1 << 7);
        }
        Ok(field)
    }

    /// `*`, `a`, `a-b`, each but the second with a step.
    fn item(&self, text: &str, span: Range<usize>) -> Result<u64, CronError> {
        let mut halves = split(text, span.clone(), '/');
        let (bounds, step) = (halves.remove(0), halves);
        let (low, high) = match &text[bounds.clone()] {
            "*" => (self.low, self.high.min(if self.high == 7 { 6 } else { self.high })),
            written => match written.split_once('-') {
                Some((from, to)) if !from.is_empty() => {
                    let from = self.value(text, bounds.start..bounds.start + from.len())?;
                    let to = self.value(text, bounds.end - to.len()..bounds.end)?;
                    (from, self.range_end(from, to))
                }
                _ if !step.is_empty() => {
                    return Err(self.wrong(span, "a step needs a range", format!("write `{written}-{}/N`", self.high)));
                }
                _ => {
                    let value = self.value(text, bounds.clone())?;
                    (value, value)
                }
            },
        };
        if low > high {
            let wrapped = format!("write `{low}-{},{}-{high}`", self.high.min(59), self.low);
            return Err(self.wrong(bounds, "this range runs backwards", wrapped));
        }
        let step = match step.as_slice() {
            [] => 1,
            [step] => self.step(text, step.clone())?,
            _ => return Err(self.wrong(span, "more than one step", String::new())),
        };
        Ok((low..=high).step_by(step).fold(0, |bits, value| bits | 1 << value))
    }

    /// As the end of a range, Sunday is the day after Saturday.
    fn range_end(&self, from: u32, to: u32) -> u32 {
        if self.high == 7 && to == 0 && from > 0 { 7 } else { to }
    }

    fn step(&self, text: &str, span: Range<usize>) -> Result<usize, CronError> {
        let written = &text[span.clone()];
        match written.parse::<usize>() {
            Ok(step) if step >= 1 && step <= self.high as usize && digits(written) => Ok(step),
            _ => {
                let hint = format!("a whole number from 1 to {}", self.high);
                Err(self.wrong(span, format!("`{written}` is no step"), hint))
            }
        }
    }

    fn value(&self, text: &str, span: Range<usize>) -> Result<u32, CronError> {
        let written = &text[span.clone()];
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(written));
        let number = written.parse::<u32>().ok().filter(|_| digits(written));
        match number.or_else(|| named.map(|at| at as u32 + self.low)) {
            Some(value) if (self.low..=self.high).contains(&value) => Ok(value),
            _ => Err(self.wrong(span, format!("`{written}` is no {}", self.name), self.allowed(written))),
        }
    }

    fn allowed(&self, written: &str) -> String {
        match written {
            "H" => "spreading with `H` is not built yet; write a number".to_owned(),
            "?" => "write `*`".to_owned(),
            w if w.ends_with(['L', 'W']) || w.contains('#') => {
                "`L`, `W` and `#` belong to Quartz; this is crontab's language".to_owned()
            }
            _ => match self.names {
                [] => format!("{} to {}", self.low, self.high),
                [first, .., last] => format!("{} to {}, or {first} to {last}", self.low, self.high),
                [only] => format!("{} to {}, or {only}", self.low, self.high),
            },
        }
    }

    fn wrong(&self, span: Range<usize>, message: impl Into<String>, hint: String) -> CronError {
        CronError { message: message.into(), span, hint }
    }
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
        6 => "minute hour day month weekday; there is no field for seconds".to_owned(),
        _ => "minute hour day month weekday, for example `*/5 * * * *`".to_owned(),
    };
    CronError { message: format!("expected five fields, found {found}"), span: 0..text.len(), hint }
}

/// Only digits: `parse` alone would also take `+5`.
fn digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The places of the words between blanks.
fn words(text: &str) -> Vec<Range<usize>> {
    let place = |word: &str| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        start..start + word.len()
    };
    text.split_ascii_whitespace().map(place).collect()
}

/// The places of the parts of `text[span]` between separators; always at least one.
fn split(text: &str, span: Range<usize>, separator: char) -> Vec<Range<usize>> {
    let mut start = span.start;
    text[span]
        .split(separator)
        .map(|part| {
            let place = start..start + part.len();
            start = place.end + 1;
            place
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of one field of `text`, in order.
    fn values(field: Field) -> Vec<u32> {
        (0..64).filter(|value| field.has(*value)).collect()
    }

    #[test]
    fn fields_mean_what_crontab_says() {
        let cron = |text: &str| Cron::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(values(cron("*/20 * * * *").minutes), [0, 20, 40]);
        assert_eq!(values(cron("5,1-3 * * * *").minutes), [1, 2, 3, 5]);
        assert_eq!(values(cron("10-30/10 * * * *").minutes), [10, 20, 30]);
        assert_eq!(values(cron("0 23 * * *").hours), [23]);
        assert_eq!(values(cron("0 0 * Jan,dec *").months), [1, 12]);
        assert_eq!(values(cron("0 0 * * 7").weekdays), [0]);
        assert_eq!(values(cron("0 0 * * 5-7").weekdays), [0, 5, 6]);
        assert_eq!(values(cron("0 0 * * fri-sun").weekdays), [0, 5, 6]);
        assert_eq!(values(cron("0 0 * * sun-tue").weekdays), [0, 1, 2]);
        assert_eq!(values(cron("0 0 * * */2").weekdays), [0, 2, 4, 6]);
        assert_eq!(values(cron("0 0 * * *").weekdays), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(cron("  @weekly "), cron("0 0 * * sun"));
        assert_eq!(cron("@hourly"), cron("0\t*  * * *"));
    }

    #[test]
    fn day_and_weekday_together_follow_posix() {
        let either = Cron::parse("0 0 13 * fri").unwrap();
        assert!(either.matches(0, 0, 13, 5, 1), "the 13th, a Monday");
        assert!(either.matches(0, 0, 14, 5, 5), "a Friday");
        assert!(!either.matches(0, 0, 14, 5, 1));
        let only_fridays = Cron::parse("0 0 * * fri").unwrap();
        assert!(!only_fridays.matches(0, 0, 13, 5, 1));
        assert!(!only_fridays.matches(1, 0, 13, 5, 5));
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, part, message, hint) in [
            ("60 * * * *", "60", "`60` is no minute", "0 to 59"),
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
            ("H * * * *", "H", "`H` is no minute", "spreading with `H` is not built yet; write a number"),
            (
                "* * * *",
                "* * * *",
                "expected five fields, found 4",
                "minute hour day month weekday, for example `*/5 * * * *`",
            ),
            (
                "0 */5 * * * *",
                "0 */5 * * * *",
                "expected five fields, found 6",
                "minute hour day month weekday; there is no field for seconds",
            ),
            ("0 0 30-31 2 *", "30-31 2", "no year has such a date", "these months have no such day"),
        ] {
            let error = Cron::parse(text).expect_err(text);
            let shown = (&text[error.span.clone()], error.message.as_str(), error.hint.as_str());
            assert_eq!(shown, (part, message, hint), "{text}");
        }
    }

    #[test]
    fn leap_days_and_weekdays_in_short_months_do_happen() {
        assert!(Cron::parse("0 0 29 2 *").is_ok());
        assert!(Cron::parse("0 0 31 2 mon").is_ok(), "every Monday of February");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_schedule_or_an_error_that_lies_inside_it(text in "[-*/,0-9 a-zé@#?]{0,30}") {
            if let Err(error) = Cron::parse(&text) {
                proptest::prop_assert!(text.get(error.span).is_some());
            }
        }

        #[test]
        fn a_single_value_matches_itself_only(minute in 0u32..60, other in 0u32..60) {
            let cron = Cron::parse(&format!("{minute} * * * *")).unwrap();
            proptest::prop_assert_eq!(cron.matches(other, 0, 1, 1, 0), minute == other);
        }
    }
}
