//! What is known of one registry: its address, and which authentication it wants.

use super::challenge::Challenge;
use crate::http;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{MutexGuard, OnceCell};
use url::Url;

/// The address of a registry. Loopback is plain HTTP unless the operator says otherwise, as Docker allows it; everything
/// else is HTTPS unless the operator says otherwise.
pub(crate) fn base(host: &str, plain_http: Option<bool>) -> Result<Url, url::ParseError> {
    let host = if host == crate::image::DOCKER_HUB { "registry-1.docker.io" } else { host };
    let secure = Url::parse(&format!("https://{host}/"))?;
    if plain_http.unwrap_or_else(|| http::is_loopback(&secure)) {
        return Url::parse(&format!("http://{host}/"));
    }
    Ok(secure)
}

/// What a registry wants to see before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Nothing, as far as is known.
    Open,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
    },
}

/// A challenge that must not or cannot be met.
pub(crate) type Refused = String;

/// Which of the challenges is met: Bearer before Basic, because a token says less than a password.
pub(crate) fn choose(challenges: &[Challenge], registry: &Url) -> Result<Scheme, Refused> {
    let bearer = challenges.iter().find_map(|challenge| match challenge {
        Challenge::Bearer { realm, service } => Some((Url::parse(realm), service.clone())),
        Challenge::Basic => None,
    });
    match bearer {
        Some((Ok(realm), service)) if realm.scheme() == "https" || realm_may_be_plain(&realm, registry) => {
            Ok(Scheme::Bearer { realm, service })
        }
        Some((Ok(realm), _)) => {
            Err(format!("its token service would be asked without https: {}", http::display_url(&realm)))
        }
        _ if challenges.contains(&Challenge::Basic) => Ok(Scheme::Basic),
        Some((Err(_), _)) => Err("its token service has no address that can be read".to_owned()),
        None => Err("it does not say how (no Basic or Bearer challenge)".to_owned()),
    }
}

/// A plain token service is asked only on behalf of a plain registry, and only on the registry's own machine: anywhere
/// else the login would cross the network for everybody to read.
fn realm_may_be_plain(realm: &Url, registry: &Url) -> bool {
    realm.scheme() == "http" && registry.scheme() == "http" && realm.host_str() == registry.host_str()
        || realm.scheme() == "http" && http::is_loopback(realm) && http::is_loopback(registry)
}

/// One registry during the life of a client.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) base: Url,
    scheme: Mutex<Scheme>,
    /// Whether the first request has come back. Held while it is on its way.
    first: tokio::sync::Mutex<bool>,
    /// Whether it let itself be told who we are, once it was asked how it lets people in.
    pub(crate) lets_in: OnceCell<bool>,
}

/// The right to go first. Whatever became of it, once it is dropped the others follow.
#[derive(Debug)]
pub(crate) struct GoingFirst<'a>(MutexGuard<'a, bool>);

impl Drop for GoingFirst<'_> {
    fn drop(&mut self) {
        *self.0 = true;
    }
}

impl Host {
    pub(crate) fn new(name: &str, base: Url) -> Host {
        Host {
            name: name.to_owned(),
            base,
            scheme: Mutex::new(Scheme::Open),
            first: tokio::sync::Mutex::new(false),
            lets_in: OnceCell::new(),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn learn(&self, scheme: Scheme) {
        *self.scheme.lock().unwrap_or_else(PoisonError::into_inner) = scheme;
    }

    /// The first to ask a host goes alone, so that one 401 teaches all; everybody else waits here for that answer.
    pub(crate) async fn go_first(&self) -> Option<GoingFirst<'_>> {
        let asked = self.first.lock().await;
        (!*asked).then(|| GoingFirst(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn addresses_follow_docker_s_rule_and_the_operator_s_word() {
        for (host, plain, expected) in [
            ("docker.io", None, "https://registry-1.docker.io/"),
            ("ghcr.io", None, "https://ghcr.io/"),
            ("ghcr.io", Some(true), "http://ghcr.io/"),
            ("registry.example.com:5000", None, "https://registry.example.com:5000/"),
            ("localhost:5000", None, "http://localhost:5000/"),
            ("127.1.2.3:5000", None, "http://127.1.2.3:5000/"),
            ("[::1]:5000", None, "http://[::1]:5000/"),
            ("localhost", Some(false), "https://localhost/"),
            ("localhost.example.com", None, "https://localhost.example.com/"),
        ] {
            assert_eq!(base(host, plain).unwrap().as_str(), expected, "{host}");
        }
        assert!(base("exa mple", None).is_err());
    }

    #[test]
    fn the_challenge_that_is_met() {
        let bearer = |realm: &str| Challenge::Bearer { realm: realm.to_owned(), service: Some("s".to_owned()) };
        let (https, http, local) = ("https://example.com/", "http://example.com/", "http://127.0.0.1:5000/");
        for (registry, challenges, expected) in [
            (https, vec![Challenge::Basic], "Basic"),
            (https, vec![Challenge::Basic, bearer("https://auth.example.com/t")], "https://auth.example.com/t"),
            (https, vec![bearer("a plain phrase"), Challenge::Basic], "Basic"),
            (https, vec![bearer("a plain phrase")], "no address"),
            (https, vec![bearer("http://example.com/t")], "without https"),
            (https, vec![bearer("http://127.0.0.1/t"), Challenge::Basic], "without https"),
            (https, vec![bearer("ftp://example.com/t")], "without https"),
            (https, vec![], "does not say how"),
            (http, vec![bearer("http://example.com:99/t")], "http://example.com:99/t"),
            (http, vec![bearer("http://auth.example.com/t")], "without https"),
            (http, vec![bearer("https://auth.example.com/t")], "https://auth.example.com/t"),
            (local, vec![bearer("http://localhost:99/t")], "http://localhost:99/t"),
            (local, vec![bearer("http://example.com/t")], "without https"),
        ] {
            let found = match choose(&challenges, &registry.parse().unwrap()) {
                Ok(Scheme::Bearer { realm, .. }) => realm.to_string(),
                Ok(scheme) => format!("{scheme:?}"),
                Err(refused) => refused,
            };
            assert!(found.contains(expected), "{registry} {challenges:?}: {found}");
        }
    }

    #[tokio::test]
    async fn one_goes_first_and_the_others_follow() {
        let host = Host::new("h", "https://h/".parse().unwrap());
        let first = host.go_first().await;
        assert!(first.is_some());
        assert!(host.go_first().now_or_never().is_none(), "the others wait");
        drop(first);
        assert!(host.go_first().await.is_none());
    }
}
