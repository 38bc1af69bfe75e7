//! `WWW-Authenticate`: what a registry wants before it answers (RFC 9110, 11.6.1).
//!
//! One header may hold several challenges and the header may come several times; both separate with commas, as parameters
//! do, so a challenge starts where a word is followed by another word rather than by `=`.
//!
//! ```text
//! Bearer realm="https://auth.example.com/token",service="registry.example.com", Basic realm="registry"
//! ```

/// A header longer than this is cut: no registry needs more.
const MAX_HEADER: usize = 8 * 1024;

/// One challenge, with the parameters that the distribution protocol uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    /// The realm is the token service's address, as it was written: it may be no URL at all.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// Every Basic and Bearer challenge of the headers, in order. Other schemes, a Bearer challenge without a realm, and what
/// is not well-formed are left out.
pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    headers.into_iter().flat_map(|header| Reader::new(header).challenges()).collect()
}

/// A scheme and its parameters, before anybody asks what they mean.
#[derive(Debug, Default)]
struct Raw<'a> {
    scheme: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl Raw<'_> {
    fn parameter(&self, name: &str) -> Option<String> {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    fn challenge(&self) -> Option<Challenge> {
        if self.scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !self.scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Some(Challenge::Bearer {
            realm: self.parameter("realm")?,
            service: self.parameter("service").filter(|service| !service.is_empty()),
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(header: &'a str) -> Reader<'a> {
        let mut end = header.len().min(MAX_HEADER);
        while !header.is_char_boundary(end) {
            end -= 1;
        }
        Reader { rest: &header[..end] }
    }

    fn challenges(mut self) -> Vec<Challenge> {
        let mut raw: Vec<Raw<'a>> = Vec::new();
        loop {
            self.skip(|c| c == ',' || c.is_ascii_whitespace());
            let word = self.take(is_token);
            if word.is_empty() {
                break;
            }
            let spaced = self.skip(|c| c.is_ascii_whitespace());
            match self.rest.strip_prefix('=') {
                Some(rest) => {
                    self.rest = rest;
                    self.skip(|c| c.is_ascii_whitespace());
                    let Some(value) = self.value() else { break };
                    if let Some(last) = raw.last_mut() {
                        last.parameters.push((word, value));
                    }
                }
                None if spaced || self.rest.is_empty() || self.rest.starts_with(',') => {
                    raw.push(Raw { scheme: word, parameters: Vec::new() })
                }
                None => break,
            }
        }
        raw.iter().filter_map(Raw::challenge).collect()
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(skipped);
        self.rest.len() < before
    }

    fn take(&mut self, taken: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !taken(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// A word, or a quoted string with `\` before what stands for itself. An open quote has no value.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            // Unquoted URLs are not allowed, and are sent all the same.
            return Some(self.take(|c| c != ',' && !c.is_ascii_whitespace()).to_owned());
        };
        let mut value = String::new();
        let mut escaped = false;
        for (at, c) in quoted.char_indices() {
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                _ => value.push(c),
            }
        }
        None
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_as_registries_send_them() {
        let hub = "https://auth.docker.io/token";
        for (header, expected) in [
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#,
                vec![bearer(hub, Some("registry.docker.io"))],
            ),
            (r#"bearer  REALM = "https://auth.docker.io/token" , service="""#, vec![bearer(hub, None)]),
            (r#"Bearer realm=https://auth.docker.io/token,service=x"#, vec![bearer(hub, Some("x"))]),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="s",scope="repository:a:pull,push""#,
                vec![bearer(hub, Some("s"))],
            ),
            (r#"Bearer realm="a\"b\\c, Basic d""#, vec![bearer(r#"a"b\c, Basic d"#, None)]),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="s", Basic realm="r""#,
                vec![bearer(hub, Some("s")), Challenge::Basic],
            ),
            (
                r#"Basic realm="r",Bearer realm="https://auth.docker.io/token""#,
                vec![Challenge::Basic, bearer(hub, None)],
            ),
            (r#"Negotiate, Basic realm="r""#, vec![Challenge::Basic]),
            (r#"Negotiate YII=, Basic realm="r""#, vec![Challenge::Basic]),
            (r#"Bearer service="no realm""#, vec![]),
            (r#"Bearer realm="open"#, vec![]),
            ("", vec![]),
            (",,,", vec![]),
            ("=", vec![]),
            ("é", vec![]),
        ] {
            assert_eq!(parse([header]), expected, "{header}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(parse(["Basic", r#"Bearer realm="x""#]), [Challenge::Basic, bearer("x", None)]);
    }

    proptest! {
        #[test]
        fn no_header_is_a_panic(header in "\\PC{0,200}", structured in "(Basic|Bearer|realm|service|=|\"|,| |\\\\|é){0,40}") {
            parse([header.as_str(), structured.as_str()]);
        }
    }
}
