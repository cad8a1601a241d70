//! `GET /admin/v1/event-stream`: an account's events as they are released, one line of JSON each; never a delivery.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use crate::base::ceilings::{LISTEN_BEAT, LISTEN_LIFE, LISTEN_POLL, LISTEN_STALL};
use crate::base::error::Code;
use crate::config::model::Permission;
use crate::web::admin::access::Call;
use crate::web::admin::query::Query;
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::feed::{Line, Reader, Step, Wanted};

/// Type of the answer: JSON texts, each with a line feed after it.
const NDJSON: &str = "application/x-ndjson";
/// Seconds after which a stream that found no place may be asked for again.
const RETRY_SECONDS: u16 = 5;

/// Which events are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The account.
    account_id: String,
    /// Only events with a greater number: that of the last line that was read. 0 begins with the oldest that is kept;
    /// without it the stream begins now.
    after: Option<u64>,
    /// Id of the event that has the number `after`. Where another has it by now, as after a failover, the stream begins
    /// earlier and some events come twice.
    after_id: Option<String>,
    /// Only these types and patterns of them, with commas between.
    #[param(example = "contact.*,deal.won")]
    event_types: Option<String>,
}

/// Streams an account's events: those after a number, then each when it is released. A line comes at least every ten
/// seconds. The stream ends after fifteen minutes, when the gateway stops, when the token is no longer good, and when
/// nobody reads it for half a minute; ask again with the last number to go on.
#[utoipa::path(
    get,
    path = "/admin/v1/event-stream",
    tag = "events",
    params(StreamQuery),
    responses((status = 200, description = "Lines of JSON without end.", body = Line, content_type = "application/x-ndjson")),
)]
pub(super) async fn stream_events(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Query(query): Query<StreamQuery>,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&state.streams)
        .try_acquire_owned()
        .map_err(|_| {
            ApiError::new(Code::Overloaded).header(header::RETRY_AFTER, RETRY_SECONDS.into())
        })?;
    let types = query.event_types.as_deref().unwrap_or_default();
    let wanted = Wanted {
        account_id: query.account_id,
        event_types: types.split_terminator(',').map(str::to_owned).collect(),
        after: query.after,
        after_id: query.after_id,
    };
    let reader = state.webhooks.follow(&state.feed, wanted).await?;
    // One line waits at most: what the caller does not take is not read from the store either.
    let (lines, sent) = mpsc::channel(1);
    let stream = EventStream {
        state,
        call,
        reader,
        lines,
        _place: place,
    };
    tokio::spawn(stream.run());
    let body = stream::unfold(sent, async |mut sent| {
        let line = sent.recv().await?;
        Some((Ok::<Bytes, Infallible>(line), sent))
    });
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(body)).into_response())
}

/// One stream, from its first line to its end.
struct EventStream {
    state: Arc<AdminState>,
    call: Call,
    reader: Reader,
    lines: mpsc::Sender<Bytes>,
    /// Its place among the streams of this node.
    _place: OwnedSemaphorePermit,
}

/// The stream is at its end, or nobody takes its lines.
struct Ended;

impl EventStream {
    async fn run(mut self) {
        let end = Instant::now() + LISTEN_LIFE;
        let mut stopping = self.state.stopping.clone();
        // The first line tells where it begins, so that a reader that hears no more can go on from there.
        let begin = self.reader.position();
        if self.send(&begin).await.is_err() {
            return;
        }
        let mut beat = Instant::now() + LISTEN_BEAT;
        while Instant::now() < end && !*stopping.borrow() && self.is_allowed() {
            let step = self.reader.next().await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a stream of events waits for the store");
                Step::default()
            });
            let is_silent = step.lines.is_empty();
            for line in &step.lines {
                if self.send(line).await.is_err() {
                    return;
                }
            }
            if beat <= Instant::now() || (is_silent && step.moved) {
                beat = Instant::now() + LISTEN_BEAT;
                let position = self.reader.position();
                if self.send(&position).await.is_err() {
                    return;
                }
            }
            let pause = if step.more {
                Duration::ZERO
            } else {
                LISTEN_POLL
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.lines.closed() => return,
                // An error means that nobody is left to give the signal.
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn send(&self, line: &Line) -> Result<(), Ended> {
        let mut text = serde_json::to_vec(line).map_err(|error| {
            tracing::error!(%error, "a line of a stream cannot be written as JSON");
            Ended
        })?;
        text.push(b'\n');
        let sent = tokio::time::timeout(LISTEN_STALL, self.lines.send(text.into())).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended),
        }
    }

    /// Whether the token it was opened with is still one that may read events.
    fn is_allowed(&self) -> bool {
        let now = self.state.control.current();
        self.call.is_still_good(&now, Permission::Events)
    }
}
