//! `landwaiter try`: a policy on a list of tags, without a registry.

use super::diagnose::Failure;
use super::output::Output;
use super::telling::Telling;
use super::{Exit, machine, wire};
use crate::config::{policies, shipped};
use crate::cycle::{Explanation, Rejected};
use crate::image::Tag;
use crate::policy::{Facts, Need, Outcome, Policy, Question, Ranking, Select};
use crate::text::nearest;
use crate::version::history::{Commit, History, Id};
use clap::Args;
use std::sync::Arc;

/// Try a policy on a list of tags, without a registry
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  printf '1.2.3\\n1.3.0\\n2.0.0-rc.1\\n' | landwaiter try semver-stable --tags -
  curl -s https://registry.example.com/v2/acme/web/tags/list | landwaiter try web --tags - --current 1.2.3
  git log --format='%H %P' main | landwaiter try web --tags tags.txt --history -")]
pub(super) struct Arguments {
    /// A policy of the repository, or a shipped one
    policy: String,
    /// One tag a line, or a registry's tags/list answer; `-` is stdin
    #[arg(long, value_name = "FILE")]
    tags: String,
    /// The tag that stands in the file: adds the rules that need one (families, downgrade, outliers)
    #[arg(long, value_name = "TAG")]
    current: Option<String>,
    /// For `select: commit`: the commits of the branch, one id a line, the newest first; with the ids of its parents behind it,
    /// merges count; `-` is stdin
    #[arg(long, value_name = "FILE")]
    history: Option<String>,
    #[command(flatten)]
    telling: Telling,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let policy = find(arguments, output)?;
    if arguments.tags == "-" && arguments.history.as_deref() == Some("-") {
        return Err(Failure::usage("--tags and --history cannot both be stdin"));
    }
    let tags = parse_tags(&machine::read_input(&arguments.tags)?)?;
    let history = match &arguments.history {
        Some(path) => Some(parse_history(&machine::read_input(path)?)?),
        None => None,
    };
    let current = arguments
        .current
        .as_deref()
        .map(Tag::parse)
        .transpose()
        .map_err(|error| Failure::usage(format!("--current: {error}")))?;
    let explanation = decide(&policy, &tags, current.as_ref(), history.map(Arc::new));
    arguments.telling.print(&[explanation], output)?;
    Ok(Exit::Done)
}

fn decide(policy: &Policy, tags: &[String], current: Option<&Tag>, history: Option<Arc<History>>) -> Explanation {
    let question = Question { current, ..Question::default() };
    let mut facts = Facts::default();
    if let (Select::Commit(source), Some(history)) = (&policy.select, history) {
        facts.histories.insert(source.clone(), Ok(history));
    }
    let ranking = Ranking::new(policy, tags);
    while let Outcome::Needs(needs) = ranking.decide(&question, &facts) {
        for need in needs {
            let why = match need {
                Need::History(_) => {
                    "`try` asks no Git server; `--history FILE` takes what `git log --format='%H %P'` prints"
                }
                _ => "`try` asks no registry; `explain` does",
            };
            facts.refuse(need, why);
        }
    }
    let mut explanation = Explanation::empty(None);
    explanation.policy = Some(policy.name.clone());
    explanation.current = current.map(ToString::to_string);
    explanation.family = ranking.family(&question);
    explanation.choice = Some(policy.select.choice());
    explanation.tags = tags.len();
    explanation.passed_over = ranking.passed_over(&question, &facts);
    explanation.suggestions = ranking.suggestions(&question, &facts);
    if let Outcome::Decided(decision) = ranking.decide(&question, &facts) {
        explanation.up_to_date = decision.chosen.as_ref().is_some_and(|chosen| Some(&chosen.tag) == current);
        explanation.chosen = decision.chosen.map(|chosen| chosen.tag);
        explanation.held = decision.held;
        explanation.note = decision.note;
    }
    explanation
}

/// The repository's policy of that name, else the shipped one.
fn find(arguments: &Arguments, output: &Output) -> Result<Policy, Failure> {
    let name = &arguments.policy;
    let shipped = shipped::get(name).is_some();
    let ours = wire::Wired::new(&arguments.telling.repo, wire::Purpose::Read, output).and_then(|wired| {
        let loaded = wired.policies()?;
        loaded.into_valid()
    });
    let ours = match ours {
        Ok(ours) => ours,
        Err(_) if shipped => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let names: Vec<String> = ours.iter().map(|policy| policy.name.to_string()).collect();
    if let Some(policy) = ours.into_iter().find(|policy| policy.name.as_str() == name) {
        return Ok(policy);
    }
    if shipped {
        return shipped_policy(name);
    }
    let known = names.iter().map(String::as_str).chain(shipped::list().iter().map(|one| one.name));
    let failure = Failure::usage(format!("no policy is called `{name}`"));
    Err(match nearest(name, known) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => {
            failure.hint("name a policy of the repository (--repo, --policies) or one that `landwaiter policies` lists")
        }
    })
}

