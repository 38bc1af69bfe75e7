//! The pages of one tag list, put together, with everything that can go wrong between them: loops, and lists without end.
//! A list is whole or it is an error.

use super::response::Page;
use crate::http::display_url;
use crate::port::RegistryErrorKind;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use url::Url;

/// The most pages of one list: at a hundred tags a page (the smallest that registries cap `n` to) 200,000 tags.
pub const MAX_PAGES: usize = 2_000;
/// The most tags of one list. Docker Hub's largest repositories come near it.
pub const MAX_TAGS: usize = 1_000_000;
/// The most bytes of tags of one list.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// What has been listed so far.
#[derive(Debug)]
pub(crate) struct Listing {
    tags: Vec<String>,
    bytes: usize,
    pages: usize,
    addresses: HashSet<String>,
    /// A hash of each page's tags: a registry that gives the same page under ever new addresses is found by it.
    contents: HashSet<u64>,
    hasher: RandomState,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    pages: usize,
    tags: usize,
    bytes: usize,
}

/// Why the list cannot be finished.
pub(crate) type Broken = (RegistryErrorKind, String);

impl Listing {
    pub(crate) fn new() -> Listing {
        Listing::with(Limits { pages: MAX_PAGES, tags: MAX_TAGS, bytes: MAX_LIST_BYTES })
    }

    fn with(limits: Limits) -> Listing {
        Listing {
            tags: Vec::new(),
            bytes: 0,
            pages: 0,
            addresses: HashSet::new(),
            contents: HashSet::new(),
            hasher: RandomState::new(),
            limits,
        }
    }

    /// Takes what came after the last tag of a full page that named no next one. Tags that are known already show a registry
    /// that does not heed `last`, and that the list was whole before.
    pub(crate) fn add_rest(&mut self, address: &Url, mut page: Page) -> Result<Option<Url>, Broken> {
        let known: HashSet<&str> = self.tags.iter().map(String::as_str).collect();
        page.tags.retain(|tag| !known.contains(tag.as_str()));
        if page.tags.is_empty() {
            return Ok(None);
        }
        self.add(address, page)
    }

    /// Takes the page that came from `address`; gives back where to go on, or nothing when the list is whole.
    pub(crate) fn add(&mut self, address: &Url, page: Page) -> Result<Option<Url>, Broken> {
        self.pages += 1;
        self.bytes += page.tags.iter().map(String::len).sum::<usize>();
        if self.tags.len() + page.tags.len() > self.limits.tags {
            return Err((RegistryErrorKind::TooLarge, format!("more than {} tags", self.limits.tags)));
        }
        if self.bytes > self.limits.bytes {
            return Err((RegistryErrorKind::TooLarge, format!("more than {} bytes of tags", self.limits.bytes)));
        }
        let Some(next) = page.next else {
            self.take(page.tags);
            return Ok(None);
        };
        self.addresses.insert(address.as_str().to_owned());
        let known_content = !page.tags.is_empty() && !self.contents.insert(self.hasher.hash_one(&page.tags));
        if known_content || self.addresses.contains(next.as_str()) {
            let detail = format!("page {} repeats an earlier one ({})", self.pages, display_url(&next));
            return Err((RegistryErrorKind::BadPaging, detail));
        }
        if self.pages == self.limits.pages {
            return Err((RegistryErrorKind::TooLarge, format!("more than {} pages", self.limits.pages)));
        }
        self.take(page.tags);
        Ok(Some(next))
    }

    /// Tags so far.
    pub(crate) fn len(&self) -> usize {
        self.tags.len()
    }

    pub(crate) fn finish(self) -> Vec<String> {
        self.tags
    }

