//! When two URLs are the same Git repository: the same host and path, whether it is reached by HTTPS or SSH, with `.git` or without.
//!
//! ```
//! use landwaiter::webhook::Address;
//! let https = Address::parse("https://git.example.com/acme/config.git").unwrap();
//! assert!(https.is(&Address::parse("git@git.example.com:acme/config").unwrap()));
//! assert!(!https.is(&Address::parse("https://git.example.com/acme/config-2").unwrap()));
//! ```
//!
//! Upper and lower case are alike, as on every forge that sends webhooks.

use url::Url;

/// Hosts by which the same repositories are reached through a port that firewalls leave open.
const DETOURS: [(&str, &str); 3] =
    [("ssh.github.com", "github.com"), ("altssh.gitlab.com", "gitlab.com"), ("altssh.bitbucket.org", "bitbucket.org")];
const AZURE: &str = "dev.azure.com";

/// Where a Git repository is, whichever way leads there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    /// Of HTTP; every SSH server has its own.
    port: Option<u16>,
    /// Lower case, without the slash before it, the one behind it and `.git`.
    path: String,
}

impl Address {
    /// Reads `https`, `http` and `ssh` URLs and `user@host:path`; `None` for everything else.
    pub fn parse(text: &str) -> Option<Address> {
        if !text.contains("://") {
            let (host, path) = text.split_once(':').filter(|(host, _)| !host.contains('/'))?;
            return Address::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/')));
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http" | "ssh"))?;
        let (host, path) = whereabouts(&url)?;
        let port = (url.scheme() != "ssh").then(|| url.port_or_known_default()).flatten();
        Some(Address { host, port, path })
    }

    /// Whether both are the same repository.
    pub fn is(&self, other: &Address) -> bool {
        self.same_server(other) && self.path == other.path
    }

    /// Whether it is what `prefix` names or lies below it, in whole parts.
    pub fn below(&self, prefix: &Address) -> bool {
        let rest = self.path.strip_prefix(prefix.path.as_str());
        let whole = |rest: &str| prefix.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        self.same_server(prefix) && rest.is_some_and(whole)
    }

    fn same_server(&self, other: &Address) -> bool {
        let ports = self.port.zip(other.port).is_none_or(|(one, other)| one == other);
        self.host == other.host && ports
    }
}

/// The host's own name, and the path below it as HTTPS has it.
fn whereabouts(url: &Url) -> Option<(String, String)> {
    let host = url.host_str()?.to_ascii_lowercase();
    let path = url.path().trim_matches('/').to_ascii_lowercase();
    let path = path.strip_suffix(".git").unwrap_or(&path).to_owned();
    if let Some((_, known)) = DETOURS.iter().find(|(detour, _)| *detour == host) {
        return Some(((*known).to_owned(), path));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| *part != "defaultcollection").collect();
    let azure = match (host.as_str(), &parts[..]) {
        ("ssh.dev.azure.com" | "vs-ssh.visualstudio.com", ["v3", organisation, project, name]) => {
            [organisation, project, name].map(|part| (*part).to_owned())
        }
        (AZURE, [organisation, project, "_git", name]) => [organisation, project, name].map(|part| (*part).to_owned()),
        (AZURE, [organisation, "_git", name]) => [organisation, name, name].map(|part| (*part).to_owned()),
        (old, parts) => match (old.strip_suffix(".visualstudio.com"), parts) {
            (Some(organisation), [project, "_git", name]) => [organisation, project, name].map(str::to_owned),
            (Some(organisation), ["_git", name]) => [organisation, name, name].map(str::to_owned),
            _ => return Some((host, path)),
        },
    };
    let [organisation, project, name] = azure;
    Some((AZURE.to_owned(), format!("{organisation}/{project}/_git/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        Address::parse(one).unwrap().is(&Address::parse(other).unwrap())
    }

    #[test]
    fn one_repository_has_many_urls() {
        for (one, other) in [
            ("https://git.example.com/acme/config.git", "https://git.example.com/acme/config"),
            ("https://git.example.com/acme/config", "https://git.example.com:443/acme/config/"),
            ("https://git.example.com/acme/config", "git@git.example.com:acme/config.git"),
            ("https://git.example.com/acme/config", "ssh://git@git.example.com:2222/acme/config.git"),
            ("https://GIT.example.com/Acme/Config", "https://bot@git.example.com/acme/config"),
            ("git@github.com:acme/config.git", "ssh://git@ssh.github.com:443/acme/config.git"),
            ("https://dev.azure.com/acme/platform/_git/config", "git@ssh.dev.azure.com:v3/acme/platform/config"),
            ("https://acme@dev.azure.com/acme/My%20Things/_git/c", "ssh://git@ssh.dev.azure.com/v3/acme/My%20Things/c"),
            ("https://acme.visualstudio.com/DefaultCollection/p/_git/c", "https://dev.azure.com/acme/p/_git/c"),
            ("https://dev.azure.com/acme/_git/c", "https://acme.visualstudio.com/c/_git/c"),
        ] {
            assert!(same(one, other) && same(other, one), "{one} {other}");
        }
    }

    #[test]
    fn others_are_others() {
        let config = "https://git.example.com/acme/config.git";
        for other in [
            "https://git.example.com/acme/config2.git",
            "https://git.example.com/acme/config/more",
            "https://git.example.com/config",
            "https://git.example.org/acme/config",
            "https://git.example.com.evil.example/acme/config",
            "https://git.example.com@evil.example/acme/config",
            "https://git.example.com:8443/acme/config",
            "https://evil.example/git.example.com/acme/config",
            "git@evil.example:acme/config.git",
            "https://git.example.com/x/../acme2/config",
        ] {
            assert!(!same(config, other), "{other}");
        }
        for none in
            ["", "config", "/srv/config.git", "./a:b", "file:///srv/config.git", "javascript:x", "https://", "a/b:c"]
        {
            let parsed = Address::parse(none);
            assert!(parsed.is_none_or(|it| !it.is(&Address::parse(config).unwrap())), "{none}");
        }
        assert_eq!(Address::parse("/srv/config.git"), None);
    }

    #[test]
    fn a_prefix_covers_whole_parts() {
        let below = |prefix: &str, url: &str| Address::parse(url).unwrap().below(&Address::parse(prefix).unwrap());
        assert!(below("https://git.example.com/", "https://git.example.com/a"));
        assert!(below("https://git.example.com/acme/", "git@git.example.com:acme/config.git"));
        assert!(below("https://git.example.com/acme/config", "https://git.example.com/acme/config.git"));
        assert!(!below("https://git.example.com/acme", "https://git.example.com/acme2/config"));
        assert!(!below("https://git.example.com/", "https://git.example.org/a"));
    }
}
