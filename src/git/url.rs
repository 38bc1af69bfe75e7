//! What a `--repo` text means: a path, or a URL of a scheme we speak. Pure: nothing is looked up.
//!
//! | text | location |
//! |---|---|
//! | `.`, `../config`, `/srv/config.git` | [`Location::Path`] |
//! | `file:///srv/config.git` | [`Location::File`] |
//! | `https://host/path`, `http://localhost/path` | [`Location::Http`] |
//! | `ssh://user@host:22/path`, `git@host:path` | [`Location::Ssh`] |
//!
//! As Git does, `host:path` is SSH when no `/` stands before the first `:`; write `./a:b` for such a file name.
//! Credentials do not belong in a URL (it is printed and stored), and plain HTTP is for loopback only.

use super::fault::{Hint, lasting};
use crate::port::RepoError;
use gix::bstr::ByteSlice;
use gix::url::Scheme;
use std::fmt;
use std::path::PathBuf;

/// The longest `--repo` text that is looked at, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// Whom an SSH URL without a user logs in as: what every forge expects.
const SSH_USER: &str = "git";

/// Where a config repository is. The display is its name in messages and JSON; it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A plain path: a checkout, or a bare repository.
    Path(PathBuf),
    /// `file://`: a repository that is read at its branch head even where it has a checkout.
    File(PathBuf),
    Http(HttpUrl),
    Ssh(SshUrl),
}

/// An `https://` URL, or an `http://` one on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    text: String,
    host: String,
    pub encrypted: bool,
    /// The server is this machine.
    pub loopback: bool,
}

impl HttpUrl {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port as written, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// `ssh://user@host:port/path` or `user@host:path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshUrl {
    text: String,
    pub user: String,
    pub host: String,
    pub port: u16,
    /// As the server's `git-upload-pack` gets it.
    pub path: String,
}

impl Location {
    /// Reads a `--repo` text. The error says what is wrong without repeating a password.
    pub fn parse(text: &str) -> Result<Location, RepoError> {
        if text.is_empty() {
            return Err(lasting("empty repository location").hint("give a path or a URL"));
        }
        if text.len() > MAX_LENGTH || text.chars().any(char::is_control) {
            return Err(lasting(format!(
                "a repository location has at most {MAX_LENGTH} bytes and no control characters"
            )));
        }
        if is_local_path(text) {
            return Ok(Location::Path(PathBuf::from(text)));
        }
        let url = gix::url::parse(text).map_err(|_| lasting("the repository URL cannot be read"))?;
        match &url.scheme {
            Scheme::File => file(text),
            Scheme::Http | Scheme::Https => http(text, &url),
            Scheme::Ssh => ssh(text, &url),
            other => Err(lasting(format!("cannot read a repository by `{}`", other.as_str()))
                .hint("use a path, file://, https://, ssh:// or git@host:path")),
        }
    }
}

impl Location {
    /// The URL of a repository on a server, for looking up who to be there; `user@host:path` becomes its `ssh://` form.
    pub fn to_url(&self) -> Option<::url::Url> {
        let text = match self {
            Location::Path(_) | Location::File(_) => return None,
            Location::Http(http) => http.text.clone(),
            Location::Ssh(ssh) => {
                format!("ssh://{}@{}:{}/{}", ssh.user, ssh.host, ssh.port, ssh.path.trim_start_matches('/'))
            }
        };
        ::url::Url::parse(&text).ok()
    }
}

/// Git's rule: no `://`, and no `:` before the first `/`.
fn is_local_path(text: &str) -> bool {
    if text.contains("://") {
        return false;
    }
    match (text.find(':'), text.find('/')) {
        (None, _) => true,
        (Some(colon), Some(slash)) => slash < colon,
        (Some(_), None) => false,
    }
}

fn file(text: &str) -> Result<Location, RepoError> {
    let path = ::url::Url::parse(text)
        .ok()
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .and_then(|url| url.to_file_path().ok());
    match path {
        Some(path) => Ok(Location::File(path)),
        None => Err(lasting("the file:// URL names no path on this machine")
            .hint("write file:///absolute/path, with `?` as %3F, `#` as %23 and `%` as %25")),
    }
}

fn http(text: &str, url: &gix::Url) -> Result<Location, RepoError> {
    let Some(host) = url.host().filter(|host| !host.is_empty()) else {
        return Err(lasting("the repository URL names no host"));
    };
    if url.user().is_some() || url.password().is_some() || authority(text).contains('@') {
        return Err(lasting(format!("the URL of {host} holds a user or a password"))
            .hint("leave out everything up to the `@`; credentials belong in the settings"));
    }
    if text.contains(['?', '#']) {
        return Err(lasting(format!("the URL of {host} holds a query or a fragment"))
            .hint("leave out everything from the `?` or `#` on; credentials belong in the settings"));
    }
    let encrypted = url.scheme == Scheme::Https;
    let loopback = is_loopback(host);
    if !encrypted && !loopback {
        return Err(lasting(format!("plain http to {host}, which is not this machine")).hint("use https://"));
    }
    Ok(Location::Http(HttpUrl {
        text: text.trim_end_matches('/').to_owned(),
        host: authority(text).to_owned(),
        encrypted,
        loopback,
    }))
}

