//! Which hosts `select: commit` may read histories from: those that the settings name, else that of the config repository.

use super::places::{UrlHints, loopback, remote_url};
use super::problems::Problems;
use super::shape::shown;
use super::tree::Scalar;
use super::values::FromScalar;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use url::Url;

/// The longest URL of a source repository, in bytes.
const MAX_URL: usize = 2_048;
/// The longest name of a branch, in bytes.
const MAX_BRANCH: usize = 250;

/// The hosts that may be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceHosts {
    /// As the settings say; `None` where they say nothing.
    pub named: Option<Vec<String>>,
    /// That of the config repository, as [`host_of`] spells it; `None` where it is local.
    pub own: Option<String>,
}

impl SourceHosts {
    /// Why the host may not be asked, if it may not, and what to do about it.
    pub fn refusal(&self, host: &str) -> Option<String> {
        let add = format!("add it to `sources.hosts` in the settings (`sources: {{hosts: [{host}]}}`)");
        match (&self.named, &self.own) {
            (Some(named), _) if named.iter().any(|other| other == host) => None,
            (Some(_), _) => Some(format!("the settings do not let `select: commit` read from {host}; {add}")),
            // The same machine by another way: its port for HTTPS is not that for SSH.
            (None, Some(own)) if own == host || without_port(own) == host => None,
            (None, Some(own)) => Some(format!(
                "`select: commit` may read from {own}, the config repository's host, and not from {host}; {add}"
            )),
            (None, None) => Some(format!(
                "`select: commit` may read from the config repository's host, and this one is local; {add}"
            )),
        }
    }
}

/// The host of a URL with its port, unless that is the scheme's own.
pub fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    Some(match url.port().filter(|port| !(url.scheme() == "ssh" && *port == 22)) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A Git server's host as `sources.hosts` names it.
#[derive(Debug, Clone)]
pub(super) struct SourceHost(pub(super) String);

impl FromScalar for SourceHost {
    const WANTED: &'static str = "a host";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<SourceHost> {
        let text = scalar.text.as_str();
        let plain = !text.contains(|c: char| "/@?#*\\".contains(c) || c.is_whitespace() || c.is_control());
        let url = Url::parse(&format!("ssh://{text}")).ok().filter(|url| plain && url.path().is_empty());
        // As HTTPS spells it too: lowercase, international names in ASCII.
        let web = Url::parse(&format!("https://{text}")).ok().and_then(|web| web.host_str().map(str::to_owned));
        match url.zip(web) {
            // The ports of HTTPS and SSH go without saying.
            Some((url, web)) => Some(SourceHost(match url.port().filter(|port| ![22, 443].contains(port)) {
                Some(port) => format!("{web}:{port}"),
                None => web,
            })),
            None => {
                if text.contains('@') {
                    problems.error(scalar.span, "credentials do not belong in a host", "they stand under `git`");
                    problems.keep_secret(scalar.span);
                    return None;
                }
                let hint = "the host alone, with its port where it has one: `git.example.com`, `git.example.com:8443`";
                problems.error(scalar.span, format!("`{}` is not a host", shown(text)), hint);
                None
            }
        }
    }
}

const IN_POLICIES: UrlHints = UrlHints {
    credentials: "the operator's settings refer to them, under `git`",
    local: "sources are on servers; `landwaiter try --history FILE` needs none",
    example: "for example `https://git.example.com/acme/web.git`",
};

/// The URL of a source repository. Whoever writes policies says where to look, and neither whom to be there nor how to get round
/// encryption.
#[derive(Debug, Clone)]
pub(super) struct SourceUrl {
    pub(super) url: Arc<str>,
    pub(super) host: Arc<str>,
}

impl FromScalar for SourceUrl {
    const WANTED: &'static str = "the URL of a repository";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<SourceUrl> {
        let text = spelt_out(&scalar.text);
        if text.len() > MAX_URL {
            problems.error(scalar.span, format!("a URL has at most {MAX_URL} bytes"), "");
            return None;
        }
        let url = remote_url(&text, scalar, &IN_POLICIES, problems)?;
        let (why, hint) = match url.scheme() {
            "http" if !loopback(&url) => ("unencrypted", "write `https://`"),
            _ if url.path().trim_matches('/').is_empty() => ("no path", IN_POLICIES.example),
            _ => {
                let host = host_of(&url)?;
                return Some(SourceUrl { url: url.as_str().into(), host: host.into() });
            }
        };
        problems.error(scalar.span, format!("bad URL: {why}"), hint);
        None
    }
}

/// `git@host:path` as Git reads it, with its scheme.
fn spelt_out(text: &str) -> String {
    match text.split_once(':') {
        Some((host, path)) if !text.contains("://") && host.contains('@') && !host.contains('/') => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => text.to_owned(),
    }
}

