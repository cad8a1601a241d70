//! Every row of the error table that can occur, asserted on the wire: status, fields and body.

mod access;
mod limits;
mod requests;
mod upstream;

use crate::support::http::Response;

/// What every error of the gateway's own has in common.
fn assert_problem(r: &Response, status: u16, code: &str) {
    assert_eq!(r.status, status, "{}", r.text());
    assert_eq!(r.header("x-fuelgate-error"), Some(code));
    assert_eq!(r.header("content-type"), Some("application/problem+json"));
    let body = r.json();
    assert_eq!(body["code"], code);
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"].as_str(), r.header("x-request-id"));
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
