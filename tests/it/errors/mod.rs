//! Every row of the error table that can occur, asserted on the wire: status, fields and body.

mod access;
mod limits;
mod requests;
mod store;
mod upstream;

use crate::support::http::Response;

/// The id that every answer of the gateway has, whoever made it.
fn request_id(r: &Response) -> &str {
    let id = r.header("x-request-id");
    let id = id.unwrap_or_else(|| panic!("no X-Request-Id: {r:?}"));
    // No proxy is trusted here, so that the id is of the gateway's own making.
    let is_ours = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_ours, "{id}");
    id
}

/// What every error of the gateway's own has in common.
fn assert_problem(r: &Response, status: u16, code: &str) {
    assert_eq!(r.status, status, "{}", r.text());
    assert_eq!(r.header("x-fuelgate-error"), Some(code));
    assert_eq!(r.header("content-type"), Some("application/problem+json"));
    let body = r.json();
    assert_eq!(body["code"], code);
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], request_id(r), "{body}");
    assert!(body["title"].is_string() && body["detail"].is_string());
    if status == 429 {
        assert_eq!(
            body["type"],
            "https://iana.org/assignments/http-problem-types#quota-exceeded"
        );
    } else {
        assert_eq!(
            body["type"],
            format!("https://portal.example/docs/errors/{code}")
        );
    }
}
