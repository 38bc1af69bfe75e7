//! The `Link` header: where the next page of a list is (RFC 8288, as the distribution API uses it).
//!
//! ```text
//! </v2/acme/web/tags/list?last=1.9.0&n=100>; rel="next"
//! ```

use url::Url;

/// Why the link to the next page cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadLink {
    /// It leads to another scheme, host or port: following it would ask a stranger.
    OtherOrigin(Url),
    /// It is no URL.
    NotAUrl,
}

/// The address of the next page, if the headers name one. Of several links only those with `rel=next` count, and of these
/// the first.
pub(crate) fn next<'a>(headers: impl IntoIterator<Item = &'a str>, page: &Url) -> Result<Option<Url>, BadLink> {
    let mut links = headers.into_iter().flat_map(links);
    let Some((target, _)) = links.find(|(_, parameters)| is_next(parameters)) else {
        return Ok(None);
    };
    let mut url = page.join(target.trim()).map_err(|_| BadLink::NotAUrl)?;
    url.set_fragment(None);
    if url.origin() != page.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(BadLink::OtherOrigin(url));
    }
    Ok(Some(url))
}

/// Target and parameters of each `<target>; parameters` of one header. A comma separates links only outside `<>`.
fn links(header: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, after)| after.split_once('>')) {
        let end = after.find('<').unwrap_or(after.len());
        found.push((target, &after[..end]));
        rest = &after[end..];
    }
    found
}

/// `rel` may be quoted, and may hold several words.
fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        let Some((key, value)) = parameter.split_once('=') else {
            return false;
        };
        let words = value.trim().trim_matches('"').split_ascii_whitespace();
        key.trim().eq_ignore_ascii_case("rel") && words.into_iter().any(|word| word.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = "https://example.com/v2/acme/web/tags/list?n=2";

    fn read(header: &str) -> Result<Option<String>, BadLink> {
        next([header], &PAGE.parse().unwrap()).map(|url| url.map(String::from))
    }

    #[test]
    fn links_as_registries_send_them() {
        let second = "https://example.com/v2/acme/web/tags/list?last=b&n=2";
        for header in [
            r#"</v2/acme/web/tags/list?last=b&n=2>; rel="next""#,
            r#"<https://example.com/v2/acme/web/tags/list?last=b&n=2>; rel="next""#,
            r#"<https://example.com:443/v2/acme/web/tags/list?last=b&n=2>;rel=next"#,
            r#"<?last=b&n=2>; REL=NEXT"#,
            r#"<list?last=b&n=2>; title="x"; rel="last next""#,
            r#"</v2/first>; rel="first", </v2/acme/web/tags/list?last=b&n=2>; rel="next", </v2/z>; rel="next""#,
        ] {
            assert_eq!(read(header), Ok(Some(second.to_owned())), "{header}");
        }
    }

    #[test]
    fn a_comma_inside_a_target_does_not_end_it() {
        let found = read(r#"</v2/acme/web/tags/list?last=a,b>; rel="next""#);
        assert_eq!(found, Ok(Some("https://example.com/v2/acme/web/tags/list?last=a,b".to_owned())));
    }

    #[test]
    fn what_is_no_next_page_is_none() {
        for header in ["", "next", "<x", r#"</v2/x>; rel="prev""#, "</v2/x>", r#"</v2/x>; title="rel=next""#] {
            assert_eq!(read(header), Ok(None), "{header}");
        }
    }

    #[test]
    fn a_link_that_leaves_the_origin_is_not_followed() {
        for target in [
            "https://evil.example.com/v2/",
            "//evil.example.com/v2/",
            "http://example.com/v2/",
            "https://example.com:8443/v2/",
            "https://user:pw@example.com/v2/",
            "file:///etc/passwd",
        ] {
            let found = read(&format!("<{target}>; rel=next"));
            assert!(matches!(found, Err(BadLink::OtherOrigin(_))), "{target}: {found:?}");
        }
        assert_eq!(read("<https://[bad>; rel=next"), Err(BadLink::NotAUrl));
    }

    proptest! {
        #[test]
        fn whatever_is_followed_stays_at_the_origin(header in "(</?|>|;|,|rel=next|rel=\"next\"|https://|//|example.com|@|:|\\PC){0,30}") {
            let page: Url = PAGE.parse().unwrap();
            if let Ok(Some(url)) = next([header.as_str()], &page) {
                prop_assert_eq!(url.origin(), page.origin());
            }
        }
    }
}
