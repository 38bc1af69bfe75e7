//! What earlier runs decided, by what they decided it on: who gets the same list again need not read it again.
//!
//! A decision about a tag hangs on the list, the policy, what stands in the file, the day (a suffix may name one to come) and the program
//! text that decides ([`DECIDER`]). All of it, the list as its [`ListMark`], is hashed into the key of the note. So a note
//! can never be out of date. Decisions that hang on more (ages, digests, build times, signatures, histories, what
//! was seen before) are made anew in each run, and so are those that change something: the next run asks another question.
//!
//! The registry is asked all the same, once for each repository, and whatever it answers counts. See [`super::notebook`].

use super::notebook::{Key, News, Notebook, key_of};
use super::select::Asked;
use crate::image::{Repository, Tag};
use crate::policy::{Chosen, DECIDER, Decision, Held, Policy, Reason};
use crate::port::{ListMark, Snapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Mutex;

/// The most bytes of the note about one repository.
const MAX_NOTE: usize = 16 * 1024;
const DAY: i64 = 24 * 60 * 60;

/// What earlier runs decided.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// `None` where nothing is kept.
    notes: Option<Notebook>,
    day: i64,
    /// A hash of each policy that was asked about, by its place; `None` where its decisions hang on more than tags.
    policies: Mutex<HashMap<usize, Option<[u8; 32]>>>,
}

/// What decisions about one repository hang on but for its list.
#[derive(Debug)]
pub(super) struct Ground(Sha256);

impl Ground {
    /// Under which key the decisions on that list are noted.
    pub(super) fn key(&self, list: &ListMark) -> Key {
        key_of(self.0.clone().chain_update(list.0))
    }
}

/// The decisions on one list.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// How many tags the list has.
    pub(super) tags: usize,
    /// In the order of the questions.
    pub(super) decisions: Vec<Decision>,
}

/// Of one repository: the key that was of use, and what is to be noted under which.
pub(super) type Told = (Option<Key>, Option<(Key, Vec<u8>)>);

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    tags: usize,
    decisions: Vec<Noted>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    chosen: Option<String>,
    held: Option<(String, String)>,
    note: Option<String>,
}

impl Verdicts {
    /// Under which name the store keeps the decisions; `None` for the files of a checkout, which leave nothing behind.
    pub(super) fn branch(repository: &str, snapshot: &dyn Snapshot) -> Option<String> {
        snapshot.head()?;
        Some(format!("{repository}\n{}\ndecisions", snapshot.branch().unwrap_or_default()))
    }

    /// What the store has kept; `now` is in seconds since 1970, UTC.
    pub(super) fn of(parts: Option<Vec<Vec<u8>>>, now: i64) -> Verdicts {
        Verdicts { notes: parts.map(Notebook::of), day: now.div_euclid(DAY), policies: Mutex::default() }
    }

    /// What the decisions about one repository hang on but for its list; `None` where that is more than can be told now, and
    /// where nothing is kept. The questions stand in their order.
    pub(super) fn ground(&self, policies: &[Policy], repository: &Repository, asked: &[&Asked]) -> Option<Ground> {
        self.notes.as_ref()?;
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(DECIDER.as_bytes());
        add(&self.day.to_le_bytes());
        add(repository.as_str().as_bytes());
        for one in asked {
            // A digest beside the tag is watched, and one that is asked for is the registry's of now.
            if one.current_digest.is_some() || one.digest {
                return None;
            }
            add(&self.policy(policies, one.policy)?);
            add(one.current.as_ref().map_or("", Tag::as_str).as_bytes());
            add(&(one.refused.len() as u64).to_le_bytes());
            one.refused.iter().for_each(|tag| add(tag.as_str().as_bytes()));
        }
        Some(Ground(hash))
    }

    /// Every field of a policy is in its debug form, also those that are still to be invented.
    fn policy(&self, policies: &[Policy], at: usize) -> Option<[u8; 32]> {
        let mut known = self.policies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *known.entry(at).or_insert_with(|| {
            let policy = policies.get(at).filter(|policy| policy.hangs_on_tags())?;
            Some(Sha256::digest(format!("{policy:?}")).into())
        })
    }

    /// What was decided under that key, if it can be read back and answers each of the questions.
    pub(super) fn answers(&self, key: &Key, asked: &[&Asked]) -> Option<Answers> {
        let (_, note) = self.notes.as_ref()?.get(key)?.split_at_checked(size_of::<i64>())?;
        let Note { tags, decisions } = serde_json::from_slice(note).ok()?;
        let decisions: Vec<Decision> = decisions.into_iter().map(Noted::read).collect::<Option<_>>()?;
        (decisions.len() == asked.len()).then_some(Answers { tags, decisions })
    }

    /// Whether there is a note under that key.
    pub(super) fn knows(&self, key: &Key) -> bool {
        self.notes.as_ref().is_some_and(|notes| notes.get(key).is_some())
    }

    /// What the store is to keep now: of each repository the key that was of use, or what is new. Unless the run asked about
    /// everything, all other notes of the day count, which each note begins with.
    pub(super) fn news(self, noted: Vec<Told>, whole: bool) -> Option<News> {
        let mut notes = self.notes?;
        let today = self.day.to_le_bytes();
        if !whole {
            notes.count_those(&|note| note.starts_with(&today));
        }
        for (known, learned) in noted {
            known.iter().for_each(|key| notes.count(key));
            if let Some((key, note)) = learned {
                notes.learn(key, [&today[..], &note].concat());
            }
        }
        notes.news()
    }
}

impl Answers {
    /// The note of these decisions; `None` where one of them changes something or is too long to be kept.
    pub(super) fn note(tags: usize, decisions: &[(Asked, Decision)]) -> Option<Vec<u8>> {
        let stays = |(asked, decision): &(Asked, Decision)| {
            let digest = decision.chosen.as_ref().is_some_and(|chosen| chosen.digest.is_some());
            let same = decision.chosen.as_ref().is_none_or(|chosen| Some(&chosen.tag) == asked.current.as_ref());
            !digest && (same || decision.held.is_some())
        };
        if !decisions.iter().all(stays) {
            return None;
        }
        let decisions = decisions.iter().map(|(_, decision)| Noted::of(decision)).collect();
        let note = serde_json::to_vec(&Note { tags, decisions }).ok()?;
        (note.len() <= MAX_NOTE).then_some(note)
    }
}

impl Noted {
    fn of(decision: &Decision) -> Noted {
        Noted {
            chosen: decision.chosen.as_ref().map(|chosen| chosen.tag.as_str().to_owned()),
            held: decision.held.as_ref().map(|held| (held.reason.word().to_owned(), held.detail.clone())),
            note: decision.note.clone(),
        }
    }

    fn read(self) -> Option<Decision> {
        let held = match self.held {
            None => None,
            Some((word, detail)) => {
                let reason = *Reason::ALL.iter().find(|reason| reason.word() == word)?;
                Some(Held { reason, detail })
            }
        };
        let chosen = match self.chosen {
            None => None,
            Some(tag) => Some(Chosen { tag: Tag::parse(&tag).ok()?, digest: None }),
        };
        Some(Decision { chosen, held, note: self.note })
    }
}
