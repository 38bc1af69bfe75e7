//! What is written is read again, whatever else is not; and what is forged is not ours.

use super::*;
use crate::image::{Digest, Repository};
use crate::plan::Key;
use crate::policy::PolicyName;

fn hold(target: LedgerTarget, reason: &str) -> LedgerHold {
    let (by, until) = ("Ann Lee".to_owned(), Some("2026-12-31".to_owned()));
    LedgerHold { target, at: 1_795_176_000, by, reason: reason.to_owned(), until, place: None }
}

fn bytes(files: BTreeMap<String, Vec<u8>>) -> LedgerBytes {
    files.into_iter().map(|(file, bytes)| (file, Ok(bytes))).collect()
}

fn sight(number: usize, first: i64) -> Sight {
    let digest = Digest::parse(&format!("sha256:{number:064x}")).unwrap();
    Sight { image: Repository::parse("ghcr.io/acme/web").unwrap(), digest, first }
}

fn seal() -> Seal {
    Seal::new(b"0123456789abcdef0123456789abcdef")
}

#[test]
fn a_file_is_what_it_was() {
    let policy = LedgerTarget::Policy(PolicyName::parse("web").unwrap());
    let mut ledger = Ledger { holds: Ok(BTreeSet::from([hold(policy, "migration")])), ..Ledger::default() };
    ledger.seen.as_mut().unwrap().add([sight(1, 1_795_176_000)], &seal());
    let text = |file: &str| String::from_utf8(ledger.files()[file].clone()).unwrap();
    assert_eq!(
        text(HOLDS_FILE),
        "{\"holds\":[\n\
         {\"at\":\"2026-11-20T12:00:00Z\",\"by\":\"Ann Lee\",\"place\":null,\"reason\":\"migration\",\"target\":\"policy web\",\
         \"until\":\"2026-12-31\"}\n\
         ],\"version\":1}\n"
    );
    assert_eq!(
        text(SEEN_FILE),
        format!(
            "{{\"seen\":[\n\
             {{\"digest\":\"sha256:{:064x}\",\"first\":\"2026-11-20T12:00:00Z\",\"image\":\"ghcr.io/acme/web\",\
             \"seal\":\"MARK\"}}\n\
             ],\"version\":1}}\n",
            1
        )
        .replace("MARK", MARK)
    );
}

/// Stands in ledgers out there: another mark would no longer be believed.
const MARK: &str = "6413fbef.a76f739337a9fd220c0473620b831406";

#[test]
fn what_is_written_is_read() {
    let targets = [
        LedgerTarget::All,
        LedgerTarget::Policy(PolicyName::parse("ns/web.x-1").unwrap()),
        LedgerTarget::Image(Repository::parse("ghcr.io/acme/web").unwrap()),
        LedgerTarget::Place(Key::parse("532c68f8917487c3").unwrap()),
    ];
    for target in &targets {
        assert_eq!(LedgerTarget::parse(&target.to_string()).as_ref(), Some(target));
    }
    for bad in ["", "everything", "policy", "policy ", "policy A", "image ", "place 1", "all of it"] {
        assert_eq!(LedgerTarget::parse(bad), None, "{bad}");
    }
    let odd = "quote \" and \u{1F6A2}\n\u{1b}[31m";
    let mut ledger =
        Ledger { holds: Ok(targets.into_iter().map(|target| hold(target, odd)).collect()), ..Ledger::default() };
    ledger.seen.as_mut().unwrap().add((0..5).map(|number| sight(number, 7)), &seal());
    assert_eq!(Ledger::read(&bytes(ledger.files())), ledger);
    assert_eq!(Ledger::read(&LedgerBytes::new()), Ledger::default());
    assert!(!ledger.holds.unwrap().first().unwrap().story().contains(['\n', '\u{1b}']));
}

#[test]
fn a_hold_ends_to_the_second() {
    let until = |text: &str| LedgerHold { until: Some(text.to_owned()), ..hold(LedgerTarget::All, "x") };
    assert!(until("1970-01-01").counts(86_399) && !until("1970-01-01").counts(86_400));
    assert!(until("1970-01-01T00:01:00Z").counts(59) && !until("1970-01-01T00:01:00Z").counts(60));
    assert!(LedgerHold { until: None, ..until("1970-01-01") }.counts(i64::MAX));
}

