//! The shape of the settings file: its keys, their types, and one sentence for each, which editors show.
//!
//! What the values mean together, and the plain data that the rest of the program gets, stand in `settings`.

use super::declare::{record, words};
use super::forges::{ForgeShape, PullRequestsShape};
use super::globs::FileGlob;
use super::ledger::LedgerShape;
use super::notifications::NotificationsShape;
use super::pace::{ChangeCount, CommitCount, FreezeShape};
use super::places::{
    ByteSize, Concurrency, FilePath, HelperWord, HostName, PathPrefix, RemoteUrl, VariableName, WaitTime,
};
use super::policy_file::ApiVersion;
use super::repositories::{RepositoryShape, ServiceShape};
use super::routes::{MirrorPlace, ProxyPlace, RequestRate, RunTime};
use super::settings::Cloud;
use super::shape::{Refusal, Spanned};
use super::sources::SourceHost;
use super::telemetry::TelemetryShape;
use super::webhooks::WebhooksShape;
use super::wording::{BodyText, SubjectText};
use crate::policy::ImagePattern;

/// What a settings file says it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct SettingsKind;

words! { SettingsKind { "Settings" => SettingsKind, } }
words! { Cloud { "aws" => Cloud::Aws, "google" => Cloud::Google, "azure" => Cloud::Azure, } }

record! {
    /// The operator's settings: how registries and Git servers are reached, and who may touch what.
    pub(super) struct SettingsFile {
        /// The version of this format.
        "apiVersion" required => api_version: ApiVersion,
        /// What this document is.
        "kind" required => kind: SettingsKind,
        /// How registries are reached. Of several entries for a host, the one with the longest matching path counts.
        "registries" => registries: Vec<Spanned<RegistryShape>>,
        /// Files in the form of Docker's config.json, such as mounted pull secrets of Kubernetes. Credential helpers that
        /// they name are not run.
        "dockerConfigFiles" => docker_config_files: Vec<Spanned<FilePath>>,
        /// The clouds whose identities log in to their own registries. Without it: those that the environment offers by
        /// variables, after everything else; `[]` is none.
        "clouds" => clouds: Vec<Spanned<Cloud>>,
        /// How Git servers are reached. Of several entries, the one with the longest matching URL counts.
        "git" => git: Vec<Spanned<GitShape>>,
        /// How pull requests are opened. Of several entries, the one with the longest matching URL counts. Repositories on
        /// github.com, gitlab.com, codeberg.org, bitbucket.org and dev.azure.com need none.
        "forges" => forges: Vec<Spanned<ForgeShape>>,
        /// What holds for all pull requests.
        "pullRequests" => pull_requests: PullRequestsShape,
        /// Where `select: commit` may look.
        "sources" => sources: SourcesShape,
        /// What commits look like.
        "commit" => commit: CommitShape,
        /// The proxy that registries are reached through, or `direct`. Without it: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
        "proxy" => proxy: ProxyPlace,
        /// Which policy files may touch which files and images. Without it: all of them everything.
        "tenancy" => tenancy: Vec<Spanned<TenantShape>>,
        /// Whom keyless signatures of images are believed by.
        "signatures" => signatures: SignaturesShape,
        /// A time in which nothing is written, whatever the policies say.
        "freeze" => freeze: FreezeShape,
        /// Where the ledger is kept: what is put on hold by command, and when images were first seen. `off` is nowhere.
        "ledger" => ledger: LedgerShape,
        /// Bounds for what comes from outside.
        "limits" => limits: LimitsShape,
        /// What `landwaiter serve` keeps up to date.
        "repositories" => repositories: Vec<Spanned<RepositoryShape>>,
        /// How `landwaiter serve` goes about it.
        "service" => service: ServiceShape,
        /// Pushes that registries and forges tell `landwaiter serve` of.
        "webhooks" => webhooks: WebhooksShape,
        /// Who is told what `landwaiter serve` does, and what it cannot do.
        "notifications" => notifications: NotificationsShape,
        /// What `landwaiter serve` tells other programs of its runs.
        "telemetry" => telemetry: TelemetryShape,
    }
    refused {
        "proxies" => Refusal::Never("is called `proxy` here", "write `proxy: http://proxy.example.com:3128`"),
        "rates" => Refusal::Never("belongs under `registries`", "write `requestsPerSecond` there"),
        "signing" => Refusal::Never("belongs under `commit`", "write `commit: {signing: {keyFile: ...}}`"),
        "policies" => Refusal::Never("belong in the config repository", "see `landwaiter schema policies`"),
    }
}

