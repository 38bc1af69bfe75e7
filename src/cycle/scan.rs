//! First step of a run: a snapshot, its policies, its references.

use super::{Event, Rejected, Rules, Run, RunError, blocking, read_policies, workers};
use crate::config::policies::{Places, is_overlooked, is_policy_file};
use crate::plan::{FileNote, Found, SkippedFile};
use crate::policy::{Admission, Policy, PolicyName};
use crate::port::{FileEntry, ReadProblem, RepoError, Snapshot};
use crate::site::{
    Declarations, Known, Layers, Open, Reference, Scan, Settled, Shape, SkipReason, settle, wants_layers,
};
use globset::GlobSet;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const CONTINUE: ControlFlow<()> = ControlFlow::Continue(());
const BREAK: ControlFlow<()> = ControlFlow::Break(());

/// What the snapshot holds that this run cares for.
pub(super) struct Scanned {
    pub snapshot: Box<dyn Snapshot>,
    pub policies: Arc<Vec<Policy>>,
    pub admission: Arc<Admission>,
    pub warnings: Rejected,
    /// Path and text of each policy file.
    pub sources: Vec<(String, String)>,
    pub found: Vec<Found>,
    pub skipped: Vec<SkippedFile>,
    pub notes: Vec<FileNote>,
    /// Where each policy says what it says.
    pub places: BTreeMap<PolicyName, Places>,
    /// Policy files that were rejected, while others are used.
    pub broken: Vec<String>,
}

impl Run<'_> {
    pub(super) async fn scan(&self) -> Result<Scanned, RunError> {
        let repo = self.repo.clone();
        let snapshot = blocking(move || repo.snapshot()).await??;
        self.events.happened(&Event::SnapshotTaken { repository: self.repo.name(), head: snapshot.head() });

        let globs = self.options.policies.clone();
        let named = globs.is_some();
        let limit = self.options.max_file;
        let (snapshot, sources) = blocking(move || {
            let sources = policy_sources(&*snapshot, globs.as_ref(), limit);
            (snapshot, sources)
        })
        .await?;
        let (rules, warnings) = read_policies(sources?, named, &self.options.tenancy)?;
        let Rules { policies, declarations, admission, places, broken } = rules;
        self.events.happened(&Event::PoliciesRead { policies: policies.len() });

        let (snapshot, references) = blocking(move || {
            let references = References::read(&*snapshot, limit, &declarations);
            (snapshot, references)
        })
        .await?;
        let References { found, skipped, notes, files, .. } = references?;
        self.events.happened(&Event::FilesScanned { files, references: found.len() });
        let sources = warnings.sources.clone();
        let (policies, admission) = (Arc::new(policies), Arc::new(admission));
        Ok(Scanned { snapshot, policies, admission, warnings, sources, found, skipped, notes, places, broken })
    }
}

/// The policy files of a snapshot.
#[derive(Debug, Clone, Default)]
pub struct PolicySources {
    /// Path and text of each.
    pub texts: Vec<(String, String)>,
    /// Files that are not read, although their authors may think so.
    pub overlooked: Vec<String>,
}

/// The policy files of a snapshot: path and text. A policy file that cannot be read is an error, not a missing policy.
pub fn policy_sources(
    snapshot: &dyn Snapshot,
    globs: Option<&GlobSet>,
    limit: u64,
) -> Result<PolicySources, RepoError> {
    let mut sources = Vec::new();
    let mut problem = None;
    snapshot.read(limit, &|file| !file.unreadable_path && is_policy_file(&file.path, globs), &mut |file, bytes| {
        let text = match bytes {
            Ok(bytes) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "is not UTF-8".to_owned()),
            Err(ReadProblem::TooLarge { size }) => Err(format!("has {size} bytes, more than the limit of {limit}")),
            Err(ReadProblem::Unreadable(why)) => Err(format!("cannot be read: {why}")),
        };
        match text {
            Ok(text) => sources.push((file.path.to_string(), text)),
            Err(why) => {
                problem.get_or_insert(format!("policy file {} {why}", file.path));
            }
        }
        ControlFlow::Continue(())
    })?;
    if let Some(message) = problem {
        return Err(RepoError { message, hint: None, retryable: false });
    }
    sources.sort();
    let readable = snapshot.files().iter().filter(|file| globs.is_none() && !file.unreadable_path);
    let overlooked = readable.filter(|file| is_overlooked(&file.path)).map(|file| file.path.to_string());
    Ok(PolicySources { texts: sources, overlooked: overlooked.collect() })
}

