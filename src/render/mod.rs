//! Plans, explanations and reports for people and machines. Pure: data in, text out; the command line prints it.

pub mod diff;
pub mod explanation;
pub mod json;
pub mod markdown;
pub mod table;
pub mod text;

/// Whether colours may be used. They never carry meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint {
    pub color: bool,
}

/// What a piece of text is, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Strong,
    Quiet,
    Good,
    Bad,
    Warn,
}

impl Paint {
    pub fn on(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Quiet => anstyle::Style::new().dimmed(),
            Tone::Good => anstyle::AnsiColor::Green.on_default(),
            Tone::Bad => anstyle::AnsiColor::Red.on_default(),
            Tone::Warn => anstyle::AnsiColor::Yellow.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Text from outside (registries, files, servers) without control characters, so that it cannot drive a terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A moment in UTC, as RFC 3339 writes it.
pub fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
