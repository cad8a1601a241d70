//! Binds every listener before anything is served, so that a taken address is a start-up error; never serves.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::wire::StartError;
use crate::config::certificates::Certificates;
use crate::config::model::{Config, Listener};
use crate::proxy::listener::{self, Bound};
use crate::web;

/// All listeners, bound.
pub(super) struct Listeners {
    pub(super) clients: Vec<Bound>,
    pub(super) admin: Door,
    pub(super) status: Option<Door>,
    /// Serves the portal and the inboxes.
    pub(super) portal: Option<Door>,
    /// What `serve` says of each: its name and its address with the real port.
    pub(super) addresses: Vec<(String, SocketAddr)>,
    /// Every certificate in use, with the name of its listener for the metric.
    pub(super) certificates: Vec<(String, Arc<Certificates>)>,
}

/// A listener of the operators' side.
pub(super) struct Door {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
}

/// Binds what the configuration says.
pub(super) fn bind(config: &Config) -> Result<Listeners, StartError> {
    let mut found = Found::default();
    let mut clients = Vec::with_capacity(config.listeners.len());
    for listener in &config.listeners {
        let bound = listener::bind(listener)?;
        let name = if listener.tls.is_some() {
            "https"
        } else {
            "http"
        };
        found.add(name, bound.address(), bound.certificates());
        clients.push(bound);
    }
    let status = match &config.status {
        Some(listener) => Some(door(&mut found, "status", listener)?),
        None => None,
    };
    let portal = match &config.portal.listener {
        Some(listener) => Some(door(&mut found, "portal", listener)?),
        None => None,
    };
    // The admin API's comes last: who waits for it in the output has seen the others.
    let admin = door(&mut found, "admin", &config.admin.listener)?;
    Ok(Listeners {
        clients,
        admin,
        status,
        portal,
        addresses: found.addresses,
        certificates: found.certificates,
    })
}

/// Addresses and certificates as they are found.
#[derive(Default)]
struct Found {
    addresses: Vec<(String, SocketAddr)>,
    certificates: Vec<(String, Arc<Certificates>)>,
}

impl Found {
    fn add(&mut self, name: &str, address: SocketAddr, certificates: Option<&Arc<Certificates>>) {
        self.addresses.push((name.to_owned(), address));
        if let Some(certificates) = certificates {
            self.certificates
                .push((format!("{name} {address}"), Arc::clone(certificates)));
        }
    }
}

fn door(found: &mut Found, name: &str, listener: &Listener) -> Result<Door, StartError> {
    let failed = |cause| StartError::Listen {
        address: listener.address,
        cause,
    };
    let socket = web::serve::bind(listener).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let certificates = match &listener.tls {
        None => None,
        Some(files) => Some(Certificates::load(files)?),
    };
    found.add(name, address, certificates.as_ref());
    let tls = match &certificates {
        None => None,
        Some(c) => Some(c.server_config(&[b"h2", b"http/1.1"])?),
    };
    Ok(Door { socket, tls })
}
