//! What the order promises, on small histories drawn by hand and on any that can be made.

use super::*;
use proptest::prelude::*;

/// `name: parents`, one a word, such as `M2:M1,F1`; the name's letters become the id. The first is the head.
fn commits(text: &str) -> Vec<Commit> {
    let commit = |(at, word): (usize, &str)| {
        let (name, parents) = word.split_once(':').unwrap_or((word, ""));
        let parents = parents.split(',').filter(|name| !name.is_empty()).map(id).collect();
        Commit { id: id(name), parents, time: 1_000 - i64::try_from(at).unwrap() }
    };
    text.split_whitespace().enumerate().map(commit).collect()
}

fn id(name: &str) -> Id {
    let mut bytes = [0; 20];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Id::from_bytes(&bytes).unwrap()
}

fn name(id: &Id) -> String {
    let end = id.bytes.iter().position(|byte| *byte == 0).unwrap();
    String::from_utf8(id.bytes[..end].to_vec()).unwrap()
}

fn history(text: &str) -> History {
    let commits = commits(text);
    History::new(commits[0].id, &commits).unwrap()
}

fn order(history: &History) -> String {
    history.ids().iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_order_is_that_of_the_states_of_the_branch() {
    for (about, text, expected) in [
        ("a line", "c:b b:a a", "c b a"),
        ("a merge commit stands before what it merged", "M2:M1,F2 F2:F1 F1:M1 M1", "M2 F2 F1 M1"),
        ("the picture", "M3:M2,G2 G2:G1 M2:M1,F1 F1:M1 G1:M1 M1:o o", "M3 M2 G2 G1 F1 M1 o"),
        ("branched off a newer state", "M3:M2,G2 G2:G1 G1:M2 M2:M1,F1 F1:M1 M1", "M3 G2 G1 M2 F1 M1"),
        ("the branch was merged back into the feature", "M3:M2,G2 G2:G1,M2 M2:M1 G1:M1 M1", "M3 G2 M2 G1 M1"),
        ("the branch was merged into what became the branch", "P:Q,M2 M2:M1 Q:M1 M1", "P Q M2 M1"),
        ("a second root", "M2:M1,R2 M1 R2:R1 R1", "M2 M1 R2 R1"),
        ("of the same state what was merged last", "M3:M2,A M2:M1,B B:M1 A:M1 M1", "M3 M2 A B M1"),
        ("three parents", "M2:M1,A,B B:M1 A:M1 M1", "M2 B A M1"),
        ("what the head does not reach is left out", "b:a x:a a", "b a"),
    ] {
        assert_eq!(order(&history(text)), expected, "{about}");
    }
}

#[test]
fn equal_dates_are_ordered_by_id() {
    let mut commits = commits("M2:M1,B,A A:M1 B:M1 M1");
    commits.iter_mut().for_each(|commit| commit.time = 7);
    assert_eq!(order(&History::new(commits[0].id, &commits).unwrap()), "M2 A B M1");
}

#[test]
fn which_contains_which_is_not_a_matter_of_position() {
    let history = history("M3:M2,G2 G2:G1 M2:M1,F1 F1:M1 G1:M1 M1:o o");
    let at = |name: &str| history.ids().iter().position(|other| *other == id(name)).unwrap();
    for (newer, older, contains) in [
        ("M3", "o", true),
        ("M2", "F1", true),
        ("M2", "G1", false),
        ("G2", "F1", false),
        ("G2", "M1", true),
        ("M1", "G2", false),
        ("M1", "M1", true),
    ] {
        assert_eq!(history.contains(at(newer), at(older)), contains, "{newer} {older}");
    }
    for (name, since) in [("M3", 0), ("M2", 1), ("G2", 2), ("F1", 2), ("M1", 2), ("o", 3)] {
        assert_eq!(history.states_since(at(name)), since, "{name}");
    }
    let rooted = self::history("M2:M1,R1 M1 R1");
    assert_eq!(rooted.states_since(2), 2, "contains no state at all");
}

#[test]
fn a_commit_is_found_by_the_beginning_of_its_id() {
    let digits = ["0a1b2c3", "0a1b2c4", "f"].map(|start| format!("{start:0<40}"));
    let line: Vec<Commit> = (0..3)
        .map(|at| Commit {
            id: Id::parse(&digits[at]).unwrap(),
            parents: digits.get(at + 1).map(|next| Id::parse(next).unwrap()).into_iter().collect(),
            time: 0,
        })
        .collect();
    let history = History::new(line[0].id, &line).unwrap();
    assert_eq!(history.find("0a1b2c3"), Ok(0));
    assert_eq!(history.find("0a1b2c40000"), Ok(1));
    assert_eq!(history.find(&digits[2]), Ok(2));
    assert_eq!(history.find("0a1b2c"), Err(NotFound::Ambiguous(line[0].id, line[1].id)));
    assert_eq!(history.find("0a1b2c5"), Err(NotFound::Unknown));
    assert_eq!(history.find(&format!("{}0", digits[2])), Err(NotFound::Unknown), "longer than the id");
    assert_eq!(history.find("ffffffff"), Err(NotFound::Unknown));
}

#[test]
fn ids_are_read_as_git_writes_them() {
    for (text, whole, beginning) in [
        ("0a1b2c3", false, true),
        ("0a1b2c", false, false),
        ("0A1B2C3", false, false),
        ("0a1b2cg", false, false),
        (&"a".repeat(40), true, true),
        (&"a".repeat(41), false, true),
        (&"a".repeat(64), true, true),
        (&"a".repeat(65), false, false),
        ("", false, false),
    ] {
        assert_eq!(Id::parse(text).is_some(), whole, "{text}");
        assert_eq!(is_id(text), beginning, "{text}");
    }
    let id = Id::parse("0a1b2c3d4e5f60718293a4b5c6d7e8f901234567").unwrap();
    assert_eq!(id.to_string(), "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567");
    assert_eq!(id.short(), "0a1b2c3");
}

#[test]
fn what_is_no_history_says_why() {
    let none = |text: &str| {
        let commits = commits(text);
        History::new(id("a"), &commits).unwrap_err()
    };
    assert_eq!(none(""), NoHistory::Empty);
    assert_eq!(none("b"), NoHistory::Missing(id("a")));
    assert_eq!(none("a:b"), NoHistory::Missing(id("b")));
    assert_eq!(none("a:b b:a"), NoHistory::Circular);
    assert_eq!(none("a:b b:c c:b"), NoHistory::Circular);
    assert_eq!(none("a:a"), NoHistory::Circular);
}

fn line(length: usize) -> Vec<Commit> {
    let id = |at: usize| {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&at.to_be_bytes());
        Id::from_bytes(&bytes).unwrap()
    };
    let parents = |at: usize| if at + 1 < length { vec![id(at + 1)] } else { Vec::new() };
    (0..length).map(|at| Commit { id: id(at), parents: parents(at), time: 0 }).collect()
}

