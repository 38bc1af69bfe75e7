//! Why nobody owns a reference, or a policy owns none: a name or a glob that is nearly right.
//!
//! Each suggestion was tried: with the policy changed in that place and all others as they are, the reference belongs to it.

use crate::image::Repository;
use crate::plan::{Allowed, Claim, Claims, Found};
use crate::policy::{ImagePattern, MAX_SUGGESTIONS, Policy, Reason, Suggestion};
use crate::text::nearest;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::{HashMap, HashSet};

/// The most globs that are tried, over all policies and references of one command.
const MAX_GLOBS: usize = 2_000;

/// What was tried so far: each glob is built once.
#[derive(Debug, Default)]
pub(super) struct Near {
    globs: HashMap<String, Option<GlobMatcher>>,
}

impl Near {
    /// Policies that nearly claim the reference.
    pub(super) fn of_reference(&mut self, policies: &[Policy], found: &Found, allowed: Allowed<'_>) -> Vec<Suggestion> {
        let all = policies.iter().filter_map(|policy| {
            let (changed, suggestion) = self.nearly(policy, found)?;
            owns(policies, &changed, found, allowed).then_some(suggestion)
        });
        all.take(MAX_SUGGESTIONS).collect()
    }

    /// References that `policy`, one of `policies`, nearly claims, where it claims none.
    pub(super) fn of_policy(
        &mut self,
        policies: &[Policy],
        policy: &Policy,
        all: &[Found],
        allowed: Allowed<'_>,
    ) -> Vec<Suggestion> {
        let mut suggestions: Vec<Suggestion> = Vec::new();
        let mut tried: HashSet<String> = HashSet::new();
        for found in all {
            let Some((changed, suggestion)) = self.nearly(policy, found) else { continue };
            if tried.contains(&suggestion.instead) || !owns(policies, &changed, found, allowed) {
                continue;
            }
            tried.insert(suggestion.instead.clone());
            if !all.iter().any(|found| is_disputed(policies, &changed, found, allowed)) {
                suggestions.push(suggestion);
            }
            if suggestions.len() == MAX_SUGGESTIONS {
                break;
            }
        }
        suggestions
    }

    /// What to change in the policy so that it matches the reference, if one small change is enough.
    fn nearly(&mut self, policy: &Policy, found: &Found) -> Option<(Policy, Suggestion)> {
        let repository = found.reference.repository.as_ref().filter(|_| found.reference.marker.is_none())?;
        match (policy.claims_image(repository), policy.claims_file(&found.file)) {
            (Some(_), false) => self.wider_files(policy, &found.file),
            (None, true) => self.other_image(policy, repository),
            _ => None,
        }
    }

    /// `apps/*` does not match `apps/web/x.yaml`, `apps/**` does.
    fn wider_files(&mut self, policy: &Policy, file: &str) -> Option<(Policy, Suggestion)> {
        for (at, glob) in policy.files.iter().enumerate() {
            let text = glob.glob().glob();
            for wider in [text.replace("**", "*").replace('*', "**"), format!("{text}/**")] {
                let Some(matcher) = self.glob(&wider).filter(|matcher| matcher.is_match(file)) else { continue };
                let mut changed = policy.clone();
                changed.files[at] = matcher;
                let problem = match text.contains('*') {
                    true => format!("`files` of {} does not match {file}: `*` stays within one folder", policy.name),
                    false => format!("`files` of {} names `{text}`, a folder", policy.name),
                };
                let instead = format!("files: [\"{wider}\"]");
                return Some((changed, Suggestion { problem, field: "files", instead, chooses: None }));
            }
        }
        None
    }

    /// A pattern that one letter, one host or one star keeps from naming the repository.
    fn other_image(&mut self, policy: &Policy, repository: &Repository) -> Option<(Policy, Suggestion)> {
        for (at, pattern) in policy.images.iter().enumerate() {
            let (new, written, problem) = match pattern {
                ImagePattern::Exact(exact) => {
                    let how = match exact.path() == repository.path() {
                        true => ": the same image at another registry",
                        false if close(exact.as_str(), repository.as_str()) => ", which is nearly the same",
                        false => continue,
                    };
                    let problem = format!("{} names {exact}{how}", policy.name);
                    (ImagePattern::Exact(repository.clone()), repository.to_string(), problem)
                }
                ImagePattern::Glob(glob) => {
                    let text = glob.glob().glob();
                    let Some((matcher, why)) = self.other_glob(text, repository) else { continue };
                    let written = format!("\"{}\"", matcher.glob().glob());
                    let problem = format!("`{text}` of {} does not match it: {why}", policy.name);
                    (ImagePattern::Glob(matcher), written, problem)
                }
            };
            let mut changed = policy.clone();
            changed.images[at] = new;
            let instead = format!("images: [{written}]");
            return Some((changed, Suggestion { problem, field: "images", instead, chooses: None }));
        }
        None
    }

