//! Objects on their way: as one pack for a server, and written to the disk so that a power cut cannot take them back.

#![expect(clippy::disallowed_methods, reason = "objects are synced to the disk")]

use super::fault::{chain, lasting, passing};
use crate::port::RepoError;
use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::memory::Storage;
use gix::odb::pack::{Bundle, bundle};
use gix::progress::Discard;
use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};
use std::fs::{self, File};
use std::io::BufRead;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread::{self, available_parallelism};

/// From this many objects on they are stored as a pack rather than one file each: Git's own `transfer.unpackLimit`.
pub(super) const UNPACK_LIMIT: usize = 100;
/// The biggest single object that is unpacked while a pack is indexed, in bytes.
const MAX_OBJECT: usize = 512 << 20;
/// So many objects are packed by one thread at least: a thread costs as much as some of them.
const MIN_SHARE: usize = 64;
/// What a zlib stream has beside its data, in bytes, and some more.
const ROOM: usize = 128;
/// One thread indexes: memory stays flat, and packs are small or come slower than one thread can index.
const INDEX_THREADS: usize = 1;

/// One self-contained pack (version 2, gitformat-pack(5)) of the objects, without deltas. The order is that of the ids, so
/// that the same objects always make the same bytes.
pub(super) fn pack_of(objects: &Storage, hash: gix::hash::Kind) -> Result<Vec<u8>, RepoError> {
    let broken = |detail: String| lasting(format!("the pack cannot be made: {detail}"));
    let number = u32::try_from(objects.len()).map_err(|_| broken("too many objects".to_owned()))?;
    let mut ids: Vec<_> = objects.iter().collect();
    ids.sort_by_key(|(id, _)| **id);
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    let share = ids.len().div_ceil(available_parallelism().map_or(1, NonZero::get)).max(MIN_SHARE);
    let packed: Vec<Result<Vec<u8>, String>> = thread::scope(|scope| {
        let work = |share: &[_]| entries_of(share);
        let threads: Vec<_> = ids.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(packed) => packed,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    for entries in packed {
        bytes.extend_from_slice(&entries.map_err(broken)?);
    }
    let mut hasher = gix::hash::hasher(hash);
    hasher.update(&bytes);
    let trailer = hasher.try_finalize().map_err(|error| broken(chain(&error)))?;
    bytes.extend_from_slice(trailer.as_slice());
    Ok(bytes)
}

/// Entries of a pack, one after the other.
fn entries_of(objects: &[(&ObjectId, &(Kind, Vec<u8>))]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // Made once: what it is made of is a quarter of a megabyte, hundreds of times what is packed here.
    let mut deflate = Compress::new(Compression::DEFAULT);
    for (_, (kind, data)) in objects {
        entry_header(*kind, data.len(), &mut bytes);
        deflate.reset();
        compress(&mut deflate, data, &mut bytes)?;
    }
    Ok(bytes)
}

/// Appends a whole zlib stream of the data.
fn compress(deflate: &mut Compress, data: &[u8], bytes: &mut Vec<u8>) -> Result<(), String> {
    loop {
        let (read, written) = (deflate.total_in() as usize, deflate.total_out() as usize);
        let at = bytes.len();
        // Enough for what does not become smaller; what becomes larger all the same goes on in the next round.
        bytes.resize(at + (data.len() - read) + ROOM, 0);
        let status = deflate.compress(&data[read..], &mut bytes[at..], FlushCompress::Finish);
        let status = status.map_err(|error| chain(&error))?;
        bytes.truncate(at + deflate.total_out() as usize - written);
        if matches!(status, Status::StreamEnd) {
            return Ok(());
        }
        if bytes.len() == at {
            return Err("the compressor does not come to an end".to_owned());
        }
    }
}

/// Kind and size: three bits of kind and four of size in the first byte, then seven bits of size a byte, lowest first.
fn entry_header(kind: Kind, size: usize, bytes: &mut Vec<u8>) {
    let kind = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut byte = (kind << 4) | (size & 0x0f) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        bytes.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    bytes.push(byte);
}

/// Writes a pack stream and its index into the repository. `synced` waits for the disk, as Git does.
///
/// The pack may be thin: bases are taken from the repository. A reader sees all of it or nothing (the index comes last).
pub(super) fn index_pack(repo: &gix::Repository, pack: &mut dyn BufRead, synced: bool) -> Result<Indexed, RepoError> {
    let directory = repo.objects.store_ref().path().join("pack");
    let broken = |error: gix::Error| passing(format!("the pack cannot be stored: {}", chain(&error)));
    fs::create_dir_all(&directory).map_err(|io| lasting(format!("{} cannot be made: {io}", directory.display())))?;
    let options = bundle::write::Options {
        thread_limit: Some(INDEX_THREADS),
        alloc_limit_bytes: Some(MAX_OBJECT),
        ..Default::default()
    };
    let interrupt = AtomicBool::new(false);
    let written = Bundle::write_to_directory(
        pack,
        Some(&directory),
        &mut Discard,
        &interrupt,
        Some(repo.objects.clone()),
        repo.object_hash(),
        options,
    )
    .map_err(broken)?;
    if synced {
        for path in [&written.data_path, &written.index_path].into_iter().flatten() {
            sync(path)?;
        }
        sync(&directory)?;
    }
    if let Some(keep) = &written.keep_path {
        fs::remove_file(keep).map_err(|io| passing(format!("{} cannot be removed: {io}", keep.display())))?;
    }
    Ok(Indexed { paths: [written.index_path, written.data_path].into_iter().flatten().collect() })
}

/// A pack that was stored.
#[derive(Debug)]
pub(super) struct Indexed {
    /// The index comes first: without it the rest is nothing to a reader.
    paths: Vec<PathBuf>,
}

impl Indexed {
    /// Takes it back. What stays costs space until its cache is replaced.
    pub(super) fn remove(&self) {
        self.paths.iter().for_each(|path| drop(fs::remove_file(path)));
    }
}

/// Writes the objects into a local repository and waits for the disk: afterwards a ref may name them.
pub(super) fn store(repo: &gix::Repository, objects: &Storage) -> Result<(), RepoError> {
    if objects.len() >= UNPACK_LIMIT {
        let bytes = pack_of(objects, repo.object_hash())?;
        return index_pack(repo, &mut bytes.as_slice(), true).map(drop);
    }
    let root = repo.objects.store_ref().path();
    let loose = gix::odb::loose::Store::at(root, repo.object_hash());
    for (id, (kind, data)) in objects.iter() {
        gix::objs::Write::write_buf(&loose, *kind, data)
            .map_err(|error| lasting(format!("objects cannot be written to {}: {}", root.display(), chain(&error))))?;
        let path = loose.object_path(id);
        sync(&path)?;
        if let Some(directory) = path.parent() {
            sync(directory)?;
        }
    }
    sync(root)
}

/// Waits until the file or directory is on the disk.
pub(super) fn sync(path: &Path) -> Result<(), RepoError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|io| lasting(format!("{} cannot be synced to the disk: {io}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_objects_are_packed_as_git_reads_them_and_always_alike() {
        let directory = tempfile::tempdir().unwrap();
        let repo = gix::init_bare(directory.path()).unwrap();
        let memory = repo.clone().with_object_memory();
        // Nothing, text that becomes small, and bytes that do not.
        let noise = |seed: u32, length: usize| -> Vec<u8> {
            let mut state = seed.wrapping_mul(2_654_435_761) | 1;
            let next = |_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state.to_le_bytes()[1]
            };
            (0..length).map(next).collect()
        };
        let mut texts = vec![Vec::new(), vec![b'a'; 1 << 20], noise(0, 300_000)];
        texts.extend((1..5 * MIN_SHARE as u32).map(|number| noise(number, number as usize)));
        let ids: Vec<_> = texts.iter().map(|text| memory.write_blob(text).unwrap().detach()).collect();
        let objects = memory.objects.reset_object_memory().unwrap();
        let pack = pack_of(&objects, repo.object_hash()).unwrap();
        assert_eq!(pack, pack_of(&objects, repo.object_hash()).unwrap());
        index_pack(&repo, &mut &*pack, false).unwrap();
        let repo = gix::open(directory.path()).unwrap();
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(repo.find_object(*id).unwrap().data, *text, "{} bytes", text.len());
        }
    }

    #[test]
    fn entry_headers_carry_any_size() {
        for (size, expected) in [
            (0, vec![0x30]),
            (15, vec![0x3f]),
            (16, vec![0xb0, 0x01]),
            (2047, vec![0xbf, 0x7f]),
            (2048, vec![0xb0, 0x80, 0x01]),
        ] {
            let mut bytes = Vec::new();
            entry_header(Kind::Blob, size, &mut bytes);
            assert_eq!(bytes, expected, "{size}");
        }
    }
}
