//! `require`: what is passed over although it is the best, and what is held because something could not be learned.

use super::*;
use landwaiter::image::{ImageMetadata, Platform};
use landwaiter::policy::{Bump, MAX_LOOKED_AT};
use std::time::Duration;

const NOW: i64 = 1_700_000_000;

fn bump(bump: Bump) -> Policy {
    let mut policy = semver("*");
    policy.require.max_bump = Some(bump);
    policy
}

#[test]
fn a_step_is_at_most_as_large_as_max_bump_says() {
    let tags = "1.4.2 1.4.9 1.9.0 2.0.0";
    for (largest, wanted) in [(Bump::Patch, "1.4.9"), (Bump::Minor, "1.9.0"), (Bump::Major, "2.0.0")] {
        assert_eq!(outcome(&bump(largest), "1.4.2", tags), wanted);
    }
    let minor = bump(Bump::Minor);
    assert_eq!(reasons(&minor, "1.4.2", tags)[0], "2.0.0 max-bump");
    let note = decide(&minor, "1.4.2", tags).note.unwrap();
    assert!(note.contains("2.0.0") && note.contains("maxBump: minor"), "{note}");
    // Nothing within the step: what stands there stays.
    assert_eq!(outcome(&minor, "1.4.2", "1.4.2 2.0.0"), "1.4.2");
    // Without a current tag there is no step.
    assert_eq!(outcome(&minor, "", tags), "2.0.0");
    // A floating line is pinned within itself.
    let mut pin = bump(Bump::Minor);
    pin.guards.floating_current = FloatingCurrent::Pin;
    assert_eq!(outcome(&pin, "1.4", "1.4 1.4.2 1.9.0 2.0.0"), "1.9.0");
    // What stands above the range still stays.
    let mut below = bump(Bump::Minor);
    below.select = semver("<2").select;
    assert_eq!(outcome(&below, "2.1.0", "1.9.0 2.1.0"), "2.1.0");
}

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

fn image(c: char, created: Option<i64>, platforms: &[&str]) -> ImageMetadata {
    let platforms = platforms.iter().map(|text| Platform::parse(text).unwrap()).collect();
    ImageMetadata {
        digest: digest(c),
        created,
        platforms,
        labels: [("team".to_owned(), "a".to_owned())].into(),
        size: None,
        run: None,
    }
}

/// What is decided, and what was asked on the way.
fn run(
    policy: &Policy,
    current: &str,
    tags: &str,
    known: &[(&str, Result<ImageMetadata, &str>)],
) -> (Decision, Vec<Need>) {
    let current = Tag::parse(current).ok();
    let question = Question { current: current.as_ref(), ..Question::default() };
    let tags = list(tags);
    let ranking = Ranking::new(policy, &tags);
    let mut facts = Facts { now: Some(NOW), ..Facts::default() };
    let mut asked = Vec::new();
    loop {
        match ranking.decide(&question, &facts) {
            Outcome::Decided(decision) => {
                let chosen = decision.chosen.as_ref().map(|chosen| chosen.tag.as_str());
                let passed = ranking.passed_over(&question, &facts);
                assert!(passed.iter().all(|passed| Some(passed.tag.as_str()) != chosen && !passed.detail.is_empty()));
                return (decision, asked);
            }
            Outcome::Needs(needs) => {
                for need in needs {
                    assert!(!facts.answers(&need), "{need:?} is asked twice");
                    let Need::Metadata(tag) = &need else { panic!("{need:?}") };
                    let answer = known.iter().find(|(name, _)| *name == tag.as_str());
                    let answer = answer.unwrap_or_else(|| panic!("{tag} was not expected to be asked for")).1.clone();
                    facts.metadata.insert(tag.clone(), answer.map_err(str::to_owned));
                    asked.push(need);
                }
            }
        }
    }
}

fn says((decision, _): (Decision, Vec<Need>)) -> String {
    match (decision.held, decision.chosen) {
        (Some(held), _) => held.reason.to_string(),
        (None, Some(chosen)) => chosen.tag.to_string(),
        (None, None) => "nothing".to_owned(),
    }
}

