//! A walk through the tree of a commit, as far as it is not the same as the last one.
//!
//! The tree is somebody else's: its size, depth and names are bounded while it is walked.

use super::fault::{chain, lasting, passing};
use super::listing::{Begun, Item, Listed, Lister, Listing, joined};
use super::snapshot::is_file;
use crate::port::RepoError;
use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::tree::EntryMode;
use gix::prelude::FindExt as _;
use std::path::Path;

/// The most entries (files, directories, links) that a tree may hold.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// The most directories inside each other.
pub(super) const MAX_DEPTH: usize = 128;
/// The biggest directory object that is read, in bytes.
const MAX_TREE_OBJECT: u64 = 64 << 20;
/// Every regular file of the tree. What is the same as in the listing is not read, and the listing is renewed.
pub(super) fn list(
    repo: &gix::Repository,
    name: &str,
    tree: ObjectId,
    place: Option<&Path>,
) -> Result<Vec<(BString, ObjectId)>, RepoError> {
    let before = place.and_then(|place| Listing::read(place, repo.object_hash()));
    let mut walk = Walk::new(repo, name, MAX_ENTRIES, before.as_ref());
    let root = before.as_ref().and_then(Listing::root).filter(|root| root.id == tree);
    if let (Some(listing), Some(root)) = (before.as_ref(), root) {
        // The whole tree is as it was: there is nothing to be written down.
        walk.count(root.entries)?;
        walk.found.reserve_exact(root.entries);
        walk.take(listing, &BString::default(), root);
        return Ok(walk.found);
    }
    let walk = walk.files(tree)?;
    if let Some(place) = place {
        walk.lister.write(place);
    }
    Ok(walk.found)
}

/// A walk through a tree that cannot be made to run for ever: equal subtrees count each time they are met.
struct Walk<'r> {
    repo: &'r gix::Repository,
    name: &'r str,
    limit: usize,
    entries: usize,
    /// Directories that were read.
    read: usize,
    found: Vec<(BString, ObjectId)>,
    before: Option<&'r Listing>,
    lister: Lister,
}

/// A directory on the walk: its path, its name and its id.
struct Directory<'d> {
    path: BString,
    name: &'d [u8],
    tree: ObjectId,
    depth: usize,
}

impl<'r> Walk<'r> {
    fn new(repo: &'r gix::Repository, name: &'r str, limit: usize, before: Option<&'r Listing>) -> Walk<'r> {
        Walk { repo, name, limit, entries: 0, read: 0, found: Vec::new(), before, lister: Lister::default() }
    }

    /// Every regular file below the tree, in Git's order.
    fn files(mut self, root: ObjectId) -> Result<Walk<'r>, RepoError> {
        let before = self.before.and_then(Listing::root);
        self.directory(&Directory { path: BString::default(), name: b"", tree: root, depth: 0 }, before)?;
        Ok(self)
    }

    fn directory(&mut self, at: &Directory<'_>, before: Option<Listed<'_>>) -> Result<(), RepoError> {
        if at.depth > MAX_DEPTH {
            return Err(lasting(format!("{} has more than {MAX_DEPTH} directories inside each other", self.name)));
        }
        if let (Some(listing), Some(same)) = (self.before, before.filter(|before| before.id == at.tree)) {
            self.count(same.entries)?;
            self.lister.same(at.name, same);
            self.take(listing, &at.path, same);
            return Ok(());
        }
        let below = self.before.zip(before).map(|(listing, before)| listing.below(before)).unwrap_or_default();
        let (begun, entries_before): (Begun, usize) = (self.lister.begin(at.name, at.tree), self.entries);
        for (name, mode, id) in self.entries_of(at.tree)? {
            self.count(1)?;
            let path = joined(&at.path, &name);
            if mode.is_tree() {
                let inner = Directory { path, name: &name, tree: id, depth: at.depth + 1 };
                self.directory(&inner, below.get(&name[..]).copied())?;
            } else if is_file(mode) {
                self.lister.file(&name, id);
                self.found.push((path, id));
            }
        }
        self.lister.end(begun, self.entries - entries_before);
        Ok(())
    }

