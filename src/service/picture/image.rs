//! One image: what was decided about it last, and when its tags and our updates came.

use super::words::{Words, cut};
use crate::cycle::{Decided, Since};
use crate::policy::{PolicyName, Reason};
use crate::service::Target;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The most decisions of one image: of each policy and each tag that stands in files.
pub const MAX_LOOKS: usize = 8;
/// The most moments of tags, and the most updates of one image; older ones go.
pub const MAX_POINTS: usize = 60;
/// An image with more tags is not watched for new ones: their moments are those that its registry tells.
pub const MAX_KNOWN: usize = 2_000;

/// What is known of an image.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub looks: Vec<Look>,
    /// When tags came, the oldest first.
    pub tags: VecDeque<TagCame>,
    /// What was written, the oldest first.
    pub updates: VecDeque<Update>,
    /// The tags that were listed, as hashes in order; `None` before the first list.
    pub(in crate::service) known: Option<Vec<u32>>,
}

/// One decision.
#[derive(Debug, Clone)]
pub struct Look {
    pub target: Target,
    pub policy: PolicyName,
    /// What the policy chooses by, in words.
    pub choice: String,
    pub current: Option<Arc<str>>,
    pub chosen: Option<Arc<str>>,
    pub held: Option<(Reason, Arc<str>)>,
    pub note: Option<Arc<str>>,
    pub at: i64,
    /// How many tags the registry listed.
    pub tags: usize,
    pub passed_over: Vec<Passed>,
    /// How many more were passed over.
    pub rest: usize,
}

/// A tag that was not chosen.
#[derive(Debug, Clone)]
pub struct Passed {
    pub tag: Arc<str>,
    pub reason: Reason,
    pub detail: Arc<str>,
}

/// Since when a tag is known. Seconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCame {
    pub tag: Arc<str>,
    pub at: i64,
    pub how: Came,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Its image says when it was built.
    Built,
    /// An earlier run saw it first.
    Seen,
    /// This process saw it in the list, and not in the list before.
    Listed,
}

impl Came {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Came::Built => "built",
            Came::Seen => "first-seen",
            Came::Listed => "listed",
        }
    }
}

/// A change that was committed or proposed.
#[derive(Debug, Clone)]
pub struct Update {
    pub at: i64,
    pub target: Target,
    pub from: Option<Arc<str>>,
    pub to: Arc<str>,
    /// In how many places.
    pub places: usize,
    pub commit: Option<Arc<str>>,
    pub url: Option<Arc<str>>,
}

impl Image {
    /// Takes a decision in. `most` bounds the tags that are kept of it, and `room` the tags that are watched.
    pub(super) fn decided(
        &mut self,
        target: &Target,
        decided: &Decided<'_>,
        now: i64,
        most: (usize, usize),
        room: usize,
    ) {
        let mut words = Words::default();
        let (passed, rest) = decided.look.passed_over(most);
        let decision = decided.decision;
        let look = Look {
            target: target.clone(),
            policy: decided.policy.name.clone(),
            choice: cut(&decided.policy.select.choice()).into_owned(),
            current: decided.current.map(|tag| words.share(tag.as_str())),
            chosen: decision.chosen.as_ref().map(|chosen| words.share(chosen.tag.as_str())),
            held: decision.held.as_ref().map(|held| (held.reason, words.share(&held.detail))),
            note: decision.note.as_deref().map(|note| words.share(note)),
            at: now,
            tags: decided.tags.len(),
            passed_over: passed
                .iter()
                .map(|one| Passed { tag: words.share(&one.tag), reason: one.reason, detail: words.share(&one.detail) })
                .collect(),
            rest,
        };
        self.came(&look, decided, now, room);
        let same = |old: &Look| old.target == look.target && old.policy == look.policy && old.current == look.current;
        self.looks.retain(|old| !same(old));
        self.looks.insert(0, look);
        self.looks.truncate(MAX_LOOKS);
    }

    /// Remembers when tags came, of those that are told of.
    fn came(&mut self, look: &Look, decided: &Decided<'_>, now: i64, room: usize) {
        let told = look.passed_over.iter().map(|one| &one.tag).chain(&look.chosen).chain(&look.current);
        for tag in told {
            if let Some(since) = decided.look.since(tag) {
                let (at, how) = match since {
                    Since::Built(at) => (at, Came::Built),
                    Since::Seen(at) => (at, Came::Seen),
                };
                self.point(TagCame { tag: tag.clone(), at, how });
            }
        }
        let watched = decided.tags.len() <= MAX_KNOWN.min(room);
        let mut listed: Vec<u32> = decided.tags.iter().filter(|_| watched).map(|tag| short_hash(tag)).collect();
        listed.sort_unstable();
        listed.shrink_to_fit();
        if let Some(known) = self.known.as_ref().filter(|known| watched && **known != listed) {
            let is_new = |tag: &&String| known.binary_search(&short_hash(tag)).is_err();
            let new: Vec<&String> = decided.tags.iter().filter(is_new).take(MAX_POINTS).collect();
            for tag in new {
                let tag: Arc<str> = cut(tag).into();
                if !self.tags.iter().any(|point| point.tag == tag) {
                    self.point(TagCame { tag, at: now, how: Came::Listed });
                }
            }
        }
        self.known = watched.then_some(listed);
    }

    /// How many tags are watched for new ones beside them.
    pub(super) fn watched(&self) -> usize {
        self.known.as_ref().map_or(0, Vec::len)
    }

    fn point(&mut self, point: TagCame) {
        self.tags.retain(|old| old.tag != point.tag);
        let at = self.tags.partition_point(|old| old.at <= point.at);
        self.tags.insert(at, point);
        if self.tags.len() > MAX_POINTS {
            self.tags.pop_front();
        }
    }

    pub(super) fn updated(&mut self, update: Update) {
        // A pull request that is renewed is one proposal.
        let same = |old: &Update| {
            update.url.is_some() && old.url == update.url && old.from == update.from && old.to == update.to
        };
        if self.updates.iter().any(same) {
            return;
        }
        self.updates.push_back(update);
        if self.updates.len() > MAX_POINTS {
            self.updates.pop_front();
        }
    }
}

/// So little of a tag suffices to know it again: a collision hides one new tag of four billion.
fn short_hash(tag: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    tag.hash(&mut hasher);
    (hasher.finish() & u64::from(u32::MAX)) as u32
}
