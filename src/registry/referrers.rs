//! What refers to a manifest: the answers of the referrers API and of the tag schema that stood in for it, put together.
//! Nothing here sends anything.
//!
//! A registry without the API answers 404, and its clients keep an index of the same form under a tag (OCI distribution
//! 1.1, "Listing Referrers" and "Referrers Tag Schema"). Some answer 400, 405 or 406, or with a page of their web interface; they
//! have no such API either.

use super::link::{self, BadLink};
use super::refusal::{check_status, error};
use super::response::{header_values, json};
use crate::http::{Answer, clean, display_url};
use crate::image::{Digest, Tag};
use crate::port::{Referrer, RegistryError, RegistryErrorKind};
use oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

/// The most manifests that refer to one: some hundred signatures of one image are many.
pub const MAX_REFERRERS: usize = 1_000;
/// The most bytes of all pages together; annotations are what makes them large.
pub const MAX_REFERRERS_BYTES: usize = 4 * 1024 * 1024;
/// The most pages.
const MAX_PAGES: usize = 50;
/// The most characters of the algorithm and of the hash in a tag of the tag schema (OCI distribution 1.1).
const TAG_ALGORITHM: usize = 32;
const TAG_HASH: usize = 64;

/// Whether the answer to the first request says that there is no such API.
pub(crate) fn without_api(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        400 | 404 | 405 | 406 => true,
        200 => !is_index(answer),
        _ => false,
    }
}

/// The tag under which clients list what refers to the digest: `sha256-<hex>`.
pub(crate) fn fallback_tag(digest: &Digest) -> Option<Tag> {
    let (algorithm, hash) = digest.as_str().split_once(':')?;
    let cut = |text: &str, most: usize| -> String {
        let word = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        text.chars().take(most).map(word).collect()
    };
    Tag::parse(&format!("{}-{}", cut(algorithm, TAG_ALGORITHM), cut(hash, TAG_HASH))).ok()
}

/// Reads what the fallback tag names. No such tag, or one that names no index, means that nothing refers to the manifest: so
/// the specification has it.
pub(crate) fn fallback(host: &str, answer: &Answer) -> Result<Vec<Referrer>, RegistryError> {
    if answer.status.as_u16() == 404 || (answer.status.as_u16() == 200 && !is_index(answer)) {
        return Ok(Vec::new());
    }
    let mut list = Referrers::default();
    list.take(host, answer)?;
    Ok(list.found)
}

/// The pages of one list.
#[derive(Debug, Default)]
pub(crate) struct Referrers {
    found: Vec<Referrer>,
    bytes: usize,
    pages: usize,
}

impl Referrers {
    /// Takes one page and gives back where the next one is.
    pub(crate) fn add(&mut self, host: &str, answer: &Answer) -> Result<Option<Url>, RegistryError> {
        self.take(host, answer)?;
        let next = link::next(header_values(answer, "link"), &answer.url).map_err(|bad| {
            let detail = match bad {
                BadLink::OtherOrigin(url) => format!("it leads to another origin, {}", display_url(&url)),
                BadLink::NotAUrl => "it is not a URL".to_owned(),
            };
            error(host, RegistryErrorKind::BadPaging, detail)
        })?;
        self.pages += 1;
        if next.as_ref() == Some(&answer.url) {
            let detail = format!("a page of referrers names itself as the next ({})", display_url(&answer.url));
            return Err(error(host, RegistryErrorKind::BadPaging, detail));
        }
        if next.is_some() && self.pages == MAX_PAGES {
            let detail = format!("more than {MAX_PAGES} pages of referrers");
            return Err(error(host, RegistryErrorKind::TooLarge, detail));
        }
        Ok(next)
    }

    pub(crate) fn finish(self) -> Vec<Referrer> {
        self.found
    }

