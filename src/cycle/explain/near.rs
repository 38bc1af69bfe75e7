//! Why nobody owns a reference, or a policy owns none: a name or a glob that is nearly right.
//!
//! Each suggestion was tried: with the policy changed in that place, the reference belongs to it.

use crate::image::Repository;
use crate::plan::{Allowed, Claim, Claims, Found};
use crate::policy::{ImagePattern, MAX_SUGGESTIONS, Policy, Suggestion};
use crate::text::nearest;
use globset::{GlobBuilder, GlobMatcher};

/// Policies that nearly claim the reference.
pub(super) fn of_reference(policies: &[Policy], found: &Found, allowed: Allowed<'_>) -> Vec<Suggestion> {
    let mut suggestions: Vec<Suggestion> =
        policies.iter().filter_map(|policy| nearly(policy, found, allowed)).collect();
    suggestions.dedup();
    suggestions.truncate(MAX_SUGGESTIONS);
    suggestions
}

/// References that the policy nearly claims, where it claims none.
pub(super) fn of_policy(policy: &Policy, all: &[Found], allowed: Allowed<'_>) -> Vec<Suggestion> {
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for found in all {
        let Some(suggestion) = nearly(policy, found, allowed) else { continue };
        if !suggestions.iter().any(|known| known.instead == suggestion.instead) {
            suggestions.push(suggestion);
        }
        if suggestions.len() == MAX_SUGGESTIONS {
            break;
        }
    }
    suggestions
}

/// What to change in the policy so that it claims the reference, if one small change is enough.
fn nearly(policy: &Policy, found: &Found, allowed: Allowed<'_>) -> Option<Suggestion> {
    let repository = found.reference.repository.as_ref().filter(|_| found.reference.marker.is_none())?;
    let (changed, suggestion) = match (policy.claims_image(repository), policy.claims_file(&found.file)) {
        (Some(_), false) => wider_files(policy, &found.file)?,
        (None, true) => other_image(policy, repository)?,
        _ => return None,
    };
    let owner = Claims::new(std::slice::from_ref(&changed)).owner(&found.file, &found.reference, allowed);
    matches!(owner, Claim::Managed { .. }).then_some(suggestion)
}

/// `apps/*` does not match `apps/web/x.yaml`, `apps/**` does.
fn wider_files(policy: &Policy, file: &str) -> Option<(Policy, Suggestion)> {
    for (at, glob) in policy.files.iter().enumerate() {
        let text = glob.glob().glob();
        for wider in [text.replace("**", "*").replace('*', "**"), format!("{text}/**")] {
            let Some(matcher) = compile(&wider).filter(|matcher| matcher.is_match(file)) else { continue };
            let mut changed = policy.clone();
            changed.files[at] = matcher;
            let problem = format!("`files` of {} does not match {file}: `*` stays within one folder", policy.name);
            let problem = if text.contains('*') {
                problem
            } else {
                format!("`files` of {} names `{text}`, a folder", policy.name)
            };
            let instead = format!("files: [\"{wider}\"]");
            return Some((changed, Suggestion { problem, field: "files", instead, chooses: None }));
        }
    }
    None
}

/// A pattern that one letter, one host or one star keeps from naming the repository.
fn other_image(policy: &Policy, repository: &Repository) -> Option<(Policy, Suggestion)> {
    for (at, pattern) in policy.images.iter().enumerate() {
        let (new, written, problem) = match pattern {
            ImagePattern::Exact(exact) if exact.path() == repository.path() => {
                let problem = format!("{} names {exact}: the same image at another registry", policy.name);
                (ImagePattern::Exact(repository.clone()), repository.to_string(), problem)
            }
            ImagePattern::Exact(exact)
                if nearest(exact.as_str(), [repository.as_str()]).is_some() && close(exact, repository) =>
            {
                let problem = format!("{} names {exact}, which is nearly the same", policy.name);
                (ImagePattern::Exact(repository.clone()), repository.to_string(), problem)
            }
            ImagePattern::Exact(_) => continue,
            ImagePattern::Glob(glob) => {
                let text = glob.glob().glob();
                let Some((wider, why)) = other_glob(text, repository) else { continue };
                let Some(matcher) = compile(&wider) else { continue };
                let problem = format!("`{text}` of {} does not match it: {why}", policy.name);
                (ImagePattern::Glob(matcher), format!("\"{wider}\""), problem)
            }
        };
        let mut changed = policy.clone();
        changed.images[at] = new;
        let instead = format!("images: [{written}]");
        return Some((changed, Suggestion { problem, field: "images", instead, chooses: None }));
    }
    None
}

/// Nearest allows a third of a long name to differ; a slip of the keyboard is one or two letters.
fn close(one: &Repository, other: &Repository) -> bool {
    let differing = one.as_str().len().abs_diff(other.as_str().len());
    let shared = one.as_str().bytes().zip(other.as_str().bytes()).take_while(|(a, b)| a == b).count();
    let ends = one.as_str().bytes().rev().zip(other.as_str().bytes().rev()).take_while(|(a, b)| a == b).count();
    differing <= 1 && shared + ends + 2 >= one.as_str().len().min(other.as_str().len())
}

fn other_glob(text: &str, repository: &Repository) -> Option<(String, &'static str)> {
    let name = repository.as_str();
    let matches = |text: &str| compile(text).is_some_and(|matcher| matcher.is_match(name));
    let deeper = text.replace("**", "*").replace('*', "**");
    if matches(&deeper) {
        return Some((deeper, "`*` stays within one part of the name"));
    }
    let elsewhere = text.split_once('/').map(|(_, path)| format!("{}/{path}", repository.host()));
    if let Some(elsewhere) = elsewhere.filter(|elsewhere| elsewhere != text && matches(elsewhere)) {
        return Some((elsewhere, "it names another registry"));
    }
    // The parts before the first star, if they are nearly those of the image.
    let literal = text.split(['*', '?', '[', '{']).next()?;
    let parts = literal.matches('/').count();
    let (end, _) = name.match_indices('/').nth(parts.checked_sub(1)?)?;
    let (kept, beginning) = (literal.rfind('/')? + 1, name.get(..=end)?);
    nearest(&literal[..kept], [beginning])?;
    let mended = format!("{beginning}{}", &text[kept..]);
    let slip = literal[..kept].len().abs_diff(beginning.len()) <= 1;
    (slip && matches(&mended)).then_some((mended, "one name is nearly the same"))
}

fn compile(text: &str) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    built.ok().map(|glob| glob.compile_matcher())
}
