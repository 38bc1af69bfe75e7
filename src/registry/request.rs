//! What is asked: the requests of the distribution API as data. Nothing here sends anything.

use super::metadata::MAX_CONFIG_BYTES;
use super::paging::page_limit;
use crate::http::{Body, Request};
use crate::image::{Digest, Repository, Tag};
use crate::port::Secret;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};
use reqwest::header::HeaderValue;
use url::Url;

/// The most bytes of a manifest: the limit that the distribution specification recommends to registries.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of a token service's answer. Tokens of large cloud registries have some kilobytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Who asks for tokens, as token services write it into their logs.
const CLIENT: &str = "landwaiter";

/// The first page of a tag list. Without `page_size` the registry decides.
pub(crate) fn tags(base: &Url, repository: &Repository, page_size: Option<usize>) -> Request {
    let mut url = address(base, repository, "tags/list");
    if let Some(size) = page_size {
        url.query_pairs_mut().append_pair("n", &size.to_string());
    }
    page(url, repository)
}

/// A further page, at the address that the one before named.
pub(crate) fn page(url: Url, repository: &Repository) -> Request {
    let accept = Some(HeaderValue::from_static("application/json"));
    Request { accept, limit: page_limit(repository.host()), ..Request::get(url) }
}

/// Asks how the registry lets people in; the answer that matters is the challenge of a 401.
pub(crate) fn version(base: &Url) -> Request {
    let mut url = base.clone();
    url.set_path("/v2/");
    Request::get(url)
}

/// Asks which manifest the tag names, without its bytes: `HEAD` does not count as a pull.
pub(crate) fn manifest_head(base: &Url, repository: &Repository, tag: &Tag) -> Request {
    Request { accept: accept_manifests(), ..Request::head(address(base, repository, &format!("manifests/{tag}"))) }
}

/// Asks for the manifest itself, by tag or by digest.
pub(crate) fn manifest(base: &Url, repository: &Repository, reference: &str) -> Request {
    Request {
        accept: accept_manifests(),
        pull: true,
        limit: MAX_MANIFEST_BYTES,
        ..Request::get(address(base, repository, &format!("manifests/{reference}")))
    }
}

/// Asks for an image's configuration.
pub(crate) fn config(base: &Url, repository: &Repository, digest: &Digest) -> Request {
    blob(base, repository, digest, MAX_CONFIG_BYTES)
}

/// Asks for a blob of at most `limit` bytes.
pub(crate) fn blob(base: &Url, repository: &Repository, digest: &Digest, limit: usize) -> Request {
    Request { limit, ..Request::get(address(base, repository, &format!("blobs/{digest}"))) }
}

/// Asks which manifests refer to the one of that digest.
pub(crate) fn referrers(base: &Url, repository: &Repository, digest: &Digest) -> Request {
    referrers_page(address(base, repository, &format!("referrers/{digest}")))
}

/// A further page of them, at the address that the one before named.
pub(crate) fn referrers_page(url: Url) -> Request {
    let accept = Some(HeaderValue::from_static(OCI_IMAGE_INDEX_MEDIA_TYPE));
    Request { accept, limit: MAX_MANIFEST_BYTES, ..Request::get(url) }
}

/// Asks the token service for the right to pull, or without a scope only to be known. What the realm's own query says is
/// kept.
pub(crate) fn token(realm: &Url, service: Option<&str>, scope: Option<&str>) -> Request {
    let mut url = realm.clone();
    let asked = [("service", service), ("scope", scope)];
    let asked: Vec<(&str, &str)> = asked.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    if !asked.is_empty() {
        url.query_pairs_mut().extend_pairs(asked);
    }
    Request { limit: MAX_TOKEN_BYTES, ..Request::get(url) }
}

/// The same for whom an identity token stands: the refresh token grant of Docker's OAuth specification.
pub(crate) fn token_grant(realm: &Url, service: Option<&str>, scope: Option<&str>, identity: &Secret) -> Request {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    // Docker's specification wants a service even where a challenge names none.
    form.append_pair("service", service.unwrap_or_default());
    if let Some(scope) = scope {
        form.append_pair("scope", scope);
    }
    form.append_pair("client_id", CLIENT).append_pair("refresh_token", identity.expose());
    let body = Body { media_type: "application/x-www-form-urlencoded", content: Secret::new(form.finish()) };
    Request { limit: MAX_TOKEN_BYTES, ..Request::post(realm.clone(), body) }
}