record! {
    /// How one registry is reached.
    pub(super) struct RegistryShape {
        /// The host as image names spell it, with its port when it has one.
        "host" required => host: HostName,
        /// Only for repositories below these paths. Without it: all of the host.
        "paths" => paths: Vec<Spanned<PathPrefix>>,
        /// Whom to be there. Without it: what Docker's configuration says.
        "credentials" => credentials: RegistryCredentialsShape,
        /// Speaks HTTP without encryption. Loopback addresses may always.
        "plainHttp" => plain_http: bool,
        /// PEM certificates that are trusted in addition to the system's.
        "caFile" => ca_file: FilePath,
        /// The certificate to be known by, PEM, with those it is signed by. Needs `clientKeyFile`.
        "clientCertFile" => client_cert_file: FilePath,
        /// The private key of that certificate, PEM, not encrypted.
        "clientKeyFile" => client_key_file: FilePath,
        /// How many requests may be under way at once, 1 to 64.
        "concurrency" => concurrency: Concurrency,
        /// How long a tag list that was read counts instead of asking again, `1s` to `1h`: never if nothing is said.
        "cacheFor" => cache_for: WaitTime,
        /// How many requests may be sent in a second, 1 to 1000.
        "requestsPerSecond" => requests_per_second: RequestRate,
        /// The proxy that this registry is reached through, or `direct`.
        "proxy" => proxy: ProxyPlace,
        /// What is asked instead, in this order: hosts, or hosts with a path. Each stands for the host, or with `paths` for the
        /// host and the path.
        "mirrors" => mirrors: Vec<Spanned<MirrorPlace>>,
        /// Never asks the registry itself, even when no mirror answers.
        "mirrorsOnly" => mirrors_only: bool,
    }
    refused {
        "rewrite" => Refusal::Never("is done by `mirrors` here", "write `mirrors: [mirror.example.com/path]`"),
        "clientKey" => Refusal::Secret("`clientKeyFile` names the file that holds the key"),
        "user" => IN_CREDENTIALS,
        "userEnv" => IN_CREDENTIALS,
        "passwordEnv" => IN_CREDENTIALS,
        "passwordFile" => IN_CREDENTIALS,
        "tokenEnv" => IN_CREDENTIALS,
        "tokenFile" => IN_CREDENTIALS,
        "password" => INLINE_PASSWORD,
        "token" => INLINE_TOKEN,
        "insecure" => Refusal::Never(
            "could mean two things",
            "`plainHttp: true` speaks HTTP, `caFile` trusts a certificate; checks are never switched off",
        ),
    }
}

record! {
    /// How one Git server, or a part of it, is reached.
    pub(super) struct GitShape {
        /// The beginning of the URLs this is for, such as `https://git.example.com/platform/`.
        "url" required => url: RemoteUrl,
        /// Whom to be there, over HTTPS.
        "credentials" => credentials: CredentialsShape,
        /// The private key to be known by, over SSH.
        "sshKeyFile" => ssh_key_file: FilePath,
        /// The server keys that are trusted, over SSH, as OpenSSH's known_hosts.
        "knownHostsFile" => known_hosts_file: FilePath,
        /// PEM certificates that are trusted in addition to the system's, over HTTPS.
        "caFile" => ca_file: FilePath,
    }
    refused {
        "user" => IN_CREDENTIALS,
        "tokenEnv" => IN_CREDENTIALS,
        "tokenFile" => IN_CREDENTIALS,
        "password" => INLINE_PASSWORD,
        "token" => INLINE_TOKEN,
        "sshKey" => Refusal::Secret("`sshKeyFile` names the file that holds the key"),
    }
}

record! {
    /// Where `select: commit` may look.
    pub(super) struct SourcesShape {
        /// The hosts whose Git repositories policies may name, with their port where it is not that of HTTPS or SSH. Without it:
        /// the config repository's own host.
        "hosts" required => hosts: Vec<Spanned<SourceHost>>,
    }
}

record! {
    /// Whom to be at a registry: a user with a password, a token, or who knows: a credential helper or a cloud.
    pub(super) struct RegistryCredentialsShape {
        /// The NAME of a program `docker-credential-NAME` that knows the login.
        "helper" => helper: HelperWord,
        /// The cloud whose registry this is, and whose identity of this machine logs in.
        "cloud" => cloud: Cloud,
        ..login: CredentialsShape,
    }
}

record! {
    /// A user with a password, or a token: each by reference. Secrets are never written here.
    pub(super) struct CredentialsShape {
        /// The user's name.
        "user" => user: String,
        /// The environment variable that holds the user's name.
        "userEnv" => user_env: VariableName,
        /// The file that holds the user's name.
        "userFile" => user_file: FilePath,
        /// The environment variable that holds the password.
        "passwordEnv" => password_env: VariableName,
        /// The file that holds the password.
        "passwordFile" => password_file: FilePath,
        /// The environment variable that holds the token.
        "tokenEnv" => token_env: VariableName,
        /// The file that holds the token.
        "tokenFile" => token_file: FilePath,
    }
    refused {
        "username" => Refusal::Never("is called `user` here", "write `user: ...`"),
        "password" => INLINE_PASSWORD,
        "token" => INLINE_TOKEN,
    }
}

