//! A policy file that somebody has broken stops only itself: its last valid version goes on, and so do all other files.
//!
//! ```text
//! remembered     a.yaml v1   b.yaml v1
//! at the head    a.yaml v2   b.yaml broken   c.yaml broken
//! in use         a.yaml v2   b.yaml v1       (c.yaml was not there when all were valid)
//! ```
//!
//! What is remembered is the last set of texts that was valid as a whole, by repository and branch. Where nothing is remembered, or
//! what it makes up is not valid either, the policies are rejected as if there were no memory: a file whose last valid version is
//! unknown might claim anything. A file that is gone is gone; only what cannot be understood is replaced. Where one is gone and another is
//! broken that was not there before, it may have been moved: then all files count as they were last valid together.

use super::RunError;
use super::{PolicySources, Rejected, Rules, Run, judge_policies, read_policies};
use crate::config::policies::is_policy_file;
use crate::config::settings::Tenancy;
use crate::port::{MAX_PART, Snapshot};
use crate::text::Diagnostic;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of policy texts that are remembered for a branch.
const MAX_REMEMBERED: usize = 8 << 20;
/// Number of the part, number of parts, and what all of them together are.
const HEAD: usize = 2 + 2 + 32;

/// Path and text of each policy file.
type Texts = BTreeMap<String, String>;
/// The rules, what is wrong with the files at the head, and the texts that the rules are made of.
type InUse = (Rules, Rejected, Vec<(String, String)>);

impl Run<'_> {
    /// The rules of the branch, with those of the last valid versions in place of what is broken now, if they are remembered; and the
    /// texts that they are made of.
    pub(super) fn rules(&self, found: PolicySources, snapshot: &dyn Snapshot) -> Result<InUse, RunError> {
        let named = self.options.policies.is_some();
        if !self.options.last_valid_policies || snapshot.head().is_none() {
            return as_found(found, named, &self.options.tenancy);
        }
        let key = format!("policies\n{}\n{}", self.repo.name(), snapshot.branch().unwrap_or_default());
        let remembered = joined(&self.store.files(&key));
        if found.unreadable.is_empty() {
            let (rules, rejected) = judge_policies(found.clone(), named);
            if !rejected.has_errors() {
                self.remember(&key, &rejected.sources, remembered.as_ref());
                let texts = rejected.sources.clone();
                return Ok((rules, rejected, texts));
            }
        }
        if let Some(remembered) = remembered {
            for texts in self.substitutes(&found, &remembered) {
                let (mut rules, judged) = judge_policies(texts.clone(), named);
                if !judged.has_errors() {
                    // What was valid before is still what was valid, as far as it is not replaced.
                    if !self.is_moved(&found, &remembered) {
                        self.remember(&key, &texts.texts, Some(&remembered));
                    }
                    if self.options.tenancy.separates() {
                        let unused = |path: &String| texts.texts.iter().all(|(used, _)| used != path);
                        rules.broken = broken(&found, named).into_iter().filter(unused).collect();
                    }
                    return Ok((rules, told(found, &texts, named), texts.texts));
                }
            }
        }
        as_found(found, named, &self.options.tenancy)
    }

    /// Whether a file that is broken may be one that was valid under another name: then nobody knows which policies are gone.
    fn is_moved(&self, found: &PolicySources, remembered: &Texts) -> bool {
        let globs = self.options.policies.as_ref();
        let there = |path: &String| {
            let unreadable = found.unreadable.iter().map(|(path, _)| path);
            found.texts.iter().map(|(path, _)| path).chain(unreadable).any(|one| one == path)
        };
        let gone = remembered.keys().any(|path| is_policy_file(path, globs) && !there(path));
        gone && broken(found, globs.is_some()).iter().any(|path| !remembered.contains_key(path))
    }

    /// What may take the place of a set with something broken in it: the set with the last valid versions of that, unless it is not
    /// known which these are; and, because they may contradict what others say now, all of the last set that was valid.
    fn substitutes(&self, found: &PolicySources, remembered: &Texts) -> Vec<PolicySources> {
        let broken = broken(found, self.options.policies.is_some());
        let overlooked = || found.overlooked.clone();
        let good = found.texts.iter().filter(|(path, _)| !broken.contains(path)).cloned();
        let old = remembered.iter().filter(|(path, _)| broken.contains(*path));
        let mut mixed: Vec<_> = good.chain(old.map(|(path, text)| (path.clone(), text.clone()))).collect();
        mixed.sort();
        let globs = self.options.policies.as_ref();
        let still = remembered.iter().filter(|(path, _)| is_policy_file(path, globs));
        let last = still.map(|(path, text)| (path.clone(), text.clone())).collect();
        let sets = if self.is_moved(found, remembered) { vec![last] } else { vec![mixed, last] };
        let sources = |texts| PolicySources { texts, overlooked: overlooked(), unreadable: Vec::new() };
        sets.into_iter().map(sources).collect()
    }

    fn remember(&self, key: &str, texts: &[(String, String)], before: Option<&Texts>) {
        let texts: Texts = texts.iter().cloned().collect();
        if before != Some(&texts)
            && let Some(parts) = parts(&texts)
        {
            self.store.keep_files(key, &parts, true);
        }
    }
}

