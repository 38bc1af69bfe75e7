//! Who we are at a registry, in the end: finds the entry for a repository, asks helpers and clouds, keeps what they say for
//! a while, and reads everything anew when it may have changed.
//!
//! Logins rotate: mounted secrets are replaced, `docker login` is run again, tokens of clouds expire. So the sources are
//! read again every [`LOOK_AGAIN`] at most, when somebody asks, and at once after a refusal. Contents are compared, not
//! times: an entry that says what it said before keeps its number and with it the tokens that were fetched for it.

use super::cloud::{Clouds, Surroundings};
use super::credentials::{Credentials, Gives, Proof};
use super::helper::{self, DOCKER_HUB_SERVER};
use super::kept::{Fresh, Kept};
use crate::image::DOCKER_HUB;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long what was read is taken for what stands there.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// After a refusal the sources are read again unless that was done within this time: a thousand refusals are one reason.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);
/// How long what a helper said is used.
const HELPER_LIFETIME: Duration = Duration::from_secs(600);
/// A login that could not be had is not asked for again within this time.
const FAILURE_LIFETIME: Duration = Duration::from_secs(60);
/// A login that was had within this time and is refused is wrong; an older one may only have expired.
const YOUNG: Duration = Duration::from_secs(60);
/// Helpers that run at the same time.
const HELPERS_AT_ONCE: usize = 4;

/// Reads every source of credentials anew; the error is for people.
pub type Reread = Arc<dyn Fn() -> Result<Credentials, String> + Send + Sync>;

/// What a client may use of the machine to know who it is. Without any of it, only the credentials count that it was given.
#[derive(Clone, Default)]
pub struct Machine {
    pub reread: Option<Reread>,
    /// Where credential helpers are looked for, as `PATH`.
    pub helper_path: Option<OsString>,
    /// Where the clouds' own logins find their identities.
    pub surroundings: Option<Arc<dyn Surroundings>>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("rereads", &self.reread.is_some())
            .field("helper_path", &self.helper_path)
            .field("clouds", &self.surroundings.is_some())
            .finish()
    }
}

/// The entry that counts for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Tells it from every other entry that ever was.
    pub(crate) number: u64,
    pub(crate) gives: Gives,
    pub(crate) source: String,
    host: String,
}

/// What came of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Proof(Proof),
    /// Who was asked knows no login.
    Nothing,
    /// For people.
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Obtained {
    outcome: Outcome,
    at: Instant,
}

pub(crate) struct Keyring {
    book: Mutex<Book>,
    reread: Option<Reread>,
    /// Held while the sources are read again.
    reading: tokio::sync::Mutex<()>,
    helper_path: Option<OsString>,
    clouds: Option<Clouds>,
    /// By entry and host.
    logins: Kept<(u64, String), Obtained, Infallible>,
    helpers: Arc<Semaphore>,
}

/// What was read last.
struct Book {
    credentials: Arc<Credentials>,
    /// The entries' numbers.
    numbers: Vec<u64>,
    next: u64,
    read: Instant,
    /// Why it could not be read again.
    trouble: Option<String>,
}

