//! Where traces are sent: `telemetry` in the settings.
//!
//! ```yaml
//! telemetry:
//!   otlp:
//!     endpoint: https://otlp.example.com:4318
//!     headersFile: /run/secrets/otlp-headers
//!     ratio: 0.25
//! ```
//!
//! Headers are secrets: they are named by file and never stand here.

use super::declare::record;
use super::places::{FilePath, UrlHints, loopback, remote_url};
use super::problems::Problems;
use super::shape::{Field, Refusal, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use url::Url;

/// The longest name of a service, in bytes.
const MAX_NAME: usize = 255;

/// Where runs are told of as traces. What is `None` here, the environment may say.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSettings {
    /// The collector's base; traces go to `v1/traces` below it.
    pub endpoint: Option<Url>,
    /// Whether traces may travel without encryption, as they may on loopback.
    pub plain_http: bool,
    /// A header in each line.
    pub headers_file: Option<PathBuf>,
    /// PEM certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The share of runs that are recorded, 0 to 1.
    pub ratio: f64,
    pub service_name: Option<String>,
}

impl Default for OtlpSettings {
    fn default() -> OtlpSettings {
        OtlpSettings {
            endpoint: None,
            plain_http: false,
            headers_file: None,
            ca_file: None,
            ratio: 1.0,
            service_name: None,
        }
    }
}

impl OtlpSettings {
    /// Every file that is named.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.headers_file.iter_mut().chain(&mut self.ca_file)
    }
}

record! {
    /// What `landwaiter serve` tells other programs of its runs.
    pub(super) struct TelemetryShape {
        /// Traces by OTLP/HTTP, one for each run.
        "otlp" => otlp: OtlpShape,
    }
    refused {
        "metrics" => Refusal::Never("are scraped", "`/metrics` at `service.address` has them"),
        "traces" => Refusal::Never("is called `otlp` here", "write `otlp: {endpoint: ...}`"),
    }
}

record! {
    /// Traces by OTLP/HTTP: where they go, as whom, and how many.
    pub(super) struct OtlpShape {
        /// The collector's base, such as `https://otlp.example.com:4318`; traces go to `v1/traces` below it. Without it: what
        /// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT say.
        "endpoint" => endpoint: CollectorUrl,
        /// Traces may travel without encryption. On loopback they may always.
        "plainHttp" => plain_http: bool,
        /// The file that holds the headers to be known by, one `Name: value` in each line. Without it: what
        /// OTEL_EXPORTER_OTLP_TRACES_HEADERS and OTEL_EXPORTER_OTLP_HEADERS say.
        "headersFile" => headers_file: FilePath,
        /// PEM certificates that are trusted in addition to the system's.
        "caFile" => ca_file: FilePath,
        /// The share of runs that are recorded, 0 to 1; all if nothing is said.
        "ratio" => ratio: Share,
        /// What traces call this service. Without it: what OTEL_SERVICE_NAME says, or `landwaiter`.
        "serviceName" => service_name: ServiceName,
    }
    refused {
        "headers" => Refusal::Secret("write `headersFile: PATH`, a file with one `Name: value` in each line"),
        "protocol" => Refusal::Never("is always HTTP with JSON", "port 4318 of collectors takes it"),
        "insecure" => Refusal::Never(
            "could mean two things",
            "`plainHttp: true` speaks HTTP, `caFile` trusts a certificate; checks are never switched off",
        ),
        "sampling" => Refusal::Never("is called `ratio` here", "write `ratio: 0.1`"),
    }
}

/// The base of a collector.
#[derive(Debug, Clone)]
pub(super) struct CollectorUrl(Url);

const HINTS: UrlHints = UrlHints {
    credentials: "write them into the file of `headersFile`",
    local: "for example `https://otlp.example.com:4318`",
    example: "for example `https://otlp.example.com:4318`",
};

impl FromScalar for CollectorUrl {
    const WANTED: &'static str = "a URL";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<CollectorUrl> {
        let url = remote_url(&scalar.text, scalar, &HINTS, problems)?;
        if url.scheme() == "ssh" {
            problems.error(scalar.span, "bad URL: neither https nor http", HINTS.example);
            return None;
        }
        Some(CollectorUrl(url))
    }
}

/// A share of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share(f64);

impl FromScalar for Share {
    const WANTED: &'static str = "a number from 0 to 1";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<Share> {
        let text = scalar.text.as_str();
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let share = text.parse().ok().filter(|share| digits && (0.0..=1.0).contains(share));
        if share.is_none() {
            let message = format!("expected a number from 0 to 1, found `{}`", shown(text));
            problems.error(scalar.span, message, "`0.1` records one run of ten");
        }
        share.map(Share)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// What a service is called.
#[derive(Debug, Clone)]
pub(super) struct ServiceName(String);

impl FromScalar for ServiceName {
    const WANTED: &'static str = "a name";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ServiceName> {
        let text = scalar.text.as_str();
        if text.is_empty() || text.len() > MAX_NAME || text.contains(char::is_control) {
            problems.error(scalar.span, "not the name of a service", "one line, at most 255 bytes");
            return None;
        }
        Some(ServiceName(text.to_owned()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME })
    }
}

