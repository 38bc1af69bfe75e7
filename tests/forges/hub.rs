//! A forge without its dialect: pull requests of one repository, in front of a real bare repository, and the rules that all
//! forges have. A fake forge is a router that speaks its dialect and does what it is asked for here.
//!
//! People act on it directly, by the methods under "people"; the bot only through the fake's HTTP.

use crate::repos::run_git;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// What the bot must show, in whatever way the forge wants it.
pub(crate) const TOKEN: &str = "t0ken-of-the-forge";
pub(crate) const OWNER: &str = "acme";
pub(crate) const NAME: &str = "config";
/// The bot's own account.
pub(crate) const BOT: &str = "landwaiter-bot";

/// When the hub's clock begins: seconds since 1970.
pub(crate) const BEGINNING: i64 = 1_760_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Merged,
    Closed,
}

/// One pull request, as a person sees it.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) branch: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) state: State,
    pub(crate) draft: bool,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) reviewers: BTreeSet<String>,
    pub(crate) assignees: BTreeSet<String>,
    pub(crate) comments: Vec<String>,
    /// The merge method that is waiting for the rules to be met.
    pub(crate) auto_merge: Option<String>,
    /// The account and repository of a fork, `someone/config`; `None` is this repository.
    pub(crate) fork: Option<String>,
    /// The head that the forge last noticed; it stays when the branch is deleted.
    pub(crate) head: String,
    pub(crate) created: i64,
    pub(crate) ended: Option<i64>,
    /// For forges that count changes of a pull request.
    pub(crate) version: u64,
}

/// Why the hub does not do what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchPull,
    NoSuchBranch(String),
    /// One is open already.
    Duplicate(u64),
    NoDifference,
    NotOpen,
    /// The forge's switch for merging by itself is off.
    NoAutoMerge,
    /// The head is not what was expected.
    HeadMoved,
    NoSuchUser(String),
}

#[derive(Debug)]
struct Inner {
    pulls: Vec<Pull>,
    labels: BTreeSet<String>,
    now: i64,
}

#[derive(Debug)]
pub(crate) struct Hub {
    bare: PathBuf,
    inner: Mutex<Inner>,
    /// What was asked or answered against the forge's own description of its interface.
    faults: Mutex<Vec<String>>,
    /// Accounts that may be asked for a review; teams have a slash.
    pub(crate) people: Vec<String>,
    /// Whether the repository's switch for merging by itself is on.
    pub(crate) allows_auto_merge: bool,
}

impl Hub {
    pub(crate) fn new(bare: &Path) -> Hub {
        let inner = Inner { pulls: Vec::new(), labels: BTreeSet::new(), now: BEGINNING };
        let people = ["alice", "bob", "acme/platform"].map(str::to_owned).to_vec();
        Hub {
            bare: bare.to_owned(),
            inner: Mutex::new(inner),
            faults: Mutex::default(),
            people,
            allows_auto_merge: true,
        }
    }

