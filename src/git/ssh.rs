//! SSH in process: one session, one channel for each conversation, bridged into what `gix` reads and writes.
//!
//! Key and known hosts are texts that were given; nothing below `~/.ssh` is read, no agent is asked. A host that is not
//! known is never talked to. RSA keys are not supported by this build, neither the server's nor ours.

use super::fault::{Hint, lasting, one_line, passing};
use super::known_hosts::{self, Verdict};
use super::url::SshUrl;
use super::{Options, Timeouts};
use crate::port::RepoError;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::git::{ConnectMode, blocking_io::Connection};
use gix::protocol::transport::{Protocol, Service};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, client, keys};
use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;
use tokio_util::io::SyncIoBridge;

/// What waits between the network and the reader, in bytes.
const BUFFER: usize = 256 << 10;
/// The most that is kept of what a server says beside the protocol, in bytes.
const MAX_SAID: usize = 8 << 10;

/// A repository on an SSH server, and who we are there.
pub(super) struct Server {
    url: SshUrl,
    key: Arc<PrivateKey>,
    known_hosts: String,
    timeouts: Timeouts,
    session: Mutex<Option<Arc<Session>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ssh::Server({}@{})", self.url.user, self.url.host)
    }
}

/// What the server's side says on its standard error: the words of forges that refuse.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// As one line.
    pub(super) fn text(&self) -> String {
        one_line(&String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn add(&self, bytes: &[u8]) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_SAID.saturating_sub(said.len());
        said.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// A connection that is logged in, with the runtime that drives it.
struct Session {
    handle: client::Handle<HostCheck>,
    /// Taken when dropped.
    runtime: Option<Runtime>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for tasks is not allowed where the last reference may be dropped.
            runtime.shutdown_background();
        }
    }
}

impl Server {
    /// Reads the key and looks whether the host is known at all.
    pub(super) fn of(url: &SshUrl, options: &Options) -> Result<Server, RepoError> {
        let Some(given) = &options.ssh else {
            return Err(lasting(format!("there is no SSH key for {}", url.host))
                .hint("give a private key and known_hosts in the settings"));
        };
        Ok(Server {
            url: url.clone(),
            key: Arc::new(private_key(given.private_key.expose())?),
            known_hosts: given.known_hosts.clone(),
            timeouts: options.timeouts,
            session: Mutex::new(None),
        })
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        match self.url.port {
            22 => self.url.host.clone(),
            port => format!("{}:{port}", self.url.host),
        }
    }

    /// Starts the service on a channel of its own, in a new session where the old one is gone.
    pub(super) fn connect(
        &self,
        service: Service,
        version: Protocol,
    ) -> Result<(Box<dyn Transport + Send>, Said), RepoError> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = kept.take()
            && let Ok(channel) = self.channel(&session, service, version)
        {
            *kept = Some(session);
            return Ok(channel);
        }
        let session = Arc::new(self.log_in()?);
        let channel = self
            .channel(&session, service, version)
            .map_err(|error| passing(format!("{} opens no channel: {error}", self.host())))?;
        *kept = Some(session);
        Ok(channel)
    }

    fn log_in(&self) -> Result<Session, RepoError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ssh")
            .enable_all()
            .build()
            .map_err(|io| passing(format!("no thread for SSH: {io}")))?;
        let verdict = Arc::default();
        let config = Arc::new(client::Config {
            inactivity_timeout: Some(self.timeouts.silence),
            preferred: self.preferred()?,
            nodelay: true,
            ..Default::default()
        });
        let check = HostCheck {
            host: self.url.host.clone(),
            port: self.url.port,
            known_hosts: self.known_hosts.clone(),
            failed: Arc::clone(&verdict),
        };
        let connecting = async { tokio::time::timeout(self.timeouts.connect, self.authenticated(config, check)).await };
        let late = || passing(format!("{} did not answer in time", self.host()));
        let handle = match runtime.block_on(connecting) {
            Ok(result) => result.map_err(|error| {
                let host_key = verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
                host_key.unwrap_or(error)
            }),
            Err(_) => Err(late()),
        };
        match handle {
            Ok(handle) => Ok(Session { handle, runtime: Some(runtime) }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    async fn authenticated(
        &self,
        config: Arc<client::Config>,
        check: HostCheck,
    ) -> Result<client::Handle<HostCheck>, RepoError> {
        let failed = |error: russh::Error| passing(format!("{} cannot be reached by SSH: {error}", self.host()));
        let address = (self.url.host.as_str(), self.url.port);
        let mut handle = client::connect(config, address, check).await.map_err(failed)?;
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&self.key), None);
        let answer = handle.authenticate_publickey(self.url.user.as_str(), key).await.map_err(failed)?;
        if answer.success() {
            return Ok(handle);
        }
        let fingerprint = self.key.public_key().fingerprint(HashAlg::Sha256);
        Err(lasting(format!("{} refuses the key {fingerprint} for {}", self.host(), self.url.user))
            .hint("is the public key registered there, with access to the repository?"))
    }

    /// Asks for the kinds of host keys that are known, so that a server with several shows one that can be checked.
    fn preferred(&self) -> Result<russh::Preferred, RepoError> {
        let default = russh::Preferred::default();
        let known = known_hosts::algorithms(&self.known_hosts, &self.url.host, self.url.port);
        let usable = |algorithm: &&Algorithm| !is_rsa(algorithm) && (known.is_empty() || known.contains(algorithm));
        let key: Vec<Algorithm> = default.key.iter().filter(usable).cloned().collect();
        if key.is_empty() {
            return Err(lasting(format!(
                "known_hosts has only RSA keys for {}, which this build cannot check",
                self.host()
            ))
            .hint(format!("add the server's Ed25519 or ECDSA key: ssh-keyscan -t ed25519,ecdsa {}", self.url.host)));
        }
        Ok(russh::Preferred { key: Cow::Owned(key), ..default })
    }

    fn channel(
        &self,
        session: &Arc<Session>,
        service: Service,
        version: Protocol,
    ) -> Result<(Box<dyn Transport + Send>, Said), russh::Error> {
        let Some(runtime) = &session.runtime else {
            return Err(russh::Error::Disconnect);
        };
        let command = format!("{} {}", service.as_str(), quoted(&self.url.path));
        let opening = async {
            let channel = session.handle.channel_open_session().await?;
            if version == Protocol::V2 {
                // Many servers accept no variables; the protocol's older version is spoken then.
                channel.set_env(false, "GIT_PROTOCOL", "version=2").await?;
            }
            channel.exec(true, command).await?;
            Ok::<_, russh::Error>(channel.split())
        };
        let limit = self.timeouts.connect;
        let (from, to) = runtime
            .block_on(async { tokio::time::timeout(limit, opening).await })
            .map_err(|_| russh::Error::ConnectionTimeout)??;
        let (filling, reading) = tokio::io::duplex(BUFFER);
        let said = Said::default();
        let pumping = pump(from, filling, said.clone());
        let whole = self.timeouts.whole;
        runtime.spawn(async move { tokio::time::timeout(whole, pumping).await });
        let read = Held(SyncIoBridge::new_with_handle(reading, runtime.handle().clone()), Arc::clone(session));
        let writer = Box::pin(to.make_writer());
        let write = Held(SyncIoBridge::new_with_handle(writer, runtime.handle().clone()), Arc::clone(session));
        let path = self.url.path.as_str();
        let wire = Connection::new(read, write, version, path, None::<(&str, _)>, ConnectMode::Process, false);
        Ok((Box::new(wire), said))
    }
}

