//! What an answer means: status, headers and body become a page of tags, a digest, a token, or the reason why not.
//! Nothing here sends anything, so every odd answer is one more row in a table test.

use super::kept::Fresh;
use super::link::{self, BadLink};
use super::listing::MAX_TAGS;
use super::paging;
use super::refusal::{check_status, error};
use crate::http::{Answer, clean, display_url};
use crate::image::{Digest, Repository};
use crate::port::{ListMark, RegistryError, RegistryErrorKind, Secret};
use reqwest::StatusCode;
use reqwest::header::LINK;
use serde::Deserialize;
use serde::de::{Error as _, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::time::Duration;
use url::Url;

/// One page of a tag list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) tags: Vec<String>,
    pub(crate) next: Option<Url>,
    /// Names no next page although it is full: only what comes after its last tag tells whether the list was cut off.
    pub(crate) in_doubt: Option<Url>,
}

/// A token that does not say how long it lives lives this long (Docker's token specification).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// What a token service says beyond this is not believed.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a page of tags.
pub(crate) fn page(repository: &Repository, answer: &Answer) -> Result<Page, RegistryError> {
    let host = repository.host();
    check_status(host, answer)?;
    let list: TagList = json(host, answer)?;
    if list.name.as_deref().is_some_and(|name| !names_same(name, repository)) {
        let name = clean(&list.name.unwrap_or_default());
        let detail = format!("asked for {} and got the tags of {name}", repository.path());
        return Err(error(host, RegistryErrorKind::Malformed, detail));
    }
    let next = link::next(header_values(answer, "link"), &answer.url).map_err(|bad| {
        let detail = match bad {
            BadLink::OtherOrigin(url) => format!("it leads to another origin, {}", display_url(&url)),
            BadLink::NotAUrl => "it is not a URL".to_owned(),
        };
        error(host, RegistryErrorKind::BadPaging, detail)
    })?;
    let tags = list.tags.unwrap_or_default().0;
    let next = next.map(|link| paging::next(&answer.url, link));
    let in_doubt = if next.is_none() { paging::after_full_page(&answer.url, &tags) } else { None };
    Ok(Page { tags, next, in_doubt })
}

/// Marks the answer, if it is a page of tags that names no next one.
pub(crate) fn mark(answer: &Answer) -> Option<ListMark> {
    let last = answer.status == StatusCode::OK && answer.headers.get(LINK).is_none();
    last.then(|| {
        let mut hash = Sha256::new();
        hash.update((answer.url.as_str().len() as u64).to_le_bytes());
        hash.update(answer.url.as_str());
        hash.update(&answer.body);
        ListMark(hash.finalize().into())
    })
}

/// Reads the digest from the header; `None` when the registry sends none and the manifest itself must be asked for.
pub(crate) fn digest_header(host: &str, answer: &Answer) -> Result<Option<Digest>, RegistryError> {
    check_status(host, answer)?;
    let Some(header) = answer.headers.get("docker-content-digest") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(header.as_bytes());
    Digest::parse(text.trim()).map(Some).map_err(|_| {
        let detail = format!("`{}` is not a digest", clean(&text));
        error(host, RegistryErrorKind::Malformed, detail)
    })
}

/// Computes the digest from the manifest's bytes, after a look whether they are a manifest at all: the digest of a login
/// page must never get into a file.
pub(crate) fn digest_of_manifest(host: &str, answer: &Answer) -> Result<Digest, RegistryError> {
    check_status(host, answer)?;
    json::<AnyManifest>(host, answer)?;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(&answer.body) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Digest::parse(&text).map_err(|bad| error(host, RegistryErrorKind::Malformed, bad.to_string()))
}

/// Reads a token service's answer. `host` is the registry that the token is for.
pub(crate) fn token(host: &str, answer: &Answer) -> Result<Fresh<Secret>, RegistryError> {
    let by = |error: RegistryError| RegistryError {
        detail: format!("token service {}: {}", display_url(&answer.url), error.detail),
        ..error
    };
    check_status(host, answer).map_err(by)?;
    let body: TokenBody = json(host, answer).map_err(by)?;
    let secret = [body.token, body.access_token].into_iter().flatten().find(|token| !token.is_empty());
    let Some(secret) = secret else {
        return Err(by(error(host, RegistryErrorKind::Malformed, "no token in the answer".to_owned())));
    };
    let lifetime = body.expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
    Ok(Fresh { value: Secret::new(secret), lifetime: lifetime.min(MAX_LIFETIME) })
}

/// The texts of every header of that name; one that is no text is left out.
pub(crate) fn header_values<'a>(answer: &'a Answer, name: &str) -> impl Iterator<Item = &'a str> {
    answer.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