    fn take(&mut self, host: &str, answer: &Answer) -> Result<(), RegistryError> {
        check_status(host, answer)?;
        self.bytes += answer.body.len();
        if self.bytes > MAX_REFERRERS_BYTES {
            let detail = format!("more than {} KiB of referrers", MAX_REFERRERS_BYTES / 1024);
            return Err(error(host, RegistryErrorKind::TooLarge, detail));
        }
        let body: Index = json(host, answer)?;
        let manifests = body.manifests.unwrap_or_default();
        if self.found.len() + manifests.len() > MAX_REFERRERS {
            let detail = format!("more than {MAX_REFERRERS} referrers");
            return Err(error(host, RegistryErrorKind::TooLarge, detail));
        }
        for one in manifests {
            self.found.push(one.read(host)?);
        }
        Ok(())
    }
}

/// The header may carry parameters; a registry that sends none is believed when the body is an index.
fn is_index(answer: &Answer) -> bool {
    match header_values(answer, "content-type").next() {
        Some(text) => {
            let essence = text.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case(OCI_IMAGE_INDEX_MEDIA_TYPE)
        }
        None => serde_json::from_slice::<Index>(&answer.body).is_ok_and(|index| index.manifests.is_some()),
    }
}

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    media_type: String,
    size: u64,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

