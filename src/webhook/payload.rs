//! What every sender's file works with: bounded JSON, the name of an image within its registry, the name of a branch.

use super::Pushed;
use crate::image::{Repository, is_hub};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use url::{Url, form_urlencoded};

/// The most events or changes that one request may list.
pub const MAX_LISTED: usize = 1_000;
/// The longest name of a branch, in bytes.
const MAX_BRANCH: usize = 1_024;

/// One request of a sender that may send.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// What the receiver's settings say that all images are below.
    pub registry: Option<&'a str>,
    /// What they say that all Git repositories are below.
    pub url: Option<&'a Url>,
}

/// A payload that cannot be read. What is wrong with it is the sender's concern, and told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no payload of this sender")]
pub struct Malformed;

impl Payload<'_> {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, or what its form has as `payload`. Unknown keys are skipped and never kept.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_slice(&self.text()).map_err(|_| Malformed)
    }

    /// The body as a list: what is no list is the one entry.
    pub(super) fn list<T: DeserializeOwned>(&self) -> Result<Vec<T>, Malformed> {
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return self.json().map(|Listed(list)| list);
        }
        self.json().map(|one| vec![one])
    }

    fn text(&self) -> Cow<'_, [u8]> {
        let form = self.header("content-type").starts_with("application/x-www-form-urlencoded");
        let found = form.then(|| form_urlencoded::parse(self.body).find(|(name, _)| name == "payload")).flatten();
        match found {
            Some((_, Cow::Borrowed(text))) => Cow::Borrowed(text.as_bytes()),
            Some((_, Cow::Owned(text))) => Cow::Owned(text.into_bytes()),
            None => Cow::Borrowed(self.body),
        }
    }

    /// The image repository at `path` of the registry that its sender calls `host`, if it calls it anything. What the settings
    /// say outranks that. A name that is none names nothing.
    pub(super) fn image(&self, host: Option<&str>, path: &str) -> Option<Pushed> {
        let below = self.registry.or(host)?;
        let wanted = below.split('/').next().unwrap_or_default();
        let repository = Repository::parse(&format!("{below}/{}", path.trim_matches('/'))).ok()?;
        // A host without a dot or a port would be a folder of Docker Hub.
        let same = repository.host().eq_ignore_ascii_case(wanted) || (is_hub(repository.host()) && is_hub(wanted));
        same.then_some(Pushed::Image(repository))
    }
}

/// The branch that a ref is; `None` for tags and everything else.
pub(super) fn branch(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("refs/heads/")?;
    (!name.is_empty() && name.len() <= MAX_BRANCH).then(|| name.to_owned())
}

/// A repository whose branch changed, by the addresses that are there.
pub(super) fn source<'a>(urls: impl IntoIterator<Item = Option<&'a String>>, branch: String) -> Option<Pushed> {
    let urls: Vec<String> = urls.into_iter().flatten().cloned().collect();
    (!urls.is_empty()).then_some(Pushed::Source { urls, branch: Some(branch) })
}

/// A list of at most [`MAX_LISTED`] entries; a longer one is an error and is not kept.
#[derive(Debug)]
pub(super) struct Listed<T>(pub(super) Vec<T>);

impl<T> Default for Listed<T> {
    fn default() -> Listed<T> {
        Listed(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listed<T>, D::Error> {
        struct Counted<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Counted<T> {
            type Value = Listed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX_LISTED} entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Listed<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_element()? {
                    if list.len() == MAX_LISTED {
                        return Err(A::Error::custom("too many entries"));
                    }
                    list.push(entry);
                }
                Ok(Listed(list))
            }

            fn visit_unit<E: Error>(self) -> Result<Listed<T>, E> {
                Ok(Listed(Vec::new()))
            }
        }
        deserializer.deserialize_any(Counted(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    fn payload<'a>(headers: &'a HeaderMap, body: &'a str, registry: Option<&'a str>) -> Payload<'a> {
        Payload { headers, body: body.as_bytes(), registry, url: None }
    }

    #[test]
    fn the_settings_say_which_registry_it_is() {
        let none = HeaderMap::new();
        let image = |registry, host, path: &str| match payload(&none, "", registry).image(host, path) {
            Some(Pushed::Image(image)) => image.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(image(None, Some("Reg.Example.com:5000"), "acme/web"), "reg.example.com:5000/acme/web");
        assert_eq!(image(Some("reg.example.com"), Some("10.0.0.1:5000"), "acme/web"), "reg.example.com/acme/web");
        assert_eq!(image(Some("reg.example.com/docker"), None, "acme/web"), "reg.example.com/docker/acme/web");
        assert_eq!(image(None, Some("docker.io"), "nginx"), "docker.io/library/nginx");
        for (host, path) in [
            (None, "acme/web"),
            (Some("registry"), "acme/web"),
            (Some("a.example"), "../web"),
            (Some("a.example"), "acme/web:1.0"),
            (Some("a.example"), ""),
            (Some("a.example/b@c"), "web"),
        ] {
            assert_eq!(image(None, host, path), "None", "{host:?} {path}");
        }
    }

    #[test]
    fn lists_are_bounded_at_their_edge() {
        let none = HeaderMap::new();
        let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(payload(&none, &many(MAX_LISTED), None).list::<u8>().unwrap().len(), MAX_LISTED);
        assert_eq!(payload(&none, &many(MAX_LISTED + 1), None).list::<u8>(), Err(Malformed));
        assert_eq!(payload(&none, " 7", None).list::<u8>(), Ok(vec![7]));
    }

    #[test]
    fn a_form_holds_the_payload_too() {
        let form = headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]);
        assert_eq!(payload(&form, "x=1&payload=%5B1%2C+2%5D", None).list::<u8>(), Err(Malformed), "an object is meant");
        assert_eq!(payload(&form, "payload=%22a+b%22", None).json::<String>(), Ok("a b".to_owned()));
    }

    #[test]
    fn branches_are_refs_below_heads() {
        assert_eq!(branch("refs/heads/a/b"), Some("a/b".to_owned()));
        for other in ["refs/tags/v1", "refs/heads/", "main", "", "refs/landwaiter/ledger"] {
            assert_eq!(branch(other), None, "{other}");
        }
        assert!(branch(&format!("refs/heads/{}", "x".repeat(MAX_BRANCH))).is_some());
        assert!(branch(&format!("refs/heads/{}", "x".repeat(MAX_BRANCH + 1))).is_none());
    }
}
