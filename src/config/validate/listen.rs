//! Checks listeners, log and ceilings; never opens a socket.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::words::{listen_address, under};
use super::{Check, tls};
use crate::config::file::{ConfigFile, ListenerFile, TlsFile};
use crate::config::model::{Ceilings, Listener, Log, LogSink};
use crate::config::tree::{Step, steps};

/// All client-facing listeners.
pub(super) fn listeners(check: &mut Check<'_>, f: &ConfigFile) -> Vec<Listener> {
    f.listeners
        .iter()
        .enumerate()
        .map(|(i, l)| listener(check, l, &steps!["listeners", i]))
        .collect()
}

/// One listener.
pub(super) fn listener(check: &mut Check<'_>, l: &ListenerFile, path: &[Step]) -> Listener {
    parts(check, &l.address, l.tls.as_ref(), path)
}

/// A listener of an address and TLS files that lie under `path`.
pub(super) fn parts(
    check: &mut Check<'_>,
    address: &str,
    tls: Option<&TlsFile>,
    path: &[Step],
) -> Listener {
    let address = check.ok(&under(path, "address"), listen_address(address));
    Listener {
        address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
        tls: tls.map(|t| tls::files(check, t, &under(path, "tls"))),
    }
}

/// Reports listeners that would take the same address.
pub(super) fn distinct(check: &mut Check<'_>, f: &ConfigFile) {
    let mut all: Vec<(Vec<Step>, String)> = Vec::new();
    for (i, l) in f.listeners.iter().enumerate() {
        all.push((
            steps!["listeners", i, "address"].to_vec(),
            l.address.clone(),
        ));
    }
    if let Some(a) = &f.admin {
        all.push((steps!["admin", "address"].to_vec(), a.address.clone()));
    }
    if let Some(s) = &f.status {
        all.push((steps!["status", "address"].to_vec(), s.address.clone()));
    }
    if let Some(a) = f.portal.as_ref().and_then(|p| p.address.clone()) {
        all.push((steps!["portal", "address"].to_vec(), a));
    }
    let mut taken: Vec<(SocketAddr, String)> = Vec::new();
    for (path, text) in all {
        let Some(address) = listen_address(&text).ok().filter(|a| a.port() != 0) else {
            continue;
        };
        let clashes = |other: &SocketAddr| {
            other.port() == address.port()
                && other.is_ipv4() == address.is_ipv4()
                && (other.ip() == address.ip()
                    || other.ip().is_unspecified()
                    || address.ip().is_unspecified())
        };
        if let Some((_, by)) = taken.iter().find(|(other, _)| clashes(other)) {
            let message = format!("expected an address of its own, {by} has this one");
            check.problem(&path, message);
        }
        let shown = check.shown(&path);
        taken.push((address, shown));
    }
}

/// The access log.
pub(super) fn log(check: &mut Check<'_>, f: &ConfigFile) -> Log {
    let access = match f.log.access.as_deref() {
        None | Some("off") => None,
        Some("stdout") => Some(LogSink::Stdout),
        Some("stderr") => Some(LogSink::Stderr),
        // A file of the name `none` is hardly what was meant.
        Some("" | "none") => {
            let message = "expected stdout, stderr, a file, or null for no access log";
            check.problem(&steps!["log", "access"], message);
            None
        }
        Some(file) => Some(LogSink::File(PathBuf::from(file))),
    };
    Log {
        access,
        client_address: f.log.client_address,
    }
}

/// The realm goes into a quoted string of a header.
pub(super) fn realm(check: &mut Check<'_>, f: &ConfigFile) -> String {
    let fine = |c: char| (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\';
    if !f.realm.chars().all(fine) {
        check.problem(
            &steps!["realm"],
            "expected printable ASCII without quotes and backslashes",
        );
    }
    f.realm.clone()
}

/// Ceilings and how they relate.
pub(super) fn ceilings(check: &mut Check<'_>, f: &ConfigFile) -> Ceilings {
    let c = &f.ceilings;
    if c.uri_bytes >= c.header_bytes {
        check.problem(
            &steps!["ceilings", "uri_bytes"],
            format!(
                "expected less than ceilings.header_bytes, which is {}",
                c.header_bytes
            ),
        );
    }
    Ceilings {
        header_bytes: c.header_bytes,
        header_fields: c.header_fields,
        uri_bytes: c.uri_bytes,
        body_bytes: c.body_bytes,
        captured_body_bytes: c.captured_body_bytes,
    }
}
