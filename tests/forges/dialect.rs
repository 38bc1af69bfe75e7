//! What a fake forge is: a router over the hub, and our own client for it.

use crate::hub::{Hub, TOKEN};
use axum::Router;
use landwaiter::http;
use landwaiter::port::{Forge, Login, Secret};
use std::sync::Arc;
use std::time::Duration;

/// One forge: how it is faked, and how we speak to it.
pub(crate) struct Dialect {
    pub(crate) name: &'static str,
    /// The forge's API over the hub. Without [`TOKEN`] in the forge's own way it answers as the forge does.
    pub(crate) router: fn(Arc<Hub>) -> Router,
    /// Our client, for the fake at `http://127.0.0.1:PORT`.
    pub(crate) client: fn(landwaiter::forge::Options) -> Arc<dyn Forge>,
    /// Where the API begins on the fake's server.
    pub(crate) api: &'static str,
    /// The repository's path.
    pub(crate) repository: &'static str,
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A fake that runs, gone when dropped.
pub(crate) struct Running {
    pub(crate) address: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves on a free port.
pub(crate) async fn run(router: Router) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Running { address, task }
}

impl Dialect {
    pub(crate) async fn start(&self, hub: Arc<Hub>) -> Running {
        run((self.router)(hub)).await
    }

    pub(crate) fn connect(&self, fake: &Running, token: &str) -> Arc<dyn Forge> {
        self.connect_as(fake, Login { user: None, secret: Secret::new(token) })
    }

    pub(crate) fn connect_as(&self, fake: &Running, login: Login) -> Arc<dyn Forge> {
        (self.client)(self.options_as(fake, login))
    }

    pub(crate) fn options(&self, fake: &Running, token: &str) -> landwaiter::forge::Options {
        self.options_as(fake, Login { user: None, secret: Secret::new(token) })
    }

    fn options_as(&self, fake: &Running, login: Login) -> landwaiter::forge::Options {
        let mut options = http::Options::new("landwaiter-test");
        options.direct = true;
        options.retry.first_wait = Duration::from_millis(5);
        options.retry.jitter = false;
        landwaiter::forge::Options {
            http: http::Client::new(options).unwrap(),
            api: format!("http://{}{}", fake.address, self.api).parse().unwrap(),
            repository: self.repository.to_owned(),
            login: Some(login),
        }
    }

    /// A client with the right token.
    pub(crate) fn connected(&self, fake: &Running) -> Arc<dyn Forge> {
        self.connect(fake, TOKEN)
    }
}
