//! The single values of the settings that say which way requests go, and how fast: mirrors, proxies, rates, deadlines.

use super::places::with_unit;
use super::problems::Problems;
use super::settings::Proxy;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use crate::image::Repository;
use serde_json::{Value as Json, json};
use std::num::NonZeroU32;
use std::time::Duration;
use url::Url;

/// The most requests to one registry in a second.
pub(super) const MAX_RATE: u32 = 1000;
/// The bounds of `runDeadline`, in seconds; the upper one is what a run takes at most.
const DEADLINES: std::ops::RangeInclusive<u64> = 10..=24 * 60 * 60;

/// A registry, or a path within one, that stands for another.
#[derive(Debug, Clone)]
pub(super) struct MirrorPlace(pub(super) String);

impl FromScalar for MirrorPlace {
    const WANTED: &'static str = "a registry host, with a path or without";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<MirrorPlace> {
        let text = scalar.text.trim_end_matches('/');
        let host = text.split('/').next().unwrap_or_default();
        // Behind anything but a host, the probe's path would begin with a part of the text.
        let found = Repository::parse(&format!("{host}/a/b")).ok().filter(|probe| probe.path() == "a/b");
        let path = text.strip_prefix(host).unwrap_or_default();
        let whole = found.and_then(|found| {
            let whole = Repository::parse(&format!("{}{path}/a/b", found.host())).ok()?;
            Some(whole.as_str().trim_end_matches("/a/b").to_owned())
        });
        if whole.is_none() {
            let hint = match text.split_once("://") {
                Some((_, rest)) if !rest.contains('@') => format!("write `{}`, without a scheme", shown(rest)),
                Some(_) => "without a scheme and without credentials".to_owned(),
                None => "such as `mirror.example.com` or `mirror.example.com/dockerhub`".to_owned(),
            };
            problems.error(scalar.span, "not a registry host, with a path or without", hint);
            if text.contains('@') {
                problems.keep_secret(scalar.span);
            }
        }
        whole.map(MirrorPlace)
    }
}

/// A proxy, or the word for none.
#[derive(Debug, Clone)]
pub(super) struct ProxyPlace(pub(super) Proxy);

impl FromScalar for ProxyPlace {
    const WANTED: &'static str = "the URL of a proxy, or `direct`";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ProxyPlace> {
        let text = scalar.text.as_str();
        if text == "direct" {
            return Some(ProxyPlace(Proxy::Direct));
        }
        if text.contains(['@', '?', '#']) {
            let hint = "a proxy with a password is named by the variable HTTPS_PROXY";
            problems.error(scalar.span, "credentials do not belong in the settings", hint);
            problems.keep_secret(scalar.span);
            return None;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.filter(|url| matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none());
        if url.is_none() {
            let message = format!("`{}` is not the URL of a proxy", shown(text));
            problems.error(scalar.span, message, "such as `http://proxy.example.com:3128`, or `direct` for none");
        }
        url.map(|url| ProxyPlace(Proxy::Url(url)))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^(direct|https?://[^@]+)$" })
    }
}

/// A number of requests in a second.
#[derive(Debug, Clone)]
pub(super) struct RequestRate(pub(super) NonZeroU32);

impl FromScalar for RequestRate {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<RequestRate> {
        let rate = scalar.text.parse().ok().filter(|rate| *rate <= MAX_RATE).and_then(NonZeroU32::new);
        if rate.is_none() {
            let message = format!("expected a number from 1 to {MAX_RATE}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        rate.map(RequestRate)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": MAX_RATE })
    }
}

/// How long a run may take.
#[derive(Debug, Clone)]
pub(super) struct RunTime(pub(super) Duration);

impl FromScalar for RunTime {
    const WANTED: &'static str = "a time";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<RunTime> {
        let seconds = with_unit(&scalar.text, &[("s", 1), ("m", 60), ("h", 3600)]);
        let seconds = seconds.filter(|seconds| DEADLINES.contains(seconds));
        if seconds.is_none() {
            let message = format!("`{}` is not a time that is allowed here", shown(&scalar.text));
            problems.error(scalar.span, message, "from `10s` to `24h`, in s, m or h");
        }
        seconds.map(|seconds| RunTime(Duration::from_secs(seconds)))
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(s|m|h)$" })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::policies;
    use crate::config::settings::{self, Proxy, Settings};
    use crate::text::Severity;

