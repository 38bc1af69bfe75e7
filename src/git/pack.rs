//! Objects on their way: as one pack for a server, and written to the disk so that a power cut cannot take them back.

#![expect(clippy::disallowed_methods, reason = "objects are synced to the disk")]

use super::fault::{chain, lasting, passing};
use crate::port::RepoError;
use gix::odb::memory::Storage;
use gix::odb::pack::{Bundle, bundle};
use gix::progress::Discard;
use std::fs::{self, File};
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// From this many objects on they are stored as a pack rather than one file each: Git's own `transfer.unpackLimit`.
pub(super) const UNPACK_LIMIT: usize = 100;
/// The biggest single object that is unpacked while a pack is indexed, in bytes.
const MAX_OBJECT: usize = 512 << 20;
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
    for (_, (kind, data)) in ids {
        entry_header(*kind, data.len(), &mut bytes);
        let mut deflate = gix::zlib::stream::deflate::Write::new(bytes, gix::zlib::Compression::DEFAULT);
        deflate.write_all(data).and_then(|()| deflate.flush()).map_err(|io| broken(io.to_string()))?;
        bytes = deflate.into_inner();
    }
    let mut hasher = gix::hash::hasher(hash);
    hasher.update(&bytes);
    let trailer = hasher.try_finalize().map_err(|error| broken(chain(&error)))?;
    bytes.extend_from_slice(trailer.as_slice());
    Ok(bytes)
}

/// Kind and size: three bits of kind and four of size in the first byte, then seven bits of size a byte, lowest first.
fn entry_header(kind: gix::objs::Kind, size: usize, bytes: &mut Vec<u8>) {
    let kind = match kind {
        gix::objs::Kind::Commit => 1,
        gix::objs::Kind::Tree => 2,
        gix::objs::Kind::Blob => 3,
        gix::objs::Kind::Tag => 4,
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
pub(super) fn index_pack(repo: &gix::Repository, pack: &mut dyn BufRead, synced: bool) -> Result<(), RepoError> {
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
    Ok(())
}

/// Writes the objects into a local repository and waits for the disk: afterwards a ref may name them.
pub(super) fn store(repo: &gix::Repository, objects: &Storage) -> Result<(), RepoError> {
    if objects.len() >= UNPACK_LIMIT {
        let bytes = pack_of(objects, repo.object_hash())?;
        return index_pack(repo, &mut bytes.as_slice(), true);
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
    fn entry_headers_carry_any_size() {
        for (size, expected) in [
            (0, vec![0x30]),
            (15, vec![0x3f]),
            (16, vec![0xb0, 0x01]),
            (2047, vec![0xbf, 0x7f]),
            (2048, vec![0xb0, 0x80, 0x01]),
        ] {
            let mut bytes = Vec::new();
            entry_header(gix::objs::Kind::Blob, size, &mut bytes);
            assert_eq!(bytes, expected, "{size}");
        }
    }
}
