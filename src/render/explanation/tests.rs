//! What is shown of an explanation, and how it fits a terminal.

use super::*;
use crate::image::Tag;
use crate::policy::Held;

fn passed(tag: &str, reason: Reason, detail: &str) -> PassedOver {
    PassedOver { tag: tag.to_owned(), reason, detail: detail.to_owned() }
}

fn one(chosen: Option<&str>, passed_over: Vec<PassedOver>) -> Explanation {
    Explanation {
        policy: crate::policy::PolicyName::parse("web"),
        chosen: chosen.map(|tag| Tag::parse(tag).unwrap()),
        choice: Some("the greatest version".to_owned()),
        tags: passed_over.len() + usize::from(chosen.is_some()),
        passed_over,
        ..Explanation::empty(None)
    }
}

#[test]
fn the_chosen_tag_stands_first_then_the_close_ones_then_the_counts() {
    let mut all: Vec<PassedOver> =
        (0..8).map(|n| passed(&format!("3.{}.0", 9 - n), Reason::OutOfRange, "outside")).collect();
    all.extend((0..8).map(|n| passed(&format!("1.{}.0", 8 - n), Reason::Superseded, "1.9.0 is better")));
    all.push(passed("latest", Reason::Floating, "moves"));
    let text = explanations(Paint::default(), &[one(Some("1.9.0"), all)], false);
    let tags: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("  tag "))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(
        tags,
        ["1.9.0", "3.9.0", "3.8.0", "3.7.0", "3.6.0", "3.5.0", "1.8.0", "1.7.0", "1.6.0", "1.5.0", "1.4.0"]
    );
    assert!(text.contains("17 tags passed over, by reason"), "{text}");
    let every = explanations(Paint::default(), &[one(Some("1.9.0"), vec![])], true);
    assert!(every.contains("1.9.0  chosen  the greatest version\n") && !every.contains("by reason"), "{every}");
}

#[test]
fn where_no_tag_has_a_place_the_greatest_are_shown() {
    let all = (1..=30).map(|n| passed(&format!("r{n}"), Reason::NoMatch, "`^v` does not match")).collect();
    let text = explanations(Paint::default(), &[one(None, all)], false);
    assert!(text.contains("  r30") && text.contains("  r21") && !text.contains("  r20 "), "{text}");
}

#[test]
fn a_suggestion_says_what_is_odd_what_to_write_and_what_comes_of_it() {
    let mut explained = one(None, vec![]);
    explained.held = Some(Held { reason: Reason::NoCandidate, detail: "none of 312 tags matches `^v`".to_owned() });
    explained.suggestions = vec![Suggestion {
        problem: "none of 312 tags matches `^v`; 312 would with the `v` left optional".to_owned(),
        field: "tags.match",
        instead: "tags: {match: '^v?'}".to_owned(),
        chooses: Tag::parse("1.2.0").ok(),
    }];
    let text = explanations(Paint::default(), &[explained.clone()], false);
    assert!(
        text.contains("  perhaps  none of 312 tags matches `^v`; 312 would with the `v` left optional\n"),
        "{text}"
    );
    assert!(text.contains("           tags: {match: '^v?'}  would choose 1.2.0\n"), "{text}");
    let narrow = explanations(Paint { width: Some(40), ..Paint::default() }, &[explained], false);
    assert!(narrow.contains("           tags: {match: '^v?'}\n           would choose 1.2.0\n"), "{narrow}");
}

#[test]
fn no_line_is_longer_than_the_terminal_while_words_are_shorter() {
    let detail = "whether it is newer than the tag that stands in the file cannot be known from what is known";
    let mut explained =
        one(Some("1.0.0"), (0..20).map(|n| passed(&format!("1.{n}.0"), Reason::NotComparable, detail)).collect());
    explained.ownership = vec![detail.to_owned(), detail.to_owned()];
    explained.held = Some(Held { reason: Reason::NotComparable, detail: detail.to_owned() });
    explained.note = Some(detail.to_owned());
    for width in [60, 80, 140] {
        let text = explanations(Paint { width: Some(width), ..Paint::default() }, &[explained.clone()], false);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn strangers_texts_drive_no_terminal() {
    let bad = "a\u{1b}]0;x\u{7}\u{202e}";
    let mut explained = one(None, vec![passed(bad, Reason::InvalidTag, bad)]);
    explained.current = Some(bad.to_owned());
    explained.ownership = vec![bad.to_owned()];
    explained.note = Some(bad.to_owned());
    explained.held = Some(Held { reason: Reason::NotEditable, detail: bad.to_owned() });
    let problem = bad.to_owned();
    explained.suggestions = vec![Suggestion { problem, field: "image", instead: bad.to_owned(), chooses: None }];
    let text = explanations(Paint::default(), &[explained], true);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
}