fn platforms() -> Policy {
    let mut policy = semver("*");
    policy.require.platforms = vec![Platform::parse("linux/arm64").unwrap()];
    policy
}

#[test]
fn the_best_tag_with_the_platforms_is_taken_and_no_more_is_asked_than_needed() {
    let known = [
        ("1.3.0", Ok(image('3', None, &["linux/amd64"]))),
        ("1.2.0", Ok(image('2', None, &["linux/amd64", "linux/arm64"]))),
    ];
    let (decision, asked) = run(&platforms(), "1.0.0", "1.0.0 1.1.0 1.2.0 1.3.0", &known);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "1.2.0");
    assert_eq!(asked.len(), 2, "1.1.0 and the current tag are of no concern");
    // What stands there is never asked about, nor replaced for lack of a platform.
    assert_eq!(says(run(&platforms(), "1.3.0", "1.3.0", &[])), "1.3.0");
    assert_eq!(says(run(&platforms(), "1.2.0", "1.2.0 1.3.0", &known[..1])), "1.2.0");
}

#[test]
fn what_could_not_be_learned_holds_and_elects_no_other() {
    let known =
        [("1.3.0", Err("example.com did not answer in time")), ("1.2.0", Ok(image('2', None, &["linux/arm64"])))];
    let (decision, asked) = run(&platforms(), "1.0.0", "1.0.0 1.2.0 1.3.0", &known);
    let held = decision.held.unwrap();
    assert_eq!(held.reason, Reason::IncompleteInformation);
    assert!(held.detail.contains("1.3.0") && held.detail.contains("did not answer"), "{}", held.detail);
    assert_eq!((decision.chosen, asked.len()), (None, 1));
}

#[test]
fn labels_are_required_with_their_value() {
    let mut policy = semver("*");
    policy.require.labels.insert("team".to_owned(), "b".to_owned());
    assert_eq!(says(run(&policy, "1.0.0", "1.0.0 1.1.0", &[("1.1.0", Ok(image('1', None, &[])))])), "1.0.0");
    policy.require.labels.insert("team".to_owned(), "a".to_owned());
    assert_eq!(says(run(&policy, "1.0.0", "1.0.0 1.1.0", &[("1.1.0", Ok(image('1', None, &[])))])), "1.1.0");
}

#[test]
fn a_young_image_waits_while_the_one_before_it_is_taken() {
    let mut policy = semver("*");
    policy.require.age = Some(Duration::from_secs(86_400));
    let known = [("1.2.0", Ok(image('2', Some(NOW - 3_600), &[]))), ("1.1.0", Ok(image('1', Some(NOW - 90_000), &[])))];
    assert_eq!(says(run(&policy, "1.0.0", "1.0.0 1.1.0 1.2.0", &known)), "1.1.0");
    let unsaid = [("1.2.0", Ok(image('2', None, &[])))];
    assert_eq!(says(run(&policy, "1.0.0", "1.0.0 1.1.0 1.2.0", &unsaid)), "incomplete-information");
}

#[test]
fn no_more_than_the_limit_are_looked_at() {
    let amd = |_: usize| Ok(image('a', None, &["linux/amd64"]));
    for (count, says_so) in [(MAX_LOOKED_AT, "1.0.0"), (MAX_LOOKED_AT + 1, "no-candidate")] {
        let names: Vec<String> = (1..=count).map(|n| format!("1.0.{n}")).collect();
        let known: Vec<(&str, Result<ImageMetadata, &str>)> =
            names.iter().enumerate().map(|(n, name)| (name.as_str(), amd(n))).collect();
        let tags = format!("1.0.0 {}", names.join(" "));
        let (decision, asked) = run(&platforms(), "1.0.0", &tags, &known);
        assert_eq!(asked.len(), MAX_LOOKED_AT);
        assert_eq!(says((decision, asked)), says_so, "{count}");
    }
}

