//! What the answers of all forges hold: times, commits, branches of ours, and titles that say that something is a draft; and
//! the header that some of them want. Pure.

use crate::port::{CommitId, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The whole value of `Authorization` for a name and its secret (RFC 7617).
pub(super) fn basic(user: &str, secret: &Secret) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret.expose()))))
}

/// Seconds since 1970 of a time as forges write it: RFC 3339, with fractions and with any offset.
pub(super) fn seconds(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(|time| time.as_second())
}

/// A commit's id: SHA-1 or SHA-256 in hexadecimal.
pub(super) fn commit(text: &str) -> Option<CommitId> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (hex && matches!(text.len(), 40 | 64)).then(|| CommitId(text.to_owned()))
}

/// Whether the branch begins with the prefix and a slash, and goes on after it.
pub(super) fn below(branch: &str, prefix: &str) -> bool {
    branch.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| !rest.is_empty())
}

/// A title split into the words by which forges know a draft, whatever their case, with the blanks after them, and the rest.
pub(super) fn split_draft<'a>(title: &'a str, words: &[&str]) -> (&'a str, &'a str) {
    let begins = |word: &&&str| title.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    match words.iter().find(begins) {
        Some(word) => {
            let rest = title[word.len()..].trim_start();
            title.split_at(title.len() - rest.len())
        }
        None => ("", title),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_secret_make_one_value() {
        let value = basic("Aladdin", &Secret::new("open sesame"));
        assert_eq!(value.expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn times_are_read_with_fractions_and_offsets() {
        for (text, expected) in [
            ("2025-10-09T08:53:20Z", Some(1_760_000_000)),
            ("2025-10-09T08:53:20.517Z", Some(1_760_000_000)),
            ("2025-10-09T10:53:20.123456+02:00", Some(1_760_000_000)),
            ("2025-10-09T08:53:20.1234567Z", Some(1_760_000_000)),
            ("2025-10-09", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_commit_is_hexadecimal_of_one_of_two_lengths() {
        for (text, is_one) in [
            ("a".repeat(40), true),
            ("0".repeat(64), true),
            ("a".repeat(39), false),
            ("g".repeat(40), false),
            ("A".repeat(40), false),
            (String::new(), false),
        ] {
            assert_eq!(commit(&text).is_some(), is_one, "{text}");
        }
    }

    #[test]
    fn a_branch_of_ours_goes_on_after_the_slash() {
        for (branch, ours) in [
            ("landwaiter/web", true),
            ("landwaiter/a/b", true),
            ("landwaiter/", false),
            ("landwaiter", false),
            ("landwaiters/web", false),
            ("x/landwaiter/web", false),
        ] {
            assert_eq!(below(branch, "landwaiter"), ours, "{branch}");
        }
    }

    #[test]
    fn the_words_of_a_draft_are_taken_off_once() {
        let words = ["Draft:", "[Draft]"];
        for (title, expected) in [
            ("Draft: a", ("Draft: ", "a")),
            ("draft:a", ("draft:", "a")),
            ("[DRAFT]  a", ("[DRAFT]  ", "a")),
            ("Draft: Draft: a", ("Draft: ", "Draft: a")),
            ("Drafts: a", ("", "Drafts: a")),
            ("ä", ("", "ä")),
            ("", ("", "")),
        ] {
            assert_eq!(split_draft(title, &words), expected, "{title}");
        }
    }
}