#[derive(Default)]
struct References {
    found: Vec<Found>,
    skipped: Vec<SkippedFile>,
    notes: Vec<FileNote>,
    files: usize,
    /// What only all files together can tell, by file; most have nothing of it.
    open: Vec<(FileEntry, Open)>,
}

impl References {
    fn read(snapshot: &dyn Snapshot, limit: u64, declared: &Declarations) -> Result<References, RepoError> {
        let mut all = References::default();
        for file in snapshot.files().iter().filter(|file| file.unreadable_path) {
            all.skip(&file.path, SkipReason::UnreadablePath, "the path is not UTF-8".into());
        }
        let (jobs, queue) = mpsc::sync_channel::<(FileEntry, Vec<u8>)>(2 * workers());
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            let parse = || References::parse(declared, &queue);
            let parsers: Vec<_> = (0..workers()).map(|_| scope.spawn(parse)).collect();
            let read = all.feed(snapshot, declared, limit, jobs);
            for parser in parsers {
                match parser.join() {
                    Ok(part) => all.absorb(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            read
        })?;
        all.reread_values(snapshot, limit, declared)?;
        let layers = all.layers(snapshot, limit)?;
        all.settle(snapshot, &layers);
        Ok(all)
    }

    /// Reads the files again that others call values, where neither their own names nor what stands in them says so.
    fn reread_values(&mut self, snapshot: &dyn Snapshot, limit: u64, declared: &Declarations) -> Result<(), RepoError> {
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
        let wanted = |file: &FileEntry| !file.unreadable_path && named.contains(&*file.path);
        snapshot.read(limit, &wanted, &mut |file, bytes| {
            match bytes {
                Ok(bytes) => self.take(file, declared.scan_values(&file.path, bytes)),
                Err(problem) => self.unread(file, problem, limit),
            }
            CONTINUE
        })
    }

    /// Reads the kustomizations again where it matters in which order they are applied.
    fn layers(&self, snapshot: &dyn Snapshot, limit: u64) -> Result<Layers, RepoError> {
        let mut layers = Layers::default();
        if wants_layers(self.open.iter().map(|(_, open)| open)) {
            let wanted = |file: &FileEntry| !file.unreadable_path && Layers::wants(&file.path);
            snapshot.read(limit, &wanted, &mut |file, bytes| {
                if let Ok(bytes) = bytes {
                    layers.read(&file.path, bytes);
                }
                CONTINUE
            })?;
        }
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
        jobs: SyncSender<(FileEntry, Vec<u8>)>,
    ) -> Result<(), RepoError> {
        let wanted = |file: &FileEntry| !file.unreadable_path && declared.wants(&file.path);
        snapshot.read(limit, &wanted, &mut |file, bytes| {
            self.files += 1;
            match bytes {
                Ok(bytes) if !declared.worth_parsing(&file.path, bytes) => {}
                // Nobody receives any more only when a parser panicked, which the join reports.
                Ok(bytes) => return jobs.send((file.clone(), bytes.to_vec())).map_or_else(|_| BREAK, |()| CONTINUE),
                Err(problem) => self.unread(file, problem, limit),
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
    fn parse(declared: &Declarations, queue: &Mutex<Receiver<(FileEntry, Vec<u8>)>>) -> References {
        let mut part = References::default();
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok((file, bytes)) => part.take(&file, declared.scan(&file.path, &bytes)),
                Err(_) => return part,
            }
        }
    }

    fn absorb(&mut self, part: References) {
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
            reference,
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
