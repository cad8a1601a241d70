//! What every answer of the portal carries: what browsers may do with it, its id and its time; and pages in place of errors.

use std::time::Instant;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::guard::Guest;
use super::refuse::Unrendered;
use crate::web::peer;

/// What a page may load and where it may go: nothing but its own origin, nothing inline, in no frame.
pub(in crate::web) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Fields that an answer has unless it has its own.
const FIELDS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Forms say where they come from, and links to other sites do not.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];
/// A year, as browsers are told that there is no plain HTTP here.
const TRANSPORT: &str = "max-age=31536000";
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the finish of an answer is made of.
pub(super) struct Frame<'a> {
    pub(super) guest: &'a Guest,
    pub(super) begun: Instant,
}

/// Makes pages of errors and adds the fields.
pub(super) fn finish(frame: &Frame<'_>, response: &mut Response) {
    let guest = frame.guest;
    if let Some(Unrendered(error)) = response.extensions_mut().remove() {
        let page = error.page(&guest.config, guest.session(), &guest.request_id);
        *response.body_mut() = page.into_string().into();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let headers = response.headers_mut();
    for (name, value) in FIELDS {
        default(headers, name, HeaderValue::from_static(value));
    }
    // Whatever does not say how long it may be kept may hold what is the account's alone.
    let no_store = HeaderValue::from_static("no-store");
    default(headers, header::CACHE_CONTROL, no_store);
    if guest.config.portal.public_url.starts_with("https:") {
        let value = HeaderValue::from_static(TRANSPORT);
        default(headers, header::STRICT_TRANSPORT_SECURITY, value);
    }
    if let Ok(id) = HeaderValue::from_str(&guest.request_id) {
        default(headers, HeaderName::from_static(peer::REQUEST_ID), id);
    }
    let took = frame.begun.elapsed().as_secs_f64() * 1000.0;
    if let Ok(value) = HeaderValue::from_str(&format!("app;dur={took:.2}")) {
        default(headers, SERVER_TIMING, value);
    }
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