    /// The first page is kept as it is: most lists have no other.
    fn take(&mut self, tags: Vec<String>) {
        if self.tags.is_empty() {
            self.tags = tags;
        } else {
            self.tags.extend(tags);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(query: &str) -> Url {
        format!("https://example.com/v2/acme/web/tags/list?{query}").parse().unwrap()
    }

    fn page(tags: &[&str], next: Option<&str>) -> Page {
        Page { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), next: next.map(at), in_doubt: None }
    }

    fn small() -> Listing {
        Listing::with(Limits { pages: 3, tags: 4, bytes: 10 })
    }

    #[test]
    fn pages_are_put_together_in_order() {
        let mut list = Listing::new();
        assert_eq!(list.add(&at("p=1"), page(&["b", "a"], Some("p=2"))), Ok(Some(at("p=2"))));
        assert_eq!(list.add(&at("p=2"), page(&[], Some("p=3"))), Ok(Some(at("p=3"))));
        assert_eq!(list.add(&at("p=3"), page(&["c"], None)), Ok(None));
        assert_eq!(list.finish(), ["b", "a", "c"]);
    }

    #[test]
    fn a_link_to_an_earlier_page_is_a_loop() {
        for second in ["p=1", "p=2"] {
            let mut list = Listing::new();
            list.add(&at("p=1"), page(&["a"], Some("p=2"))).unwrap();
            let (kind, detail) = list.add(&at("p=2"), page(&["b"], Some(second))).unwrap_err();
            assert_eq!(kind, RegistryErrorKind::BadPaging, "{detail}");
        }
    }

    #[test]
    fn the_same_page_under_new_addresses_is_a_loop() {
        let mut list = Listing::new();
        list.add(&at("p=1"), page(&["a", "b"], Some("p=2"))).unwrap();
        list.add(&at("p=2"), page(&["c"], Some("p=3"))).unwrap();
        let (kind, _) = list.add(&at("p=3"), page(&["a", "b"], Some("p=4"))).unwrap_err();
        assert_eq!(kind, RegistryErrorKind::BadPaging);
    }

    #[test]
    fn what_comes_after_a_full_page_is_taken_once() {
        let mut list = Listing::new();
        list.add(&at("n=2"), page(&["a", "b"], None)).unwrap();
        assert_eq!(
            list.add_rest(&at("n=2&last=b"), page(&["a", "b"], Some("n=2&last=b"))),
            Ok(None),
            "`last` is not heeded"
        );
        assert_eq!(list.add_rest(&at("n=2&last=b"), page(&[], None)), Ok(None));
        assert_eq!(list.add_rest(&at("n=2&last=b"), page(&["b", "c"], Some("p=3"))), Ok(Some(at("p=3"))));
        assert_eq!(list.finish(), ["a", "b", "c"]);
    }

    #[test]
    fn every_limit_holds_at_its_edge() {
        let mut pages = small();
        pages.add(&at("p=1"), page(&["a"], Some("p=2"))).unwrap();
        pages.add(&at("p=2"), page(&["b"], Some("p=3"))).unwrap();
        assert_eq!(pages.add(&at("p=3"), page(&["c"], None)), Ok(None));

        let mut pages = small();
        pages.add(&at("p=1"), page(&["a"], Some("p=2"))).unwrap();
        pages.add(&at("p=2"), page(&["b"], Some("p=3"))).unwrap();
        let (kind, _) = pages.add(&at("p=3"), page(&["c"], Some("p=4"))).unwrap_err();
        assert_eq!(kind, RegistryErrorKind::TooLarge);

        assert_eq!(small().add(&at("p=1"), page(&["a", "b", "c", "d"], None)), Ok(None));
        let (kind, detail) = small().add(&at("p=1"), page(&["a", "b", "c", "d", "e"], None)).unwrap_err();
        assert_eq!((kind, detail.as_str()), (RegistryErrorKind::TooLarge, "more than 4 tags"));

        assert_eq!(small().add(&at("p=1"), page(&["0123456789"], None)), Ok(None));
        let (kind, detail) = small().add(&at("p=1"), page(&["0123456789x"], None)).unwrap_err();
        assert_eq!((kind, detail.as_str()), (RegistryErrorKind::TooLarge, "more than 10 bytes of tags"));
    }
}
