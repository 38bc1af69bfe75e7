//! The news of one run together. Bounded: what is too much is counted.

use super::text::harmless;
use crate::config::settings::{MessageValues, NewsKind, NewsValues};
use crate::port::MAX_NOTE;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// So many news a message holds; more are counted.
pub const MAX_NEWS: usize = 100;

/// What one receiver is told at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same message always has the same, so that a receiver who gets it twice can know.
    pub id: String,
    /// Seconds since 1970, UTC.
    pub time: i64,
    /// Empty where the news are of no repository, or of several.
    pub repository: String,
    pub branch: String,
    /// The `run` of the log; empty where it is of none, or of several.
    pub run: String,
    pub news: Vec<NewsValues>,
    /// How many of each kind there are, `news` and what it leaves out.
    pub counts: Vec<(NewsKind, usize)>,
}

impl Message {
    /// A message with at least one of the news.
    pub(super) fn new(receiver: &str, time: i64, place: (&str, &str), run: &str, mut news: Vec<NewsValues>) -> Message {
        news.sort_by_key(|one| urgency(one.kind));
        let mut hash = Sha256::new();
        for part in [receiver, place.0, place.1, run, &time.to_string()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        news.iter().for_each(|one| hash.update(one.text.as_bytes()));
        let id: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let counts = counted(news.iter().map(|one| (one.kind, 1)));
        news.truncate(MAX_NEWS);
        Message {
            id: format!("msg_{id}"),
            time,
            repository: harmless(place.0),
            branch: harmless(place.1),
            run: run.to_owned(),
            news: news.into_iter().map(bounded).collect(),
            counts,
        }
    }

    /// Takes in a later message, so that none is lost where many wait.
    pub(super) fn absorb(&mut self, later: Message) {
        if (&self.repository, &self.branch) != (&later.repository, &later.branch) {
            (self.repository, self.branch) = (String::new(), String::new());
        }
        if self.run != later.run {
            self.run.clear();
        }
        let room = MAX_NEWS.saturating_sub(self.news.len());
        self.news.extend(later.news.into_iter().take(room));
        self.counts = counted(self.counts.iter().copied().chain(later.counts));
        (self.id, self.time) = (later.id, later.time);
    }

    /// How many news there are, those included that it has no room for.
    pub fn count(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Whether something needs a person, or something is wrong.
    pub fn is_urgent(&self) -> bool {
        let calm = [NewsKind::Update, NewsKind::PullRequest, NewsKind::Recovery];
        self.counts.iter().any(|(kind, _)| !calm.contains(kind))
    }

    /// One line: how many of what.
    pub fn title(&self) -> String {
        let words = self.counts.iter().map(|(kind, count)| {
            let plural = if *count == 1 { "" } else { "s" };
            match kind {
                NewsKind::Update => format!("{count} change{plural} committed"),
                NewsKind::PullRequest => format!("{count} pull request{plural}"),
                NewsKind::Hold => format!("{count} held and waiting for a person"),
                NewsKind::Failure => format!("{count} failing"),
                NewsKind::Recovery => format!("{count} recovered"),
                NewsKind::Settings => "settings refused".to_owned(),
                NewsKind::Policies => format!("{count} policy problem{plural}"),
            }
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// What a template may name.
    pub fn values(&self) -> MessageValues {
        MessageValues {
            title: self.title(),
            repository: self.repository.clone(),
            branch: self.branch.clone(),
            run: self.run.clone(),
            time: crate::render::moment(self.time),
            count: self.count(),
            more: self.count() - self.news.len(),
            news: self.news.clone(),
        }
    }

    /// As it is kept, with as many news as there is room for.
    pub(super) fn to_note(&self) -> String {
        let mut kept = self.clone();
        loop {
            // Texts and numbers are always JSON.
            let text = serde_json::to_string(&kept).unwrap_or_default();
            if text.len() <= MAX_NOTE || kept.news.is_empty() {
                return text;
            }
            kept.news.truncate(kept.news.len() / 2);
        }
    }

    /// A message to try receivers with.
    pub fn sample(time: i64) -> Message {
        let place = "https://git.example.com/acme/config.git";
        let mut news = MessageValues::sample().news;
        news.iter_mut().for_each(|one| one.text = format!("a test by `serve --test-notifications`: {}", one.text));
        Message::new("test", time, (place, "main"), "", news)
    }
}

/// What needs a person comes first.
fn urgency(kind: NewsKind) -> usize {
    use NewsKind::*;
    let order = [Settings, Policies, Failure, Hold, Recovery, Update, PullRequest];
    order.iter().position(|other| *other == kind).unwrap_or(order.len())
}

fn counted(all: impl Iterator<Item = (NewsKind, usize)>) -> Vec<(NewsKind, usize)> {
    let mut counts: Vec<(NewsKind, usize)> = Vec::new();
    for (kind, count) in all {
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => *known += count,
            None => counts.push((kind, count)),
        }
    }
    counts.sort_by_key(|(kind, _)| urgency(*kind));
    counts
}

fn bounded(one: NewsValues) -> NewsValues {
    NewsValues {
        text: harmless(&one.text),
        image: harmless(&one.image),
        policy: harmless(&one.policy),
        file: harmless(&one.file),
        from: harmless(&one.from),
        to: harmless(&one.to),
        detail: harmless(&one.detail),
        url: harmless(&one.url),
        ..one
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::notify) fn news(kind: NewsKind, text: &str) -> NewsValues {
        NewsValues { kind, text: text.to_owned(), ..MessageValues::sample().news.remove(0) }
    }

    pub(in crate::notify) fn message(texts: &[&str]) -> Message {
        let all = texts.iter().map(|text| news(NewsKind::Update, text)).collect();
        Message::new("a", 1_795_168_800, ("https://git.example.com/acme/config.git", "main"), "6b-1", all)
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let texts: Vec<String> = (0..MAX_NEWS + 20).map(|at| at.to_string()).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let exact = message(&all[..MAX_NEWS]);
        assert_eq!((exact.news.len(), exact.count(), exact.values().more), (MAX_NEWS, MAX_NEWS, 0));
        let over = message(&all);
        assert_eq!((over.news.len(), over.count(), over.values().more), (MAX_NEWS, MAX_NEWS + 20, 20));
        assert_eq!(over.title(), "120 changes committed");
    }

    #[test]
    fn a_later_message_is_taken_in_whole() {
        let mut first = message(&["one"]);
        let mut second = message(&["two"]);
        second.run = "6b-2".to_owned();
        let id = second.id.clone();
        first.absorb(second);
        assert_eq!((first.count(), first.news.len(), first.run.as_str()), (2, 2, ""));
        assert_eq!((first.repository.is_empty(), first.id == id), (false, true));
        let elsewhere = Message { repository: "other".to_owned(), ..message(&["three"]) };
        first.absorb(elsewhere);
        assert_eq!((first.repository.as_str(), first.count()), ("", 3));
    }

    #[test]
    fn what_needs_a_person_comes_first() {
        let all = vec![news(NewsKind::Update, "u"), news(NewsKind::Hold, "h"), news(NewsKind::Failure, "f")];
        let message = Message::new("a", 0, ("r", ""), "", all);
        assert_eq!(message.news.iter().map(|one| one.text.as_str()).collect::<String>(), "fhu");
        assert_eq!(message.title(), "1 failing, 1 held and waiting for a person, 1 change committed");
        assert!(message.is_urgent());
    }

    #[test]
    fn a_message_has_the_same_id_whenever_it_is_made() {
        assert_eq!(message(&["one"]).id, message(&["one"]).id);
        assert_ne!(message(&["one"]).id, message(&["two"]).id);
        assert_eq!(message(&["one"]).id.len(), 36);
    }

    #[test]
    fn the_largest_message_fits_into_a_note() {
        let long = "\"".repeat(1_000);
        let mut one = news(NewsKind::Hold, &long);
        (one.image, one.policy, one.file) = (long.clone(), long.clone(), long.clone());
        (one.from, one.to, one.detail, one.url) = (long.clone(), long.clone(), long.clone(), long);
        let message = Message::new("a", 0, ("r", ""), "", vec![one; MAX_NEWS]);
        let text = message.to_note();
        assert!(text.len() <= MAX_NOTE, "{}", text.len());
        let read: Message = serde_json::from_str(&text).unwrap();
        assert_eq!(read.count(), MAX_NEWS, "what is left out is counted");
        assert!(!read.news.is_empty());
    }
}
