//! What earlier runs learned, on its way into this one and back.
//!
//! Only what a policy wants to know is read. Everything that a registry said of a tag is recorded; of a tag that moved only
//! when the report that tells it is made, so that a run that fails does not keep the news to itself.

use super::{Event, Run};
use crate::image::{Digest, Repository, Tag};
use crate::plan::Sight;
use crate::policy::{Facts, Policy, Recall, Seen, Select};
use crate::port::{KnownLists, ListMark, Named, RegistryError, Sighting, TagList, TagsUnless};
use crate::text::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often it is checked whether a tag still names the digest that stands beside it, where the policy does not say.
pub const WATCH_PACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A tag list, and when it was read if that was in an earlier run.
pub(super) struct Listed {
    pub(super) tags: Vec<String>,
    pub(super) remembered: Option<i64>,
    /// See [`Registry::tags_unless`](crate::port::Registry::tags_unless).
    pub(super) mark: Option<ListMark>,
}

/// Of one repository, what earlier runs saw.
pub(super) type Sightings = BTreeMap<Tag, Sighting>;

/// What is recorded when the report is made.
#[derive(Debug, Default)]
pub(super) struct News {
    told: BTreeSet<String>,
    moved: BTreeSet<Named>,
}

impl News {
    pub(super) fn extend(&mut self, other: News) {
        self.told.extend(other.told);
        self.moved.extend(other.moved);
    }
}

/// The tag in a file, and the digest beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current<'a> {
    pub(super) tag: &'a Tag,
    pub(super) digest: Option<&'a Digest>,
}

/// How often it is checked whether the tag moved; `None` is never. What `select: digest` follows is no news.
pub(super) fn pace(policy: &Policy, digest: Option<&Digest>) -> Option<Duration> {
    match policy.select {
        Select::Digest(_) => None,
        _ => policy.watch.or(digest.map(|_| WATCH_PACE)),
    }
}

