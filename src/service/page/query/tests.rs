//! Filters, search and pages at their edges.

use super::*;
use crate::policy::PolicyName;

fn row(file: &str, line: usize, image: &str, state: State) -> Row {
    Row {
        file: file.into(),
        line,
        path: "spec.image".into(),
        image: Repository::parse(image).ok(),
        policy: PolicyName::parse("web"),
        current: Some("1.0.0".into()),
        digest: None,
        newest: None,
        state,
        reason: (state == State::Held).then_some(Reason::Window),
        detail: (state == State::Held).then(|| "closed until Monday".into()),
        url: None,
    }
}

fn branch(name: &str, rows: Vec<Row>) -> Arc<Branch> {
    let target = Target { repository: "config".into(), branch: Some(name.into()) };
    Arc::new(Branch { rows, ..Branch::new(target) })
}

fn filter(query: &str) -> Result<Filter, Bad> {
    Filter::of(&Query::parse(query, &FILTERS)?)
}

#[test]
fn filters_are_what_they_say() {
    let rows =
        vec![row("a.yaml", 1, "reg.example.com/acme/web", State::UpToDate), row("a.yaml", 9, "acme/api", State::Held)];
    let branches = [branch("main", rows), branch("next", vec![row("b.yaml", 1, "acme/api", State::UpToDate)])];
    for (query, places, counts) in [
        ("", vec!["a.yaml:1", "a.yaml:9", "b.yaml:1"], [1, 0, 0, 2, 0]),
        ("state=held", vec!["a.yaml:9"], [1, 0, 0, 2, 0]),
        ("branch=next", vec!["b.yaml:1"], [0, 0, 0, 1, 0]),
        ("repository=other", vec![], [0; 5]),
        ("policy=web&image=docker.io/acme/api", vec!["a.yaml:9", "b.yaml:1"], [1, 0, 0, 1, 0]),
        ("policy=nobody", vec![], [0; 5]),
        ("reason=window", vec!["a.yaml:9"], [1, 0, 0, 0, 0]),
        ("q=MONDAY", vec!["a.yaml:9"], [1, 0, 0, 0, 0]),
        ("q=.*", vec![], [0; 5]),
        ("q=acme%2Fweb&state=", vec!["a.yaml:1"], [0, 0, 0, 1, 0]),
    ] {
        let found = find(&branches, &filter(query).unwrap(), None, 10);
        let shown: Vec<String> = found
            .rows
            .iter()
            .map(|(branch, at)| format!("{}:{}", branch.rows[*at].file, branch.rows[*at].line))
            .collect();
        assert_eq!((shown, found.counts), (places.into_iter().map(str::to_owned).collect(), counts), "{query}");
        assert_eq!(found.total, found.rows.len());
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    for query in ["x=1", "state=new", "reason=because", "q=a&q=b", "limit=0&x"] {
        assert!(filter(query).is_err(), "{query}");
    }
    assert!(filter(&format!("q={}", "x".repeat(MAX_TEXT))).is_ok());
    assert!(filter(&format!("q={}", "x".repeat(MAX_TEXT + 1))).is_err());
    let long = |more: usize| format!("policy={}", "x".repeat(MAX_QUERY - "policy=".len() + more));
    assert!(filter(&long(0)).is_ok() && filter(&long(1)).is_err());
    let limit = |text: &str| Query::parse(&format!("limit={text}"), &FILTERS).unwrap().limit();
    assert_eq!((limit(""), limit("1"), limit("1000")), (Ok(USUAL_LIMIT), Ok(1), Ok(MAX_LIMIT)));
    assert!(["0", "1001", "-1", "x"].into_iter().all(|text| limit(text).is_err()));
}

#[test]
fn a_page_goes_on_behind_the_last_one_whatever_changed() {
    let rows = |files: &[&str]| files.iter().map(|file| row(file, 1, "acme/web", State::UpToDate)).collect();
    let found = find(&[branch("main", rows(&["a", "b", "c", "d"]))], &Filter::default(), None, 2);
    assert_eq!((found.total, found.before, found.rows.len()), (4, 0, 2));
    let text = cursor(&found.next.unwrap()).unwrap();
    let after: After = Query::parse(&format!("cursor={text}"), &FILTERS).unwrap().cursor().unwrap().unwrap();
    let later = find(&[branch("main", rows(&["aa", "c", "d"]))], &Filter::default(), Some(&after), 2);
    assert_eq!((later.total, later.before, later.rows.len()), (3, 1, 2));
    assert_eq!(later.next, None);
    for bad in ["x", "e30", "bnVsbA", &"A".repeat(MAX_CURSOR + 1)] {
        assert!(Query::parse(&format!("cursor={bad}"), &FILTERS).unwrap().cursor::<After>().is_err(), "{bad}");
    }
}

#[test]
fn changing_one_parameter_keeps_the_others_and_begins_anew() {
    let query = Query::parse("q=a+b%26c&state=held&cursor=x", &FILTERS).unwrap();
    assert_eq!(query.with("state", Some("updating")), "q=a+b%26c&state=updating");
    assert_eq!(query.with("q", None), "state=held");
}