/// Only what cannot hold a secret.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    pub(crate) fn new(credentials: Credentials, machine: Machine, clouds: Option<Clouds>) -> Keyring {
        let count = credentials.entries().len() as u64;
        let book = Book {
            credentials: Arc::new(credentials),
            numbers: (0..count).collect(),
            next: count,
            read: Instant::now(),
            trouble: None,
        };
        Keyring {
            book: Mutex::new(book),
            reread: machine.reread,
            reading: tokio::sync::Mutex::default(),
            helper_path: machine.helper_path,
            clouds,
            logins: Kept::default(),
            helpers: Arc::new(Semaphore::new(HELPERS_AT_ONCE)),
        }
    }

    /// The entry for `HOST` or `HOST/PATH`.
    pub(crate) async fn find(&self, place: &str) -> Option<Choice> {
        self.read_again(LOOK_AGAIN).await;
        self.all(place).into_iter().next()
    }

    /// Every entry for the place, the one that counts first.
    pub(crate) fn all(&self, place: &str) -> Vec<Choice> {
        let host = place.split('/').next().unwrap_or_default();
        let book = self.book();
        let choice = |at: usize| {
            let (entry, number) = (book.credentials.entries().get(at)?, *book.numbers.get(at)?);
            let (gives, source) = (entry.gives.clone(), entry.source.clone());
            Some(Choice { number, gives, source, host: host.to_owned() })
        };
        book.credentials.find(place).into_iter().filter_map(choice).collect()
    }

    /// Why the sources could not be read again, if they could not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.book().trouble.clone()
    }

    /// What comes of the entry. Helpers and clouds are asked once, whoever else wants to know.
    pub(crate) async fn login(&self, choice: &Choice) -> Outcome {
        let fetch = match &choice.gives {
            Gives::Proof(proof) => return Outcome::Proof(proof.clone()),
            Gives::Unusable(why) => return Outcome::Failed(why.clone()),
            Gives::Helper { .. } | Gives::Cloud(_) => || self.fetch(choice.clone()),
        };
        let Ok(held) = self.logins.get((choice.number, choice.host.clone()), fetch).await;
        held.value.outcome
    }

    /// After a refusal: the entry for the place as it stands now, with a login that is not the refused one where there is
    /// any; `None` when nothing has changed.
    pub(crate) async fn renewed(&self, place: &str, choice: &Choice, refused: &Proof) -> Option<(Choice, Proof)> {
        self.read_again(AFTER_REFUSAL).await;
        let old = Obtained { outcome: Outcome::Proof(refused.clone()), at: Instant::now() };
        self.logins.forget(&(choice.number, choice.host.clone()), |kept| {
            kept.outcome == old.outcome && old.at.duration_since(kept.at) > YOUNG
        });
        let choice = self.all(place).into_iter().next()?;
        match self.login(&choice).await {
            Outcome::Proof(proof) if proof != *refused => Some((choice, proof)),
            _ => None,
        }
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the sources again if that was not done for `age`. Whoever comes meanwhile waits for it: after a refusal, what
    /// was read before is the very thing that was refused.
    async fn read_again(&self, age: Duration) {
        let Some(reread) = self.reread.clone() else {
            return;
        };
        let _reading = self.reading.lock().await;
        if self.book().read.elapsed() < age {
            return;
        }
        let read = tokio::task::spawn_blocking(move || reread()).await;
        let read = read.unwrap_or_else(|failed| Err(failed.to_string()));
        let mut book = self.book();
        book.read = Instant::now();
        match read {
            Ok(credentials) => book.replace(credentials),
            Err(why) => book.trouble = Some(why),
        }
    }

    fn fetch(&self, choice: Choice) -> impl Future<Output = Result<Fresh<Obtained>, Infallible>> + Send + use<> {
        let (helper_path, clouds, helpers) = (self.helper_path.clone(), self.clouds.clone(), self.helpers.clone());
        async move {
            let (outcome, lifetime) = match &choice.gives {
                Gives::Helper { name, server } => {
                    // The semaphore is never closed; without a place the helper would run all the same.
                    let _place = helpers.acquire().await.ok();
                    let server = server.as_deref().unwrap_or(match choice.host.as_str() {
                        DOCKER_HUB => DOCKER_HUB_SERVER,
                        host => host,
                    });
                    match helper::get(name, server, helper_path.as_deref()).await {
                        Ok(Some(proof)) => (Outcome::Proof(proof), HELPER_LIFETIME),
                        Ok(None) => (Outcome::Nothing, HELPER_LIFETIME),
                        Err(why) => (Outcome::Failed(why), FAILURE_LIFETIME),
                    }
                }
                Gives::Cloud(cloud) => match &clouds {
                    Some(clouds) => match clouds.login(*cloud, &choice.host).await {
                        Ok(login) => (Outcome::Proof(login.value), login.lifetime),
                        Err(why) => (Outcome::Failed(why), FAILURE_LIFETIME),
                    },
                    None => (Outcome::Failed("nothing of this machine may be used".to_owned()), FAILURE_LIFETIME),
                },
                Gives::Proof(proof) => (Outcome::Proof(proof.clone()), HELPER_LIFETIME),
                Gives::Unusable(why) => (Outcome::Failed(why.clone()), FAILURE_LIFETIME),
            };
            Ok(Fresh { value: Obtained { outcome, at: Instant::now() }, lifetime })
        }
    }
}

