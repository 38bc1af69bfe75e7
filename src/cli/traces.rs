//! Traces, wired to this machine: what the settings and the environment say of the collector, its headers and certificates.
//!
//! The settings win over the environment, key by key. What is wrong in the settings refuses them; what is wrong in the environment,
//! which may be meant for other programs, means no traces and a line in the log.

use super::diagnose::Failure;
use super::machine::{read_text, variable};
use super::wire::way_out;
use crate::config::settings::{OtlpSettings, Settings};
use crate::http::{self, HostOptions, Retry, WayOut, is_loopback};
use crate::telemetry::{Level, Log};
use crate::trace::{Destination, Headers, ReadHeaders, of_lines, of_variable};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long one attempt may take, as OpenTelemetry has it.
const ATTEMPT: Duration = Duration::from_secs(10);
const SERVICE: &str = "landwaiter";

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Where headers come from.
#[derive(Debug, Clone)]
enum From {
    File(PathBuf),
    Variable(&'static str),
    Nowhere,
}

/// Where traces go; `None`: nowhere.
pub(super) fn destination(settings: &Settings, log: &Log) -> Result<Option<Destination>, Failure> {
    let otlp = settings.otlp.clone().unwrap_or_default();
    let url = match &otlp.endpoint {
        Some(base) => Some(below(base)),
        None => match from_environment(&otlp, &variable) {
            Ok(url) => url,
            Err((name, why)) => {
                let facts = [("variable", name.into()), ("error", why.into())];
                log.line(Level::Warn, "traces-off", &facts);
                return Ok(None);
            }
        },
    };
    let Some(url) = url else {
        return match settings.otlp {
            None => Ok(None),
            Some(_) => Err(Failure::failed("the settings' `telemetry.otlp` names no endpoint")
                .hint(format!("write `endpoint: https://...`, or set {ENDPOINT}"))),
        };
    };
    let read = reader(&url, source(&otlp));
    match (read(), &otlp.headers_file) {
        (Ok(_), _) => {}
        (Err(why), Some(_)) => return Err(Failure::failed(format!("telemetry: {why}"))),
        (Err(why), None) => {
            log.line(Level::Warn, "traces-off", &[("error", why.into())]);
            return Ok(None);
        }
    }
    let service = otlp.service_name.clone().or_else(|| variable(SERVICE_NAME)).unwrap_or_else(|| SERVICE.to_owned());
    let client = client(&otlp, settings, &url)?;
    Ok(Some(Destination::new(client, url, read, service, otlp.ratio)))
}

fn below(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/v1/traces", base.path().trim_end_matches('/')));
    url
}

/// Where the environment wants traces; the error names the variable, and nothing of its value.
fn from_environment(
    otlp: &OtlpSettings,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Url>, (&'static str, String)> {
    let (name, text) = match (variable(TRACES_ENDPOINT), variable(ENDPOINT)) {
        (Some(text), _) => (TRACES_ENDPOINT, text),
        (None, Some(text)) => (ENDPOINT, text),
        (None, None) => return Ok(None),
    };
    let url = Url::parse(text.trim()).map_err(|error| (name, format!("it is no URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err((name, format!("credentials do not belong in a URL; {HEADERS} takes them")));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) || otlp.plain_http => {}
        "http" => {
            let help = "`telemetry: {otlp: {plainHttp: true}}` in the settings allows it";
            return Err((name, format!("traces would travel unencrypted; {help}")));
        }
        _ => return Err((name, "it is neither https nor http".to_owned())),
    }
    Ok(Some(if name == ENDPOINT { below(&url) } else { url }))
}

fn source(otlp: &OtlpSettings) -> From {
    let named = [TRACES_HEADERS, HEADERS].into_iter().find(|name| variable(name).is_some());
    match &otlp.headers_file {
        Some(file) => From::File(file.clone()),
        None => named.map_or(From::Nowhere, From::Variable),
    }
}

/// Reads the headers anew whenever they are needed.
fn reader(url: &Url, source: From) -> ReadHeaders {
    let in_clear = url.scheme() == "http" && !is_loopback(url);
    Arc::new(move || -> Result<Headers, String> {
        let headers = match &source {
            From::File(file) => {
                let text = read_text(file, "headersFile").map_err(|failure| failure.message)?;
                of_lines(&text).map_err(|why| format!("{}: {why}", file.display()))?
            }
            From::Variable(name) => {
                of_variable(&variable(name).unwrap_or_default()).map_err(|why| format!("{name}: {why}"))?
            }
            From::Nowhere => Headers::new(),
        };
        if in_clear && !headers.is_empty() {
            return Err("the headers for the collector would travel unencrypted".to_owned());
        }
        Ok(headers)
    })
}

fn client(otlp: &OtlpSettings, settings: &Settings, url: &Url) -> Result<http::Client, Failure> {
    let mut options = http::Options::new(concat!("landwaiter/", env!("CARGO_PKG_VERSION")));
    (options.timeouts.attempt, options.timeouts.deadline) = (ATTEMPT, ATTEMPT);
    // Whoever waits is the exporter.
    let now = Duration::ZERO;
    options.retry = Retry { attempts: 1, longest_asked: now, patience: now, ..Retry::default() };
    options.way_out = settings.proxy.as_ref().map_or(WayOut::Environment, way_out);
    if let Some(path) = &otlp.ca_file {
        let pem = read_text(path, "caFile")?.into_bytes();
        let own = HostOptions { ca_pem: Some(pem), ..HostOptions::default() };
        options.hosts.insert(http::authority(url), own);
    }
    http::Client::new(options).map_err(|error| Failure::failed(format!("telemetry: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(otlp: &OtlpSettings, set: &[(&str, &str)]) -> Result<Option<String>, String> {
        let read = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        from_environment(otlp, &read).map(|url| url.map(String::from)).map_err(|(name, why)| format!("{name}: {why}"))
    }

    #[test]
    fn the_variable_for_traces_is_the_whole_address_and_wins() {
        let plain = OtlpSettings { plain_http: true, ..OtlpSettings::default() };
        let usual = OtlpSettings::default();
        let url = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(found(&usual, &[]), Ok(None));
        assert_eq!(found(&usual, &[(ENDPOINT, "https://a.example.com/x/")]), url("https://a.example.com/x/v1/traces"));
        let both = [(ENDPOINT, "https://a.example.com"), (TRACES_ENDPOINT, "https://b.example.com/t")];
        assert_eq!(found(&usual, &both), url("https://b.example.com/t"));
        assert_eq!(found(&usual, &[(ENDPOINT, "http://127.0.0.1:4318")]), url("http://127.0.0.1:4318/v1/traces"));
        assert_eq!(
            found(&plain, &[(ENDPOINT, "http://otel.example.com:4318")]),
            url("http://otel.example.com:4318/v1/traces")
        );
    }

    #[test]
    fn what_the_environment_has_wrong_is_told_without_its_value() {
        for value in ["hunter2", "http://hunter2.example.com", "https://a:hunter2@b.example.com", "ftp://hunter2"] {
            let why = found(&OtlpSettings::default(), &[(ENDPOINT, value)]).unwrap_err();
            assert!(why.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: ") && !why.contains("hunter2"), "{why}");
        }
    }
}