    /// Every access notices pushes first, as a forge does by its hooks; and each moves the clock by a second.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap();
        inner.now += 1;
        let now = inner.now;
        let heads = self.heads();
        for pull in inner.pulls.iter_mut().filter(|pull| pull.state == State::Open && pull.fork.is_none()) {
            match heads.get(&pull.branch) {
                Some(head) if *head != pull.head => {
                    pull.head = head.clone();
                    pull.version += 1;
                }
                Some(_) => {}
                // A forge closes what has lost its branch.
                None => {
                    pull.state = State::Closed;
                    pull.ended = Some(now);
                    pull.version += 1;
                }
            }
        }
        inner
    }

    /// The repository that it stands in front of.
    pub(crate) fn bare(&self) -> &Path {
        &self.bare
    }

    /// All branches, by one look.
    pub(crate) fn heads(&self) -> BTreeMap<String, String> {
        let listed = run_git(&self.bare, &["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"]);
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(commit, branch)| (branch.to_owned(), commit.to_owned())).collect()
    }

    /// The commit that the branch is at.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        let found = run_git(&self.bare, &["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!found.is_empty()).then_some(found)
    }

    pub(crate) fn fault(&self, fault: String) {
        self.faults.lock().unwrap().push(fault);
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    // What every forge does for its API.

    /// In whatever state, by number.
    pub(crate) fn pulls(&self) -> Vec<Pull> {
        self.with_pulls(|pulls| pulls.clone())
    }

    pub(crate) fn with_pulls<T>(&self, use_them: impl FnOnce(&mut Vec<Pull>) -> T) -> T {
        use_them(&mut self.lock().pulls)
    }

    pub(crate) fn pull(&self, number: u64) -> Result<Pull, Refusal> {
        self.pulls().into_iter().find(|pull| pull.number == number).ok_or(Refusal::NoSuchPull)
    }

    pub(crate) fn create(
        &self,
        branch: &str,
        base: &str,
        title: &str,
        body: &str,
        draft: bool,
    ) -> Result<Pull, Refusal> {
        let mut inner = self.lock();
        let head = self.head(branch).ok_or_else(|| Refusal::NoSuchBranch(branch.to_owned()))?;
        let onto = self.head(base).ok_or_else(|| Refusal::NoSuchBranch(base.to_owned()))?;
        let same = |pull: &&Pull| pull.branch == branch && pull.base == base && pull.fork.is_none();
        if let Some(other) = inner.pulls.iter().filter(same).find(|pull| pull.state == State::Open) {
            return Err(Refusal::Duplicate(other.number));
        }
        if run_git(&self.bare, &["rev-list", "--count", &format!("{onto}..{head}")]) == "0" {
            return Err(Refusal::NoDifference);
        }
        let pull = Pull {
            number: inner.pulls.len() as u64 + 1,
            branch: branch.to_owned(),
            base: base.to_owned(),
            title: title.to_owned(),
            body: body.to_owned(),
            state: State::Open,
            draft,
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            assignees: BTreeSet::new(),
            comments: Vec::new(),
            auto_merge: None,
            fork: None,
            head,
            created: inner.now,
            ended: None,
            version: 0,
        };
        inner.pulls.push(pull.clone());
        Ok(pull)
    }

    /// Changes one and gives it back.
    pub(crate) fn change(&self, number: u64, change: impl FnOnce(&mut Pull)) -> Result<Pull, Refusal> {
        let mut inner = self.lock();
        let at = usize::try_from(number).unwrap_or(0).checked_sub(1).ok_or(Refusal::NoSuchPull)?;
        let pull = inner.pulls.get_mut(at).ok_or(Refusal::NoSuchPull)?;
        change(pull);
        pull.version += 1;
        Ok(pull.clone())
    }

    pub(crate) fn close(&self, number: u64) -> Result<Pull, Refusal> {
        let now = self.lock().now;
        let open = self.pull(number)?.state == State::Open;
        if !open {
            return Err(Refusal::NotOpen);
        }
        self.change(number, |pull| (pull.state, pull.ended) = (State::Closed, Some(now)))
    }

    pub(crate) fn merge_when_ready(&self, number: u64, head: Option<&str>, method: &str) -> Result<Pull, Refusal> {
        let pull = self.pull(number)?;
        match pull.state {
            _ if !self.allows_auto_merge => Err(Refusal::NoAutoMerge),
            State::Open if head.is_some_and(|head| head != pull.head) => Err(Refusal::HeadMoved),
            State::Open => self.change(number, |pull| pull.auto_merge = Some(method.to_owned())),
            _ => Err(Refusal::NotOpen),
        }
    }

    /// Commits on a branch as its next one, if its head is that parent.
    pub(crate) fn commit(
        &self,
        branch: &str,
        parent: &str,
        message: &str,
        files: &[(String, Vec<u8>)],
    ) -> Result<String, Refusal> {
        let _turn = self.lock();
        match self.head(branch) {
            None => return Err(Refusal::NoSuchBranch(branch.to_owned())),
            Some(head) if head != parent => return Err(Refusal::HeadMoved),
            Some(_) => {}
        }
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter A forge <noreply@example.com> {BEGINNING} +0000\ndata {}\n{message}\nfrom \
             {parent}\n",
            message.len()
        )
        .into_bytes();
        for (path, content) in files {
            stream.extend(format!("M 100644 inline {path}\ndata {}\n", content.len()).into_bytes());
            stream.extend(content);
            stream.push(b'\n');
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), stream).unwrap();
        let mut import = std::process::Command::new("git");
        import.args(["fast-import", "--quiet"]).current_dir(&self.bare).stdin(file.reopen().unwrap());
        assert!(import.status().unwrap().success());
        Ok(self.head(branch).unwrap())
    }

    pub(crate) fn ask_for_review(&self, number: u64, who: &[String]) -> Result<Pull, Refusal> {
        if let Some(unknown) = who.iter().find(|name| !self.people.contains(name)) {
            return Err(Refusal::NoSuchUser(unknown.clone()));
        }
        self.change(number, |pull| pull.reviewers.extend(who.iter().cloned()))
    }

    /// Labels of the repository, for forges on which they must exist first.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        self.lock().labels.clone()
    }

    pub(crate) fn make_label(&self, name: &str) {
        self.lock().labels.insert(name.to_owned());
    }

    // People.

    /// Merges by a merge commit, or squashes: the message of a squash is title and body, as forges propose it.
    pub(crate) fn person_merges(&self, number: u64, squash: bool) -> String {
        let pull = self.pull(number).unwrap();
        let onto = self.head(&pull.base).unwrap();
        let tree = run_git(&self.bare, &["merge-tree", "--write-tree", &onto, &pull.head]);
        let message = format!("{} (#{number})\n\n{}\n", pull.title, pull.body);
        let mut arguments = vec!["commit-tree", &tree, "-p", &onto, "-m", &message];
        if !squash {
            arguments.extend(["-p", &pull.head]);
        }
        let commit = run_git(&self.bare, &arguments);
        run_git(&self.bare, &["update-ref", &format!("refs/heads/{}", pull.base), &commit, &onto]);
        let now = self.lock().now;
        self.change(number, |pull| (pull.state, pull.ended) = (State::Merged, Some(now))).unwrap();
        commit
    }

    pub(crate) fn person_closes(&self, number: u64) {
        self.close(number).unwrap();
    }

    pub(crate) fn person_reopens(&self, number: u64) {
        assert!(self.head(&self.pull(number).unwrap().branch).is_some(), "a forge reopens nothing without its branch");
        self.change(number, |pull| (pull.state, pull.ended) = (State::Open, None)).unwrap();
    }

    pub(crate) fn person_labels(&self, number: u64, label: &str) {
        self.make_label(label);
        self.change(number, |pull| pull.labels.extend([label.to_owned()])).unwrap();
    }

    /// One from somebody's fork, whose branch has the name of one of ours.
    pub(crate) fn person_opens_from_fork(&self, branch: &str, base: &str, body: &str) -> u64 {
        let head = self.head(base).unwrap();
        let mut inner = self.lock();
        let (number, created) = (inner.pulls.len() as u64 + 1, inner.now);
        inner.pulls.push(Pull {
            number,
            branch: branch.to_owned(),
            base: base.to_owned(),
            title: "From a fork".to_owned(),
            body: body.to_owned(),
            state: State::Open,
            draft: false,
            labels: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            assignees: BTreeSet::new(),
            comments: Vec::new(),
            auto_merge: None,
            fork: Some(format!("someone/{NAME}")),
            head,
            created,
            ended: None,
            version: 0,
        });
        number
    }

    /// The forge's button: merges the base into the branch.
    pub(crate) fn person_updates_branch(&self, number: u64) -> String {
        let pull = self.pull(number).unwrap();
        let onto = self.head(&pull.base).unwrap();
        let tree = run_git(&self.bare, &["merge-tree", "--write-tree", &pull.head, &onto]);
        let message = format!("Merge branch '{}' into {}", pull.base, pull.branch);
        let commit = run_git(&self.bare, &["commit-tree", &tree, "-p", &pull.head, "-p", &onto, "-m", &message]);
        run_git(&self.bare, &["update-ref", &format!("refs/heads/{}", pull.branch), &commit, &pull.head]);
        commit
    }
}
