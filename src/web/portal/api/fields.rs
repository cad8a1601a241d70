//! Which header fields pass between a page of the portal and the API, both ways; never their order or their values.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields of a connection and not of a request (RFC 9110 section 7.6.1), with those that ask for another protocol.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
    "expect",
];

/// What a request leaves here: the portal's session is nobody else's business, and the host is the API's.
const OF_PORTAL: [&str; 3] = ["cookie", "host", "x-forwarded-host"];

/// What an answer leaves here: it would speak for the portal's whole origin.
const OF_ORIGIN: [&str; 12] = [
    "set-cookie",
    "clear-site-data",
    "service-worker-allowed",
    "strict-transport-security",
    "alt-svc",
    "nel",
    "report-to",
    "reporting-endpoints",
    "refresh",
    "content-security-policy-report-only",
    "origin-agent-cluster",
    "cross-origin-opener-policy",
];

/// Of an answer that is opened as a page all the same, nothing may run.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The fields that the gateway gets of a request.
pub(super) fn of_request(came: &HeaderMap, host: &HeaderValue) -> HeaderMap {
    let mut fields = without(came, &OF_PORTAL);
    fields.insert(header::HOST, host.clone());
    fields
}

/// The fields that the page gets of an answer.
pub(super) fn of_answer(came: &HeaderMap) -> HeaderMap {
    let mut fields = without(came, &OF_ORIGIN);
    let cors: Vec<HeaderName> = fields
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .cloned()
        .collect();
    for name in cors {
        fields.remove(name);
    }
    close(&mut fields);
    fields
}

/// Makes an answer one that only a script of ours can do anything with.
pub(super) fn close(fields: &mut HeaderMap) {
    let mut set = |name, value| fields.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    fields
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Fields less those of the connection, those that it names, and `others`.
fn without(came: &HeaderMap, others: &[&str]) -> HeaderMap {
    let named: Vec<String> = came
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    // Where both are there, the chunks are right (RFC 9112 section 6.3).
    let is_chunked = came.contains_key(header::TRANSFER_ENCODING);
    let mut fields = HeaderMap::with_capacity(came.len() + 6);
    for (name, value) in came {
        let text = name.as_str();
        let is_dropped = OF_CONNECTION.contains(&text)
            || others.contains(&text)
            || named.iter().any(|n| n == text)
            || (is_chunked && *name == header::CONTENT_LENGTH);
        if !is_dropped {
            fields.append(name.clone(), value.clone());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn the_portals_session_and_host_stay_here_and_credentials_pass_as_they_came() {
        let came = map(&[
            ("host", "portal.example"),
            ("cookie", "fuelgate-portal=secret"),
            ("authorization", "Bearer a"),
            ("authorization", "Bearer b"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "evil.example"),
            ("x-length", "3"),
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
        ]);
        let fields = of_request(&came, &HeaderValue::from_static("api.example"));
        let names: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.to_str().unwrap()))
            .collect();
        let mut wanted = vec![
            ("authorization", "Bearer a"),
            ("authorization", "Bearer b"),
            ("host", "api.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-length", "3"),
        ];
        let mut got = names.clone();
        got.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(got, wanted);
    }

    #[test]
    fn a_length_is_kept_but_beside_chunks() {
        let host = HeaderValue::from_static("api.example");
        let alone = of_request(&map(&[("content-length", "3")]), &host);
        assert_eq!(alone["content-length"], "3");
        let both = map(&[("content-length", "3"), ("transfer-encoding", "chunked")]);
        assert!(of_request(&both, &host).get("content-length").is_none());
    }

    #[test]
    fn an_answer_says_nothing_for_the_portals_origin() {
        let came = map(&[
            ("content-type", "text/html"),
            ("set-cookie", "fuelgate-portal=evil"),
            ("clear-site-data", "\"*\""),
            ("service-worker-allowed", "/"),
            ("access-control-allow-origin", "*"),
            ("content-security-policy", "default-src *"),
            ("strict-transport-security", "max-age=1"),
            ("cache-control", "private"),
            ("x-request-id", "r1"),
            ("ratelimit", "\"burst\";r=1"),
        ]);
        let fields = of_answer(&came);
        for gone in [
            "set-cookie",
            "clear-site-data",
            "service-worker-allowed",
            "access-control-allow-origin",
            "strict-transport-security",
        ] {
            assert!(fields.get(gone).is_none(), "{gone}");
        }
        assert_eq!(fields["content-security-policy"], POLICY);
        assert_eq!(fields.get_all("content-security-policy").iter().count(), 1);
        assert_eq!(fields["cache-control"], "private");
        assert_eq!(fields["x-request-id"], "r1");
        assert_eq!(of_answer(&HeaderMap::new())["cache-control"], "no-store");
    }
}
