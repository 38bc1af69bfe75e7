//! What settings files say, and that no secret in them is repeated.

use super::*;

fn settings(body: &str) -> Settings {
    read("settings.yaml", &format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}")).unwrap()
}

#[test]
fn a_registry_is_found_by_host_and_longest_path() {
    let settings = settings(
        "registries:
- {host: ghcr.io, concurrency: 1}
- {host: ghcr.io, paths: [acme], concurrency: 2}
- {host: ghcr.io, paths: [other, acme/web], concurrency: 3}
- {host: index.docker.io, paths: [library], concurrency: 4}
",
    );
    for (image, found) in [
        ("ghcr.io/else/x", Some(1)),
        ("ghcr.io/acme/api", Some(2)),
        ("ghcr.io/acmes/api", Some(1)),
        ("ghcr.io/acme/web", Some(3)),
        ("ghcr.io/acme/web/nginx", Some(3)),
        ("ghcr.io/acme/website", Some(2)),
        ("nginx", Some(4)),
        ("acme/web", None),
        ("quay.io/acme/web", None),
    ] {
        let registry = settings.registry(&Repository::parse(image).unwrap());
        let number = registry.and_then(|registry| registry.concurrency).map(NonZeroUsize::get);
        assert_eq!(number, found, "{image}");
    }
}

#[test]
fn credentials_never_reach_a_server_whose_name_only_begins_alike() {
    let settings = settings(
        "git:
- {url: 'https://git.example.com', caFile: all}
- {url: 'https://git.example.com/acme', caFile: acme}
- {url: 'http://localhost:3000/', caFile: local}
- {url: 'ssh://git@git.example.com', sshKeyFile: key}
",
    );
    for (url, found) in [
        ("https://git.example.com/x/y.git", Some("all")),
        ("https://git.example.com:443/x", Some("all")),
        ("https://git.example.com/acme/config", Some("acme")),
        ("https://git.example.com/acmes/config", Some("all")),
        ("https://git.example.com.evil.example/acme/config", None),
        ("https://git.example.com@evil.example/acme/config", None),
        ("https://git.example.com:444/acme", None),
        ("http://git.example.com/acme", None),
        ("http://localhost:3000/x", Some("local")),
        ("ssh://git@git.example.com/x", Some("key")),
        ("ssh://root@git.example.com/x", None),
    ] {
        let git = settings.git(&Url::parse(url).unwrap());
        let file = git.and_then(|git| git.ca_file.as_ref().or(git.ssh_key_file.as_ref()));
        assert_eq!(file.and_then(|file| file.to_str()), found, "{url}");
    }
}

#[test]
fn what_is_not_said_is_the_default() {
    let settings = settings("");
    assert!(settings.registries.is_empty() && settings.git.is_empty());
    assert_eq!(settings.commit, CommitSettings::default());
    assert!(settings.commit.trailers);
    assert_eq!(settings.limits, Limits::default());
}

#[test]
fn everything_that_is_said_arrives() {
    let settings = settings(
        "registries:
- host: GHCR.io
  credentials: {userEnv: U, passwordFile: p}
  plainHttp: true
  caFile: ca.pem
- {host: quay.io, credentials: {helper: ecr-login}}
- {host: public.ecr.aws, credentials: {cloud: aws}}
dockerConfigFiles: [pull/.dockerconfigjson]
clouds: [azure, google]
commit:
  author: {name: Bot, email: bot@example.com}
  subject: '{{ count }} changes'
  trailers: false
  signOff: true
  signing: {keyFile: key, passphraseEnv: PHRASE}
limits: {maxFileSize: 512KiB, timeout: 2m}
",
    );
    let registry = &settings.registries[0];
    assert_eq!(registry.host, "ghcr.io");
    assert_eq!(registry.plain_http, Some(true));
    let said =
        |text: &str| self::settings(&format!("registries: [{{host: a.example.com{text}}}]")).registries[0].plain_http;
    assert_eq!((said(", plainHttp: false"), said("")), (Some(false), None));
    assert_eq!(registry.ca_file, Some(PathBuf::from("ca.pem")));
    let user = UserSource::From(SecretSource::Env("U".to_owned()));
    let password = SecretSource::File(PathBuf::from("p"));
    assert_eq!(registry.credentials, Some(RegistryLogin::Given(Credentials::Basic { user, password })));
    assert_eq!(settings.registries[1].credentials, Some(RegistryLogin::Helper("ecr-login".to_owned())));
    assert_eq!(settings.registries[2].credentials, Some(RegistryLogin::Cloud(Cloud::Aws)));
    assert_eq!(settings.docker_config_files, [PathBuf::from("pull/.dockerconfigjson")]);
    assert_eq!(settings.clouds, Some(vec![Cloud::Azure, Cloud::Google]));
    assert_eq!(settings.commit.author, Some(("Bot".to_owned(), "bot@example.com".to_owned())));
    assert_eq!(settings.commit.committer, None);
    assert_eq!(settings.commit.words.subject.unwrap().source(), "{{ count }} changes");
    assert!(!settings.commit.trailers);
    assert!(settings.commit.sign_off);
    let signing = settings.commit.signing.unwrap();
    assert_eq!(signing.key_file, PathBuf::from("key"));
    assert_eq!(signing.passphrase, Some(SecretSource::Env("PHRASE".to_owned())));
    assert_eq!(settings.limits.max_file_size, Some(512 * 1024));
    assert_eq!(settings.limits.timeout, Some(Duration::from_secs(120)));
}

/// Wherever a secret is put by mistake, no diagnostic shows it.
#[test]
fn a_secret_in_the_wrong_place_is_never_repeated() {
    for body in [
        "registries: [{host: a.example.com, credentials: {password: hunter2, wrong: 1}}]",
        "registries: [{host: a.example.com, credentials: {pasword: hunter2}}]",
        "registries:\n- {host: a.example.com, token: hunter2}",
        "registries: [{host: a.example.com, credentials: {tokenEnv: 'hunter2!'}}]",
        "registries: [{host: a.example.com, credentials: {password: 'hunter2}}]",
        "git: [{url: 'https://bot:hunter2@git.example.com'}]",
        "git: [{url: 'https://hunter2@git.example.com'}]",
        "git: [{url: 'bot:hunter2@git.example.com/x'}]",
        "git: [{url: 'https://git.example.com', sshKey: hunter2}]",
        "git: [{url: 'https://git.example.com', credentials: {token: hunter2}, credentials: {}}]",
    ] {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        let problems = read("settings.yaml", &text).expect_err(body);
        for problem in problems {
            let shown = problem.render(&text, false);
            assert!(!shown.contains("hunter2"), "{body}\n{shown}");
        }
    }
}
