//! The comment that puts a reference on hold: `# landwaiter-hold: REASON [until DATE]`.
//!
//! A hold that cannot be read holds all the same, without an end, and is noted: a person wanted this place left alone.

use super::HandHold;

/// A hold comment as read; `wrong` says what is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) hold: HandHold,
    pub(super) wrong: Option<&'static str>,
}

/// Reads the text after a comment's first `#`; `None` when it is no hold. On which line it stands the caller knows.
pub(super) fn read(comment: &str) -> Option<Reading> {
    let text = comment.trim_start_matches('#').trim();
    let word = text.get(..15).filter(|word| word.eq_ignore_ascii_case("landwaiter-hold"))?;
    let rest = &text[word.len()..];
    let (reason, wrong) = match rest.strip_prefix(':') {
        Some(reason) => (reason.trim(), None),
        None if rest.is_empty() || rest.starts_with([' ', '=']) => {
            (rest.trim_matches(['=', ' ']), Some("write `# landwaiter-hold: REASON`"))
        }
        None => return None,
    };
    let (reason, until, bad_date) = split_date(reason);
    let wrong = wrong
        .or(bad_date.then_some("the date after `until` does not exist; the hold has no end"))
        .or(reason.is_empty().then_some("the hold gives no reason"));
    Some(Reading {
        hold: HandHold {
            line: 0,
            reason: if reason.is_empty() { "no reason given" } else { reason }.to_owned(),
            until: until.map(str::to_owned),
        },
        wrong,
    })
}

/// The reason, the date after a final `until`, and whether there is something like a date that is none.
fn split_date(text: &str) -> (&str, Option<&str>, bool) {
    let (before, last) = match text.rsplit_once(char::is_whitespace) {
        Some((before, last)) => (before.trim_end(), last),
        None => ("", text),
    };
    let Some(reason) = before.strip_suffix("until") else {
        return (text, None, false);
    };
    if !(reason.is_empty() || reason.ends_with(char::is_whitespace)) {
        return (text, None, false);
    }
    if is_date(last) {
        (reason.trim_end(), Some(last), false)
    } else {
        (text, None, last.starts_with(|c: char| c.is_ascii_digit()))
    }
}

/// `YYYY-MM-DD` or an RFC 3339 instant, of a day that exists.
fn is_date(text: &str) -> bool {
    let shape = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() })
    };
    match text.get(..10) {
        Some(day) if shape(day) && text.len() == 10 => day.parse::<jiff::civil::Date>().is_ok(),
        Some(day) if shape(day) => {
            text.is_ascii()
                && text.as_bytes()[10].eq_ignore_ascii_case(&b'T')
                && text.parse::<jiff::Timestamp>().is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_have_a_reason_and_perhaps_an_end() {
        for (comment, reason, until) in [
            (" landwaiter-hold: database migration", "database migration", None),
            ("landwaiter-hold:x", "x", None),
            (" landwaiter-hold: freeze until 2026-12-31", "freeze", Some("2026-12-31")),
            (" landwaiter-hold: freeze until 2026-12-31T10:00:00Z", "freeze", Some("2026-12-31T10:00:00Z")),
            (" landwaiter-hold: not until the fix", "not until the fix", None),
            (" landwaiter-hold: wait until Monday", "wait until Monday", None),
        ] {
            let read = read(comment).unwrap();
            assert_eq!((read.hold.reason.as_str(), read.hold.until.as_deref()), (reason, until), "{comment}");
            assert_eq!(read.wrong, None, "{comment}");
        }
    }

    #[test]
    fn a_hold_that_is_not_quite_one_holds_and_says_so() {
        for comment in [
            " landwaiter-hold",
            " landwaiter-hold:",
            " landwaiter-hold freeze",
            " Landwaiter-Hold = freeze",
            " landwaiter-hold: until 2026-12-31",
            " landwaiter-hold: x until 2026-02-30",
            " landwaiter-hold: x until 2026-12-31T99:00:00Z",
            " landwaiter-hold: x until 31.12.2026",
        ] {
            let read = read(comment).unwrap();
            assert!(read.wrong.is_some(), "{comment}");
            assert!(!read.hold.reason.is_empty());
        }
        assert_eq!(read(" landwaiter-hold: until 2026-12-31").unwrap().hold.until.as_deref(), Some("2026-12-31"));
    }

    #[test]
    fn other_comments_are_no_holds() {
        for comment in ["", " landwaiter: web", " landwaiter-holds: x", " hold", " see landwaiter-hold: x"] {
            assert_eq!(read(comment), None, "{comment}");
        }
    }
}
