//! From shapes to policies: what the values of one policy mean together.
//!
//! A field is looked for in four places, and the first that has it wins:
//!
//! 1. the policy itself,
//! 2. the shipped policies of its `extends`, the last one first,
//! 3. the `defaults` of its document,
//! 4. the built-in default.
//!
//! `tags` and `write` merge key by key; `select` and lists are taken as a whole. What a shipped policy contributes is
//! pointed at where `extends` names it.

use super::budget::COPY;
use super::doubts;
use super::extract::Template;
use super::locations;
use super::policies::Places;
use super::policy_file::{Defaults, PolicyFile, PolicyShape, Rules, SelectShape, Tags, Templates, WriteShape};
use super::problems::Problems;
use super::require::Since;
use super::shape::{Field, Shape, Spanned};
use super::shipped;
use super::tree::Node;
use super::windows;
use crate::policy::{
    Admission, Guards, Parts, Pin, Policy, PolicyName, PullRequestOptions, Require, Select, Source, TagFilter, Words,
    Write, Written,
};
use crate::site::Declarations;
use crate::text::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where each name was first used: file and line, as messages show it.
type Names = BTreeMap<PolicyName, String>;

/// The most branches of source repositories that all policies may name together.
pub(super) const MAX_SOURCES: usize = 1_000;

/// What the files read so far have.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: Names,
    sources: BTreeSet<Source>,
    claimed: doubts::Claimed,
    pub(super) places: BTreeMap<PolicyName, Places>,
}

/// The policies of one document. Those with a problem are left out; what is wrong stands in `problems`.
///
/// What they say about where references are, and about what may be touched, is added to `declarations` and `admission`.
pub(super) fn policies(
    path: &Arc<str>,
    root: &Node,
    known: &mut Known,
    (declarations, admission): (&mut Declarations, &mut Admission),
    problems: &mut Problems,
) -> Vec<Policy> {
    let Some(file) = PolicyFile::read(root, problems) else {
        return Vec::new();
    };
    let places = file.locations.value().unwrap_or_default();
    declarations.locations.extend(places.into_iter().filter_map(|shape| locations::location(shape, problems)));
    let allow = some_of("allow", "leave `allow` out to allow every repository", file.allow, problems);
    admission.allow.extend(values_of(allow).map(|list| (path.clone(), list)));
    admission.deny.extend(values_of(file.deny).map(|list| (path.clone(), list)));
    let defaults = file.defaults.value().unwrap_or_default();
    let shapes = file.policies.value().unwrap_or_default();
    shapes
        .into_iter()
        .filter_map(|shape| {
            if let Some(name) = shape.value.name.as_given() {
                unique(path, name, &mut known.names, problems);
            }
            let (policy, places) = policy(path, shape.clone(), &defaults, declarations, problems)?;
            bounded(&policy, shape.span, &mut known.sources, problems);
            known.places.insert(policy.name.clone(), places);
            doubts::shadowed(&shape.value, &policy, &mut known.claimed, problems);
            Some(policy)
        })
        .collect()
}

/// Records the name, or reports the place that has it already.
fn unique(path: &Arc<str>, name: &Spanned<PolicyName>, names: &mut Names, problems: &mut Problems) {
    if let Some(first) = names.get(&name.value) {
        problems.error(
            name.span,
            format!("policy name `{}` is used twice", name.value),
            format!("first used in {first}; names are unique in a repository"),
        );
        return;
    }
    let at = problems.position(name.span.start);
    names.insert(name.value.clone(), format!("{}:{}:{}", path, at.line, at.column));
}

/// Each branch is fetched by the run that needs it, so that their number is bounded.
fn bounded(policy: &Policy, place: Span, sources: &mut BTreeSet<Source>, problems: &mut Problems) {
    if let Select::Commit(source) = &policy.select
        && sources.insert(source.clone())
        && sources.len() > MAX_SOURCES
    {
        let message = format!("all policies together name more than {MAX_SOURCES} branches of source repositories");
        problems.error(place, message, "`select: {newest: created}` asks the images instead");
    }
}