/// What the file says of traces; what is wrong goes to `problems`. `None`: it says nothing, and the environment may.
pub(super) fn otlp(field: Field<TelemetryShape>, problems: &mut Problems) -> Option<OtlpSettings> {
    let shape = field.value()?.otlp.value()?;
    let plain_http = shape.plain_http.value().unwrap_or(false);
    let endpoint = shape.endpoint.given();
    if let Some(given) = &endpoint {
        let url = &given.value.0;
        let in_clear = url.scheme() == "http" && !loopback(url);
        if in_clear && !plain_http {
            let message = "traces would travel unencrypted";
            problems.error(given.span, message, "write `https://`, or `plainHttp: true` beside it");
        } else if in_clear && !shape.headers_file.is_absent() {
            problems.error(given.span, "the headers would travel unencrypted", "write `https://`");
        }
    }
    Some(OtlpSettings {
        endpoint: endpoint.map(|given| given.value.0),
        plain_http,
        headers_file: shape.headers_file.value().map(|path| path.0),
        ca_file: shape.ca_file.value().map(|path| path.0),
        ratio: shape.ratio.value().map_or(1.0, |share| share.0),
        service_name: shape.service_name.value().map(|name| name.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    fn read(otlp: &str) -> Result<Option<OtlpSettings>, String> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\ntelemetry: {otlp}\n");
        settings::read("settings.yaml", &text).map(|settings| settings.otlp).map_err(|found| found[0].message.clone())
    }

    #[test]
    fn what_is_left_out_is_up_to_the_environment() {
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read("{otlp: {}}").unwrap(), Some(OtlpSettings::default()));
        let all =
            "{endpoint: 'https://otlp.example.com:4318/x', headersFile: h, caFile: c, ratio: 0.25, serviceName: a b}";
        let expected = OtlpSettings {
            endpoint: Some("https://otlp.example.com:4318/x".parse().unwrap()),
            plain_http: false,
            headers_file: Some("h".into()),
            ca_file: Some("c".into()),
            ratio: 0.25,
            service_name: Some("a b".to_owned()),
        };
        assert_eq!(read(&format!("{{otlp: {all}}}")).unwrap(), Some(expected));
    }

    #[test]
    fn traces_are_encrypted_unless_they_stay_here_or_may_not_be() {
        for (otlp, fine) in [
            ("endpoint: 'http://localhost:4318'", true),
            ("endpoint: 'http://[::1]:4318', headersFile: h", true),
            ("endpoint: 'http://otlp.example.com:4318'", false),
            ("endpoint: 'http://otlp.example.com:4318', plainHttp: true", true),
            ("endpoint: 'http://otlp.example.com:4318', plainHttp: true, headersFile: h", false),
            ("endpoint: 'https://otlp.example.com', headersFile: h", true),
        ] {
            let found = read(&format!("{{otlp: {{{otlp}}}}}"));
            assert_eq!(found.is_ok(), fine, "{otlp}: {found:?}");
            assert!(fine || found.unwrap_err().ends_with("unencrypted"), "{otlp}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (otlp, message) in [
            ("endpoint: 'ssh://otlp.example.com'", "bad URL: neither https nor http"),
            ("endpoint: 'otlp.example.com:4318'", "bad URL: neither https, http nor ssh"),
            ("endpoint: 'https://a:hunter2@otlp.example.com'", "line 3: credentials do not belong in a URL"),
            ("headers: {a: hunter2}", "line 3: `headers` would hold a secret inline"),
            ("ratio: 1.1", "expected a number from 0 to 1, found `1.1`"),
            ("ratio: -0.1", "expected a number from 0 to 1, found `-0.1`"),
            ("ratio: nan", "expected a number from 0 to 1, found `nan`"),
            ("serviceName: ''", "not the name of a service"),
            ("protocol: grpc", "`protocol` is always HTTP with JSON"),
        ] {
            assert_eq!(read(&format!("{{otlp: {{{otlp}}}}}")).unwrap_err(), message, "{otlp}");
        }
    }

    #[test]
    fn values_are_bounded_at_their_edges() {
        for (ratio, share) in [("0", 0.0), ("1", 1.0), ("1.0", 1.0), ("0.001", 0.001)] {
            assert_eq!(read(&format!("{{otlp: {{ratio: {ratio}}}}}")).unwrap().unwrap().ratio, share);
        }
        let name = |length: usize| read(&format!("{{otlp: {{serviceName: {}}}}}", "n".repeat(length)));
        assert!(name(MAX_NAME).is_ok() && name(MAX_NAME + 1).is_err());
    }
}