    fn other_glob(&mut self, text: &str, repository: &Repository) -> Option<(GlobMatcher, &'static str)> {
        let name = repository.as_str();
        let mut matching = |text: &str| self.glob(text).filter(|matcher| matcher.is_match(name));
        if let Some(deeper) = matching(&text.replace("**", "*").replace('*', "**")) {
            return Some((deeper, "`*` stays within one part of the name"));
        }
        let (host, path) = text.split_once('/')?;
        if host != repository.host()
            && let Some(elsewhere) = matching(&format!("{}/{path}", repository.host()))
        {
            return Some((elsewhere, "it names another registry"));
        }
        // The parts before the first star, if they are nearly those of the image.
        let literal = text.split(['*', '?', '[', '{']).next()?;
        let kept = literal.rfind('/')? + 1;
        let (end, _) = name.match_indices('/').nth(literal.matches('/').count() - 1)?;
        let beginning = name.get(..=end)?;
        if !close(&literal[..kept], beginning) {
            return None;
        }
        Some((matching(&format!("{beginning}{}", &text[kept..]))?, "one name is nearly the same"))
    }

    fn glob(&mut self, text: &str) -> Option<GlobMatcher> {
        if self.globs.len() == MAX_GLOBS && !self.globs.contains_key(text) {
            return None;
        }
        let build = || {
            let built = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
            built.ok().map(|glob| glob.compile_matcher())
        };
        self.globs.entry(text.to_owned()).or_insert_with(build).clone()
    }
}

/// Whose the reference is, `changed` being the first of the policies that match it. `None` where that one does not match.
fn claim(policies: &[Policy], changed: &Policy, found: &Found, allowed: Allowed<'_>) -> Option<Claim> {
    let repository = found.reference.repository.as_ref().filter(|_| found.reference.marker.is_none())?;
    let matches = |policy: &&Policy| policy.claims_image(repository).is_some() && policy.claims_file(&found.file);
    Some(changed).filter(matches)?;
    let others = policies.iter().filter(|policy| policy.name != changed.name).filter(matches);
    let all: Vec<Policy> = std::iter::once(changed).chain(others).cloned().collect();
    Some(Claims::new(&all).owner(&found.file, &found.reference, allowed))
}

fn owns(policies: &[Policy], changed: &Policy, found: &Found, allowed: Allowed<'_>) -> bool {
    matches!(claim(policies, changed, found, allowed), Some(Claim::Managed { policy: 0, .. }))
}

/// Whether another policy claims the reference with the same right.
fn is_disputed(policies: &[Policy], changed: &Policy, found: &Found, allowed: Allowed<'_>) -> bool {
    let claim = claim(policies, changed, found, allowed);
    matches!(claim, Some(Claim::Held { held, .. }) if held.reason == Reason::AmbiguousPolicy)
}

/// Whether the two differ by a slip of the keyboard: one letter more, less, other, or two turned round.
fn close(one: &str, other: &str) -> bool {
    let (short, long) = (one.len().min(other.len()), one.len().max(other.len()));
    let shared = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let ends = one.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
    long - short <= 1 && shared + ends + 2 >= short && nearest(one, [other]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Order, PolicyName, Select};
    use crate::site::{Document, Reference, Shape};

    #[test]
    fn a_slip_of_the_keyboard_is_close() {
        for (one, other, expected) in [
            ("ghcr.io/acme/web", "ghcr.io/acme/wbe", true),
            ("ghcr.io/acme/web", "ghcr.io/acme/webb", true),
            ("ghcr.io/acme/web", "ghcr.io/acme/wen", true),
            ("ghcr.io/acme/web", "ghcr.io/acme/api", false),
            ("ghcr.io/acme/web", "quay.io/acme/web", false),
        ] {
            assert_eq!(close(one, other), expected, "{one} {other}");
        }
    }

    fn policy(name: &str, images: &[&str]) -> Policy {
        let exact = |name: &&str| ImagePattern::Exact(Repository::parse(name).unwrap());
        let select = Select::Numeric(Order::Asc);
        let policy = Policy::new(PolicyName::parse(name).unwrap(), "landwaiter.yaml", select);
        Policy { images: images.iter().map(exact).collect(), ..policy }
    }

    fn found(image: &str) -> Found {
        let reference = Reference {
            line: 1,
            document: Document::default(),
            path: "image".to_owned(),
            shape: Shape::Marked,
            name: Some(image.to_owned()),
            repository: Repository::parse(image).ok(),
            tag: Some("1".to_owned()),
            digest: None,
            marker: None,
            hold: None,
            slots: Vec::new(),
            insert: None,
            remove: Vec::new(),
            blocked: None,
        };
        Found { file: "web.yaml".into(), blob: None, reference: Box::new(reference) }
    }

    #[test]
    fn what_would_be_a_tie_is_not_suggested() {
        let policies = [policy("one", &["ghcr.io/a/b"]), policy("two", &["ghcr.io/a/c"])];
        let all = [found("ghcr.io/a/b")];
        let near = |policies: &[Policy]| {
            let two = policies.last().unwrap();
            let found = Near::default().of_policy(policies, two, &all, &|_, _, _| Ok(()));
            found.into_iter().map(|one| one.instead).collect::<Vec<_>>()
        };
        assert_eq!(near(&policies), [""; 0]);
        assert_eq!(near(&policies[1..]), ["images: [ghcr.io/a/b]"]);
    }

    #[test]
    fn the_globs_that_are_built_are_counted() {
        let mut near = Near::default();
        for n in 0..MAX_GLOBS {
            assert!(near.glob(&format!("{n}/*")).is_some());
        }
        assert!(near.glob("one/more").is_none() && near.glob("7/*").is_some());
    }
}
