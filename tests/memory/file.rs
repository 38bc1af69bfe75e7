//! The store's file: bounded, private, shared by processes, and never a reason for a run to fail.

use super::*;
use landwaiter::port::{MAX_NOTE, MAX_PART, Named, Notes as _};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

fn digest(number: u64) -> Digest {
    Digest::parse(&format!("sha256:{number:064x}")).unwrap()
}

fn image(number: u64, label: &str) -> ImageMetadata {
    let labels = [("label".to_owned(), label.to_owned())].into();
    ImageMetadata { digest: digest(number), created: Some(START), platforms: Vec::new(), labels, size: None, run: None }
}

fn web() -> Repository {
    Repository::parse("reg.example.com/acme/web").unwrap()
}

fn tag(number: u64) -> Tag {
    Tag::parse(&format!("t{number}")).unwrap()
}

fn named(repository: &Repository, number: u64) -> Named {
    Named { repository: repository.clone(), tag: tag(number), digest: digest(number) }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Database {
        Database::new(Some(self.0.path().join("store")))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("store/memory.sqlite")
    }
}

#[test]
fn what_was_told_is_there_after_it_was_closed() {
    let folder = Folder::new();
    let store = folder.open();
    assert_eq!(store.works(), Ok(()));
    store.keep_image(&image(1, "x"));
    store.saw(&[named(&web(), 1), named(&web(), 2)], START);
    store.told(&["something"]);
    drop(store);
    let store = folder.open();
    assert_eq!(store.image(&digest(1)), Some(image(1, "x")));
    assert_eq!(store.image(&digest(2)), None);
    assert_eq!(store.sightings(&web()).len(), 2);
    assert_eq!(store.sighting(&web(), &tag(2)).unwrap().first, START);
    assert!(store.was_told("something") && !store.was_told("something else"));
    assert!(store.troubles().is_empty());
}

#[test]
fn what_was_found_in_files_is_kept_by_branch_and_in_parts() {
    let folder = Folder::new();
    let store = folder.open();
    let (one, two, three) = (vec![1; MAX_PART], vec![2, 0, 255], vec![3]);
    store.keep_files("a\tb", &[one.clone(), two.clone()], false);
    store.keep_files("a", std::slice::from_ref(&three), true);
    let parts = |branch: &str| {
        let mut parts = folder.open().files(branch);
        parts.sort();
        parts
    };
    assert_eq!(parts("a\tb"), [one.clone(), two.clone()]);
    store.keep_files("a\tb", &[three.clone(), two.clone(), vec![9; MAX_PART + 1]], false);
    assert_eq!(parts("a\tb"), [one, two, three.clone()], "once each, and none that is too long");
    store.keep_files("a\tb", &[], true);
    assert_eq!((parts("a\tb").len(), parts("a")), (0, vec![three]));
    assert!(store.troubles().is_empty(), "{:?}", store.troubles());
}

#[test]
fn the_oldest_parts_go_when_there_are_more_than_the_limit() {
    let folder = Folder::new();
    let store = folder.open();
    store.keep_files("0", &[vec![0]], false);
    store.keep_files("1", &[vec![1]], false);
    let many: Vec<Vec<u8>> = (2..4_096_u16).map(|part| part.to_le_bytes().to_vec()).collect();
    store.keep_files("many", &many, false);
    assert_eq!((store.files("0"), store.files("many").len()), (vec![vec![0]], many.len()));
    store.keep_files("more", &[vec![7]], false);
    assert_eq!((store.files("0").len(), store.files("1").len(), store.files("more").len()), (0, 1, 1));
}

#[test]
fn a_file_of_a_version_before_is_taken_over() {
    for before in
        ["DROP TABLE note; DROP TABLE files; PRAGMA user_version = 1;", "DROP TABLE note; PRAGMA user_version = 2;"]
    {
        let folder = Folder::new();
        let store = folder.open();
        store.keep_image(&image(1, "x"));
        drop(store);
        let old = rusqlite::Connection::open(folder.file()).unwrap();
        old.execute_batch(before).unwrap();
        drop(old);
        let store = folder.open();
        assert_eq!(store.image(&digest(1)), Some(image(1, "x")));
        store.keep_files("a", &[vec![1]], false);
        assert_eq!(store.files("a"), [[1]]);
        store.note("room", &[("key".to_owned(), Some("text".to_owned()))]);
        assert_eq!(store.notes("room").len(), 1);
        assert!(store.troubles().is_empty(), "{:?}", store.troubles());
    }
}