    /// What a directory holds.
    fn entries_of(&mut self, tree: ObjectId) -> Result<Vec<(BString, EntryMode, ObjectId)>, RepoError> {
        let name = self.name;
        let broken = |error: gix::Error| passing(format!("a directory of {name} cannot be read: {}", chain(&error)));
        let size = self.repo.find_header(tree).map_err(broken)?.size();
        if size > MAX_TREE_OBJECT {
            return Err(lasting(format!("a directory of {name} has more entries than can be read")));
        }
        self.read += 1;
        let mut buffer = Vec::new();
        let entries = self.repo.objects.find_tree_iter(&tree, &mut buffer).map_err(broken)?;
        let entry = |item: gix::objs::tree::EntryRef<'_>| (item.filename.to_owned(), item.mode, item.oid.to_owned());
        entries.map(|item| item.map(entry).map_err(broken)).collect()
    }

    fn count(&mut self, entries: usize) -> Result<(), RepoError> {
        self.entries = self.entries.saturating_add(entries);
        if self.entries > self.limit {
            return Err(lasting(format!("{} has more than {} files and directories", self.name, self.limit)));
        }
        Ok(())
    }

    /// The files of a directory that is the same as it was.
    fn take(&mut self, listing: &Listing, path: &BString, same: Listed<'_>) {
        for item in listing.items(same) {
            match item {
                Item::File(name, id) => self.found.push((joined(path, name), id)),
                Item::Directory(name, below) => self.take(listing, &joined(path, name), below),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests damage files")]
mod tests {
    use super::*;
    use gix::objs::Tree;
    use gix::objs::tree::{Entry, EntryKind};

    fn repository() -> (tempfile::TempDir, gix::Repository) {
        let directory = tempfile::tempdir().unwrap();
        let repo = gix::init_bare(directory.path()).unwrap().with_object_memory();
        (directory, repo)
    }

    fn tree(repo: &gix::Repository, entries: &[(&str, EntryKind, ObjectId)]) -> ObjectId {
        let entry = |(name, kind, oid): &(&str, EntryKind, ObjectId)| Entry {
            mode: (*kind).into(),
            filename: (*name).into(),
            oid: *oid,
        };
        let entries = entries.iter().map(entry).collect();
        repo.write_object(Tree { entries }).unwrap().detach()
    }

    fn files(repo: &gix::Repository, root: ObjectId, limit: usize) -> Result<Vec<String>, String> {
        let found = Walk::new(repo, "r", limit, None).files(root).map_err(|error| error.message)?.found;
        let mut paths: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        paths.sort();
        Ok(paths)
    }

    /// What a walk finds, and how many directories it reads, when another tree was listed before.
    fn after(
        repo: &gix::Repository,
        before: ObjectId,
        root: ObjectId,
        limit: usize,
    ) -> Result<(Vec<String>, usize), String> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("below/list");
        Walk::new(repo, "r", usize::MAX, None).files(before).unwrap().lister.write(&place);
        let listing = Listing::read(&place, repo.object_hash()).unwrap();
        let walk = Walk::new(repo, "r", limit, Some(&listing)).files(root).map_err(|error| error.message)?;
        let fresh = Walk::new(repo, "r", limit, None).files(root).map_err(|error| error.message)?;
        assert_eq!((&walk.found, walk.entries), (&fresh.found, fresh.entries));
        // The next listing is the same as one that was made without this.
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        walk.lister.write(&one);
        fresh.lister.write(&other);
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
        Ok((walk.found.iter().map(|(path, _)| path.to_string()).collect(), walk.read))
    }

    #[test]
    fn only_directories_that_changed_are_read() {
        let (_directory, repo) = repository();
        let blob = |text: &str| repo.write_blob(text).unwrap().detach();
        let leaf = |text: &str| tree(&repo, &[("f", EntryKind::Blob, blob(text)), ("l", EntryKind::Link, blob("x"))]);
        let middle = |one, two| tree(&repo, &[("one", EntryKind::Tree, one), ("two", EntryKind::Tree, two)]);
        let root = |a, b| {
            tree(&repo, &[("a.txt", EntryKind::Blob, blob("t")), ("a", EntryKind::Tree, a), ("b", EntryKind::Tree, b)])
        };
        let before = root(middle(leaf("1"), leaf("2")), middle(leaf("3"), leaf("4")));
        let all = ["a.txt", "a/one/f", "a/two/f", "b/one/f", "b/two/f"].map(str::to_owned).to_vec();
        assert_eq!(after(&repo, before, before, 15).unwrap(), (all.clone(), 0));
        assert!(after(&repo, before, before, 14).is_err(), "what is not read counts");
        let changed = root(middle(leaf("1"), leaf("2")), middle(leaf("3"), leaf("5")));
        assert_eq!(after(&repo, before, changed, 15).unwrap(), (all.clone(), 3), "the root, b and b/two");
        // Where directories stand in the place of others, or of files.
        let turned = root(middle(leaf("3"), leaf("4")), middle(leaf("1"), leaf("2")));
        assert_eq!(after(&repo, before, turned, 15).unwrap(), (all, 7));
        let file = tree(&repo, &[("a", EntryKind::Blob, blob("t")), ("b", EntryKind::Tree, leaf("4"))]);
        assert_eq!(after(&repo, before, file, 5).unwrap(), (vec!["a".to_owned(), "b/f".to_owned()], 2));
        assert_eq!(after(&repo, file, before, 15).unwrap().1, 7);
    }

    #[test]
    fn a_listing_that_is_damaged_or_gone_is_none() {
        let (directory, repo) = repository();
        let root = tree(&repo, &[("f", EntryKind::Blob, repo.write_blob("x").unwrap().detach())]);
        let place = directory.path().join("list");
        let look = || list(&repo, "r", root, Some(&place)).unwrap().len();
        assert_eq!(look(), 1);
        let whole = std::fs::read(&place).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for bytes in [&damaged[..], &whole[..at]] {
                std::fs::write(&place, bytes).unwrap();
                assert!(Listing::read(&place, repo.object_hash()).is_none());
                assert_eq!(look(), 1);
                assert_eq!(std::fs::read(&place).unwrap(), whole, "written anew");
            }
        }
        // Nobody can write there.
        assert_eq!(list(&repo, "r", root, Some(&place.join("below"))).unwrap().len(), 1);
    }

    #[test]
    fn only_regular_files_are_found() {
        let (_directory, repo) = repository();
        let blob = repo.write_blob("x").unwrap().detach();
        let below = tree(&repo, &[("f", EntryKind::BlobExecutable, blob)]);
        let root = tree(
            &repo,
            &[
                ("a", EntryKind::Blob, blob),
                ("d", EntryKind::Tree, below),
                ("l", EntryKind::Link, blob),
                ("s", EntryKind::Commit, blob),
            ],
        );
        assert_eq!(files(&repo, root, 5).unwrap(), ["a", "d/f"]);
        assert_eq!(files(&repo, root, 4).unwrap_err(), "r has more than 4 files and directories");
    }

    #[test]
    fn a_tree_that_unfolds_without_end_is_refused() {
        let (_directory, repo) = repository();
        let mut root = tree(&repo, &[("f", EntryKind::Blob, repo.write_blob("x").unwrap().detach())]);
        for _ in 0..40 {
            root = tree(&repo, &[("a", EntryKind::Tree, root), ("b", EntryKind::Tree, root)]);
        }
        assert_eq!(files(&repo, root, 1000).unwrap_err(), "r has more than 1000 files and directories");
    }

    #[test]
    fn directories_inside_each_other_are_followed_to_the_limit() {
        let (_directory, repo) = repository();
        let mut root = tree(&repo, &[("f", EntryKind::Blob, repo.write_blob("x").unwrap().detach())]);
        for _ in 0..MAX_DEPTH {
            root = tree(&repo, &[("d", EntryKind::Tree, root)]);
        }
        assert_eq!(files(&repo, root, MAX_ENTRIES).unwrap().len(), 1);
        let deeper = tree(&repo, &[("d", EntryKind::Tree, root)]);
        assert!(files(&repo, deeper, MAX_ENTRIES).unwrap_err().contains("inside each other"));
    }
}
