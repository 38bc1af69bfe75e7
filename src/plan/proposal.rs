//! Pull requests as data: the branch of a group, and the record that each carries in its body.
//!
//! ```text
//! landwaiter/web-3fa29c                                       prefix, slug of the group, six digits of base and group
//! [landwaiter]: # (eyJ2ZXJzaW9uIjoxLCAuLi59)                  the record: a link that markdown defines and nowhere uses
//! ```
//!
//! The record is what a later run goes by when people have closed the pull request, or when a run was killed half way: which
//! versions it was for, and what was done. It is never believed where it could make something be written.

use super::{Change, Entry, Plan, State};
use crate::image::{Digest, Repository, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

mod body;

pub use body::{Body, ImageFacts, REBUILD_LABEL, body, rebuild_is_checked};

/// The longest slug, in bytes.
const MAX_SLUG: usize = 40;
/// The longest record that is read, in bytes of its text.
const MAX_RECORD: usize = 512 << 10;
const BEFORE: &str = "[landwaiter]: # (";

/// The branch of a group's pull request: always the same for the same base and group.
///
/// ```
/// use landwaiter::plan::branch_of;
/// assert_eq!(branch_of("landwaiter", "main", "policy/web"), branch_of("landwaiter", "main", "policy/web"));
/// assert!(branch_of("landwaiter", "main", "policy/web").starts_with("landwaiter/web-"));
/// ```
pub fn branch_of(prefix: &str, base: &str, group: &str) -> String {
    let mut hash = Sha256::new();
    for part in [base, group] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    format!("{prefix}/{}-{:02x}{:02x}{:02x}", slug(group), hash[0], hash[1], hash[2])
}

/// What of a group's name can stand in a branch: lowercase letters, digits and single dashes.
fn slug(group: &str) -> String {
    let kind = ["policy/", "directory/", "file/"].into_iter().find_map(|kind| group.strip_prefix(kind));
    let mut slug = String::new();
    for c in kind.unwrap_or(group).chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        if slug.len() == MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "images".to_owned() } else { slug.to_owned() }
}

/// One image and what a pull request would have the files say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Proposed {
    /// The canonical `host/path`.
    pub image: String,
    /// Tag and digest in full, as `1.4.2@sha256:...`; `@sha256:...` without a tag.
    pub to: String,
}

impl Proposed {
    /// The image of a change, and what it would become.
    pub fn of(entry: &Entry, change: &Change) -> Proposed {
        let image = entry.image.as_ref().map(ToString::to_string).unwrap_or_default();
        Proposed { image, to: exact(change.to.tag.as_ref(), change.to.digest.as_ref()) }
    }

    /// The tag that would be written.
    pub fn tag(&self) -> Option<Tag> {
        Tag::parse(self.to.split('@').next()?).ok()
    }
}

fn exact(tag: Option<&Tag>, digest: Option<&Digest>) -> String {
    let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("{}{digest}", tag.map_or("", |tag| tag.as_str()))
}

/// The images of some changes and what they would become, each once.
pub fn proposed(plan: &Plan, members: &[usize]) -> BTreeSet<Proposed> {
    let one = |at: &usize| match plan.entries.get(*at)? {
        entry @ Entry { state: State::Change(change), .. } => Some(Proposed::of(entry, change)),
        _ => None,
    };
    members.iter().filter_map(one).collect()
}

/// What a pull request says of itself, for later runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    version: u32,
    pub group: String,
    pub changes: BTreeSet<Proposed>,
    /// Whether people were asked, labels put on and merging was arranged.
    #[serde(default)]
    pub ready: bool,
    /// Whether the forge was asked to merge it by itself.
    #[serde(default)]
    pub auto_merge: bool,
    /// We closed it ourselves, because nothing was left to change.
    #[serde(default)]
    pub closed: bool,
    /// The head at which it was said that a person's commit is left alone.
    #[serde(default)]
    pub taken_over: Option<String>,
}

impl Record {
    pub fn new(group: &str, changes: BTreeSet<Proposed>) -> Record {
        Record {
            version: 1,
            group: group.to_owned(),
            changes,
            ready: false,
            auto_merge: false,
            closed: false,
            taken_over: None,
        }
    }

