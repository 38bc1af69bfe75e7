//! Who an SSH server is, by a `known_hosts` text. Pure. Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
//!
//! Read are plain, bracketed (`[host]:port`), hashed (`|1|salt|hash`) and wildcard (`*`, `?`, `!not`) names, and
//! `@revoked`. `@cert-authority` lines and lines that cannot be read are passed over: they never make a host known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use russh::keys::ssh_key::{Algorithm, PublicKey};

/// What the text says of a key that a host showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    /// No line names the host with a key of this kind.
    Unknown,
    /// A line names the host with another key of the same kind.
    Changed {
        line: usize,
    },
    /// An `@revoked` line names this key.
    Revoked {
        line: usize,
    },
}

/// One line that names the host.
struct Entry {
    line: usize,
    revoked: bool,
    key: PublicKey,
}

/// Judges the key. One matching line is enough, as for OpenSSH; a revocation outranks all.
pub(super) fn check(text: &str, host: &str, port: u16, key: &PublicKey) -> Verdict {
    let entries = entries(text, host, port);
    let same = |entry: &Entry| entry.key.key_data() == key.key_data();
    if let Some(entry) = entries.iter().find(|entry| entry.revoked && same(entry)) {
        return Verdict::Revoked { line: entry.line };
    }
    let mut trusted = entries.iter().filter(|entry| !entry.revoked);
    if trusted.clone().any(same) {
        return Verdict::Known;
    }
    match trusted.find(|entry| entry.key.algorithm() == key.algorithm()) {
        Some(entry) => Verdict::Changed { line: entry.line },
        None => Verdict::Unknown,
    }
}

/// The kinds of keys that are known for the host: the server is asked for one of these.
pub(super) fn algorithms(text: &str, host: &str, port: u16) -> Vec<Algorithm> {
    let mut found = Vec::new();
    for entry in entries(text, host, port).into_iter().filter(|entry| !entry.revoked) {
        let algorithm = entry.key.algorithm();
        if !found.contains(&algorithm) {
            found.push(algorithm);
        }
    }
    found
}

fn entries(text: &str, host: &str, port: u16) -> Vec<Entry> {
    let host = host.to_ascii_lowercase();
    let name = if port == 22 { host } else { format!("[{host}]:{port}") };
    text.lines().enumerate().filter_map(|(at, line)| entry(at + 1, line, &name)).collect()
}

fn entry(line: usize, text: &str, name: &str) -> Option<Entry> {
    let mut words = text.split_whitespace().peekable();
    let marker = words.next_if(|word| word.starts_with('@'));
    let names = words.next().filter(|names| !names.starts_with('#'))?;
    let (kind, key) = (words.next()?, words.next()?);
    if marker.is_some_and(|marker| marker != "@revoked") || !names_match(names, name) {
        return None;
    }
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).ok()?;
    Some(Entry { line, revoked: marker.is_some(), key })
}

/// Whether the comma-separated patterns name the host; one that starts with `!` and matches excludes it.
fn names_match(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if wildcard(not.to_ascii_lowercase().as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None if pattern.starts_with("|1|") => found |= hashed(pattern, name),
            None => found |= wildcard(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `*` is any text, `?` one character. Linear in the product of the lengths.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (p, n) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// `|1|base64 salt|base64 HMAC-SHA1(salt, name)`.
fn hashed(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('|').skip(2);
    let (Some(salt), Some(hash)) = (parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (BASE64.decode(salt), BASE64.decode(hash)) else {
        return false;
    };
    hmac_sha1(&salt, name.as_bytes()).is_some_and(|found| found == hash)
}

/// RFC 2104 on the SHA-1 that Git needs anyway; a key longer than a block never occurs here (OpenSSH's salts have 20 bytes).
fn hmac_sha1(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 64;
    if key.len() > BLOCK {
        return None;
    }
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let sha1 = |first: &[u8], second: &[u8]| {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(first);
        hasher.update(second);
        hasher.try_finalize().ok().map(|id| id.as_slice().to_vec())
    };
    sha1(&pad(0x5c), &sha1(&pad(0x36), text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
    /// `example.com` hashed by `ssh-keygen -H`.
    const HASHED: &str = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";

    fn verdict(text: &str, host: &str, port: u16) -> Verdict {
        check(text, host, port, &PublicKey::from_openssh(A).unwrap())
    }

    #[test]
    fn a_host_is_known_by_any_spelling_of_its_name() {
        for (names, host, port) in [
            ("example.com", "example.com", 22),
            ("other,example.com,192.0.2.1", "Example.com", 22),
            ("[example.com]:2222", "example.com", 2222),
            ("*.example.com,!bad.example.com", "git.example.com", 22),
            ("git?.example.com", "git1.example.com", 22),
            (HASHED, "example.com", 22),
        ] {
            assert_eq!(verdict(&format!("# comment\n{names} {A} note\n"), host, port), Verdict::Known, "{names}");
        }
    }

    #[test]
    fn a_host_is_not_known_by_another_name_or_port() {
        for (names, host, port) in [
            ("example.com", "example.org", 22),
            ("example.com", "example.com", 2222),
            ("[example.com]:2222", "example.com", 22),
            ("*.example.com,!bad.example.com", "bad.example.com", 22),
            (HASHED, "example.org", 22),
            ("#example.com", "example.com", 22),
            ("@cert-authority example.com", "example.com", 22),
            ("|1|", "example.com", 22),
        ] {
            assert_eq!(verdict(&format!("{names} {A}\n"), host, port), Verdict::Unknown, "{names}");
        }
        assert_eq!(verdict("", "example.com", 22), Verdict::Unknown);
        assert_eq!(verdict("example.com ssh-ed25519 !!!\n", "example.com", 22), Verdict::Unknown);
    }

    #[test]
    fn a_changed_key_is_named_by_its_line_unless_another_line_has_the_key() {
        let changed = format!("# comment\n\nexample.com {B}\n");
        assert_eq!(verdict(&changed, "example.com", 22), Verdict::Changed { line: 3 });
        let both = format!("example.com {B}\nexample.com {A}\n");
        assert_eq!(verdict(&both, "example.com", 22), Verdict::Known);
    }

    #[test]
    fn a_revoked_key_is_never_known() {
        let text = format!("example.com {A}\n@revoked * {A}\n");
        assert_eq!(verdict(&text, "example.com", 22), Verdict::Revoked { line: 2 });
    }

    #[test]
    fn known_kinds_of_keys_are_listed_once() {
        let text = format!("example.com {A}\nexample.com {B}\nother {B}\n");
        assert_eq!(algorithms(&text, "example.com", 22), [Algorithm::Ed25519]);
        assert!(algorithms(&text, "example.org", 22).is_empty());
    }
}