impl Run<'_> {
    /// The repository's tags: from the registry, or from an earlier run where the operator allows it for that long
    /// and nobody says that there is something new.
    pub(super) async fn list(&self, repository: &Repository) -> Result<Listed, RegistryError> {
        let now = self.clock.now();
        let kept_for = self.options.cache_for.get(repository.host());
        let lifetime = kept_for.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        if let Some(lifetime) = lifetime
            && !self.scope.images.contains(repository)
            && let Some(list) = self.store.list(repository)
            && (list.time..list.time.saturating_add(lifetime)).contains(&now)
        {
            return Ok(Listed { tags: list.tags, remembered: Some(list.time), mark: None });
        }
        let list = TagList { tags: self.registry.tags(repository).await?, time: now };
        if lifetime.is_some() {
            self.store.keep_list(repository, &list);
        }
        Ok(Listed { tags: list.tags, remembered: None, mark: None })
    }

    /// The same, unless it is a list that is known already: then its mark. Where the operator lets lists of earlier runs count,
    /// these do.
    pub(super) async fn list_unless(
        &self,
        repository: &Repository,
        known: &KnownLists<'_>,
    ) -> Result<Result<Listed, ListMark>, RegistryError> {
        if self.options.cache_for.contains_key(repository.host()) {
            return self.list(repository).await.map(Ok);
        }
        Ok(match self.registry.tags_unless(repository, known).await? {
            TagsUnless::Same(mark) => Err(mark),
            TagsUnless::Tags { tags, mark } => Ok(Listed { tags, remembered: None, mark }),
        })
    }

    /// What the policies want to know of earlier runs. `works` says whether there is a memory.
    pub(super) fn recall(
        &self,
        policies: &[&Policy],
        repository: &Repository,
        works: &Result<(), String>,
    ) -> (Recall, Sightings) {
        if let Err(why) = works {
            return (Recall::Nothing(why.clone()), Sightings::new());
        }
        let sightings = self.store.sightings(repository);
        let timed = policies.iter().any(|policy| policy.select.needs_times() || policy.require.age.is_some());
        let created = |digest: &Digest| if timed { self.store.image(digest)?.created } else { None };
        let seen =
            |one: &Sighting| Seen { digest: one.digest.clone(), first: one.first, created: created(&one.digest) };
        let seen = sightings.iter().map(|(tag, one)| (tag.clone(), seen(one))).collect();
        (Recall::Seen(seen), sightings)
    }

    /// Asks what the tag in the file names now, if that is due: at the first look, and then at the policy's pace.
    pub(super) async fn watch(
        &self,
        policy: &Policy,
        repository: &Repository,
        current: Current<'_>,
        sightings: &Sightings,
        facts: &mut Facts,
    ) {
        let pace = pace(policy, current.digest).filter(|_| matches!(facts.recall, Recall::Seen(_)));
        let Some(pace) = pace else { return };
        let now = self.clock.now();
        let pace = i64::try_from(pace.as_secs()).unwrap_or(i64::MAX);
        let due = sightings.get(current.tag).is_none_or(|seen| now.saturating_sub(seen.last) >= pace);
        if due && !facts.digests.contains_key(current.tag) {
            let digest = self.registry.digest(repository, current.tag).await.map_err(|error| error.to_string());
            facts.digests.insert(current.tag.clone(), digest);
        }
    }

    /// Says of a watched tag that it moved, unless an earlier run said so.
    pub(super) fn moved(
        &self,
        repository: &Repository,
        current: Current<'_>,
        sightings: &Sightings,
        facts: &Facts,
        news: &mut News,
    ) -> Option<String> {
        let Current { tag, digest } = current;
        if matches!(facts.recall, Recall::Nothing(_)) {
            return None;
        }
        let to = match facts.digests.get(tag)? {
            Ok(to) => to,
            Err(why) => return Some(format!("whether {tag} moved could not be learned: {why}")),
        };
        let from = digest.or_else(|| sightings.get(tag).map(|seen| &seen.digest)).filter(|from| *from != to)?;
        let told = format!("moved {repository}:{tag} {from} {to}");
        if !news.told.contains(&told) {
            if self.store.was_told(&told) {
                return None;
            }
            self.events.happened(&Event::TagMoved { repository, tag, from, to });
            news.told.insert(told);
            news.moved.insert(named(repository, tag, to));
        }
        Some(format!("the tag moved: {tag} names {to} now, and named {from}; it is not followed"))
    }

    /// Records what is being told.
    pub(super) fn tell(&self, news: &News) {
        let moved: Vec<Named> = news.moved.iter().cloned().collect();
        self.store.saw(&moved, self.clock.now());
        self.store.told(&news.told.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// What went wrong with the memory, and that there is none where a policy or the settings count on one.
    pub(super) fn memory_warnings(&self, missing: Option<&str>) -> Vec<Diagnostic> {
        let missing = missing.map(|why| {
            Diagnostic::warning("--state-dir", None, format!("nothing is remembered between runs: {why}"))
                .hint("name a folder that this user may write to and that stays")
        });
        let troubles = self.store.troubles().into_iter().map(|text| Diagnostic::warning("--state-dir", None, text));
        missing.into_iter().chain(troubles).collect()
    }
}

fn named(repository: &Repository, tag: &Tag, digest: &Digest) -> Named {
    Named { repository: repository.clone(), tag: tag.clone(), digest: digest.clone() }
}

/// What the registry said of the repository's tags, save for those whose move is still to be told.
pub(super) fn to_record(repository: &Repository, facts: &Facts, news: &News) -> Vec<Named> {
    let answered = facts.digests.iter().filter_map(|(tag, digest)| Some((tag, digest.as_ref().ok()?)));
    let seen = answered.map(|(tag, digest)| named(repository, tag, digest));
    seen.filter(|seen| !news.moved.iter().any(|moved| moved.tag == seen.tag)).collect()
}

/// What of this is worth to be in the ledger: first sights that an `age` counts from, now or soon.
pub(super) fn sights(repository: &Repository, policies: &[&Policy], facts: &Facts) -> Vec<Sight> {
    let Some((now, firsts)) = facts.now.zip(facts.firsts.as_ref()) else { return Vec::new() };
    let Some(longest) = policies.iter().filter_map(|policy| policy.require.seen).max() else { return Vec::new() };
    let longest = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
    let nothing = BTreeMap::new();
    let remembered = if let Recall::Seen(tags) = &facts.recall { tags } else { &nothing };
    let asked = facts.digests.iter().filter_map(|(tag, digest)| Some((tag, digest.as_ref().ok()?, now)));
    // Those that were too young to be asked about are remembered.
    let waiting = remembered.iter().filter(|(_, seen)| now.saturating_sub(seen.first) < longest);
    let mut first: BTreeMap<&Digest, i64> = BTreeMap::new();
    for (tag, digest, at) in asked.chain(waiting.map(|(tag, seen)| (tag, &seen.digest, seen.first))) {
        let own = remembered.get(tag).filter(|seen| seen.digest == *digest).map_or(at, |seen| seen.first);
        let earliest = firsts.get(digest).map_or(own, |known| own.min(*known)).min(now);
        let known = first.entry(digest).or_insert(earliest);
        *known = earliest.min(*known);
    }
    let sight = |(digest, first): (&Digest, i64)| Sight { image: repository.clone(), digest: digest.clone(), first };
    first.into_iter().map(sight).collect()
}
