//! Checks the settings of a store in Redis as a whole; never talks to a server.

use std::time::Duration;

use super::words::{is_host, is_name};
use super::{Check, tls};
use crate::config::file::StoreFile;
use crate::config::model::{RedisStore, Store};
use crate::config::tree::steps;

/// One of `store.nodes`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Node<'a> {
    tls: bool,
    /// What comes before `@`: user and password.
    credentials: Option<&'a str>,
    host: &'a str,
    port: u16,
    database: u32,
}

/// The store.
pub(super) fn store(check: &mut Check<'_>, s: &StoreFile) -> Store {
    if s.path.is_some() {
        check.problem(
            &steps!["store", "path"],
            "expected only with `engine: embedded`; Redis has `nodes`",
        );
    }
    let tls = nodes(check, s);
    if s.key_prefix
        .as_deref()
        .is_some_and(|p| !is_name(p, "-_.", 32))
    {
        check.problem(
            &steps!["store", "key_prefix"],
            "expected 1 to 32 letters, digits, -, _ and .",
        );
    }
    if s.sentinel.is_some() && s.cluster == Some(true) {
        check.problem(
            &steps!["store", "sentinel"],
            "expected either a cluster or sentinels, not both",
        );
    }
    if s.tls.is_some() && tls == Some(false) {
        check.problem(
            &steps!["store", "tls"],
            "expected rediss:// in `nodes`; redis:// has no TLS",
        );
    }
    let tls = s
        .tls
        .as_ref()
        .map(|t| tls::client_files(check, t, &steps!["store", "tls"]));
    let nodes = s.nodes.as_deref().unwrap_or_default();
    Store::Redis(RedisStore {
        nodes: nodes.iter().map(|n| n.0.clone()).collect(),
        cluster: s.cluster == Some(true),
        key_prefix: s.key_prefix.clone().unwrap_or_else(|| "fg".to_owned()),
        sentinel: s.sentinel.as_ref().map(|s| s.master.clone()),
        tls,
        deadline: Duration::from_millis(s.deadline_ms.unwrap_or(20)),
    })
}

/// Each URL by itself, then all together: one set of credentials and one kind of connection serve all of them. Whether
/// they have TLS, as far as that can be said.
fn nodes(check: &mut Check<'_>, s: &StoreFile) -> Option<bool> {
    let texts = s.nodes.as_deref().unwrap_or_default();
    if texts.is_empty() {
        check.problem(
            &steps!["store", "nodes"],
            "missing; expected at least one URL such as redis://127.0.0.1:6379",
        );
    }
    let cluster = s.cluster == Some(true);
    let mut before: Vec<Node<'_>> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let at = steps!["store", "nodes", i];
        let Some(node) = check.ok(&at, parse(text.0.expose())) else {
            continue;
        };
        if cluster && node.database != 0 {
            check.problem(&at, "expected no database: a cluster has only one");
        }
        if let Some(first) = before.first() {
            if node.tls != first.tls {
                check.problem(&at, "expected redis:// in all of them, or rediss://");
            } else if node.credentials != first.credentials || node.database != first.database {
                check.problem(
                    &at,
                    "expected the user, password and database of the first one: they serve for all",
                );
            } else if before
                .iter()
                .any(|b| (b.host, b.port) == (node.host, node.port))
            {
                check.problem(&at, "expected each address once");
            }
        }
        before.push(node);
    }
    if texts.len() > 1 && !cluster && s.sentinel.is_none() {
        check.problem(
            &steps!["store", "nodes", 1_usize],
            "expected one URL, or `cluster: true`, or `sentinel` with the master's name",
        );
    }
    before.first().map(|first| first.tls)
}

/// `redis://[[user]:password@]host[:port][/database]`, or `rediss` for TLS.
fn parse(text: &str) -> Result<Node<'_>, String> {
    let wrong = || "expected a URL such as redis://127.0.0.1:6379 or rediss://…".to_owned();
    let (tls, rest) = match text.strip_prefix("rediss://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("redis://").ok_or_else(wrong)?),
    };
    // Whatever comes after these would be read as something else than a password.
    if rest.contains(['#', '?', '\\']) || rest.contains(char::is_whitespace) {
        let text = "expected a URL without #, ?, \\ and spaces; a password has them as %23, %3F, %5C, %20, and / as %2F";
        return Err(text.to_owned());
    }
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, authority),
    };
    let (host, port) = match address.rsplit_once(':') {
        _ if address.ends_with(']') => (address, 6379),
        Some((host, port)) => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse::<u16>().ok().filter(|p| digits && *p > 0);
            (host, port.ok_or_else(wrong)?)
        }
        None => (address, 6379),
    };
    let database = match database {
        "" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    if !is_host(host) || matches!(host, "0.0.0.0" | "[::]") {
        return Err(wrong());
    }
    if let Some(credentials) = credentials {
        secret(credentials)?;
    }
    Ok(Node {
        tls,
        credentials,
        host,
        port,
        database,
    })
}

/// `[user]:password`, percent-encoded.
fn secret(credentials: &str) -> Result<(), String> {
    let has_password = credentials
        .split_once(':')
        .is_some_and(|(_, p)| !p.is_empty());
    if !has_password {
        return Err(
            "expected a password after the user, as in redis://user:password@host".to_owned(),
        );
    }
    let decodes = |part: &str| {
        let hex = part.split('%').skip(1).all(|after| {
            let code = after.as_bytes().get(..2);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
        });
        hex && percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .is_ok()
    };
    if !decodes(credentials) {
        return Err("expected % in a user or password only before two hex digits".to_owned());
    }
    Ok(())
}
