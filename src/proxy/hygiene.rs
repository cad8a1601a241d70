//! What a request must be before anything else is asked of it: unambiguous, bounded, HTTP; never who sent it.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Version};
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
    /// The host without its port, as sent; `None` only in HTTP/1.0. It is ASCII.
    pub host: Option<&'a [u8]>,
    /// The path as it came.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
    /// Whether a field says that a body follows, or how long it is.
    pub is_framed: bool,
}

/// Checks a request and takes its target apart. `raw` is its header as it came in HTTP/1, where Pingora drops a fragment
/// before we see the target.
///
/// # Errors
/// What to answer instead of going on.
pub fn check<'a>(
    request: &'a RequestHeader,
    raw: Option<&[u8]>,
    ceilings: &Ceilings,
) -> Result<Target<'a>, Refusal> {
    let is_framed = check_size(request, ceilings)?;
    if request.method == Method::CONNECT {
        return Err(Refusal::method_not_allowed(ALL_METHODS));
    }
    if raw.is_some_and(|r| has_fragment(request, r)) {
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

/// Whether the first line of `raw`, a header as it came, has a fragment.
fn has_fragment(request: &RequestHeader, raw: &[u8]) -> bool {
    // Nearly always what follows the method is the target that Pingora tells, and nothing else.
    let rest = raw
        .strip_prefix(request.method.as_str().as_bytes())
        .and_then(|r| r.strip_prefix(b" ")?.strip_prefix(request.raw_path()));
    if rest.is_some_and(|r| r.starts_with(b" HTTP/")) {
        return false;
    }
    // Empty lines may come before the first one (RFC 9112 section 2.2).
    let begin = raw.iter().position(|b| !b"\r\n".contains(b));
    let lines = raw.get(begin.unwrap_or_default()..).unwrap_or_default();
    let line = lines.split(|b| *b == b'\n').next();
    line.is_some_and(|l| l.contains(&b'#'))
}

/// The host without its port. Pingora has made sure that there is one `Host` at most and that it equals the authority.
fn host(request: &RequestHeader) -> Result<Option<&[u8]>, Refusal> {
    let authority = match request.uri.authority() {
        Some(a) => Some(a.as_str().as_bytes()),
        None => request.headers.get(HOST).map(HeaderValue::as_bytes),
    };
    match authority {
        Some(a) => match host_of(a) {
            None => Err(bad("Host is not valid.")),
            host => Ok(host),
        },
        None if request.version == Version::HTTP_11 => Err(bad("Host is missing.")),
        None => Ok(None),
    }
}

/// The host of `authority` without its port (RFC 9110 section 7.2); `None` for what is none: user information, lists and
/// paths are excluded.
pub fn host_of(authority: &[u8]) -> Option<&[u8]> {
    let is_v6 = authority.first() == Some(&b'[');
    let last = authority
        .iter()
        .position(|b| *b == if is_v6 { b']' } else { b':' });
    let end = last.map_or(authority.len(), |at| at + usize::from(is_v6));
    let (name, port) = authority.split_at(end);
    let is_good = if is_v6 {
        let inner = name.strip_prefix(b"[")?.strip_suffix(b"]")?;
        let text = std::str::from_utf8(inner).ok()?;
        text.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !name.is_empty() && REG_NAME.has_all(name)
    };
    (is_good && (port.is_empty() || is_port(port))).then_some(name)
}

/// Whether `text` is a colon and a port.
fn is_port(text: &[u8]) -> bool {
    let Some((b':', digits)) = text.split_first() else {
        return false;
    };
    let number = digits.iter().try_fold(0_u32, |n, b| {
        let n = n * 10 + char::from(*b).to_digit(10)?;
        (n <= u16::MAX.into()).then_some(n)
    });
    !digits.is_empty() && number.is_some()
}

/// Path and query of a target in origin-form or absolute-form; the asterisk and everything else is refused.
fn target(request: &RequestHeader) -> Result<(&str, Option<&str>), Refusal> {
    // Nearly always the URI tells all of it, and was taken apart when it was read.
    if let Some(told) = request.uri.path_and_query()
        && told.as_str().as_bytes() == request.raw_path()
        && told.as_str().starts_with('/')
    {
        return Ok((told.path(), told.query()));
    }
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
            host: Some(b"api.example"),
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
            "", ":", "a:", "a/b", "a,b", "a:b", "a:99999", "a:+1", "u@a", "a b", "[::1", "[::1]:",
            "[::1]x", "[::1]]", "[a]", "x[::1]", "a:80:80", "ä",
        ] {
            assert_eq!(host_of(bad.as_bytes()), None, "{bad}");
        }
        for (good, host) in [
            ("a", "a"),
            ("A.example.", "A.example."),
            ("1.2.3.4:80", "1.2.3.4"),
            ("a:0065535", "a"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(good.as_bytes()), Some(host.as_bytes()), "{good}");
        }
        let mut old = request("GET", "/", &[]);
        old.set_version(Version::HTTP_10);
        assert_eq!(check(&old, None, &CEILINGS).unwrap().host, None);
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
        // Each field counts four bytes beside its name and value: 9 for the host, 5 for this one.
        for (length, refused) in [(1010, None), (1011, Some(Code::HeadersTooLarge))] {
            let big = "v".repeat(length);
            let r = request("GET", "/", &[host, ("x", &big)]);
            assert_eq!(code(&r), refused, "{length}");
        }
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
        for target in ["*", "foo", "ftp://a/x", "?x=1"] {
            assert_eq!(
                code(&request("OPTIONS", target, &host)),
                Some(Code::BadRequest),
                "{target}"
            );
        }
        let connect = request("CONNECT", "/", &host);
        assert_eq!(code(&connect), Some(Code::MethodNotAllowed));
    }

    #[test]
    fn a_fragment_in_the_first_line_is_refused_and_nowhere_else() {
        let r = request("GET", "/a", &[("host", "a")]);
        let is_good = |raw: &[u8]| check(&r, Some(raw), &CEILINGS).is_ok();
        for line in [
            "GET /a#b HTTP/1.1",
            "GET /a# HTTP/1.1",
            "GET /a #b HTTP/1.1",
            "\r\n\nGET /a#b HTTP/1.1",
        ] {
            assert!(
                !is_good(format!("{line}\r\nHost: a\r\n\r\n").as_bytes()),
                "{line}"
            );
        }
        for line in ["GET /a HTTP/1.1", "\r\nGET /a HTTP/1.1", "GET  /a HTTP/1.1"] {
            assert!(
                is_good(format!("{line}\r\nHost: a\r\nX: #\r\n\r\n").as_bytes()),
                "{line}"
            );
        }
    }
}
