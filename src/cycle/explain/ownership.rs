//! In words: why a reference belongs to this policy, and why to none of the others.

use crate::plan::{Allowed, Claim, Claims, Found};
use crate::policy::Policy;

/// One line for the marker and for every policy that has something to do with the image, the owner first.
pub(super) fn ownership(
    claims: &Claims<'_>,
    policies: &[Policy],
    allowed: Allowed<'_>,
    found: &Found,
    claim: &Claim,
) -> Vec<String> {
    let owner = match claim {
        Claim::Managed { policy, .. } | Claim::Held { policy: Some(policy), .. } => Some(*policy),
        _ => None,
    };
    let mut lines = Vec::new();
    if let Some(marker) = &found.reference.marker {
        lines.push(format!("a marker names it: {}", marker.text));
    }
    let Some(repository) = &found.reference.repository else {
        return lines;
    };
    let candidates = claims.candidates(&found.file, repository);
    let best = candidates.iter().find(|(at, _)| allowed(&policies[*at], &found.file, repository).is_ok());
    for (at, rank) in &candidates {
        let rank_words = rank.describe();
        let verdict = match (allowed(&policies[*at], &found.file, repository), best) {
            _ if Some(*at) == owner => format!("owns it: {rank_words}"),
            (Err(why), _) => format!("would match ({rank_words}), but {why}"),
            (Ok(()), _) if found.reference.marker.is_some() => {
                format!("would match ({rank_words}); a marker outranks it")
            }
            (Ok(()), Some((_, first))) if first == rank => format!("claims it: {rank_words}"),
            (Ok(()), Some((_, first))) => format!("is outranked: {rank_words}, below {}", first.describe()),
            (Ok(()), None) => format!("would match: {rank_words}"),
        };
        let line = format!("{} {verdict}", place(&policies[*at]));
        if Some(*at) == owner {
            lines.insert(usize::from(found.reference.marker.is_some()), line)
        } else {
            lines.push(line)
        }
    }
    for policy in policies.iter().filter(|policy| policy.claims_image(repository).is_some()) {
        if !policy.claims_file(&found.file) {
            lines.push(format!("{} names this image, but its `files` do not match this file", place(policy)));
        }
    }
    if lines.is_empty() {
        lines.push("no policy names this image".to_owned());
    }
    lines
}

/// The policy and where it stands.
fn place(policy: &Policy) -> String {
    match policy.line {
        0 => format!("{} ({})", policy.name, policy.file),
        line => format!("{} ({}:{line})", policy.name, policy.file),
    }
}
