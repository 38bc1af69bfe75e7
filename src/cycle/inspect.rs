//! What `check` finds by holding the policies against the repository, before anything is asked of a registry.
//!
//! Errors: references that two policies claim with the same right; a run holds them. Warnings: policies that own nothing, because
//! nothing matches or others come first; `files` that match no file; an `exclude` that excludes a tag that stands in a file.

use super::near::Near;
use super::scan::Scanned;
use super::{Rejected, Run, RunError};
use crate::image::Repository;
use crate::plan::{Claim, Claims, Found};
use crate::policy::{Policy, Reason};
use crate::text::Diagnostic;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of one policy in this repository.
#[derive(Debug, Default, Clone)]
struct Use {
    /// References that are its own, held ones included.
    owned: usize,
    /// Policies that have what it matches, and how it is outranked, each once.
    outranked_by: Vec<String>,
    /// For each expression of its `exclude`, a tag in a file that it excludes, and where.
    excluded: BTreeMap<usize, String>,
}

impl Run<'_> {
    /// Every reference whose owner cannot be told, and everything about the policies that cannot have been meant, with the
    /// texts they stand in.
    pub async fn inspect(&self) -> Result<Rejected, RunError> {
        let scanned = self.scan().await?;
        let policies = scanned.policies.clone();
        let claims = Claims::new(&policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let mut rejected = Rejected::default();
        let mut uses = vec![Use::default(); policies.len()];
        for found in &scanned.found {
            let claim = claims.owner(&found.file, &found.reference, &allowed);
            note_use(&mut uses, &claims, &policies, found, &claim);
            if let Claim::Held { held, .. } = claim
                && held.reason == Reason::AmbiguousPolicy
            {
                dispute(&mut rejected, &scanned, found, held.detail)?;
            }
        }
        let mut near = Near::default();
        let unmatched = unmatched(&policies, &scanned);
        for (policy, used) in policies.iter().zip(&uses) {
            let places = scanned.places.get(&policy.name).cloned().unwrap_or_default();
            let mut warn = |span, message: String, hint: String| {
                let warning = Diagnostic::warning(&policy.file, Some(span), message);
                rejected.diagnostics.push(if hint.is_empty() { warning } else { warning.hint(hint) });
            };
            if used.owned == 0 {
                let nearly = near.of_policy(&policies, policy, &scanned.found, &allowed);
                let (message, hint) = idle(policy, used, nearly.first());
                warn(places.name, message, hint);
            }
            let globs = policy.files.iter().enumerate().map(|(at, glob)| (at, glob.glob().glob()));
            for (at, glob) in globs.filter(|(_, glob)| unmatched.contains(*glob)) {
                let span = places.files.get(at).copied().unwrap_or(places.name);
                let hint = "globs start at the root of the repository; `**` crosses folders";
                warn(span, format!("`{glob}` matches no file"), hint.to_owned());
            }
            for (at, tag) in &used.excluded {
                let text = policy.tags.excluding_text(*at);
                let span = places.exclude.get(*at).copied().unwrap_or(places.name);
                let hint = "that tag is left only for a greater one; leave the expression out if the tag is right";
                warn(span, format!("`{text}` excludes {tag}"), hint.to_owned());
            }
        }
        rejected.sources.extend(scanned.sources);
        rejected.diagnostics.sort_by(|a, b| (&a.file, a.span, &a.message).cmp(&(&b.file, b.span, &b.message)));
        Ok(rejected)
    }
}

