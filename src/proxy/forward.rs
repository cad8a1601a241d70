//! The header that goes to the upstream: what the client must not say is removed, what the gateway says is set; never a decision about the request.

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use smallvec::SmallVec;

use super::client::{Client, FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, REQUEST_ID};
use super::ctx::Ctx;
use super::request_id::RequestId;
use super::trace;

const ACCOUNT: HeaderName = HeaderName::from_static("x-fuelgate-account");
const KEY_ID: HeaderName = HeaderName::from_static("x-fuelgate-key-id");
const SCOPES: HeaderName = HeaderName::from_static("x-fuelgate-scopes");

/// Fields that are set here at most.
const OURS: usize = 10;

/// What the gateway knows of a request's sender.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The account.
    pub account: &'a HeaderValue,
    /// The key's id.
    pub key_id: &'a str,
    /// Its scopes, separated by spaces.
    pub scopes: &'a HeaderValue,
}

/// How a request goes on.
#[derive(Debug, Clone, Copy)]
pub struct Forwarding<'a> {
    /// Its id.
    pub request_id: &'a RequestId,
    /// Who sent it.
    pub client: &'a Client,
    /// The address that the client's connection comes from.
    pub peer: &'a HeaderValue,
    /// The key's identity; `None` where no key was asked for.
    pub identity: Option<Identity<'a>>,
    /// Whether `Authorization` goes on untouched.
    pub passes_credentials: bool,
    /// Path and query, where they differ from what came.
    pub target: Option<&'a str>,
    /// Whether the response's body must come unencoded, since event rules read it.
    pub wants_identity_encoding: bool,
}

/// Fields that only the gateway sets, or that could make a backend act on another request than the one that was
/// admitted. Names are compared with underscores taken for hyphens, since many frameworks do not tell them apart.
const RESERVED: &[&str] = &[
    "forwarded",
    "traceparent",
    "x-forwarded",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
];
const RESERVED_PREFIXES: &[&str] = &["x-fuelgate-", "x-forwarded-"];

/// How a request goes on, as far as it came; `None` before its client is known.
pub fn of<'a>(session: &'a Session, ctx: &'a Ctx) -> Option<Forwarding<'a>> {
    Some(Forwarding {
        request_id: &ctx.request_id,
        client: ctx.client.as_ref()?,
        peer: &ctx.connection(session)?.peer_text,
        identity: ctx.key.as_ref().map(|key| Identity {
            account: &key.attachment.account_value,
            key_id: &key.grant.key_id,
            scopes: &key.attachment.scopes_value,
        }),
        passes_credentials: ctx.passes_credentials,
        target: ctx.forward_target.as_deref(),
        wants_identity_encoding: ctx.exchange.is_some(),
    })
}

/// Forgets how the names of a client's fields were spelled: they go on in lower case, as HTTP/2 writes them (case means
/// nothing, RFC 9110 section 5.1).
///
/// Beside each map of fields Pingora keeps another of the names as they came. Copying it for the upstream, and setting our
/// fields in both, was half of what the gateway cost a request.
pub fn forget_spelling(request: &mut RequestHeader) {
    // A target that its URI does not tell would be lost: such a request keeps all until `prepare` sets its target.
    let told = request.uri.path_and_query().map(|t| t.as_str().as_bytes());
    if request.has_case() && told == Some(request.raw_path()) {
        change(request, |_| {});
    }
}

/// Changes the fields of a header, of which nothing is left then but what its parts tell.
fn change(request: &mut RequestHeader, work: impl FnOnce(&mut HeaderMap)) {
    let mut parts = Parts::from(std::mem::replace(request, nothing()));
    work(&mut parts.headers);
    // What stood in for it has nothing allocated; taking that apart would cost more than making it did.
    std::mem::forget(std::mem::replace(request, RequestHeader::from(parts)));
}

/// A header without anything.
fn nothing() -> RequestHeader {
    RequestHeader::from(Request::new(()).into_parts().0)
}

/// Makes the client's header the upstream's. Pingora has stripped hop-by-hop fields before, so that a `Connection` field
/// cannot take away what is set here.
///
/// # Errors
/// The path cannot be set, which a canonical path always can.
pub fn prepare(request: &mut RequestHeader, f: &Forwarding<'_>) -> Result<()> {
    // A target that its URI does not tell is never `None` in `f`, so that nothing is lost here.
    change(request, |headers| fields(headers, f));
    if let Some(target) = f.target {
        request.set_raw_path(target.as_bytes())?;
    }
    Ok(())
}

