//! What a request must be before anything else is asked of it: unambiguous, bounded, HTTP; never who sent it.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Method, Version};
use pingora::http::RequestHeader;

use super::refusal::Refusal;
use crate::base::byte_set::ByteSet;
use crate::base::error::Code;
use crate::config::model::Ceilings;

/// Methods named in `Allow` where a method is refused whatever the path.
pub const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Characters of a host's name, escapes excluded: nobody resolves those alike.
static REG_NAME: ByteSet = ByteSet::ALPHANUMERIC.with(b"-._~");

/// What routing needs of a request that passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The host without its port, as sent; `None` only in HTTP/1.0.
    pub host: Option<&'a str>,
    /// The path as it came.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
    /// Whether a field says that a body follows, or how long it is.
    pub is_framed: bool,
}

/// Checks a request and takes its target apart. `request_line` is the raw first line in HTTP/1, where Pingora drops a
/// fragment before we see the target.
///
/// # Errors
/// What to answer instead of going on.
pub fn check<'a>(
    request: &'a RequestHeader,
    request_line: Option<&[u8]>,
    ceilings: &Ceilings,
) -> Result<Target<'a>, Refusal> {
    let is_framed = check_size(request, ceilings)?;
    if request.method == Method::CONNECT {
        return Err(Refusal::method_not_allowed(ALL_METHODS));
    }
    if request_line.is_some_and(|l| l.contains(&b'#')) {
        return Err(bad("The request target has a fragment."));
    }
    if is_framed {
        check_transfer_encoding(request)?;
    }
    let host = host(request)?;
    let (path, query) = target(request)?;
    Ok(Target {
        host,
        path,
        query,
        is_framed,
    })
}

fn bad(detail: &'static str) -> Refusal {
    Refusal::new(Code::BadRequest).detail(detail)
}

/// Checks the ceilings, and looks by the way whether a field announces a body: most requests have none, and then nobody
/// has to ask again.
fn check_size(request: &RequestHeader, ceilings: &Ceilings) -> Result<bool, Refusal> {
    if request.raw_path().len() > ceilings.uri_bytes {
        return Err(Refusal::new(Code::UriTooLong));
    }
    let (mut bytes, mut is_framed) = (0, false);
    for (name, value) in &request.headers {
        // Four bytes beside name and value: colon, space and line end.
        bytes += name.as_str().len() + value.len() + 4;
        is_framed |= *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING;
    }
    if request.headers.len() > ceilings.header_fields || bytes > ceilings.header_bytes {
        return Err(Refusal::new(Code::HeadersTooLarge));
    }
    Ok(is_framed)
}

/// Only the one form that everybody reads alike: Pingora takes any list that ends in `chunked`.
fn check_transfer_encoding(request: &RequestHeader) -> Result<(), Refusal> {
    let mut values = request.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(());
    };
    if values.next().is_some() || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(bad("Transfer-Encoding must be chunked and nothing else."));
    }
    Ok(())
}

/// The host without its port. Pingora has made sure that there is one `Host` at most and that it equals the authority.
fn host(request: &RequestHeader) -> Result<Option<&str>, Refusal> {
    let authority = match request.uri.authority() {
        Some(a) => Some(a.as_str()),
        None => match request.headers.get(HOST) {
            Some(v) => Some(v.to_str().map_err(|_| bad("Host is not valid."))?),
            None => None,
        },
    };
    match authority {
        Some(a) if is_host(a.as_bytes()) => Ok(Some(without_port(a))),
        Some(_) => Err(bad("Host is not valid.")),
        None if request.version == Version::HTTP_11 => Err(bad("Host is missing.")),
        None => Ok(None),
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(at) if !authority[at..].contains(']') => &authority[..at],
        _ => authority,
    }
}

/// Whether `v` is a host with or without a port (RFC 9110 section 7.2), user information, lists and paths excluded.
pub fn is_host(v: &[u8]) -> bool {
    let (name, port) = match v.iter().rposition(|b| *b == b':') {
        Some(at) if !v[at..].contains(&b']') => (&v[..at], Some(&v[at + 1..])),
        _ => (v, None),
    };
    let port_is_good = port.is_none_or(|p| {
        std::str::from_utf8(p)
            .ok()
            .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|t| t.parse::<u16>().ok())
            .is_some()
    });
    let name_is_good = match name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]")) {
        Some(v6) => std::str::from_utf8(v6).is_ok_and(|t| t.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !name.is_empty() && REG_NAME.has_all(name),
    };
    port_is_good && name_is_good
}

/// Path and query of a target in origin-form or absolute-form; the asterisk and everything else is refused.
fn target(request: &RequestHeader) -> Result<(&str, Option<&str>), Refusal> {
    let raw = std::str::from_utf8(request.raw_path())
        .map_err(|_| bad("The request target is not valid."))?;
    let origin = if raw.starts_with('/') {
        raw
    } else {
        let after = strip_scheme(raw).ok_or_else(|| bad("The request target is not valid."))?;
        after.find(['/', '?']).map_or("", |at| &after[at..])
    };
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    Ok((if path.is_empty() { "/" } else { path }, query))
}