#[test]
fn notes_are_kept_by_room_until_they_are_taken_away() {
    let folder = Folder::new();
    let put = |room: &str, key: &str, text: Option<&str>| {
        folder.open().note(room, &[(key.to_owned(), text.map(str::to_owned))]);
    };
    put("told a", "x", Some("1"));
    put("told a", "y", Some("2"));
    put("told ab", "x", Some("3"));
    put("told a", "x", Some("4"));
    put("told a", "y", None);
    put("told a", "z", Some(&"x".repeat(MAX_NOTE + 1)));
    put("told a", "w", Some(&"x".repeat(MAX_NOTE)));
    let notes = folder.open().notes("told a");
    assert_eq!(notes.keys().collect::<Vec<_>>(), ["w", "x"]);
    assert_eq!(notes["x"], "4");
    assert_eq!(folder.open().notes("told ab").len(), 1);
}

#[test]
fn only_its_owner_may_read_it() {
    let folder = Folder::new();
    let store = folder.open();
    store.keep_image(&image(1, "x"));
    for entry in fs::read_dir(folder.0.path().join("store")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    let made = fs::metadata(folder.0.path().join("store")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_file_that_is_not_ours_is_put_aside_and_replaced() {
    let other_program = || {
        let folder = Folder::new();
        fs::create_dir(folder.0.path().join("store")).unwrap();
        let other = rusqlite::Connection::open(folder.file()).unwrap();
        other.execute_batch("CREATE TABLE theirs (a); PRAGMA user_version = 1;").unwrap();
        folder
    };
    let text = || {
        let folder = Folder::new();
        fs::create_dir(folder.0.path().join("store")).unwrap();
        fs::write(folder.file(), "this is no database, but a note of somebody\n".repeat(200)).unwrap();
        folder
    };
    let other_version = || {
        let folder = Folder::new();
        folder.open().keep_image(&image(1, "x"));
        let ours = rusqlite::Connection::open(folder.file()).unwrap();
        ours.execute_batch("PRAGMA user_version = 99").unwrap();
        folder
    };
    for (folder, why) in [
        (other_program(), "belongs to another program"),
        (text(), "is not a database"),
        (other_version(), "is of version 99, and this program reads 3"),
    ] {
        let before = fs::read(folder.file()).unwrap();
        let store = folder.open();
        assert_eq!(store.works(), Ok(()), "{why}");
        store.keep_image(&image(2, "y"));
        assert_eq!(store.image(&digest(2)), Some(image(2, "y")));
        let troubles = store.troubles();
        assert!(troubles.len() == 1 && troubles[0].contains(why), "{why}: {troubles:?}");
        assert_eq!(fs::read(folder.0.path().join("store/memory.sqlite.aside")).unwrap(), before, "{why}");
    }
}

#[test]
fn damage_that_shows_later_is_put_aside_too() {
    let folder = Folder::new();
    let store = folder.open();
    for number in 0..2_000 {
        store.keep_image(&image(number, "some text that fills pages"));
    }
    drop(store);
    // The first page, which says that the file is ours, stays as it is.
    let mut bytes = fs::read(folder.file()).unwrap();
    assert!(bytes.len() > 40 * 4096);
    bytes[4096..].fill(0x5a);
    fs::write(folder.file(), bytes).unwrap();
    let store = folder.open();
    for number in 0..2_000 {
        assert_eq!(store.image(&digest(number)), None);
    }
    store.keep_image(&image(1, "new"));
    assert_eq!(store.image(&digest(1)), Some(image(1, "new")));
    let troubles = store.troubles();
    assert!(troubles.len() == 1 && troubles[0].contains("is damaged; it was put aside"), "{troubles:?}");
}

#[test]
fn the_file_stays_below_its_limit_and_forgets_the_oldest() {
    const LIMIT: u64 = 512 * 1024;
    let folder = Folder::new();
    let store = Database::bounded(Some(folder.0.path().join("store")), LIMIT);
    let text = "x".repeat(2_000);
    for number in 0..1_000 {
        store.keep_image(&image(number, &text));
    }
    assert_eq!(store.image(&digest(999)), Some(image(999, &text)));
    assert_eq!(store.image(&digest(0)), None);
    assert!(store.troubles().is_empty(), "{:?}", store.troubles());
    drop(store);
    let size = fs::metadata(folder.file()).unwrap().len();
    assert!(size <= LIMIT && size > LIMIT / 4, "{size}");
}

#[test]
fn a_store_that_was_deleted_begins_anew() {
    let folder = Folder::new();
    let store = folder.open();
    store.keep_image(&image(1, "x"));
    fs::remove_dir_all(folder.0.path().join("store")).unwrap();
    // Whoever has it open goes on; the next one makes a new file.
    store.keep_image(&image(2, "x"));
    let next = folder.open();
    assert_eq!((next.image(&digest(1)), next.works()), (None, Ok(())));
    assert!(next.troubles().is_empty());
}

#[test]
fn a_writer_that_does_not_end_is_waited_for_and_done_without() {
    let folder = Folder::new();
    folder.open().keep_image(&image(1, "x"));
    let mut other = rusqlite::Connection::open(folder.file()).unwrap();
    let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let store = folder.open();
    assert_eq!(store.image(&digest(1)), Some(image(1, "x")), "readers do not wait");
    let begun = Instant::now();
    store.keep_image(&image(2, "x"));
    assert!(begun.elapsed() >= landwaiter::store::PATIENCE);
    assert!(store.works().unwrap_err().contains("another process keeps the store busy"));
    for number in 3..100 {
        store.keep_image(&image(number, "x"));
    }
    assert!(begun.elapsed() < landwaiter::store::PATIENCE * 2, "it is waited for once");
    drop(held);
    assert_eq!((store.works(), store.image(&digest(2))), (Ok(()), None));
    assert_eq!(store.troubles().len(), 1, "{:?}", store.troubles());
}

const WRITER: &str = "LANDWAITER_TEST_WRITER";
/// What the writer says after its first transaction.
const BEGUN: &str = "the writer has begun";
/// Rows that one transaction of the writer writes.
const BATCH: u64 = 40;

/// Not a test: the process that the tests below start. It writes whole batches until it is killed or has written as many
/// as it was told.
#[test]
#[ignore = "started by other tests"]
fn writer() {
    let Ok(told) = std::env::var(WRITER) else { return };
    let (folder, batches) = told.rsplit_once(' ').unwrap();
    let store = Database::new(Some(PathBuf::from(folder)));
    let repository = Repository::parse(&format!("reg.example.com/writer-{}", std::process::id())).unwrap();
    for batch in 0..batches.parse().unwrap() {
        let seen: Vec<Named> = (batch * BATCH..(batch + 1) * BATCH).map(|number| named(&repository, number)).collect();
        store.saw(&seen, START);
        if batch == 0 {
            println!("{BEGUN}");
        }
    }
    assert!(store.troubles().is_empty(), "{:?}", store.troubles());
}

fn start_writer(folder: &Folder, batches: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::writer", "--ignored", "--nocapture"])
        .env(WRITER, format!("{} {batches}", folder.0.path().join("store").display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn two_processes_write_at_once_and_lose_nothing() {
    let folder = Folder::new();
    let writers: Vec<Child> = (0..2).map(|_| start_writer(&folder, 50)).collect();
    let ids: Vec<u32> = writers.iter().map(Child::id).collect();
    for writer in writers {
        assert!(writer.wait_with_output().unwrap().status.success());
    }
    let store = folder.open();
    for id in ids {
        let repository = Repository::parse(&format!("reg.example.com/writer-{id}")).unwrap();
        assert_eq!(store.sightings(&repository).len() as u64, 50 * BATCH);
    }
}

#[test]
fn a_writer_that_is_killed_leaves_whole_transactions_and_the_next_goes_on() {
    let folder = Folder::new();
    for round in 0..20 {
        let mut writer = start_writer(&folder, u64::MAX);
        let repository = Repository::parse(&format!("reg.example.com/writer-{}", writer.id())).unwrap();
        let said = BufReader::new(writer.stdout.take().unwrap());
        assert!(said.lines().any(|line| line.unwrap().contains(BEGUN)));
        std::thread::sleep(Duration::from_micros(700 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let store = folder.open();
        let rows = store.sightings(&repository).len() as u64;
        assert!(rows > 0 && rows.is_multiple_of(BATCH), "a transaction is whole or not there: {rows}");
        assert_eq!((store.works(), store.troubles()), (Ok(()), Vec::new()));
    }
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    let checked: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok");
}