#[test]
fn the_newest_image_is_chosen_whatever_its_tag() {
    let newest = policy(Select::Newest);
    let times = [
        ("sha-aaaaaaa", Ok(image('a', Some(NOW - 300), &[]))),
        ("sha-bbbbbbb", Ok(image('b', Some(NOW - 100), &[]))),
        ("sha-ccccccc", Ok(image('c', Some(NOW - 200), &[]))),
    ];
    let tags = "sha-aaaaaaa sha-bbbbbbb sha-ccccccc latest main";
    let (decision, asked) = run(&newest, "sha-aaaaaaa", tags, &times);
    assert_eq!(decision.chosen.unwrap().tag.as_str(), "sha-bbbbbbb");
    assert_eq!(asked.len(), 3);
    // The newest stays; an excluded newer one is no reason to go back.
    assert_eq!(says(run(&newest, "sha-bbbbbbb", tags, &times)), "sha-bbbbbbb");
    let mut without = newest.clone();
    without.tags.exclude.push(Regex::new("bbb").unwrap());
    assert_eq!(says(run(&without, "sha-bbbbbbb", tags, &times)), "downgrade");
    assert_eq!(says(run(&without, "sha-aaaaaaa", tags, &times)), "sha-ccccccc");
    // Guards go down the same order.
    let mut old = newest.clone();
    old.require.age = Some(Duration::from_secs(150));
    assert_eq!(says(run(&old, "sha-aaaaaaa", tags, &times)), "sha-ccccccc");
}

#[test]
fn times_that_order_nothing_hold() {
    let newest = policy(Select::Newest);
    let with = |created: Option<i64>, c: char| {
        run(
            &newest,
            "sha-aaaaaaa",
            "sha-aaaaaaa sha-bbbbbbb",
            &[("sha-aaaaaaa", Ok(image('a', Some(NOW - 300), &[]))), ("sha-bbbbbbb", Ok(image(c, created, &[])))],
        )
    };
    for missing in [None, Some(0), Some(NOW + 90_000)] {
        assert_eq!(says(with(missing, 'b')), "not-comparable", "{missing:?}");
    }
    assert_eq!(says(with(Some(NOW - 300), 'b')), "not-comparable", "a tie of different images");
    assert_eq!(says(with(Some(NOW - 300), 'a')), "sha-aaaaaaa", "two names of one image");
    let failed = [("sha-aaaaaaa", Ok(image('a', Some(NOW), &[]))), ("sha-bbbbbbb", Err("refused"))];
    assert_eq!(says(run(&newest, "sha-aaaaaaa", "sha-aaaaaaa sha-bbbbbbb", &failed)), "incomplete-information");
    // A tag that is gone has no time; only a person can say that it may be replaced.
    assert_eq!(says(run(&newest, "sha-ddddddd", "sha-bbbbbbb", &[])), "not-comparable");
    let mut replacing = newest.clone();
    replacing.guards.allow_replace = true;
    assert_eq!(
        says(run(&replacing, "sha-ddddddd", "sha-bbbbbbb", &[("sha-bbbbbbb", Ok(image('b', Some(NOW), &[])))])),
        "sha-bbbbbbb"
    );
}