#[test]
fn the_longest_history_is_read_and_a_longer_one_is_not() {
    let commits = line(MAX_COMMITS + 1);
    assert_eq!(History::new(commits[1].id, &commits[1..]).unwrap().len(), MAX_COMMITS);
    assert_eq!(History::new(commits[0].id, &commits), Err(NoHistory::TooMany));
}

/// Any history: each commit's parents are among those before it; the last is the head.
fn any_history() -> impl Strategy<Value = Vec<Commit>> {
    let commit = (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0i64..5);
    prop::collection::vec(commit, 1..24).prop_map(|drawn| {
        let id = |at: usize| Id::from_bytes(&[u8::try_from(at * 7 % 251).unwrap(); 20]).unwrap();
        let parents = |at: usize, some: Vec<prop::sample::Index>| {
            some.iter().filter(|_| at > 0).map(|one| id(one.index(at))).collect()
        };
        drawn
            .into_iter()
            .enumerate()
            .map(|(at, (some, time))| Commit { id: id(at), parents: parents(at, some), time })
            .collect()
    })
}

/// By the definition: is there a way from one to the other?
fn reaches(commits: &[Commit], from: &Id, to: &Id) -> bool {
    from == to
        || commits.iter().find(|commit| commit.id == *from).unwrap().parents.iter().any(|id| reaches(commits, id, to))
}

proptest! {
    #[test]
    fn every_commit_stands_before_its_ancestors_however_they_come(commits in any_history(), seed in any::<u64>()) {
        let head = commits.last().unwrap().id;
        let history = History::new(head, &commits).unwrap();
        let mut shuffled = commits.clone();
        let length = shuffled.len();
        (1..length).for_each(|at| shuffled.swap(at, usize::try_from(seed % (at as u64 + 1)).unwrap()));
        prop_assert_eq!(&History::new(head, &shuffled).unwrap(), &history);
        prop_assert_eq!(history.ids()[0], head);
        let reached: Vec<&Commit> = commits.iter().filter(|commit| reaches(&commits, &head, &commit.id)).collect();
        prop_assert_eq!(reached.len(), history.len());
        for (newer, one) in history.ids().iter().enumerate() {
            for (older, other) in history.ids().iter().enumerate() {
                let contains = reaches(&commits, one, other);
                prop_assert_eq!(history.contains(newer, older), contains);
                prop_assert!(!contains || newer <= older);
            }
        }
    }

    /// A state of the branch is never placed behind what contains less of the branch.
    #[test]
    fn no_commit_beside_a_state_stands_before_it(commits in any_history()) {
        let head = commits.last().unwrap().id;
        let history = History::new(head, &commits).unwrap();
        for (at, state) in history.states.iter().enumerate().filter(|(_, state)| state.is_some()) {
            for before in 0..at {
                prop_assert!(history.contains(before, at), "{} {:?}", before, state);
            }
        }
    }

    #[test]
    fn any_text_is_looked_for(text in "[0-9a-f]{7,70}") {
        let commits = line(3);
        let _ = History::new(commits[0].id, &commits).unwrap().find(&text);
    }
}