fn policy(
    path: &Arc<str>,
    shape: Spanned<PolicyShape>,
    defaults: &Defaults,
    declarations: &mut Declarations,
    problems: &mut Problems,
) -> Option<(Policy, Places)> {
    let place = shape.value.name.as_given().map_or(shape.span, |name| name.span);
    let whole = shape.span;
    let PolicyShape { name, extends, images, rules } = shape.value;
    let images = some_of("images", "leave `images` out when only markers use the policy", images, problems);
    let rules = rules.over(inherited(extends, problems)?).over(defaults.rules.clone());
    if !problems.spend(COPY * rules.entries()) {
        return None;
    }
    let pin = pin(&rules, problems);
    let require = require(&rules, problems);
    doubts::single(whole, &rules, problems);
    let places = Places { name: place, files: spans(&rules.files), exclude: exclusions(&rules) };
    let files = some_of("files", "leave `files` out to allow every file", rules.files, problems);
    let tags = tag_filter(rules.tags, problems);
    let windows = windows::windows(rules.windows, problems);
    if rules.select.is_absent() && shape.sound {
        no_select(place, problems);
    }
    let name = name.value()?;
    if or_default(rules.templates)? == Templates::Markers {
        declarations.templates.insert(name.to_string());
    }
    let policy = Policy {
        name,
        file: path.clone(),
        line: problems.position(place.start).line,
        images: values(images)?,
        files: values(files)?.into_iter().map(|glob| glob.0).collect(),
        tags: tags?,
        select: select(rules.select.value()?),
        family: or_default(rules.family)?,
        guards: Guards {
            allow_downgrade: or_default(rules.allow_downgrade)?,
            allow_replace: or_default(rules.allow_replace)?,
            floating_current: or_default(rules.floating)?,
            accept: values(rules.accept)?.into_iter().collect(),
            disabled: values(rules.disable)?.into_iter().collect(),
        },
        require: require?,
        pin: pin?,
        watch: optional(rules.watch)?.map(|pace| pace.0),
        windows: windows?,
        schedule: optional(rules.schedule)?,
        zone: optional(rules.zone)?,
        write: write(rules.write, problems)?,
    };
    Some((policy, places))
}

/// Where the items of a list stand.
fn spans<T>(list: &Field<Vec<Spanned<T>>>) -> Vec<Span> {
    list.as_given().map_or_else(Vec::new, |list| list.value.iter().map(|item| item.span).collect())
}

fn exclusions(rules: &Rules) -> Vec<Span> {
    rules.tags.as_given().map_or_else(Vec::new, |tags| spans(&tags.value.exclude))
}

/// The fields of the shipped policies, the last one on top.
fn inherited(extends: Field<Vec<Spanned<&'static shipped::Shipped>>>, problems: &mut Problems) -> Option<Rules> {
    let mut merged = Rules::default();
    for shipped in or_default(extends)? {
        merged = shipped.value.rules(shipped.span, problems)?.over(merged);
    }
    Some(merged)
}

/// Refuses an empty list where nobody could tell whether it means everything or nothing.
fn some_of<T>(key: &str, hint: &str, field: Field<Vec<Spanned<T>>>, problems: &mut Problems) -> Field<Vec<Spanned<T>>> {
    match field {
        Field::Given(list) if list.value.is_empty() => {
            problems.error(list.span, format!("`{key}` is empty"), hint);
            Field::Broken
        }
        other => other,
    }
}

fn tag_filter(tags: Field<Tags>, problems: &mut Problems) -> Option<TagFilter> {
    let tags = or_default(tags)?;
    match (&tags.matching, &tags.extract) {
        (Field::Given(pattern), Field::Given(template)) => template.value.check(&pattern.value, problems),
        (Field::Absent, Field::Given(template)) => Template::without_pattern(template, problems),
        _ => {}
    }
    let (matching, exclude) = (optional(tags.matching)?, values(tags.exclude)?);
    Some(TagFilter {
        written: Written {
            matching: matching.as_ref().map(|pattern| pattern.written.clone()),
            exclude: exclude.iter().map(|pattern| pattern.written.clone()).collect(),
        },
        matching: matching.map(|pattern| pattern.regex),
        extract: optional(tags.extract)?.map(|template| template.0.text),
        exclude: exclude.into_iter().map(|pattern| pattern.regex).collect(),
    })
}