impl Book {
    /// Entries that say what they said before keep their numbers.
    fn replace(&mut self, credentials: Credentials) {
        self.trouble = None;
        if credentials == *self.credentials {
            return;
        }
        let old = self.credentials.entries();
        let mut numbers = Vec::with_capacity(credentials.entries().len());
        for entry in credentials.entries() {
            let known =
                old.iter().zip(&self.numbers).find(|(same, number)| *same == entry && !numbers.contains(*number));
            numbers.push(known.map_or(self.next, |(_, number)| *number));
            if known.is_none() {
                self.next += 1;
            }
        }
        self.numbers = numbers;
        self.credentials = Arc::new(credentials);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{Login, Secret};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn credentials(logins: &[(&str, &str)]) -> Credentials {
        let mut credentials = Credentials::default();
        for (scope, password) in logins {
            let login = Login { user: Some("joe".to_owned()), secret: Secret::new(*password) };
            credentials.add(scope, login, "settings");
        }
        credentials
    }

    fn proof(password: &str) -> Proof {
        Proof::Password { user: "joe".to_owned(), password: Secret::new(password) }
    }

    /// What a source says when it is read.
    type Said = Arc<Mutex<Result<Credentials, String>>>;

    /// A keyring, what its source says, and how often it was read.
    fn rotating(first: Credentials) -> (Keyring, Said, Arc<AtomicUsize>) {
        let now = Arc::new(Mutex::new(Ok(first.clone())));
        let reads = Arc::new(AtomicUsize::new(0));
        let (source, count) = (Arc::clone(&now), Arc::clone(&reads));
        let reread: Reread = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            source.lock().unwrap().clone()
        });
        let machine = Machine { reread: Some(reread), ..Machine::default() };
        (Keyring::new(first, machine, None), now, reads)
    }

    async fn shown(keyring: &Keyring, place: &str) -> Option<(u64, Outcome)> {
        let choice = keyring.find(place).await?;
        Some((choice.number, keyring.login(&choice).await))
    }

    #[tokio::test(start_paused = true)]
    async fn what_rotates_is_read_again_after_a_while() {
        let (keyring, now, reads) = rotating(credentials(&[("ghcr.io", "1"), ("quay.io", "2")]));
        assert_eq!(shown(&keyring, "ghcr.io/acme/web").await, Some((0, Outcome::Proof(proof("1")))));
        *now.lock().unwrap() = Ok(credentials(&[("quay.io", "2"), ("ghcr.io", "new")]));
        tokio::time::advance(LOOK_AGAIN - Duration::from_millis(1)).await;
        assert_eq!(shown(&keyring, "ghcr.io/acme/web").await, Some((0, Outcome::Proof(proof("1")))));
        assert_eq!(reads.load(Ordering::Relaxed), 0);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(shown(&keyring, "ghcr.io/acme/web").await, Some((2, Outcome::Proof(proof("new")))));
        assert_eq!(
            shown(&keyring, "quay.io/acme/web").await,
            Some((1, Outcome::Proof(proof("2")))),
            "its number stays"
        );
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_reads_again_at_once_and_a_thousand_refusals_once() {
        let (keyring, now, reads) = rotating(credentials(&[("ghcr.io", "1")]));
        let place = "ghcr.io/acme/web";
        let choice = keyring.find(place).await.unwrap();
        tokio::time::advance(AFTER_REFUSAL).await;
        assert_eq!(keyring.renewed(place, &choice, &proof("1")).await, None, "it is wrong and stays so");
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        *now.lock().unwrap() = Ok(credentials(&[("ghcr.io", "new")]));
        tokio::time::advance(AFTER_REFUSAL).await;
        for _ in 0..1_000 {
            let renewed = keyring.renewed(place, &choice, &proof("1")).await.unwrap();
            assert_eq!(renewed.1, proof("new"));
        }
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_again_stays_and_is_told() {
        let (keyring, now, _) = rotating(credentials(&[("ghcr.io", "1")]));
        *now.lock().unwrap() = Err("cannot read config.json: gone".to_owned());
        tokio::time::advance(LOOK_AGAIN).await;
        assert_eq!(shown(&keyring, "ghcr.io/acme/web").await, Some((0, Outcome::Proof(proof("1")))));
        assert_eq!(keyring.trouble().unwrap(), "cannot read config.json: gone");
        *now.lock().unwrap() = Ok(credentials(&[]));
        tokio::time::advance(LOOK_AGAIN).await;
        assert_eq!(shown(&keyring, "ghcr.io/acme/web").await, None);
        assert_eq!(keyring.trouble(), None);
    }
}
