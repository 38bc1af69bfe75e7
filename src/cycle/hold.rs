//! Holds that are set and lifted by command: entries of the ledger, by whoever runs the command.

use super::explain::owner;
use super::history::Histories;
use super::ledger::{Book, NewEntry};
use super::rollback::Sources;
use super::scan::Scanned;
use super::select::Memory;
use super::{Run, RunError};
use crate::image::ImageRef;
use crate::plan::{Claims, Entry, Ledger, LedgerHold, LedgerTarget, Plan, State, Value, keys};
use crate::policy::{Held, PolicyName, Reason};
use crate::port::CommitId;
use std::collections::BTreeSet;

/// What a person wants to be left alone, and until when.
#[derive(Debug, Clone)]
pub struct Wish {
    pub reason: String,
    pub by: String,
    /// A day or a moment, checked.
    pub until: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub struct HoldChange {
    /// The ledger's commit; `None`: it was so already.
    pub commit: Option<CommitId>,
    pub holds: Vec<LedgerHold>,
    /// How many references are named.
    pub references: usize,
}

/// One reference that `release` was asked about and that no entry of that name holds.
#[derive(Debug, Clone)]
pub struct StillHeld {
    pub file: String,
    pub line: usize,
    pub held: Held,
    /// What would be written.
    pub wanted: Option<String>,
    /// Where the comment stands that holds it.
    pub comment: Option<usize>,
}

/// What `release` has done.
#[derive(Debug)]
pub enum Released {
    Lifted(HoldChange),
    /// No entry is of that name; these hold there.
    Nothing(Vec<StillHeld>),
}

impl Run<'_> {
    /// Puts what is named on hold: `all`, a policy, an image, `FILE` or `FILE:LINE`.
    pub async fn hold(&self, target: &str, wish: &Wish) -> Result<HoldChange, RunError> {
        let scanned = self.scan().await?;
        let named = self.named(target, &scanned)?;
        let (now, references) = (self.clock.now(), named.references);
        let hold = |(target, place): &(LedgerTarget, Option<String>)| LedgerHold {
            target: target.clone(),
            at: now,
            by: wish.by.clone(),
            reason: wish.reason.clone(),
            until: wish.until.clone(),
            place: place.clone(),
        };
        let holds: Vec<LedgerHold> = named.targets.iter().map(hold).collect();
        let until = wish.until.as_ref().map(|until| format!("\nUntil: {until}")).unwrap_or_default();
        let message = format!("Hold {target}: {}\n\nBy: {}{until}\n", wish.reason, wish.by);
        let add = |ledger: &Ledger| {
            let mut all = counting(ledger, now)?;
            let is_new = |hold: &&LedgerHold| !all.iter().any(|old| is_same(old, hold));
            let new: Vec<LedgerHold> = holds.iter().filter(is_new).cloned().collect();
            if new.is_empty() {
                return Ok(None);
            }
            all.extend(new);
            let ledger = Ledger { holds: Ok(all), ..ledger.clone() };
            match ledger.excess() {
                Some(why) => Err(why),
                None => Ok(Some(NewEntry { ledger, message: message.clone() })),
            }
        };
        let commit = self.amend_ledger(&add).await?;
        Ok(HoldChange { commit, holds, references })
    }

    /// Takes the entries of that very name out again. What holds otherwise is told with what lifts it: no entry of the ledger can.
    pub async fn release(&self, target: &str, by: &str) -> Result<Released, RunError> {
        let scanned = self.scan().await?;
        let now = self.clock.now();
        let named = match LedgerTarget::parse(target).filter(|_| target != "all") {
            Some(literal) => Named { targets: vec![(literal, None)], references: 0, places: BTreeSet::new() },
            None => self.named(target, &scanned)?,
        };
        let lifts = |hold: &LedgerHold| named.targets.iter().any(|(target, _)| *target == hold.target);
        let book = Book::of(&*scanned.snapshot);
        let lifted: Vec<LedgerHold> = book.ledger.active(now).filter(|hold| lifts(hold)).cloned().collect();
        if lifted.is_empty() && book.ledger.holds.is_ok() {
            return Ok(Released::Nothing(self.still_held(scanned, &named, target).await?));
        }
        let message = format!("Release {target}\n\nBy: {by}\n");
        let take = |ledger: &Ledger| {
            let all = counting(ledger, now)?;
            if !all.iter().any(lifts) {
                return Ok(None);
            }
            let left: BTreeSet<LedgerHold> = all.into_iter().filter(|hold| !lifts(hold)).collect();
            Ok(Some(NewEntry { ledger: Ledger { holds: Ok(left), ..ledger.clone() }, message: message.clone() }))
        };
        let commit = self.amend_ledger(&take).await?;
        Ok(Released::Lifted(HoldChange { commit, holds: lifted, references: named.references }))
    }

