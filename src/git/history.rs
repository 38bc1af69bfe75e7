//! The commits of a branch of somebody's source repository, for `select: commit`: their ids, parents and dates, and nothing
//! else where the server can be asked for that.
//!
//! | the server | what is fetched |
//! |---|---|
//! | offers filters (GitHub, GitLab, Gitea, `uploadpack.allowFilter`) | commits, by `filter tree:0` |
//! | does not | everything, up to [`MAX_BYTES`]: the protocol has nothing between |
//!
//! What was fetched stays in a cache of its own, one for each URL and branch, so that a later run fetches what is new. Redirects
//! are not followed: the host that was allowed is the only one that is spoken to.

#![expect(clippy::disallowed_methods, reason = "a fetch has a deadline")]

use super::cache::{Cache, Generation};
use super::fault::{Hint, chain, lasting, passing};
use super::transport::Server;
use super::upload::{Limit, Upload};
use super::{Location, Options, bare};
use crate::port::{RepoError, SourceError, SourceHistory};
use crate::version::history::{Commit, History, Id, MAX_COMMITS, NoHistory};
use gix::ObjectId;
use gix::objs::commit::ref_iter::Token;
use gix::prelude::FindExt as _;
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most bytes that one history may take, on the wire and in its cache. 250,000 commits take about a quarter of it.
pub const MAX_BYTES: u64 = 256 << 20;
/// The longest that one fetch may take.
pub const MAX_TIME: Duration = Duration::from_secs(300);
/// The most parents that the commits may have together, for each that is allowed.
const MAX_PARENTS: usize = 4;

/// Bounds of one history.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub commits: usize,
    /// See [`MAX_BYTES`].
    pub bytes: u64,
    /// See [`MAX_TIME`].
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { commits: MAX_COMMITS, bytes: MAX_BYTES, time: MAX_TIME }
    }
}

/// How to reach the server of a repository: credentials, certificates, where the cache is.
pub type Way = dyn Fn(&Location) -> Result<Options, RepoError> + Send + Sync;

/// Histories of repositories on servers.
pub struct Histories {
    way: Box<Way>,
    limits: Limits,
}

impl std::fmt::Debug for Histories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histories").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Histories {
    pub fn new(way: Box<Way>, limits: Limits) -> Histories {
        Histories { way, limits }
    }

    fn fetch(&self, url: &str, branch: &str) -> Result<History, RepoError> {
        let location = Location::parse(url)?;
        bare::check_branch_name(branch)?;
        let options = (self.way)(&location)?;
        let server = Server::of(&location, &options)?.without_redirects();
        let name = location.to_string();
        let cache = Branch::cache(options.cache_dir.as_deref(), &name, branch)?;
        let asked = Branch { server: &server, name: &name, branch, limits: self.limits };
        let answer: Answer = asked.learn(&cache, &|from, tip| asked.read(from, tip))?;
        answer.ok_or_else(|| too_many(&name, self.limits.commits))
    }
}

impl SourceHistory for Histories {
    fn history(&self, url: &str, branch: &str) -> Result<History, SourceError> {
        self.fetch(url, branch).map_err(|RepoError { message, hint, retryable }| SourceError {
            message,
            hint,
            retryable,
        })
    }
}

/// One branch, and what may be spent on it.
pub(super) struct Branch<'a> {
    pub(super) server: &'a Server,
    pub(super) name: &'a str,
    pub(super) branch: &'a str,
    pub(super) limits: Limits,
}

/// What is to be learned from a generation that holds the commit and all before it.
pub(super) type Lesson<'l, T> = dyn Fn(&Generation, ObjectId) -> Result<T, RepoError> + 'l;

/// A history, or none because it has too many commits. That is kept in the cache too, so that it is not fetched again and again.
type Answer = Option<History>;