#[test]
fn a_sight_is_believed_under_its_own_seal_and_unaltered() {
    let (ours, theirs) = (seal(), Seal::new(b"another secret of the same length"));
    let mut sights = Sights::default();
    assert!(sights.add([sight(1, 100), sight(2, 200)], &ours));
    assert!(!sights.add([sight(1, 100), sight(2, 300)], &ours), "what is known as earlier stays");
    assert!(sights.add([sight(1, 50)], &ours) && sights.add([sight(1, 100)], &theirs));
    let firsts = |sights: &Sights, seal: &Seal| sights.sealed(seal).map(|one| one.first).collect::<Vec<_>>();
    assert_eq!((firsts(&sights, &ours), firsts(&sights, &theirs)), (vec![50, 200], vec![100]));

    let ledger = Ledger { seen: Ok(sights), ..Ledger::default() };
    let text = String::from_utf8(ledger.files()[SEEN_FILE].clone()).unwrap();
    let read = |text: &str| {
        let files = LedgerBytes::from([(SEEN_FILE.to_owned(), Ok(text.as_bytes().to_vec()))]);
        Ledger::read(&files).seen.unwrap()
    };
    assert_eq!(firsts(&read(&text), &ours), [50, 200]);
    for (from, to) in [
        ("1970-01-01T00:00:50Z", "1970-01-01T00:00:49Z"),
        (
            "sha256:0000000000000000000000000000000000000000000000000000000000000001",
            &sight(3, 0).digest.to_string()[..],
        ),
        ("acme/web", "acme/api"),
    ] {
        assert!(text.contains(from), "{from}");
        let forged = read(&text.replace(from, to));
        assert!(!firsts(&forged, &ours).contains(&49) && firsts(&forged, &ours).len() < 2, "{from}: {forged:?}");
        let mut mended = forged;
        assert!(mended.add([sight(1, 50)], &ours), "what is not ours under our name is replaced");
    }
}

#[test]
fn of_too_many_sights_the_earliest_go_and_do_not_come_again() {
    let ours = seal();
    let mut sights = Sights::default();
    sights.add((0..MAX_SIGHTS).map(|number| sight(number, 1_000 + number as i64)), &ours);
    assert_eq!(sights.sealed(&ours).count(), MAX_SIGHTS);
    assert!(sights.add([sight(MAX_SIGHTS, 9_000)], &ours));
    let firsts: Vec<i64> = sights.sealed(&ours).map(|one| one.first).collect();
    assert_eq!((firsts.len(), firsts.iter().min(), firsts.iter().max()), (MAX_SIGHTS, Some(&1_001), Some(&9_000)));
    assert!(!sights.add([sight(0, 1_000)], &ours), "else every run would write it again");
    let full = Ledger { seen: Ok(sights), ..Ledger::default() }.files();
    assert!(full[SEEN_FILE].len() <= MAX_LEDGER_FILE);
    assert!(Ledger::read(&bytes(full)).seen.is_ok());
}

#[test]
fn a_full_file_of_holds_can_be_read() {
    let at_most = |number: usize| LedgerHold {
        at: number as i64,
        by: "é".repeat(MAX_BY),
        place: Some("p".repeat(300)),
        ..hold(LedgerTarget::All, &"x".repeat(MAX_REASON))
    };
    let with = |count: usize| Ledger { holds: Ok((0..count).map(at_most).collect()), ..Ledger::default() };
    let one = with(2).files()[HOLDS_FILE].len() - with(1).files()[HOLDS_FILE].len();
    let most = (MAX_LEDGER_FILE - with(0).files()[HOLDS_FILE].len()) / one;
    for (count, fits) in [(most - 1, true), (most + 1, false)] {
        assert_eq!(with(count).excess().is_none(), fits, "{count}");
        assert_eq!(Ledger::read(&bytes(with(count).files())).holds.is_ok(), fits, "{count}");
    }
    let short = |number: usize| LedgerHold { at: number as i64, ..hold(LedgerTarget::All, "x") };
    for (count, fits) in [(MAX_HOLDS, true), (MAX_HOLDS + 1, false)] {
        let ledger = Ledger { holds: Ok((0..count).map(short).collect()), ..Ledger::default() };
        assert_eq!(ledger.excess().is_none(), fits, "{count}");
        assert_eq!(Ledger::read(&bytes(ledger.files())).holds.is_ok(), fits, "{count}");
    }
}
