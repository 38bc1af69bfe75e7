//! The commits of a branch and their order: which came later, and which contains which. Pure.
//!
//! The order is total, newest first, and every commit stands before its ancestors. What a position alone cannot tell is
//! whether one commit contains another, because branches run side by side until they are merged: [`History::descendants`] does.
//!
//! Of two commits of which neither contains the other, that one is newer which contains the newer state of the branch itself.
//! The states of the branch are its first-parent history, as `git log --first-parent` prints it:
//!
//! ```text
//! main   o---M1---------M2---------M3      M3 merges G2, M2 merges F1
//!             \\--F1----/           /
//!              \--G1-------G2-----/        order: M3 M2 G2 G1 F1 M1 o
//! ```
//!
//! `G2` is later in time than `M2`, but it contains no newer state of the branch than `M1`; who runs `M2` would lose `F1` with it.
//! Of those that contain the same state, the one that was merged last is newer; then the later date counts, then the id.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

/// The most commits that a history may have. Linux has six times as many; nearly everything else fits.
pub const MAX_COMMITS: usize = 250_000;
/// Git abbreviates ids to at least this many hexadecimal digits.
pub const SHORTEST: usize = 7;

/// The id of a commit: SHA-1 (20 bytes) or SHA-256 (32).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    bytes: [u8; 32],
    length: u8,
}

impl Id {
    /// `None` unless there are 20 or 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Id> {
        let mut id = Id { bytes: [0; 32], length: u8::try_from(bytes.len()).ok()? };
        matches!(bytes.len(), 20 | 32).then(|| id.bytes[..bytes.len()].copy_from_slice(bytes))?;
        Some(id)
    }

    /// A full id in lowercase hexadecimal digits, as Git writes it.
    pub fn parse(text: &str) -> Option<Id> {
        if !is_hex(text) || !text.len().is_multiple_of(2) {
            return None;
        }
        let bytes: Vec<u8> = text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
        Id::from_bytes(&bytes)
    }

    /// The first digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(SHORTEST);
        text
    }

    /// How the id's first digits compare to these; equal where it begins with them.
    fn compare_to(&self, digits: &str) -> Ordering {
        let all = 2 * usize::from(self.length);
        let own = (0..all).map(|at| self.bytes[at / 2] >> (4 * (1 - at % 2)) & 0x0f);
        own.take(digits.len()).cmp(digits.bytes().map(digit))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes[..usize::from(self.length)].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the text can be the id of a commit or the beginning of one: at least [`SHORTEST`] hexadecimal digits, lowercase as Git
/// writes them.
pub fn is_id(text: &str) -> bool {
    (SHORTEST..=64).contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn digit(hex: u8) -> u8 {
    if hex.is_ascii_digit() { hex - b'0' } else { (hex | 0x20).wrapping_sub(b'a' - 10) }
}

/// One commit as the repository has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub id: Id,
    /// The first is the branch that the others were merged into.
    pub parents: Vec<Id>,
    /// When it was committed, in seconds since 1970, by its own word.
    pub time: i64,
}

/// Why commits are no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHistory {
    #[error("there are no commits")]
    Empty,
    #[error("there are more than {MAX_COMMITS} commits")]
    TooMany,
    #[error("commit {0} is missing, a parent of another")]
    Missing(Id),
    #[error("the commits are their own ancestors")]
    Circular,
}

/// What is no [`History::find`] of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// No commit has this id.
    Unknown,
    /// Two commits begin like this.
    Ambiguous(Id, Id),
}

/// Every commit that the head of a branch contains, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    ids: Vec<Id>,
    /// In step with `ids`: positions, each greater than the commit's own.
    parents: Vec<Vec<u32>>,
    /// How many states the branch had since, in step with `ids`; only commits of the first-parent history have one.
    states: Vec<Option<u32>>,
    /// Positions in the order of the ids.
    by_id: Vec<u32>,
}

impl History {
    /// Orders the commits that `head` reaches; their own order does not matter. Others are left out.
    pub fn new(head: Id, commits: &[Commit]) -> Result<History, NoHistory> {
        if commits.is_empty() {
            return Err(NoHistory::Empty);
        }
        if commits.len() > MAX_COMMITS {
            return Err(NoHistory::TooMany);
        }
        Graph::new(head, commits)?.order()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Never: a branch has a head.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The commits, newest first.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// The position of the commit whose id begins with these digits.
    pub fn find(&self, digits: &str) -> Result<usize, NotFound> {
        let id = |at: &u32| &self.ids[*at as usize];
        let first = self.by_id.partition_point(|at| id(at).compare_to(digits).is_lt());
        let mut fitting = self.by_id[first..].iter().take_while(|at| id(at).compare_to(digits).is_eq());
        match (fitting.next(), fitting.next()) {
            (Some(at), None) => Ok(*at as usize),
            (Some(one), Some(other)) => Err(NotFound::Ambiguous(*id(one), *id(other))),
            (None, _) => Err(NotFound::Unknown),
        }
    }

    /// Which of the positions before `at` contain the commit there.
    pub fn descendants(&self, at: usize) -> Vec<bool> {
        let mut descends = vec![false; at];
        for newer in (0..at).rev() {
            descends[newer] = self.parents[newer].iter().any(|parent| {
                let parent = *parent as usize;
                parent == at || descends.get(parent).copied().unwrap_or(false)
            });
        }
        descends
    }

    /// Whether the commit at `newer` contains the one at `older`, or is it.
    pub fn contains(&self, newer: usize, older: usize) -> bool {
        newer == older || self.descendants(older).get(newer).copied().unwrap_or(false)
    }

    /// How many states of the branch are newer than what the commit at `at` contains: 0 where it contains the head.
    pub fn states_since(&self, at: usize) -> usize {
        // The first state that follows in the order is the newest one that the commit contains.
        let state = self.states[at..].iter().find_map(|state| *state);
        state.map_or_else(|| self.states.iter().flatten().count(), |state| state as usize)
    }
}

/// Commits by number, on the way to their order.
struct Graph<'c> {
    commits: &'c [Commit],
    head: u32,
    parents: Vec<Vec<u32>>,
    /// Whether the head reaches it, and from how many reached children.
    children: Vec<u32>,
    reached: Vec<bool>,
}

