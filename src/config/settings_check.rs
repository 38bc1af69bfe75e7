//! From the settings' shape to plain data: what the values of one entry mean together.

use super::forges;
use super::ledger;
use super::notifications;
use super::pace;
use super::places::{FilePath, VariableName, loopback};
use super::problems::Problems;
use super::repositories;
use super::settings::{
    CommitSettings, Credentials, GitSettings, Limits, RegistryLogin, RegistrySettings, SecretSource, Settings,
    SigningSettings, UserSource,
};
use super::settings_file::{
    AuthorShape, CommitShape, CredentialsShape, GitShape, LimitsShape, RegistryCredentialsShape, RegistryShape,
    SettingsFile, SignaturesShape, SourcesShape,
};
use super::shape::{Field, Spanned};
use super::telemetry;
use super::tenancy::Tenancy;
use super::webhooks;
use crate::policy::Words;
use crate::text::Span;
use std::path::PathBuf;

/// The settings that a file means; what is wrong goes to `problems`.
pub(super) fn settings(file: SettingsFile, problems: &mut Problems) -> Settings {
    let mut settings = Settings {
        sources: sources(file.sources),
        commit: commit(file.commit.value().unwrap_or_default(), problems),
        tenancy: Tenancy::from_shapes(file.tenancy.given(), problems),
        trust_root_file: trust_root(file.signatures),
        limits: limits(file.limits.value().unwrap_or_default()),
        freeze: pace::freeze(file.freeze),
        proxy: file.proxy.value().map(|proxy| proxy.0),
        docker_config_files: values(file.docker_config_files).into_iter().flatten().map(|path| path.0).collect(),
        clouds: values(file.clouds),
        pull_requests: file.pull_requests.value().map(forges::pull_requests).unwrap_or_default(),
        repositories: repositories::repositories(file.repositories, problems),
        service: repositories::service(file.service, problems),
        webhooks: webhooks::webhooks(file.webhooks, problems),
        notifications: notifications::notifications(file.notifications, problems),
        otlp: telemetry::otlp(file.telemetry, problems),
        ..Settings::default()
    };
    settings.ledger = ledger::ledger(file.ledger, &settings.pull_requests.prefix, problems);
    for shape in file.registries.value().unwrap_or_default() {
        let span = shape.span;
        if let Some(registry) = registry(shape.value, problems) {
            let same = |other: &RegistrySettings| other.host == registry.host && overlap(&other.paths, &registry.paths);
            if settings.registries.iter().any(same) {
                let message = format!("`{}` is described twice", registry.host);
                problems.error(span, message, "tell the entries apart by `paths`");
            }
            settings.registries.push(registry);
        }
    }
    for shape in file.git.value().unwrap_or_default() {
        let span = shape.span;
        if let Some(git) = git(shape.value, problems) {
            if settings.git.iter().any(|other| other.url == git.url) {
                problems.error(span, format!("`{}` is described twice", git.url), "");
            }
            settings.git.push(git);
        }
    }
    for shape in file.forges.value().unwrap_or_default() {
        let span = shape.span;
        if let Some(forge) = forges::forge(shape.value, problems) {
            if settings.forges.iter().any(|other| other.url == forge.url) {
                problems.error(span, format!("`{}` is described twice", forge.url), "");
            }
            settings.forges.push(forge);
        }
    }
    settings
}

/// The hosts that are named; none at all is an answer too.
fn sources(field: Field<SourcesShape>) -> Option<Vec<String>> {
    let hosts = field.value()?.hosts.value()?;
    Some(hosts.into_iter().map(|host| host.value.0).collect())
}

fn values<T>(field: Field<Vec<Spanned<T>>>) -> Option<Vec<T>> {
    Some(field.value()?.into_iter().map(|one| one.value).collect())
}

/// Whether two entries have a path in common; no paths is the one path of everything.
fn overlap(one: &[String], other: &[String]) -> bool {
    (one.is_empty() && other.is_empty()) || one.iter().any(|path| other.contains(path))
}

