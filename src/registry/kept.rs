//! What is good for a while and costs a request or a program: kept until shortly before it expires, and fetched once,
//! however many ask for the same at the same time. Tokens and logins are kept so.

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Nothing is used in the last part of its life: the request must still arrive with it, and clocks differ.
const SAFETY_MARGIN: Duration = Duration::from_secs(30);
/// What is short-lived would have no life left with the whole margin; it loses this part of its life at most.
const SAFETY_SHARE: u32 = 4;
/// What is kept before that is dropped which has expired: a service that watches thousands of repositories for weeks must
/// not keep every token it ever had.
const SWEEP_ABOVE: usize = 1_000;

/// Something new, and for how long it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    pub(crate) lifetime: Duration,
}

/// Something in use.
#[derive(Debug, Clone)]
pub(crate) struct Held<V> {
    pub(crate) value: V,
    good_until: Instant,
    /// Fetched for this very request rather than found.
    pub(crate) fresh: bool,
}

type Fetch<V, E> = Shared<BoxFuture<'static, Result<Held<V>, E>>>;

/// Everything that may still be good.
pub(crate) struct Kept<K, V, E> {
    kept: Mutex<HashMap<K, Fetch<V, E>>>,
}

impl<K, V, E> Default for Kept<K, V, E> {
    fn default() -> Self {
        Kept { kept: Mutex::default() }
    }
}

/// Only what cannot hold a secret.
impl<K, V, E> fmt::Debug for Kept<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Kept").field("entries", &kept.len()).finish()
    }
}

impl<K, V, E> Kept<K, V, E>
where
    K: Eq + Hash,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// What belongs to `key`: the one that is kept, the one that is just being fetched, or one fetched now. A failure is
    /// shared by those who waited for it and forgotten afterwards.
    pub(crate) async fn get<F>(&self, key: K, fetch: impl FnOnce() -> F) -> Result<Held<V>, E>
    where
        F: Future<Output = Result<Fresh<V>, E>> + Send + 'static,
    {
        let (fetch, fresh) = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            match kept.get(&key).filter(|fetch| usable(fetch)) {
                Some(fetch) => (fetch.clone(), fetch.peek().is_none()),
                None => {
                    if kept.len() > SWEEP_ABOVE {
                        kept.retain(|_, fetch| usable(fetch));
                    }
                    let fetch = held(fetch()).boxed().shared();
                    kept.insert(key, fetch.clone());
                    (fetch, true)
                }
            }
        };
        let held = fetch.await?;
        Ok(Held { fresh, ..held })
    }

    /// Drops what is kept for `key` if it is what `refused` knows: nobody gets it again.
    pub(crate) fn forget(&self, key: &K, refused: impl FnOnce(&V) -> bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept
            .get(key)
            .and_then(Fetch::peek)
            .is_some_and(|found| found.as_ref().is_ok_and(|held| refused(&held.value)));
        if same {
            kept.remove(key);
        }
    }
}

/// In flight, or good for a while yet.
fn usable<V, E>(fetch: &Fetch<V, E>) -> bool
where
    V: Clone,
    E: Clone,
{
    fetch.peek().is_none_or(|done| done.as_ref().is_ok_and(|held| Instant::now() < held.good_until))
}

/// The life of what is fetched counts from before it was asked for.
/// Nothing is kept longer, whatever its maker says of it.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 3_600);

async fn held<V, E>(fetch: impl Future<Output = Result<Fresh<V>, E>>) -> Result<Held<V>, E> {
    let asked = Instant::now();
    let Fresh { value, lifetime } = fetch.await?;
    let lifetime = lifetime.min(LONGEST_KEPT);
    let margin = SAFETY_MARGIN.min(lifetime / SAFETY_SHARE);
    Ok(Held { value, good_until: asked + (lifetime - margin), fresh: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{RegistryError, RegistryErrorKind, Secret};
    use crate::registry::token::{Key, Tokens};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A token service that counts and numbers what it gives.
    #[derive(Default, Clone)]
    struct Service {
        asked: Arc<AtomicU64>,
    }

    impl Service {
        fn fetch(&self, lifetime: u64) -> impl Future<Output = Result<Fresh<Secret>, RegistryError>> + Send + 'static {
            let asked = Arc::clone(&self.asked);
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(Fresh { value: Secret::new(number.to_string()), lifetime: Duration::from_secs(lifetime) })
            }
        }
    }

    fn key(scope: &str, login: Option<u64>) -> Key {
        Key {
            registry: "example.com".to_owned(),
            realm: "https://auth.example.com/".to_owned(),
            service: None,
            scope: Some(scope.to_owned()),
            login,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_that_ask_at_once_fetch_once() {
        let (tokens, service) = (Tokens::default(), Service::default());
        let asking = (0..100).map(|_| tokens.get(key("a", None), || service.fetch(300)));
        let got = futures::future::join_all(asking).await;
        assert!(got.iter().all(|held| held.as_ref().unwrap().value.expose() == "1"));
        assert_eq!(service.asked.load(Ordering::Relaxed), 1);
        assert!(!tokens.get(key("a", None), || service.fetch(300)).await.unwrap().fresh);
        tokens.get(key("b", None), || service.fetch(300)).await.unwrap();
        tokens.get(key("a", Some(0)), || service.fetch(300)).await.unwrap();
        assert_eq!(service.asked.load(Ordering::Relaxed), 3, "another scope and another login have their own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_given_up_before_it_expires() {
        for (lifetime, good_for) in [(300, 269), (60, 44), (4, 2)] {
            let (tokens, service) = (Tokens::default(), Service::default());
            tokens.get(key("a", None), || service.fetch(lifetime)).await.unwrap();
            tokio::time::advance(Duration::from_secs(good_for)).await;
            let early = tokens.get(key("a", None), || service.fetch(lifetime)).await.unwrap();
            assert_eq!((early.value.expose(), early.fresh), ("1", false), "{lifetime}");
            tokio::time::advance(Duration::from_secs(1)).await;
            let late = tokens.get(key("a", None), || service.fetch(lifetime)).await.unwrap();
            assert_eq!((late.value.expose(), late.fresh), ("2", true), "{lifetime}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_then_forgotten() {
        let tokens = Tokens::default();
        let refused =
            RegistryError { host: "h".to_owned(), kind: RegistryErrorKind::Unauthorized, detail: String::new() };
        let asked = Arc::new(AtomicU64::new(0));
        let fail = || {
            let (asked, refused) = (Arc::clone(&asked), refused.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                asked.fetch_add(1, Ordering::Relaxed);
                Err(refused)
            }
        };
        let got = futures::future::join_all((0..100).map(|_| tokens.get(key("a", None), fail))).await;
        assert!(got.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let service = Service::default();
        assert!(tokens.get(key("a", None), || service.fetch(300)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_forgotten_but_not_its_successor() {
        let (tokens, service) = (Tokens::default(), Service::default());
        let first = tokens.get(key("a", None), || service.fetch(300)).await.unwrap();
        tokens.forget(&key("a", None), |kept| *kept == first.value);
        let second = tokens.get(key("a", None), || service.fetch(300)).await.unwrap();
        assert_eq!(second.value.expose(), "2");
        tokens.forget(&key("a", None), |kept| *kept == first.value);
        let third = tokens.get(key("a", None), || service.fetch(300)).await.unwrap();
        assert_eq!(third.value.expose(), "2");
    }
}
