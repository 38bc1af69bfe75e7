//! The two markers: ours, `# landwaiter: NAME[:tag|:name|:digest]`, and Flux's, `# {"$imagepolicy": "ns:name[:...]"}`.
//!
//! Flux's is read exactly as Flux reads it: leading `#` are stripped, and the rest must be one JSON object whose values are
//! all strings. Where it may stand is [`super::beside`]'s matter.

use super::{Marker, Part};
use std::collections::BTreeMap;

/// What a marker comment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) marker: Marker,
    /// What the marked scalar holds.
    pub(super) part: Part,
}

/// How a comment reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    NoMarker,
    Mark(Mark),
    /// Meant as a marker, with what is wrong.
    NearMiss(&'static str),
}

/// Reads the text after a comment's first `#`.
pub(super) fn read(comment: &str) -> Reading {
    let text = comment.trim_start_matches('#').trim();
    if text.contains("$imagepolicy") {
        return flux(text).map_or_else(Reading::NearMiss, Reading::Mark);
    }
    match text.strip_prefix("landwaiter:") {
        Some(rest) => ours(text, rest.trim()).map_or_else(Reading::NearMiss, Reading::Mark),
        None if nearly_ours(text) => Reading::NearMiss("write `# landwaiter: NAME`"),
        None => Reading::NoMarker,
    }
}

fn ours(text: &str, rest: &str) -> Result<Mark, &'static str> {
    let (name, part) = match rest.rsplit_once(':') {
        Some((name, suffix)) => (name, part(suffix).ok_or("the suffix is none of :tag, :name, :digest")?),
        None => (rest, Part::Whole),
    };
    if !is_name(name) {
        return Err("what follows is no policy name (lowercase letters, digits, - . /)");
    }
    Ok(Mark { marker: Marker { policies: vec![name.to_owned()], text: text.to_owned() }, part })
}

fn flux(text: &str) -> Result<Mark, &'static str> {
    const SHAPE: &str = "Flux reads only a comment that is one JSON object of strings";
    let object: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| SHAPE)?;
    let setter = object.get("$imagepolicy").ok_or(SHAPE)?;
    let mut words = setter.split(':');
    let (namespace, name, suffix) = (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next());
    if !is_name(namespace) || !is_name(name) || namespace.contains('/') || name.contains('/') || words.next().is_some()
    {
        return Err("the policy is not written as `namespace:name`");
    }
    let part = match suffix {
        None => Part::Whole,
        Some(suffix) => part(suffix).ok_or("the suffix is none of :tag, :name, :digest")?,
    };
    Ok(Mark {
        marker: Marker { policies: vec![format!("{namespace}/{name}"), name.to_owned()], text: text.to_owned() },
        part,
    })
}

fn part(suffix: &str) -> Option<Part> {
    match suffix {
        "tag" => Some(Part::Tag),
        "name" => Some(Part::Name),
        "digest" => Some(Part::Digest),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(ok)
}

/// `Landwaiter: web`, `landwaiter web`, `landwaiter=web`: close enough to be worth a word, far enough from prose.
fn nearly_ours(text: &str) -> bool {
    let Some(rest) = text.get(..10).filter(|word| word.eq_ignore_ascii_case("landwaiter")).map(|_| &text[10..]) else {
        return false;
    };
    let after = rest.trim_start();
    after.starts_with([':', '=']) || (rest.starts_with(' ') && !after.is_empty() && !after.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(comment: &str) -> Option<(Vec<String>, Part)> {
        match read(comment) {
            Reading::Mark(mark) => Some((mark.marker.policies, mark.part)),
            _ => None,
        }
    }

    #[test]
    fn markers_name_a_policy_and_a_part() {
        for (comment, policies, part) in [
            (" landwaiter: web", vec!["web"], Part::Whole),
            ("landwaiter:web", vec!["web"], Part::Whole),
            ("# landwaiter: team/web.1:tag ", vec!["team/web.1"], Part::Tag),
            (" landwaiter: web:name", vec!["web"], Part::Name),
            (" landwaiter: web:digest", vec!["web"], Part::Digest),
            (" {\"$imagepolicy\": \"ns:p\"}", vec!["ns/p", "p"], Part::Whole),
            ("{\"$imagepolicy\": \"ns:p:tag\"}", vec!["ns/p", "p"], Part::Tag),
            ("# {\"$imagepolicy\":\"ns:p:name\"}", vec!["ns/p", "p"], Part::Name),
            (" {\"$imagepolicy\":\"ns:p:digest\",\"k\":\"v\"}", vec!["ns/p", "p"], Part::Digest),
        ] {
            let policies = policies.into_iter().map(str::to_owned).collect();
            assert_eq!(mark(comment), Some((policies, part)), "{comment}");
        }
    }

    #[test]
    fn near_misses_are_told_from_prose() {
        for comment in [
            " {\"$imagepolicy\": \"ns:p\", \"k\": 1}",
            " see {\"$imagepolicy\": \"ns:p\"}",
            " {\"$imagepolicy\": \"ns:p\"} please",
            " {'$imagepolicy': 'ns:p'}",
            " {\"$imagepolicy\": \"ns/p\"}",
            " {\"$imagepolicy\": \"p\"}",
            " {\"$imagepolicy\": \"ns:p:version\"}",
            " {\"$imagepolicy\": \"ns:p:tag:x\"}",
            " landwaiter: Web",
            " landwaiter: web staging",
            " landwaiter: web:version",
            " landwaiter:",
            " Landwaiter: web",
            " landwaiter web",
            " landwaiter = web",
        ] {
            assert!(matches!(read(comment), Reading::NearMiss(_)), "{comment}");
        }
        for comment in ["", " updated by landwaiter", " landwaiter writes these lines", " landwaiter-hold: x", " nginx"]
        {
            assert_eq!(read(comment), Reading::NoMarker, "{comment}");
        }
    }
}
