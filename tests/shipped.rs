//! The shipped policies: each file is what `extends` takes it for, and what its comment says is true.

use landwaiter::config::{policies, shipped};
use landwaiter::image::Tag;
use landwaiter::policy::{Facts, Need, Outcome, Policy, Question, Ranking, Source};
use std::path::PathBuf;

#[test]
fn each_is_a_valid_file_with_one_policy_of_its_name_that_claims_nothing() {
    for one in shipped::list() {
        let policy = read(one.text);
        assert_eq!(policy.name.as_str(), one.name);
        assert!(policy.images.is_empty() && policy.files.is_empty(), "{}", one.name);
        assert_eq!(comment(one.text).lines().next(), Some(one.summary), "{}", one.name);
    }
}

#[test]
fn the_list_is_the_folder_sorted_by_name() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let listed: Vec<String> = shipped::list().iter().map(|one| format!("{}.yaml", one.name)).collect();
    assert_eq!(listed, files);
    for one in shipped::list() {
        assert_eq!(shipped::get(one.name), Some(one));
    }
    assert_eq!(shipped::get("no-such-policy"), None);
}

#[test]
fn the_example_in_each_comment_works() {
    for one in shipped::list() {
        let comment = comment(one.text);
        let (_, example) = comment.split_once("Example:\n").unwrap();
        let example = example.replace("\n  ", "\n");
        let policy = read(&format!("apiVersion: landwaiter/v1\nkind: ImagePolicies{example}"));
        assert_eq!(policy.images.len(), 1, "{}", one.name);
    }
}

