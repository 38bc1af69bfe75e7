//! What a server reports on a push (gitprotocol-pack(5), "Report Status"), and what that means. Pure.

use super::fault::{one_line, passing};
use crate::port::RepoError;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::protocol::transport::packetline::PacketLineRef;
use gix::protocol::transport::packetline::blocking_io::StreamingPeekableIter;

/// What became of a push that the server answered. Either all updates happened or none (`atomic`).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Updated {
        messages: Vec<String>,
    },
    /// A ref does not have its old value any more, but the one the server showed (`None`: it is gone).
    Moved {
        found: Option<ObjectId>,
    },
    /// The server could not change the ref when it came to it, mostly because another push was quicker.
    LostRace {
        reason: String,
    },
    Refused {
        reason: String,
        messages: Vec<String>,
    },
    /// The server cannot change several refs at once, and was asked for none.
    NotTogether,
}

/// How unpacking went, how many refs changed, and why others did not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    unpack: String,
    changed: usize,
    reasons: Vec<String>,
}

impl Report {
    /// Reads `unpack ok`, `ok REF`, `ng REF WHY` from packet lines; other lines (`option ...`) are passed over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Report, RepoError> {
        let broken = |why: String| passing(format!("the server's report on the push cannot be read: {why}"));
        let mut lines = StreamingPeekableIter::new(bytes, &[PacketLineRef::Flush], false);
        let mut unpack = None;
        let (mut changed, mut reasons) = (0, Vec::new());
        while let Some(line) = lines.read_line() {
            let line = line.map_err(|io| broken(io.to_string()))?.map_err(|error| broken(error.to_string()))?;
            let Some(text) = line.as_text() else { continue };
            let text = text.as_bstr();
            if let Some(how) = text.strip_prefix(b"unpack ") {
                unpack = Some(one_line(&how.to_str_lossy()));
            } else if text.starts_with(b"ok ") {
                changed += 1;
            } else if let Some(rest) = text.strip_prefix(b"ng ") {
                let (_, why) = rest.split_once_str(" ").unwrap_or((rest, b"no reason given"));
                reasons.push(one_line(&why.to_str_lossy()));
            }
        }
        let unpack = unpack.ok_or_else(|| broken("it says nothing about the pack".to_owned()))?;
        Ok(Report { unpack, changed, reasons })
    }

    /// Of several refs that were refused together, only one has a reason of its own.
    fn reason(&mut self) -> Option<String> {
        let own = self.reasons.iter().position(|reason| !reason.starts_with("atomic "));
        match own {
            Some(at) => Some(self.reasons.swap_remove(at)),
            None => self.reasons.pop(),
        }
    }

    /// What the report means for a push of that many refs.
    pub(super) fn outcome(mut self, updates: usize, messages: Vec<String>) -> Outcome {
        match (self.unpack == "ok", self.reason()) {
            (true, None) if self.changed == updates => Outcome::Updated { messages },
            (true, Some(reason)) if is_lost_race(&reason) => Outcome::LostRace { reason },
            (true, Some(reason)) => Outcome::Refused { reason, messages },
            (false, Some(reason)) => Outcome::Refused { reason: format!("{reason}: {}", self.unpack), messages },
            (_, None) => Outcome::Refused {
                reason: format!("unpack {}, {} of {updates} refs changed", self.unpack, self.changed),
                messages,
            },
        }
    }
}

/// Reasons by which servers say that the ref did not have its old value, or that another push held its lock. The caller
/// looks whether the ref really moved.
const LOST_RACES: [&str; 9] = [
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "lock failure",
    "incorrect old value provided",
    "reference already exists",
    "stale info",
];

fn is_lost_race(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    LOST_RACES.iter().any(|phrase| reason.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(format!("{:04x}{line}\n", line.len() + 5).as_bytes());
        }
        bytes.extend_from_slice(b"0000");
        bytes
    }

    #[test]
    fn reports_become_outcomes() {
        let says = vec!["policy: no".to_owned()];
        let refused = |reason: &str| Outcome::Refused { reason: reason.to_owned(), messages: says.clone() };
        let lost = |reason: &str| Outcome::LostRace { reason: reason.to_owned() };
        for (lines, expected) in [
            (&["unpack ok", "ok refs/heads/main"][..], Outcome::Updated { messages: says.clone() }),
            (
                &["unpack ok", "ok refs/heads/main", "option refname refs/heads/x"],
                Outcome::Updated { messages: says.clone() },
            ),
            (&["unpack ok", "ng refs/heads/main pre-receive hook declined"], refused("pre-receive hook declined")),
            (&["unpack ok", "ng refs/heads/main"], refused("no reason given")),
            (&["unpack ok", "ng refs/heads/main failed to update ref"], lost("failed to update ref")),
            (&["unpack ok", "ng refs/heads/main Lock failure"], lost("Lock failure")),
            (
                &["unpack ok", "ng refs/x atomic push failure", "ng refs/heads/main hook declined"],
                refused("hook declined"),
            ),
            (&["unpack ok", "ng refs/x atomic push failure"], refused("atomic push failure")),
            (
                &["unpack index-pack abnormal exit", "ng refs/heads/main unpacker error"],
                refused("unpacker error: index-pack abnormal exit"),
            ),
            (&["unpack ok"], refused("unpack ok, 0 of 1 refs changed")),
        ] {
            let report = Report::parse(&packets(lines)).unwrap();
            assert_eq!(report.outcome(1, says.clone()), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_report_that_says_nothing_is_no_success() {
        for bytes in [&b""[..], b"0000", b"zzzz", b"0009ok", &packets(&["ok refs/heads/main"])] {
            assert!(Report::parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
