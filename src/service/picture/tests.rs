//! What is kept of runs, and how much of it.

use super::*;
use crate::cycle::{Look as Asked, Since};
use crate::image::Tag;
use crate::policy::{Chosen, Decision, Order, PassedOver, Policy, Reason, Select};
use crate::telemetry::RunResult;
use std::time::Duration;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_000
    }
}

fn picture() -> Picture {
    Picture::new(Arc::new(Noon))
}

fn target(branch: &str) -> Target {
    Target { repository: "config".into(), branch: Some(branch.into()) }
}

fn image(number: usize) -> Repository {
    Repository::parse(&format!("reg.example.com/acme/i{number}")).unwrap()
}

/// Says that everything was passed over, and that the first tag was built at 7.
#[derive(Debug)]
struct All(Vec<String>);

impl Asked for All {
    fn passed_over(&self, (best, others): (usize, usize)) -> (Vec<PassedOver>, usize) {
        let most = best + others;
        let passed = |tag: &String| PassedOver { tag: tag.clone(), reason: Reason::Older, detail: "older".to_owned() };
        (self.0.iter().take(most).map(passed).collect(), self.0.len().saturating_sub(most))
    }

    fn since(&self, tag: &str) -> Option<Since> {
        (self.0.first().map(String::as_str) == Some(tag)).then_some(Since::Built(7))
    }
}

fn tags(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("t{n}")).collect()
}

/// Tells the picture of one decision.
fn decide(picture: &Picture, target: &Target, image: &Repository, current: Option<&str>, tags: &[String]) {
    let policy = Policy::new(PolicyName::parse("web").unwrap(), "landwaiter.yaml", Select::Alphabetical(Order::Asc));
    let current = current.map(|tag| Tag::parse(tag).unwrap());
    let chosen = tags.last().map(|tag| Chosen { tag: Tag::parse(tag).unwrap(), digest: None });
    let decision = Decision { chosen, held: None, note: None };
    let look = All(tags.to_vec());
    let decided = Decided {
        policy: &policy,
        repository: image,
        current: current.as_ref(),
        decision: &decision,
        tags,
        look: &look,
    };
    tell(picture, target, &Event::Decided(decided));
}

fn tell(picture: &Picture, target: &Target, event: &Event<'_>) {
    picture.listen("1", target, &Scope::default()).unwrap().happened(event);
}

fn fail(picture: &Picture, target: &Target, id: &str) {
    let trouble = Trouble { message: "no".repeat(MAX_TEXT), hint: None, rejected: false };
    picture.run_ended(&RunEnded {
        id,
        target,
        began: 1,
        ended: 2,
        took: Duration::from_millis(3),
        result: RunResult::Failed,
        outcome: Err(&trouble),
        failures: 4,
        next: Some(9),
    });
}

#[test]
fn branches_are_those_of_the_settings_and_not_looked_at_at_first() {
    let picture = picture();
    let (a, b) = (target("a"), target("b"));
    picture.settings_read(&[&a, &b], None, 5);
    picture.look(|known| {
        assert!(known.branches.values().all(|branch| branch.seen.is_none() && branch.last.is_none()));
        assert_eq!(known.branches.len(), 2);
    });
    fail(&picture, &a, "1");
    fail(&picture, &target("gone"), "2");
    let refused = Trouble { message: "bad".into(), hint: None, rejected: true };
    picture.settings_read(&[&a], Some(&refused), 6);
    picture.settings_read(&[&a], Some(&refused), 7);
    picture.look(|known| {
        assert_eq!(known.branches.keys().collect::<Vec<_>>(), [&a]);
        let branch = &known.branches[&a];
        let last = branch.last.as_ref().unwrap();
        assert_eq!((last.failures, last.next, branch.seen), (4, Some(9), None), "a failed run has read nothing");
        assert_eq!(last.error.as_ref().unwrap().chars().count(), MAX_TEXT + 1);
        assert_eq!(known.refused.as_ref().unwrap().1, 6, "since the first time");
        assert_eq!(known.runs.len(), 2);
    });
    picture.settings_read(&[&a], None, 8);
    picture.look(|known| assert!(known.refused.is_none()));
}

#[test]
fn runs_are_bounded_at_their_edge() {
    let picture = picture();
    for number in 0..=MAX_RUNS {
        fail(&picture, &target("a"), &number.to_string());
    }
    picture.look(|known| {
        assert_eq!(known.runs.len(), MAX_RUNS);
        assert_eq!((&*known.runs[0].id, &*known.runs[MAX_RUNS - 1].id), (&*MAX_RUNS.to_string(), "1"));
    });
}

