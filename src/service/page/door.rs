//! Who may look at the page: everybody on this machine, whoever knows the token, or for whom a trusted proxy says so.
//!
//! | settings | may look |
//! |---|---|
//! | nothing, and so a loopback address | requests that are meant for this machine by their `Host`: a foreign site cannot have its name point here (DNS rebinding) |
//! | a token | `Authorization: Bearer TOKEN`; browsers ask for a name, which may be any, and for the token as password |
//! | a trusted header | requests of the named proxies that have the header once and not empty |
//!
//! With a token and a header, either opens.

use crate::config::settings::TrustedHeader;
use crate::port::Secret;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::{IpAddr, SocketAddr};
use std::sync::{PoisonError, RwLock};

/// The shortest token, in bytes.
pub const MIN_TOKEN: usize = 24;

/// Who may look; changed when settings are read again.
#[derive(Debug)]
pub struct Door(RwLock<State>);

#[derive(Debug)]
struct State {
    rules: Rules,
    /// The settings want no page any more.
    shut: bool,
}

/// What lets somebody in.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Where the page answers; rules of another address do not count here.
    pub address: SocketAddr,
    pub token: Option<Secret>,
    pub header: Option<TrustedHeader>,
    pub hosts: Vec<String>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    pub peer: IpAddr,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
}

/// Why somebody may not look: the status, and a sentence.
pub(super) type Refused = (StatusCode, &'static str);

impl Door {
    pub fn new(rules: Rules) -> Door {
        Door(RwLock::new(State { rules, shut: false }))
    }

    /// Changes who may look; `None` is nobody. Rules for another address would be those of a listener that is not there, and
    /// change nothing.
    pub fn change(&self, rules: Option<Rules>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.shut = rules.is_none();
        if let Some(rules) = rules.filter(|rules| rules.address == state.rules.address) {
            state.rules = rules;
        }
    }

    pub(super) fn admit(&self, visitor: &Visitor<'_>) -> Result<(), Refused> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match state.shut {
            true => Err((StatusCode::NOT_FOUND, "the settings want no page")),
            false => state.rules.admit(visitor),
        }
    }
}

impl Rules {
    fn admit(&self, visitor: &Visitor<'_>) -> Result<(), Refused> {
        if let Some(token) = &self.token
            && told(visitor.headers).is_some_and(|told| token.is(told.as_bytes()))
        {
            // Whoever knows the token needs no name for this machine: a browser tells it to one site only.
            return Ok(());
        }
        match (&self.token, &self.header) {
            (None, None) => self.meant(visitor),
            (_, Some(header)) if vouched(header, visitor) => self.meant(visitor),
            (Some(_), _) => {
                Err((StatusCode::UNAUTHORIZED, "the token is needed: as bearer, or as password of any user"))
            }
            (None, Some(_)) => Err((StatusCode::FORBIDDEN, "the proxy in front of this page does not say who you are")),
        }
    }

    /// Whether the request is meant for this page: on loopback, and wherever names are given.
    fn meant(&self, visitor: &Visitor<'_>) -> Result<(), Refused> {
        let checked = self.address.ip().is_loopback() || visitor.peer.to_canonical().is_loopback();
        if !checked && self.hosts.is_empty() {
            return Ok(());
        }
        let mut named = visitor.headers.get_all(HOST).iter();
        let name = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().ok().map(without_port),
            _ => None,
        };
        let ours = |name: &str| {
            let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            let here = name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback());
            (checked && here) || self.hosts.iter().any(|host| host == name)
        };
        if name.is_some_and(|name| ours(&name.to_ascii_lowercase())) {
            return Ok(());
        }
        Err((
            StatusCode::MISDIRECTED_REQUEST,
            "this page answers to `localhost` and to the names of `service.page.hosts`",
        ))
    }
}

