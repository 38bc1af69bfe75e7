//! A small registry in this process: what `landwaiter demo` updates from, and what tests push to.
//!
//! It speaks the distribution API over HTTP on a free port of 127.0.0.1, so that the client's whole way (connection,
//! headers, paging, digests) is the real one. It keeps everything in memory, within limits, asks for no credentials, and
//! is gone when it is dropped. It checks what it is sent (digests, that a manifest is JSON), but does not look whether a
//! manifest's blobs exist.
//!
//! ```no_run
//! # async fn f() -> std::io::Result<()> {
//! use landwaiter::registry::embedded::Embedded;
//! let registry = Embedded::start().await?;
//! registry.push("acme/web", "1.4.2").await?;
//! let image = format!("{}/acme/web:1.4.2", registry.host());
//! # Ok(()) }
//! ```

mod api;
mod content;
mod made;

pub use made::Made;

use crate::image::{Digest, InvalidName, Repository, Tag};
use content::Content;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::IMAGE_CONFIG_MEDIA_TYPE;
use oci_client::secrets::RegistryAuth;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The running registry.
pub struct Embedded {
    address: SocketAddr,
    content: Arc<Content>,
    pusher: OnceLock<oci_client::Client>,
    /// Dropped with this value, which ends every connection.
    _stop: oneshot::Sender<()>,
    _server: JoinSet<()>,
}

impl Embedded {
    /// Starts on a free port of the loopback interface.
    pub async fn start() -> io::Result<Embedded> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let content = Arc::new(Content::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = axum::serve(listener, api::router(Arc::clone(&content))).with_graceful_shutdown(async {
            // An error says that the sender was dropped, which is the sign.
            drop(stopped.await);
        });
        let mut server = JoinSet::new();
        server.spawn(async {
            // axum's accept loop handles its own errors; its result is always Ok.
            drop(served.await);
        });
        Ok(Embedded { address, content, pusher: OnceLock::new(), _stop: stop, _server: server })
    }

    /// The host as image names spell it: `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Requests answered so far, pushes included.
    pub fn requests(&self) -> u64 {
        self.content.requests()
    }

    /// Pushes a tiny image over HTTP, as a build would, and gives back its digest. The same repository and tag make the
    /// same image.
    pub async fn push(&self, repository: &str, tag: &str) -> io::Result<Digest> {
        self.push_content(repository, tag, &format!("{repository}:{tag}")).await
    }

    /// Pushes an image that holds `content`; pushing other content to the same tag moves the tag.
    pub async fn push_content(&self, repository: &str, tag: &str, content: &str) -> io::Result<Digest> {
        let (repository, tag) = self.checked(repository, tag)?;
        let image = oci_client::Reference::with_tag(self.host(), repository.path().to_owned(), tag.to_string());
        let layers = [ImageLayer::oci_v1(content.to_owned().into_bytes(), None)];
        let config = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layers[0].sha256_digest()]},
        });
        let config = Config::new(config.to_string().into_bytes(), IMAGE_CONFIG_MEDIA_TYPE.to_owned(), None);
        let pusher = self.pusher.get_or_init(|| pusher(&self.host()));
        pusher.push(&image, &layers, config, &RegistryAuth::Anonymous, None).await.map_err(io::Error::other)?;
        let stored = self.content.manifest(repository.path(), tag.as_str());
        let stored = stored.ok_or_else(|| io::Error::other("the pushed manifest is not there"))?;
        Ok(stored.digest)
    }

    /// Puts tags that all name one image straight into memory: long histories without a push for each tag.
    pub fn add_tags<'a>(&self, repository: &str, tags: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        for tag in tags {
            let (repository, tag) = self.checked(repository, tag)?;
            let manifest = br#"{"schemaVersion":2,"layers":[]}"#;
            let stored = self.content.put_manifest(
                repository.path(),
                tag.as_str(),
                oci_client::manifest::OCI_IMAGE_MEDIA_TYPE,
                manifest[..].into(),
            );
            stored.map_err(|refused| io::Error::other(refused.code()))?;
        }
        Ok(())
    }

    /// Deletes a tag, as a publisher may; whether it was there.
    pub fn remove(&self, repository: &str, tag: &str) -> bool {
        self.content.remove_tag(repository, tag)
    }

    fn checked(&self, repository: &str, tag: &str) -> io::Result<(Repository, Tag)> {
        let invalid = |bad: InvalidName| io::Error::new(io::ErrorKind::InvalidInput, bad);
        let repository = Repository::parse(&format!("{}/{repository}", self.host())).map_err(invalid)?;
        Ok((repository, Tag::parse(tag).map_err(invalid)?))
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A client that reaches 127.0.0.1 directly. `oci-client` has no switch for the environment's proxies; naming one proxy
/// and excluding our address from it has the same effect.
fn pusher(host: &str) -> oci_client::Client {
    crate::http::install_crypto_provider();
    oci_client::Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        http_proxy: Some(format!("http://{host}")),
        no_proxy: Some("127.0.0.1".to_owned()),
        ..ClientConfig::default()
    })
}
