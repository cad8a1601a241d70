//! Small forms that several settings share: addresses, networks, URLs, names; never a setting of its own.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Check;
use crate::config::tree::Step;

/// `path` and a further step.
pub(super) fn under(path: &[Step], step: impl Into<Step>) -> Vec<Step> {
    let mut longer = path.to_vec();
    longer.push(step.into());
    longer
}

/// An address to listen on.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Some(port) = text.strip_prefix("localhost:")
        && let Ok(port) = port.parse::<u16>()
    {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    Err("expected an IP address and a port such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// `host:port` of a server; the host is a name or an IP address.
pub(super) fn target_address(text: &str) -> Result<(), String> {
    let wrong = || {
        Err(
            "expected a host and a port such as crm.internal:9000, 10.0.0.1:9000 or [::1]:9000"
                .to_owned(),
        )
    };
    let Some((host, port)) = text.rsplit_once(':') else {
        return wrong();
    };
    let numeric = port.bytes().all(|b| b.is_ascii_digit());
    if !numeric || !port.parse::<u16>().is_ok_and(|p| p > 0) || !is_host(host) {
        return wrong();
    }
    Ok(())
}

/// Whether `host` is a host name (RFC 1123 section 2.1, with underscores), an IPv4 address or a bracketed IPv6 one.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    host.len() <= 253
        && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
        && (!numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// Networks, as CIDR or single addresses.
pub(super) fn networks(check: &mut Check<'_>, texts: &[String], path: &[Step]) -> Vec<IpNet> {
    let mut found = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        found.extend(check.ok(&under(path, i), network(text)));
    }
    found
}

/// A network, as CIDR or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let found = text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
        "expected a network such as 10.0.0.0/8 or fd00::/8, or an IP address".to_owned()
    })?;
    if found.addr() == found.network() {
        Ok(found)
    } else {
        // 10.0.0.1/8 is more often a slip than a wish for all of 10.
        Err(format!(
            "expected no bits after the prefix: {}",
            found.trunc()
        ))
    }
}

/// An absolute `http` or `https` URL without user, fragment and trailing slash, and without a query unless `query`.
pub(super) fn web_url(text: &str, query: bool) -> Result<String, String> {
    let wrong = || "expected a URL such as https://api.example.com".to_owned();
    let uri = text.parse::<http::Uri>().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().ok_or_else(wrong)?;
    let host = authority.host();
    if !matches!(scheme, "http" | "https") || !is_host(host) || text.contains('#') {
        return Err(wrong());
    }
    if authority.as_str().contains('@') {
        return Err("expected a URL without a user or a password".to_owned());
    }
    if !query && uri.query().is_some() {
        return Err("expected a URL without a query".to_owned());
    }
    Ok(if query {
        text.to_owned()
    } else {
        text.trim_end_matches('/').to_owned()
    })
}

/// Whether `name` is of letters, digits and the characters of `also`, and not longer than `max`.
pub(super) fn is_name(name: &str, also: &str, max: usize) -> bool {
    !name.is_empty()
        && name.len() <= max
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

/// A method: a token (RFC 9110 section 5.6.2) in upper case, and none that a gateway must not forward.
pub(super) fn method(text: &str) -> Result<http::Method, String> {
    if matches!(text, "CONNECT" | "TRACE") {
        return Err(format!(
            "expected a method other than {text}, which is never forwarded"
        ));
    }
    let upper = !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let parsed = http::Method::from_bytes(text.as_bytes()).ok();
    parsed.filter(|_| upper && text.len() <= 32).ok_or_else(|| {
        "expected a method in upper case: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS".to_owned()
    })
}
