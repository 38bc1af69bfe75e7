//! What was pushed and is not yet handed to the service: each name once, however often it comes. When there are more names than
//! are remembered, everything is looked at once instead, so that no event is lost.

use crate::image::Repository;
use crate::service::Look;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The most names that wait at once.
pub(super) const MAX_PENDING: usize = 10_000;

/// Names that wait.
#[derive(Debug, Default)]
pub(super) struct Pending {
    names: Mutex<Names>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Names {
    images: BTreeSet<Repository>,
    /// Config repositories with the branch, or all of it.
    configs: BTreeSet<(String, Option<String>)>,
    everything: bool,
}

/// What is taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Looks(Vec<Look>),
    Everything,
}

impl Pending {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what is to be looked at. Says whether that was too much just now.
    pub(super) fn add(&self, looks: Vec<Look>) -> bool {
        let mut names = self.names();
        let before = names.everything;
        for look in looks.into_iter().take_while(|_| !before) {
            match look {
                Look::Image(image) => drop(names.images.insert(image)),
                Look::Config { repository, branch } => drop(names.configs.insert((repository, branch))),
            }
        }
        if names.images.len() + names.configs.len() > MAX_PENDING {
            *names = Names { everything: true, ..Names::default() };
        }
        self.bell.notify_one();
        names.everything && !before
    }

    /// Waits until there is something, and takes all of it.
    pub(super) async fn take(&self) -> Taken {
        loop {
            {
                let names = std::mem::take(&mut *self.names());
                if names.everything {
                    return Taken::Everything;
                }
                let configs = names.configs.into_iter();
                let configs = configs.map(|(repository, branch)| Look::Config { repository, branch });
                let looks: Vec<Look> = names.images.into_iter().map(Look::Image).chain(configs).collect();
                if !looks.is_empty() {
                    return Taken::Looks(looks);
                }
            }
            self.bell.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: usize) -> Look {
        Look::Image(Repository::parse(&format!("reg.example.com/acme/web-{number}")).unwrap())
    }

    #[tokio::test]
    async fn a_name_that_comes_often_waits_once() {
        let pending = Pending::default();
        let config = Look::Config { repository: "c".into(), branch: None };
        for _ in 0..50 {
            assert!(!pending.add(vec![image(1), config.clone()]));
        }
        assert_eq!(pending.take().await, Taken::Looks(vec![image(1), config]));
        let none = tokio::time::timeout(std::time::Duration::from_millis(20), pending.take()).await;
        assert!(none.is_err(), "{none:?}");
    }

    #[tokio::test]
    async fn what_does_not_fit_makes_everything_be_looked_at() {
        let pending = Pending::default();
        assert!(!pending.add((0..MAX_PENDING).map(image).collect()));
        assert!(!pending.add(vec![image(0)]), "it is there already");
        assert!(pending.add(vec![image(MAX_PENDING)]));
        assert!(!pending.add(vec![image(MAX_PENDING + 1)]), "told once");
        assert_eq!(pending.take().await, Taken::Everything);
        pending.add(vec![image(1)]);
        assert_eq!(pending.take().await, Taken::Looks(vec![image(1)]));
    }
}
