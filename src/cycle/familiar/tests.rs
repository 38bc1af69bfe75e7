//! What is known by which key, how much of it is kept, and what a damaged part costs.

use super::super::notebook::{MAX_PARTS, MORE_PARTS, PAST, SUM};
use super::*;
use crate::port::{BlobId, MAX_PART};
use crate::site::Location;
use crate::site::{Part, Placed, Way};
use globset::Glob;

fn file(number: usize) -> FileEntry {
    let blob = Some(BlobId(format!("{number:040x}")));
    FileEntry { path: format!("f{number}.yaml").into(), unreadable_path: false, blob }
}

fn learned(number: usize, bytes: usize) -> Option<Learned> {
    Learned::of(Kind::File, &file(number), vec![7; bytes])
}

/// What is known after a run that read these files, each with so many bytes to remember.
fn after(files: impl Iterator<Item = (usize, usize)>) -> Vec<Vec<u8>> {
    let mut familiar = Familiar::of(Vec::new());
    files.for_each(|(number, bytes)| familiar.learn(learned(number, bytes)));
    familiar.news().unwrap().parts
}

fn known(familiar: &mut Familiar, number: usize) -> Option<usize> {
    familiar.find(Kind::File, &file(number)).map(<[u8]>::len)
}

#[test]
fn what_was_learned_is_known_by_content_path_and_kind() {
    let mut familiar = Familiar::of(after([(1, 0), (2, 5)].into_iter()));
    assert_eq!((known(&mut familiar, 1), known(&mut familiar, 2), known(&mut familiar, 3)), (Some(0), Some(5), None));
    let moved = FileEntry { path: "other.yaml".into(), ..file(1) };
    let changed = FileEntry { path: file(1).path, ..file(9) };
    let unnamed = FileEntry { blob: None, ..file(1) };
    for other in [&moved, &changed, &unnamed] {
        assert!(familiar.find(Kind::File, other).is_none());
    }
    assert!(familiar.find(Kind::Values, &file(1)).is_none());
    assert!(familiar.find(Kind::Layer, &file(1)).is_none());
}

#[test]
fn a_part_that_is_damaged_is_left_out_whole() {
    let whole = after((0..9).map(|number| (number, number)));
    assert_eq!(whole.len(), 1);
    for at in 0..whole[0].len() {
        let mut part = whole[0].clone();
        part[at] ^= 1;
        let cut = whole[0][..at].to_vec();
        assert!(Familiar::of(vec![part, cut]).notes.entries.is_empty(), "{at}");
    }
    assert_eq!(Familiar::of([after([(20, 3)].into_iter()), vec![vec![1; 40]], whole].concat()).notes.entries.len(), 10);
}

#[test]
fn what_is_kept_of_a_file_and_in_a_part_is_bounded() {
    assert!(learned(1, MAX_NOTE).is_some() && learned(1, MAX_NOTE + 1).is_none());
    // A part has its hash and a number; each file with nothing a key.
    let most = (MAX_PART - SUM - 4) / SUM;
    assert_eq!(after((0..most).map(|number| (number, 0))).len(), 1);
    let two = after((0..=most).map(|number| (number, 0)));
    assert_eq!(two.len(), 2);
    assert_eq!(Familiar::of(two).notes.entries.len(), most + 1);
    let big = after((0..10).map(|number| (number, MAX_NOTE)));
    assert!(big.len() == 10 && big.iter().all(|part| part.len() <= MAX_PART));
    let mut familiar = Familiar::of(big);
    assert!((0..10).all(|number| known(&mut familiar, number) == Some(MAX_NOTE)));
    // Ever more of them is no reason to keep more.
    assert_eq!(after((0..MAX_PARTS).map(|number| (number, MAX_NOTE))).len(), MAX_PARTS);
    assert_eq!(after((0..=MAX_PARTS).map(|number| (number, MAX_NOTE))).len(), MAX_PARTS);
}

#[test]
fn a_run_that_learned_nothing_keeps_nothing() {
    let mut familiar = Familiar::of(after([(1, 0)].into_iter()));
    known(&mut familiar, 1);
    assert_eq!(familiar.news(), None);
    let mut without = Familiar::without();
    without.learn(learned(1, 0));
    assert_eq!((without.learns(), without.news()), (false, None));
}

#[test]
fn parts_are_added_until_they_are_many() {
    let mut parts = after((0..3).map(|number| (number, 2)));
    for number in 3..3 + MORE_PARTS {
        let mut familiar = Familiar::of(parts.clone());
        (0..number).for_each(|number| assert!(known(&mut familiar, number).is_some()));
        familiar.learn(learned(number, 2));
        let news = familiar.news().unwrap();
        assert!(!news.anew && news.parts.len() == 1, "{number}");
        parts.extend(news.parts);
    }
    let mut familiar = Familiar::of(parts);
    (0..3 + MORE_PARTS).for_each(|number| assert!(known(&mut familiar, number).is_some()));
    familiar.learn(learned(99, 0));
    let news = familiar.news().unwrap();
    assert!(news.anew && news.parts.len() == 1);
    assert_eq!(Familiar::of(news.parts).notes.entries.len(), 4 + MORE_PARTS);
}

#[test]
fn what_is_no_more_goes_when_it_is_more_than_what_is() {
    let now = 5;
    let parts = |past: usize| after((0..now + past).map(|number| (number, 1)));
    let looked = |parts| {
        let mut familiar = Familiar::of(parts);
        (0..now).for_each(|number| assert!(known(&mut familiar, number).is_some()));
        familiar.news()
    };
    assert_eq!(looked(parts(now + PAST)), None);
    let news = looked(parts(now + PAST + 1)).unwrap();
    assert!(news.anew);
    assert_eq!(Familiar::of(news.parts).notes.entries.len(), now);
}

#[test]
fn what_is_learned_again_counts() {
    let mut familiar = Familiar::of(after((0..=2 * PAST).map(|number| (number, 1))));
    assert_eq!(known(&mut familiar, 0), Some(1));
    familiar.learn(learned(0, 9));
    let news = familiar.news().unwrap();
    assert!(news.anew);
    let mut familiar = Familiar::of(news.parts);
    assert_eq!((familiar.notes.entries.len(), known(&mut familiar, 0)), (1, Some(9)));
}

#[test]
fn everything_that_decides_what_is_found_is_in_the_context() {
    let location = |glob: &str, way: &str| Location {
        files: vec![Glob::new(glob).unwrap().compile_matcher()],
        place: Placed::Path(Way::parse(way).unwrap(), Part::Whole),
        image: None,
    };
    let with = |locations| Declarations { locations, ..Declarations::default() };
    let templates = Declarations { templates: ["web".to_owned()].into(), ..Declarations::default() };
    let contexts = [
        context("1", 5, &Declarations::default()),
        context("2", 5, &Declarations::default()),
        context("1", 6, &Declarations::default()),
        context("1", 5, &templates),
        context("1", 5, &with(vec![location("a", "x")])),
        context("1", 5, &with(vec![location("b", "x")])),
        context("1", 5, &with(vec![location("a", "y")])),
        context("1", 5, &with(vec![location("a", "x"), location("a", "x")])),
    ];
    let different: std::collections::BTreeSet<_> = contexts.iter().collect();
    assert_eq!(different.len(), contexts.len());
    assert_eq!(contexts[4], context("1", 5, &with(vec![location("a", "x")])), "the same every time");
}