/// What stands between `//` and the next `/`.
fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// `localhost`, or a loopback address. Other names are not looked up: what they mean can change.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn ssh(text: &str, url: &gix::Url) -> Result<Location, RepoError> {
    let Some(host) = url.host().filter(|host| !host.is_empty() && !host.starts_with('-')) else {
        return Err(lasting("the repository URL names no host"));
    };
    if url.password().is_some() {
        return Err(lasting(format!("the URL of {host} holds a password"))
            .hint("leave out everything from the `:` to the `@`; an SSH key belongs in the settings"));
    }
    let path = url.path.to_str().map_err(|_| lasting("the path of the repository URL is not UTF-8"))?;
    if path.starts_with('-') || path.chars().any(char::is_control) {
        return Err(lasting(format!("`{}` is no path of a repository", path.escape_debug())));
    }
    let user = url.user().unwrap_or(SSH_USER);
    if user.is_empty() || user.chars().any(char::is_control) {
        return Err(lasting("the user of the repository URL is empty or unreadable"));
    }
    Ok(Location::Ssh(SshUrl {
        text: text.to_owned(),
        user: user.to_owned(),
        host: host.to_owned(),
        port: url.port.unwrap_or(22),
        path: path.to_owned(),
    }))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Path(path) => write!(f, "{}", path.display()),
            Location::File(path) => write!(f, "file://{}", path.display()),
            Location::Http(url) => f.write_str(&url.text),
            Location::Ssh(url) => f.write_str(&url.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ssh_of(text: &str) -> (String, String, u16, String) {
        match Location::parse(text).unwrap() {
            Location::Ssh(url) => (url.user, url.host, url.port, url.path),
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn plain_paths_are_paths() {
        for text in [".", "config", "/srv/config.git", "./a:b", "dir/a:b", "~/config", "C"] {
            assert_eq!(Location::parse(text).unwrap(), Location::Path(PathBuf::from(text)), "{text}");
        }
    }

    #[test]
    fn file_urls_are_repositories() {
        assert_eq!(Location::parse("file:///srv/a%20b.git").unwrap(), Location::File(PathBuf::from("/srv/a b.git")));
        assert!(Location::parse("file://elsewhere/srv/a.git").is_err());
    }

    #[test]
    fn ssh_is_read_in_both_spellings() {
        let expected =
            |user: &str, host: &str, port, path: &str| (user.to_owned(), host.to_owned(), port, path.to_owned());
        for (text, parts) in [
            ("git@example.com:acme/config.git", expected("git", "example.com", 22, "acme/config.git")),
            ("example.com:/srv/config.git", expected("git", "example.com", 22, "/srv/config.git")),
            ("ssh://deploy@example.com:2222/srv/c.git", expected("deploy", "example.com", 2222, "/srv/c.git")),
            ("ssh://example.com/~acme/c.git", expected("git", "example.com", 22, "~acme/c.git")),
            ("ssh://git@[::1]:2222/c.git", expected("git", "::1", 2222, "/c.git")),
        ] {
            assert_eq!(ssh_of(text), parts, "{text}");
        }
    }

    #[test]
    fn http_is_for_loopback_https_for_all() {
        for text in
            ["https://example.com/acme/c.git", "http://localhost:8080/c.git", "http://127.0.0.1/c", "http://[::1]:80/c"]
        {
            assert!(matches!(Location::parse(text), Ok(Location::Http(_))), "{text}");
        }
        let error = Location::parse("http://example.com/c.git").unwrap_err();
        assert_eq!(error.message, "plain http to example.com, which is not this machine");
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        for text in [
            "https://acme:s3cret@example.com/c.git",
            "https://s3cret@example.com/c.git",
            "https://:s3cret@example.com/c.git",
            "https://example.com/c.git?token=s3cret",
            "ssh://git:s3cret@example.com/c.git",
        ] {
            let error = Location::parse(text).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
            assert!(error.hint.as_deref().unwrap_or("").contains("settings"), "{error:?}");
        }
    }

    #[test]
    fn what_would_start_a_program_or_is_unknown_is_refused() {
        for text in
            ["ext::sh -c true", "git://example.com/c.git", "ftp://example.com/c", "ssh://-oProxyCommand=x/c", ""]
        {
            assert!(Location::parse(text).is_err(), "{text}");
        }
        assert!(Location::parse("example.com:-x").is_err());
    }

    #[test]
    fn the_longest_text_is_read_and_a_longer_one_is_not() {
        assert!(Location::parse(&"a".repeat(MAX_LENGTH)).is_ok());
        assert!(Location::parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_password_survives(text in "(https|ssh|http|file)?(://)?[a-z.:@/%?#\\[\\]-]{0,30}") {
            if let Ok(location) = Location::parse(&text) {
                let named = location.to_string();
                if matches!(location, Location::Http(_)) {
                    prop_assert!(!authority(&named).contains('@'), "{}", named);
                }
            }
        }
    }
}
