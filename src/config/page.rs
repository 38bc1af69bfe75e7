//! Where the status page and its API answer, and whom: `service.page` in the settings.
//!
//! ```yaml
//! service:
//!   page:
//!     address: 0.0.0.0:8081
//!     tokenFile: /run/secrets/page
//!     trustedHeader: {name: X-Forwarded-User, proxies: [10.0.0.0/8]}
//!     hosts: [landwaiter.example.com]
//! ```
//!
//! An address that others can reach needs a token or a trusted header; `page: off` is no page.

use super::declare::record;
use super::places::{FilePath, VariableName};
use super::problems::Problems;
use super::repositories::Address;
use super::settings::SecretSource;
use super::shape::{Field, Refusal, Shape, Spanned, read_record, shown};
use super::tree::{Node, Scalar, Value};
use super::values::FromScalar;
use crate::text::Span;
use serde_json::{Value as Json, json};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The most proxies, names and values in one list.
const MAX_LIST: usize = 100;
/// The longest name of a header, of a host and value, in bytes.
const MAX_TEXT: usize = 253;
/// Headers that say something else, or that every client sends.
const NOT_TRUSTED: [&str; 8] =
    ["authorization", "host", "cookie", "connection", "content-length", "user-agent", "accept", "referer"];

/// Where the page answers, and whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSettings {
    pub address: SocketAddr,
    /// Who knows it may look.
    pub token: Option<SecretSource>,
    /// For whom a proxy says so may look.
    pub header: Option<TrustedHeader>,
    /// Names that the page is reached by, beside those of loopback; lowercase, without a port.
    pub hosts: Vec<String>,
}

/// A header that a proxy sets when it knows who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHeader {
    /// In lower case.
    pub name: String,
    /// Whose word counts.
    pub proxies: Vec<Network>,
    /// What it must say; empty is anything but nothing.
    pub values: Vec<String>,
}

/// Addresses with the same beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads an address, or one with the number of bits that count: `10.1.0.0/16`.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &&str| !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|_| digits(&bits)).filter(|bits| (1..=most).contains(bits))?,
            None => most,
        };
        Some(Network { address, bits })
    }

    /// Whether the address is one of them, however it is spelt: `::ffff:10.0.0.1` is `10.0.0.1`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |of: IpAddr| match of {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, true),
            IpAddr::V6(v6) => (v6.to_bits(), false),
        };
        let ((own, v4), (other, other_v4)) = (bits(self.address), bits(address.to_canonical()));
        v4 == other_v4 && (own ^ other).leading_zeros() >= self.bits
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Default for PageSettings {
    fn default() -> PageSettings {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8081));
        PageSettings { address, token: None, header: None, hosts: Vec::new() }
    }
}

impl PageSettings {
    /// The file that it names.
    pub(super) fn file(&mut self) -> Option<&mut PathBuf> {
        match &mut self.token {
            Some(SecretSource::File(file)) => Some(file),
            _ => None,
        }
    }
}

record! {
    /// Where the status page and its API answer, and whom.
    struct PageRecord {
        /// Where they answer, `127.0.0.1:8081` if nothing is said. Any address but a loopback one needs a token or a trusted header.
        "address" => address: Address,
        /// The environment variable that holds the token, 24 bytes and more, which programs send as bearer and people type as password.
        "tokenEnv" => token_env: VariableName,
        /// The file that holds that token.
        "tokenFile" => token_file: FilePath,
        /// A header by which a proxy says who asks.
        "trustedHeader" => header: HeaderRecord,
        /// Names that the page is reached by, beside `localhost` and the address itself, such as that of a proxy on this machine.
        "hosts" => hosts: Vec<Spanned<PageHost>>,
    }
    refused {
        "token" => Refusal::Secret("write `tokenEnv: NAME` for a variable or `tokenFile: PATH` for a file that holds it"),
        "header" => Refusal::Never("is called `trustedHeader` here", "write `trustedHeader: {name: ..., proxies: [...]}`"),
    }
}

record! {
    /// A header by which a proxy says who asks. It counts from the named proxies only.
    struct HeaderRecord {
        /// Its name, such as `X-Forwarded-User`.
        "name" required => name: HeaderName,
        /// The addresses of the proxies whose word counts, `10.1.2.3` or `10.1.0.0/16`.
        "proxies" required => proxies: Vec<Spanned<Network>>,
        /// What it must say. Without it: anything.
        "values" => values: Vec<Spanned<String>>,
    }
}