const IN_CREDENTIALS: Refusal = Refusal::Never("belongs under `credentials`", "write `credentials: {...}`");
const INLINE_PASSWORD: Refusal =
    Refusal::Secret("write `passwordEnv: NAME` for a variable or `passwordFile: PATH` for a file that holds it");
const INLINE_TOKEN: Refusal =
    Refusal::Secret("write `tokenEnv: NAME` for a variable or `tokenFile: PATH` for a file that holds it");

record! {
    /// What commits look like.
    pub(super) struct CommitShape {
        /// Who commits.
        "author" => author: AuthorShape,
        /// Who commits what the author wrote. Without it: the author.
        "committer" => committer: AuthorShape,
        /// The first line, a template such as `{{ summary }} [skip ci]`. What a policy says goes before.
        "subject" => subject: SubjectText,
        /// What follows it, before the trailers: a template such as `{{ table }}`.
        "body" => body: BodyText,
        /// Ends the message with one `Landwaiter-Image` line per change: on if nothing is said. The `Landwaiter-Wrote` lines, by
        /// which later runs know a rollback, stay.
        "trailers" => trailers: bool,
        /// Ends the message with `Signed-off-by` and the author (the Developer Certificate of Origin).
        "signOff" => sign_off: bool,
        /// The key that commits are signed with.
        "signing" => signing: SigningShape,
    }
}

record! {
    /// A private key: OpenSSH's format (Ed25519 or ECDSA) or an armored OpenPGP key, and what opens it.
    pub(super) struct SigningShape {
        /// The file that holds the key.
        "keyFile" required => key_file: FilePath,
        /// The environment variable that holds its passphrase.
        "passphraseEnv" => passphrase_env: VariableName,
        /// The file that holds its passphrase.
        "passphraseFile" => passphrase_file: FilePath,
    }
    refused {
        "key" => Refusal::Secret("`keyFile` names the file that holds the key"),
        "passphrase" => Refusal::Secret("write `passphraseEnv: NAME` or `passphraseFile: PATH`"),
    }
}

record! {
    /// A person or a program as Git names them.
    pub(super) struct AuthorShape {
        /// The name that commits carry.
        "name" required => name: String,
        /// The address that commits carry.
        "email" required => email: String,
    }
}

record! {
    /// What the policies of some files may touch.
    pub(super) struct TenantShape {
        /// Globs of the policy files this is for.
        "policies" required => policies: Vec<Spanned<FileGlob>>,
        /// Globs of the files they may change. Without it: all.
        "files" => files: Vec<Spanned<FileGlob>>,
        /// The repositories they may take images from, exact or as globs. Without it: all.
        "images" => images: Vec<Spanned<ImagePattern>>,
    }
}

record! {
    /// Whom keyless signatures of images are believed by.
    pub(super) struct SignaturesShape {
        /// A `trusted_root.json` of sigstore: certificate authorities, transparency logs and certificate logs.
        "trustRootFile" => trust_root_file: FilePath,
    }
    refused {
        "trustRoot" => Refusal::Never("is a file here", "write `trustRootFile: PATH`"),
        "key" => Refusal::Never("belongs in a policy", "write `require: {signature: {key: ...}}` there"),
        "keys" => Refusal::Never("belong in a policy", "write `require: {signature: {keys: [...]}}` there"),
    }
}

record! {
    /// Bounds for what comes from outside. What is left out keeps its built-in bound.
    pub(super) struct LimitsShape {
        /// Larger files of the config repository are passed over, with a reason: `512KiB`, `10MiB`.
        "maxFileSize" => max_file_size: ByteSize,
        /// How long one request to a registry or a Git server may take: `30s`, `2m`.
        "timeout" => timeout: WaitTime,
        /// How long a run asks registries, 30m if nothing is said; what is not answered by then is held: `5m`, `2h`.
        "runDeadline" => run_deadline: RunTime,
        /// How many of the branch's newest commits are looked at for what somebody took back, 0 to 250000; 100000 if nothing is
        /// said, and with 0 nobody's rollback is known.
        "history" => history: CommitCount,
        /// How many changes one run makes, 1 to 100000; the next run goes on. Without it: all of them. Groups are not divided, but for
        /// that of the whole run.
        "changesPerRun" => changes_per_run: ChangeCount,
    }
}
