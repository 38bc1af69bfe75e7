//! The shipped policies: each file is what `extends` takes it for, and what its comment says is true.

use landwaiter::config::{policies, shipped};
use landwaiter::policy::Policy;
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

fn read(text: &str) -> Policy {
    let files = [("landwaiter.yaml".to_owned(), text.to_owned())];
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