impl Descriptor {
    fn read(self, host: &str) -> Result<Referrer, RegistryError> {
        let digest = Digest::parse(&self.digest).map_err(|_| {
            let detail = format!("`{}` is not a digest", clean(&self.digest));
            error(host, RegistryErrorKind::Malformed, detail)
        })?;
        let annotations = self.annotations.unwrap_or_default();
        Ok(Referrer {
            digest,
            artifact_type: self.artifact_type.filter(|text| !text.is_empty()),
            media_type: self.media_type,
            size: self.size,
            annotations: annotations.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RegistryErrorKind::{BadPaging, Malformed, ServerError, TooLarge, Unauthorized};
    use proptest::prelude::*;
    use reqwest::StatusCode;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            body: body.to_owned().into(),
            url: "https://example.com/v2/acme/web/referrers/sha256:ab".parse().unwrap(),
        }
    }

    const TYPE: (&str, &str) = ("content-type", "application/vnd.oci.image.index.v1+json; charset=utf-8");

    fn index(count: usize) -> String {
        let hex = "ab".repeat(32);
        let one =
            format!(r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{hex}","size":7}}"#);
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![one; count].join(","))
    }

    #[test]
    fn which_answers_say_that_there_is_no_such_api() {
        for (status, kind, body, without) in [
            (200, TYPE.1, "{}", false),
            (200, "text/html", "<html>", true),
            (200, "application/json", "{}", true),
            (404, "application/json", "", true),
            (400, "text/plain", "", true),
            (405, "text/plain", "", true),
            (406, "text/plain", "", true),
            (401, "text/plain", "", false),
            (403, "text/plain", "", false),
            (429, "text/plain", "", false),
            (500, "text/plain", "", false),
        ] {
            assert_eq!(without_api(&answer(status, &[("content-type", kind)], body)), without, "{status} {kind}");
        }
        assert!(!without_api(&answer(200, &[], &index(0))), "an index without a type is one still");
        assert!(without_api(&answer(200, &[], "<html>")));
    }

    #[test]
    fn the_tag_that_stands_in_for_a_digest() {
        let hash = "0a".repeat(64);
        for (digest, tag) in [
            (format!("sha256:{}", "0a".repeat(32)), format!("sha256-{}", "0a".repeat(32))),
            (format!("sha512:{hash}"), format!("sha512-{}", &hash[..64])),
            (format!("multihash+base58:{}", "Qm".repeat(20)), format!("multihash-base58-{}", "Qm".repeat(20))),
        ] {
            assert_eq!(fallback_tag(&Digest::parse(&digest).unwrap()).unwrap().as_str(), tag);
        }
    }

    #[test]
    fn a_list_says_what_each_one_is() {
        let hex = "cd".repeat(32);
        let body = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{hex}",
            "size":723,"artifactType":"application/vnd.example.signature","annotations":{{"by":"acme","none":null}}}}]}}"#
        );
        let mut list = Referrers::default();
        let link = "</v2/acme/web/referrers/sha256:ab?p=2>; rel=next";
        let next = list.add("h", &answer(200, &[TYPE, ("link", link)], &body)).unwrap();
        assert_eq!(next.unwrap().as_str(), "https://example.com/v2/acme/web/referrers/sha256:ab?p=2");
        assert_eq!(list.add("h", &answer(200, &[TYPE], &index(2))), Ok(None));
        let found = list.finish();
        assert_eq!(found.len(), 3);
        let expected = Referrer {
            digest: Digest::parse(&format!("sha256:{hex}")).unwrap(),
            artifact_type: Some("application/vnd.example.signature".to_owned()),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            size: 723,
            annotations: [("by".to_owned(), "acme".to_owned())].into(),
        };
        assert_eq!(found[0], expected);
        assert_eq!((found[1].artifact_type.as_deref(), found[1].size), (None, 7));
    }

    #[test]
    fn the_fallback_knows_nothing_or_says_why_not() {
        assert_eq!(fallback("h", &answer(404, &[], "")), Ok(Vec::new()));
        assert_eq!(fallback("h", &answer(200, &[("content-type", "application/json")], "{}")), Ok(Vec::new()));
        assert_eq!(fallback("h", &answer(200, &[TYPE], &index(2))).unwrap().len(), 2);
        for (status, kind) in [(401, Unauthorized), (500, ServerError { status: 500 })] {
            assert_eq!(fallback("h", &answer(status, &[], "")).unwrap_err().kind, kind);
        }
        assert_eq!(fallback("h", &answer(200, &[TYPE], "{")).unwrap_err().kind, Malformed);
    }

    #[test]
    fn every_limit_holds_at_its_edge() {
        let add = |list: &mut Referrers, headers: &[(&'static str, &str)], body: &str| {
            list.add("h", &answer(200, headers, body)).map_err(|error| error.kind)
        };
        let mut list = Referrers::default();
        assert_eq!(add(&mut list, &[], &index(MAX_REFERRERS)), Ok(None));
        assert_eq!(add(&mut list, &[], &index(1)), Err(TooLarge));

        let wide = |bytes: usize| format!("{}{}", index(0), " ".repeat(bytes - index(0).len()));
        assert_eq!(add(&mut Referrers::default(), &[], &wide(MAX_REFERRERS_BYTES)), Ok(None));
        assert_eq!(add(&mut Referrers::default(), &[], &wide(MAX_REFERRERS_BYTES + 1)), Err(TooLarge));

        let mut list = Referrers::default();
        let more = [("link", "<?p=2>; rel=next")];
        for _ in 1..MAX_PAGES {
            assert!(add(&mut list, &more, &index(0)).is_ok());
        }
        assert_eq!(add(&mut list, &more, &index(0)), Err(TooLarge));

        assert_eq!(add(&mut Referrers::default(), &[("link", "<>; rel=next")], &index(0)), Err(BadPaging));
        assert_eq!(
            add(&mut Referrers::default(), &[("link", "<https://a.example.org/>; rel=next")], &index(0)),
            Err(BadPaging)
        );
        let bad = r#"{"manifests":[{"mediaType":"a","digest":"sha256:x","size":1}]}"#;
        assert_eq!(add(&mut Referrers::default(), &[], bad), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(body in "(\\{|\\}|\\[|\\]|\"|,|:|\"manifests\"|\"digest\"|\"size\"|null|1|\\PC){0,40}") {
            let answer = answer(200, &[], &body);
            let _ = Referrers::default().add("h", &answer);
            let _ = fallback("h", &answer);
            let _ = without_api(&answer);
        }
    }
}