pub(crate) fn json<'a, T: Deserialize<'a>>(host: &str, answer: &'a Answer) -> Result<T, RegistryError> {
    serde_json::from_slice(&answer.body).map_err(|bad| {
        let start = answer.body.trim_ascii_start();
        if start.starts_with(b"<") {
            let detail = "HTML where JSON belongs (a login page, or a proxy's)".to_owned();
            return error(host, RegistryErrorKind::Malformed, detail);
        }
        if bad.to_string().starts_with(TOO_MANY) {
            return error(host, RegistryErrorKind::TooLarge, format!("more than {MAX_TAGS} tags in a page"));
        }
        // The parser's own words may quote the body, which may be anything: only the place is told.
        let what = match bad.classify() {
            serde_json::error::Category::Eof => "the JSON is cut off",
            serde_json::error::Category::Data => "JSON of another shape",
            _ => "not JSON",
        };
        let detail = format!("{what} (line {}, column {})", bad.line(), bad.column());
        error(host, RegistryErrorKind::Malformed, detail)
    })
}

/// Proxies and virtual repositories put prefixes before the name or leave them out, so only the last part is compared. It
/// still tells a cache that mixes answers up from one that does not.
fn names_same(name: &str, repository: &Repository) -> bool {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    name.is_empty() || last(name) == last(repository.path())
}

#[derive(Deserialize)]
struct TagList {
    name: Option<String>,
    /// `null` is an empty list: that is what registries written in Go send for one.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Tags>,
}

/// A list of tags that stops at [`MAX_TAGS`] while it is read: sixteen megabytes of `"",` would become ten times as much.
#[derive(Default)]
struct Tags(Vec<String>);

