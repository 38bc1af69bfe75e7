//! The references of a snapshot: what is known of its files is recalled, the others are read, screened and parsed, and what
//! only all files together can tell is settled last.

use super::familiar::{Familiar, Kind, Learned};
use super::workers;
use crate::plan::{FileNote, Found, SkippedFile};
use crate::port::{FileEntry, ReadProblem, RepoError, Snapshot};
use crate::site::{
    Declarations, Known, Layer, Layers, Open, Reference, Scan, Settled, Shape, SkipReason, settle, wants_layers,
};
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());
const BREAK: ControlFlow<()> = ControlFlow::Break(());

#[derive(Default)]
pub(super) struct References {
    pub(super) found: Vec<Found>,
    pub(super) skipped: Vec<SkippedFile>,
    pub(super) notes: Vec<FileNote>,
    /// Files that may hold references by their names.
    pub(super) files: usize,
    /// How often a file's bytes were read.
    pub(super) read: usize,
    /// What only all files together can tell, by file; most have nothing of it.
    open: Vec<(FileEntry, Open)>,
    /// What a parser found, for the next run.
    learned: Vec<Learned>,
}

impl References {
    pub(super) fn read(
        snapshot: &dyn Snapshot,
        limit: u64,
        declared: &Declarations,
        familiar: &mut Familiar,
    ) -> Result<References, RepoError> {
        let mut all = References::default();
        for file in snapshot.files().iter().filter(|file| file.unreadable_path) {
            all.skip(&file.path, SkipReason::UnreadablePath, "the path is not UTF-8".into());
        }
        let unknown = all.recall(snapshot, declared, familiar);
        if !unknown.is_empty() {
            all.read_unknown(snapshot, limit, declared, &unknown, familiar)?;
        }
        all.reread_values(snapshot, limit, declared, familiar)?;
        let layers = all.layers(snapshot, limit, familiar)?;
        all.settle(snapshot, &layers);
        Ok(all)
    }

    /// Takes what is known of files, and says which have to be read.
    fn recall(
        &mut self,
        snapshot: &dyn Snapshot,
        declared: &Declarations,
        familiar: &mut Familiar,
    ) -> HashSet<Arc<str>> {
        let mut unknown = HashSet::new();
        for file in snapshot.files().iter().filter(|file| !file.unreadable_path && declared.wants(&file.path)) {
            self.files += 1;
            match familiar.scan(Kind::File, file) {
                Some(scan) => self.take(file, scan),
                None => drop(unknown.insert(file.path.clone())),
            }
        }
        unknown
    }

