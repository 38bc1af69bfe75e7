//! The reading half of Git's protocol (gitprotocol-v2(5), and its older version): which commit a branch is at, and that
//! commit's files as one pack, without history.

#![expect(clippy::disallowed_methods, reason = "a fetch has a deadline")]

use super::bare::{self, NAMED_BRANCHES};
use super::cache::Generation;
use super::fault::{Hint, lasting, passing};
use super::pack;
use super::transport::{AGENT, Conversation, Failed, Server};
use crate::port::{MAX_MERGES, RepoError};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::protocol::fetch::response::ShallowUpdate;
use gix::protocol::fetch::{Arguments, Response};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::transport::Service;
use gix::protocol::{Command, LsRefsCommand};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;
use std::time::Instant;

/// The biggest pack that is taken from a server, in bytes.
const MAX_PACK: u64 = 4 << 30;

/// A conversation with the server's `git-upload-pack`.
pub(super) struct Upload<'s> {
    server: &'s Server,
    with: Conversation,
    /// Where the older protocol is spoken: all refs, sent unasked.
    advertised: Option<Vec<Ref>>,
}

impl<'s> Upload<'s> {
    pub(super) fn begin(server: &'s Server) -> Result<Upload<'s>, RepoError> {
        let mut with = server.begin(Service::UploadPack)?;
        let advertised = with.handshake.refs.take();
        Ok(Upload { server, with, advertised })
    }

    pub(super) fn object_hash(&self) -> Result<gix::hash::Kind, RepoError> {
        self.with.object_hash()
    }

    /// The branch (the one that `HEAD` names when none is given) and its commit.
    pub(super) fn tip(&mut self, branch: Option<&str>, name: &str) -> Result<(String, ObjectId), RepoError> {
        let (branch, tip, _) = self.tips(branch, None, name)?;
        Ok((branch, tip))
    }

    /// The same with the commit of another ref, by its full name and in the same question.
    pub(super) fn tips(
        &mut self,
        branch: Option<&str>,
        beside: Option<&str>,
        name: &str,
    ) -> Result<(String, ObjectId, Option<ObjectId>), RepoError> {
        let branch = match branch {
            Some(branch) => branch.to_owned(),
            None => self.default_branch(name)?,
        };
        let full = bare::full_name(&branch);
        let refs = self.refs_of(&[&full].into_iter().map(String::as_str).chain(beside).collect::<Vec<_>>())?;
        let at = |full: &str| refs.iter().find_map(|found| target(found, full));
        match at(&full) {
            Some(id) => Ok((branch, id, beside.and_then(at))),
            None => Err(bare::no_such_branch(&branch, name, self.branches()?)),
        }
    }

    fn default_branch(&mut self, name: &str) -> Result<String, RepoError> {
        let refs = self.refs("HEAD")?;
        let named = refs.iter().find_map(|found| match found {
            Ref::Symbolic { full_ref_name, target, .. } | Ref::Unborn { full_ref_name, target }
                if full_ref_name == "HEAD" =>
            {
                Some(target)
            }
            _ => None,
        });
        match named.and_then(|full| full.strip_prefix(b"refs/heads/")) {
            Some(short) => match short.to_str() {
                Ok(short) => Ok(short.to_owned()),
                Err(_) => Err(lasting(format!("the branch that HEAD of {name} names is not UTF-8"))),
            },
            None if self.branches()?.is_empty() => Err(bare::no_such_branch("HEAD", name, Vec::new())),
            None => Err(lasting(format!("HEAD of {name} names no branch")).hint("name one with --branch")),
        }
    }

    /// Up to one more than are named in errors.
    fn branches(&mut self) -> Result<Vec<String>, RepoError> {
        let refs = self.refs("refs/heads/")?;
        let names = refs.iter().map(|found| found.unpack().0);
        let short = names.filter_map(|name| name.strip_prefix(b"refs/heads/"));
        Ok(short.map(|short| short.to_str_lossy().into_owned()).take(NAMED_BRANCHES + 1).collect())
    }

    /// The heads of all branches below the prefix and a slash, by short name.
    pub(super) fn heads(&mut self, prefix: &str) -> Result<BTreeMap<String, ObjectId>, RepoError> {
        let below = bare::full_name(prefix) + "/";
        let refs = self.refs(&below)?;
        let heads = refs.iter().filter_map(|found| {
            let (name, target, _) = found.unpack();
            let short = name.strip_prefix(b"refs/heads/").filter(|_| name.starts_with(below.as_bytes()))?;
            Some((short.to_str().ok()?.to_owned(), target?.to_owned()))
        });
        Ok(heads.collect())
    }

    /// Where the ref with that full name is, if it is there.
    pub(super) fn at(&mut self, full: &str) -> Result<Option<ObjectId>, RepoError> {
        Ok(self.refs(full)?.iter().find_map(|found| target(found, full)))
    }

    /// Refs whose full name starts with the prefix; servers of the older protocol have already sent all.
    fn refs(&mut self, prefix: &str) -> Result<Vec<Ref>, RepoError> {
        self.refs_of(&[prefix])
    }

    fn refs_of(&mut self, all: &[&str]) -> Result<Vec<Ref>, RepoError> {
        if let Some(advertised) = &self.advertised {
            return Ok(advertised.clone());
        }
        let mut prefixes = RefPrefixes::new();
        prefixes.extend(all.iter().map(|prefix| BString::from(*prefix)));
        let capabilities = &self.with.handshake.capabilities;
        LsRefsCommand::new(Some(prefixes), capabilities, ("agent", Some(AGENT.into())))
            .invoke_blocking(&mut *self.with.wire, &mut gix::progress::Discard, false)
            .map_err(|error| self.with.explain(self.server, &error).error)
    }

    /// Fetches one commit with its files into the generation, less what the last complete commit there already has.
    pub(super) fn fetch(self, into: &Generation, want: ObjectId) -> Result<(), RepoError> {
        let have = into.tip(&into.open()?);
        let mut arguments = self.arguments(want, have);
        if arguments.can_use_shallow() {
            into.shallow().iter().for_each(|id| arguments.shallow(id));
            arguments.deepen(1);
        }
        let limit = Limit { bytes: MAX_PACK, until: Instant::now() + self.server.timeouts.whole };
        self.receive(arguments, into, want, have.is_some(), &limit)?;
        into.set_tip(want)
    }

    /// Fetches the head of a proposal with the commits that [`MAX_MERGES`] lets be looked at, and their files, less what the last
    /// complete commit there already has. It is not what the next fetch begins from.
    pub(super) fn fetch_proposal(self, into: &Generation, want: ObjectId) -> Result<(), RepoError> {
        self.fetch_apart(into, want, MAX_MERGES + 2)
    }

    /// Fetches a commit, so many before it, and their files, less what the last complete commit there already has. It is not what the
    /// next fetch begins from.
    pub(super) fn fetch_apart(self, into: &Generation, want: ObjectId, depth: usize) -> Result<(), RepoError> {
        let have = into.tip(&into.open()?);
        let mut arguments = self.arguments(want, have);
        if arguments.can_use_shallow() {
            into.shallow().iter().for_each(|id| arguments.shallow(id));
            arguments.deepen(depth);
        }
        let limit = Limit { bytes: MAX_PACK, until: Instant::now() + self.server.timeouts.whole };
        self.receive(arguments, into, want, have.is_some(), &limit)
    }

    /// Fetches a commit and all before it, less what the last complete commit there already has; without files where the server
    /// can leave them out.
    pub(super) fn fetch_history(self, into: &Generation, want: ObjectId, limit: &Limit) -> Result<(), RepoError> {
        let have = into.tip(&into.open()?);
        let mut arguments = self.arguments(want, have);
        if arguments.can_use_filter() {
            arguments.filter("tree:0");
        }
        self.receive(arguments, into, want, have.is_some(), limit)?;
        into.set_tip(want)
    }

    fn arguments(&self, want: ObjectId, have: Option<ObjectId>) -> Arguments {
        let version = self.with.handshake.server_protocol_version;
        let mut features = Command::Fetch.default_features(version, &self.with.handshake.capabilities);
        features.push(("agent", Some(AGENT.into())));
        let mut arguments = Arguments::new(version, features, false);
        arguments.want(want);
        if let Some(have) = have {
            arguments.have(have);
        }
        arguments
    }

    fn receive(
        mut self,
        mut arguments: Arguments,
        into: &Generation,
        want: ObjectId,
        negotiates: bool,
        limit: &Limit,
    ) -> Result<(), RepoError> {
        let repo = into.open()?;
        let version = self.with.handshake.server_protocol_version;
        let (server, said) = (self.server, self.with.said());
        let explain = |error: gix::Error| server.explain(&error, &said).error;
        let io = |error: io::Error| explain(gix::Error::from_error(error));
        let mut wire = &mut *self.with.wire;
        let mut answer = arguments.send(&mut wire, true).map_err(|error| explain(gix::Error::from_error(error)))?;
        let response = Response::from_line_reader(version, &mut answer, true, negotiates).map_err(explain)?;
        if !response.has_pack() {
            return Err(passing(format!("the server sent no pack for commit {want}")));
        }
        remember_shallow(into, response.shallow_updates())?;
        answer.set_progress_handler(Some(Box::new(|_, _| ControlFlow::Continue(()))));
        let mut pack = Bounded { inner: &mut answer, left: limit.bytes, limit };
        pack::index_pack(&repo, &mut pack, false)?;
        io::copy(&mut pack, &mut io::sink()).map_err(io)?;
        drop(answer);
        self.end();
        if !into.open()?.has_object(want) {
            return Err(passing(format!("the server did not send commit {want}")));
        }
        Ok(())
    }

    /// Tells the server that nothing more is wanted. It may already have gone, which is as good.
    pub(super) fn end(mut self) {
        drop(gix::protocol::indicate_end_of_interaction(&mut *self.with.wire, false));
    }
}

/// Written before the objects arrive: a commit that counts as shallow too early asks for too much, never for too little.
fn remember_shallow(into: &Generation, updates: &[ShallowUpdate]) -> Result<(), RepoError> {
    let mut shallow = into.shallow();
    let before = shallow.len();
    for update in updates {
        if let ShallowUpdate::Shallow(id) = update
            && !shallow.contains(id)
        {
            shallow.push(*id);
        }
    }
    if shallow.len() == before {
        return Ok(());
    }
    into.set_shallow(&shallow)
}

/// What the ref with that name points at.
pub(super) fn target(found: &Ref, full: &str) -> Option<ObjectId> {
    let (name, target, _) = found.unpack();
    (name == full).then(|| target.map(ToOwned::to_owned)).flatten()
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        io::Error::other(failed.error.message)
    }
}

/// What one fetch may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) bytes: u64,
    pub(super) until: Instant,
}

/// A stream that ends with an error when it grows too long or takes too long.
struct Bounded<'l, R> {
    inner: R,
    left: u64,
    limit: &'l Limit,
}

impl<R> Bounded<'_, R> {
    fn check(&self) -> io::Result<()> {
        if self.left == 0 {
            return Err(io::Error::other(format!("the server sent more than {} bytes", self.limit.bytes)));
        }
        match Instant::now() > self.limit.until {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount as u64);
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(bytes: u64, until: Instant) -> io::Result<usize> {
        let limit = Limit { bytes, until };
        Bounded { inner: &b"abc"[..], left: bytes, limit: &limit }.read_to_end(&mut Vec::new())
    }

    #[test]
    fn a_stream_up_to_its_limit_is_read_and_a_longer_one_is_not() {
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(read(4, later).unwrap(), 3);
        assert!(read(3, later).is_err());
        assert!(read(2, later).is_err());
    }

    #[test]
    fn a_stream_past_its_deadline_is_not_read() {
        let error = read(9, Instant::now() - Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
