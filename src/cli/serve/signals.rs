//! Signals are the operator's orders: HUP reads the settings again, TERM and INT end the service.

use crate::service::Order;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that are heard.
pub(super) struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        Ok(Signals {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Turns signals into orders, until the second one that says stop.
    pub(super) async fn obey(mut self, orders: mpsc::Sender<Order>) {
        let mut stopping = false;
        loop {
            let order = tokio::select! {
                _ = self.hang_up.recv() => Order::Reload,
                _ = self.terminate.recv() => Order::Stop,
                _ = self.interrupt.recv() => Order::Stop,
            };
            if order == Order::Stop && std::mem::replace(&mut stopping, true) {
                return;
            }
            // Many orders to reload are one; the last place is for the order to stop.
            if order == Order::Stop || orders.capacity() > 1 {
                let _ = orders.try_send(order);
            }
        }
    }
}
