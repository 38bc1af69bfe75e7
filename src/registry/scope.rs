//! What an entry is for: everything, a host or a pattern of hosts, or a path there.

use crate::image::DOCKER_HUB;

/// The repositories that an entry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// `HOST` or `HOST/PATH`; the host may be a pattern.
    Below(String),
    Everything,
}

impl Scope {
    pub(super) fn below(written: &str) -> Scope {
        Scope::Below(normal_scope(written))
    }

    pub(super) fn covers(&self, place: &str) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Below(scope) => covers(scope, place),
        }
    }

    /// What is narrower is greater.
    pub(super) fn narrowness(&self) -> (u8, usize) {
        match self {
            Scope::Everything => (0, 0),
            Scope::Below(scope) => {
                let pattern = scope.split('/').next().is_some_and(|host| host.contains('*'));
                (if pattern { 1 } else { 2 }, scope.len())
            }
        }
    }
}

fn covers(scope: &str, place: &str) -> bool {
    let (scope_host, scope_path) = scope.split_once('/').unwrap_or((scope, ""));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let below = scope_path.is_empty()
        || path.strip_prefix(scope_path).is_some_and(|rest| rest.starts_with('/') || rest.is_empty());
    below && host_matches(scope_host, host)
}

/// Kubernetes lets the host of an entry be a pattern: `*` stands for any characters of one part, and no part is left out.
fn host_matches(pattern: &str, host: &str) -> bool {
    if !pattern.contains('*') {
        return pattern == host;
    }
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(host).all(|(pattern, part)| part_matches(pattern, part))
}

/// Whether what stands round the stars of `pattern` stands in `part` in that order, without overlap.
fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == part;
    };
    let Some(mut left) = part.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

/// `HOST/PATH` in lower-case host, whatever Docker wrote: a URL, `index.docker.io/v1/`, a final slash.
fn normal_scope(written: &str) -> String {
    let bare = written.trim();
    let url = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    let (host, path) = url.unwrap_or(bare).split_once('/').unwrap_or((url.unwrap_or(bare), ""));
    let host = host.to_ascii_lowercase();
    let path = path.trim_matches('/');
    let host = match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB,
        other => other,
    };
    // The API's version in a key is how Docker wrote addresses once; it is no part of any repository's name.
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}