fn registry(shape: RegistryShape, problems: &mut Problems) -> Option<RegistrySettings> {
    together(&shape, problems);
    let paths = shape.paths.value().unwrap_or_default();
    let mirrors = shape.mirrors.value().unwrap_or_default();
    Some(RegistrySettings {
        credentials: registry_login(shape.credentials, problems),
        host: shape.host.value()?.0,
        paths: paths.into_iter().map(|path| path.value.0).collect(),
        plain_http: shape.plain_http.value(),
        ca_file: file(shape.ca_file),
        client_cert_file: file(shape.client_cert_file),
        client_key_file: file(shape.client_key_file),
        concurrency: shape.concurrency.value().map(|count| count.0),
        cache_for: shape.cache_for.value().map(|time| time.0),
        requests_per_second: shape.requests_per_second.value().map(|rate| rate.0),
        proxy: shape.proxy.value().map(|proxy| proxy.0),
        mirrors: mirrors.into_iter().map(|mirror| mirror.value.0).collect(),
        mirrors_only: shape.mirrors_only.value().unwrap_or(false),
    })
}

/// Keys that mean nothing alone.
fn together(shape: &RegistryShape, problems: &mut Problems) {
    match (place(&shape.client_cert_file), place(&shape.client_key_file)) {
        (Some(at), None) => problems.error(at, "a certificate without its key", "add `clientKeyFile`"),
        (None, Some(at)) => problems.error(at, "a key without its certificate", "add `clientCertFile`"),
        _ => {}
    }
    let only = shape.mirrors_only.as_given().filter(|only| only.value);
    if let Some(only) = only
        && shape.mirrors.as_given().is_none_or(|mirrors| mirrors.value.is_empty())
    {
        problems.error(only.span, "no registry would be asked", "add `mirrors`");
    }
}

fn git(shape: GitShape, problems: &mut Problems) -> Option<GitSettings> {
    if let Some(url) = shape.url.as_given() {
        let over_ssh = url.value.0.scheme() == "ssh";
        let wrong = |key: &str, place: Option<Span>, hint: &str, problems: &mut Problems| {
            if let Some(span) = place {
                problems.error(span, format!("`{key}` has no effect on {}:// URLs", url.value.0.scheme()), hint);
            }
        };
        if over_ssh {
            wrong("credentials", place(&shape.credentials), "SSH uses `sshKeyFile`", problems);
            wrong("caFile", place(&shape.ca_file), "SSH uses `knownHostsFile`", problems);
        } else {
            wrong("sshKeyFile", place(&shape.ssh_key_file), "use `credentials`", problems);
            wrong("knownHostsFile", place(&shape.known_hosts_file), "use `caFile`", problems);
        }
        if let Some(span) = place(&shape.credentials)
            && url.value.0.scheme() == "http"
            && !loopback(&url.value.0)
        {
            problems.error(span, "credentials would travel unencrypted", "use an https:// URL");
        }
    }
    Some(GitSettings {
        credentials: credentials(shape.credentials, problems),
        url: shape.url.value()?.0,
        ssh_key_file: file(shape.ssh_key_file),
        known_hosts_file: file(shape.known_hosts_file),
        ca_file: file(shape.ca_file),
    })
}

fn place<T>(field: &Field<T>) -> Option<Span> {
    field.as_given().map(|given| given.span)
}

fn file(field: Field<FilePath>) -> Option<PathBuf> {
    field.value().map(|path| path.0)
}

/// One of: a helper, a cloud, a login.
fn registry_login(field: Field<RegistryCredentialsShape>, problems: &mut Problems) -> Option<RegistryLogin> {
    let Spanned { value: shape, span, sound } = field.given()?;
    let (helper, cloud) = (shape.helper.given(), shape.cloud.given());
    let login = shape.login;
    let somebody_knows = helper.as_ref().map(|one| one.span).or(cloud.as_ref().map(|one| one.span));
    let Some(place) = somebody_knows else {
        let field = Field::Given(Spanned { value: login, span, sound });
        return credentials(field, problems).map(RegistryLogin::Given);
    };
    if (helper.is_some() && cloud.is_some()) || !login.is_empty() {
        problems.error(
            place,
            "credentials of two kinds",
            "keep one of `helper`, `cloud`, the token, or user and password",
        );
        return None;
    }
    match (helper, cloud) {
        (Some(helper), _) => Some(RegistryLogin::Helper(helper.value.0)),
        (None, cloud) => cloud.map(|cloud| RegistryLogin::Cloud(cloud.value)),
    }
}

impl CredentialsShape {
    fn is_empty(&self) -> bool {
        self.user.is_absent()
            && self.user_env.is_absent()
            && self.user_file.is_absent()
            && self.password_env.is_absent()
            && self.password_file.is_absent()
            && self.token_env.is_absent()
            && self.token_file.is_absent()
    }
}