#[test]
fn tags_without_a_place_in_time_say_so_and_no_tag_is_called_better() {
    let newest = policy(Select::Newest);
    let ask = |current: &str, tags: &str, times: &[(&str, Result<Option<i64>, &str>)]| {
        let mut facts = Facts { now: Some(NOW), ..Facts::default() };
        for ((tag, time), c) in times.iter().zip("abcdef".chars().cycle()) {
            let image = time.map(|created| image(c, created, &[])).map_err(str::to_owned);
            facts.metadata.insert(Tag::parse(tag).unwrap(), image);
        }
        let current = Tag::parse(current).ok();
        let question = Question { current: current.as_ref(), ..Question::default() };
        let passed = Ranking::new(&newest, &list(tags)).passed_over(&question, &facts);
        passed.iter().map(|passed| format!("{} {}: {}", passed.tag, passed.reason, passed.detail)).collect::<Vec<_>>()
    };
    let bad = "its build date lies before the first container image";
    let held = "nothing is chosen: c has no place in time: it does not say when it was built";
    assert_eq!(
        ask("a", "a b c d", &[("a", Ok(Some(NOW - 9))), ("b", Ok(Some(0))), ("c", Ok(None)), ("d", Ok(Some(NOW - 5)))]),
        [
            format!("d not-comparable: {held}"),
            format!("a not-comparable: {held}"),
            "c not-comparable: it does not say when it was built".to_owned(),
            format!("b not-comparable: {bad}"),
        ]
    );
    let unread = "when it was built was not read";
    assert_eq!(
        ask("a", "a b", &[]),
        [format!("b incomplete-information: {unread}"), format!("a incomplete-information: {unread}")]
    );
    let refused = ask("a", "a b c", &[("a", Ok(Some(NOW - 9))), ("b", Err("refused")), ("c", Ok(Some(NOW - 10)))]);
    assert_eq!(
        refused,
        [
            "a incomplete-information: nothing is chosen: when b was built could not be learned: refused",
            "c older: lower than a, which stands in the file",
            "b incomplete-information: when it was built could not be learned: refused",
        ]
    );
    // A current tag without a place has nothing above or below it.
    let ahead = ask("a", "a b", &[("a", Ok(Some(NOW + 90_000))), ("b", Ok(Some(NOW)))]);
    let future = "its build date lies in the future";
    assert_eq!(
        ahead,
        [
            format!("b not-comparable: nothing is chosen: a has no place in time: {future}"),
            format!("a not-comparable: {future}")
        ]
    );
    let tie = ask("a", "a b c", &[("a", Ok(Some(NOW - 9))), ("b", Ok(Some(NOW))), ("c", Ok(Some(NOW)))]);
    assert!(tie.iter().all(|line| line.contains(" not-comparable: ")), "{tie:?}");
}

#[test]
fn many_tags_are_listed_in_an_order_whatever_is_known_of_them() {
    let tags: Vec<String> = (0..200).map(|n| format!("sha-a{n:05x}b")).collect();
    let mut facts = Facts { now: Some(NOW), ..Facts::default() };
    for (tag, n) in tags.iter().zip(0i64..).filter(|(_, n)| n % 3 > 0) {
        facts.metadata.insert(Tag::parse(tag).unwrap(), Ok(image('a', Some(NOW - n * 7_919 % 200), &[])));
    }
    let newest = policy(Select::Newest);
    let passed = Ranking::new(&newest, &tags).passed_over(&Question::default(), &facts);
    let placed = passed.iter().take_while(|passed| facts.metadata.contains_key(&Tag::parse(&passed.tag).unwrap()));
    assert_eq!((placed.count(), passed.len()), (facts.metadata.len(), 200));
}

#[test]
fn as_many_build_times_are_read_as_the_limit_says() {
    use landwaiter::policy::MAX_TIMED;
    let newest = policy(Select::Newest);
    let all = |count: usize| (0..count).map(|n| format!("sha-a{n:05x}b")).collect::<Vec<_>>();
    let fits = all(MAX_TIMED);
    let known: Vec<_> =
        fits.iter().zip(0..).map(|(tag, at)| (tag.as_str(), Ok(image('a', Some(NOW - at), &[])))).collect();
    assert_eq!(says(run(&newest, &fits[9], &fits.join(" "), &known)), fits[0]);
    assert_eq!(says(run(&newest, &fits[9], &all(MAX_TIMED + 1).join(" "), &[])), "incomplete-information");
}

#[test]
fn a_floating_tag_is_held_without_asking_for_times() {
    let mut newest = policy(Select::Newest);
    assert_eq!(says(run(&newest, "latest", "latest sha-aaaaaaa", &[])), "floating-current");
    newest.guards.floating_current = FloatingCurrent::Pin;
    let known = [("sha-aaaaaaa", Ok(image('a', Some(NOW), &[])))];
    assert_eq!(says(run(&newest, "latest", "latest sha-aaaaaaa", &known)), "sha-aaaaaaa");
}