#[test]
fn the_tags_in_each_comment_are_looked_at_or_passed_over_as_it_says() {
    let mut seen = 0;
    for one in shipped::list() {
        let Some(pattern) = read(one.text).tags.matching else {
            continue;
        };
        let comment = comment(one.text);
        for (label, wanted) in [("Looks at: ", true), ("Passes over: ", false)] {
            let line = comment.lines().find_map(|line| line.strip_prefix(label)).unwrap();
            for tag in line.split('`').skip(1).step_by(2) {
                assert_eq!(pattern.is_match(tag), wanted, "{}: {label}{tag}", one.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 10);
}

#[test]
fn a_date_has_one_key_however_it_is_written() {
    let tags = read(shipped::get("date-tags").unwrap().text).tags;
    let (pattern, template) = (tags.matching.unwrap(), tags.extract.unwrap());
    for tag in ["20240501", "2024-05-01", "2024.05.01"] {
        let mut key = String::new();
        pattern.captures(tag).unwrap().expand(&template, &mut key);
        assert_eq!(key, "20240501");
    }
}

/// For each: what the file says, what the registry lists, and what is chosen.
#[test]
fn each_chooses_what_its_comment_says() {
    for (name, current, tags, chosen) in [
        ("semver-stable", "1.9.3", "1.9.3 1.10.0 2.0.0-rc.1", Some("1.10.0")),
        ("semver-any", "1.9.3", "1.9.3 2.0.0-rc.1 2.0.0-rc.2", Some("2.0.0-rc.2")),
        ("semver-minor", "1.4.2", "1.4.2 1.9.0 2.0.0", Some("1.9.0")),
        ("semver-minor", "2.0.0", "1.4.2 2.0.0 2.1.0 3.0.0", Some("2.1.0")),
        ("semver-patch", "1.4.2", "1.4.2 1.4.9 1.5.0 2.0.0", Some("1.4.9")),
        ("calver", "2024.05.3", "2024.05.3 2024.5.10 2024.06.0-rc1 2024.4.1", Some("2024.5.10")),
        ("calver", "v2024.05.3-alpine", "v2024.06.0-alpine v2024.06.1 2024.07.0-alpine", Some("v2024.06.0-alpine")),
        ("date-tags", "20240501", "20240501 2024-05-02 20240503-slim", Some("2024-05-02")),
        ("build-number", "41", "41 42 9", Some("42")),
        ("latest-digest", "1.0.0", "1.0.0 latest", None),
    ] {
        let policy = read(shipped::get(name).unwrap().text);
        let tags: Vec<String> = tags.split(' ').map(str::to_owned).collect();
        let current = Tag::parse(current).unwrap();
        let question = Question { current: Some(&current), ..Question::default() };
        let outcome = Ranking::new(&policy, &tags).decide(&question, &Facts::default());
        let Outcome::Decided(decision) = outcome else { panic!("{name} asks for facts: {outcome:?}") };
        let found = decision.chosen.as_ref().map(|chosen| chosen.tag.as_str());
        assert_eq!(found.filter(|_| decision.held.is_none()), chosen, "{name}: {decision:?}");
    }
}

#[test]
fn those_that_ask_the_image_ask_about_the_best_candidate() {
    for (name, current, tags, needs) in [
        ("production", "1.4.2", "1.4.2 1.9.0 2.0.0", vec![Need::Metadata(Tag::parse("1.9.0").unwrap())]),
        ("latest-digest", "latest", "1.0.0 latest", vec![Need::Digest(Tag::parse("latest").unwrap())]),
        (
            "commit-on-branch",
            "sha-0a1b2c3",
            "sha-0a1b2c3 f4e5d6c7 main latest",
            vec![Need::History(Source {
                url: "https://git.example.com/acme/web.git".into(),
                host: "git.example.com".into(),
                branch: "main".into(),
            })],
        ),
        (
            "newest-commit",
            "sha-0a1b2c3",
            "sha-0a1b2c3 sha-f4e5d6c main latest",
            ["sha-0a1b2c3", "sha-f4e5d6c"].map(|tag| Need::Metadata(Tag::parse(tag).unwrap())).to_vec(),
        ),
    ] {
        let policy = read(shipped::get(name).unwrap().text);
        let tags: Vec<String> = tags.split(' ').map(str::to_owned).collect();
        let current = Tag::parse(current).unwrap();
        let question = Question { current: Some(&current), ..Question::default() };
        let outcome = Ranking::new(&policy, &tags).decide(&question, &Facts::default());
        assert!(matches!(&outcome, Outcome::Needs(asked) if *asked == needs), "{name}: {outcome:?}");
    }
}

#[test]
fn production_is_written_in_office_hours_and_each_of_its_fields_can_be_said_anew() {
    let policy = read(shipped::get("production").unwrap().text);
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    for (now, open) in [
        ("2026-11-19T14:59:00Z", true),
        ("2026-11-19T15:00:00Z", false),
        ("2026-11-20T11:00:00Z", true),
        ("2026-11-20T12:00:00Z", false),
        ("2026-11-21T10:00:00Z", false),
    ] {
        assert_eq!(policy.windows.closed(at(now)).is_none(), open, "{now}");
    }
    let ours = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  extends: [production]\n  \
                require: {platforms: [linux/arm64]}\n  windows: [{days: [sat]}]\n";
    let ours = read(ours);
    assert!(ours.windows.closed(at("2026-11-21T10:00:00Z")).is_none());
    assert_eq!(ours.require.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["linux/arm64"]);
    assert!(ours.require.max_bump.is_some() && ours.require.age.is_some(), "from production");
}

/// Which branch of which repository counts no shipped policy can know; one that leaves it open is completed here.
const SELECT: &str = "    select: {commit: {repository: https://git.example.com/acme/web.git, branch: main}}\n";

fn read(text: &str) -> Policy {
    let open = text.contains("- name: commit-on-branch");
    let text = if open { format!("{text}{SELECT}") } else { text.to_owned() };
    let files = [("landwaiter.yaml".to_owned(), text.clone())];
    let mut loaded = policies::read(&files);
    assert_eq!(loaded.diagnostics, [], "{text}");
    assert_eq!(loaded.policies.len(), 1);
    loaded.policies.remove(0)
}

/// The comment a file opens with, without its `# `.
fn comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}
