//! Where the service listens, besides for its operators: addresses by the settings, and what to do when one cannot be had.

use crate::cli::diagnose::Failure;
use crate::service::page::{self, Guarded};
use crate::service::{Hooks, Operations, Order, Service, listen};
use crate::telemetry::{Level, Log};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Listens for those who watch over it: health and metrics. Gives back where, too.
pub(super) async fn operations(
    wanted: SocketAddr,
    operations: Operations,
    log: &Log,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send + use<>), Failure> {
    let (address, answers) = listen(wanted, operations).await.map_err(|error| {
        Failure::failed(format!("cannot listen at {wanted}: {error}"))
            .hint("`service: {address: ...}` in the settings chooses another address")
    })?;
    log.line(Level::Info, "listening", &[("address", address.to_string().into())]);
    Ok((address, answers))
}

/// Listens for webhooks where the settings say so; without that there is nothing to do, for ever.
pub(super) async fn webhooks(
    hooks: Arc<Hooks>,
    log: &Log,
    orders: mpsc::Sender<Order>,
) -> Result<impl Future<Output = ()> + Send + use<>, Failure> {
    let listening = match hooks.address() {
        None => None,
        Some(wanted) => {
            let (address, answers) = Arc::clone(&hooks).listen(wanted).await.map_err(|error| {
                Failure::failed(format!("cannot listen for webhooks at {wanted}: {error}"))
                    .hint("`webhooks: {address: ...}` in the settings chooses another address")
            })?;
            log.line(Level::Info, "listening-for-webhooks", &[("address", address.to_string().into())]);
            Some(answers)
        }
    };
    Ok(async move {
        let Some(answers) = listening else { return std::future::pending().await };
        tokio::join!(answers, hooks.hand_on(orders));
    })
}

/// Listens for those who look at the page; where there is none, for nobody.
pub(super) async fn show(
    service: &Service,
    guarded: Option<Guarded>,
    log: &Log,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let page = service.settings().page.as_ref().zip(guarded);
    let answers = match page {
        None => None,
        Some((settings, guarded)) => {
            let wanted = settings.address;
            let (address, answers) = page::listen(wanted, guarded).await.map_err(|error| {
                Failure::failed(format!("cannot listen at {wanted} for the status page: {error}"))
                    .hint("`service: {page: {address: ...}}` in the settings chooses another address, `page: off` none")
            })?;
            log.line(Level::Info, "page-listening", &[("address", address.to_string().into())]);
            Some(answers)
        }
    };
    Ok(async {
        match answers {
            Some(answers) => answers.await,
            None => std::future::pending().await,
        }
    })
}
