//! What a person can try when a registry cannot be read. The facts are the registry's; the hints live here.

use crate::port::{RegistryError, RegistryErrorKind};
use crate::registry::check::{Checked, Found, LoginKind, Subject};

/// One or more things to try, the likeliest first; empty when nothing is wrong.
pub(super) fn advice(subject: &Subject, checked: &Checked) -> Vec<String> {
    let mut tips = Vec::new();
    if let Found::Failed { source, why } = &checked.credentials {
        tips.push(no_login(subject, source, why));
    }
    if let Err(error) = &checked.reach {
        tips.extend(unreached(subject, error));
    } else if let Some(Err(error)) = &checked.login {
        tips.extend(unknown(subject, checked, error));
    } else if let Some(Err(error)) = &checked.list {
        tips.extend(unread(subject, checked, error));
    }
    tips
}

fn no_login(subject: &Subject, source: &str, why: &str) -> String {
    let program = source.split(' ').next().filter(|word| word.starts_with("docker-credential-"));
    match program {
        Some(program) if why.contains("not found on PATH") => {
            format!("install {program} where PATH of this process finds it, or give a login in the settings")
        }
        Some(program) => format!(
            "see what the helper itself says, as the same user: echo {} | {program} get",
            if subject.host() == "docker.io" { "https://index.docker.io/v1/" } else { subject.host() }
        ),
        None if why.contains("holds no user and password") => {
            format!("log in again (docker login {}), or mend the entry in {source}", subject.host())
        }
        None => "give this process an identity of the cloud that may read the registry, or a login in the settings \
            (`registries`, `credentials`)"
            .to_owned(),
    }
}

fn unreached(subject: &Subject, error: &RegistryError) -> Vec<String> {
    use RegistryErrorKind::*;
    let host = subject.host();
    let said = error.detail.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match &error.kind {
        Unreachable if has(&["certificate", "unknownissuer", "unknown issuer"]) => vec![format!(
            "name the authority that signed its certificate in the settings: registries: [{{host: {host}, caFile: PATH}}]"
        )],
        Unreachable if has(&["invalid message", "corrupt message", "invalidcontenttype", "wrong version"]) => {
            vec![format!(
                "if it speaks plain HTTP, say so in the settings: registries: [{{host: {host}, plainHttp: true}}]"
            )]
        }
        Unreachable if has(&["dns", "lookup", "name or service", "resolve", "no address"]) => {
            vec![format!("check how {host} is spelt, and whether this machine can resolve the name")]
        }
        Unreachable if has(&["refused"]) => {
            vec![format!("nothing listens there: check the port in {host}, and whether the registry runs")]
        }
        Unreachable | TimedOut => {
            vec!["check the way there: a firewall, or a proxy that HTTPS_PROXY and NO_PROXY should name".to_owned()]
        }
        Malformed => vec![format!(
            "check that {host} is the registry itself and not a web page beside it (registry.gitlab.example.com, not \
             gitlab.example.com)"
        )],
        Unauthorized => vec!["ask who runs the registry: its challenge cannot be met safely".to_owned()],
        _ => later(error),
    }
}

fn unknown(subject: &Subject, checked: &Checked, error: &RegistryError) -> Vec<String> {
    use RegistryErrorKind::*;
    match (&error.kind, &checked.credentials) {
        (Unauthorized | Forbidden, Found::Failed { .. }) => Vec::new(),
        (Unauthorized | Forbidden, Found::Login { source, kind }) => vec![renew(subject, source, kind)],
        (Unauthorized | Forbidden, _) => vec![give(subject)],
        (Unreachable | TimedOut, _) => {
            vec!["its token service must be reachable from here too: check firewall and proxy".to_owned()]
        }
        _ => later(error),
    }
}

fn unread(subject: &Subject, checked: &Checked, error: &RegistryError) -> Vec<String> {
    use RegistryErrorKind::*;
    match (&error.kind, &checked.credentials) {
        // What to do about that login was said before.
        (Unauthorized | Forbidden | NotFound, Found::Failed { .. }) => Vec::new(),
        (Unauthorized, Found::Login { source, kind }) => vec![renew(subject, source, kind)],
        (Unauthorized, _) => vec![give(subject)],
        (Forbidden, Found::Login { source, .. }) => {
            vec![format!("the login from {source} may not read this repository: give it the right to pull")]
        }
        (Forbidden, _) => vec![give(subject)],
        (NotFound, Found::Login { .. }) => {
            vec!["check how the repository is spelt, and that this login may see it".to_owned()]
        }
        (NotFound, _) => {
            vec!["check how the repository is spelt".to_owned(), format!("if it is private: {}", give(subject))]
        }
        (Malformed, _) => {
            vec!["something between here and the registry may answer in its place: look at proxies".to_owned()]
        }
        _ => later(error),
    }
}

fn renew(subject: &Subject, source: &str, kind: &LoginKind) -> String {
    let what = match kind {
        LoginKind::Password { .. } => "user or password is wrong or has expired",
        LoginKind::Token | LoginKind::IdentityToken => "the token is wrong or has expired",
    };
    format!("{what}: renew it in {source}, or log in again (docker login {})", subject.host())
}

fn give(subject: &Subject) -> String {
    let host = subject.host();
    format!(
        "give it a login: docker login {host}, or in the settings: registries: [{{host: {host}, credentials: {{user: NAME, \
         passwordFile: PATH}}}}]"
    )
}

fn later(error: &RegistryError) -> Vec<String> {
    match error.kind {
        RegistryErrorKind::RateLimited { .. } => {
            vec!["wait; a login often has higher limits than a stranger".to_owned()]
        }
        _ => vec!["try again later; if it stays so, the registry's own log says more".to_owned()],
    }
}