    /// What the word means, as targets of the ledger.
    fn named(&self, word: &str, scanned: &Scanned) -> Result<Named, RunError> {
        let plan = self.owned(scanned);
        let many = |target: LedgerTarget| {
            let references = plan.named_by([&target].into_iter()).values().sum();
            Named { targets: vec![(target, None)], references, places: BTreeSet::new() }
        };
        if word == "all" {
            return Ok(many(LedgerTarget::All));
        }
        if let Some(policy) = scanned.policies.iter().find(|policy| policy.name.as_str() == word) {
            return Ok(many(LedgerTarget::Policy(policy.name.clone())));
        }
        let (file, line) = super::explain::file_and_line(word).map_or((word, None), |(file, line)| (file, Some(line)));
        let file = file.trim_start_matches("./");
        let here =
            |entry: &Entry| &*entry.found.file == file && line.is_none_or(|line| line == entry.found.reference.line);
        let mut targets = Vec::new();
        let mut places = BTreeSet::new();
        for (at, (entry, key)) in plan.entries.iter().zip(keys(&plan.entries)).enumerate() {
            if here(entry) {
                let image = entry.image.as_ref().map(|image| format!(" {image}")).unwrap_or_default();
                let place = format!("{}:{}{image}", entry.found.file, entry.found.reference.line);
                targets.push((LedgerTarget::Place(key), Some(place)));
                places.insert(at);
            }
        }
        if !targets.is_empty() {
            return Ok(Named { references: targets.len(), targets, places });
        }
        if let Ok(image) = ImageRef::parse(word) {
            let claimed = |policy: &crate::policy::Policy| policy.exact_images().any(|own| *own == image.repository);
            let named = many(LedgerTarget::Image(image.repository.clone()));
            if named.references > 0 || scanned.policies.iter().any(claimed) {
                return Ok(named);
            }
        }
        Err(RunError::NotFound(super::explain::unknown(word, scanned, &scanned.policies)))
    }

    /// Every reference with its owner, in its order.
    fn owned(&self, scanned: &Scanned) -> Plan {
        let claims = Claims::new(&scanned.policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &crate::policy::Policy, file: &str, image: &crate::image::Repository| {
            self.allowed(&admission, policy, file, image)
        };
        let entry = |found: &crate::plan::Found| {
            let claim = claims.owner(&found.file, &found.reference, &allowed);
            let claim = self.beside_rejected(&scanned.broken, found, claim);
            let (image, policy): (_, Option<PolicyName>) = owner(scanned, found, &claim);
            Entry { found: found.clone(), image, policy, state: State::Unmanaged }
        };
        let mut plan = Plan { entries: scanned.found.iter().map(entry).collect(), ..Plan::default() };
        plan.sort();
        plan
    }

    /// What is held there now, and by what, as a run would have it.
    async fn still_held(&self, mut scanned: Scanned, named: &Named, word: &str) -> Result<Vec<StillHeld>, RunError> {
        let mut memory = Memory::new(self.options);
        memory.book = Book::of(&*scanned.snapshot);
        let entries = self.select(&mut scanned, &mut memory).await?;
        let mut plan = Plan { entries, ..Plan::default() };
        plan.sort();
        let wanted: Vec<Option<String>> = plan.entries.iter().map(wish_of).collect();
        let histories = Histories::default();
        let sources = Sources { policies: &scanned.policies, histories: &histories, until: memory.until };
        self.restrain(&mut plan, scanned.snapshot.head().cloned(), &memory.book, sources).await?;
        let is_meant = |at: usize, entry: &Entry| match named.targets.first() {
            Some((LedgerTarget::Policy(name), _)) => entry.policy.as_ref() == Some(name),
            Some((LedgerTarget::Image(image), _)) => entry.image.as_ref() == Some(image),
            Some((LedgerTarget::All, _)) => true,
            _ => named.places.contains(&at) && !word.is_empty(),
        };
        let all = plan.entries.iter().zip(wanted).enumerate().filter_map(|(at, (entry, wanted))| match &entry.state {
            State::Held(held) if is_meant(at, entry) => Some(StillHeld {
                file: entry.found.file.to_string(),
                line: entry.found.reference.line,
                held: held.clone(),
                wanted,
                comment: entry
                    .found
                    .reference
                    .hold
                    .as_ref()
                    .filter(|_| held.reason == Reason::Hold)
                    .map(|comment| comment.line),
            }),
            _ => None,
        });
        Ok(all.collect())
    }
}

/// What a word on the command line means.
struct Named {
    /// With the place, where it is one.
    targets: Vec<(LedgerTarget, Option<String>)>,
    references: usize,
    /// In the order of the plan.
    places: BTreeSet<usize>,
}

/// The holds that still count: those that are over go when the file is written anyway.
fn counting(ledger: &Ledger, now: i64) -> Result<BTreeSet<LedgerHold>, String> {
    let all = ledger.holds.clone()?;
    Ok(all.into_iter().filter(|hold| hold.counts(now)).collect())
}

/// The same wish of the same person, whenever he had it.
fn is_same(one: &LedgerHold, other: &LedgerHold) -> bool {
    let parts = |hold: &LedgerHold| (hold.target.clone(), hold.by.clone(), hold.reason.clone(), hold.until.clone());
    parts(one) == parts(other)
}

fn wish_of(entry: &Entry) -> Option<String> {
    let State::Change(change) = &entry.state else { return None };
    Some(Value { tag: change.to.tag.clone(), digest: change.to.digest.clone() }.to_string())
}
