//! Who is at the other end of a connection and which request this is, as far as either may be believed; never a credential.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::base::ids;
use crate::config::model::Config;

/// Carries the id of a request, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// Longest request id of a trusted proxy's that is taken over, in characters.
const REQUEST_ID_CHARS: usize = 128;

/// Address of the connection's other end; the server puts it into each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The caller's address: the peer's own, or the right-most one of `X-Forwarded-For` that is no trusted proxy.
pub fn client_address(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer.to_canonical();
    let hops: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    for hop in hops.iter().rev() {
        if !config.is_trusted_proxy(address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(next) => address = next.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

/// The request's id: that of a trusted proxy where it sent a usable one, otherwise a new one.
pub fn request_id(config: &Config, peer: Option<IpAddr>, headers: &HeaderMap) -> String {
    let trusted = peer.is_some_and(|p| config.is_trusted_proxy(p.to_canonical()));
    if trusted
        && let Some(id) = headers.get(REQUEST_ID).and_then(|v| v.to_str().ok())
        && is_usable(id)
    {
        return id.to_owned();
    }
    ids::request_id()
}

fn is_usable(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_with_other_characters_are_not_usable() {
        assert!(is_usable("0af7-651916cd.43dd:8448_eb"));
        for bad in ["", "a b", "a\"b", "a\u{e9}", &"a".repeat(129)] {
            assert!(!is_usable(bad), "{bad}");
        }
    }
}