fn dispute(rejected: &mut Rejected, scanned: &Scanned, found: &Found, detail: String) -> Result<(), RunError> {
    let span = found.reference.slots.first().map(|slot| slot.span);
    rejected.diagnostics.push(Diagnostic::error(&found.file, span, detail));
    if !rejected.sources.iter().any(|(file, _)| **file == *found.file) {
        let bytes = scanned.snapshot.read_one(&found.file)?.unwrap_or_default();
        rejected.sources.push((found.file.to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(())
}

fn note_use(uses: &mut [Use], claims: &Claims<'_>, policies: &[Policy], found: &Found, claim: &Claim) {
    let owner = match claim {
        Claim::Managed { policy, .. } | Claim::Held { policy: Some(policy), .. } => Some(*policy),
        _ => None,
    };
    if let Some(at) = owner {
        uses[at].owned += 1;
        let tag = found.reference.tag.as_deref().unwrap_or_default();
        for (nth, expression) in policies[at].tags.exclude.iter().enumerate().filter(|_| !tag.is_empty()) {
            if expression.is_match(tag) {
                let place = || format!("{tag}, which stands in {}:{}", found.file, found.reference.line);
                uses[at].excluded.entry(nth).or_insert_with(place);
            }
        }
    }
    let Some(repository) = &found.reference.repository else { return };
    let candidates = claims.candidates(&found.file, repository);
    let rank_of = |at: usize| candidates.iter().find(|(other, _)| *other == at).map(|(_, rank)| *rank);
    for (at, rank) in candidates.iter().filter(|(at, _)| Some(*at) != owner) {
        let used = &mut uses[*at];
        let by = match owner {
            // Two claim it with the same right, which is said of the reference.
            None => {
                used.owned += 1;
                continue;
            }
            Some(owner) if found.reference.marker.is_some() => format!("{} by a marker", policies[owner].name),
            Some(owner) => match rank_of(owner) {
                Some(first) => format!("{} ({}, above {})", policies[owner].name, first.describe(), rank.describe()),
                None => policies[owner].name.to_string(),
            },
        };
        if !used.outranked_by.contains(&by) {
            used.outranked_by.push(by);
        }
    }
}

/// Why a policy owns no reference, and what may be meant.
fn idle(policy: &Policy, used: &Use, nearly: Option<&crate::policy::Suggestion>) -> (String, String) {
    /// The most policies that are named.
    const NAMED: usize = 3;
    if !used.outranked_by.is_empty() {
        let named = used.outranked_by.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let message = format!("every reference that policy {} matches belongs to another: {named}", policy.name);
        return (message, "give it an exact image or `files` of its own, or take it out".to_owned());
    }
    if policy.images.is_empty() {
        let message = format!("no marker names policy {}, and without `images` it claims nothing", policy.name);
        return (message, format!("write `# landwaiter: {}` behind a value, or `images`", policy.name));
    }
    let hint = nearly.map_or_else(
        || "`landwaiter plan` lists the references of this repository".to_owned(),
        |nearly| format!("{}; write `{}`?", nearly.problem, nearly.instead),
    );
    (format!("no reference belongs to policy {}", policy.name), hint)
}

/// Globs of `files` that match no file of the repository. Each is built into a set with others, so that many policies and many
/// files do not cost their product.
fn unmatched(policies: &[Policy], scanned: &Scanned) -> BTreeSet<String> {
    /// Globs of one set.
    const TOGETHER: usize = 500;
    let globs: BTreeMap<&str, &Glob> =
        policies.iter().flat_map(|policy| &policy.files).map(|glob| (glob.glob().glob(), glob.glob())).collect();
    let mut unmatched: BTreeSet<String> = globs.keys().map(|text| (*text).to_owned()).collect();
    let globs: Vec<(&str, &Glob)> = globs.into_iter().collect();
    for part in globs.chunks(TOGETHER) {
        // What one glob may be, many may be too large for: then nothing is said of them.
        let Ok(set) = set(part) else {
            part.iter().for_each(|(text, _)| drop(unmatched.take(*text)));
            continue;
        };
        let mut open: BTreeSet<usize> = (0..part.len()).collect();
        for file in scanned.snapshot.files() {
            for at in set.matches(&*file.path) {
                if open.remove(&at) {
                    unmatched.remove(part[at].0);
                }
            }
            if open.is_empty() {
                break;
            }
        }
    }
    unmatched
}

fn set(globs: &[(&str, &Glob)]) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for (_, glob) in globs {
        builder.add((*glob).clone());
    }
    builder.build()
}