/// The right to read one repository. It is ours rather than the challenge's: GHCR and Codeberg challenge with placeholders.
pub(crate) fn pull_scope(repository: &Repository) -> String {
    format!("repository:{}:pull", repository.path())
}

/// All four, indexes first: a registry that converts on demand must not give us one platform's manifest instead.
fn accept_manifests() -> Option<HeaderValue> {
    HeaderValue::from_str(&format!(
        "{OCI_IMAGE_INDEX_MEDIA_TYPE}, {IMAGE_MANIFEST_LIST_MEDIA_TYPE}, {OCI_IMAGE_MEDIA_TYPE}, {IMAGE_MANIFEST_MEDIA_TYPE}"
    ))
    .ok()
}

/// Repository paths and tags are checked where they are parsed and need no escaping.
fn address(base: &Url, repository: &Repository, rest: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("/v2/{}/{rest}", repository.path()));
    url
}

#[cfg(test)]
mod tests {
    use super::super::paging::{MAX_PAGE_BYTES, PAGE_SIZE};
    use super::*;

    fn base() -> Url {
        "https://registry.example.com".parse().unwrap()
    }

    fn web() -> Repository {
        Repository::parse("registry.example.com/acme/web").unwrap()
    }

    #[test]
    fn tags_are_asked_for_a_page_at_a_time() {
        let first = tags(&base(), &web(), Some(PAGE_SIZE));
        assert_eq!(first.url.as_str(), "https://registry.example.com/v2/acme/web/tags/list?n=1000");
        assert_eq!(first.limit, MAX_PAGE_BYTES);
        let plain = tags(&base(), &web(), None);
        assert_eq!(plain.url.as_str(), "https://registry.example.com/v2/acme/web/tags/list");
    }

    #[test]
    fn a_manifest_is_asked_for_in_all_four_types() {
        let request = manifest_head(&base(), &web(), &Tag::parse("1.2.3").unwrap());
        assert_eq!(request.url.as_str(), "https://registry.example.com/v2/acme/web/manifests/1.2.3");
        let accept = request.accept.unwrap();
        let types: Vec<&str> = accept.to_str().unwrap().split(", ").collect();
        assert_eq!(
            types,
            [
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ]
        );
    }

    #[test]
    fn content_and_what_refers_to_it_are_asked_for_by_digest() {
        let digest = Digest::parse(&format!("sha256:{}", "ab".repeat(32))).unwrap();
        let asked = referrers(&base(), &web(), &digest);
        let expected = format!("https://registry.example.com/v2/acme/web/referrers/{digest}");
        assert_eq!((asked.url.as_str(), asked.limit), (expected.as_str(), MAX_MANIFEST_BYTES));
        assert_eq!(asked.accept.unwrap(), "application/vnd.oci.image.index.v1+json");
        let asked = blob(&base(), &web(), &digest, 7);
        let expected = format!("https://registry.example.com/v2/acme/web/blobs/{digest}");
        assert_eq!((asked.url.as_str(), asked.limit), (expected.as_str(), 7));
    }

    #[test]
    fn a_token_is_asked_for_with_service_and_scope() {
        let realm = "https://auth.example.com/token?account=x".parse().unwrap();
        let request = token(&realm, Some("reg & co"), Some(&pull_scope(&web())));
        assert_eq!(
            request.url.as_str(),
            "https://auth.example.com/token?account=x&service=reg+%26+co&scope=repository%3Aacme%2Fweb%3Apull"
        );
        let request = token(&"https://auth.example.com/token".parse().unwrap(), None, Some("s"));
        assert_eq!(request.url.as_str(), "https://auth.example.com/token?scope=s");
        let request = token(&"https://auth.example.com/token".parse().unwrap(), None, None);
        assert_eq!(request.url.as_str(), "https://auth.example.com/token");
    }

    #[test]
    fn an_identity_token_is_traded_as_docker_documents_it() {
        let realm = "https://auth.example.com/token".parse().unwrap();
        let request = token_grant(&realm, Some("reg"), Some("repository:a/b:pull"), &Secret::new("i&d"));
        assert_eq!((request.method, request.url), (crate::http::Method::Post, realm));
        assert_eq!(
            request.body.unwrap().content.expose(),
            "grant_type=refresh_token&service=reg&scope=repository%3Aa%2Fb%3Apull&client_id=landwaiter&refresh_token=i%26d"
        );
    }
}
