//! Lines of the log: a moment, a level, what happened, and its facts by name.
//!
//! ```text
//! 2026-11-20T10:05:00Z info  run-ended  run=1a2b-7 repository=https://git.example.com/config.git result=done seconds=3
//! {"time":"2026-11-20T10:05:00Z","level":"info","event":"run-ended","run":"1a2b-7",...}
//! ```
//!
//! Texts of strangers stand in both without control characters, and no longer than 4 KiB.

use crate::port::Clock;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest text of one fact, in bytes.
const MAX_TEXT: usize = 4_096;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Whether somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(i64::from(number))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

/// Where lines go. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    format: LogFormat,
    clock: Arc<dyn Clock>,
    out: Arc<Mutex<dyn Write + Send>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Log {
    pub fn new(format: LogFormat, clock: Arc<dyn Clock>, out: impl Write + Send + 'static) -> Log {
        Log { format, clock, out: Arc::new(Mutex::new(out)) }
    }

    /// Writes one line. One that cannot be written is lost: there is nobody left to tell.
    pub fn line(&self, level: Level, event: &str, facts: &[(&str, Value)]) {
        let time = jiff::Timestamp::from_second(self.clock.now()).unwrap_or_default().to_string();
        let line = match self.format {
            LogFormat::Text => text(&time, level, event, facts),
            LogFormat::Json => json(&time, level, event, facts),
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

fn text(time: &str, level: Level, event: &str, facts: &[(&str, Value)]) -> String {
    let mut line = format!("{time} {:<5} {event}", level.word());
    for (name, value) in facts {
        let shown = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => {
                let text = harmless(text);
                let plain = !text.is_empty() && !text.contains([' ', '"', '=']);
                if plain { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
            }
        };
        line.push_str(&format!(" {name}={shown}"));
    }
    line + "\n"
}

fn json(time: &str, level: Level, event: &str, facts: &[(&str, Value)]) -> String {
    let text = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
    let mut line = format!("{{\"time\":{},\"level\":{},\"event\":{}", text(time), text(level.word()), text(event));
    for (name, value) in facts {
        let shown = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(value) => text(&harmless(value)),
        };
        line.push_str(&format!(",{}:{shown}", text(name)));
    }
    line + "}\n"
}

/// One line, without control characters and marks that turn the direction of writing, and not too long.
fn harmless(text: &str) -> String {
    let odd = |c: char| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let mut clean: String = text.chars().map(|c| if odd(c) { ' ' } else { c }).collect();
    if clean.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> i64 {
            1_763_640_000
        }
    }

    #[derive(Clone, Default)]
    pub(in crate::telemetry) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A log, and what it says.
    pub(in crate::telemetry) fn log(format: LogFormat) -> (Log, impl Fn() -> String) {
        let paper = Paper::default();
        let read = paper.clone();
        (Log::new(format, Arc::new(Noon), paper), move || String::from_utf8(read.0.lock().unwrap().clone()).unwrap())
    }

    #[test]
    fn a_line_is_one_line_for_people_and_for_programs() {
        let facts: &[(&str, Value)] = &[
            ("run", "a-1".into()),
            ("error", "he said \"no\"\nand \u{1b}[31mleft".into()),
            ("count", 3usize.into()),
            ("x", "".into()),
        ];
        let (log, said) = log(LogFormat::Text);
        log.line(Level::Warn, "run-failed", facts);
        assert_eq!(
            said(),
            "2025-11-20T12:00:00Z warn  run-failed run=a-1 error=\"he said \\\"no\\\" and  [31mleft\" count=3 x=\"\"\n"
        );
        let (log, said) = self::log(LogFormat::Json);
        log.line(Level::Info, "run-failed", facts);
        let read: serde_json::Value = serde_json::from_str(&said()).unwrap();
        assert_eq!(read["event"], "run-failed");
        assert_eq!(read["count"], 3);
        assert_eq!(read["error"], "he said \"no\" and  [31mleft");
        assert_eq!(said().lines().count(), 1);
    }

    #[test]
    fn a_text_is_cut_at_its_bound() {
        assert_eq!(harmless(&"x".repeat(MAX_TEXT)).len(), MAX_TEXT);
        let cut = harmless(&"é".repeat(MAX_TEXT));
        assert_eq!(cut.len(), MAX_TEXT + "…".len());
    }
}