/// A record, or `off`.
#[derive(Debug, Clone)]
pub(super) struct PageShape(Option<Box<PageRecord>>);

impl Shape for PageShape {
    fn read(node: &Node, problems: &mut Problems) -> Option<PageShape> {
        match &node.value {
            Value::Map(_) => read_record(node, problems).map(|record| PageShape(Some(Box::new(record)))),
            _ => Off::read(node, problems).map(|Off| PageShape(None)),
        }
    }

    fn schema() -> Json {
        json!({ "oneOf": [Off::schema(), PageRecord::schema()] })
    }
}

/// The word alone, however YAML reads it.
struct Off;

impl FromScalar for Off {
    const WANTED: &'static str = "a mapping or `off`";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Off> {
        let is_off = ["off", "false"].contains(&scalar.text.as_str());
        if !is_off {
            problems.error(scalar.span, format!("`{}` is no page", shown(&scalar.text)), "write `off`, or a mapping");
        }
        is_off.then_some(Off)
    }

    fn scalar_schema() -> Json {
        json!({ "enum": ["off", false] })
    }
}

impl FromScalar for Network {
    const WANTED: &'static str = "an address";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Network> {
        let network = Network::parse(&scalar.text);
        if network.is_none() {
            let message = format!("`{}` is no address of a proxy", shown(&scalar.text));
            problems.error(scalar.span, message, "an address such as `10.1.2.3`, or many such as `10.1.0.0/16`");
        }
        network
    }
}

/// The name of a header.
#[derive(Debug, Clone)]
struct HeaderName(String);

impl FromScalar for HeaderName {
    const WANTED: &'static str = "the name of a header";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<HeaderName> {
        let name = scalar.text.to_ascii_lowercase();
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if name.is_empty() || name.len() > MAX_TEXT || !name.bytes().all(word) || NOT_TRUSTED.contains(&&*name) {
            let message = format!("`{}` is no header to trust", shown(&scalar.text));
            problems.error(scalar.span, message, "one that only the proxy sets, such as `X-Forwarded-User`");
            return None;
        }
        Some(HeaderName(name))
    }
}

/// The name of a host as browsers send it, without a port.
#[derive(Debug, Clone)]
struct PageHost(String);

impl FromScalar for PageHost {
    const WANTED: &'static str = "the name of a host";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<PageHost> {
        let name = scalar.text.to_ascii_lowercase();
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if name.is_empty() || name.len() > MAX_TEXT || !name.bytes().all(word) {
            let message = format!("`{}` is no name of a host", shown(&scalar.text));
            problems.error(scalar.span, message, "without scheme, port and path, such as `landwaiter.example.com`");
            return None;
        }
        Some(PageHost(name))
    }
}

/// What the file says of the page; `None` is no page.
pub(super) fn page(field: Field<PageShape>, problems: &mut Problems) -> Option<PageSettings> {
    let Some(Spanned { value: PageShape(record), span, sound }) = field.given() else {
        return Some(PageSettings::default());
    };
    let record = record?;
    let given = record.address.as_given().map_or(span, |address| address.span);
    let broken = !sound;
    let settings = PageSettings {
        address: record.address.value().map_or(PageSettings::default().address, |address| address.0),
        token: token(record.token_env, record.token_file, problems),
        header: record.header.given().and_then(|header| trusted(header, problems)),
        hosts: list(record.hosts, "hosts", problems).into_iter().map(|host| host.0).collect(),
    };
    let open = settings.token.is_none() && settings.header.is_none();
    if open && !settings.address.ip().is_loopback() && !broken {
        let hint = "add `tokenFile` or `trustedHeader`, or use `127.0.0.1:8081` and forward the port";
        problems.error(given, "everybody who reaches this address could read the page", hint);
    }
    Some(settings)
}

fn token(variable: Field<VariableName>, file: Field<FilePath>, problems: &mut Problems) -> Option<SecretSource> {
    match (variable.given(), file.given()) {
        (Some(_), Some(file)) => {
            problems.error(file.span, "the token comes from two places", "keep one of `tokenEnv` and `tokenFile`");
            None
        }
        (Some(name), None) => Some(SecretSource::Env(name.value.0)),
        (None, Some(file)) => Some(SecretSource::File(file.value.0)),
        (None, None) => None,
    }
}