/// The token that the request tells, as bearer or as password.
fn told(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(rest.trim()).ok())??;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// Whether a trusted proxy says who asks.
fn vouched(header: &TrustedHeader, visitor: &Visitor<'_>) -> bool {
    if !header.proxies.iter().any(|network| network.contains(visitor.peer)) {
        return false;
    }
    // A proxy that adds a second one was given the first by somebody else.
    let mut given = visitor.headers.get_all(&header.name).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return false;
    };
    let Some(value) = value.to_str().ok().map(str::trim).filter(|value| !value.is_empty()) else {
        return false;
    };
    header.values.is_empty() || header.values.iter().any(|good| good == value)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            // `::1` without brackets is no host with a port.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Network;

    const TOKEN: &str = "0123456789abcdef01234567";

    fn rules(address: &str) -> Rules {
        Rules { address: address.parse().unwrap(), token: None, header: None, hosts: vec!["page.example.com".into()] }
    }

    fn status(rules: &Rules, peer: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let visitor = Visitor { peer: peer.parse().unwrap(), uri: &Uri::from_static("/"), headers: &map };
        rules.admit(&visitor).map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_answered_to() {
        let rules = rules("127.0.0.1:8081");
        for (host, expected) in [
            ("localhost", 200),
            ("localhost:8081", 200),
            ("LOCALHOST:1", 200),
            ("page.localhost", 200),
            ("127.0.0.1:8081", 200),
            ("127.1.2.3", 200),
            ("[::1]:8081", 200),
            ("page.example.com", 200),
            ("page.example.com:443", 200),
            ("evil.example.com", 421),
            ("localhost.evil.example.com", 421),
            ("evil.example.com:localhost", 421),
            ("10.0.0.1", 421),
            ("", 421),
        ] {
            assert_eq!(status(&rules, "127.0.0.1", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(status(&rules, "127.0.0.1", &[]), 421);
        assert_eq!(status(&rules, "127.0.0.1", &[("host", "localhost"), ("host", "localhost")]), 421);
    }

    #[test]
    fn a_token_is_told_as_bearer_or_as_password() {
        let rules = Rules { token: Some(Secret::new(TOKEN)), hosts: Vec::new(), ..rules("0.0.0.0:8081") };
        let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
        for (value, expected) in [
            (format!("Bearer {TOKEN}"), 200),
            (format!("bearer {TOKEN}"), 200),
            (basic(format!("anybody:{TOKEN}")), 200),
            (basic(format!(":{TOKEN}")), 200),
            (basic(TOKEN.to_owned()), 401),
            (format!("Bearer {}", &TOKEN[1..]), 401),
            (format!("Bearer {TOKEN}x"), 401),
            ("Bearer".to_owned(), 401),
            ("Basic ***".to_owned(), 401),
            (format!("Digest {TOKEN}"), 401),
        ] {
            assert_eq!(status(&rules, "10.9.9.9", &[("authorization", &value)]), expected, "{value}");
        }
        assert_eq!(status(&rules, "127.0.0.1", &[("host", "localhost")]), 401, "also from this machine");
    }

    #[test]
    fn a_header_counts_from_the_named_proxies_only() {
        let network = Network::parse("10.0.0.0/8").unwrap();
        let header = TrustedHeader { name: "x-user".into(), proxies: vec![network], values: Vec::new() };
        let mut rules = Rules { header: Some(header), hosts: Vec::new(), ..rules("0.0.0.0:8081") };
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "ada")]), 200);
        assert_eq!(status(&rules, "::ffff:10.0.0.1", &[("x-user", "ada")]), 200);
        assert_eq!(status(&rules, "10.0.0.1", &[]), 403);
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", " ")]), 403);
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "eve"), ("x-user", "ada")]), 403);
        assert_eq!(status(&rules, "11.0.0.1", &[("x-user", "ada")]), 403);
        assert_eq!(status(&rules, "127.0.0.1", &[("x-user", "ada"), ("host", "localhost")]), 403);
        rules.header.as_mut().unwrap().values = vec!["ada".into()];
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "ada")]), 200);
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "eve")]), 403);
        rules.hosts = vec!["page.example.com".into()];
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "ada"), ("host", "evil.example.com")]), 421);
    }

    #[test]
    fn either_opens_where_both_are_given() {
        let header = TrustedHeader {
            name: "x-user".into(),
            proxies: vec![Network::parse("10.0.0.1").unwrap()],
            values: Vec::new(),
        };
        let token = Some(Secret::new(TOKEN));
        let rules = Rules { token, header: Some(header), hosts: Vec::new(), ..rules("0.0.0.0:8081") };
        assert_eq!(status(&rules, "10.0.0.1", &[("x-user", "ada")]), 200);
        assert_eq!(status(&rules, "10.0.0.2", &[("authorization", &format!("Bearer {TOKEN}"))]), 200);
        assert_eq!(status(&rules, "10.0.0.2", &[("x-user", "ada")]), 401);
    }

    #[test]
    fn rules_of_another_address_change_nothing() {
        let guarded = Rules { token: Some(Secret::new(TOKEN)), ..rules("0.0.0.0:8081") };
        let door = Door::new(guarded.clone());
        door.change(Some(rules("127.0.0.1:8081")));
        let visitor = Visitor { peer: [127, 0, 0, 1].into(), uri: &Uri::from_static("/"), headers: &HeaderMap::new() };
        assert_eq!(door.admit(&visitor).unwrap_err().0, StatusCode::UNAUTHORIZED);
        door.change(Some(Rules { token: Some(Secret::new("another token of some length")), ..guarded }));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer another token of some length".parse().unwrap());
        let visitor = Visitor { headers: &headers, ..visitor };
        assert!(door.admit(&visitor).is_ok());
        door.change(None);
        assert_eq!(door.admit(&visitor).unwrap_err().0, StatusCode::NOT_FOUND);
    }
}
