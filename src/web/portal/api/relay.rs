//! Carries a call of a page to the gateway and its answer back; never decides whether the call may pass, which the gateway does.

use std::net::SocketAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::door::{ApiDoor, DoorError};
use super::fields;
use crate::base::problem::RETRY_SECONDS;
use crate::config::model::Config;
use crate::web::peer;

/// What stands before the API's paths on the portal.
pub(super) const PREFIX: &str = "/api";

/// Sends a request to the gateway and gives its answer.
pub(super) async fn call(
    door: &dyn ApiDoor,
    config: &Config,
    peer: SocketAddr,
    request: Request<Body>,
) -> Response {
    if let Err(refused) = check_origin(request.headers()) {
        return refuse(StatusCode::FORBIDDEN, refused);
    }
    let (Some(target), Some(host)) = (target(request.uri()), host(config)) else {
        return refuse(StatusCode::BAD_REQUEST, "expected a path after /api");
    };
    let tls = config
        .portal
        .listener
        .as_ref()
        .is_some_and(|l| l.tls.is_some());
    let source = peer::client_address(config, peer.ip(), request.headers());
    let stream = match door.open(peer, source, tls).await {
        Ok(stream) => stream,
        Err(DoorError::SourceFull) => {
            return later(
                StatusCode::TOO_MANY_REQUESTS,
                "too many calls from your address are under way: wait until one has ended",
            );
        }
        Err(error) => {
            tracing::debug!(%error, "a call of the portal found no connection");
            return later(
                StatusCode::SERVICE_UNAVAILABLE,
                "there is too much to do at the moment",
            );
        }
    };
    match exchange(stream, target, host, request).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "a call of the portal broke off");
            refuse(
                StatusCode::BAD_GATEWAY,
                "the connection ended before the answer",
            )
        }
    }
}

async fn exchange(
    stream: tokio::net::UnixStream,
    target: Uri,
    host: HeaderValue,
    request: Request<Body>,
) -> Result<Response, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the exchange: nothing else is sent on it.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the gateway ended badly");
        }
    });
    let (parts, body) = request.into_parts();
    let mut sent = Request::new(body);
    *sent.method_mut() = parts.method;
    *sent.uri_mut() = target;
    *sent.headers_mut() = fields::of_request(&parts.headers, &host);
    let (parts, body) = sender.send_request(sent).await?.into_parts();
    let mut answer = Response::new(Body::new(body));
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = fields::of_answer(&parts.headers);
    if parts.status.is_redirection() {
        stay_inside(answer.headers_mut());
    }
    Ok(answer)
}

/// Whether a script of one of our pages makes this call, as far as the browser says who does: an answer of the API must
/// not be loaded as a page, script, worker or picture of the portal's origin.
fn check_origin(headers: &HeaderMap) -> Result<(), &'static str> {
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    match (said("sec-fetch-dest"), said("sec-fetch-site")) {
        (Some(dest), _) if dest != b"empty" => {
            Err("this address answers calls of scripts, it is no page")
        }
        (_, Some(site)) if site != b"same-origin" => {
            Err("this address answers calls of the portal's own pages")
        }
        _ => Ok(()),
    }
}

/// Path and query as the gateway gets them, byte for byte what follows the prefix.
fn target(uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
    rest.starts_with('/').then(|| rest.parse().ok())?
}

/// The API's own host: routes may be told apart by it.
fn host(config: &Config) -> Option<HeaderValue> {
    let api: Uri = config.portal.api_url.parse().ok()?;
    HeaderValue::from_str(api.authority()?.as_str()).ok()
}

/// A redirect within the API stays within it here, too.
fn stay_inside(fields: &mut HeaderMap) {
    let inside = fields
        .get(header::LOCATION)
        .and_then(|l| l.to_str().ok())
        .filter(|l| l.starts_with('/') && !l.starts_with("//"))
        .and_then(|l| HeaderValue::try_from(format!("{PREFIX}{l}")).ok());
    if let Some(location) = inside {
        fields.insert(header::LOCATION, location);
    }
}

/// A refusal of what may come again soon.
fn later(status: StatusCode, text: &'static str) -> Response {
    let mut answer = refuse(status, text);
    let retry = HeaderValue::from(RETRY_SECONDS);
    answer.headers_mut().insert(header::RETRY_AFTER, retry);
    answer
}

/// An answer of the portal's own, where the gateway was not asked.
fn refuse(status: StatusCode, text: &'static str) -> Response {
    let mut answer = (status, text).into_response();
    fields::close(answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(target_of: &str) -> Option<String> {
        target(&target_of.parse().unwrap()).map(|u| u.to_string())
    }

    #[test]
    fn the_gateway_gets_the_rest_of_the_path_as_it_was_written() {
        for (came, wanted) in [
            ("/api/v1/contacts?limit=2", Some("/v1/contacts?limit=2")),
            ("/api/v1/a%2fb/../c?x=%zz", Some("/v1/a%2fb/../c?x=%zz")),
            ("/api//v1", Some("//v1")),
            ("/api/", Some("/")),
            ("/api/api/v1", Some("/api/v1")),
            ("/api", None),
            ("/apix", None),
            ("/api?x", None),
            ("https://portal.example/api/v1", Some("/v1")),
        ] {
            assert_eq!(parsed(came).as_deref(), wanted, "{came}");
        }
    }

    #[test]
    fn only_scripts_of_our_own_pages_may_call() {
        for (dest, site, is_taken) in [
            (None, None, true),
            (Some("empty"), Some("same-origin"), true),
            (Some("empty"), None, true),
            (Some("script"), Some("same-origin"), false),
            (Some("document"), Some("none"), false),
            (Some("iframe"), Some("same-origin"), false),
            (Some("worker"), Some("same-origin"), false),
            (Some("serviceworker"), Some("same-origin"), false),
            (Some("empty"), Some("cross-site"), false),
            (Some("empty"), Some("same-site"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(dest) = dest {
                headers.insert("sec-fetch-dest", HeaderValue::from_static(dest));
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            assert_eq!(
                check_origin(&headers).is_ok(),
                is_taken,
                "{dest:?} {site:?}"
            );
        }
    }

    #[test]
    fn redirects_within_the_api_stay_there() {
        for (location, wanted) in [
            ("/v2/contacts", "/api/v2/contacts"),
            ("//evil.example/", "//evil.example/"),
            ("https://other.example/", "https://other.example/"),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(header::LOCATION, HeaderValue::from_static(location));
            stay_inside(&mut fields);
            assert_eq!(fields[header::LOCATION], wanted);
        }
    }
}