/// What is at the head, for better or worse.
fn as_found(found: PolicySources, named: bool, tenancy: &Tenancy) -> Result<InUse, RunError> {
    let (rules, rejected) = read_policies(found.readable()?, named, tenancy)?;
    let texts = rejected.sources.clone();
    Ok((rules, rejected, texts))
}

/// The files that are wrong at the head.
fn broken(found: &PolicySources, named: bool) -> BTreeSet<String> {
    let (rules, _) = judge_policies(found.clone(), named);
    rules.broken.into_iter().chain(found.unreadable.iter().map(|(path, _)| path.clone())).collect()
}

/// What is wrong at the head, and what is done about it.
fn told(found: PolicySources, used: &PolicySources, named: bool) -> Rejected {
    let unreadable: Vec<_> = found.unreadable.iter().map(PolicySources::problem).collect();
    let broken = broken(&found, named);
    let (_, mut rejected) = judge_policies(found, named);
    rejected.diagnostics.extend(unreadable);
    for path in broken {
        let said = match used.texts.iter().any(|(used, _)| *used == path) {
            true => "its last valid version is in use until it is mended",
            false => "it is not in use until it is mended: it was not there when all policies were valid",
        };
        rejected.diagnostics.push(Diagnostic::warning(&path, None, said));
    }
    rejected
}

/// The texts in parts that the store takes; nothing where they are too many.
fn parts(texts: &Texts) -> Option<Vec<Vec<u8>>> {
    let whole = serde_json::to_vec(texts).ok().filter(|whole| whole.len() <= MAX_REMEMBERED)?;
    let digest = Sha256::digest(&whole);
    let chunks = whole.chunks(MAX_PART - HEAD);
    let count = u16::try_from(chunks.len()).ok()?;
    let part =
        |(number, chunk): (u16, &[u8])| [&number.to_be_bytes()[..], &count.to_be_bytes(), &digest, chunk].concat();
    Some((0..count).zip(chunks).map(part).collect())
}

/// The texts of parts that are all there and whole.
fn joined(parts: &[Vec<u8>]) -> Option<Texts> {
    let mut sets: BTreeMap<&[u8], BTreeMap<u16, &[u8]>> = BTreeMap::new();
    for part in parts {
        let (Some((number, rest)), true) = (part.split_first_chunk::<2>(), part.len() >= HEAD) else { continue };
        sets.entry(&rest[..HEAD - 2]).or_default().insert(u16::from_be_bytes(*number), &part[HEAD..]);
    }
    sets.iter().find_map(|(head, chunks)| {
        let (count, digest) = head.split_first_chunk::<2>()?;
        let count = u16::from_be_bytes(*count);
        let whole = (0..count).map(|number| chunks.get(&number).copied()).collect::<Option<Vec<_>>>()?.concat();
        (Sha256::digest(&whole)[..] == *digest).then(|| serde_json::from_slice(&whole).ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(size: usize) -> Texts {
        [("a.yaml".to_owned(), "x".repeat(size)), ("b.yaml".to_owned(), "b: 'ü'\n".to_owned())].into()
    }

    #[test]
    fn what_is_kept_in_parts_comes_back_whole_or_not_at_all() {
        for size in [0, 10, MAX_PART, 3 * MAX_PART] {
            let all = texts(size);
            let mut kept = parts(&all).unwrap();
            assert!(kept.iter().all(|part| part.len() <= MAX_PART));
            kept.reverse();
            kept.push(vec![0; 3]);
            kept.push(vec![7; HEAD + 1]);
            assert_eq!(joined(&kept), Some(all), "{size}");
            kept.retain(|part| !part.starts_with(&[0, 0]) || part.len() < HEAD);
            assert_eq!(joined(&kept), None, "{size}");
        }
        let mut damaged = parts(&texts(9)).unwrap();
        *damaged[0].last_mut().unwrap() ^= 1;
        assert_eq!(joined(&damaged), None);
        assert_eq!(joined(&[]), None);
    }

    #[test]
    fn too_much_is_not_kept() {
        let frame = serde_json::to_vec(&texts(0)).unwrap().len();
        assert!(parts(&texts(MAX_REMEMBERED - frame)).is_some());
        assert!(parts(&texts(MAX_REMEMBERED - frame + 1)).is_none());
    }
}
