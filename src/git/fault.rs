//! How this room says that something went wrong: [`RepoError`]s with a hint, and the cause chains of `gix` as one line.

use crate::port::RepoError;

/// The longest text of others (a server, a library) that is repeated in an error, in bytes.
pub(super) const MAX_DETAIL: usize = 2_000;

/// An error that stays until a person changes something.
pub(super) fn lasting(message: impl Into<String>) -> RepoError {
    RepoError { message: message.into(), hint: None, retryable: false }
}

/// An error that may be gone at the next run.
pub(super) fn passing(message: impl Into<String>) -> RepoError {
    RepoError { retryable: true, ..lasting(message) }
}

/// Adds what to try.
pub(super) trait Hint {
    fn hint(self, hint: impl Into<String>) -> Self;
}

impl Hint for RepoError {
    fn hint(self, hint: impl Into<String>) -> RepoError {
        RepoError { hint: Some(hint.into()), ..self }
    }
}

/// The error and its causes as one line: outermost first, repetitions left out, bounded, no control characters.
pub(super) fn chain(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let text = one_line(&cause.to_string());
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    bounded(&parts.join(": "))
}

/// Text of others, made safe for a terminal and a log: one line, no control characters, bounded.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<String> =
        text.split_whitespace().map(|word| word.chars().filter(|c| !c.is_control()).collect()).collect();
    bounded(&words.join(" "))
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_DETAIL {
        return text.to_owned();
    }
    let mut end = MAX_DETAIL;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_becomes_one_harmless_line() {
        assert_eq!(one_line("a\u{1b}[31m b\r\n\tc "), "a[31m b c");
    }

    #[test]
    fn long_text_is_cut_at_the_limit_between_characters() {
        let at_limit = "x".repeat(MAX_DETAIL);
        assert_eq!(one_line(&at_limit), at_limit);
        let over = format!("{}é", "x".repeat(MAX_DETAIL - 1));
        assert_eq!(one_line(&over), format!("{}…", "x".repeat(MAX_DETAIL - 1)));
    }
}
