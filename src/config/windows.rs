//! The shape of `windows`: when changes may be written.

use super::declare::{record, words};
use super::problems::Problems;
use super::shape::{Field, Spanned, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::schedule::{Days, Effect, MAX_WINDOWS, MINUTES_A_DAY, Window, Windows, Zone};
use crate::text::nearest;
use jiff::civil::Date;
use serde_json::{Value as Json, json};

record! {
    /// A window of time, on the clock of one time zone; it comes again every week.
    pub(super) struct WindowShape {
        /// Whether changes are written in it (`allow`, if nothing is said) or held in it (`deny`, which outranks).
        "kind" => kind: Effect,
        /// Weekdays on which it begins, such as `mon-fri` or `sat`. Without it: every day.
        "days" => days: Vec<Spanned<Days>>,
        /// When it begins, `HH:MM`; 00:00 if nothing is said.
        "from" => from: TimeOfDay,
        /// When it ends, `HH:MM`; 24:00 if nothing is said. An end before the beginning is on the next day.
        "to" => to: TimeOfDay,
        /// The first and the last day on which it begins.
        "dates" => dates: Dates,
        /// The IANA name of the time zone whose clock counts, such as `Europe/Berlin`; UTC if nothing is said.
        "timeZone" => zone: Zone,
        /// Why, for the people whose changes it holds.
        "reason" => reason: String,
    }
}

record! {
    /// The first and the last day, `YYYY-MM-DD`; either may be left out.
    pub(super) struct Dates {
        /// The first day on which the window begins.
        "first" => first: Date,
        /// The last day on which the window begins.
        "last" => last: Date,
    }
}

words! {
    Effect {
        "allow" => Effect::Allow,
        "deny" => Effect::Deny,
    }
}

/// Minutes since midnight, 24:00 included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeOfDay(u16);

impl FromScalar for TimeOfDay {
    const WANTED: &'static str = "a time of day";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<TimeOfDay> {
        let time = time_of_day(&scalar.text);
        if time.is_none() {
            let message = format!("`{}` is no time of day", shown(&scalar.text));
            problems.error(scalar.span, message, "write hours and minutes, \"00:00\" to \"24:00\"");
        }
        time.map(TimeOfDay)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$" })
    }
}

fn time_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let good = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| good)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_A_DAY).then_some(total)
}

impl FromScalar for Days {
    const WANTED: &'static str = "a weekday";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Days> {
        let days = Days::parse(&scalar.text);
        if days.is_none() {
            let short = scalar.text.get(..3).filter(|short| Days::parse(short).is_some() && !scalar.text.contains('-'));
            let hint = match short.or_else(|| nearest(&scalar.text, Days::WORDS)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of `{}`, or a range such as `mon-fri`", Days::WORDS.join("`, `")),
            };
            problems.error(scalar.span, format!("`{}` is no weekday", shown(&scalar.text)), hint);
        }
        days
    }
}

impl FromScalar for Date {
    const WANTED: &'static str = "a date";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Date> {
        let date = scalar.text.parse::<Date>().ok().filter(|_| scalar.text.len() == "YYYY-MM-DD".len());
        if date.is_none() {
            problems.error(scalar.span, format!("`{}` is no date", shown(&scalar.text)), "write `YYYY-MM-DD`");
        }
        date
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "format": "date" })
    }
}

impl FromScalar for Zone {
    const WANTED: &'static str = "the name of a time zone";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Zone> {
        let zone = Zone::parse(&scalar.text);
        if zone.is_none() {
            let names = Zone::names();
            let near = nearest(&scalar.text, names.iter().map(String::as_str)).filter(|_| scalar.text.contains('/'));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "IANA names such as `Europe/Berlin` or `UTC`; offsets and abbreviations know no summer time"
                    .to_owned(),
            };
            problems.error(scalar.span, format!("no time zone is called `{}`", shown(&scalar.text)), hint);
        }
        zone
    }
}

/// The windows of one policy; `None` when something is wrong with one.
pub(super) fn windows(field: Field<Vec<Spanned<WindowShape>>>, problems: &mut Problems) -> Option<Windows> {
    let shapes = match field {
        Field::Absent => return Some(Windows::default()),
        Field::Broken => return None,
        Field::Given(shapes) => shapes,
    };
    if shapes.value.is_empty() {
        problems.error(shapes.span, "`windows` is empty", "leave `windows` out to write at any time");
        return None;
    }
    if shapes.value.len() > MAX_WINDOWS {
        problems.error(shapes.span, format!("more than {MAX_WINDOWS} windows"), "`days` takes several days");
        return None;
    }
    let windows: Vec<Option<Window>> = shapes.value.into_iter().map(|shape| window(shape, problems)).collect();
    Some(Windows::new(windows.into_iter().collect::<Option<_>>()?))
}

fn window(shape: Spanned<WindowShape>, problems: &mut Problems) -> Option<Window> {
    let WindowShape { kind, days, from, to, dates, zone, reason } = shape.value;
    let (from_span, to_span) = (from.as_given().map(|from| from.span), to.as_given().map(|to| to.span));
    let from = some_or(from, TimeOfDay(0))?.0;
    let to = some_or(to, TimeOfDay(MINUTES_A_DAY))?.0;
    if from == to || from == MINUTES_A_DAY {
        let span = to_span.or(from_span).unwrap_or(shape.span);
        problems.error(span, "this window has no length", "leave `from` and `to` out for whole days");
        return None;
    }
    let dates = some_or(dates, Dates::default())?;
    let ends = dates.last.as_given().map(|last| last.span);
    let (first, last) = (optional(dates.first)?, optional(dates.last)?);
    if let (Some(first), Some(last), Some(span)) = (first, last, ends)
        && last < first
    {
        problems.error(span, "this window ends before it begins", format!("its first day is {first}"));
        return None;
    }
    let days = match days {
        Field::Given(days) if days.value.is_empty() => {
            problems.error(days.span, "`days` is empty", "leave `days` out for every day");
            return None;
        }
        Field::Given(days) => days.value.into_iter().fold(Days::NONE, |all, day| all.and(day.value)),
        Field::Absent => Days::ALL,
        Field::Broken => return None,
    };
    let window = Window {
        effect: some_or(kind, Effect::Allow)?,
        days,
        from,
        to,
        first,
        last,
        zone: some_or(zone, Zone::default())?,
        reason: optional(reason)?,
    };
    if window.is_always() && shape.sound {
        let (message, hint) = match window.effect {
            Effect::Allow => ("this window is always open", "leave it out, or say `days`, `from`, `to` or `dates`"),
            Effect::Deny => ("nothing is ever written", "`write: {mode: report}` says so; or say `dates`"),
        };
        problems.warning(shape.span, message, hint);
    }
    Some(window)
}

fn optional<T>(field: Field<T>) -> Option<Option<T>> {
    match field {
        Field::Absent => Some(None),
        Field::Broken => None,
        Field::Given(given) => Some(Some(given.value)),
    }
}

fn some_or<T>(field: Field<T>, default: T) -> Option<T> {
    optional(field).map(|value| value.unwrap_or(default))
}