fn strip_scheme(raw: &str) -> Option<&str> {
    let (scheme, rest) = raw.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILINGS: Ceilings = Ceilings {
        header_bytes: 1024,
        header_fields: 10,
        uri_bytes: 64,
        body_bytes: 1024,
        captured_body_bytes: 64,
    };

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> RequestHeader {
        let mut r = RequestHeader::build(method, target.as_bytes(), None).unwrap();
        r.set_version(Version::HTTP_11);
        for (name, value) in fields {
            r.append_header((*name).to_owned(), *value).unwrap();
        }
        r
    }

    fn code(r: &RequestHeader) -> Option<Code> {
        check(r, None, &CEILINGS).err().map(|e| e.code)
    }

    #[test]
    fn a_plain_request_passes_in_both_forms() {
        let host = [("host", "api.example:8080")];
        let r = request("GET", "/v1/contacts?x=1", &host);
        let target = Target {
            host: Some("api.example"),
            path: "/v1/contacts",
            query: Some("x=1"),
            is_framed: false,
        };
        assert_eq!(check(&r, None, &CEILINGS).unwrap(), target);
        let r = request("GET", "http://api.example:8080/v1/contacts?x=1", &host);
        assert_eq!(check(&r, None, &CEILINGS).unwrap(), target);
        let r = request("GET", "http://api.example:8080?x=1", &host);
        assert_eq!(check(&r, None, &CEILINGS).unwrap().path, "/");
    }

    #[test]
    fn a_body_is_announced_by_either_field() {
        let framed = |field| {
            let r = request("POST", "/", &[("host", "a"), field]);
            check(&r, None, &CEILINGS).unwrap().is_framed
        };
        assert!(framed(("content-length", "3")) && framed(("Transfer-Encoding", "chunked")));
        assert!(!framed(("content-type", "text/plain")));
    }

    #[test]
    fn a_host_must_be_there_and_be_one() {
        assert_eq!(code(&request("GET", "/", &[])), Some(Code::BadRequest));
        for bad in [
            "", "a/b", "a,b", "a:b", "a:99999", "u@a", "a b", "[::1", "a:80:80", "ä",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
        for good in ["a", "A.example.", "1.2.3.4:80", "[::1]:8080", "[::1]"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        let mut old = request("GET", "/", &[]);
        old.set_version(Version::HTTP_10);
        assert_eq!(check(&old, None, &CEILINGS).unwrap().host, None);
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }

    #[test]
    fn transfer_encoding_is_chunked_or_refused() {
        let host = ("host", "a");
        for te in [
            &["chunked, chunked"][..],
            &["gzip, chunked"],
            &["chunked", "chunked"],
            &["identity"],
        ] {
            let mut fields = vec![host];
            fields.extend(te.iter().map(|v| ("transfer-encoding", *v)));
            assert_eq!(
                code(&request("POST", "/", &fields)),
                Some(Code::BadRequest),
                "{te:?}"
            );
        }
        let r = request("POST", "/", &[host, ("transfer-encoding", "Chunked")]);
        assert_eq!(code(&r), None);
    }

    #[test]
    fn ceilings_answer_414_and_431() {
        let host = ("host", "a");
        let at = format!("/{}", "x".repeat(63));
        assert_eq!(code(&request("GET", &at, &[host])), None);
        let over = format!("{at}x");
        assert_eq!(
            code(&request("GET", &over, &[host])),
            Some(Code::UriTooLong)
        );
        let big = "v".repeat(1100);
        let r = request("GET", "/", &[host, ("x", &big)]);
        assert_eq!(code(&r), Some(Code::HeadersTooLarge));
        let many: Vec<_> = std::iter::once(host)
            .chain(std::iter::repeat_n(("x", "1"), 10))
            .collect();
        assert_eq!(code(&request("GET", "/", &many[..10])), None);
        assert_eq!(
            code(&request("GET", "/", &many)),
            Some(Code::HeadersTooLarge)
        );
    }

    #[test]
    fn targets_and_methods_that_are_never_routed() {
        let host = [("host", "a")];
        for target in ["*", "foo", "ftp://a/x"] {
            assert_eq!(
                code(&request("OPTIONS", target, &host)),
                Some(Code::BadRequest),
                "{target}"
            );
        }
        let connect = request("CONNECT", "/", &host);
        assert_eq!(code(&connect), Some(Code::MethodNotAllowed));
        let r = request("GET", "/a", &host);
        assert!(check(&r, Some(b"GET /a#b HTTP/1.1"), &CEILINGS).is_err());
    }
}