fn no_select(place: Span, problems: &mut Problems) {
    problems.error(
        place,
        "this policy has no `select`",
        "add one, for example `select: {semver: \"*\"}`, or `extends: [semver-stable]`",
    );
}

fn select(shape: SelectShape) -> Select {
    match shape {
        SelectShape::Semver(semver) => Select::Semver {
            range: semver.range,
            parts: semver.parts.unwrap_or(Parts::Three),
            prereleases: semver.prereleases,
        },
        SelectShape::Calver(pattern) => Select::Calver(pattern),
        SelectShape::Numeric(order) => Select::Numeric(order),
        SelectShape::Alphabetical(order) => Select::Alphabetical(order),
        SelectShape::Newest => Select::Newest,
        SelectShape::Commit(source) => Select::Commit(source),
        SelectShape::Digest(tag) => Select::Digest(tag),
    }
}

/// What is written. A moving tag is written with its digest, and nothing can say otherwise.
fn pin(rules: &Rules, problems: &mut Problems) -> Option<Pin> {
    let follows = matches!(rules.select.as_given().map(|select| &select.value), Some(SelectShape::Digest(_)));
    match rules.pin.as_given() {
        Some(pin) if follows && pin.value != Pin::TagAndDigest => {
            let message = "a moving tag is written only together with its digest";
            problems.error(pin.span, message, "write `pin: tag+digest`, or leave `pin` out");
            None
        }
        _ if follows => Some(Pin::TagAndDigest),
        _ => or_default(rules.pin.clone()),
    }
}

fn require(rules: &Rules, problems: &mut Problems) -> Option<Require> {
    let shape = or_default(rules.require.clone())?;
    let select = rules.select.as_given().map(|select| &select.value);
    if let (Some(bump), Some(select)) = (shape.max_bump.as_given(), select)
        && !matches!(select, SelectShape::Semver(_))
    {
        problems.error(bump.span, "`maxBump` needs versions", "it goes with `select: {semver: ...}` only");
        return None;
    }
    if let (Some(SelectShape::Digest(_)), Some(given)) = (select, rules.require.as_given())
        && !given.value.signature_alone()
    {
        let hint = "there is one candidate; only its `signature` can be required";
        problems.error(given.span, "this does not go with `select: {digest: ...}`", hint);
        return None;
    }
    let platforms = some_of("platforms", "leave `platforms` out to require none", shape.platforms, problems);
    let age = optional(shape.age)?;
    let since = |since| age.filter(|age| age.since == since).map(|age| age.min);
    Some(Require {
        max_bump: optional(shape.max_bump)?,
        platforms: values(platforms)?,
        labels: or_default(shape.labels)?.0,
        age: since(Since::Created),
        seen: since(Since::Seen),
        signature: optional(shape.signature)?.map(|signed| Arc::new(signed.0)),
    })
}

/// The list, where there is a good one.
fn values_of<T>(field: Field<Vec<Spanned<T>>>) -> Option<Vec<T>> {
    field.value().map(|list| list.into_iter().map(|item| item.value).collect())
}

/// `None` when the field is broken, `Some(None)` when it is absent.
pub(super) fn optional<T>(field: Field<T>) -> Option<Option<T>> {
    match field {
        Field::Absent => Some(None),
        Field::Broken => None,
        Field::Given(given) => Some(Some(given.value)),
    }
}

fn write(field: Field<WriteShape>, problems: &mut Problems) -> Option<Write> {
    let shape = or_default(field)?;
    let words =
        Words { subject: optional(shape.subject)?.map(|text| text.0), body: optional(shape.body)?.map(|text| text.0) };
    let pull_request = match optional(shape.pull_request)? {
        Some(pull_request) => pull_request.options(problems)?,
        None => PullRequestOptions::default(),
    };
    Some(Write { mode: or_default(shape.mode)?, group: optional(shape.group)?, words, pull_request })
}

fn or_default<T: Default>(field: Field<T>) -> Option<T> {
    optional(field).map(Option::unwrap_or_default)
}

fn values<T>(field: Field<Vec<Spanned<T>>>) -> Option<Vec<T>> {
    Some(or_default(field)?.into_iter().map(|item| item.value).collect())
}

#[cfg(test)]
mod tests;
