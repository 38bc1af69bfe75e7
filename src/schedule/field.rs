//! One field of a cron expression: lists, ranges, steps, names, and `H`, which is a value that a name chooses.

use super::cron::CronError;
use std::ops::Range;

/// The values that one field allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Field {
    /// One bit for each value that is written.
    bits: u64,
    /// What is left to the name.
    spreads: Vec<Spread>,
    /// Written as `*` or `*/n`: it does not restrict the other day field.
    pub(super) starred: bool,
}

/// `H`: one value of a range, or with a step the first of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spread {
    low: u32,
    high: u32,
    step: Option<u32>,
}

/// What a field may hold.
pub(super) struct Kind {
    name: &'static str,
    low: u32,
    high: u32,
    /// The highest value that `H` may choose.
    spread: u32,
    /// Three-letter names, the first meaning `low`.
    names: &'static [&'static str],
}

/// Seconds first; they may be left out.
pub(super) const KINDS: [Kind; 6] = [
    Kind::new("second", 0, 59, 59, &[]),
    Kind::new("minute", 0, 59, 59, &[]),
    Kind::new("hour", 0, 23, 23, &[]),
    // Every month has a 28th.
    Kind::new("day", 1, 31, 28, &[]),
    Kind::new(
        "month",
        1,
        12,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ),
    Kind::new("weekday", 0, 7, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

impl Field {
    /// The one value zero, for seconds that are not written.
    pub(super) fn zero() -> Field {
        Field { bits: 1, ..Field::default() }
    }

    /// Whether the value is written; what `H` may choose is not.
    pub(super) fn has(&self, value: u32) -> bool {
        value < u64::BITS && self.bits & (1 << value) != 0
    }

    /// Whether something is left to the name.
    pub(super) fn is_spread(&self) -> bool {
        !self.spreads.is_empty()
    }

    /// One bit for each value, `H` as `hash` chooses.
    pub(super) fn bits(&self, hash: u64) -> u64 {
        let chosen = |spread: &Spread| {
            let span = spread.high - spread.low + 1;
            let choices = spread.step.map_or(span, |step| step.min(span));
            let first = spread.low + (hash % u64::from(choices)) as u32;
            let step = spread.step.unwrap_or(span) as usize;
            (first..=spread.high).step_by(step).fold(0, |bits, value| bits | 1 << value)
        };
        self.spreads.iter().map(chosen).fold(self.bits, |bits, chosen| bits | chosen)
    }
}

/// What is written with `H`.
const SPREADS: &str = "write `H`, `H/15`, `H(0-29)` or `H(0-29)/10`";

impl Kind {
    const fn new(name: &'static str, low: u32, high: u32, spread: u32, names: &'static [&'static str]) -> Kind {
        Kind { name, low, high, spread, names }
    }

    /// `*`.
    pub(super) fn any(&self) -> Field {
        let bits = (self.low..=self.last()).fold(0, |bits, value| bits | 1 << value);
        Field { bits, spreads: Vec::new(), starred: true }
    }

    /// `H/step`.
    pub(super) fn every(&self, step: u32) -> Field {
        let spread = Spread { low: self.low, high: self.spread, step: Some(step) };
        Field { bits: 0, spreads: vec![spread], starred: false }
    }

    /// The highest value that means something of its own: 7 is Sunday once more.
    fn last(&self) -> u32 {
        if self.high == 7 { 6 } else { self.high }
    }

    pub(super) fn field(&self, text: &str, span: Range<usize>) -> Result<Field, CronError> {
        let mut field = Field { starred: text[span.clone()].starts_with('*'), ..Field::default() };
        for item in split(text, span, ',') {
            if text[item.clone()].starts_with('H') {
                field.spreads.push(self.spread(text, item)?);
            } else {
                field.bits |= self.item(text, item)?;
            }
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
            "*" => (self.low, self.last()),
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

    /// `H`, `H(a-b)`, each with or without a step.
    fn spread(&self, text: &str, span: Range<usize>) -> Result<Spread, CronError> {
        let mut halves = split(text, span.clone(), '/');
        let (bounds, step) = (halves.remove(0), halves);
        let written = &text[bounds.clone()];
        let (low, high) = match written.strip_prefix("H(").and_then(|rest| rest.strip_suffix(')')) {
            None if written == "H" => (self.low, self.spread),
            None => return Err(self.wrong(bounds, format!("`{written}` is no {}", self.name), SPREADS.to_owned())),
            Some(range) => {
                let inside = bounds.start + 2..bounds.end - 1;
                let Some((from, to)) = range.split_once('-') else {
                    return Err(self.wrong(inside, "`H` chooses from a range", SPREADS.to_owned()));
                };
                let low = self.value(text, inside.start..inside.start + from.len())?;
                let high = self.value(text, inside.end - to.len()..inside.end)?;
                if low > high {
                    return Err(self.wrong(inside, "this range runs backwards", String::new()));
                }
                if high > self.spread {
                    let hint = format!("up to {}", self.spread);
                    return Err(self.wrong(inside, format!("`H` cannot choose this {}", self.name), hint));
                }
                (low, high)
            }
        };
        match step.as_slice() {
            [] => Ok(Spread { low, high, step: None }),
            [step] => Ok(Spread { low, high, step: Some(self.step(text, step.clone())? as u32) }),
            _ => Err(self.wrong(span, "more than one step", String::new())),
        }
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
            "h" => "write `H`".to_owned(),
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

/// Only digits: `parse` alone would also take `+5`.
fn digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit())
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