    fn read(body: &str) -> Result<Settings, String> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        settings::read("settings.yaml", &text).map_err(|problems| {
            problems.iter().map(|problem| problem.render(&text, false)).collect::<Vec<_>>().join("\n")
        })
    }

    fn registry(keys: &str) -> Result<Settings, String> {
        read(&format!("registries: [{{host: docker.io, {keys}}}]"))
    }

    #[test]
    fn ways_that_are_understood() {
        let settings =
            registry("mirrors: [Mirror.example.com/dockerhub/, 'localhost:5000'], mirrorsOnly: true").unwrap();
        let entry = &settings.registries[0];
        assert_eq!(
            (&entry.mirrors[..], entry.mirrors_only),
            (&["mirror.example.com/dockerhub".to_owned(), "localhost:5000".to_owned()][..], true)
        );
        let settings = registry("proxy: direct, requestsPerSecond: 1000").unwrap();
        let entry = &settings.registries[0];
        assert_eq!((entry.proxy.clone(), entry.requests_per_second.unwrap().get()), (Some(Proxy::Direct), 1000));
        let settings = read("proxy: 'http://proxy.example.com:3128'\nlimits: {runDeadline: 24h}").unwrap();
        assert!(matches!(settings.proxy, Some(Proxy::Url(url)) if url.port() == Some(3128)));
        assert_eq!(settings.limits.run_deadline.unwrap().as_secs(), 86_400);
    }

    #[test]
    fn no_policy_file_says_which_way_requests_go() {
        for keys in [
            "proxy: direct",
            "registries: [{host: docker.io, mirrors: [mirror.example.com]}]",
            "mirrors: [mirror.example.com]",
            "limits: {runDeadline: 24h}",
            "policies: [{name: a, images: [docker.io/acme/web], select: {semver: '*'}, mirrors: [mirror.example.com]}]",
        ] {
            let text = format!("apiVersion: landwaiter/v1\nkind: ImagePolicies\n{keys}\n");
            let loaded = policies::read(&[("landwaiter.yaml".to_owned(), text)]);
            let refused = loaded.diagnostics.iter().any(|problem| problem.severity == Severity::Error);
            assert!(refused, "{keys}");
        }
    }

    #[test]
    fn ways_that_are_not_say_why() {
        for (keys, said) in [
            ("mirrors: ['https://mirror.example.com']", "write `mirror.example.com`, without a scheme"),
            ("mirrors: [mirror]", "not a registry host"),
            ("mirrors: ['mirror.example.com/Up']", "not a registry host"),
            ("mirrors: ['https://joe:hunter2@mirror.example.com']", "without credentials"),
            ("mirrorsOnly: true", "no registry would be asked"),
            ("mirrors: [], mirrorsOnly: true", "no registry would be asked"),
            ("proxy: 'socks5://proxy.example.com'", "not the URL of a proxy"),
            ("proxy: 'http://proxy.example.com/path'", "not the URL of a proxy"),
            ("proxy: 'http://joe:hunter2@proxy.example.com'", "named by the variable HTTPS_PROXY"),
            ("requestsPerSecond: 0", "from 1 to 1000"),
            ("requestsPerSecond: 1001", "from 1 to 1000"),
            ("clientCertFile: a.pem", "a certificate without its key"),
            ("clientKeyFile: a.pem", "a key without its certificate"),
            ("clientKey: hunter2", "names the file that holds the key"),
            ("rewrite: x", "is done by `mirrors` here"),
        ] {
            let shown = registry(keys).unwrap_err();
            assert!(shown.contains(said), "{keys}\n{shown}");
            assert!(!shown.contains("hunter2"), "{keys}\n{shown}");
        }
        for deadline in ["9s", "25h", "0s", "soon", "1d"] {
            assert!(read(&format!("limits: {{runDeadline: {deadline}}}")).is_err(), "{deadline}");
        }
    }
}