fn trusted(header: Spanned<HeaderRecord>, problems: &mut Problems) -> Option<TrustedHeader> {
    let Spanned { value: header, span, .. } = header;
    let proxies = header.proxies.as_given().map(|list| (list.value.is_empty(), list.span));
    if let Some((true, at)) = proxies {
        problems.error(at, "nobody's word would count", "name the addresses of the proxies");
    }
    let (proxies, values) = (list(header.proxies, "proxies", problems), list(header.values, "values", problems));
    bounded(&values, span, problems);
    Some(TrustedHeader { name: header.name.value()?.0, proxies, values })
}

fn bounded(values: &[String], span: Span, problems: &mut Problems) {
    if values.iter().any(|value| value.len() > MAX_TEXT || !value.bytes().all(|b| (b' '..=b'~').contains(&b))) {
        problems.error(span, "a value that no header has", "printable ASCII, at most 253 bytes");
    }
}

fn list<T>(field: Field<Vec<Spanned<T>>>, what: &str, problems: &mut Problems) -> Vec<T> {
    let Some(given) = field.given() else {
        return Vec::new();
    };
    if given.value.len() > MAX_LIST {
        problems.error(given.span, format!("more than {MAX_LIST} `{what}`"), "");
        return Vec::new();
    }
    given.value.into_iter().map(|one| one.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    fn read(page: &str) -> Result<Option<PageSettings>, String> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\nservice: {{page: {page}}}\n");
        settings::read("settings.yaml", &text)
            .map(|settings| settings.service.page)
            .map_err(|found| found[0].message.clone())
    }

    #[test]
    fn a_page_is_on_loopback_off_or_guarded() {
        assert_eq!(read("{}").unwrap(), Some(PageSettings::default()));
        assert_eq!(read("off").unwrap(), None);
        assert_eq!(read("false").unwrap(), None);
        assert_eq!(read("{address: '[::1]:9000'}").unwrap().unwrap().address.port(), 9_000);
        let open = Err("everybody who reaches this address could read the page".to_owned());
        for address in ["0.0.0.0:8081", "'[::]:8081'", "10.0.0.1:80"] {
            assert_eq!(read(&format!("{{address: {address}}}")), open);
            assert!(read(&format!("{{address: {address}, tokenFile: token}}")).is_ok());
            assert!(read(&format!("{{address: {address}, tokenEnv: TOKEN}}")).is_ok());
            let header = "trustedHeader: {name: X-User, proxies: [10.0.0.1]}";
            assert!(read(&format!("{{address: {address}, {header}}}")).is_ok());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (page, message) in [
            ("on", "`on` is no page"),
            ("{tokenEnv: A, tokenFile: b}", "the token comes from two places"),
            ("{token: s3cret}", "line 3: `token` would hold a secret inline"),
            ("{hosts: ['https://x']}", "`https://x` is no name of a host"),
            ("{trustedHeader: {name: X-User}}", "`proxies` is missing"),
            ("{trustedHeader: {name: X-User, proxies: []}}", "nobody's word would count"),
            ("{trustedHeader: {name: Host, proxies: [::1]}}", "`Host` is no header to trust"),
            ("{trustedHeader: {name: X-User, proxies: [proxy]}}", "`proxy` is no address of a proxy"),
            ("{trustedHeader: {name: X-User, proxies: [10.0.0.0/0]}}", "`10.0.0.0/0` is no address of a proxy"),
            ("{trustedHeader: {name: X-User, proxies: [10.0.0.0/33]}}", "`10.0.0.0/33` is no address of a proxy"),
        ] {
            assert_eq!(read(page).unwrap_err(), message, "{page}");
        }
    }

    #[test]
    fn lists_are_bounded_at_their_edges() {
        let hosts = |count: usize| (0..count).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",");
        assert_eq!(read(&format!("{{hosts: [{}]}}", hosts(MAX_LIST))).unwrap().unwrap().hosts.len(), MAX_LIST);
        assert!(read(&format!("{{hosts: [{}]}}", hosts(MAX_LIST + 1))).is_err());
        let host = |length: usize| read(&format!("{{hosts: [{}]}}", "h".repeat(length)));
        assert!(host(MAX_TEXT).is_ok() && host(MAX_TEXT + 1).is_err());
    }

    #[test]
    fn a_network_is_the_addresses_with_its_beginning() {
        for (network, address, inside) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.0.0/16", "10.1.255.1", true),
            ("10.1.0.0/16", "10.2.0.0", false),
            ("10.1.0.0/16", "::ffff:10.1.9.9", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/1", "10.1.2.3", false),
            ("0.0.0.0/1", "::1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network} {address}");
        }
        for bad in ["", "10", "10.1.2.3/", "10.1.2.3/+8", "10.1.2.3/a", "::1/129", "10.1.2.3:80"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