/// A policy that says nothing but `extends`.
fn shipped_policy(name: &str) -> Result<Policy, Failure> {
    let text = format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: {name}\n    extends: [{name}]\n    images: ['**']\n"
    );
    let sources = vec![(format!("shipped policy {name}"), text)];
    let loaded = policies::read(&sources);
    match loaded.policies.into_iter().next() {
        Some(policy) => Ok(policy),
        None => Err(Failure::rejected("policies", Rejected { diagnostics: loaded.diagnostics, sources })),
    }
}

/// One tag a line, a JSON list, or the distribution API's `{"name": ..., "tags": [...]}`.
fn parse_tags(text: &str) -> Result<Vec<String>, Failure> {
    let trimmed = text.trim_start_matches('\u{feff}').trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return Ok(trimmed.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect());
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Answer {
        List(Vec<String>),
        Object { tags: Option<Vec<String>> },
    }
    match serde_json::from_str(trimmed) {
        Ok(Answer::List(tags)) => Ok(tags),
        Ok(Answer::Object { tags }) => Ok(tags.unwrap_or_default()),
        Err(error) => Err(Failure::failed(format!("--tags: neither one tag a line nor a tags/list answer: {error}"))),
    }
}

/// One commit a line, the newest first: its id, and behind it those of its parents. Where no line has any, each commit is taken
/// for the parent of the one before.
fn parse_history(text: &str) -> Result<History, Failure> {
    let broken =
        |why: String| Failure::failed(format!("--history: {why}")).hint("`git log --format='%H %P'` prints one");
    let mut commits = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let id = |word: &str| {
            Id::parse(word).ok_or_else(|| broken(format!("line {}: not the full id of a commit", number + 1)))
        };
        let mut ids = line.split_whitespace().map(id).collect::<Result<Vec<Id>, _>>()?.into_iter();
        let time = -i64::try_from(number).unwrap_or_default();
        commits.extend(ids.next().map(|id| Commit { id, parents: ids.collect(), time }));
    }
    if commits.iter().all(|commit| commit.parents.is_empty()) {
        let ids: Vec<Id> = commits.iter().skip(1).map(|commit| commit.id).collect();
        commits.iter_mut().zip(ids).for_each(|(commit, next)| commit.parents.push(next));
    }
    let head = commits.first().ok_or_else(|| broken("there are no commits".to_owned()))?.id;
    History::new(head, &commits).map_err(|why| broken(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_as_lines_or_as_a_registry_answers() {
        let expected = vec!["1.0.0".to_owned(), "1.1.0".to_owned()];
        for text in [
            "1.0.0\n1.1.0\n",
            "1.0.0\r\n\r\n  1.1.0",
            r#"{"name": "acme/web", "tags": ["1.0.0", "1.1.0"]}"#,
            r#"["1.0.0", "1.1.0"]"#,
        ] {
            assert_eq!(parse_tags(text).unwrap(), expected, "{text}");
        }
        assert!(parse_tags(r#"{"tags": null}"#).unwrap().is_empty());
        assert!(parse_tags("{\"tags\": [\"1.0.0\"").is_err());
    }

    fn id(digit: &str) -> String {
        digit.repeat(40)
    }

    #[test]
    fn a_history_comes_as_git_log_prints_it() {
        let (a, b, c) = (id("a"), id("b"), id("c"));
        let order = |text: &str| -> Vec<String> {
            parse_history(text).unwrap().ids().iter().map(ToString::to_string).collect()
        };
        assert_eq!(order(&format!("{a}\n{b}\n{c}\n")), [a.as_str(), &b, &c], "a line without parents");
        assert_eq!(order(&format!("{a} {b} {c}\r\n{b}\r\n\r\n{c}\r\n")), [a.as_str(), &b, &c]);
        assert_eq!(order(&format!("{a} {b}\n{b} \n{c} \n")), [a.as_str(), &b], "another branch");
        for bad in [
            "",
            "\n",
            "abc1234",
            &a.to_uppercase(),
            &format!("{a} abc"),
            &format!("{a} {b}\n{b} {a}"),
            &format!("{a} {b}\n{b} {c}"),
        ] {
            assert!(parse_history(bad).is_err(), "{bad}");
        }
    }
}
