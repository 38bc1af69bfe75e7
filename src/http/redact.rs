//! What may be shown: URLs without user information and query values, foreign text bounded and without control characters.

use url::Url;

/// The most characters of a foreign text that one error repeats.
pub const MAX_DETAIL: usize = 200;

/// The URL for people: without user information, without fragment, and with every query value hidden but `n`, which only
/// ever is a page size.
///
/// ```
/// let url = "https://joe:pw@example.com/v2/web/tags/list?n=1000&token=abc".parse().unwrap();
/// assert_eq!(landwaiter::http::display_url(&url), "https://example.com/v2/web/tags/list?n=1000&token=•••");
/// ```
pub fn display_url(url: &Url) -> String {
    let mut shown = format!("{}://{}{}", url.scheme(), super::authority(url), url.path());
    for (index, (key, value)) in url.query_pairs().enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        shown.push_str(&key);
        shown.push('=');
        shown.push_str(if key == "n" { &value } else { "•••" });
    }
    clean(&shown)
}

/// At most [`MAX_DETAIL`] characters of a text that somebody else wrote; control characters and runs of white space
/// become one space.
pub fn clean(text: &str) -> String {
    let mut shown = String::new();
    let mut count = 0;
    for c in text.chars() {
        let c = if c.is_control() || c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (shown.is_empty() || shown.ends_with(' ')) {
            continue;
        }
        if count == MAX_DETAIL {
            shown.push('…');
            break;
        }
        shown.push(c);
        count += 1;
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_query_values() {
        for (url, shown) in [
            ("https://joe:pw@example.com/v2/", "https://example.com/v2/"),
            ("https://example.com:8443/a?n=50&last=zz#top", "https://example.com:8443/a?n=50&last=•••"),
            ("http://[::1]:5000/a", "http://[::1]:5000/a"),
        ] {
            assert_eq!(display_url(&url.parse().unwrap()), shown);
        }
    }

    #[test]
    fn foreign_text_is_bounded_and_has_no_control_characters() {
        assert_eq!(clean("  a\r\n\tb\u{1b}[31m  "), "a b [31m");
        assert_eq!(clean(&"ü".repeat(MAX_DETAIL)), "ü".repeat(MAX_DETAIL));
        assert_eq!(clean(&"ü".repeat(MAX_DETAIL + 1)), format!("{}…", "ü".repeat(MAX_DETAIL)));
    }
}