/// What precedes what, the least first: see the module.
type Rank = (u32, bool, u32, Reverse<i64>, Id);

const NONE: u32 = u32::MAX;

impl<'c> Graph<'c> {
    fn new(head: Id, commits: &'c [Commit]) -> Result<Graph<'c>, NoHistory> {
        let numbers: HashMap<Id, u32> = commits.iter().map(|commit| commit.id).zip(0..).collect();
        let number = |id: &Id| numbers.get(id).copied().ok_or(NoHistory::Missing(*id));
        let head = number(&head)?;
        let mut graph = Graph {
            commits,
            head,
            parents: vec![Vec::new(); commits.len()],
            children: vec![0; commits.len()],
            reached: vec![false; commits.len()],
        };
        let mut open = vec![head];
        graph.reached[head as usize] = true;
        while let Some(at) = open.pop() {
            let mut parents = commits[at as usize].parents.iter().map(number).collect::<Result<Vec<u32>, _>>()?;
            let mut seen = Vec::with_capacity(parents.len());
            parents.retain(|parent| !seen.contains(parent) && (seen.push(*parent), true).1);
            for &parent in &parents {
                graph.children[parent as usize] += 1;
                if !std::mem::replace(&mut graph.reached[parent as usize], true) {
                    open.push(parent);
                }
            }
            graph.parents[at as usize] = parents;
        }
        Ok(graph)
    }

    fn order(self) -> Result<History, NoHistory> {
        let any = self.sorted(|_| ())?;
        let state = self.states();
        // The newest state that each commit contains, and the oldest one that contains it.
        let mut base = state.clone();
        let mut landed: Vec<u32> = state.iter().map(|state| if *state == NONE { 0 } else { *state }).collect();
        for &at in &any {
            for &parent in &self.parents[at as usize] {
                landed[parent as usize] = landed[parent as usize].max(landed[at as usize]);
            }
        }
        for &at in any.iter().rev() {
            let inherited = self.parents[at as usize].iter().map(|parent| base[*parent as usize]).min();
            base[at as usize] = base[at as usize].min(inherited.unwrap_or(NONE));
        }
        let order = self.sorted(|at| -> Rank {
            let commit = &self.commits[at as usize];
            let at = at as usize;
            (base[at], state[at] != NONE, landed[at], Reverse(commit.time), commit.id)
        })?;
        let mut position = vec![NONE; self.commits.len()];
        order.iter().zip(0..).for_each(|(at, place)| position[*at as usize] = place);
        let ids: Vec<Id> = order.iter().map(|at| self.commits[*at as usize].id).collect();
        let mut by_id: Vec<u32> = (0..).take(ids.len()).collect();
        by_id.sort_unstable_by_key(|at| ids[*at as usize]);
        let positions = |at: &u32| self.parents[*at as usize].iter().map(|parent| position[*parent as usize]).collect();
        Ok(History {
            parents: order.iter().map(positions).collect(),
            states: order.iter().map(|at| Some(state[*at as usize]).filter(|state| *state != NONE)).collect(),
            ids,
            by_id,
        })
    }

    /// For commits of the first-parent history how far they are behind the head, [`NONE`] for others.
    fn states(&self) -> Vec<u32> {
        let mut state = vec![NONE; self.commits.len()];
        let mut next = Some(self.head);
        let mut behind = 0;
        while let Some(at) = next {
            state[at as usize] = behind;
            behind += 1;
            next = self.parents[at as usize].first().copied();
        }
        state
    }

    /// Children before parents; of those that may stand next, the one with the least rank.
    fn sorted<R: Ord>(&self, rank: impl Fn(u32) -> R) -> Result<Vec<u32>, NoHistory> {
        let wanted = self.reached.iter().filter(|reached| **reached).count();
        let mut children = self.children.clone();
        let mut ready = BinaryHeap::new();
        if children[self.head as usize] == 0 {
            ready.push(Reverse((rank(self.head), self.head)));
        }
        let mut order = Vec::with_capacity(wanted);
        while let Some(Reverse((_, at))) = ready.pop() {
            order.push(at);
            for &parent in &self.parents[at as usize] {
                children[parent as usize] -= 1;
                if children[parent as usize] == 0 {
                    ready.push(Reverse((rank(parent), parent)));
                }
            }
        }
        if order.len() == wanted { Ok(order) } else { Err(NoHistory::Circular) }
    }
}

#[cfg(test)]
mod tests;
