//! The ledger's ref beside the branch, in a bare repository and on a real server: what moves with what, and that a ledger that somebody
//! else has moved keeps no branch from its commit. Without the server that part is skipped, unless LANDWAITER_REAL_SERVERS=1.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

#[path = "support/repos.rs"]
mod repos;
#[expect(dead_code, reason = "only a part of what the servers can be asked is asked here")]
#[path = "support/servers.rs"]
mod servers;

use landwaiter::git::{self, Location, Options};
use landwaiter::port::*;
use repos::{TIME, contents, fsck, publication, run_git};
use servers::{HTTP_PROGRAMS, HttpServer, TOKEN, available};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const LEDGER: &str = "refs/landwaiter/ledger";

struct World {
    root: tempfile::TempDir,
}

impl World {
    /// A bare repository with one file on `main`.
    fn new(format: &str) -> World {
        let world = World { root: tempfile::tempdir().unwrap() };
        let format = format!("--object-format={format}");
        run_git(world.root.path(), &["init", "-q", "--bare", "-b", "main", &format, "config.git"]);
        run_git(&world.bare(), &["config", "http.receivepack", "true"]);
        run_git(world.root.path(), &["init", "-q", "-b", "main", &format, "work"]);
        let work = world.root.path().join("work");
        fs::write(work.join("a.yaml"), "tag: 1\n").unwrap();
        run_git(&work, &["add", "-A"]);
        run_git(&work, &["commit", "-q", "-m", "one"]);
        run_git(&work, &["push", "-q", "../config.git", "HEAD:main"]);
        world
    }

    fn bare(&self) -> PathBuf {
        self.root.path().join("config.git")
    }

    fn open(&self, text: &str, login: Option<Login>) -> Box<dyn ConfigRepo> {
        let options = Options { ledger: Some(LEDGER.to_owned()), login, ..Options::default() };
        git::open(&Location::parse(text).unwrap(), None, &options).unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        run_git(&self.bare(), arguments)
    }
}

fn entry(expected: Option<CommitId>, text: &str) -> LedgerEntry {
    let bot = Author { name: "Landwaiter".to_owned(), email: "landwaiter@example.com".to_owned() };
    let files = BTreeMap::from([("holds.json".to_owned(), text.as_bytes().to_vec())]);
    LedgerEntry { expected, files, message: "entry\n".to_owned(), author: bot.clone(), committer: bot, time: TIME }
}

fn story(world: &World, open: &dyn Fn() -> Box<dyn ConfigRepo>) {
    let (repo, other) = (open(), open());
    let snapshot = repo.snapshot().unwrap();
    assert_eq!(snapshot.ledger().unwrap().commit, None);
    assert_eq!(snapshot.ledger().unwrap().name, LEDGER);

    // Together.
    let mut both = publication(&*snapshot, &[("a.yaml", b"tag: 2\n")]);
    both.ledger = Some(entry(None, "one"));
    let published = repo.publish(&both).unwrap();
    let first = published.ledger.unwrap().unwrap();
    assert_eq!(world.git(&["rev-parse", LEDGER]), first.0);
    assert_eq!(world.git(&["show", "main:a.yaml"]), "tag: 2");
    let snapshot = repo.snapshot().unwrap();
    let found = snapshot.ledger().unwrap();
    assert_eq!((found.commit.as_ref(), &found.files["holds.json"]), (Some(&first), &Ok(b"one".to_vec())));
    assert_eq!(contents(&*snapshot).len(), 1, "the ledger is no part of the files");

    // Somebody else's entry comes between.
    let theirs = other.ledger().unwrap().write(&entry(Some(first.clone()), "theirs")).unwrap();
    let mut late = publication(&*snapshot, &[("a.yaml", b"tag: 3\n")]);
    late.ledger = Some(entry(Some(first.clone()), "ours"));
    let published = repo.publish(&late).unwrap();
    assert!(matches!(published.ledger, Some(Err(PublishError::Moved { .. }))), "{published:?}");
    assert_eq!(world.git(&["show", "main:a.yaml"]), "tag: 3", "the commit was made all the same");
    assert_eq!(world.git(&["rev-parse", LEDGER]), theirs.0);
    let stale = repo.ledger().unwrap().write(&entry(Some(first.clone()), "ours")).unwrap_err();
    assert!(matches!(stale, PublishError::Moved { .. }), "{stale}");
    assert!(matches!(repo.ledger().unwrap().write(&entry(None, "ours")).unwrap_err(), PublishError::Moved { .. }));
    let now = repo.ledger().unwrap().read().unwrap();
    assert_eq!(now.files["holds.json"], Ok(b"theirs".to_vec()));
    let ours = repo.ledger().unwrap().write(&entry(now.commit, "ours")).unwrap();
    assert_eq!(world.git(&["rev-list", "--count", LEDGER]), "3");

    // The branch moved: neither is written.
    let old = repo.snapshot().unwrap();
    other.publish(&publication(&*other.snapshot().unwrap(), &[("a.yaml", b"tag: 4\n")])).unwrap();
    let mut stale = publication(&*old, &[("a.yaml", b"tag: 5\n")]);
    stale.ledger = Some(entry(Some(ours.clone()), "never"));
    assert!(matches!(repo.publish(&stale).unwrap_err(), PublishError::Moved { .. }));
    assert_eq!(world.git(&["show", "main:a.yaml"]), "tag: 4");
    assert_eq!(world.git(&["rev-parse", LEDGER]), ours.0);

    // Deleted under us, and begun anew.
    world.git(&["update-ref", "-d", LEDGER]);
    assert_eq!(repo.snapshot().unwrap().ledger().unwrap().commit, None);
    repo.ledger().unwrap().write(&entry(None, "new")).unwrap();
    assert_eq!(world.git(&["rev-list", "--count", LEDGER]), "1");
    fsck(&world.bare());
}

#[test]
fn a_bare_repository_keeps_a_ledger_beside_its_branch() {
    for format in ["sha1", "sha256"] {
        let world = World::new(format);
        story(&world, &|| world.open(&world.bare().to_string_lossy(), None));
    }
}

#[test]
fn a_server_keeps_a_ledger_beside_its_branch() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    for (version_2, atomic) in [(true, "true"), (true, "false"), (false, "true")] {
        let world = World::new("sha1");
        world.git(&["config", "receive.advertiseAtomic", atomic]);
        let server = HttpServer::speaking(world.root.path(), version_2);
        let url = format!("http://127.0.0.1:{}/config.git", server.port);
        let login = || Some(Login { user: Some("writer".to_owned()), secret: Secret::new(TOKEN) });
        story(&world, &|| world.open(&url, login()));
    }
}

#[test]
fn a_ledger_on_the_branch_itself_is_refused_and_none_is_none() {
    let world = World::new("sha1");
    let options = |ledger: Option<&str>| Options { ledger: ledger.map(str::to_owned), ..Options::default() };
    let open = |ledger| git::open(&Location::Path(world.bare()), None, &options(ledger)).unwrap();
    let refused = open(Some("refs/heads/main")).snapshot().err().unwrap();
    assert!(refused.message.contains("on the same branch, main"), "{refused}");
    let without = open(None);
    assert!(without.ledger().is_none());
    assert_eq!(without.snapshot().unwrap().ledger().unwrap(), LedgerFiles::default());
    let mut both = publication(&*without.snapshot().unwrap(), &[("a.yaml", b"tag: 2\n")]);
    both.ledger = Some(entry(None, "one"));
    assert_eq!(without.publish(&both).unwrap().ledger, None);
}
