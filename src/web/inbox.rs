//! The public way into hosted inboxes, on the portal's listener: takes a POST to an address that was given out; never tells what an inbox holds.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;

use super::admin::state::ConfigControl;
use super::body::{self, BodyError};
use super::peer::{self, Peer};
use super::sources::{Rate, Sources};
use crate::base::ceilings::simulator::{
    INBOX_BODY_BYTES, INBOX_BURST, INBOX_PER_SECOND, INBOX_REQUESTS, INBOX_SOURCES,
};
use crate::base::clock::Clock;
use crate::base::problem::RETRY_SECONDS;
use crate::webhooks::simulator::catch::Catcher;
use crate::webhooks::simulator::inbox::{PATH, Token};

/// What requests to inboxes share.
struct Door {
    catcher: Catcher,
    control: Arc<dyn ConfigControl>,
    clock: Clock,
    sources: Sources,
    places: Semaphore,
}

/// A router with the inboxes and nothing else.
pub fn router(catcher: Catcher, control: Arc<dyn ConfigControl>, clock: Clock) -> Router {
    let door = Arc::new(Door {
        catcher,
        control,
        clock,
        sources: Sources::new(Rate {
            per_second: INBOX_PER_SECOND,
            burst: INBOX_BURST,
            sources: INBOX_SOURCES,
        }),
        places: Semaphore::new(INBOX_REQUESTS),
    });
    Router::new()
        .route(&format!("{PATH}{{token}}"), post(receive))
        .with_state(door)
}

async fn receive(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let source = peer::client_address(&door.control.current(), peer.0.ip(), &headers);
    match take(&door, source, &token, &headers, body).await {
        Ok(status) | Err(status @ (StatusCode::NOT_FOUND | StatusCode::PAYLOAD_TOO_LARGE)) => {
            status.into_response()
        }
        Err(status) => {
            let retry = HeaderValue::from(RETRY_SECONDS);
            (status, [(header::RETRY_AFTER, retry)]).into_response()
        }
    }
}

async fn take(
    door: &Door,
    source: IpAddr,
    token: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<StatusCode, StatusCode> {
    // What cannot be an address of ours costs no look into the store; nor does who asks too often.
    let token = Token::parse(token).ok_or(StatusCode::NOT_FOUND)?;
    if !door.sources.take(source, door.clock.now()) {
        return Err(StatusCode::TOO_MANY_REQUESTS);
    }
    let _place = door
        .places
        .try_acquire()
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let bytes = body::read(body, INBOX_BODY_BYTES).await;
    let bytes = bytes.map_err(|error| match error {
        BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::BrokenOff => StatusCode::BAD_REQUEST,
        BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
    })?;
    let caught = door
        .catcher
        .take(&token, headers, &bytes)
        .await
        .map_err(|error| {
            tracing::debug!(%error, "an inbox could not take a request");
            StatusCode::SERVICE_UNAVAILABLE
        })?;
    Ok(StatusCode::from_u16(caught.status()).unwrap_or(StatusCode::NO_CONTENT))
}