/// A user with a password, or a token; each given in one way.
pub(super) fn credentials(field: Field<CredentialsShape>, problems: &mut Problems) -> Option<Credentials> {
    let Spanned { value: shape, span, sound } = field.given()?;
    let name = shape.user.given().map(|user| (UserSource::Name(user.value), user.span));
    let user_source = source("user", shape.user_env, shape.user_file, problems);
    let password = source("password", shape.password_env, shape.password_file, problems);
    let token = source("token", shape.token_env, shape.token_file, problems);
    if let (Some(_), Some((_, second))) = (&name, &user_source) {
        problems.error(*second, "the user is named twice", "keep one of `user`, `userEnv`, `userFile`");
    }
    let user = name.or_else(|| user_source.map(|(source, span)| (UserSource::From(source), span)));
    match (user, password, token) {
        (None, None, Some((token, _))) => Some(Credentials::Token(token)),
        (Some((user, _)), Some((password, _)), None) => Some(Credentials::Basic { user, password }),
        // A part that is there and wrong was reported; what remains says nothing.
        _ if !sound => None,
        (user, password, Some((_, at))) => {
            let other = user.map(|(_, span)| span).or(password.map(|(_, span)| span));
            let hint = "keep either the token, or user and password";
            problems.error(other.unwrap_or(at), "a token stands alone", hint);
            None
        }
        (Some((_, at)), None, None) => {
            problems.error(at, "a user without a password", "add `passwordEnv` or `passwordFile`");
            None
        }
        (None, Some((_, at)), None) => {
            problems.error(at, "a password without a user", "add `user`, `userEnv` or `userFile`");
            None
        }
        (None, None, None) => {
            problems.error(span, "no credentials", "`tokenEnv`, or `user` with `passwordEnv`, or each from a file");
            None
        }
    }
}

/// The secret that a variable or a file holds, and where that is said.
fn source(
    what: &str,
    env: Field<VariableName>,
    file: Field<FilePath>,
    problems: &mut Problems,
) -> Option<(SecretSource, Span)> {
    let env = env.given().map(|env| (SecretSource::Env(env.value.0), env.span));
    let file = file.given().map(|file| (SecretSource::File(file.value.0), file.span));
    if let (Some(_), Some((_, second))) = (&env, &file) {
        let hint = format!("keep one of `{what}Env` and `{what}File`");
        problems.error(*second, format!("the {what} comes from two places"), hint);
    }
    env.or(file)
}

fn trust_root(signatures: Field<SignaturesShape>) -> Option<PathBuf> {
    file(signatures.value()?.trust_root_file)
}

fn commit(shape: CommitShape, problems: &mut Problems) -> CommitSettings {
    let signing = shape.signing.value().and_then(|signing| {
        let passphrase = source("passphrase", signing.passphrase_env, signing.passphrase_file, problems);
        let key_file = signing.key_file.value()?.0;
        Some(SigningSettings { key_file, passphrase: passphrase.map(|(source, _)| source) })
    });
    CommitSettings {
        author: author(shape.author, problems),
        committer: author(shape.committer, problems),
        words: Words { subject: shape.subject.value().map(|text| text.0), body: shape.body.value().map(|text| text.0) },
        trailers: shape.trailers.value().unwrap_or(true),
        sign_off: shape.sign_off.value().unwrap_or(false),
        signing,
    }
}

fn author(shape: Field<AuthorShape>, problems: &mut Problems) -> Option<(String, String)> {
    let author = shape.value()?;
    let (name, email) = (author.name.given()?, author.email.given()?);
    for (text, what) in [(&name, "a name"), (&email, "an address")] {
        if text.value.contains(|c: char| c.is_control() || c == '<' || c == '>') {
            problems.error(
                text.span,
                format!("Git does not take this as {what}"),
                "leave out `<`, `>` and line breaks",
            );
        }
    }
    Some((name.value, email.value))
}

fn limits(shape: LimitsShape) -> Limits {
    Limits {
        max_file_size: shape.max_file_size.value().map(|size| size.0),
        timeout: shape.timeout.value().map(|time| time.0),
        run_deadline: shape.run_deadline.value().map(|time| time.0),
        history: shape.history.value().map(|count| count.0),
        changes_per_run: shape.changes_per_run.value().map(|count| count.0),
    }
}
