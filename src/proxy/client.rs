//! Who the client is: the peer, or what trusted proxies say of it; never a decision about it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::connection::{Connection, address_value};
use crate::config::model::Config;

/// `X-Forwarded-For`.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Proto`.
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Host`.
pub const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Request-Id`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a request id that a trusted proxy may choose.
const REQUEST_ID_CHARS: usize = 128;

/// The client of one request and what the upstream is told of it.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// `X-Forwarded-For` for the upstream, the client and the trusted proxies after it; `None` where the client has connected
    /// itself, since the connection knows the text of its peer.
    pub forwarded_for: Option<HeaderValue>,
    /// `X-Forwarded-Proto` for the upstream.
    pub forwarded_proto: HeaderValue,
    /// `X-Forwarded-Host` for the upstream where a trusted proxy gave one; the request's own host otherwise.
    pub forwarded_host: Option<HeaderValue>,
    /// The request id that a trusted proxy gave.
    pub request_id: Option<HeaderValue>,
}

impl Client {
    /// Reads the client out of a connection and a request's fields.
    pub fn of(connection: &Connection, headers: &HeaderMap, config: &Config) -> Self {
        let peer = connection.peer.ip();
        let proto = HeaderValue::from_static(if connection.tls { "https" } else { "http" });
        if !config.is_trusted_proxy(peer) {
            return Self {
                ip: peer,
                forwarded_for: None,
                forwarded_proto: proto,
                forwarded_host: None,
                request_id: None,
            };
        }
        let (ip, forwarded_for) = behind(peer, headers, config);
        Self {
            ip,
            forwarded_for: Some(forwarded_for),
            forwarded_proto: single(headers, &FORWARDED_PROTO)
                .filter(|v| matches!(v.as_bytes(), b"http" | b"https"))
                .cloned()
                .unwrap_or(proto),
            forwarded_host: single(headers, &FORWARDED_HOST)
                .filter(|v| super::hygiene::host_of(v.as_bytes()).is_some())
                .cloned(),
            request_id: single(headers, &REQUEST_ID)
                .filter(|v| is_request_id(v.as_bytes()))
                .cloned(),
        }
    }
}

/// The right-most address that is not a trusted proxy's, and the chain from there on, the peer last.
fn behind(peer: IpAddr, headers: &HeaderMap, config: &Config) -> (IpAddr, HeaderValue) {
    let mut chain = vec![peer];
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let entries = values
        .iter()
        .rev()
        .flat_map(|v| v.as_bytes().rsplit(|b| *b == b','));
    for entry in entries {
        // Whatever stands left of an entry that cannot be read was not vouched for by anybody.
        let Some(ip) = std::str::from_utf8(entry).ok().and_then(address) else {
            break;
        };
        chain.push(ip);
        if !config.is_trusted_proxy(ip) {
            break;
        }
    }
    let client = chain.last().copied().unwrap_or(peer);
    let text = chain
        .iter()
        .rev()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let value = HeaderValue::try_from(text).unwrap_or_else(|_| address_value(client));
    (client, value)
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

/// The value of a field that came exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn is_request_id(v: &[u8]) -> bool {
    (1..=REQUEST_ID_CHARS).contains(&v.len())
        && v.iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:~/+=".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, trusted: &[&str], fields: &[(&str, &str)]) -> Client {
        let mut config = crate::proxy::testing::config();
        config.trusted_proxies = trusted.iter().map(|n| n.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 5000);
        Client::of(&Connection::new(peer, false), &headers, &config)
    }

    #[test]
    fn nobody_else_is_believed() {
        let c = client(
            "192.0.2.7",
            &["10.0.0.0/8"],
            &[
                ("x-forwarded-for", "1.2.3.4"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.example"),
                ("x-request-id", "chosen"),
            ],
        );
        assert_eq!(c.ip.to_string(), "192.0.2.7");
        assert!(c.forwarded_for.is_none());
        assert_eq!(c.forwarded_proto, "http");
        assert!(c.forwarded_host.is_none() && c.request_id.is_none());
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let c = client(
            "10.0.0.1",
            &["10.0.0.0/8"],
            &[
                ("x-forwarded-for", "6.6.6.6, 203.0.113.9"),
                ("x-forwarded-for", "10.0.0.2:4711"),
                ("x-forwarded-proto", "https"),
                ("x-request-id", "abc-1"),
            ],
        );
        assert_eq!(c.ip.to_string(), "203.0.113.9");
        assert_eq!(c.forwarded_for.unwrap(), "203.0.113.9, 10.0.0.2, 10.0.0.1");
        assert_eq!(c.forwarded_proto, "https");
        assert_eq!(c.request_id.unwrap(), "abc-1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        let c = client(
            "10.0.0.1",
            &["10.0.0.0/8"],
            &[("x-forwarded-for", "1.2.3.4, unknown, 10.0.0.3")],
        );
        assert_eq!(c.ip.to_string(), "10.0.0.3");
        let c = client("::ffff:10.0.0.1", &["10.0.0.0/8"], &[]);
        assert_eq!(c.ip.to_string(), "10.0.0.1");
    }

    #[test]
    fn an_address_is_read_in_every_form_that_proxies_write() {
        for (text, ip) in [
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("192.0.2.9:4711", "192.0.2.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
        ] {
            let c = client("10.0.0.1", &["10.0.0.0/8"], &[("x-forwarded-for", text)]);
            assert_eq!(c.ip.to_string(), ip, "{text}");
        }
    }

    #[test]
    fn what_a_proxy_says_is_taken_where_it_can_be_that() {
        let said = |name, value: &str| client("10.0.0.1", &["10.0.0.0/8"], &[(name, value)]);
        for proto in ["ftp", "HTTPS", "https, http", ""] {
            let c = said("x-forwarded-proto", proto);
            assert_eq!(c.forwarded_proto, "http", "{proto}");
        }
        let longest = "x".repeat(128);
        for (id, is_taken) in [
            (&*longest, true),
            (&format!("{longest}x"), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
        ] {
            let c = said("x-request-id", id);
            assert_eq!(c.request_id.is_some(), is_taken, "{id}");
        }
    }

    #[test]
    fn two_values_of_a_single_field_are_none() {
        let c = client(
            "10.0.0.1",
            &["10.0.0.0/8"],
            &[("x-request-id", "a"), ("x-request-id", "b")],
        );
        assert!(c.request_id.is_none());
    }
}