#[test]
fn what_is_kept_of_an_image_is_bounded() {
    let picture = picture();
    let (a, one) = (target("a"), image(0));
    picture.settings_read(&[&a], None, 5);
    for number in 0..=MAX_LOOKS {
        decide(&picture, &a, &one, Some(&format!("c{number}")), &tags(100));
    }
    picture.look(|known| {
        let looks = &known.images[&one].looks;
        assert_eq!(looks.len(), MAX_LOOKS);
        assert_eq!(looks[0].current.as_deref(), Some(&*format!("c{MAX_LOOKS}")), "the newest first");
        assert_eq!((looks[0].passed_over.len(), looks[0].rest), (PASSED_OVER.1, 100 - PASSED_OVER.1));
        let details = looks[0].passed_over.windows(2).all(|two| Arc::ptr_eq(&two[0].detail, &two[1].detail));
        assert!(details, "a text is kept once");
    });
    decide(&picture, &a, &one, Some("c8"), &tags(5));
    picture
        .look(|known| assert_eq!(known.images[&one].looks.len(), MAX_LOOKS, "the same question replaces its answer"));
}

#[test]
fn new_tags_are_those_that_an_earlier_list_had_not() {
    let picture = picture();
    let (a, one) = (target("a"), image(0));
    let came = || {
        picture
            .look(|known| known.images[&one].tags.iter().map(|tag| (tag.tag.to_string(), tag.at)).collect::<Vec<_>>())
    };
    let first = ("t0".to_owned(), 7);
    decide(&picture, &a, &one, None, &tags(3));
    assert_eq!(came(), std::slice::from_ref(&first), "of the first list only what the registry tells");
    decide(&picture, &a, &one, None, &tags(4));
    assert_eq!(came(), [first.clone(), ("t3".to_owned(), 1_000)]);
    decide(&picture, &a, &one, None, &tags(MAX_POINTS + 10));
    assert_eq!(came().len(), MAX_POINTS);

    decide(&picture, &a, &one, None, &tags(MAX_KNOWN));
    picture.look(|known| assert_eq!(known.watched, MAX_KNOWN));
    decide(&picture, &a, &one, None, &tags(MAX_KNOWN + 1));
    picture.look(|known| assert_eq!(known.watched, 0, "too many to be watched"));
}

#[test]
fn images_are_bounded_and_the_more_there_are_the_less_is_kept_of_each() {
    let picture = picture();
    let a = target("a");
    let all = tags(50);
    for number in 0..=MAX_IMAGES {
        decide(&picture, &a, &image(number), None, &all);
    }
    picture.look(|known| {
        assert_eq!(known.images.len(), MAX_IMAGES);
        assert_eq!(known.looks, MAX_IMAGES);
        let kept = |number: usize| known.images[&image(number)].looks[0].passed_over.len();
        assert_eq!((kept(0), kept(MAX_IMAGES - 1)), (PASSED_OVER.1, MAX_PASSED_OVER / (MAX_IMAGES - 1)));
        let passed: usize =
            known.images.values().flat_map(|image| &image.looks).map(|look| look.passed_over.len()).sum();
        assert!(passed < 3 * MAX_PASSED_OVER, "{passed}");
    });
}

#[test]
fn an_image_that_no_reference_names_is_forgotten_when_all_was_read() {
    let picture = picture();
    let (a, b) = (target("a"), target("b"));
    picture.settings_read(&[&a, &b], None, 5);
    decide(&picture, &a, &image(0), Some("t0"), &tags(2));
    decide(&picture, &a, &image(1), Some("t0"), &tags(2));
    let error = crate::port::RegistryError {
        host: "reg.example.com".into(),
        kind: crate::port::RegistryErrorKind::TimedOut,
        detail: String::new(),
    };
    tell(&picture, &a, &Event::ListingFailed { repository: &image(1), error: &error });
    let names = |picture: &Picture| picture.look(|known| (known.images.len(), known.hosts.failing.len()));
    let row = |of: Repository| Row {
        file: "a.yaml".into(),
        line: 1,
        path: "image".into(),
        image: Some(of),
        policy: PolicyName::parse("web"),
        current: Some("t0".into()),
        digest: None,
        newest: None,
        state: State::UpToDate,
        reason: None,
        detail: None,
        url: None,
    };
    picture.paint(|known| {
        let branch = Arc::make_mut(known.branches.get_mut(&a).unwrap());
        (branch.rows, branch.seen, branch.counts) = (vec![row(image(0))], Some(6), [0, 0, 0, 1, 0]);
        known.forget_unused();
    });
    assert_eq!(names(&picture), (2, 1), "branch b was not read yet: it may name the other one");
    picture.paint(|known| {
        Arc::make_mut(known.branches.get_mut(&b).unwrap()).seen = Some(6);
        known.forget_unused();
    });
    assert_eq!(names(&picture), (1, 0));
    picture.paint(|known| {
        Arc::make_mut(known.branches.get_mut(&a).unwrap()).rows[0].current = Some("t1".into());
        known.forget_unused();
        assert!(known.images[&image(0)].looks.is_empty(), "nobody asks that any more");
    });
}