/// Whether Git takes it for a name below `refs/heads/`, or another such room: git-check-ref-format(1).
pub(super) fn is_name(text: &str) -> bool {
    let part = |part: &str| !(part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let bad = !text.split('/').all(part)
        || text.contains(odd)
        || ["..", "@{"].iter().any(|bad| text.contains(bad))
        || ["-", "refs/"].iter().any(|start| text.starts_with(start))
        || text.ends_with('.')
        || ["@", "HEAD"].contains(&text);
    !bad && text.len() <= MAX_BRANCH
}

/// The name of a branch.
#[derive(Debug, Clone)]
pub(super) struct BranchName(pub(super) Arc<str>);

impl FromScalar for BranchName {
    const WANTED: &'static str = "the name of a branch";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<BranchName> {
        let text = scalar.text.as_str();
        if !is_name(text) {
            let hint = "the short name, such as `main` or `release/1.x`";
            problems.error(scalar.span, format!("`{}` is not the name of a branch", shown(text)), hint);
            return None;
        }
        Some(BranchName(text.into()))
    }

    fn scalar_schema() -> Json {
        json!({ "type": ["string", "number"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{policies, settings};
    use crate::policy::{Select, Source};

    fn source(repository: &str, branch: &str) -> Result<Source, String> {
        let text = format!(
            "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n- name: web\n  \
             select: {{commit: {{repository: '{repository}', branch: '{branch}'}}}}\n"
        );
        let mut loaded = policies::read(&[("landwaiter.yaml".to_owned(), text.clone())]);
        match (loaded.policies.pop().map(|policy| policy.select), loaded.diagnostics.first()) {
            (Some(Select::Commit(source)), None) => Ok(source),
            (_, Some(problem)) => Err(problem.render(&text, false)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_repository_is_named_by_the_url_that_is_asked() {
        for (text, url, host) in [
            ("https://Git.Example.com/acme/web.git", "https://git.example.com/acme/web.git", "git.example.com"),
            ("https://git.example.com:443/web", "https://git.example.com/web", "git.example.com"),
            ("https://git.example.com:8443/web", "https://git.example.com:8443/web", "git.example.com:8443"),
            ("git@git.example.com:acme/web.git", "ssh://git@git.example.com/acme/web.git", "git.example.com"),
            ("ssh://git@git.example.com:22/web", "ssh://git@git.example.com:22/web", "git.example.com"),
            ("ssh://git@git.example.com:2222/web", "ssh://git@git.example.com:2222/web", "git.example.com:2222"),
            ("http://localhost:3000/web", "http://localhost:3000/web", "localhost:3000"),
            (
                "https://git.example.com\\@evil.example/web",
                "https://git.example.com/@evil.example/web",
                "git.example.com",
            ),
        ] {
            let found = source(text, "main").unwrap();
            assert_eq!((&*found.url, &*found.host), (url, host), "{text}");
        }
    }

    #[test]
    fn what_a_policy_may_not_name_is_refused() {
        for text in [
            "http://git.example.com/web",
            "file:///srv/web.git",
            "/srv/web.git",
            "../web",
            "git://git.example.com/web",
            "ext::sh -c true",
            "https://git.example.com",
            "https://git.example.com/",
            "https://git.example.com/web?x=1",
            "https://",
            "",
        ] {
            assert!(source(text, "main").is_err(), "{text}");
        }
        for text in [
            "https://bot:hunter2@git.example.com/web",
            "https://hunter2@git.example.com/web",
            "bot:hunter2@git.example.com/x",
        ] {
            assert!(!source(text, "main").unwrap_err().contains("hunter2"), "{text}");
        }
        let long = |length: usize| format!("https://git.example.com/{}", "a".repeat(length - 24));
        assert!(source(&long(MAX_URL), "main").is_ok());
        assert!(source(&long(MAX_URL + 1), "main").is_err());
    }

    #[test]
    fn branches_have_the_names_that_git_allows() {
        let url = "https://git.example.com/web";
        for good in ["main", "release/1.x", "1.10", "é"] {
            assert_eq!(&*source(url, good).unwrap().branch, good);
        }
        for bad in [
            "",
            "a..b",
            "a b",
            "-x",
            "refs/heads/main",
            "a.lock",
            "HEAD",
            "a~1",
            "/a",
            "a/",
            "a//b",
            "@",
            "a@{1}",
            ".a",
        ] {
            assert!(source(url, bad).is_err(), "{bad}");
        }
        assert!(source(url, &"a".repeat(MAX_BRANCH)).is_ok());
        assert!(source(url, &"a".repeat(MAX_BRANCH + 1)).is_err());
    }

    fn named(hosts: &str) -> Option<Vec<String>> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\nsources: {{hosts: [{hosts}]}}\n");
        settings::read("settings.yaml", &text).ok()?.sources
    }

    #[test]
    fn hosts_are_spelt_in_one_way() {
        assert_eq!(
            named("Git.Example.com, 'a.example:8443', 'b.example:443', 'c.example:22', '[::1]:3000'").unwrap(),
            ["git.example.com", "a.example:8443", "b.example", "c.example", "[::1]:3000",]
        );
        assert_eq!(named("").unwrap(), [""; 0]);
        for bad in
            ["https://git.example.com", "git.example.com/acme", "bot@git.example.com", "'*.example.com'", "'a b'", "''"]
        {
            assert_eq!(named(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_is_named_is_asked_else_the_config_repositorys_host() {
        let named = |hosts: &[&str]| Some(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>());
        let own = |host: &str| Some(host.to_owned());
        for (settings, config, host, allowed) in [
            (None, own("git.example.com"), "git.example.com", true),
            (None, own("git.example.com:2222"), "git.example.com:2222", true),
            (None, own("git.example.com:2222"), "git.example.com", true),
            (None, own("git.example.com"), "git.example.com:2222", false),
            (None, own("git.example.com"), "git.example.com.evil.example", false),
            (None, own("git.example.com"), "example.com", false),
            (None, None, "git.example.com", false),
            (named(&["a.example"]), own("git.example.com"), "git.example.com", false),
            (named(&["a.example"]), own("git.example.com"), "a.example", true),
            (named(&["a.example"]), None, "a.example:8443", false),
            (named(&[]), own("git.example.com"), "git.example.com", false),
        ] {
            let hosts = SourceHosts { named: settings, own: config };
            assert_eq!(hosts.refusal(host).is_none(), allowed, "{hosts:?} {host}");
        }
        let said = SourceHosts::default().refusal("git.example.com").unwrap();
        assert!(said.contains("sources: {hosts: [git.example.com]}"), "{said}");
    }
}
