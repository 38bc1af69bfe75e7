//! Writes `docs/tag-families.md`: what is chosen on real tag lists, and why.
//!
//! The lists are looked for in `$LANDWAITER_CASES/tag-lists`, or in `../shared/cases/tag-lists` beside the checkout; without
//! them the test says so and passes. `UPDATE_SNAPSHOTS=1` writes the page; read the difference with a person's eye.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and may panic")]

use landwaiter::config::policies;
use landwaiter::image::Tag;
use landwaiter::policy::{Facts, Outcome, Policy, Question, Ranking};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// When the page is decided: the first day of 2026, after the lists were read.
const NOW: i64 = 1_767_225_600;

/// List, `select`, and the tags that stand in the file.
const ROWS: &[(&str, &str, [&str; 3])] = &[
    ("architecture", "{semver: '*'}", ["1.25.3-alpine", "1.25.3-alpine-arm64", "1.25.3-alpine-amd64"]),
    (
        "aspnet_with_future_dates",
        "{semver: {range: '*', parts: 2}}",
        [
            "4.8-20250909-windowsservercore-ltsc2022",
            "4.8.1-20251014-windowsservercore-ltsc2022",
            "4.8.1-windowsservercore-ltsc2019",
        ],
    ),
    ("bar", "{semver: {range: '*', parts: 2}}", ["3.10-master-777", "3.10-master-999", "3.9-master-1200"]),
    ("baz", "{semver: {range: '*', parts: 1}}", ["11-jdk-master-111", "11-jdk-master-222", "11-jre-master-111"]),
    (
        "dotnet",
        "{semver: '*'}",
        ["2.0.3-runtime-jessie", "1.0.5-runtime-nanoserver-10.0.14393.1066", "2.0.3-runtime-stretch-arm32v7"],
    ),
    ("dotnet_page_2", "{semver: '*'}", ["2.0.9-runtime-deps-stretch", "1.0.5-runtime-deps", "sdk-nanoserver"]),
    ("fulldate_in_tag", "{calver: img_YYYY0M0D.MICRO}", ["img_20230915.3", "img_20231011.1", "img_20230101.1"]),
    ("golang", "{semver: '*'}", ["1.25.0-alpine3.22", "1.25.0-bullseye", "1.26.0"]),
    ("multi_platform", "{semver: '~1.25'}", ["1.24.0", "1.25.4", "latest"]),
    (
        "multiple-intermediate-words",
        "{semver: {range: '>=0-0', parts: 1}}",
        ["21-ea-32", "22-ea-7-windowsservercore-1809", "22-ea-jdk-nanoserver-1809"],
    ),
    ("node_alpine", "{semver: '*'}", ["18.0.0-alpine3.17", "18.0.0-bullseye", "20.0.0-bookworm"]),
    (
        "openjdk11",
        "{alphabetical: asc}",
        ["aarch64-ubuntu-jdk-11.0.1.13-slim", "x86_64-ubuntu-jdk-11.28", "x86_64-ubuntu-jdk11-nightly"],
    ),
    ("php", "{semver: '*'}", ["7.1.30-fpm", "7.1.30-zts-alpine3.8", "7.2.0RC1-cli"]),
    ("ruby", "{semver: '<3'}", ["2.2.4-alpine", "1.9.3-p547", "2.2"]),
    ("sha_suffices", "{semver: {range: '*', parts: 2}}", ["7.1-0.2.1", "7.1-ed7eee0", "7.1"]),
    ("truncated_tag_list", "{semver: '*'}", ["v0.5.1", "v0.6.0-alpha.1", "master-6140"]),
    ("ubuntu", "{calver: YY.0M}", ["12.10", "14.04", "trusty-20170728"]),
    ("ubuntu_no_latest", "{semver: {range: '*', parts: 2}}", ["14.04.1", "12.10", "zesty-20170224"]),
];

const HEAD: &str = "# Tag families

What is chosen on real tag lists, for tags as they stand in files, and why. The policy of each list has nothing but the
`select` that is shown. How families are told stands under `family` in [policies](policies.md#family); the lists are test
data of dependabot-core (MIT, (c) GitHub, Inc.). A test writes this page.
";

#[test]
fn the_page_is_what_is_decided() {
    let cases = std::env::var("LANDWAITER_CASES")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"), PathBuf::from);
    let folder = cases.join("tag-lists");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no tag lists in {}; LANDWAITER_CASES names their folder", folder.display());
        return;
    }
    let mut page = HEAD.to_owned();
    for (list, select, currents) in ROWS {
        let text = std::fs::read_to_string(folder.join(format!("{list}.json"))).unwrap();
        section(&mut page, list, &text, &policy(select), select, currents);
    }
    let lists = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(ROWS.len(), lists, "a list has no row");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/tag-families.md");
    if std::env::var("UPDATE_SNAPSHOTS").is_ok() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, written, "UPDATE_SNAPSHOTS=1 cargo test --test tag_families");
}

fn policy(select: &str) -> Policy {
    let text = format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies: [{{name: x, select: {select}}}]\n");
    let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
    assert_eq!(loaded.diagnostics, []);
    loaded.policies.remove(0)
}

fn section(page: &mut String, list: &str, text: &str, policy: &Policy, select: &str, currents: &[&str; 3]) {
    #[derive(serde::Deserialize)]
    struct List {
        name: String,
        tags: Vec<String>,
    }
    let List { name, tags } = serde_json::from_str(text).unwrap();
    let ranking = Ranking::new(policy, &tags);
    writeln!(page, "\n## {name} ({list})\n\n`select: {select}` on {} tags.\n", tags.len()).unwrap();
    page.push_str("| in the file | family | becomes | because |\n|---|---|---|---|\n");
    let facts = Facts { now: Some(NOW), ..Facts::default() };
    for current in currents {
        let tag = Tag::parse(current).unwrap();
        let question = Question { current: Some(&tag), ..Question::default() };
        let family = ranking.family(&question).map_or_else(String::new, |family| format!("`{family}`"));
        let Outcome::Decided(decision) = ranking.decide(&question, &facts) else {
            panic!("{list} needs facts");
        };
        let (becomes, because) = match (decision.held, decision.chosen) {
            (Some(held), _) => (format!("held: {}", held.reason), held.detail),
            (None, Some(chosen)) if chosen.tag == tag => {
                ("stays".to_owned(), decision.note.unwrap_or_else(|| others(&ranking, &question, &facts)))
            }
            (None, chosen) => {
                let chosen = chosen.map_or_else(String::new, |chosen| format!("`{}`", chosen.tag));
                (chosen, decision.note.unwrap_or_else(|| others(&ranking, &question, &facts)))
            }
        };
        let because = because.replace('|', "\\|");
        writeln!(page, "| `{current}` | {family} | {becomes} | {because} |").unwrap();
    }
}

/// What was passed over, counted, and one of the greatest count by name.
fn others(ranking: &Ranking<'_>, question: &Question<'_>, facts: &Facts) -> String {
    let mut counts: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for passed in ranking.passed_over(question, facts) {
        let count = counts.entry(passed.reason.to_string()).or_insert((0, passed.tag));
        count.0 += 1;
    }
    let words: Vec<String> =
        counts.iter().map(|(reason, (count, example))| format!("{count} {reason} (`{example}`)")).collect();
    if words.is_empty() { "the only tag".to_owned() } else { words.join(", ") }
}