impl Branch<'_> {
    /// The cache of a branch's history; also that of a config repository, which may be a source as well.
    pub(super) fn cache(directory: Option<&Path>, name: &str, branch: &str) -> Result<Cache, RepoError> {
        Cache::take(directory, &format!("{name} {branch}"))
    }

    /// Fetches what is new on the branch into the cache, and learns from it.
    pub(super) fn learn<T>(&self, cache: &Cache, lesson: &Lesson<'_, T>) -> Result<T, RepoError> {
        let (upload, tip) = self.look()?;
        let Some(current) = cache.current() else {
            return self.begin_anew(cache, upload, tip, lesson);
        };
        // Any failure in a cache that may be odd is answered by a new cache, whose failure counts.
        if let Ok(learned) = self.fill(&current, upload, tip, lesson) {
            return Ok(learned);
        }
        let (upload, tip) = self.look()?;
        let learned = self.begin_anew(cache, upload, tip, lesson)?;
        current.replace();
        Ok(learned)
    }

    fn fill<T>(
        &self,
        current: &Generation,
        upload: Upload<'_>,
        tip: ObjectId,
        lesson: &Lesson<'_, T>,
    ) -> Result<T, RepoError> {
        let repo = current.open()?;
        if repo.object_hash() != tip.kind() || current.bytes() > self.limits.bytes {
            return Err(passing("the cache is to be replaced"));
        }
        match current.tip(&repo) {
            Some(known) if known == tip => upload.end(),
            _ => upload.fetch_history(current, tip, &self.limit())?,
        }
        lesson(current, tip)
    }

    fn begin_anew<T>(
        &self,
        cache: &Cache,
        upload: Upload<'_>,
        tip: ObjectId,
        lesson: &Lesson<'_, T>,
    ) -> Result<T, RepoError> {
        let filling = cache.begin(tip.kind())?;
        let filled = upload.fetch_history(&filling, tip, &self.limit()).and_then(|()| lesson(&filling, tip));
        match filled.and_then(|learned| cache.accept(&filling).map(|_| learned)) {
            Ok(learned) => Ok(learned),
            Err(error) => {
                filling.replace();
                Err(error)
            }
        }
    }

    /// Where the branch is now.
    fn look(&self) -> Result<(Upload<'_>, ObjectId), RepoError> {
        let mut upload = Upload::begin(self.server)?;
        let (_, tip) = upload.tip(Some(self.branch), self.name)?;
        Ok((upload, tip))
    }

    fn limit(&self) -> Limit {
        Limit { bytes: self.limits.bytes, until: Instant::now() + self.limits.time }
    }

    fn read(&self, from: &Generation, tip: ObjectId) -> Result<Answer, RepoError> {
        let Some(commits) = commits(&from.open()?, tip, self.limits.commits, self.name)? else {
            return Ok(None);
        };
        match History::new(id(&tip)?, &commits) {
            Ok(history) => Ok(Some(history)),
            Err(NoHistory::TooMany) => Ok(None),
            Err(why) => Err(passing(format!("the history of {} is broken: {why}", self.name))),
        }
    }
}

fn too_many(name: &str, limit: usize) -> RepoError {
    lasting(format!("{name} has more than {limit} commits")).hint("`select: {newest: created}` asks the images instead")
}

/// Every commit that `tip` reaches, unless they are more than the limit.
fn commits(repo: &gix::Repository, tip: ObjectId, limit: usize, name: &str) -> Result<Option<Vec<Commit>>, RepoError> {
    let mut commits = Vec::new();
    let mut seen = HashSet::from([tip]);
    let mut open = vec![tip];
    let mut links = 0;
    let mut buffer = Vec::new();
    while let Some(next) = open.pop() {
        let (parents, time) = commit(repo, next, &mut buffer)
            .map_err(|why| passing(format!("commit {next} of {name} cannot be read: {why}")))?;
        links += parents.len();
        if commits.len() == limit || links > limit.saturating_mul(MAX_PARENTS) {
            return Ok(None);
        }
        open.extend(parents.iter().copied().filter(|parent| seen.insert(*parent)));
        let parents = parents.iter().map(id).collect::<Result<Vec<Id>, _>>()?;
        commits.push(Commit { id: id(&next)?, parents, time });
    }
    Ok(Some(commits))
}

/// The parents of one commit, and its date.
fn commit(repo: &gix::Repository, id: ObjectId, buffer: &mut Vec<u8>) -> Result<(Vec<ObjectId>, i64), String> {
    let tokens = repo.objects.find_commit_iter(&id, buffer).map_err(|error| chain(&error))?;
    let mut parents = Vec::new();
    for token in tokens {
        match token.map_err(|error| chain(&error))? {
            Token::Parent { id } => parents.push(id),
            // Dates are for ties only; some old commits have none that can be read.
            Token::Committer { signature } => return Ok((parents, signature.time().map_or(0, |time| time.seconds))),
            _ => {}
        }
    }
    Err("it has no committer".to_owned())
}

fn id(id: &ObjectId) -> Result<Id, RepoError> {
    Id::from_bytes(id.as_slice()).ok_or_else(|| lasting(format!("`{id}` is no commit id that is known")))
}