const TOO_MANY: &str = "too many tags";

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Tags, A::Error> {
                let mut tags = Vec::new();
                while let Some(tag) = sequence.next_element()? {
                    if tags.len() == MAX_TAGS {
                        return Err(A::Error::custom(TOO_MANY));
                    }
                    tags.push(tag);
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[derive(Deserialize)]
struct AnyManifest {
    #[serde(rename = "schemaVersion")]
    _schema_version: u8,
}

#[derive(Deserialize)]
struct TokenBody {
    token: Option<String>,
    access_token: Option<String>,
    #[serde(default, deserialize_with = "lenient_seconds")]
    expires_in: Option<u64>,
}

/// A lifetime that is no number of seconds is as good as none.
fn lenient_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use RegistryErrorKind::*;
    use proptest::prelude::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            body: body.to_owned().into(),
            url: "https://example.com/v2/acme/web/tags/list?n=2".parse().unwrap(),
        }
    }

    fn web() -> Repository {
        Repository::parse("example.com/acme/web").unwrap()
    }

    fn read_page(headers: &[(&'static str, &str)], body: &str) -> Result<Page, RegistryError> {
        page(&web(), &answer(200, headers, body))
    }

    #[test]
    fn pages_as_registries_send_them() {
        for (body, tags) in [
            (r#"{"name":"acme/web","tags":["1.0","1.1"]}"#, vec!["1.0", "1.1"]),
            (r#"{"name":"acme/web","tags":null}"#, vec![]),
            (r#"{"name":"acme/web","tags":[]}"#, vec![]),
            (r#"{"tags":["a"],"extra":{"deep":[1]}}"#, vec!["a"]),
            (r#"{"name":"mirror/acme/web","tags":["a"]}"#, vec!["a"]),
            (r#"{"name":null,"tags":["\u0061"]}"#, vec!["a"]),
        ] {
            assert_eq!(read_page(&[], body).unwrap().tags, tags, "{body}");
        }
        let linked = read_page(&[("link", "<?last=b>; rel=next")], r#"{"tags":[]}"#).unwrap();
        assert_eq!(linked.next.unwrap().as_str(), "https://example.com/v2/acme/web/tags/list?last=b");
    }

    #[test]
    fn what_is_no_page_says_why() {
        for (body, kind, said) in [
            ("<html>sign in</html>", Malformed, "HTML"),
            ("", Malformed, "cut off"),
            (r#"{"name":"acme/web","tags":["1.0","#, Malformed, "cut off"),
            (r#"{"name":"acme/web"}"#, Malformed, "another shape"),
            (r#"{"tags":"1.0"}"#, Malformed, "another shape"),
            (r#"{"tags":[1]}"#, Malformed, "another shape"),
            (r#"{"tags":[]} x"#, Malformed, "not JSON"),
            (r#"["1.0"]"#, Malformed, "another shape"),
            (r#"{"name":"acme/other","tags":["1.0"]}"#, Malformed, "asked for acme/web and got the tags of acme/other"),
        ] {
            let error = read_page(&[], body).unwrap_err();
            assert_eq!(error.kind, kind, "{body}");
            assert!(error.detail.contains(said), "{body}: {error}");
        }
        let error = read_page(&[("link", "<https://evil.example.com/x?t=1>; rel=next")], r#"{"tags":[]}"#).unwrap_err();
        assert_eq!(error.kind, BadPaging);
        assert!(error.detail.contains("https://evil.example.com/x?t=•••"), "{error}");
    }

    #[test]
    fn a_page_of_more_tags_than_the_limit_is_refused_while_it_is_read() {
        let list = |count: usize| format!(r#"{{"tags":[{}""]}}"#, r#""","#.repeat(count - 1));
        assert_eq!(read_page(&[], &list(MAX_TAGS)).unwrap().tags.len(), MAX_TAGS);
        assert_eq!(read_page(&[], &list(MAX_TAGS + 1)).unwrap_err().kind, TooLarge);
    }

    #[test]
    fn the_mark_of_a_list_hangs_on_its_place_and_its_bytes() {
        let marked = |status, headers: &[(&'static str, &str)], body: &str| mark(&answer(status, headers, body));
        let one = marked(200, &[], r#"{"tags":["a"]}"#).unwrap();
        assert_eq!(marked(200, &[("date", "now")], r#"{"tags":["a"]}"#), Some(one), "headers come and go");
        assert_ne!(marked(200, &[], r#"{"tags":["b"]}"#), Some(one));
        let mut elsewhere = answer(200, &[], r#"{"tags":["a"]}"#);
        elsewhere.url = "https://example.com/v2/acme/web/tags/list".parse().unwrap();
        assert_ne!(mark(&elsewhere), Some(one));
        // A page among others is never the whole list, and a refusal none at all.
        assert_eq!(marked(200, &[("link", "<?last=b>; rel=next")], r#"{"tags":["a"]}"#), None);
        assert_eq!(marked(404, &[], r#"{"tags":["a"]}"#), None);
    }

    #[test]
    fn digests_come_from_the_header_or_the_bytes() {
        let hex = "ab".repeat(32);
        let header = answer(200, &[("docker-content-digest", &format!("sha256:{hex}"))], "");
        assert_eq!(digest_header("h", &header).unwrap().unwrap().as_str(), format!("sha256:{hex}"));
        assert_eq!(digest_header("h", &answer(200, &[], "")), Ok(None));
        let bad = answer(200, &[("docker-content-digest", "sha256:xyz")], "");
        assert_eq!(digest_header("h", &bad).unwrap_err().kind, Malformed);
        let computed = digest_of_manifest("h", &answer(200, &[], r#"{"schemaVersion":2}"#)).unwrap();
        assert_eq!(computed.as_str(), "sha256:bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f");
        for page in ["<html/>", "{}", "", "[]"] {
            assert_eq!(digest_of_manifest("h", &answer(200, &[], page)).unwrap_err().kind, Malformed, "{page}");
        }
    }

    #[test]
    fn tokens_under_either_name_and_with_any_lifetime() {
        for (body, secret, seconds) in [
            (r#"{"token":"a"}"#, "a", 60),
            (r#"{"access_token":"b","expires_in":300}"#, "b", 300),
            (r#"{"token":"","access_token":"b","expires_in":"300"}"#, "b", 60),
            (r#"{"token":"a","expires_in":-5}"#, "a", 60),
            (r#"{"token":"a","expires_in":0}"#, "a", 0),
            (r#"{"token":"a","expires_in":99999999999}"#, "a", 86_400),
        ] {
            let token = token("h", &answer(200, &[], body)).unwrap();
            assert_eq!((token.value.expose(), token.lifetime.as_secs()), (secret, seconds), "{body}");
        }
        for (status, body, kind) in
            [(200, "{}", Malformed), (200, "<html>", Malformed), (401, "", Unauthorized), (403, "", Forbidden)]
        {
            let error = token("h", &answer(status, &[], body)).unwrap_err();
            assert_eq!(error.kind, kind, "{body}");
            assert!(error.detail.starts_with("token service https://example.com/"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(
            body in "(\\{|\\}|\\[|\\]|\"|,|:|\"tags\"|\"name\"|\"token\"|null|1|a|\\\\|<|\\PC){0,40}",
            status in prop_oneof![Just(200_u16), 100..600_u16],
        ) {
            let answer = answer(status, &[], &body);
            let _ = page(&web(), &answer);
            let _ = token("h", &answer);
            let _ = digest_of_manifest("h", &answer);
        }
    }
}
