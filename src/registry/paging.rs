//! Pages of tags as registries really give them: how many at once, where the next one is, and whether a list without a next
//! page is whole. Pure.
//!
//! | registry | what it does | what is done |
//! |---|---|---|
//! | ECR, proxies like it | refuse `n` above 1000 (405) | `n=1000`; on 400 and 405 once more without `n` |
//! | quay.io | a hundred at a time at most, `next_page` is opaque | the link is followed as it stands |
//! | Artifactory | the link leaves out the name of a virtual repository (RTFACT-18971) | the page's own path stays, the link's query counts |
//! | a registry behind a proxy that cuts prefixes | the same | the same |
//! | Artifact Registry, Container Registry | list every manifest beside the tags | a larger bound for one page |
//! | any that cuts a list at `n` without a link | the rest would be lost | a page of exactly `n` tags is followed by one request for what comes after its last tag |

use std::borrow::Cow;
use url::Url;

/// Tags asked for at once. ECR refuses more (405), most registries cap at this or less.
pub const PAGE_SIZE: usize = 1000;
/// The most bytes of one page. A thousand of the longest tags are 130 kB; a registry that ignores `n` and sends a hundred
/// thousand at once still fits.
pub const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// The same for Google's registries, which send some 300 bytes about every manifest with the tags.
pub const MAX_GOOGLE_PAGE_BYTES: usize = 64 * 1024 * 1024;
/// What every address of a tag list ends with.
const LIST: &str = "/tags/list";

/// The most bytes of a page of that host.
pub(crate) fn page_limit(host: &str) -> usize {
    let google = host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev");
    if google { MAX_GOOGLE_PAGE_BYTES } else { MAX_PAGE_BYTES }
}

/// Where the page after `page` is, when its link says `link`. The path of a tag list is not for the registry to change in
/// the middle: were it followed, tags of another repository could be mixed in.
pub(crate) fn next(page: &Url, link: Url) -> Url {
    if link.path() == page.path() || !link.path().ends_with(LIST) || !page.path().ends_with(LIST) {
        return link;
    }
    with(page, link.query_pairs().collect())
}

/// The request that tells a whole list from one that was cut off: what comes after the last tag of a page that is as long
/// as was asked for and names no next one.
pub(crate) fn after_full_page(page: &Url, tags: &[String]) -> Option<Url> {
    let (_, size) = page.query_pairs().find(|(key, _)| key == "n")?;
    let full = size.parse() == Ok(tags.len());
    let last = tags.last().filter(|_| full)?;
    Some(with(page, vec![("last".into(), last.into())]))
}

/// The address with these parts of its query set.
fn with(page: &Url, set: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> Url {
    let kept = page.query_pairs().filter(|(key, _)| !set.iter().any(|(other, _)| other == key));
    let all: Vec<_> = kept.chain(set.iter().cloned()).collect();
    let mut url = page.clone();
    url.query_pairs_mut().clear().extend_pairs(all);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rest: &str) -> Url {
        format!("https://example.com{rest}").parse().unwrap()
    }

    #[test]
    fn the_next_page_as_registries_name_it() {
        let page = "/v2/docker-virtual/acme/web/tags/list?n=1000";
        for (link, expected) in [
            // As it should be.
            (
                "/v2/docker-virtual/acme/web/tags/list?last=1.9&n=1000",
                "/v2/docker-virtual/acme/web/tags/list?last=1.9&n=1000",
            ),
            // quay.io.
            (
                "/v2/docker-virtual/acme/web/tags/list?next_page=gAAAA%3D%3D&n=100",
                "/v2/docker-virtual/acme/web/tags/list?next_page=gAAAA%3D%3D&n=100",
            ),
            // Artifactory, of a virtual repository.
            ("/v2/acme/web/tags/list?last=1.9&n=1000", "/v2/docker-virtual/acme/web/tags/list?last=1.9&n=1000"),
            ("/v2/acme/web/tags/list?last=a%26b", "/v2/docker-virtual/acme/web/tags/list?n=1000&last=a%26b"),
            // A proxy that adds a prefix.
            (
                "/registry/v2/docker-virtual/acme/web/tags/list?last=1.9",
                "/v2/docker-virtual/acme/web/tags/list?n=1000&last=1.9",
            ),
            // Another repository is not gone to.
            (
                "/v2/docker-virtual/acme/other/tags/list?last=1.9",
                "/v2/docker-virtual/acme/web/tags/list?n=1000&last=1.9",
            ),
            // What is no tag list is followed as it stands: it may be a cursor of its own.
            ("/v2/pages/7", "/v2/pages/7"),
        ] {
            assert_eq!(next(&at(page), at(link)).as_str(), at(expected).as_str(), "{link}");
        }
    }

    #[test]
    fn a_full_page_without_a_next_one_is_asked_what_comes_after() {
        let tags = |count: usize| -> Vec<String> { (1..=count).map(|number| number.to_string()).collect() };
        for (query, count, expected) in [
            ("?n=2", 2, Some("?n=2&last=2")),
            ("?n=2&last=x", 2, Some("?n=2&last=2")),
            ("?n=2", 1, None),
            ("?n=2", 3, None),
            ("?n=0", 0, None),
            ("", 2, None),
        ] {
            let found = after_full_page(&at(&format!("/v2/a/tags/list{query}")), &tags(count));
            let expected = expected.map(|query| at(&format!("/v2/a/tags/list{query}")));
            assert_eq!(found, expected, "{query} {count}");
        }
    }

    #[test]
    fn google_sends_more_with_a_page() {
        for (host, limit) in [
            ("europe-docker.pkg.dev", MAX_GOOGLE_PAGE_BYTES),
            ("eu.gcr.io", MAX_GOOGLE_PAGE_BYTES),
            ("gcr.io", MAX_GOOGLE_PAGE_BYTES),
            ("notgcr.io", MAX_PAGE_BYTES),
            ("registry.example.com", MAX_PAGE_BYTES),
        ] {
            assert_eq!(page_limit(host), limit, "{host}");
        }
    }
}
