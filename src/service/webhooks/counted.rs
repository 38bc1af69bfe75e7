//! The receivers and config repositories of the settings that count, and what of a push concerns them.

use super::bucket::Bucket;
use crate::config::settings::WebhookKind;
use crate::service::Look;
use crate::webhook::{Address, Lock, Pushed};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What all addresses begin with.
const PREFIX: &str = "/webhooks/";

/// A sender, or several of one kind that share a secret.
#[derive(Debug)]
pub struct Receiver {
    pub name: String,
    pub kind: WebhookKind,
    pub lock: Lock,
    /// What all images that it names are below.
    pub registry: Option<String>,
    /// What all Git repositories that it names are below.
    pub url: Option<Url>,
    /// Requests in a second.
    pub rate: NonZeroU32,
    /// Whether everybody may send.
    pub open: bool,
}

/// What counts at the moment.
#[derive(Default)]
pub(super) struct Counted {
    receivers: Vec<(Arc<Receiver>, Bucket)>,
    /// The config repositories by the names that the settings give them, and where they are.
    repositories: Vec<(String, Option<Address>)>,
    /// Where it is listened, once that is known.
    pub(super) address: Option<Option<SocketAddr>>,
}

impl Counted {
    /// Puts others in their place. A receiver that stays has no more than its share left.
    pub(super) fn replace(&mut self, receivers: &[Arc<Receiver>], repositories: BTreeSet<String>, now: Duration) {
        let mut old = std::mem::take(&mut self.receivers);
        for receiver in receivers {
            let same =
                |(other, _): &(Arc<Receiver>, Bucket)| other.name == receiver.name && other.rate == receiver.rate;
            let bucket = old.iter().position(same).map(|at| old.swap_remove(at).1);
            let bucket = bucket.unwrap_or_else(|| Bucket::new(receiver.rate, now));
            self.receivers.push((Arc::clone(receiver), bucket));
        }
        self.repositories = repositories.into_iter().map(|name| (name.clone(), Address::parse(&name))).collect();
    }

    /// All config repositories.
    pub(super) fn everything(&self) -> Vec<Look> {
        let names = self.repositories.iter().map(|(name, _)| name.clone());
        names.map(|repository| Look::Config { repository, branch: None }).collect()
    }

    /// The receiver whose address this is. Secret ones are all compared, wherever one fits.
    pub(super) fn at(&self, path: &str) -> Option<Arc<Receiver>> {
        let last = path.strip_prefix(PREFIX)?;
        let mut found = None;
        for (receiver, _) in &self.receivers {
            if receiver.lock.is_at(last).unwrap_or(receiver.name == last) {
                found = Some(Arc::clone(receiver));
            }
        }
        found
    }

    /// Takes one request of its share, or says after how many seconds it may come again.
    pub(super) fn take_one(&mut self, name: &str, now: Duration) -> Result<(), u64> {
        let bucket = self.receivers.iter_mut().find(|(receiver, _)| receiver.name == name);
        // One that left the settings just now had its share.
        bucket.map_or(Ok(()), |(_, bucket)| bucket.take(now))
    }

    /// What the service is to look at. Git repositories are those of the settings or none.
    pub(super) fn looks(&self, receiver: &Receiver, pushed: Vec<Pushed>) -> Vec<Look> {
        let limit = receiver.url.as_ref().map(|url| Address::parse(url.as_str()));
        let mut looks = Vec::new();
        for one in pushed {
            let (urls, branch) = match one {
                Pushed::Image(image) => {
                    looks.push(Look::Image(image));
                    continue;
                }
                Pushed::Source { urls, branch } => (urls, branch),
            };
            let said: Vec<Option<Address>> = urls.iter().map(|url| Address::parse(url)).collect();
            let is = |(name, address): &&(String, Option<Address>)| match address {
                Some(address) => {
                    let allowed = limit.as_ref().is_none_or(|limit| limit.as_ref().is_some_and(|it| address.below(it)));
                    allowed && said.iter().flatten().any(|said| said.is(address))
                }
                // A path of this machine, which only whoever knows it spells like this.
                None => limit.is_none() && urls.contains(name),
            };
            let found = self.repositories.iter().filter(is);
            looks.extend(found.map(|(name, _)| Look::Config { repository: name.clone(), branch: branch.clone() }));
        }
        looks
    }
}