fn fields(headers: &mut HeaderMap, f: &Forwarding<'_>) {
    let mut traced = None;
    if headers.keys().any(needs_care) {
        traced = trace::incoming(headers).cloned();
        remove_reserved(headers, traced.is_some());
        join_cookies(headers);
        if !expects_continue(headers) {
            // An expectation that nobody defines is ignored (RFC 9110 section 10.1.1).
            headers.remove(&EXPECT);
        }
    }
    if !f.passes_credentials {
        headers.remove(&AUTHORIZATION);
    }
    headers.reserve(OURS);
    let host = f.client.forwarded_host.as_ref();
    if let Some(host) = host.or_else(|| headers.get(HOST)).cloned() {
        headers.insert(FORWARDED_HOST, host);
    }
    headers.insert(REQUEST_ID, f.request_id.value());
    headers.insert(
        FORWARDED_FOR,
        f.client.forwarded_for.as_ref().unwrap_or(f.peer).clone(),
    );
    headers.insert(FORWARDED_PROTO, f.client.forwarded_proto.clone());
    headers.insert(trace::TRACEPARENT, trace::next(traced.as_ref()));
    if let Some(identity) = f.identity {
        headers.insert(ACCOUNT, identity.account.clone());
        // Ids of keys are visible ASCII.
        if let Ok(id) = HeaderValue::from_str(identity.key_id) {
            headers.insert(KEY_ID, id);
        }
        headers.insert(SCOPES, identity.scopes.clone());
    }
    if f.wants_identity_encoding {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// Whether the client waits for a 100 before it sends its body.
pub fn expects_continue(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(EXPECT).iter();
    values
        .next()
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
        && values.next().is_none()
}

/// HTTP/2 clients may send each cookie in a field of its own; HTTP/1.1 knows one field only (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut values = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (values.next(), values.next()) else {
        return;
    };
    let all: Vec<&[u8]> = [first, second]
        .into_iter()
        .chain(values)
        .map(HeaderValue::as_bytes)
        .collect();
    // What was a value in parts is one joined.
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// Whether a field is one that may not go on as it came; most requests have none.
fn needs_care(name: &HeaderName) -> bool {
    *name == COOKIE || *name == EXPECT || *name == trace::TRACESTATE || is_reserved(name.as_str())
}

fn remove_reserved(headers: &mut HeaderMap, traced: bool) {
    let reserved: SmallVec<[HeaderName; 4]> = headers
        .keys()
        .filter(|n| is_reserved(n.as_str()))
        .cloned()
        .collect();
    for name in &reserved {
        headers.remove(name);
    }
    if !traced {
        headers.remove(&trace::TRACESTATE);
    }
}

/// Whether a field name, in lower case, is one that a client must not send on.
fn is_reserved(name: &str) -> bool {
    // Nearly every field fails here, at one look.
    matches!(name.as_bytes().first(), Some(b'x' | b'f' | b't'))
        && (RESERVED.iter().any(|r| same(name, r))
            || RESERVED_PREFIXES
                .iter()
                .any(|p| name.get(..p.len()).is_some_and(|start| same(start, p))))
}

fn same(name: &str, reserved: &str) -> bool {
    name.len() == reserved.len()
        && name
            .bytes()
            .zip(reserved.bytes())
            .all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client {
            ip: [192, 0, 2, 1].into(),
            forwarded_for: None,
            forwarded_proto: HeaderValue::from_static("https"),
            forwarded_host: None,
            request_id: None,
        }
    }

    fn request(fields: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut r = RequestHeader::build("GET", b"/v1/contacts?x=1", None).unwrap();
        r.insert_header("Host", "api.example").unwrap();
        for (name, value) in fields {
            r.append_header(*name, *value).unwrap();
        }
        r
    }

    fn forwarded(
        fields: &[(&'static str, &'static str)],
        change: impl Fn(&mut Forwarding<'_>),
    ) -> RequestHeader {
        let (client, id) = (client(), RequestId::Given(HeaderValue::from_static("req1")));
        let peer = HeaderValue::from_static("192.0.2.1");
        let mut f = Forwarding {
            request_id: &id,
            client: &client,
            peer: &peer,
            identity: None,
            passes_credentials: false,
            target: None,
            wants_identity_encoding: false,
        };
        change(&mut f);
        let mut r = request(fields);
        prepare(&mut r, &f).unwrap();
        r
    }

    #[test]
    fn what_only_the_gateway_says_is_removed_in_every_spelling() {
        let r = forwarded(
            &[
                ("X-Fuelgate-Account", "evil"),
                ("X_Fuelgate_Account", "evil"),
                ("x-fuelgate_scopes", "evil"),
                ("X-Fuelgate-Anything", "evil"),
                ("X_Forwarded_For", "evil"),
                ("X-Forwarded-Port", "evil"),
                ("X_Request_Id", "evil"),
                ("Forwarded", "for=evil"),
                ("X-Real-IP", "evil"),
                ("X-HTTP-Method-Override", "DELETE"),
                ("X-HTTP-Method", "DELETE"),
                ("X-Method-Override", "DELETE"),
                ("X-Original-URL", "/admin"),
                ("X-Original-URI", "/admin"),
                ("X-Forwarded", "evil"),
                ("X-Rewrite-URL", "/admin"),
                ("tracestate", "evil=1"),
                ("X-Request-Id", "evil"),
            ],
            |_| {},
        );
        assert!(
            r.headers
                .values()
                .all(|v| !v.to_str().unwrap().contains("evil"))
        );
        assert!(!r.headers.values().any(|v| v == "DELETE" || v == "/admin"));
        assert_eq!(r.headers["x-request-id"], "req1");
        assert_eq!(r.headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(r.headers["x-forwarded-proto"], "https");
        assert_eq!(r.headers["x-forwarded-host"], "api.example");
        assert!(!r.headers.contains_key("x-fuelgate-account"));
    }

    #[test]
    fn what_stands_in_for_a_header_has_nothing_allocated() {
        let nothing = nothing();
        assert_eq!((nothing.headers.capacity(), nothing.has_case()), (0, false));
        assert_eq!(nothing.uri, http::Uri::default());
        assert!(nothing.extensions.is_empty());
    }

    #[test]
    fn spelling_is_forgotten_unless_the_target_would_be_too() {
        let mut r = request(&[("X-Custom", "1")]);
        forget_spelling(&mut r);
        assert!(!r.has_case());
        assert_eq!(r.raw_path(), b"/v1/contacts?x=1");
        assert_eq!(r.headers["x-custom"], "1");
        for target in [&b"http://api.example/v1/contacts"[..], b"/v1/\xff"] {
            let mut r = RequestHeader::build("GET", target, None).unwrap();
            forget_spelling(&mut r);
            assert_eq!(r.raw_path(), target);
        }
    }

    #[test]
    fn other_fields_go_on_as_they_are() {
        let r = forwarded(
            &[
                ("X-Custom", "1"),
                ("Cookie", "a=b"),
                ("X_Custom", "2"),
                ("From", "me"),
            ],
            |_| {},
        );
        for name in ["x-custom", "cookie", "x_custom", "from"] {
            assert!(r.headers.contains_key(name), "{name}");
        }
    }

    #[test]
    fn only_the_one_expectation_there_is_goes_on() {
        let with = |v| {
            forwarded(&[("Expect", v)], |_| {})
                .headers
                .contains_key(EXPECT)
        };
        assert!(with("100-Continue"));
        assert!(!with("foo") && !with("100-continue, foo"));
    }

    #[test]
    fn cookies_in_fields_of_their_own_become_one() {
        let r = forwarded(
            &[("Cookie", "a=1"), ("Cookie", "b=2"), ("Cookie", "c=3")],
            |_| {},
        );
        assert_eq!(r.headers.get_all(COOKIE).iter().count(), 1);
        assert_eq!(r.headers[COOKIE], "a=1; b=2; c=3");
    }

    #[test]
    fn credentials_go_on_only_where_they_are_the_upstreams() {
        let fields = [("Authorization", "Bearer abc")];
        assert!(
            !forwarded(&fields, |_| {})
                .headers
                .contains_key(AUTHORIZATION)
        );
        let r = forwarded(&fields, |f| f.passes_credentials = true);
        assert_eq!(r.headers[AUTHORIZATION], "Bearer abc");
    }

    #[test]
    fn identity_path_and_encoding_are_set() {
        let (account, scopes) = (
            HeaderValue::from_static("acct_1"),
            HeaderValue::from_static("a:read b:read"),
        );
        let (client, id) = (client(), RequestId::Given(HeaderValue::from_static("req1")));
        let peer = HeaderValue::from_static("192.0.2.1");
        let mut r = request(&[("Accept-Encoding", "gzip")]);
        let f = Forwarding {
            request_id: &id,
            client: &client,
            peer: &peer,
            identity: Some(Identity {
                account: &account,
                key_id: "key_1",
                scopes: &scopes,
            }),
            passes_credentials: false,
            target: Some("/api/contacts?x=1"),
            wants_identity_encoding: true,
        };
        prepare(&mut r, &f).unwrap();
        assert_eq!(r.headers["x-fuelgate-account"], "acct_1");
        assert_eq!(r.headers["x-fuelgate-key-id"], "key_1");
        assert_eq!(r.headers["x-fuelgate-scopes"], "a:read b:read");
        assert_eq!(r.headers[ACCEPT_ENCODING], "identity");
        assert_eq!(r.raw_path(), b"/api/contacts?x=1");
    }

    #[test]
    fn a_valid_trace_goes_on_with_its_state() {
        let r = forwarded(
            &[
                (
                    "traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                ),
                ("tracestate", "vendor=1"),
            ],
            |_| {},
        );
        assert_eq!(r.headers["tracestate"], "vendor=1");
        let parent = r.headers["traceparent"].to_str().unwrap();
        assert!(parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        let alone = (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        let r = forwarded(&[alone], |_| {});
        let parent = r.headers["traceparent"].to_str().unwrap();
        assert!(parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    }
}
