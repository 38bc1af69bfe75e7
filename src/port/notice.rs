//! What a registry did that a person should know of, whether or not anything was held for it.

use std::fmt;
use std::time::Duration;

/// One thing that one host did. Each kind is told once per host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    pub host: String,
    pub kind: NoticeKind,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// It did not answer several requests in a row and is left alone for a while.
    Down {
        requests: u32,
        /// How the first of them failed.
        detail: String,
    },
    /// It refused several requests in a row as too many, and is left alone for a while.
    Refusing { requests: u32 },
    /// It asked us to wait: with `Retry-After`, or by saying that nothing is left until then.
    AskedToWait { wait: Duration },
    /// It said that little is left, and requests are spread over the time until there is more.
    SlowedDown { renewed_after: Duration },
    /// Few of the pulls it grants are left; they are left to those who run the images.
    PullsSpent { limit: Option<u64>, window: Duration },
    /// A mirror did not answer, and the next source was asked.
    MirrorPassedOver { detail: String },
}

impl NoticeKind {
    /// Whether both say the same kind of thing, whatever the figures.
    pub fn is_like(&self, other: &NoticeKind) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A lowercase fragment that begins with the host.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.kind {
            NoticeKind::Down { requests, detail } => {
                write!(f, "{host} did not answer {requests} requests in a row ({detail}); it was left alone")
            }
            NoticeKind::Refusing { requests } => {
                write!(f, "{host} refused {requests} requests in a row as too many (429); it was left alone")
            }
            NoticeKind::AskedToWait { wait } => write!(f, "{host} asked to wait {} s", whole(*wait)),
            NoticeKind::SlowedDown { renewed_after } => {
                let after = whole(*renewed_after);
                write!(f, "{host} has few requests left for the next {after} s; the rest was spread over that time")
            }
            NoticeKind::PullsSpent { limit, window } => {
                let of = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
                let hours = whole(*window).div_ceil(3_600);
                write!(f, "{host} has few pulls{of} in {hours} h left; no more manifests were read")
            }
            NoticeKind::MirrorPassedOver { detail } => write!(f, "{host} was passed over as a mirror: it {detail}"),
        }
    }
}

/// Seconds, rounded up: nobody is told to wait 0 s.
fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_begin_with_the_host_and_say_what_was_done() {
        let show = |kind| Notice { host: "example.com".to_owned(), kind }.to_string();
        assert_eq!(
            show(NoticeKind::AskedToWait { wait: Duration::from_millis(1_500) }),
            "example.com asked to wait 2 s"
        );
        assert_eq!(
            show(NoticeKind::PullsSpent { limit: Some(100), window: Duration::from_secs(21_600) }),
            "example.com has few pulls of 100 in 6 h left; no more manifests were read"
        );
        let (one, two) = (NoticeKind::Refusing { requests: 3 }, NoticeKind::Refusing { requests: 4 });
        assert!(one.is_like(&two) && !one.is_like(&NoticeKind::AskedToWait { wait: Duration::ZERO }));
    }
}
