//! Ids and spans as plain data, and how OTLP/JSON spells them: ids in hexadecimal, times and whole numbers as texts.

use serde_json::{Value as Json, json};
use std::fmt;

/// The longest text of an attribute or a status, in bytes.
pub const MAX_TEXT: usize = 1_024;
/// Bits of a trace id that decide whether it is sampled, as W3C and OpenTelemetry have it: the last 56.
const SAMPLED_BITS: u32 = 56;
/// Sampled, and it is known that the parent is no other process.
const FLAGS: u32 = 0x101;

/// A trace, as W3C Trace Context has it: 16 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId([u8; 16]);

impl TraceId {
    /// `None` where all bytes are zero, which is no id.
    pub(super) fn new(bytes: [u8; 16]) -> Option<TraceId> {
        (bytes != [0; 16]).then_some(TraceId(bytes))
    }

    /// Whether it is among the share of traces that are recorded, `ratio` in 0..=1: by its last bytes, so that everybody who goes
    /// by the same rule records the same ones.
    pub(super) fn is_sampled(self, ratio: f64) -> bool {
        let all = 2_f64.powi(SAMPLED_BITS as i32);
        let drawn = u128::from_be_bytes(self.0) & ((1 << SAMPLED_BITS) - 1);
        drawn >= ((1.0 - ratio.clamp(0.0, 1.0)) * all) as u128
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A span within its trace: 8 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanId(u64);

impl SpanId {
    /// Span ids from a random beginning: no two of a trace are alike, and none is zero.
    pub(super) fn from(beginning: u64) -> impl Iterator<Item = SpanId> + fmt::Debug + Send {
        Ids(beginning)
    }
}

#[derive(Debug)]
struct Ids(u64);

impl Iterator for Ids {
    type Item = SpanId;

    fn next(&mut self) -> Option<SpanId> {
        let id = self.0.max(1);
        self.0 = id.wrapping_add(1);
        Some(SpanId(id))
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Text(String),
    Number(u64),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Fact {
        Fact::Text(text.to_owned())
    }
}

impl From<usize> for Fact {
    fn from(number: usize) -> Fact {
        Fact::Number(number as u64)
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    /// We asked a server.
    Client,
}

/// One span. Times are nanoseconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) facts: Vec<(&'static str, Fact)>,
    /// Why it failed.
    pub(super) error: Option<String>,
}

impl Span {
    /// As OTLP/JSON spells it.
    pub(super) fn json(&self, trace: TraceId) -> Json {
        let mut span = json!({
            "traceId": trace.to_string(),
            "spanId": self.id.to_string(),
            "flags": FLAGS,
            "name": self.name,
            "kind": match self.kind { Kind::Internal => 1, Kind::Client => 3 },
            "startTimeUnixNano": self.began.to_string(),
            "endTimeUnixNano": self.ended.max(self.began).to_string(),
            "attributes": attributes(&self.facts),
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = parent.to_string().into();
        }
        if let Some(error) = &self.error {
            // STATUS_CODE_ERROR
            span["status"] = json!({ "code": 2, "message": cut(error) });
        }
        span
    }
}

/// Attributes as OTLP/JSON spells them.
pub(super) fn attributes(facts: &[(&'static str, Fact)]) -> Json {
    let spelt = facts.iter().map(|(name, fact)| match fact {
        Fact::Text(text) => json!({ "key": name, "value": { "stringValue": cut(text) } }),
        Fact::Number(number) => {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            json!({ "key": name, "value": { "intValue": number.to_string() } })
        }
    });
    spelt.collect()
}

/// At most [`MAX_TEXT`] bytes, without control characters.
fn cut(text: &str) -> String {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(last: u64) -> TraceId {
        let mut bytes = [0; 16];
        bytes[0] = 0xab;
        bytes[8..].copy_from_slice(&last.to_be_bytes());
        TraceId::new(bytes).unwrap()
    }

    #[test]
    fn ids_are_hexadecimal_of_their_length_and_never_zero() {
        assert_eq!(trace(0x1f).to_string(), "ab00000000000000000000000000001f");
        assert_eq!(TraceId::new([0; 16]), None);
        let ids: Vec<String> = SpanId::from(u64::MAX).take(3).map(|id| id.to_string()).collect();
        assert_eq!(ids, ["ffffffffffffffff", "0000000000000001", "0000000000000002"]);
        assert_eq!(SpanId::from(0).next(), Some(SpanId(1)));
    }

    #[test]
    fn a_trace_is_sampled_by_its_last_56_bits() {
        let half = 1 << 55;
        // Ratio, last eight bytes, and whether it is recorded.
        for (ratio, last, sampled) in [
            (1.0, 0, true),
            (0.0, u64::MAX, false),
            (0.5, half, true),
            (0.5, half - 1, false),
            (0.5, (0xff << 56) + half - 1, false),
            (0.25, 3 << 54, true),
            (0.25, (3 << 54) - 1, false),
        ] {
            assert_eq!(trace(last).is_sampled(ratio), sampled, "{ratio} {last:x}");
        }
    }

    #[test]
    fn a_span_is_spelt_as_the_protocol_wants_it() {
        let mut ids = SpanId::from(7);
        let (parent, id) = (ids.next(), ids.next().unwrap());
        let facts = vec![("landwaiter.repository", "c\u{1b}".into()), ("landwaiter.images", 3_usize.into())];
        let (name, kind, error) = ("list", Kind::Client, Some("no\nanswer".to_owned()));
        let span = Span { id, parent, name, kind, began: 1_700_000_000_000_000_001, ended: 5, facts, error };
        assert_eq!(
            span.json(trace(1)),
            json!({
                "traceId": "ab000000000000000000000000000001",
                "spanId": "0000000000000008",
                "parentSpanId": "0000000000000007",
                "flags": 257,
                "name": "list",
                "kind": 3,
                "startTimeUnixNano": "1700000000000000001",
                "endTimeUnixNano": "1700000000000000001",
                "attributes": [
                    { "key": "landwaiter.repository", "value": { "stringValue": "c " } },
                    { "key": "landwaiter.images", "value": { "intValue": "3" } },
                ],
                "status": { "code": 2, "message": "no answer" },
            })
        );
        let root = Span { parent: None, error: None, kind: Kind::Internal, ..span }.json(trace(1));
        assert!(root.get("parentSpanId").is_none() && root.get("status").is_none() && root["kind"] == 1);
    }

    #[test]
    fn texts_are_cut_at_their_bound() {
        assert_eq!(cut(&"x".repeat(MAX_TEXT)).len(), MAX_TEXT);
        assert_eq!(cut(&"x".repeat(MAX_TEXT + 1)).len(), MAX_TEXT);
        assert_eq!(cut(&format!("{}ü", "x".repeat(MAX_TEXT - 1))).len(), MAX_TEXT - 1);
    }
}
