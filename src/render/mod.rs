//! Plans, explanations and reports for people and machines. Pure: data in, text out; the command line prints it.

pub mod diff;
pub mod explanation;
pub mod holds;
pub mod json;
pub mod markdown;
pub mod table;
pub mod text;

/// What the output can show: colours, which never carry meaning of their own, and how many columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paint {
    pub color: bool,
    /// The columns of the terminal; `None` where nobody counts them, and lines are as long as they are.
    pub width: Option<usize>,
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

/// Text from outside (registries, files, servers) without what drives a terminal or hides in it: control characters, and those
/// that turn the direction of writing or have no width.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c }).collect()
}

/// Unicode's format characters, line and paragraph separators, variation selectors and tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The lines of a text that begins at column `indent` of a terminal, broken at spaces; a word longer than a line stays whole.
pub fn wrapped(paint: Paint, indent: usize, text: &str) -> Vec<String> {
    let room = paint.width.and_then(|width| width.checked_sub(indent)).filter(|room| *room >= NARROWEST);
    let Some(room) = room else {
        return vec![text.to_owned()];
    };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let taken = lines.last().map_or(0, |line| line.chars().count());
        if taken > 0 && taken + 1 + word.chars().count() > room {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Columns under which no text is broken: it would only get longer.
const NARROWEST: usize = 20;

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A moment in UTC, as RFC 3339 writes it.
pub fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
