//! What the commits of a branch say: walked from its head, messages only.
//!
//! | the history | what comes of it |
//! |---|---|
//! | is whole | what the messages say: what came onto the branch last first, no commit before one that contains it |
//! | is longer than the limit | the same of its newest commits, by their dates |
//! | is cut off before the limit (a shallow clone), or broken | an error: what is not known must not look like nothing |
//!
//! Commits are read as bytes and not by `gix`'s parser, which refuses some that old programs made.

use super::fault::{Hint, chain, lasting, one_line, passing};
use crate::plan::{Past, PastCommit};
use crate::port::{CommitId, Keep, RepoError};
use crate::version::history::{Commit, History, Id};
use gix::ObjectId;
use gix::prelude::FindExt as _;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// The largest commit that is read, in bytes: ours of 100,000 changes is smaller.
const MAX_COMMIT: u64 = 16 << 20;

/// The commits that `head` reaches, up to `limit`, and of their messages what `keep` keeps.
pub(super) fn read(
    repo: &gix::Repository,
    head: ObjectId,
    name: &str,
    limit: usize,
    keep: &Keep<'_>,
) -> Result<Past, RepoError> {
    if limit == 0 {
        return Ok(Past::default());
    }
    let mut walk = Walk { repo, name, keep, shallow: shallow(repo, name)?, buffer: Vec::new(), kept: HashMap::new() };
    let mut seen = HashSet::from([head]);
    let mut open = BinaryHeap::from([walk.visit(head)?]);
    let mut commits: Vec<Seen> = Vec::new();
    while let Some(next) = open.pop().filter(|_| commits.len() < limit) {
        let last = commits.len() + 1 == limit;
        if !last && walk.shallow.contains(&next.id) {
            return Err(walk.cut_off(&next));
        }
        for parent in next.parents.iter().filter(|_| !last) {
            if seen.insert(*parent) {
                open.push(walk.visit(*parent)?);
            }
        }
        commits.push(next);
    }
    walk.past(head, &commits)
}

/// The head of a branch.
pub(super) fn object_id(head: Option<&CommitId>) -> Result<ObjectId, RepoError> {
    let commit = head.ok_or_else(|| lasting("internal error: the past of a branch without its head"))?;
    ObjectId::from_hex(commit.0.as_bytes()).map_err(|_| lasting(format!("`{commit}` is no commit id")))
}

/// One commit on the way; the later one is greater.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    time: i64,
    id: ObjectId,
    parents: Vec<ObjectId>,
}

struct Walk<'w> {
    repo: &'w gix::Repository,
    name: &'w str,
    keep: &'w Keep<'w>,
    /// Commits whose parents are not here.
    shallow: HashSet<ObjectId>,
    buffer: Vec<u8>,
    kept: HashMap<ObjectId, PastCommit>,
}

impl Walk<'_> {
    fn visit(&mut self, id: ObjectId) -> Result<Seen, RepoError> {
        let unreadable = |why: &str| passing(format!("commit {id} of {} cannot be read: {why}", self.name));
        let size = self.repo.find_header(id).map_err(|error| unreadable(&chain(&error)))?.size();
        if size > MAX_COMMIT {
            return Err(lasting(format!("commit {id} of {} has {size} bytes", self.name)));
        }
        let found = self.repo.objects.find(&id, &mut self.buffer).map_err(|error| unreadable(&chain(&error)))?;
        if found.kind != gix::objs::Kind::Commit {
            return Err(unreadable("it is no commit"));
        }
        let raw = Raw::read(found.data).ok_or_else(|| unreadable("it is no commit as Git writes them"))?;
        if let Some(said) = (self.keep)(&String::from_utf8_lossy(raw.message)) {
            let author = one_line(&String::from_utf8_lossy(raw.author));
            self.kept.insert(id, PastCommit { id: id.to_string(), author, time: raw.time, said });
        }
        Ok(Seen { time: raw.time, id, parents: raw.parents })
    }

    fn cut_off(&self, at: &Seen) -> RepoError {
        let message = format!("{} is a shallow clone: what was committed before {} is not there", self.name, at.id);
        lasting(message).hint("`git fetch --unshallow` gets the rest, in CI a checkout with `fetch-depth: 0`")
    }

    /// What was kept, in the order of the history.
    fn past(mut self, head: ObjectId, commits: &[Seen]) -> Result<Past, RepoError> {
        let there: HashSet<ObjectId> = commits.iter().map(|commit| commit.id).collect();
        self.kept.retain(|id, _| there.contains(id));
        if self.kept.is_empty() {
            return Ok(Past::default());
        }
        let of = |id: &ObjectId| {
            Id::from_bytes(id.as_slice()).ok_or_else(|| lasting(format!("`{id}` is no commit id that is known")))
        };
        let mut graph = Vec::with_capacity(commits.len());
        for commit in commits {
            let parents = commit.parents.iter().filter(|parent| there.contains(*parent)).map(of);
            graph.push(Commit { id: of(&commit.id)?, parents: parents.collect::<Result<_, _>>()?, time: commit.time });
        }
        let history = History::new(of(&head)?, &graph)
            .map_err(|why| passing(format!("the history of {} is broken: {why}", self.name)))?;
        let mut kept: HashMap<Id, PastCommit> = HashMap::with_capacity(self.kept.len());
        for (id, commit) in self.kept {
            kept.insert(of(&id)?, commit);
        }
        let landed = landed(&graph, history.ids());
        let mut commits: Vec<(usize, PastCommit)> =
            history.ids().iter().filter_map(|id| Some((landed.get(id).copied()?, kept.remove(id)?))).collect();
        commits.sort_by_key(|(landed, _)| *landed);
        Ok(Past { commits: commits.into_iter().map(|(_, commit)| commit).collect() })
    }
}

