//! Registries: whose lists cannot be had, since when and why; what else they did; how many requests they got.

use super::words::cut;
use crate::cycle::Report;
use crate::image::Repository;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most images whose failures are kept, and the most hosts.
pub const MAX_FAILING: usize = 1_000;
pub const MAX_HOSTS: usize = 200;

/// What is known of registries.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    pub failing: BTreeMap<Repository, Failing>,
    /// What hosts did that a person should know of, since the settings were read.
    pub notices: Vec<(Arc<str>, Arc<str>)>,
    pub requests: BTreeMap<String, u64>,
}

/// An image whose tags cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub since: i64,
    pub last: i64,
    /// How often in a row.
    pub times: u32,
    pub error: Arc<str>,
}

impl Hosts {
    pub(super) fn failed(&mut self, image: &Repository, error: &str, now: i64) {
        let error: Arc<str> = cut(error).into();
        if let Some(known) = self.failing.get_mut(image) {
            *known = Failing { since: known.since, last: now, times: known.times.saturating_add(1), error };
        } else if self.failing.len() < MAX_FAILING {
            self.failing.insert(image.clone(), Failing { since: now, last: now, times: 1, error });
        }
    }

    pub(super) fn answered(&mut self, image: &Repository) -> bool {
        self.failing.remove(image).is_some()
    }

    pub(super) fn reported(&mut self, report: &Report) {
        let notices = report.planned.notices.iter().take(MAX_HOSTS);
        let shown = |text: &str| -> Arc<str> { cut(text).into() };
        self.notices = notices.map(|notice| (shown(&notice.host), shown(&notice.to_string()))).collect();
        for (host, count) in &report.requests {
            if self.requests.len() < MAX_HOSTS || self.requests.contains_key(host) {
                self.requests.insert(host.clone(), *count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: usize) -> Repository {
        Repository::parse(&format!("reg.example.com/acme/i{number}")).unwrap()
    }

    #[test]
    fn a_failure_lasts_from_its_first_time_until_an_answer() {
        let mut hosts = Hosts::default();
        for (error, now) in [("a", 10), ("b", 20)] {
            hosts.failed(&image(0), error, now);
        }
        assert_eq!(hosts.failing[&image(0)], Failing { since: 10, last: 20, times: 2, error: "b".into() });
        assert!(hosts.answered(&image(0)) && !hosts.answered(&image(0)));
        assert!(hosts.failing.is_empty());
    }

    #[test]
    fn failures_are_bounded_at_their_edge() {
        let mut hosts = Hosts::default();
        (0..=MAX_FAILING).for_each(|number| hosts.failed(&image(number), "x", 1));
        assert_eq!(hosts.failing.len(), MAX_FAILING);
        hosts.failed(&image(0), "x", 2);
        assert_eq!(hosts.failing[&image(0)].times, 2, "those that are known go on");
    }
}
