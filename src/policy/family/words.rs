//! The words in a suffix: which are pre-releases, commit ids, machines.

/// Words that make a version a pre-release, alone or with a number (`rc`, `rc.1`, `RC3`, `preview2.1`, `ea-7`).
pub(super) const PRERELEASES: [&str; 22] = [
    "alpha",
    "beta",
    "rc",
    "pre",
    "preview",
    "prerelease",
    "dev",
    "devel",
    "snapshot",
    "nightly",
    "canary",
    "next",
    "milestone",
    "ea",
    "edge",
    "unstable",
    "experimental",
    "insider",
    "insiders",
    "test",
    "testing",
    "incubating",
];

/// Words that do so only with a number directly behind: milestones and JBoss's candidate releases.
const PRERELEASES_WITH_NUMBER: [&str; 2] = ["m", "cr"];

/// Letters that do so only between the version and a number: Python's `3.13.0a4`, `1.2.3b5`.
const PRERELEASES_GLUED: [&str; 3] = ["a", "b", "c"];

/// Names of machines, in whose numbers nothing can grow.
const MACHINES: [&str; 26] = [
    "386", "amd64", "arm", "arm32", "arm32v5", "arm32v6", "arm32v7", "arm64", "arm64v8", "armv5", "armv6", "armv6l",
    "armv7", "armv7l", "armv8", "aarch64", "i386", "i586", "i686", "x64", "x86", "win32", "win64", "mips64le",
    "ppc64le", "s390x",
];

/// Git abbreviates commit ids to at least this many hexadecimal digits.
pub(in crate::policy) const SHORT_COMMIT: usize = 7;
/// A full commit id.
const FULL_COMMIT: usize = 40;

/// A maximal run of letters and digits, or what stands between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Between(&'a str),
}

pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.chars().next()?.is_ascii_alphanumeric();
        // `x86_64` is one word although `_` separates everywhere else.
        let end = match rest.strip_prefix("x86_64") {
            Some(_) => "x86_64".len(),
            None => rest.find(|c: char| c.is_ascii_alphanumeric() != word).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(if word { Token::Word(token) } else { Token::Between(token) })
    })
}

/// 7 to 40 lowercase hexadecimal digits, not all of them decimal, also with git-describe's `g` in front.
pub(in crate::policy) fn is_commit_id(word: &str) -> bool {
    let hex = |text: &str| {
        (SHORT_COMMIT..=FULL_COMMIT).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let decimal = word.bytes().all(|b| b.is_ascii_digit());
    (hex(word) && !decimal) || word.strip_prefix('g').is_some_and(hex)
}

pub(super) fn is_machine(word: &str) -> bool {
    word == "x86_64" || MACHINES.iter().any(|machine| machine.eq_ignore_ascii_case(word))
}

/// Whether the text is words and machines only: nothing in it changes from one image to the next.
pub(in crate::policy) fn is_constant(text: &str) -> bool {
    let digit = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
    tokens(text).all(|token| match token {
        Token::Word(word) => is_machine(word) || !(digit(word) || is_commit_id(word)),
        Token::Between(_) => true,
    })
}

/// Where in the tail of a version its pre-release stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    /// Where the separator in front of it begins.
    pub(super) start: usize,
    pub(super) pre: std::ops::Range<usize>,
}

/// Finds the first pre-release word in what follows the numbers of a version, with the numbers that belong to it.
pub(super) fn prerelease(tail: &str) -> Option<At> {
    let mut at = 0;
    let mut before = 0;
    for token in tokens(tail) {
        match token {
            Token::Between(between) => {
                before = at;
                at += between.len();
            }
            Token::Word(word) => {
                if begins_prerelease(word, at == 0) {
                    let end = at + word.len();
                    let start = if at == 0 { 0 } else { before };
                    return Some(At { start, pre: at..end + following(word, &tail[end..]) });
                }
                at += word.len();
            }
        }
    }
    None
}

fn begins_prerelease(word: &str, glued: bool) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = letters.len() < word.len();
    let among = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(letters));
    among(&PRERELEASES)
        || (numbered && among(&PRERELEASES_WITH_NUMBER))
        || (numbered && glued && among(&PRERELEASES_GLUED))
}

/// How much of `rest` belongs to the pre-release that `word` begins: parts after dots, and one number after a hyphen when
/// the word has none.
fn following(word: &str, rest: &str) -> usize {
    let part = |text: &str, wanted: fn(&u8) -> bool| text.bytes().take_while(wanted).count();
    let mut taken = 0;
    if !word.ends_with(|c: char| c.is_ascii_digit())
        && let Some(number) = rest.strip_prefix('-')
    {
        let digits = part(number, u8::is_ascii_digit);
        let whole = digits > 0 && !number[digits..].starts_with(|c: char| c.is_ascii_alphanumeric());
        taken = if whole { 1 + digits } else { 0 };
    }
    while let Some(next) = rest[taken..].strip_prefix('.') {
        match part(next, u8::is_ascii_alphanumeric) {
            0 => break,
            length => taken += 1 + length,
        }
    }
    taken
}