/// How many states of the branch came after the one with which each commit came in. What stands in its files is what came in last,
/// however long it had been prepared on the side. `ids` are in the order of the history, the head first.
fn landed(graph: &[Commit], ids: &[Id]) -> HashMap<Id, usize> {
    let parents: HashMap<Id, &[Id]> = graph.iter().map(|commit| (commit.id, &commit.parents[..])).collect();
    let mut landed: HashMap<Id, usize> = HashMap::with_capacity(ids.len());
    let mut state = ids.first().copied();
    while let Some(id) = state.filter(|id| !landed.contains_key(id)) {
        landed.insert(id, landed.len());
        state = parents.get(&id).and_then(|parents| parents.first()).copied();
    }
    let states = landed.len();
    let mut own: HashMap<Id, usize> = landed.clone();
    for id in ids {
        let with = own.get(id).copied().unwrap_or(states);
        for parent in parents.get(id).copied().unwrap_or_default() {
            if !landed.contains_key(parent) {
                let known = own.entry(*parent).or_insert(with);
                *known = with.max(*known);
            }
        }
    }
    own
}

fn shallow(repo: &gix::Repository, name: &str) -> Result<HashSet<ObjectId>, RepoError> {
    let found = repo
        .shallow_commits()
        .map_err(|error| passing(format!("which commits of {name} are missing cannot be read: {}", chain(&error))))?;
    Ok(found.iter().flat_map(|commits| commits.iter().copied()).collect())
}

/// A commit as it lies in the repository.
#[derive(Debug, PartialEq, Eq)]
struct Raw<'a> {
    parents: Vec<ObjectId>,
    author: &'a [u8],
    /// Of the committer; 0 where it cannot be read, as some old commits have it.
    time: i64,
    message: &'a [u8],
}

impl<'a> Raw<'a> {
    fn read(data: &'a [u8]) -> Option<Raw<'a>> {
        let mut raw = Raw { parents: Vec::new(), author: b"", time: 0, message: b"" };
        let mut rest = data;
        loop {
            let end = rest.iter().position(|b| *b == b'\n')?;
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            if line.is_empty() {
                return Some(Raw { message: rest, ..raw });
            } else if let Some(id) = line.strip_prefix(b"parent ") {
                raw.parents.push(ObjectId::from_hex(id).ok()?);
            } else if let Some(who) = line.strip_prefix(b"author ") {
                raw.author = who.split(|b| *b == b'<').next().unwrap_or_default();
            } else if let Some(who) = line.strip_prefix(b"committer ") {
                let behind = who.rsplit(|b| *b == b'>').next().and_then(|text| std::str::from_utf8(text).ok());
                let time = behind.and_then(|text| text.split_whitespace().next()?.parse().ok());
                raw.time = time.unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_as_it_lies_there() {
        let parent = "a".repeat(40);
        let text = format!(
            "tree x\nparent {parent}\nparent {parent}\nauthor Ann Lee <a@b> 1 +0000\ncommitter Bo <b> <c@d> 7 +0100\n\
             gpgsig begin\n parent of nothing\n end\n\nSubject\n\nparent {parent}\n"
        );
        let raw = Raw::read(text.as_bytes()).unwrap();
        assert_eq!((raw.parents.len(), raw.author, raw.time), (2, &b"Ann Lee "[..], 7));
        assert_eq!(raw.message, format!("Subject\n\nparent {parent}\n").as_bytes());
    }

    #[test]
    fn what_old_programs_wrote_is_read_and_what_is_none_is_not() {
        let raw = |text: &'static str| Raw::read(text.as_bytes());
        assert_eq!(raw("tree x\ncommitter Bo\n\n").unwrap().time, 0);
        assert_eq!(raw("tree x\n\n").unwrap().message, b"");
        for bad in ["", "tree x", "tree x\nparent 12\n\n"] {
            assert_eq!(raw(bad), None, "{bad}");
        }
    }
}