    fn read_unknown(
        &mut self,
        snapshot: &dyn Snapshot,
        limit: u64,
        declared: &Declarations,
        unknown: &HashSet<Arc<str>>,
        familiar: &mut Familiar,
    ) -> Result<(), RepoError> {
        let (jobs, queue) = mpsc::sync_channel::<(FileEntry, Vec<u8>)>(2 * workers());
        let (queue, learns) = (Mutex::new(queue), familiar.learns());
        thread::scope(|scope| {
            let parse = || References::parse(declared, &queue, learns);
            let parsers: Vec<_> = (0..workers()).map(|_| scope.spawn(parse)).collect();
            let read = self.feed(snapshot, declared, limit, unknown, familiar, jobs);
            for parser in parsers {
                match parser.join() {
                    Ok(part) => self.absorb(part, familiar),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            read
        })
    }

    /// Reads the files again that others call values, where neither their own names nor what stands in them says so.
    fn reread_values(
        &mut self,
        snapshot: &dyn Snapshot,
        limit: u64,
        declared: &Declarations,
        familiar: &mut Familiar,
    ) -> Result<(), RepoError> {
        let mut named: BTreeSet<String> = self.open.iter().flat_map(|(_, open)| open.values_files()).cloned().collect();
        if named.is_empty() {
            return Ok(());
        }
        // What a shape has found in a file tells more of it than its being named.
        for found in self.found.iter().filter(|found| found.reference.shape != Shape::Marked) {
            named.remove(&*found.file);
        }
        self.found.retain(|found| !named.contains(&*found.file));
        self.skipped.retain(|skipped| !named.contains(&*skipped.file));
        self.notes.retain(|note| !named.contains(&*note.file));
        self.open.retain(|(file, _)| !named.contains(&*file.path));
        for file in snapshot.files().iter().filter(|file| !file.unreadable_path) {
            if named.contains(&*file.path)
                && let Some(scan) = familiar.scan(Kind::Values, file)
            {
                named.remove(&*file.path);
                self.take(file, scan);
            }
        }
        if named.is_empty() {
            return Ok(());
        }
        let wanted = |file: &FileEntry| !file.unreadable_path && named.contains(&*file.path);
        snapshot.read(limit, &wanted, &mut |file, bytes| {
            match bytes {
                Ok(bytes) => {
                    self.read += 1;
                    let scan = declared.scan_values(&file.path, bytes);
                    familiar.learn(Learned::scan(Kind::Values, file, &scan));
                    self.take(file, scan);
                }
                Err(problem) => self.unread(file, problem, limit),
            }
            CONTINUE
        })
    }

    /// Looks at the kustomizations again where it matters in which order they are applied.
    fn layers(&mut self, snapshot: &dyn Snapshot, limit: u64, familiar: &mut Familiar) -> Result<Layers, RepoError> {
        let mut layers = Layers::default();
        if !wants_layers(self.open.iter().map(|(_, open)| open)) {
            return Ok(layers);
        }
        let mut unknown = HashSet::new();
        for file in snapshot.files().iter().filter(|file| !file.unreadable_path && Layers::wants(&file.path)) {
            match familiar.layer(file) {
                Some(layer) => layers.take(&file.path, layer),
                None => drop(unknown.insert(file.path.clone())),
            }
        }
        if unknown.is_empty() {
            return Ok(layers);
        }
        snapshot.read(limit, &|file| unknown.contains(&file.path), &mut |file, bytes| {
            if let Ok(bytes) = bytes {
                self.read += 1;
                let layer = Layer::read(&file.path, bytes);
                familiar.learn(Learned::layer(file, &layer));
                layers.take(&file.path, layer);
            }
            CONTINUE
        })?;
        Ok(layers)
    }

    /// Settles what single files left open, now that all are read.
    fn settle(&mut self, snapshot: &dyn Snapshot, layers: &Layers) {
        let mut left = std::mem::take(&mut self.open);
        if left.is_empty() {
            return;
        }
        left.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        self.found.sort_by(|a, b| a.file.cmp(&b.file));
        let files = snapshot.files();
        let exists = |path: &str| files.binary_search_by(|file| (*file.path).cmp(path)).is_ok();
        let found = &self.found;
        let references = |visit: &mut dyn FnMut(&str, &Reference)| {
            found.iter().for_each(|found| visit(&found.file, &found.reference));
        };
        let open = left.iter().map(|(file, open)| (&*file.path, open)).collect::<Vec<_>>();
        for (at, settled) in settle(&open, &Known { layers, exists: &exists, references: &references }) {
            let scan = match settled {
                Settled::Found(reference) => Scan { references: vec![*reference], ..Scan::default() },
                Settled::Noted(note) => Scan { notes: vec![note], ..Scan::default() },
            };
            self.take(&left[at].0, scan);
        }
    }

    /// Reads the files in the order that is quickest and passes on those that are worth parsing.
    fn feed(
        &mut self,
        snapshot: &dyn Snapshot,
        declared: &Declarations,
        limit: u64,
        unknown: &HashSet<Arc<str>>,
        familiar: &mut Familiar,
        jobs: SyncSender<(FileEntry, Vec<u8>)>,
    ) -> Result<(), RepoError> {
        let wanted = |file: &FileEntry| !file.unreadable_path && unknown.contains(&file.path);
        snapshot.read(limit, &wanted, &mut |file, bytes| {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(problem) => {
                    self.unread(file, problem, limit);
                    return CONTINUE;
                }
            };
            self.read += 1;
            if declared.worth_parsing(&file.path, bytes) {
                // Nobody receives any more only when a parser panicked, which the join reports.
                return jobs.send((file.clone(), bytes.to_vec())).map_or_else(|_| BREAK, |()| CONTINUE);
            }
            if familiar.learns() {
                familiar.learn(Learned::scan(Kind::File, file, &Scan::default()));
            }
            CONTINUE
        })
    }

    fn unread(&mut self, file: &FileEntry, problem: ReadProblem, limit: u64) {
        match problem {
            ReadProblem::TooLarge { size } => {
                let detail = format!("{size} bytes, more than the limit of {limit}");
                self.skip(&file.path, SkipReason::TooLarge, detail);
            }
            ReadProblem::Unreadable(why) => self.skip(&file.path, SkipReason::Unreadable, why),
        }
    }

    /// One parser: files from the queue until there are no more.
    fn parse(declared: &Declarations, queue: &Mutex<Receiver<(FileEntry, Vec<u8>)>>, learns: bool) -> References {
        let mut part = References::default();
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok((file, bytes)) => {
                    let scan = declared.scan(&file.path, &bytes);
                    if learns {
                        part.learned.extend(Learned::scan(Kind::File, &file, &scan));
                    }
                    part.take(&file, scan);
                }
                Err(_) => return part,
            }
        }
    }

    fn absorb(&mut self, part: References, familiar: &mut Familiar) {
        part.learned.into_iter().for_each(|learned| familiar.learn(Some(learned)));
        self.found.extend(part.found);
        self.skipped.extend(part.skipped);
        self.notes.extend(part.notes);
        self.open.extend(part.open);
    }

    fn take(&mut self, file: &FileEntry, scan: Scan) {
        if let Some(skipped) = scan.skipped {
            self.skip(&file.path, skipped.reason, skipped.detail);
        }
        if !scan.open.is_empty() {
            self.open.push((file.clone(), scan.open));
        }
        // Nobody can claim what has no name, so its reason would be shown nowhere else.
        let nameless = |reference: &&Reference| reference.repository.is_none() && reference.marker.is_none();
        self.notes.extend(scan.references.iter().filter(nameless).filter_map(|reference| {
            let text = format!("an image that is not read: {}", reference.blocked.as_ref()?);
            Some(FileNote { file: file.path.clone(), line: reference.line, text })
        }));
        let blob = file.blob.as_ref().map(|blob| Arc::from(blob.0.as_str()));
        self.found.extend(scan.references.into_iter().map(|reference| Found {
            file: file.path.clone(),
            blob: blob.clone(),
            reference: Box::new(reference),
        }));
        self.notes.extend(scan.notes.into_iter().map(|note| FileNote {
            file: file.path.clone(),
            line: note.line,
            text: note.text,
        }));
    }

    fn skip(&mut self, file: &Arc<str>, reason: SkipReason, detail: String) {
        self.skipped.push(SkippedFile { file: file.clone(), reason, detail });
    }
}