/// Moves what the server sends to the reader, until it has said all.
async fn pump(mut from: ChannelReadHalf, mut to: DuplexStream, said: Said) {
    while let Some(message) = from.wait().await {
        let more = match message {
            ChannelMsg::Data { data } => to.write_all(&data).await.is_ok(),
            ChannelMsg::ExtendedData { data, .. } => {
                said.add(&data);
                true
            }
            ChannelMsg::Close => false,
            _ => true,
        };
        if !more {
            return;
        }
    }
}

/// A stream that keeps its session, and with it the runtime, for as long as it lives.
struct Held<S>(S, #[expect(dead_code, reason = "only held")] Arc<Session>);

impl<S: Read> Read for Held<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: Write> Write for Held<S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Compares the host's key with the known ones while the session is set up.
struct HostCheck {
    host: String,
    port: u16,
    known_hosts: String,
    failed: Arc<Mutex<Option<RepoError>>>,
}

impl client::Handler for HostCheck {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Ok(false);
        };
        let verdict = known_hosts::check(&self.known_hosts, &self.host, self.port, key);
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        let host = &self.host;
        let error = match verdict {
            Verdict::Known => return Ok(true),
            Verdict::Unknown => lasting(format!("the host key {fingerprint} of {host} is not in known_hosts"))
                .hint("compare it with what the server's operator publishes, then add it"),
            Verdict::Changed { line } => {
                lasting(format!("{host} shows the host key {fingerprint}, line {line} of known_hosts has another"))
                    .hint("somebody may be in between; compare with what the server's operator publishes")
            }
            Verdict::Revoked { line } => {
                lasting(format!("the host key {fingerprint} of {host} is revoked by line {line} of known_hosts"))
            }
        };
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Ok(false)
    }
}

/// Reads an unencrypted Ed25519 or ECDSA key. The error repeats nothing of the text.
/// The key that commits are signed with; it may be protected, which one for a server is not.
pub(super) fn signing_key(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, RepoError> {
    if let Some(passphrase) = passphrase {
        let opened = keys::decode_secret_key(text, Some(passphrase)).ok().filter(|key| !is_rsa(&key.algorithm()));
        return opened.ok_or_else(|| {
            lasting("the SSH key for signing cannot be opened with its passphrase, or is not Ed25519 or ECDSA")
        });
    }
    private_key(text)
}

fn private_key(text: &str) -> Result<PrivateKey, RepoError> {
    let how = "make one with: ssh-keygen -t ed25519 -N '' -f FILE";
    match keys::decode_secret_key(text, None) {
        Ok(key) if key.is_encrypted() => Err(lasting("the SSH key is protected by a passphrase").hint(how)),
        Ok(key) if is_rsa(&key.algorithm()) => Err(rsa().hint(how)),
        Ok(key) => Ok(key),
        Err(keys::Error::KeyIsEncrypted) => Err(lasting("the SSH key is protected by a passphrase").hint(how)),
        Err(_) if text.contains("BEGIN RSA PRIVATE KEY") => Err(rsa().hint(how)),
        Err(_) => Err(lasting("the SSH key is no private key that this build can use (Ed25519 or ECDSA)").hint(how)),
    }
}

fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

fn rsa() -> RepoError {
    lasting("the SSH key is an RSA key, which this build does not support")
}

/// For the shell on the other side.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(quoted("/srv/it's here.git"), r"'/srv/it'\''s here.git'");
    }

    #[test]
    fn a_key_that_cannot_be_used_is_not_repeated() {
        for text in ["s3cret", "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----\n"] {
            let error = private_key(text).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn what_a_server_says_is_bounded() {
        let said = Said::default();
        said.add(&vec![b'x'; MAX_SAID - 1]);
        said.add(b"yz");
        assert_eq!(said.0.lock().unwrap().len(), MAX_SAID);
    }
}