    /// The line that stands in the body.
    pub fn line(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{BEFORE}{})", URL_SAFE_NO_PAD.encode(json))
    }

    /// The record that a body carries; `None` when there is none that can be read. The last one counts: what people write
    /// stands before it.
    pub fn of(body: &str) -> Option<Record> {
        let line = body.lines().rev().find(|line| line.trim_start().starts_with(BEFORE))?;
        let text = line.trim().strip_prefix(BEFORE)?.strip_suffix(')').filter(|text| text.len() <= MAX_RECORD)?;
        let record: Record = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        (record.version == 1).then_some(record)
    }

    /// The body with this record in place of the one that it carries, or behind it.
    pub fn put_into(&self, body: &str) -> String {
        let kept: Vec<&str> = body.lines().filter(|line| !line.trim_start().starts_with(BEFORE)).collect();
        format!("{}\n\n{}\n", kept.join("\n").trim_end(), self.line())
    }

    /// Whether it was for exactly this: the tag, and where the tag stays the digest.
    pub fn refuses(&self, image: &Repository, current: Option<&str>, to: (Option<&Tag>, Option<&Digest>)) -> bool {
        let wanted = exact(to.0, to.1);
        let tag = to.0.map(Tag::as_str);
        self.changes.iter().filter(|one| one.image == image.as_str()).any(|one| {
            let same_tag = tag.is_some() && one.tag().as_ref().map(Tag::as_str) == tag;
            if same_tag && tag != current { true } else { one.to == wanted }
        })
    }

    /// The tags of an image that it was for.
    pub fn tags(&self, image: &Repository) -> impl Iterator<Item = Tag> {
        self.changes.iter().filter(move |one| one.image == image.as_str()).filter_map(Proposed::tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_for_its_group_and_never_otherwise() {
        for (group, slug) in [
            ("policy/web", "web"),
            ("policy/shop/Web", "shop-web"),
            ("directory/apps/web--api_", "apps-web-api"),
            ("run", "run"),
            ("日本", "images"),
            (&"x".repeat(99), &"x".repeat(MAX_SLUG)),
            ("a/-/-b", "a-b"),
        ] {
            let branch = branch_of("landwaiter", "main", group);
            assert_eq!(branch.rsplit_once('-').unwrap().0, format!("landwaiter/{slug}"), "{group}");
            assert_eq!(branch.rsplit_once('-').unwrap().1.len(), 6);
        }
        // These branches are out there.
        assert_eq!(branch_of("landwaiter", "main", "policy/web"), "landwaiter/web-9c4716");
        assert_ne!(branch_of("landwaiter", "main", "web"), branch_of("landwaiter", "main", "policy/web"));
        assert_ne!(branch_of("landwaiter", "main", "web"), branch_of("landwaiter", "prod", "web"));
    }

    fn record(changes: &[(&str, &str)]) -> Record {
        let one = |(image, to): &(&str, &str)| Proposed { image: (*image).to_owned(), to: (*to).to_owned() };
        Record::new("policy/web", changes.iter().map(one).collect())
    }

    #[test]
    fn a_record_comes_back_out_of_whatever_people_and_forges_make_of_the_body() {
        let record = record(&[("ghcr.io/acme/web", "1.4.2"), ("ghcr.io/acme/a--b", "v1--x@sha256:00")]);
        let body = record.put_into("Table\n\n| a | b |");
        assert!(body.starts_with("Table\n\n| a | b |\n\n[landwaiter]: # ("), "{body}");
        for text in [
            body.clone(),
            body.replace('\n', "\r\n"),
            format!("A person's words\n{body}\nand more"),
            record.put_into(&body),
        ] {
            assert_eq!(Record::of(&text).as_ref(), Some(&record), "{text}");
        }
        assert_eq!(record.put_into(&body), body, "it stands there once");
        for broken in ["", "[landwaiter]: # ()", "[landwaiter]: # (e30)", &body.replace(')', "")] {
            assert_eq!(Record::of(broken), None, "{broken}");
        }
        let long = "x".repeat(MAX_RECORD + 1);
        assert_eq!(Record::of(&format!("{BEFORE}{long})")), None);
    }

    #[test]
    fn what_was_closed_is_refused_and_nothing_else() {
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        let digest = |hex: &str| Digest::parse(&format!("sha256:{hex}")).ok();
        let web = Repository::parse("ghcr.io/acme/web").unwrap();
        let closed = record(&[("ghcr.io/acme/web", "1.4.2"), ("ghcr.io/acme/web", &format!("stable@sha256:{one}"))]);
        let refuses = |current: Option<&str>, tag: &str, hex: Option<&String>| {
            let (tag, digest) = (Tag::parse(tag).ok(), hex.and_then(|hex| digest(hex)));
            closed.refuses(&web, current, (tag.as_ref(), digest.as_ref()))
        };
        assert!(refuses(Some("1.4.0"), "1.4.2", None));
        assert!(refuses(Some("1.4.0"), "1.4.2", Some(&one)), "the version was meant, not its digest");
        assert!(!refuses(Some("1.4.0"), "1.4.3", None));
        assert!(refuses(Some("stable"), "stable", Some(&one)));
        assert!(!refuses(Some("stable"), "stable", Some(&two)), "a tag that moved on is another version");
        let other = Repository::parse("ghcr.io/acme/api").unwrap();
        assert!(!closed.refuses(&other, None, (Tag::parse("1.4.2").ok().as_ref(), None)));
        assert_eq!(closed.tags(&web).map(|tag| tag.to_string()).collect::<Vec<_>>(), ["1.4.2", "stable"]);
    }
}
